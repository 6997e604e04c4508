// Takes pictures of the main pages: both languages, light and dark, wide and narrow.
// node pictures.mjs [FOLDER]

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { Receiver, Server, close, open, setUp, signIn } from './stage.mjs';
import { furnish } from './furnish.mjs';

const only = process.argv[3]?.split(',');
const folder = path.resolve(process.argv[2] ?? '../../target/pictures');
mkdirSync(folder, { recursive: true });

const [server, receiver, failing] = [await Server.start(), await Receiver.start(), await Receiver.start()];
failing.status = 503;
failing.answer = '<h1>En mantenimiento</h1>';
const first = await open();
await setUp(first, server);
const { shop, books, source } = await furnish(server, receiver, failing);
const failed = (await server.call('GET', `/deliveries?endpoint=${books.id}&limit=1`)).data[0].id;
const paid = (await server.call('GET', '/events?types=invoice.paid&limit=1')).data[0].id;
const pages = {
  overview: '/', webhooks: '/webhooks', 'webhook-new': '/webhooks/new', webhook: `/webhooks/${books.id}`,
  'webhook-test': `/webhooks/${shop.id}?tab=test`, 'webhook-settings': `/webhooks/${shop.id}?tab=settings`,
  'webhook-history': `/webhooks/${shop.id}?tab=history`, deliveries: '/deliveries', delivery: `/deliveries/${failed}`,
  events: '/events', event: `/events/${paid}`, why: '/events/why?document=F2026A3', catalogue: '/catalogue',
  'catalogue-event': '/catalogue/invoice.paid', sources: '/sources', 'source-new': '/sources/new',
  'source-database': '/sources/new?kind=database', 'source-api': '/sources/new?kind=api', source: `/sources/${source.id}`, settings: '/settings',
  people: '/settings?tab=people', tokens: '/settings?tab=tokens', mail: '/settings?tab=mail', limits: '/settings?tab=limits', search: '/search?q=F2026', docs: '/docs', guide: '/docs/operate', compared: '/docs/comparison',
};

for (const [language, locale] of [['es', 'es-ES'], ['en', 'en-GB']]) {
  for (const dark of [false, true]) {
    for (const width of [1280, 380]) {
      const page = await open({ language: locale, width, dark, height: width > 500 ? 860 : 780 });
      await signIn(page, server, 'ana');
      await page.goto(`${server.base}/settings`);
      await page.selectOption('#f-language', language);
      await page.click('form[action$="/settings/me"] button.main');
      for (const [name, where] of Object.entries(pages).filter(([name]) => !only || only.includes(name))) {
        await page.goto(server.base + where);
        if (await page.$('[data-live], [data-live-list]')) await page.waitForSelector('#live.on', { timeout: 5000 });
        const file = `${name}-${language}-${dark ? 'dark' : 'light'}-${width > 500 ? 'wide' : 'narrow'}.png`;
        await page.screenshot({ path: path.join(folder, file), fullPage: name !== 'docs' });
      }
      await page.context().close();
    }
  }
}
await close();
receiver.stop();
failing.stop();
await server.stop();
console.log(`pictures in ${folder}`);
