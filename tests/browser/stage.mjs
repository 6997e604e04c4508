// What the tests stand on: the real binary on a port of its own, a receiver that does as it is told,
// a mail server, and a real browser.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

export const ADMIN = 'browser-test-token';
export const PASSWORD = 'correct horse battery';
const BINARY = process.env.GANCHO_BIN ?? path.resolve(import.meta.dirname, '../../target/debug/gancho');
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** The binary, serving. */
export class Server {
  static async start(env = {}) {
    const server = new Server();
    server.dir = mkdtempSync(path.join(tmpdir(), 'gancho-browser-'));
    server.env = env;
    await server.run('127.0.0.1:0');
    return server;
  }

  async run(listen) {
    const env = {
      PATH: process.env.PATH,
      GANCHO_ADMIN_TOKEN: ADMIN,
      GANCHO_ALLOW_HOSTS: '127.0.0.1,localhost',
      GANCHO_LOG_LEVEL: 'error',
      ...this.env,
    };
    const args = ['serve', '--listen', listen, '--data-dir', path.join(this.dir, 'data')];
    this.child = spawn(BINARY, args, { env, cwd: this.dir, stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: this.child.stdout });
    const said = [];
    await new Promise((resolve, reject) => {
      const enough = () => said.length === 2 || (said.length === 1 && this.base);
      lines.on('line', (line) => { said.push(line); if (enough()) resolve(); });
      this.child.on('exit', (code) => reject(new Error(`gancho ended with ${code}`)));
    });
    this.base = said[0].replace('listening on ', '');
    this.link = said[1]?.replace(/^.*: (?=http)/, '');
  }

  /** SIGKILL, at once. */
  async kill() {
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.removeAllListeners('exit');
    this.child.once('exit', () => {});
    this.child.kill('SIGKILL');
    await Promise.race([ended, new Promise((resolve) => this.child.once('close', resolve))]);
  }

  /** Starts again on the same port and data. */
  async again() {
    await this.run(new URL(this.base).host);
  }

  async stop() {
    await this.kill();
    rmSync(this.dir, { recursive: true, force: true });
  }

  async call(method, where, body, token = ADMIN) {
    const answer = await fetch(`${this.base}/api/v1${where}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${where}: ${answer.status} ${text}`);
    return text ? JSON.parse(text) : null;
  }

  /** Asks again until something holds. */
  async until(where, holds) {
    return until(where, async () => {
      const found = await this.call('GET', where);
      return holds(found) ? found : null;
    });
  }
}

/** Asks again until something comes. */
export async function until(what, ask) {
  const end = Date.now() + 30_000;
  for (;;) {
    const found = await ask();
    if (found) return found;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** A receiver of webhooks. */
export class Receiver {
  static async start() {
    const receiver = new Receiver();
    receiver.status = 200;
    receiver.answer = 'ok';
    receiver.received = [];
    receiver.server = http.createServer((request, response) => {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        receiver.received.push({ headers: request.headers, body: Buffer.concat(parts).toString() });
        response.writeHead(receiver.status, { 'content-type': 'text/html' });
        response.end(receiver.answer);
      });
    });
    await new Promise((resolve) => receiver.server.listen(0, '127.0.0.1', resolve));
    receiver.url = `http://127.0.0.1:${receiver.server.address().port}/hook`;
    return receiver;
  }

  stop() {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** A mail server that keeps what it gets (RFC 5321, as far as sending needs it). */
export class Mailbox {
  static async start() {
    const box = new Mailbox();
    box.mails = [];
    box.server = net.createServer((socket) => {
      let buffer = '';
      let data = null;
      let mail = { to: [] };
      const say = (line) => socket.write(`${line}\r\n`);
      say('220 mail.test');
      socket.on('error', () => {});
      socket.on('data', (part) => {
        buffer += part;
        for (let end = buffer.indexOf('\r\n'); end >= 0; end = buffer.indexOf('\r\n')) {
          const line = buffer.slice(0, end);
          buffer = buffer.slice(end + 2);
          if (data !== null) {
            if (line === '.') {
              box.mails.push({ ...mail, text: data.join('\n') });
              [data, mail] = [null, { to: [] }];
              say('250 kept');
            } else data.push(line);
          } else if (/^(EHLO|HELO)/i.test(line)) say('250 mail.test');
          else if (/^MAIL FROM:/i.test(line)) { mail.from = line; say('250 ok'); }
          else if (/^RCPT TO:/i.test(line)) { mail.to.push(line.replace(/^.*<(.*)>.*$/, '$1')); say('250 ok'); }
          else if (/^DATA/i.test(line)) { data = []; say('354 go on'); }
          else if (/^QUIT/i.test(line)) { say('221 bye'); socket.end(); }
          else say('250 ok');
        }
      });
    });
    await new Promise((resolve) => box.server.listen(0, '127.0.0.1', resolve));
    box.url = `smtp://127.0.0.1:${box.server.address().port}?tls=none`;
    return box;
  }

  stop() {
    this.server.close();
  }
}

let browser;

/** A page of a browser that nobody used before. */
export async function open({ language = 'es-ES', width = 1280, height = 900, dark = false } = {}) {
  browser ??= await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
      '--disable-component-update', '--disable-sync'],
  });
  const context = await browser.newContext({
    locale: language,
    timezoneId: 'Europe/Madrid',
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
  });
  const page = await context.newPage();
  // A page that breaks a rule of its own says so in the console.
  page.trouble = [];
  page.on('console', (line) => { if (line.type() === 'error') page.trouble.push(line.text()); });
  page.on('pageerror', (error) => page.trouble.push(String(error)));
  return page;
}

export async function close() {
  await browser?.close();
  browser = undefined;
}

/** Makes the administrator by the one-time link, and is signed in then. */
export async function setUp(page, server) {
  await page.goto(server.link);
  await page.fill('[name=name]', 'ana');
  await page.fill('[name=password]', PASSWORD);
  await page.fill('[name=again]', PASSWORD);
  await page.click('main button');
  await page.waitForURL(`${server.base}/`);
}

export async function signIn(page, server, name, password = PASSWORD) {
  await page.goto(`${server.base}/login`);
  await page.fill('[name=name]', name);
  await page.fill('[name=password]', password);
  await page.click('main button');
}
