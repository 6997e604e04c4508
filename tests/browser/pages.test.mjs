// Each page, in both languages: no accessibility violation, no trouble, nothing too large, nothing cut off.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { Receiver, Server, close, open, setUp, signIn } from './stage.mjs';
import { furnish } from './furnish.mjs';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const BYTES_MAX = 60 * 1024;

let server, receiver, failing, paths;
before(async () => {
  [server, receiver, failing] = [await Server.start({ GANCHO_LOGIN_TRIES: '1000' }), await Receiver.start(), await Receiver.start()];
  failing.status = 503;
  const page = await open();
  await setUp(page, server);
  const { shop, books, source } = await furnish(server, receiver, failing);
  const delivery = (await server.call('GET', `/deliveries?endpoint=${books.id}&limit=1`)).data[0].id;
  const event = (await server.call('GET', '/events?types=customer.updated&limit=1')).data[0].id;
  const bin = await server.call('POST', '/bins', { respond: { status: 503, every: 3, delay_ms: 1500 } });
  await fetch(bin.url, { method: 'POST', body: '{"id":"evt_1","data":{"object":{"codigo":"F2026A1"}}}' });
  await server.call('POST', '/tokens', { name: 'Contabilidad', scope: 'read' });
  paths = ['/', '/webhooks', '/webhooks/new', `/webhooks/${books.id}`, ...['deliveries', 'test', 'settings', 'history'].map((tab) => `/webhooks/${shop.id}?tab=${tab}`),
    `/webhooks/${shop.id}?tab=settings&secret=show`, `/webhooks/${shop.id}?tab=test&secret=show`, `/webhooks/${shop.id}/remove`, '/deliveries', '/deliveries?state=failed', '/deliveries/resend?state=failed',
    `/deliveries/${delivery}`, '/events', '/events/why', '/events/why?document=F2026A3', '/events/why?document=NOTHING', `/events/${event}`, '/catalogue', '/catalogue/invoice.paid',
    '/sources', '/sources/new', '/sources/new?kind=plugin', '/sources/new?kind=database', '/sources/new?kind=api', `/sources/${source.id}`, `/sources/${source.id}?check=1`, `/sources/${source.id}/remove`,
    ...['me', 'people', 'tokens', 'mail', 'history', 'limits'].map((tab) => `/settings?tab=${tab}`), '/bins', `/bins/${bin.id}`, '/search?q=F2026', '/search?q=zzz', '/docs', ...['operate', 'receive', 'settings', 'comparison'].map((name) => `/docs/${name}`), '/nothing-here'];
});
after(async () => { await close(); receiver.stop(); failing.stop(); await server.stop(); });

// What a thumb can't hit: less than 44 px high or wide, links inside of text aside (WCAG 2.5.5).
async function small(page, path) {
  return page.evaluate((path) => {
    const found = [];
    for (const one of document.querySelectorAll('button, a.button, select, input:not([type=hidden]):not([type=checkbox]), summary, .tabs a, label.check, label.pick')) {
      const box = one.getBoundingClientRect();
      const closed = one.closest('details:not([open])');
      if (box.width === 0 || one.closest('[hidden], .hidden, .json, .raw') || (closed && one.tagName !== 'SUMMARY')) continue;
      if (box.height < 43.5) found.push(`${path}: ${one.outerHTML.slice(0, 90)} is ${Math.round(box.height)} px high`);
      if (box.right > innerWidth + 1 && !one.closest('.tabs')) found.push(`${path}: ${one.outerHTML.slice(0, 90)} is out of the screen`);
    }
    return found.slice(0, 4);
  }, path);
}

async function look(page, path, trouble) {
  await page.goto(server.base + path);
  // A strict policy allows no script inside a page: the checker comes in from outside of it.
  await page.evaluate(AXE);
  const found = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] }));
  for (const one of found.violations) {
    trouble.push(`${path}: ${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).slice(0, 2).join(' | ')}`);
  }
}

for (const [language, locale, dark, width] of [['es', 'es-ES', false, 1280], ['en', 'en-GB', true, 1280], ['es', 'es-ES', true, 380]]) {
  test(`every page, ${language}, ${dark ? 'dark' : 'light'}, ${width} px`, async () => {
    const page = await open({ language: locale, dark, width });
    const trouble = [];
    await look(page, '/login', trouble);
    await signIn(page, server, 'ana');
    await page.goto(`${server.base}/settings`);
    await page.selectOption('#f-language', language);
    await page.click('form[action$="/settings/me"] button.main');
    for (const path of paths) {
      await look(page, path, trouble);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 1) trouble.push(`${path} is ${wide} px wider than the window`);
      assert.equal(await page.getAttribute('html', 'lang'), language);
      if (await page.locator('nav.side').count()) {
        if (await page.locator('nav.side').isVisible() !== width > 860) trouble.push(`${path}: the menu is ${width > 860 ? 'hidden' : 'in the way'}`);
        if (width > 860) {
          const [menu, main] = [await page.locator('nav.side').boundingBox(), await page.locator('main').boundingBox()];
          if (main.x < menu.x + menu.width) trouble.push(`${path}: the menu stands over the page`);
        } else {
          trouble.push(...await small(page, path));
        }
      }
      // A text without words shows its name.
      const raw = (await page.textContent('main')).match(/\b(?:label|column|hint|state|why|done|tab|act|field|source|health)-[a-z-]+\b/);
      if (raw) trouble.push(`${path} shows ${raw[0]}`);
    }
    assert.deepEqual(trouble, []);
    assert.deepEqual(page.trouble.filter((line) => !line.includes('404')), []);
  });
}

test('no page weighs more than 60 KB, all told', async () => {
  const page = await open();
  await signIn(page, server, 'ana');
  const cookie = (await page.context().cookies()).map((one) => `${one.name}=${one.value}`).join('; ');
  const size = async (where) => (await (await fetch(server.base + where, { headers: { cookie } })).arrayBuffer()).byteLength;
  const html = await (await fetch(server.base, { headers: { cookie } })).text();
  const files = [...html.matchAll(/(?:href|src)="([^"]*\/assets\/[^"]*)"/g)].map((match) => match[1]);
  const heavy = [];
  let shared = 0;
  for (const file of new Set(files)) shared += await size(file);
  for (const path of paths.filter((path) => path !== '/docs')) {
    const bytes = shared + await size(path);
    if (bytes > BYTES_MAX) heavy.push(`${path} weighs ${bytes} bytes`);
  }
  assert.deepEqual(heavy, []);
});

test('help: every document, in the language of the page, and all that it leads to', async () => {
  const page = await open();
  await signIn(page, server, 'ana');
  await page.goto(`${server.base}/docs`);
  const documents = await page.locator('.contents a').evaluateAll((links) => links.map((link) => link.href));
  assert.ok(documents.length >= 15);
  const seen = new Map();
  const status = async (url) => {
    if (!seen.has(url)) seen.set(url, (await page.request.get(url)).status());
    return seen.get(url);
  };
  for (const document of documents) {
    await page.goto(document);
    assert.ok(await page.locator('article h1').count() === 1, document);
    const links = await page.locator('article a').evaluateAll((links) => links.map((link) => link.href));
    for (const link of links.filter((link) => link.startsWith(server.base))) {
      assert.equal(await status(link.split('#')[0]), 200, `${document} leads to ${link}`);
      const [where, anchor] = link.split('#');
      if (anchor && where === document) assert.equal(await page.locator(`[id="${decodeURIComponent(anchor)}"]`).count(), 1, link);
    }
  }
  await page.goto(`${server.base}/docs/events`);
  const english = await page.textContent('article h1') === 'Events';
  await page.click('form[action$="/language"] button');
  assert.equal(await page.textContent('article h1'), english ? 'Eventos' : 'Events');
});

test('a delivery on paper: what was sent, and nothing to press', async () => {
  const page = await open();
  await signIn(page, server, 'ana');
  await page.goto(server.base + paths.find((path) => path.startsWith('/deliveries/dlv_')));
  await page.emulateMedia({ media: 'print' });
  for (const part of ['header.bar', 'nav.side', 'form.acts', '#signature']) assert.ok(!(await page.isVisible(part)), part);
  for (const part of ['h1', '.way', '.attempt', '#body']) assert.ok(await page.locator(part).first().isVisible(), part);
});

test('by keyboard alone', async () => {
  const page = await open();
  await signIn(page, server, 'ana');
  await page.goto(`${server.base}/webhooks`);
  await page.keyboard.press('Tab');
  assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
  await page.keyboard.press('Enter');
  assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
  await page.focus('details.menu summary');
  await page.keyboard.press('Enter');
  assert.ok(await page.locator('details.menu[open]').count());
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('details.menu[open]').count(), 0);
  assert.equal(await page.evaluate(() => document.activeElement.tagName), 'SUMMARY');
});

test('another language by a button, for good', async () => {
  const page = await open({ language: 'es-ES' });
  await signIn(page, server, 'ana');
  await page.goto(`${server.base}/settings`);
  await page.selectOption('#f-language', 'es');
  await page.click('form[action$="/settings/me"] button.main');
  await page.goto(`${server.base}/deliveries?state=failed`);
  await page.click('button:has-text("English")');
  await page.waitForSelector('h1:has-text("Deliveries")');
  assert.match(page.url(), /state=failed/, 'on the same page');
  await page.click('button:has-text("Español")');
  await page.waitForSelector('h1:has-text("Entregas")');
});
