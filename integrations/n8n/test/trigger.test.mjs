// The trigger node against a running Gancho.

import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { ADMIN, Server, until } from '../../../tests/browser/stage.mjs';
import { N8n } from './n8n.mjs';

let server, n8n;
beforeEach(async () => {
  server = await Server.start();
  n8n = await N8n.start(server, ADMIN, { events: ['invoice.*'], options: {} });
});
afterEach(async () => {
  const { errors } = n8n;
  // Whoever was just being answered finds the connection gone, which is no error of the node's.
  n8n.errors = [];
  n8n.stop();
  await server.stop();
  assert.deepEqual(errors, []);
});

const send = (event, n) => server.call('POST', '/events', { event, data: { object: { codigo: `FAC${n}` } } });
const webhooks = async () => (await server.call('GET', '/endpoints')).data;
const codes = () => n8n.runs.map((event) => event.data.object.codigo);

test('it subscribes once over twenty restarts, runs once per event, and unsubscribes', async () => {
  await n8n.on();
  for (let n = 0; n < 20; n += 1) {
    await n8n.restart();
    await send('invoice.paid', n);
    await send('customer.created', n);
    await until(`event ${n}`, () => n8n.runs.length === n + 1);
  }
  const [webhook, ...others] = await webhooks();
  assert.equal(others.length, 0);
  assert.deepEqual([webhook.name, webhook.url, webhook.events], ['n8n: Facturas', n8n.url, ['invoice.*']]);
  assert.deepEqual(codes(), [...Array(20).keys()].map((n) => `FAC${n}`));
  await n8n.off();
  assert.deepEqual(await webhooks(), []);
  await n8n.off();
});

test('one is found again whose making was not remembered, and is made as the node asks', async () => {
  await n8n.on();
  n8n.kept = '{}';
  n8n.parameters.events = ['customer.*'];
  await n8n.on();
  const [webhook, ...others] = await webhooks();
  assert.deepEqual([others.length, webhook.events], [0, ['customer.*']]);
  await send('customer.created', 1);
  await until('the event', () => n8n.runs.length === 1);
  // A person takes it away in Gancho: there is one again.
  await server.call('DELETE', `/endpoints/${webhook.id}`);
  await n8n.on();
  assert.equal((await webhooks()).length, 1);
});

test('a repeat runs nothing, also after a restart', async () => {
  await n8n.on();
  await send('invoice.paid', 1);
  await until('the event', () => n8n.runs.length === 1);
  const page = await server.until('/deliveries', (found) => found.data[0]?.state === 'delivered');
  for (const times of [2, 3]) {
    await server.call('POST', `/deliveries/${page.data[0].id}/retry`);
    await until('the repeat', () => n8n.answers.length === times);
    assert.ok(n8n.answers.at(-1).webhookResponse.repeat);
    assert.equal(n8n.runs.length, 1);
    await n8n.restart();
  }
});

test('requests that Gancho did not sign are refused', async () => {
  await n8n.on();
  const body = JSON.stringify({ event: 'invoice.paid', id: 'evt_x', data: {} });
  assert.equal((await fetch(n8n.url, { method: 'POST', body })).status, 401);
  const headers = { 'webhook-id': 'evt_x', 'webhook-timestamp': String(Math.round(Date.now() / 1000)), 'webhook-signature': 'v1,AAAA' };
  assert.equal((await fetch(n8n.url, { method: 'POST', body, headers })).status, 401);
  assert.equal(n8n.runs.length, 0);
});

test('a secret that was changed in Gancho is asked for again', async () => {
  await n8n.on();
  const [{ id }] = await webhooks();
  await server.call('POST', `/endpoints/${id}/rotate-secret`, {});
  await server.call('POST', `/endpoints/${id}/rotate-secret`, { finish: true });
  await send('invoice.paid', 1);
  await until('the event', () => n8n.runs.length === 1);
});

test('a request that is faster than what n8n writes down is verified all the same', async () => {
  const before = n8n.kept;
  await n8n.on();
  n8n.kept = before;
  await send('invoice.paid', 1);
  await until('the event', () => n8n.runs.length === 1);
});

test('what happened while n8n was off is sent when it is on, unless it is not wanted', async () => {
  await send('invoice.paid', 0);
  await n8n.on();
  await n8n.off();
  await send('invoice.paid', 1);
  await send('customer.created', 1);
  await n8n.on();
  await until('what it missed', () => n8n.runs.length === 1);
  n8n.parameters.options = { missed: false };
  await n8n.off();
  await send('invoice.paid', 2);
  await n8n.on();
  await send('invoice.paid', 3);
  await until('what is new', () => n8n.runs.length === 2);
  assert.deepEqual(codes(), ['FAC1', 'FAC3']);
});

test('what was waiting when it was switched off comes when it is on again', async () => {
  await n8n.on();
  n8n.status = 503;
  await send('invoice.paid', 1);
  await server.until('/deliveries', (found) => found.data[0]?.attempts === 1);
  await n8n.off();
  n8n.status = 0;
  await n8n.on();
  await until('what was waiting', () => n8n.runs.length === 1);
});

test('listening for a test event brings the latest real one', async () => {
  await send('invoice.paid', 1);
  n8n.mode = 'manual';
  await n8n.on();
  await until('a sample', () => n8n.runs.length === 1);
  assert.deepEqual([n8n.runs[0].event, codes(), n8n.runs[0].test], ['invoice.paid', ['FAC1'], true]);
});

test('the catalogue is offered, and what Gancho refuses is said', async () => {
  const types = await n8n.options();
  assert.ok(types.some(({ name, value }) => value === 'invoice.paid' && name.includes('(invoice.paid)')));
  assert.ok(types.some(({ value }) => value === 'invoice.*') && types[0].value === '*');
  n8n.parameters.options = { condition: 'data.object.total >' };
  await assert.rejects(n8n.on(), /Gancho refused POST \/endpoints: .*condition/);
  n8n.token = 'wrong';
  await assert.rejects(n8n.on(), /Gancho refused GET/);
  assert.deepEqual(await webhooks(), []);
});
