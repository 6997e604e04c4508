// As much of n8n as a trigger node sees: its parameters, credentials, what is kept for it, and requests that come in.

import http from 'node:http';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const FOLDER = new URL('../nodes/GanchoTrigger/', import.meta.url).pathname;

/** The node, as a process that has just begun loads it. */
function load() {
  for (const file of Object.keys(require.cache)) if (file.startsWith(FOLDER)) delete require.cache[file];
  const { GanchoTrigger } = require(`${FOLDER}GanchoTrigger.node.js`);
  return new GanchoTrigger();
}

export class N8n {
  static async start(server, token, parameters) {
    const n8n = new N8n();
    Object.assign(n8n, { server, token, parameters, kept: '{}', runs: [], answers: [], errors: [], mode: 'trigger', node: load() });
    n8n.http = http.createServer((request, response) => {
      n8n.#came(request, response).catch((error) => { n8n.errors.push(error); response.destroy(); });
    });
    await new Promise((ready) => n8n.http.listen(0, '127.0.0.1', ready));
    n8n.url = `http://127.0.0.1:${n8n.http.address().port}/webhook/7d0c/webhook`;
    return n8n;
  }

  /** The workflow is switched on, as n8n does it: made only where there is none. */
  async on() {
    const hooks = this.node.webhookMethods.default;
    await this.#call(async (context) => (await hooks.checkExists.call(context)) || hooks.create.call(context));
  }

  /** n8n was killed, and is there again: what it kept is left, and nothing else. */
  async restart() {
    this.node = load();
    await this.on();
  }

  async off() {
    await this.#call((context) => this.node.webhookMethods.default.delete.call(context));
  }

  options() {
    return this.#call((context) => this.node.methods.loadOptions.eventTypes.call(context));
  }

  stop() {
    this.http.closeAllConnections();
    this.http.close();
  }

  /** Calls the node; what is kept goes through text, as through n8n's database. */
  async #call(run, more = {}) {
    const state = JSON.parse(this.kept);
    try {
      return await run(Object.assign(this.#context(state), more));
    } finally {
      this.kept = JSON.stringify(state);
    }
  }

  #context(state) {
    const { server, token, parameters } = this;
    return {
      getCredentials: async () => ({ url: `${server.base}/`, token }),
      getMode: () => this.mode,
      getNode: () => ({ name: 'Gancho Trigger' }),
      getNodeParameter: (name, otherwise) => parameters[name] ?? otherwise,
      getNodeWebhookUrl: () => this.url,
      getWorkflow: () => ({ name: 'Facturas' }),
      getWorkflowStaticData: () => state,
      helpers: { httpRequestWithAuthentication: (_, { method, url, body }) => this.#request(method, url, body) },
    };
  }

  async #request(method, url, body) {
    const headers = { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' };
    const answer = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
    const data = await answer.json().catch(() => undefined);
    if (answer.ok) return data;
    throw Object.assign(new Error(`status ${answer.status}`), { httpCode: String(answer.status), response: { data } });
  }

  async #came(request, response) {
    const pieces = [];
    for await (const piece of request) pieces.push(piece);
    if (this.status) return response.writeHead(this.status).end();
    const answer = { status: (status) => ({ json: (body) => response.writeHead(status).end(JSON.stringify(body)) }) };
    const raw = { rawBody: Buffer.concat(pieces) };
    const more = { getRequestObject: () => raw, getHeaderData: () => request.headers, getResponseObject: () => answer };
    const made = await this.#call((context) => this.node.webhook.call(context), more);
    this.answers.push(made);
    if (made.workflowData) this.runs.push(made.workflowData[0][0].json);
    if (!made.noWebhookResponse) response.writeHead(200).end();
  }
}
