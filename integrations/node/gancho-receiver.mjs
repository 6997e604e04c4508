/**
 * Receives Gancho's webhooks: verifies that a request is Gancho's, and handles each event once. One file, no dependencies,
 * Node 18 or newer.
 *
 *     const receiver = new Receiver(process.env.WEBHOOK_SECRET);
 *     const ids = new Ids('./ids');
 *     // rawBody is a Buffer with the body as it came, before parsing.
 *     const event = receiver.event(request.headers, rawBody);   // throws Refused: answer 401
 *     const done = await ids.once(event.id, async () => { … }); // 'busy': answer 503
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { open, readdir, rename, stat, unlink, utimes } from 'node:fs/promises';
import path from 'node:path';

/** How far a signed time may lie from now, seconds, on either side. */
const TOLERANCE_S = 300;

/** A request that is not to be believed: answer 401 and handle nothing. */
export class Refused extends Error {
  constructor(reason, message) {
    super(message);
    this.reason = reason;
  }
}

/** Verifies requests. */
export class Receiver {
  /**
   * @param {string | string[]} secrets while a secret is being changed, the old one and the new one
   * @param {{acceptBodyOnly?: boolean}} options acceptBodyOnly: also believe X-Webhook-Signature alone, which does not
   *   cover the time, so that an old request stays valid; only for secrets that do not begin with whsec_
   */
  constructor(secrets, { acceptBodyOnly = false } = {}) {
    this.secrets = [secrets].flat();
    this.acceptBodyOnly = acceptBodyOnly;
  }

  /** The event of a request: header names in lower case, the raw body as a Buffer, the time in Unix seconds. */
  event(headers, body, now = Date.now() / 1000) {
    this.verify(headers, body, now);
    try {
      return JSON.parse(body.toString('utf8'));
    } catch {
      throw new Refused('body', 'the body is no JSON');
    }
  }

  /** Says which secret signed a request: `standard:0`, `plain:1`. */
  verify(headers, body, now = Date.now() / 1000) {
    if (headers['webhook-signature'] !== undefined) return `standard:${this.#standard(headers, body, now)}`;
    const given = [headers['x-webhook-signature'], headers['x-webhook-signature-next']].filter(Boolean);
    if (given.length === 0) throw new Refused('missing', 'the request carries no signature');
    if (!this.acceptBodyOnly) {
      throw new Refused('body only', 'the request carries only X-Webhook-Signature, which does not cover the time');
    }
    const sign = (secret) => createHmac('sha256', secret).update(body).digest('hex');
    return `plain:${this.#matching(given, sign)}`;
  }

  #standard(headers, body, now) {
    const [id, at] = [headers['webhook-id'], headers['webhook-timestamp'] ?? ''];
    if (id === undefined || !/^-?\d{1,18}$/.test(at)) {
      throw new Refused('header', 'webhook-id or webhook-timestamp is missing or malformed');
    }
    if (Math.abs(now - Number(at)) > TOLERANCE_S) {
      throw new Refused('stale', 'the time is more than five minutes from now: an old request, or a wrong clock');
    }
    return this.#matching(headers['webhook-signature'].split(' '), (secret) => {
      if (!secret.startsWith('whsec_')) return null;
      const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
      return `v1,${createHmac('sha256', key).update(`${id}.${at}.`).update(body).digest('base64')}`;
    });
  }

  /** The first secret whose signature is among those given; every pair is compared. */
  #matching(given, sign) {
    let found = -1;
    this.secrets.forEach((secret, n) => {
      const right = sign(secret);
      if (right === null) return;
      for (const one of given) {
        const [a, b] = [Buffer.from(one), Buffer.from(right)];
        if (a.length === b.length && timingSafeEqual(a, b) && found < 0) found = n;
      }
    });
    if (found < 0) throw new Refused('mismatch', 'the signature matches no secret: was the raw body used, unchanged?');
    return found;
  }
}

/** After so many seconds whoever began is taken for dead. */
const CLAIM_S = 300;
const REMEMBER_S = 40 * 86400;

/** Remembers the ids of handled events in a folder, for 40 days: Gancho sends an event again if an answer gets lost. */
export class Ids {
  constructor(folder) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.folder = folder;
  }

  /**
   * Runs the handler unless this event was handled before: `handled`, `repeat`, or `busy` where another process handles it
   * just now (answer 503, and it comes again). What it throws makes the event count as not handled.
   */
  async once(id, handle) {
    const file = path.join(this.folder, createHash('sha256').update(id).digest('hex'));
    const [claim, done] = [`${file}.claim`, `${file}.done`];
    if ((await age(done)) !== null) return 'repeat';
    if ((await age(claim)) > CLAIM_S) await unlink(claim).catch(() => {});
    try {
      await (await open(claim, 'wx')).close();
    } catch (error) {
      if (error.code === 'EEXIST') return 'busy';
      throw error;
    }
    // Somebody may have finished between the look and the claim.
    if ((await age(done)) !== null) {
      await unlink(claim);
      return 'repeat';
    }
    try {
      await handle();
    } catch (error) {
      await unlink(claim);
      throw error;
    }
    await rename(claim, done);
    await utimes(done, new Date(), new Date());
    if (Math.random() < 0.01) await this.#forget();
    return 'handled';
  }

  async #forget() {
    for (const name of await readdir(this.folder)) {
      const file = path.join(this.folder, name);
      if (name.endsWith('.done') && (await age(file)) > REMEMBER_S) await unlink(file).catch(() => {});
    }
  }
}

/** Seconds since a file was changed; null where there is none. */
async function age(file) {
  const found = await stat(file).catch(() => null);
  return found && (Date.now() - found.mtimeMs) / 1000;
}
