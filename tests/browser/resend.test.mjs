// Sending again one document's events, and sending what exists already, from a webhook's page.

import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { Receiver, Server, close, open, setUp, until } from './stage.mjs';

/** The list of an ERP's customers, asked page after page in the order of their keys. */
class Customers {
  static async start(count) {
    const erp = new Customers();
    erp.keys = Array.from({ length: count }, (_, n) => String(n + 1).padStart(4, '0'));
    erp.fails = false;
    erp.server = http.createServer((request, response) => {
      const url = new URL(request.url, 'http://erp');
      const after = url.searchParams.get('filter[codcliente_gt]');
      const rows = erp.keys.filter((key) => !after || key > after).slice(0, Number(url.searchParams.get('limit') ?? 50));
      const answer = {
        '/api/3/': { resources: ['clientes', 'estadodocumentos'] },
        '/api/3/estadodocumentos': [],
        '/api/3/estadodocumentos/schema': {},
        '/api/3/clientes/schema': { codcliente: { type: 'varchar(10)' }, nombre: { type: 'varchar(100)' } },
        '/api/3/clientes': rows.map((codcliente) => ({ codcliente, nombre: `Cliente ${codcliente}` })),
      }[url.pathname];
      const status = erp.fails && after ? 500 : answer ? 200 : 404;
      response.writeHead(status, { 'content-type': 'application/json', 'x-total-count': erp.keys.length });
      response.end(JSON.stringify(answer ?? {}));
    });
    await new Promise((ready) => erp.server.listen(0, '127.0.0.1', ready));
    erp.url = `http://127.0.0.1:${erp.server.address().port}`;
    return erp;
  }
}

let server, receiver, erp, page, webhook;
before(async () => {
  [server, receiver, erp] = [await Server.start(), await Receiver.start(), await Customers.start(120)];
  page = await open();
  await setUp(page, server);
  webhook = await server.call('POST', '/endpoints', { url: receiver.url, events: ['invoice.*'], name: 'Contabilidad' });
});
after(async () => { await close(); receiver.stop(); erp.server.close(); await server.stop(); });

/** A change of an invoice, as the plugin of an ERP sends it. */
async function change(token, operation, key, total) {
  const after = { idfactura: key, codigo: `FAC${key}`, total, pagada: false };
  const before = operation === 'update' ? { ...after, total: 0 } : undefined;
  const changes = [{ model: 'FacturaCliente', operation, key, before, after }];
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const answer = await fetch(`${server.base}/api/v1/changes`, { method: 'POST', headers, body: JSON.stringify({ changes }) });
  assert.equal(answer.status, 202);
}

test('the events about one document are sent again', async () => {
  const { token } = await server.call('POST', '/sources', { kind: 'plugin', name: 'Almacén' });
  for (const [operation, key, total] of [['insert', 1, 10], ['insert', 2, 20], ['update', 1, 30]]) {
    await change(token, operation, key, total);
  }
  await until('they arrive', async () => receiver.received.length === 3);
  await page.goto(`${server.base}/webhooks/${webhook.id}`);
  const card = page.locator('section[aria-labelledby=replay]');
  await card.locator('[name=only]').selectOption('all');
  await card.locator('[name=document]').fill('FAC9');
  await card.locator('text=Contar primero').click();
  await page.waitForSelector('text=no hay ningún evento sobre FAC9');
  await card.locator('[name=type]').selectOption('customer.*');
  await card.locator('[name=document]').fill('');
  await card.locator('text=Contar primero').click();
  await page.waitForSelector('text=No hay nada que coincida');
  await card.locator('[name=type]').selectOption('invoice.*');
  await card.locator('text=Contar de nuevo').click();
  await page.waitForSelector('text=Se reenviarían 3 eventos');
  await card.locator('[name=document]').fill('FAC1');
  await card.locator('button.main').click();
  await page.waitForSelector('text=Se reenviarían 2 eventos');
  await card.locator('button.main').click();
  await page.waitForSelector('text=Reenvío terminado: 2 entregadas y 0 fallidas de 2');
  const sent = receiver.received.slice(3).map(({ body }) => JSON.parse(body).data.object.codigo);
  assert.deepEqual(sent, ['FAC1', 'FAC1']);
});

test('what exists already is sent, stops with the ERP and goes on there', async () => {
  await page.goto(`${server.base}/webhooks/${webhook.id}`);
  await page.waitForSelector('text=Este ERP está conectado por su plugin');
  const source = { kind: 'api', name: 'Tienda', models: ['Cliente'], url: erp.url, key: 'K'.repeat(20) };
  await server.call('POST', '/sources', source);
  const before = receiver.received.length;
  erp.fails = true;
  await page.reload();
  const card = page.locator('section[aria-labelledby=backfill]');
  await card.locator('[name=model]').selectOption('Cliente');
  await card.locator('summary:has-text("Enviar…")').click();
  await card.locator('button.main').click();
  await page.waitForSelector('text=El envío de registros existentes se detuvo');
  erp.fails = false;
  await page.click('button:has-text("Continuar")');
  await page.waitForSelector('text=Los registros existentes se enviaron: 120 entregados y 0 fallidos de 120');
  assert.equal(receiver.received.length - before, 120, 'each once');
  assert.ok(receiver.received.slice(before).every(({ headers }) => headers['x-webhook-event'] === 'customer.snapshot'));
});
