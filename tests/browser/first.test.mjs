// The first ten minutes of somebody who never saw it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, Receiver, Server, close, open, setUp, signIn, until } from './stage.mjs';

let server, receiver;
before(async () => { [server, receiver] = [await Server.start(), await Receiver.start()]; });
after(async () => { await close(); receiver.stop(); await server.stop(); });

test('from the one-time link to the first delivery and the first change heard', async () => {
  const page = await open();
  await setUp(page, server);
  assert.match(await page.textContent('h1'), /Resumen/);
  assert.equal(await page.locator('.steps li').count(), 4);

  // The link works once.
  const other = await open();
  const used = await other.goto(server.link);
  assert.equal(used.status(), 403);
  assert.match(await other.textContent('main'), /ya se usó/);

  // A webhook: the URL is looked at as it is typed.
  await page.waitForSelector('text=Nada todavía: hacen falta un ERP conectado');
  await page.click('text=Añada un webhook');
  await page.fill('[name=url]', receiver.url);
  await page.waitForSelector('#look-url .finding.good >> text=Se llega');
  await page.fill('[name=name]', 'Tienda');
  await page.click('text=Añadir el webhook');
  await page.waitForSelector('text=El webhook está creado');
  const secret = await page.textContent('#secret-text');
  assert.match(secret, /^whsec_/);

  // A test, and what came back.
  await page.click('button:has-text("Enviar")');
  await page.waitForSelector('text=La prueba se ha enviado');
  assert.match(await page.textContent('main'), /entregada/);
  assert.equal(receiver.received.length, 1);
  assert.equal(JSON.parse(receiver.received[0].body).test, true);

  // Its signature, checked on the page.
  for (const header of ['webhook-signature', 'x-webhook-signature']) {
    await page.fill('[name=signature]', receiver.received[0].headers[header]);
    await page.click('button:has-text("Comprobar")');
    await page.waitForSelector('text=Correcta');
    await page.fill('[name=signature]', receiver.received[0].headers[header].slice(0, -2) + 'xx');
    await page.click('button:has-text("Comprobar")');
    await page.waitForSelector('text=Incorrecta');
  }

  // The webhook and its first delivery are done: a test counts, since it is what the page asks for.
  await page.goto(server.base);
  assert.equal(await page.locator('.steps li.done').count(), 2);

  // The ERP.
  await page.goto(`${server.base}/sources/new`);
  await page.click('text=Usted instala un plugin');
  await page.fill('[name=name]', 'Mi empresa');
  await page.click('button:has-text("Conectar")');
  const token = await page.textContent('#token');
  assert.match(token, /^gancho_/);
  const [download] = await Promise.all([page.waitForEvent('download'), page.click('text=Descargar el plugin')]);
  assert.equal(download.suggestedFilename(), 'Gancho.zip');
  await page.click('text=Ir a la conexión');
  assert.match(await page.textContent('.checks'), /último cambio aún no se ha recibido ningún cambio/);
  const change = { model: 'FacturaCliente', operation: 'insert', key: 7, after: { idfactura: 7, codigo: 'F2026A7', total: 121, lines: [] } };
  await server.call('POST', '/changes', { changes: [change] }, token);
  // It shows by itself, without touching the page.
  await page.waitForSelector('.badge.good >> text=conectado');
  await until('the invoice arrives', () => receiver.received.some((one) => one.body.includes('F2026A7')));
  await page.goto(server.base);
  await page.waitForSelector('text=Nada: todos los webhooks y conexiones activos funcionan');
  assert.equal(await page.locator('.steps').count(), 0, 'nothing is left to do first');

  // What is paused is not forgotten.
  const [webhook] = (await server.call('GET', '/endpoints')).data;
  await server.call('PATCH', `/endpoints/${webhook.id}`, { paused: true });
  await page.reload();
  assert.match(await page.textContent('section[aria-labelledby=cares]'), /Tienda.*En pausa/s);
  await server.call('PATCH', `/endpoints/${webhook.id}`, { paused: false });
  assert.deepEqual(page.trouble, []);
});

test('what is wrong in a form is said beside its field, and what was typed stays', async () => {
  const page = await open();
  await signIn(page, server, 'ana');
  await page.goto(`${server.base}/webhooks/new`);
  await page.uncheck('[name=events][value="invoice.*"]');
  await page.fill('[name=name]', 'Sin dirección');
  await page.click('summary:has-text("Más ajustes")');
  await page.fill('[name=headers]', 'X-Webhook-Signature: mine');
  await page.fill('[name=retry]', '5, soon');
  await page.evaluate(() => document.querySelector('form.stack').setAttribute('novalidate', ''));
  await page.fill('[name=url]', 'ftp://example.com');
  await page.click('text=Añadir el webhook');
  await page.waitForSelector('[role=alert]');
  assert.match(await page.textContent('#f-url-error'), /debe empezar por http/);
  assert.match(await page.textContent('fieldset .error'), /debe tener de 1/);
  assert.match(await page.textContent('#f-headers-error'), /X-Webhook-Signature: la pone Gancho/);
  assert.match(await page.textContent('#f-retry-error'), /número entero/);
  assert.equal(await page.inputValue('[name=name]'), 'Sin dirección');
  assert.equal(await page.getAttribute('[name=url]', 'aria-invalid'), 'true');
  for (const [where, field, value, error, others = {}] of [
    ['/sources/new?kind=database', 'url', 'mysql://root:topsecret@127.0.0.1:1/fs', /nadie responde en esa dirección/],
    ['/sources/new?kind=database', 'url', 'nonsense', /debe ser mysql/],
    ['/sources/new?kind=api', 'url', 'nonsense', /la dirección del ERP/],
    ['/sources/new?kind=api', 'key', '', /una clave de la API/],
    ['/sources/new?kind=api', 'url', 'http://topsecret@127.0.0.1:1/', /no se llega al ERP/, { key: 'K' }],
  ]) {
    await page.goto(server.base + where);
    await page.fill('[name=name]', 'x');
    for (const [name, value] of Object.entries(others)) await page.fill(`[name=${name}]`, value);
    if (where.endsWith('database')) await page.click('summary:has-text("O la dirección entera")');
    await page.fill(`[name=${field}]`, value);
    await page.click('button:has-text("Conectar")');
    assert.match(await page.textContent(`#f-${field}-error`), error);
    assert.doesNotMatch(await page.textContent(`#f-${field}-error`), /topsecret/);
  }
  await page.goto(`${server.base}/settings?tab=people`);
  await page.fill('[name=name]', 'eva');
  await page.fill('#f-password', 'short');
  await page.fill('#f-again', 'other');
  await page.click('button:has-text("Añadir")');
  assert.match(await page.textContent('#f-password-error'), /de 10 a 512/);
});

test('signing in is limited, and says nothing of who there is', async () => {
  const page = await open();
  const tried = async (name, password) => {
    await signIn(page, server, name, password);
    return page.textContent('[role=alert]');
  };
  assert.equal(await tried('ana', 'wrong password'), await tried('nobody', 'wrong password'));
  for (let n = 0; n < 3; n += 1) await tried('ana', `wrong ${n}`);
  assert.match(await tried('ana', PASSWORD), /demasiados intentos/);
});
