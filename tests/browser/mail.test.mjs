// Mail to people, through a real mail server, in the person's language.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Mailbox, Receiver, Server, close, open, setUp, until } from './stage.mjs';

let server, receiver, mailbox, page;
before(async () => {
  mailbox = await Mailbox.start();
  receiver = await Receiver.start();
  server = await Server.start({
    GANCHO_SMTP_URL: mailbox.url, GANCHO_MAIL_FROM: 'Gancho <gancho@example.com>', GANCHO_MAIL_EVERY_S: '1', GANCHO_PUBLIC_URL: 'https://erp.example.com/gancho',
  });
  page = await open();
});
after(async () => { await close(); receiver.stop(); mailbox.stop(); await server.stop(); });

const decoded = (mail) => {
  const words = mail.text.replace(/=\?utf-8\?b\?([^?]*)\?=/gi, (_, text) => Buffer.from(text, 'base64').toString());
  return words.replace(/=\n/g, '').replace(/(=[0-9A-F]{2})+/g, (bytes) => Buffer.from(bytes.replaceAll('=', ''), 'hex').toString());
};

test('a test mail, a lost delivery, and recovery', async () => {
  // Behind a proxy the one-time link names the proxy's address; here we come in directly.
  assert.match(server.link, /^https:\/\/erp\.example\.com\/gancho\/setup\?key=/);
  const link = new URL(server.link);
  server.link = `${server.base}${link.pathname.replace('/gancho', '')}${link.search}`;
  const answer = await fetch(server.link);
  assert.equal(answer.status, 200, 'with the path taken off by the proxy');
  assert.equal((await fetch(`${server.base}/gancho/login`)).status, 200, 'and with the path passed on');
  for (const home of ['/gancho', '/gancho/']) {
    const answer = await fetch(server.base + home, { redirect: 'manual' });
    assert.equal(answer.headers.get('location'), '/gancho/login?next=%2F', home);
  }
  assert.match(answer.headers.get('set-cookie'), /Path=\/gancho\/;.*Secure/);
  assert.match(await answer.text(), /action="\/gancho\/setup"/);

  const endpoint = await server.call('POST', '/endpoints', { url: receiver.url, name: 'Tienda', events: ['*'], retry: { delays_s: [] } });
  // A person with an address: by the command line there is no browser in the way.
  const { spawnSync } = await import('node:child_process');
  const path = await import('node:path');
  const binary = process.env.GANCHO_BIN ?? path.resolve(import.meta.dirname, '../../target/debug/gancho');
  const add = (name, ...more) => spawnSync(binary, ['user', 'add', name, '--role', 'admin', ...more, '--data-dir', path.join(server.dir, 'data')], { input: 'correct horse battery\n' });
  assert.equal(add('ana', '--email', 'ana@example.com', '--language', 'es').status, 0);
  assert.equal(add('tom', '--email', 'tom@example.com', '--language', 'en').status, 0);
  assert.equal(add('eva').status, 0);

  receiver.status = 500;
  await server.call('POST', '/events', { event: 'a.b', data: { object: { n: 1 } } });
  await until('both are told', () => mailbox.mails.length >= 2);
  const to = (name) => decoded(mailbox.mails.find((mail) => mail.to.includes(`${name}@example.com`)));
  assert.match(to('ana'), /Subject: Gancho: ha fallado una entrega a Tienda/);
  assert.match(to('tom'), /Subject: Gancho: a delivery to Tienda failed/);
  assert.match(to('ana'), new RegExp(`https://erp.example.com/gancho/webhooks/${endpoint.id}`));
  assert.match(to('ana'), /From: Gancho <gancho@example.com>|From: "Gancho" <gancho@example.com>/);

  await server.call('POST', '/events', { event: 'a.b', data: { object: { n: 2 } } });
  receiver.status = 200;
  await server.call('POST', '/events', { event: 'a.b', data: { object: { n: 3 } } });
  await until('recovery is told', () => mailbox.mails.some((mail) => decoded(mail).includes('vuelve a funcionar')));
  const texts = mailbox.mails.map(decoded);
  assert.equal(texts.filter((text) => text.includes('ha fallado una entrega')).length, 1, 'once an outage');
  receiver.status = 410;
  await server.call('POST', '/events', { event: 'a.b', data: { object: { n: 4 } } });
  await until('disabling is told', () => mailbox.mails.some((mail) => decoded(mail).includes('410')));
  assert.ok(mailbox.mails.every((mail) => mail.to.length === 1 && !mail.to.includes('eva@example.com')));
});
