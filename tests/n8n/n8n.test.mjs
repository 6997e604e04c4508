// The trigger node in a real n8n: one registration and one run per event, through restarts and kills.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { ADMIN, Server, until } from '../browser/stage.mjs';
import { N8n } from './stage.mjs';

const RESTARTS = Number(process.env.GANCHO_TEST_RESTARTS ?? 20);

let server, n8n, workflow;
before(async () => {
  server = await Server.start();
  n8n = await N8n.start();
  workflow = await n8n.workflow(server.base, ADMIN);
});
after(async () => { await n8n?.stop(); await server?.stop(); });

const send = (event) => server.call('POST', '/events', { event, data: { object: { codigo: 'FAC1' } } });
const webhooks = async () => (await server.call('GET', '/endpoints')).data;
const settled = () => server.until('/deliveries?state=pending', (page) => page.data.length === 0);
const runs = (count, mode = 'webhook') => until(`${count} runs`, async () => (await n8n.runs(workflow, mode)).length >= count);

test('listening for a test event brings the latest real one, and leaves nothing', async () => {
  await send('invoice.paid');
  await n8n.listen(workflow);
  await runs(1, 'manual');
  await until('it is unsubscribed', async () => (await webhooks()).length === 0);
});

test(`one registration and one run per event over ${RESTARTS} restarts`, async () => {
  await n8n.activate(workflow);
  const [first] = await webhooks();
  assert.deepEqual([first.name, first.events], ['n8n: Facturas', ['invoice.*']]);
  let sent = 0;
  for (let n = 0; n < RESTARTS; n += 1) {
    await send('invoice.created');
    await send('customer.created');
    await settled();
    // A run that is killed is n8n's to repeat: it has said that it took the event.
    await runs(sent + 1);
    await n8n.again(n % 2 ? 'SIGKILL' : 'SIGTERM', () => send('invoice.paid'));
    await server.call('POST', `/endpoints/${first.id}/retry`);
    sent += 2;
    await runs(sent);
    await settled();
    // A repeat, of which only what n8n keeps over a restart can know.
    const [last] = (await server.call('GET', `/deliveries?endpoint=${first.id}&limit=1`)).data;
    await server.call('POST', `/deliveries/${last.id}/retry`);
    const attempts = last.attempts + 1;
    await server.until(`/deliveries/${last.id}`, (one) => one.attempts.length === attempts && one.state === 'delivered');
  }
  assert.deepEqual((await webhooks()).map(({ id }) => id), [first.id]);
  assert.equal((await n8n.runs(workflow, 'webhook')).length, sent);
});

test('what was not signed by Gancho runs nothing', async () => {
  const [{ url }] = await webhooks();
  const answer = await fetch(url, { method: 'POST', body: '{"event":"invoice.paid","id":"evt_x","data":{}}', headers: { 'content-type': 'application/json' } });
  assert.equal(answer.status, 401);
  assert.equal((await n8n.runs(workflow, 'webhook')).length, 2 * RESTARTS);
});

test('switched off it is unsubscribed, and on again it hears what it missed', async () => {
  await n8n.deactivate(workflow);
  assert.deepEqual(await webhooks(), []);
  await send('invoice.deleted');
  await n8n.activate(workflow);
  await runs(2 * RESTARTS + 1);
  await settled();
  assert.equal((await n8n.runs(workflow, 'webhook')).length, 2 * RESTARTS + 1);
});
