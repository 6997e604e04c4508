// What is live: counts and states in place, new rows announced, a server that dies and comes back.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Receiver, Server, close, open, setUp, until } from './stage.mjs';

let server, receiver, page, endpoint;
before(async () => {
  [server, receiver] = [await Server.start(), await Receiver.start()];
  page = await open();
  await setUp(page, server);
  endpoint = await server.call('POST', '/endpoints', { url: receiver.url, events: ['*'], retry: { delays_s: [3600] } });
});
after(async () => { await close(); receiver.stop(); await server.stop(); });

const send = (n) => server.call('POST', '/events', { event: 'invoice.created', data: { object: { codigo: `LIVE${n}` } } });

test('the first delivery is announced on a page that was empty', async () => {
  await page.goto(`${server.base}/deliveries`);
  await page.waitForSelector('#live.on');
  await page.waitForSelector('text=Aún no hay entregas');
  await send(0);
  await page.waitForSelector('#new-rows:not([hidden])');
});

test('attempts appear on a delivery\'s page, and what was opened stays open', async () => {
  const [delivery] = (await server.until('/deliveries', (found) => found.data[0]?.state === 'delivered')).data;
  await page.goto(`${server.base}/deliveries/${delivery.id}`);
  await page.waitForSelector('#live.on');
  assert.equal(await page.locator('.attempt').count(), 1);
  await server.call('POST', `/deliveries/${delivery.id}/retry`);
  await page.waitForFunction(() => document.querySelectorAll('.attempt').length === 2);
  await page.click('.attempt >> nth=0 >> summary');
  const beat = page.waitForResponse((response) => response.request().headers()['x-gancho-beat'] === '1');
  await server.call('POST', '/events', { event: 'custom.thing', data: { object: {} } });
  await (await beat).finished();
  assert.equal(await page.locator('.attempt[open]').count(), 2);
});

test('rows change in place, and new ones wait to be shown', async () => {
  receiver.status = 500;
  await send(1);
  await server.until('/deliveries', (found) => found.data[0]?.last?.status_code === 500);
  await page.goto(`${server.base}/deliveries`);
  await page.waitForSelector('#live.on');
  const row = page.locator('tbody tr').first();
  assert.match(await row.textContent(), /en espera/);
  const top = await row.evaluate((one) => one.getBoundingClientRect().top);
  receiver.status = 200;
  const [delivery] = (await server.call('GET', '/deliveries')).data;
  await server.call('POST', `/deliveries/${delivery.id}/retry`);
  await page.waitForSelector('tbody tr >> nth=0 >> text=entregada');
  await send(2);
  await page.waitForSelector('#new-rows:not([hidden]) >> text=Hay 1 más');
  assert.equal(await page.locator('tbody tr').count(), 3, 'nothing is pushed in');
  const moved = await row.evaluate((one) => one.getBoundingClientRect().top) - top;
  assert.ok(moved < 60, 'the note takes its own place above the list');
  await page.click('#new-rows a');
  await page.waitForSelector('text=LIVE2');
});

test('a server that dies is told, and when it is back the page goes on', async () => {
  await page.goto(`${server.base}/webhooks/${endpoint.id}`);
  await page.waitForSelector('#live.on');
  await server.kill();
  await page.waitForSelector('#live.stale >> text=sin conexión en vivo');
  await server.again();
  await page.waitForSelector('#live.on', { timeout: 20_000 });
  await send(3);
  await page.waitForSelector('[data-live=figures] dd >> text="6"');
});

test('without scripts everything but the beats works', async () => {
  const plain = await page.context().browser().newContext({ javaScriptEnabled: false, locale: 'es-ES' });
  const cookies = await page.context().cookies();
  await plain.addCookies(cookies);
  const other = await plain.newPage();
  await other.goto(`${server.base}/webhooks/${endpoint.id}`);
  await other.click('button:has-text("Pausar")');
  await other.waitForSelector('text=El webhook está en pausa');
  await other.goto(`${server.base}/webhooks`);
  await other.click('summary');
  await other.click('button:has-text("Reanudar")');
  await other.waitForSelector('text=El webhook se ha reanudado');
  await other.goto(`${server.base}/events/why?document=LIVE1`);
  await other.waitForSelector('text=Recibido: 1 evento');
  assert.match(await other.textContent('.verdicts'), /coincide; entregada/);
  await plain.close();
});

test('sending many again: counted first, then done while the page may be left', async () => {
  receiver.status = 400;
  await server.call('PATCH', `/endpoints/${endpoint.id}`, { retry: { delays_s: [] } });
  for (let n = 10; n < 15; n += 1) await send(n);
  await server.until('/deliveries?state=failed', (found) => found.data.length === 5);
  receiver.status = 200;
  await page.goto(`${server.base}/deliveries?state=failed&answer=4xx`);
  await page.click('text=Reenviar todas las que coinciden');
  await page.waitForSelector('text=Se reenviarán 5 entregas');
  await page.click('button:has-text("Reenviarlas")');
  await page.waitForSelector('text=Reenvío terminado: 5 entregadas y 0 fallidas de 5');
  await until('they arrive', async () => (await server.call('GET', '/deliveries?state=failed')).data.length === 0);
  await page.goto(`${server.base}/webhooks/${endpoint.id}`);
  await page.selectOption('[name=only]', 'all');
  await page.click('button:has-text("Contar primero")');
  await page.waitForSelector('text=Se reenviarían 10 eventos');
  const before = receiver.received.length;
  await page.click('section[aria-labelledby=replay] button.main');
  await until('all come again', async () => receiver.received.length === before + 10);
});

test('what can be done with a webhook follows its state, and stays when nothing changed', async () => {
  await page.goto(`${server.base}/webhooks/${endpoint.id}`);
  await page.waitForSelector('#live.on');
  const acts = page.locator('[data-live=acts]');
  const beat = page.waitForResponse((response) => response.request().headers()['x-gancho-beat'] === '1');
  await server.call('POST', '/events', { event: 'custom.thing', data: { object: {} } });
  await (await beat).finished();
  await acts.locator('button:has-text("Pausar")').waitFor();
  await server.call('PATCH', `/endpoints/${endpoint.id}`, { paused: true });
  await server.call('POST', '/events', { event: 'custom.thing', data: { object: {} } });
  await acts.locator('button:has-text("Reanudar")').waitFor();
  await server.call('PATCH', `/endpoints/${endpoint.id}`, { paused: false });
  await acts.locator('button:has-text("Pausar")').click();
  await page.waitForSelector('text=está en pausa');
  await server.call('PATCH', `/endpoints/${endpoint.id}`, { paused: false });
  await server.until('/deliveries?state=pending', (found) => found.data.length === 0);
});
