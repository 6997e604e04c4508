'use strict';

const { receive } = require('./receive');
const subscription = require('./subscription');

const properties = [
  {
    displayName: 'Event Names or IDs',
    name: 'events',
    type: 'multiOptions',
    typeOptions: { loadOptionsMethod: 'eventTypes' },
    default: [],
    required: true,
    description:
      'What starts the workflow. Choose from the list, or specify types of your own using an <a href="https://docs.n8n.io/code/expressions/">expression</a>',
  },
  {
    displayName: 'Sample When Testing',
    name: 'sample',
    type: 'options',
    options: [
      { name: 'Latest Event', value: 'latest', description: 'The latest real event, or an example where there is none' },
      { name: 'None', value: 'none', description: 'Wait until something happens' },
    ],
    default: 'latest',
    description: 'What Gancho sends at once when you listen for a test event',
  },
  {
    displayName: 'Options',
    name: 'options',
    type: 'collection',
    placeholder: 'Add option',
    default: {},
    options: [
      {
        displayName: 'Catch Up',
        name: 'missed',
        type: 'boolean',
        default: true,
        description:
          'Whether what happened while the workflow was off is sent when it is on again',
      },
      {
        displayName: 'Condition',
        name: 'condition',
        type: 'string',
        default: '',
        placeholder: 'data.object.total > 1000',
        description: 'Only events for which this holds: a CEL expression, see "rules" in the documentation of Gancho',
      },
      {
        displayName: 'Ignored Origins',
        name: 'ignoreOrigins',
        type: 'string',
        default: '',
        placeholder: 'api:3',
        description: 'Changes that are not sent, comma-separated: your own API key in the ERP, so that n8n does not hear itself',
      },
    ],
  },
];

/** Calls Gancho with the node's credentials; `null` where there is no such thing. */
function caller(context) {
  return async (method, path, body) => {
    const { url } = await context.getCredentials('ganchoApi');
    const request = { method, url: `${url.replace(/\/+$/, '')}/api/v1${path}`, json: true, ...(body && { body }) };
    try {
      return await context.helpers.httpRequestWithAuthentication.call(context, 'ganchoApi', request);
    } catch (error) {
      const status = error.httpCode ?? error.response?.status ?? error.cause?.response?.status;
      if (Number(status) === 404) return null;
      throw explained(error, method, path);
    }
  };
}

/** What Gancho said, instead of a bare status: a problem has a detail and the fields that are wrong. */
function explained(error, method, path) {
  const problem = error.response?.data ?? error.cause?.response?.data ?? {};
  const fields = (problem.errors ?? []).map((one) => `${one.field}: ${one.message}`);
  const said = [problem.detail ?? error.message, ...fields].join('; ');
  return Object.assign(new Error(`Gancho refused ${method} ${path}: ${said}`), { cause: error });
}

/** What the node asks of its webhook. */
function wanted(context) {
  const options = context.getNodeParameter('options', {});
  const origins = (options.ignoreOrigins ?? '').split(',').map((origin) => origin.trim());
  return {
    url: context.getNodeWebhookUrl('default'),
    events: context.getNodeParameter('events'),
    name: `n8n: ${context.getWorkflow().name ?? context.getNode().name}`.slice(0, 100),
    condition: options.condition || null,
    ignore_origins: origins.filter(Boolean),
  };
}

/** The catalogue, with patterns for everything and for everything of a kind before it. */
function choices(types) {
  const kinds = [...new Set(types.map(({ type }) => `${type.split('.')[0]}.*`))];
  return [
    { name: 'Everything (*)', value: '*' },
    ...kinds.map((pattern) => ({ name: `All: ${pattern}`, value: pattern })),
    ...types.map(({ type, title, description }) => ({ name: `${title} (${type})`, value: type, description })),
  ];
}

/** Sends the latest event of the kind, or an example, to somebody who is looking. */
async function sendSample(context, api, state) {
  if (context.getMode() !== 'manual' || context.getNodeParameter('sample', 'latest') !== 'latest') return;
  const [event] = context.getNodeParameter('events');
  const [sample] = await api('GET', `/hooks/samples?event=${encodeURIComponent(event)}`);
  await api('POST', `/endpoints/${state.endpoint}/test`, { event: sample.event, data: sample.data });
}

/**
 * Sees to it that n8n writes down what the node keeps. It does so when it answers, if that changed; but the run that begins
 * before takes the same object, and makes it count as unchanged (seen in 2.30). Of a copy it can't.
 */
function keep(workflow) {
  workflow?.overrideStaticData?.(JSON.parse(JSON.stringify(workflow.staticData)));
}

/** Starts workflows by events of FacturaScripts. */
class GanchoTrigger {
  description = {
    displayName: 'Gancho Trigger',
    name: 'ganchoTrigger',
    icon: 'file:gancho.svg',
    group: ['trigger'],
    version: 1,
    subtitle: '={{$parameter["events"].join(", ")}}',
    description: 'Starts the workflow when something happens in FacturaScripts',
    defaults: { name: 'Gancho Trigger' },
    inputs: [],
    outputs: ['main'],
    credentials: [{ name: 'ganchoApi', required: true }],
    webhooks: [{ name: 'default', httpMethod: 'POST', responseMode: 'onReceived', path: 'webhook' }],
    properties,
  };

  methods = {
    loadOptions: {
      async eventTypes() {
        return choices(await caller(this)('GET', '/event-types'));
      },
    },
  };

  webhookMethods = {
    default: {
      async checkExists() {
        return subscription.find(caller(this), this.getWorkflowStaticData('node'), wanted(this));
      },
      async create() {
        const [api, state] = [caller(this), this.getWorkflowStaticData('node')];
        const missed = this.getMode() !== 'manual' && (this.getNodeParameter('options', {}).missed ?? true);
        await subscription.create(api, state, wanted(this), { missed });
        await sendSample(this, api, state);
        return true;
      },
      async delete() {
        await subscription.remove(caller(this), this.getWorkflowStaticData('node'));
        return true;
      },
    },
  };

  async webhook() {
    const [api, state, request] = [caller(this), this.getWorkflowStaticData('node'), this.getRequestObject()];
    if (!request.rawBody) await request.readRawBody?.();
    const askSecret = () => subscription.relearn(api, state, this.getNodeWebhookUrl('default'));
    const body = request.rawBody ?? Buffer.alloc(0);
    const came = await receive({ headers: this.getHeaderData(), body, state, askSecret });
    if (came.run) {
      keep(this.workflow);
      return { workflowData: [[{ json: came.run }]] };
    }
    if (came.repeat) return { webhookResponse: { repeat: came.repeat } };
    this.getResponseObject().status(401).json({ message: came.refused });
    return { noWebhookResponse: true };
  }
}

module.exports = { GanchoTrigger };
