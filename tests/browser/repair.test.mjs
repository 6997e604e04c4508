// Something fails: it is found, its cause is read, it is mended, and goes on. By mouse, by thumb and by keys.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { promisify } from 'node:util';
import { Mailbox, Receiver, Server, close, open, setUp, signIn, until } from './stage.mjs';

let server, receiver, page, shop, box;
before(async () => {
  [server, receiver, box] = [await Server.start({ GANCHO_LOGIN_TRIES: '1000' }), await Receiver.start(), await Mailbox.start()];
  page = await open();
  await setUp(page, server);
  shop = await server.call('POST', '/endpoints', { url: receiver.url, name: 'Tienda Ñandú', events: ['invoice.*'], retry: { delays_s: [] } });
});
after(async () => { await close(); receiver.stop(); box.stop(); await server.stop(); });
beforeEach(() => { page.trouble.length = 0; });

const object = (n, more) => ({ codigo: `FAC2026A${n}`, nombrecliente: 'Peña García e Hijos', cifnif: 'B12345678', email: 'compras@pena.example', total: 1234.5, coddivisa: 'EUR', fecha: '2026-11-05', ...more });
const send = (n, more) => server.call('POST', '/events', { event: 'invoice.created', data: { object: object(n, more) } });
const state = async () => (await server.call('GET', `/endpoints/${shop.id}`)).health.state;
const stateOf = async (id) => (await server.call('GET', `/deliveries/${id}`)).state;

for (const [name, width] of [['on a wide screen', 1280], ['on a phone', 380]]) {
  test(`a failing webhook is found from the overview, mended and flows, ${name}`, async () => {
    const own = await open({ width, height: 780 });
    await signIn(own, server, 'ana');
    const text = (where) => own.textContent(where);
    await server.call('PATCH', `/endpoints/${shop.id}`, { retry: { delays_s: [3600] } });
    [receiver.status, receiver.answer] = [500, '<h1>Sin conexión con la base de datos 17</h1>'];
    for (let n = 0; n < 12; n += 1) await send(`${width}X${n}`);
    await until('it fails', async () => await state() === 'failing');
    await own.goto(server.base);
    await own.waitForSelector('.issue');
    assert.match(await text('section[aria-labelledby=cares]'), /Tienda Ñandú.*Sin conexión con la base de datos #/s);
    assert.match(await text('.issue'), /500.*intentos, ninguna entrega fallida/s);
    // Within two clicks the answer itself.
    await own.click('section[aria-labelledby=cares] a.row');
    await own.waitForSelector('section[aria-labelledby=evidence]');
    assert.match(await text('section[aria-labelledby=evidence]'), /El receptor falló con 500.*Sin conexión con la base de datos 17/s);
    assert.match(await text('.note[data-live=sentence]'), /en espera/);
    const failed = await text('.figures');
    assert.doesNotMatch(failed, /Intentos fallidos\s*0\b/, 'what fails all is never 0 failed');
    [receiver.status, receiver.answer] = [200, 'ok'];
    await own.click('section[aria-labelledby=evidence] button:has-text("Reintentar ahora")');
    await own.waitForSelector('text=Empieza un intento');
    await server.until(`/deliveries?endpoint=${shop.id}&state=pending`, (waiting) => waiting.data.length === 0);
    assert.equal(await state(), 'ok');
    await own.goto(`${server.base}/webhooks/${shop.id}`);
    assert.match(await text('main'), /Funciona/);
    assert.equal(await own.locator('.issue .badge.bad').count(), 0, 'solved with the first delivery that arrived');
    await own.goto(server.base);
    assert.equal(await own.locator('.issue').count(), 0);
    if (width < 500) {
      assert.equal(await own.locator('nav.side').isVisible(), false);
      await own.click('button.burger');
      await own.click('nav.side a:has-text("Entregas")');
      await own.waitForSelector('.list a.row');
      const row = await own.locator('.list tbody tr').first().boundingBox();
      assert.ok(row.width <= 380 && row.height > 60, 'a card');
    }
    assert.deepEqual(own.trouble, []);
    await own.context().close();
  });
}

test('a delivery that failed for good stays an issue until somebody closes it', async () => {
  await server.call('PATCH', `/endpoints/${shop.id}`, { retry: { delays_s: [] } });
  [receiver.status, receiver.answer] = [422, 'El artículo 9 no existe'];
  await send('LOST1');
  await server.until('/deliveries?state=failed', (found) => found.data.length > 0);
  receiver.status = 200;
  await send('GOOD1');
  await server.until('/deliveries?document=FAC2026AGOOD1&state=delivered', (found) => found.data.length > 0);
  await page.goto(server.base);
  assert.match(await page.textContent('.issue'), /422.*El artículo # no existe.*1 entrega fallida definitivamente/s);
  await page.goto(`${server.base}/webhooks/${shop.id}`);
  await page.click('button:has-text("Darlos por resueltos")');
  await page.waitForSelector('text=Dados por resueltos');
  await page.goto(server.base);
  assert.equal(await page.locator('.issue').count(), 0);
});

test('parts of words are found, without accents, and what was searched is said', async () => {
  await send('77', { nombrecliente: 'Suministros Güell SA' });
  const found = async (asked) => {
    await page.goto(`${server.base}/search?q=${encodeURIComponent(asked)}`);
    return page.textContent('main');
  };
  for (const asked of ['guell', 'GÜEL', '2026A77', 'ministros 77', 'suministros gu']) {
    assert.match(await found(asked), /FAC2026A77/, asked);
  }
  assert.match(await found('2345678'), /FAC2026AGOOD1/, 'a part of the tax number');
  assert.match(await found('compras@pena'), /Tienda Ñandú: entregada/, 'and where it went');
  assert.match(await found('nandu'), /Tienda Ñandú/, 'webhooks too');
  const port = new URL(receiver.url).port;
  assert.match(await found(`${port}/hook`), /Tienda Ñandú/, 'and parts of their addresses');
  assert.match(await found('nadie se llama así'), /No se ha encontrado nada\. Se ha buscado en números de documento, nombres.*desde/s);
  assert.match(await found('zq'), /Con menos de tres letras/);
  await page.goto(`${server.base}/events/why?document=guell`);
  assert.match(await page.textContent('main'), /Recibido: 1 evento.*coincide; entregada/s);
});

test('every row is a link, rows are chosen, and what was counted is what is sent', async () => {
  receiver.status = 500;
  for (const n of ['S1', 'S2', 'S3', 'S4']) await send(n);
  const failed = (await server.until('/deliveries?state=failed&limit=50', (found) => found.data.filter((one) => /^FAC2026AS\d$/.test(one.document)).length === 4)).data;
  receiver.status = 200;
  const id = (n) => failed.find((one) => one.document === `FAC2026A${n}`).id;
  await page.goto(`${server.base}/deliveries?document=FAC2026AS`);
  const row = await page.locator(`#${id('S1')}`).boundingBox();
  await page.mouse.click(row.x + row.width - 12, row.y + 8);
  await page.waitForURL(`${server.base}/deliveries/${id('S1')}`);
  await page.goto(`${server.base}/deliveries?document=FAC2026AS`);
  await page.click('button:has-text("Reenviar las elegidas")');
  await page.waitForSelector('text=No ha elegido ninguna entrega');
  for (const n of ['S2', 'S4']) await page.check(`#${id(n)} [name=ids]`);
  await page.click('button:has-text("Reenviar las elegidas")');
  await page.waitForSelector('text=Se reenviarán 2 entregas');
  await page.click('button:has-text("Reenviarlas")');
  await page.waitForSelector('text=Reenvío terminado: 2 entregadas y 0 fallidas de 2');
  assert.deepEqual(await Promise.all(['S1', 'S2', 'S3', 'S4'].map((n) => stateOf(id(n)))), ['failed', 'delivered', 'failed', 'delivered']);
  // It is still there when the page was left.
  await page.goto(server.base);
  await page.goto(`${server.base}/deliveries/resend?document=FAC2026AS`);
  assert.match(await page.textContent('[data-live=job]'), /2 entregadas/);
  assert.match(await page.textContent('main'), /Se reenviarán 2 entregas/, 'S1 and S3 are left');
  await server.call('PATCH', `/endpoints/${shop.id}`, { paused: true });
  await send('C1');
  await page.goto(`${server.base}/deliveries?document=FAC2026AC1`);
  assert.match(await page.textContent('.list tbody'), /el webhook está en pausa/);
  await page.click('text=Cancelar todas las que esperan y coinciden');
  await page.waitForSelector('text=Se cancelará 1 entrega en espera');
  await page.click('button:has-text("Cancelarlas")');
  await page.waitForSelector('text=Canceladas.');
  assert.match(await page.textContent('.list tbody'), /cancelada/);
  await server.call('PATCH', `/endpoints/${shop.id}`, { paused: false });
});

test('an exact range of time is kept to, to the minute, in the reader\'s zone', async () => {
  const local = (ms) => new Date(Date.now() + ms).toLocaleString('sv-SE', { timeZone: 'Europe/Madrid' }).slice(0, 16).replace(' ', 'T');
  const rows = async (query) => {
    await page.goto(`${server.base}/deliveries?document=FAC2026A77&${query}`);
    return page.locator('.list tbody tr').count();
  };
  assert.equal(await rows(`from=${local(-3_600_000)}&to=${local(60_000)}`), 1);
  assert.equal(await rows(`to=${local(-3_600_000)}`), 0);
  assert.equal(await rows(`from=${local(3_600_000)}`), 0);
  await page.goto(`${server.base}/deliveries?from=yesterday`);
  assert.match(await page.textContent('[role=alert]'), /El filtro «Desde» no es válido/);
});

test('keys walk a list, open, select, search and explain themselves', async () => {
  await page.goto(`${server.base}/deliveries`);
  await page.keyboard.press('j');
  await page.keyboard.press('j');
  await page.keyboard.press('k');
  await page.keyboard.press('j');
  const second = page.locator('.list tbody tr').nth(1);
  assert.match(await second.getAttribute('class'), /\bon\b/);
  await page.keyboard.press('x');
  assert.ok(await second.locator('[name=ids]').isChecked());
  const id = await second.getAttribute('id');
  await page.keyboard.press('Enter');
  await page.waitForURL(`${server.base}/deliveries/${id}`);
  await page.keyboard.press('?');
  assert.match(await page.textContent('dialog[open]'), /recorrer una lista/);
  await page.keyboard.press('Escape');
  await page.keyboard.press('/');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'search');
  await page.keyboard.type('j?');
  assert.equal(await page.inputValue('#search'), 'j?', 'in a field, keys are letters');
});

test('a delivery in the ERP\'s words, and a command that its receiver accepts', async () => {
  const { data: [one] } = await server.call('GET', '/deliveries?document=FAC2026A77');
  const event = (await server.call('GET', `/deliveries/${one.id}`)).event_id;
  await page.goto(`${server.base}/events/${event}`);
  const facts = await page.textContent('dl.facts');
  for (const part of ['Código codigo', 'Cliente nombrecliente', 'Suministros Güell SA', '5 nov 2026', '1234,50']) {
    assert.ok(facts.replace(/\s+/g, ' ').includes(part), `${part} in ${facts}`);
  }
  await page.goto(`${server.base}/deliveries/${one.id}`);
  await page.click('summary:has-text("curl")');
  await page.click('text=Con firma, para que el receptor lo acepte');
  await page.waitForSelector('#as-curl[open]');
  const command = await page.textContent('#curl');
  const { secret } = await server.call('GET', `/endpoints/${shop.id}/secret`);
  const before = receiver.received.length;
  await promisify(execFile)('bash', ['-c', command]);
  await until('it comes', () => receiver.received.length > before);
  const { headers, body } = receiver.received.at(-1);
  const key = secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret);
  const signed = createHmac('sha256', key).update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`).digest('base64');
  assert.ok(headers['webhook-signature'].split(' ').includes(`v1,${signed}`), headers['webhook-signature']);
  assert.equal(headers['webhook-id'], event);
  assert.ok(Math.abs(Date.now() / 1000 - Number(headers['webhook-timestamp'])) < 60, 'signed now');
});

test('the plugin\'s page shows the real address, and when it can\'t work from elsewhere', async () => {
  await page.goto(`${server.base}/sources/new?kind=plugin`);
  await page.fill('[name=name]', 'Por plugin');
  await page.click('button:has-text("Conectar")');
  assert.equal(await page.textContent('#address'), server.base);
  assert.match(await page.textContent('main'), /solo vale si FacturaScripts está en esta misma máquina/);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.click('[data-copy=address]');
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), server.base);
});

test('a database by its parts, with the statements that make its user', async () => {
  await page.goto(`${server.base}/sources/new?kind=database`);
  await page.fill('[name=database]', 'mi_erp');
  await page.fill('[name=user]', 'lector');
  assert.match(await page.textContent('#grants-mysql'), /CREATE USER 'lector'@'%'.*ON `mi_erp`\.\* TO 'lector'@'%'/s);
  await page.fill('[name=user]', "x'; DROP");
  assert.match(await page.textContent('#grants-mysql'), /CREATE USER 'gancho'@'%'/, 'what needs quoting is not put in');
  await page.selectOption('[name=engine]', 'postgres');
  assert.ok(await page.isVisible('#grants-postgres') && !(await page.isVisible('#grants-mysql')));
  await page.fill('[name=name]', 'Base');
  await page.fill('[name=host]', '127.0.0.1');
  await page.fill('[name=port]', '1');
  await page.fill('[name=password]', 'topsecret');
  await page.click('button:has-text("Conectar")');
  await page.waitForSelector('.error');
  assert.match(await page.textContent('.error'), /nadie responde en esa dirección\. ¿Está encendida la máquina/);
  assert.doesNotMatch(await page.content(), /topsecret/);
  assert.equal(await page.inputValue('[name=host]'), '127.0.0.1');
});

test('the event picker shows what a group includes, and finds', async () => {
  await page.goto(`${server.base}/webhooks/new`);
  const leaf = page.locator('input[value="invoice.paid"]');
  assert.ok(await leaf.isChecked() && await leaf.isDisabled(), 'a part of the ticked group');
  await page.uncheck('input[value="invoice.*"]');
  assert.ok(!(await leaf.isChecked()) && await leaf.isEnabled());
  await page.fill('#event-search', 'factura cobr');
  assert.ok(await leaf.isVisible());
  assert.equal(await page.locator('.leaves label:visible').count(), 1);
  await leaf.check();
  await page.fill('#event-search', '');
  await page.check('input[value="*"]');
  assert.ok(await page.locator('input[value="customer.*"]').isDisabled());
  await page.uncheck('input[value="*"]');
  assert.ok(await leaf.isChecked() && !(await page.locator('input[value="customer.created"]').isChecked()), 'as it was');
});

test('the mail server is set and tried in the page, and rests encrypted', async () => {
  const { hostname, port } = new URL(box.url);
  await page.goto(`${server.base}/settings?tab=mail`);
  assert.match(await page.textContent('main'), /No hay servidor de correo/);
  await page.fill('[name=host]', hostname);
  await page.fill('[name=port]', port);
  await page.selectOption('[name=encryption]', 'none');
  await page.fill('[name=from]', 'nadie');
  await page.click('button:has-text("Guardar")');
  assert.match(await page.textContent('#f-from-error'), /debe ser una dirección/);
  await page.fill('[name=from]', 'Gancho <gancho@example.com>');
  await page.click('button:has-text("Guardar")');
  await page.waitForSelector('text=Guardado');
  await page.fill('[name=email]', 'ana@example.com');
  await page.click('button:text-is("Enviar")');
  await page.waitForSelector('text=El servidor de correo lo ha aceptado');
  assert.equal(box.mails.length, 1);
  await server.kill();
  await server.again();
  await page.goto(`${server.base}/settings?tab=mail`);
  assert.equal(await page.inputValue('[name=host]'), hostname, 'kept');
  // A server that does not answer: the form keeps its values, and the overview says that nobody is warned.
  await page.fill('[name=port]', '1');
  await page.click('button:has-text("Guardar")');
  await page.waitForSelector('text=Guardado');
  await page.fill('[name=email]', 'ana@example.com');
  await page.click('button:text-is("Enviar")');
  await page.waitForSelector('text=no se llega al servidor de correo');
  assert.equal(await page.inputValue('[name=host]'), hostname, 'as it was saved');
  await page.goto(server.base);
  assert.match(await page.textContent('section[aria-labelledby=cares]'), /Correo.*Los avisos por correo no se pueden enviar/s);
  await page.goto(`${server.base}/settings?tab=mail`);
  await page.click('summary:has-text("No enviar más correo")');
  await page.click('button:has-text("No enviar más correo")');
  await page.waitForSelector('text=No hay servidor de correo');
});
