// What is kept about one customer, from the page: counted, downloaded, erased.

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { Receiver, Server, close, open, setUp, until } from './stage.mjs';

let server, receiver, page;
before(async () => {
  [server, receiver] = [await Server.start(), await Receiver.start()];
  page = await open();
  await setUp(page, server);
  await server.call('POST', '/endpoints', { url: `${receiver.url}/hook`, events: ['*'] });
  for (const [codcliente, nombrecliente] of [['7', 'Ana Peña'], ['8', 'Otro']]) {
    const object = { codigo: `F${codcliente}`, codcliente, nombrecliente };
    await server.call('POST', '/events', { event: 'invoice.created', data: { object } });
  }
  await until('both arrived', async () => (await server.call('GET', '/deliveries?state=delivered')).data.length === 2);
});
after(async () => { await close(); receiver.stop(); await server.stop(); });

test('a customer\'s data is counted, downloaded and erased', async () => {
  await page.goto(`${server.base}/settings?tab=personal-data`);
  await page.click('button:has-text("¿Cuánto hay?")');
  await page.waitForSelector('.field .error');
  await page.fill('[name=customer]', '7');
  await page.click('button:has-text("¿Cuánto hay?")');
  await page.waitForSelector('text=Un evento nombra a este cliente.');
  const downloading = page.waitForEvent('download');
  await page.click('button:has-text("Descargarlo")');
  const lines = (await readFile(await (await downloading).path(), 'utf8')).trim().split('\n').map((line) => JSON.parse(line));
  assert.equal(lines.length, 1);
  assert.equal(lines[0].event.data.object.nombrecliente, 'Ana Peña');
  assert.match(lines[0].deliveries[0].url, /hook/);
  await page.click('summary:has-text("Borrarlo")');
  await page.click('button:has-text("Borrarlo para siempre")');
  await page.waitForSelector('text=Se borró un evento.');
  const events = JSON.stringify((await server.call('GET', '/events?after=0')).data);
  assert.ok(!events.includes('Peña') && events.includes('Otro') && events.includes('erased_at'));
  await page.goto(`${server.base}/settings?tab=history`);
  await page.waitForSelector('text=borró lo que se guardaba del cliente');
  await page.waitForSelector('text=descargó lo que se guardaba del cliente');
  const erased = (await server.call('GET', '/events?after=0')).data.find((event) => event.data.erased_at);
  await page.goto(`${server.base}/events/${erased.id}`);
  await page.waitForSelector('text=Los datos de este evento se borraron el');
});
