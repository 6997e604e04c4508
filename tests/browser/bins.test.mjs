// Bins: made in a click, watched live, used as a webhook; what arrives is text and nothing else.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server, close, open, setUp } from './stage.mjs';

let server, page, url;
before(async () => {
  // No permission to call this machine: a bin of the server itself needs none.
  server = await Server.start({ GANCHO_ALLOW_HOSTS: '' });
  page = await open();
  await setUp(page, server);
});
after(async () => { await close(); await server.stop(); });

test('made in a click, and what arrives appears by itself', async () => {
  await page.goto(`${server.base}/bins`);
  await page.click('text=Nuevo bin');
  await page.waitForSelector('text=Bin creado');
  url = await page.textContent('#bin-url');
  await page.waitForSelector('#live.on');
  const body = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
  await fetch(`${url}/some/path?a=1`, { method: 'PUT', body });
  await page.waitForSelector('#request-1');
  assert.match(await page.textContent('#request-1 summary'), /PUT \/bin\/…\/some\/path\?a=1/);
  assert.ok((await page.textContent('#request-1')).includes(body), 'shown as it came');
  assert.equal(await page.locator('#request-1 img, #request-1 script').count(), 0);
  await fetch(url, { method: 'POST', body: '{"a":{"b":1}}' });
  await page.waitForSelector('#request-2 .json');
  assert.equal(await page.locator('[data-live-push] > details').first().getAttribute('id'), 'request-2', 'newest first');
});

test('it answers as it is told', async () => {
  await page.click('text=Qué responde');
  await page.fill('[name=status]', '99');
  await page.click('form.stack button.main');
  await page.waitForSelector('.field.wrong [name=status]');
  await page.fill('[name=status]', '503');
  await page.selectOption('[name=fault]', '');
  await page.click('form.stack button.main');
  await page.waitForSelector('dl.facts >> text=503');
  assert.equal((await fetch(url, { method: 'POST' })).status, 503);
});

test('it becomes a webhook in a click, whose signature is checked on sight', async () => {
  const bin = page.url();
  await page.click('text=Usar como webhook');
  await page.waitForURL(/\/webhooks\/ep_/);
  await server.call('POST', '/events', { event: 'invoice.created', data: { object: { codigo: 'FAC1' } } });
  await page.goto(bin);
  await page.waitForSelector('#request-4 >> text=firma correcta');
});
