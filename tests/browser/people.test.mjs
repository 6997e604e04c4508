// Who may do what, and what nobody can do to anybody.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { PASSWORD, Receiver, Server, close, open, setUp, signIn, until } from './stage.mjs';
import { furnish } from './furnish.mjs';

let server, receiver, failing, page, made;
before(async () => {
  [server, receiver, failing] = [await Server.start({ GANCHO_LOGIN_TRIES: '1000' }), await Receiver.start(), await Receiver.start()];
  failing.status = 503;
  page = await open();
  await setUp(page, server);
  made = await furnish(server, receiver, failing);
});
after(async () => { await close(); receiver.stop(); failing.stop(); await server.stop(); });

async function addPerson(name, role) {
  await page.goto(`${server.base}/settings?tab=people`);
  await page.fill('[name=name]', name);
  await page.selectOption('#f-role', role);
  await page.fill('#f-password', PASSWORD);
  await page.fill('#f-again', PASSWORD);
  await page.click('button:has-text("Añadir")');
  await page.waitForSelector('text=Ya puede entrar');
}

test('a viewer sees no secrets and changes nothing', async () => {
  await addPerson('vera', 'viewer');
  const viewer = await open();
  await signIn(viewer, server, 'vera');
  const paths = ['/', '/webhooks', `/webhooks/${made.later.id}`, '/deliveries', '/events', '/catalogue', '/sources', '/settings',
    `/webhooks/${made.later.id}?tab=settings&secret=show`, `/webhooks/${made.later.id}?tab=test`, `/sources/${made.source.id}`,
    '/settings?tab=people', '/search?q=aB3dE5fG7hI9jK1l', '/deliveries?endpoint=' + made.shop.id];
  const secret = (await server.call('GET', `/endpoints/${made.later.id}/secret`)).secret;
  for (const path of paths) {
    const answer = await viewer.goto(server.base + path);
    assert.equal(answer.status(), 200, path);
    const html = await viewer.content();
    assert.ok(!html.includes('aB3dE5fG7hI9jK1l') || path.includes('search'), `${path} shows a secret inside a URL`);
    assert.ok(!html.includes(secret), `${path} shows a secret`);
  }
  assert.equal(await viewer.locator('main a[href*="/webhooks/ep_"]').count(), 0, 'searching does not tell what is masked');
  for (const path of ['/webhooks/new', `/webhooks/${made.shop.id}/remove`, '/sources/new', '/deliveries/resend']) {
    assert.equal((await viewer.goto(server.base + path)).status(), 403, path);
  }
  // What a webhook leaves out concerns whoever asks why something did not arrive.
  await server.call('PATCH', `/endpoints/${made.shop.id}`, { condition: 'data.object.total > 10.0', headers: { 'X-Key': 'hidden-key' } });
  await viewer.goto(`${server.base}/webhooks/${made.shop.id}?tab=settings`);
  const rules = await viewer.textContent('main');
  assert.ok(rules.includes('data.object.total > 10.0') && rules.includes('X-Key: ***') && !rules.includes('hidden-key'), rules);
  await server.call('PATCH', `/endpoints/${made.shop.id}`, { condition: null, headers: {} });
  // Not by sending forms either.
  await viewer.goto(`${server.base}/settings`);
  const statuses = await viewer.evaluate(async (paths) => {
    const csrf_token = document.querySelector('[name=csrf_token]').value;
    const send = (path) => fetch(path, { method: 'POST', body: new URLSearchParams({ csrf_token, name: 'x', role: 'admin' }) });
    return Promise.all(paths.map(async (path) => (await send(path)).status));
  }, [`/webhooks/${made.shop.id}/disable`, '/webhooks/new', '/settings/people', '/settings/tokens', `/sources/${made.source.id}/remove`, '/webhooks/look', '/bins']);
  assert.deepEqual(statuses, Array(7).fill(403));
  assert.equal((await server.call('GET', `/endpoints/${made.shop.id}`)).enabled, true);
});

const cookies = async () => (await page.context().cookies()).map((one) => `${one.name}=${one.value}`).join('; ');

test('forms that are not ours are refused, from anywhere', async () => {
  await page.goto(`${server.base}/settings`);
  const token = await page.inputValue('form[action$="/settings/me"] [name=csrf_token]');
  const send = async (body, headers) => fetch(`${server.base}/webhooks/${made.shop.id}/pause`, {
    method: 'POST', redirect: 'manual', headers: { cookie: await cookies(), ...headers }, body: new URLSearchParams(body),
  });
  assert.equal((await send({}, {})).status, 403, 'without a token');
  assert.equal((await send({ csrf_token: 'wrong' }, {})).status, 403, 'with another');
  assert.equal((await send({ csrf_token: token }, { origin: 'https://evil.example' })).status, 403, 'from another site');
  assert.equal((await send({ csrf_token: token }, { 'sec-fetch-site': 'cross-site' })).status, 403, 'as the browser says');
  assert.equal((await server.call('GET', `/endpoints/${made.shop.id}`)).paused, false);
  assert.equal((await send({ csrf_token: token }, { origin: server.base })).status, 303, 'ours');
  await server.call('PATCH', `/endpoints/${made.shop.id}`, { paused: false });
});

test('answers keep browsers careful, and sessions can be ended', async () => {
  const answer = await page.goto(`${server.base}/settings`);
  const headers = answer.headers();
  assert.match(headers['content-security-policy'], /default-src 'none'.*frame-ancestors 'none'/);
  assert.doesNotMatch(headers['content-security-policy'], /unsafe/);
  assert.equal(headers['x-content-type-options'], 'nosniff');
  assert.equal(headers['x-frame-options'], 'DENY');
  assert.equal(headers['referrer-policy'], 'same-origin');
  assert.equal(headers['cross-origin-opener-policy'], 'same-origin');
  assert.equal(headers['cache-control'], 'no-store');
  const session = (await page.context().cookies()).find((one) => one.name === 'gancho_session');
  assert.ok(session.httpOnly && session.sameSite === 'Lax');
  const other = await open();
  await signIn(other, server, 'ana');
  await page.goto(`${server.base}/settings`);
  const row = page.locator('tbody tr', { hasNotText: 'esta' }).first();
  await row.locator('button').click();
  await page.waitForSelector('text=La sesión se ha cerrado');
  await other.goto(`${server.base}/webhooks`);
  assert.match(other.url(), /\/login\?next=%2Fwebhooks/);
  // Leaving.
  await signIn(other, server, 'ana');
  await other.click('text=Salir');
  await other.waitForURL(/login/);
});

test('the last administrator stays, and another password ends sessions', async () => {
  await page.goto(`${server.base}/settings?tab=people`);
  await page.click('tr:has-text("ana") summary');
  await page.click('tr:has-text("ana") button:has-text("Dejar en solo ver")');
  await page.waitForSelector('[role=alert] >> text=último administrador');
  await addPerson('eva', 'admin');
  const eva = await open();
  await signIn(eva, server, 'eva');
  await page.goto(`${server.base}/settings?tab=people`);
  await page.click('tr:has-text("eva") summary');
  await page.click('tr:has-text("eva") button:has-text("Dejar en solo ver")');
  await page.waitForSelector('text=Guardado');
  await eva.goto(`${server.base}/webhooks`);
  assert.match(eva.url(), /login/, 'who may do less signs in anew');
});

test('an administrator gives somebody another password, and removes them in two steps', async () => {
  await page.goto(`${server.base}/settings?tab=people`);
  const eva = page.locator('tr', { hasText: 'eva' });
  const fill = async (first, second) => {
    await eva.locator('summary').first().click();
    await eva.locator('summary:has-text("Cambiar")').click();
    await eva.locator('[name=password]').fill(first);
    await eva.locator('[name=again]').fill(second);
    await eva.locator('button:has-text("Guardar")').click();
  };
  await fill('another battery 7', 'another battery 8');
  await page.waitForSelector('[role=alert]');
  assert.equal(await page.inputValue('#f-password'), '', 'what was typed for one is not there for another');
  await fill('another battery 7', 'another battery 7');
  await page.waitForSelector('text=Guardado');
  assert.match(await eva.textContent(), /solo ver/i, 'the role stays');
  const other = await open();
  await signIn(other, server, 'eva', 'another battery 7');
  await eva.locator('summary').first().click();
  assert.ok(!(await eva.locator('button:has-text("para siempre")').isVisible()), 'one step is not enough');
  await eva.locator('summary:has-text("Eliminar")').click();
  await eva.locator('button:has-text("para siempre")').click();
  await page.waitForFunction(() => !document.querySelector('table').innerText.includes('eva'));
});

test('a filter that makes no sense shows nothing, and sends nothing', async () => {
  await server.call('POST', '/events', { event: 'invoice.created', data: { object: { codigo: 'F1' } } });
  await page.goto(`${server.base}/deliveries`);
  assert.ok(await page.locator('tbody tr').count() > 0);
  for (const query of ['state=arrived', 'type=Invoice', 'answer=9xx', 'hours=soon', 'endpoint=1', 'event=1']) {
    await page.goto(`${server.base}/deliveries?${query}`);
    assert.match(await page.textContent('[role=alert]'), /El filtro «.*» no es válido/, query);
    assert.equal(await page.locator('tbody tr').count(), 0, query);
    await page.goto(`${server.base}/deliveries/resend?${query}`);
    assert.equal(page.url(), `${server.base}/deliveries?${query}`, 'there is nothing to confirm');
  }
  await page.goto(`${server.base}/deliveries?type=payment.*,invoice.created`);
  assert.ok(await page.locator('tbody tr').count() > 0, 'several patterns');
  await page.goto(`${server.base}/events?type=nothing.*`);
  await page.waitForSelector('text=Ningún evento coincide');
});

test('a webhook that hears one connection keeps to it when its settings are saved', async () => {
  await server.call('PATCH', `/endpoints/${made.later.id}`, { sources: [made.source.id] });
  await page.goto(`${server.base}/webhooks/${made.later.id}?tab=settings`);
  await page.click('button.main:has-text("Guardar")');
  await page.waitForSelector('text=Guardado');
  assert.deepEqual((await server.call('GET', `/endpoints/${made.later.id}`)).sources, [made.source.id]);
});

test('an address that names nothing, or is only sent to, leads somewhere', async () => {
  const lost = await page.goto(`${server.base}/deliveries/nothing`);
  assert.equal(lost.status(), 404);
  assert.match(lost.headers()['content-type'], /text\/html/);
  assert.match(lost.headers()['content-security-policy'], /default-src 'none'/);
  for (const path of ['/deliveries/nothing', '/nowhere', `/webhooks/${made.shop.id.slice(0, -3)}zzz`]) {
    assert.equal((await page.goto(server.base + path)).status(), 404, path);
    assert.equal(await page.locator('nav a[href="/webhooks"]').count(), 1, `${path} keeps the navigation`);
    assert.match(await page.textContent('header'), /ana/, path);
  }
  await page.goto(`${server.base}/webhooks/${made.shop.id}/settings`);
  assert.equal(page.url(), `${server.base}/webhooks/${made.shop.id}`);
  assert.equal((await fetch(`${server.base}/login?next=/%09/evil.example`, { headers: { cookie: await cookies() }, redirect: 'manual' })).headers.get('location'), '/');
});

test('whatever an ERP or a receiver says is text', async () => {
  const evil = '<img src=x onerror="document.title=\'owned\'">"\'><script>document.title="owned"</script>';
  receiver.answer = evil;
  await server.call('PATCH', `/endpoints/${made.shop.id}`, { name: evil.slice(0, 90), description: evil });
  const record = Object.fromEntries(['codigo', 'nombrecliente', 'observaciones', 'cifnif', 'fecha', 'coddivisa'].map((column) => [column, evil]));
  const changes = [{ model: 'FacturaCliente', operation: 'update', key: evil.slice(0, 90), before: { ...record, total: 1 }, after: { ...record, idfactura: 1, total: 2, [evil]: evil } }];
  await server.call('POST', '/changes', { changes }, made.source.token);
  await server.call('POST', '/events', { event: 'custom.thing', data: { object: { codigo: evil } } });
  const found = await until('it arrives', async () => {
    const all = await server.call('GET', `/deliveries?endpoint=${made.shop.id}&limit=5`);
    return all.data[0].state === 'delivered' && all.data[0].event === 'custom.thing' ? all.data : null;
  });
  const events = (await server.call('GET', '/events?after=latest')).next;
  const all = await server.call('GET', `/events?after=${events - 2}`);
  const paths = ['/', '/webhooks', `/webhooks/${made.shop.id}`, `/webhooks/${made.shop.id}?tab=settings`, `/webhooks/${made.shop.id}?tab=history`, '/deliveries', `/deliveries/${found[0].id}`,
    `/deliveries/${found[1].id}`, '/events', ...all.data.map((event) => `/events/${event.id}`), `/search?q=${encodeURIComponent(evil)}`,
    `/events/why?document=${encodeURIComponent(evil)}`, `/deliveries?q=${encodeURIComponent(evil)}&document=${encodeURIComponent(evil)}`,
    '/catalogue/invoice.updated', '/settings?tab=history', `/login?next=${encodeURIComponent(evil)}`];
  for (const path of paths) {
    await page.goto(server.base + path);
    assert.notEqual(await page.title(), 'owned', path);
    assert.equal(await page.locator('img').count(), 0, `${path} holds an element that somebody sent`);
  }
  assert.deepEqual(page.trouble.filter((line) => !line.includes('status of 4')), []);
  receiver.answer = 'ok';
});

test('who changed what is kept, without secrets', async () => {
  await server.call('PATCH', `/endpoints/${made.later.id}`, { headers: { Authorization: 'Bearer topsecret' }, name: 'Otros avisos' });
  await page.goto(`${server.base}/webhooks/${made.later.id}?tab=history`);
  const text = await page.textContent('main');
  assert.match(text, /API.*cambió el webhook/s);
  assert.match(text, /nombre: Avisos → Otros avisos/);
  assert.doesNotMatch(text, /topsecret|aB3dE5fG7hI9jK1l/);
  // What is older stands on further pages.
  for (let n = 0; n < 60; n++) await server.call('PATCH', `/endpoints/${made.later.id}`, { paused: n % 2 === 0 });
  await page.reload();
  assert.doesNotMatch(await page.textContent('main'), /nombre: Avisos/);
  assert.match(await page.textContent('main'), /en pausa: no → sí/);
  await page.click('text=Anteriores');
  assert.match(await page.textContent('main'), /nombre: Avisos → Otros avisos/);
  assert.equal(await page.locator('text=Anteriores').count(), 0);
  await page.click('text=Las más recientes');
  assert.equal(await page.locator('tbody tr').count(), 50);
});

test('a webhook that fails says what came back, what to do, and whether it works again', async () => {
  const path = `${server.base}/webhooks/${made.books.id}`;
  const evidence = page.locator('section[aria-labelledby=evidence]');
  const retry = evidence.locator('button:has-text("Reintentar ahora")');
  await server.until(`/deliveries?endpoint=${made.books.id}&state=pending`, (waiting) => waiting.data.length === 0);
  await page.goto(path);
  assert.equal(await retry.count(), 0, 'a button that would do nothing');
  assert.match(await page.textContent('main'), /nada en espera\. Envíe un evento de prueba/);
  failing.answer = '<h1>En mantenimiento</h1>\n\nvuelva <b>mañana</b>';
  await server.call('PATCH', `/endpoints/${made.books.id}`, { retry: { delays_s: [3600, 3600, 3600] } });
  await server.call('POST', '/events', { event: 'invoice.created', data: { object: { codigo: 'F2026A99' } } });
  await retry.click();
  await page.waitForSelector('section[aria-labelledby=evidence] pre:has-text("En mantenimiento")');
  const text = await evidence.textContent();
  assert.match(text, /El receptor respondió 503: no está disponible ahora/);
  assert.match(text, /F2026A99/);
  assert.ok(text.includes('<h1>En mantenimiento</h1>\nvuelva <b>mañana</b>'), text);
  assert.equal(await page.locator('button:has-text("Reintentar ahora")').count(), 1);
  assert.equal(await evidence.locator('a:has-text("Enviar un evento de prueba")').getAttribute('href'), `/webhooks/${made.books.id}?tab=test`);
  await evidence.locator('a[href^="/deliveries/"]').click();
  assert.match(await page.textContent('main'), /En mantenimiento/);
  failing.status = 200;
  await page.goto(path);
  await retry.click();
  await evidence.waitFor({ state: 'detached' });
  assert.match(await page.textContent('main'), /Funciona/);
});

test('a connection is paused and goes on', async () => {
  const path = `/sources/${made.source.id}`;
  await page.goto(server.base + path);
  await page.click('button:has-text("Pausar")');
  await page.waitForSelector('text=La conexión está en pausa');
  assert.match(await page.textContent('main .head'), /en pausa/);
  assert.equal((await server.call('GET', path)).state, 'paused');
  await page.goto(`${server.base}/events/why?document=NADA1`);
  assert.match(await page.textContent('main'), /En pausa, por decisión de una persona: no se recoge nada/);
  await page.goto(server.base + path);
  await page.click('button:has-text("Reanudar")');
  await page.waitForSelector('text=La conexión se ha reanudado');
  assert.equal((await server.call('GET', path)).state, 'ok');
  await page.goto(`${server.base}/settings?tab=history`);
  assert.match(await page.textContent('main'), /puso en pausa la conexión/);
});
