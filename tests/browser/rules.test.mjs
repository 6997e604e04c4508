// The rules of a webhook: written in its form, tried there on real events, and seen in what is sent.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Receiver, Server, close, open, setUp } from './stage.mjs';

let server, receiver, page;
before(async () => {
  [server, receiver] = [await Server.start(), await Receiver.start()];
  page = await open();
  await setUp(page, server);
  for (const [codigo, total] of [['FAC1', 50], ['FAC2', 1500], ['FAC3', 2000]]) await send(codigo, total);
  await send('FAC4', 3000, { kind: 'api', id: 3, name: 'Tienda' });
});
after(async () => { await close(); receiver.stop(); await server.stop(); });

const send = (codigo, total, origin) => server.call('POST', '/events', { event: 'invoice.created', data: { object: { codigo, total } }, origin });
const tried = (text) => page.waitForSelector(`#look-events >> text=${text}`);

test('a condition, an origin and a template are tried on last week\'s events', async () => {
  await page.goto(`${server.base}/webhooks/new`);
  await page.fill('[name=url]', receiver.url);
  await tried('4 eventos de la última semana');
  await page.click('summary:has-text("Reglas")');
  await page.fill('[name=condition]', 'data.object.total >');
  await page.waitForSelector('#look-events .finding.bad');
  await page.fill('[name=condition]', 'data.object.total > 1000');
  await tried('3 eventos de la última semana');
  await tried('No cumple la condición');
  await page.click('input[name=ignore_origins][value="api:3"]');
  await tried('2 eventos de la última semana');
  await page.fill('[name=template]', '{"text": {{ data.object.codigo | tojson }}}');
  await page.waitForSelector('#look-events pre >> text=FAC3');
  await page.fill('[name=name]', 'Avisos');
  await page.click('text=Añadir el webhook');
  await page.waitForSelector('text=El webhook está creado');
});

test('fields that are not to be sent are shown as they would be', async () => {
  await page.goto(`${server.base}/webhooks/new`);
  await page.fill('[name=url]', receiver.url);
  await page.click('summary:has-text("Reglas")');
  await page.fill('[name=mask]', 'codigo');
  await page.waitForSelector('#look-events pre:has-text("***")');
});

test('what is sent has the shape, and what is not says why', async () => {
  await send('FAC5', 10);
  await send('FAC6', 9000, { kind: 'api', id: 3, name: 'Tienda' });
  await send('FAC7', 9000);
  await server.until('/deliveries?state=delivered', (found) => found.data.length === 1);
  assert.deepEqual(receiver.received.map(({ body }) => JSON.parse(body)), [{ text: 'FAC7' }]);
  await page.goto(`${server.base}/deliveries?state=skipped`);
  const text = await page.textContent('main');
  assert.ok(text.includes('FAC5') && text.includes('FAC6') && !text.includes('FAC7'));
  for (const [document, why] of [['FAC5', 'No cumple la condición'], ['FAC6', 'un origen que el webhook ignora']]) {
    await page.goto(`${server.base}/events/why?document=${document}`);
    await page.waitForSelector(`main >> text=${why}`);
  }
});

test('a rule that can\'t be read is refused at its field, which stays open', async () => {
  const [{ id }] = (await server.call('GET', '/endpoints')).data;
  await page.goto(`${server.base}/webhooks/${id}?tab=settings`);
  await page.fill('[name=condition]', 'total >');
  await page.click('form[data-look] button.main');
  await page.waitForSelector('.field.wrong [name=condition]');
  assert.equal(await page.inputValue('[name=condition]'), 'total >');
  assert.equal((await server.call('GET', `/endpoints/${id}`)).condition, 'data.object.total > 1000');
});
