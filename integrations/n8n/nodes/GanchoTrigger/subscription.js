'use strict';

/**
 * The webhook in Gancho that belongs to one trigger node.
 *
 * `state` is what n8n keeps for the node from one start to the next:
 * `{endpoint, secret, seen, off_since}`. `api(method, path, body)` calls Gancho and answers `null` where there is no such
 * thing.
 */

/**
 * Finds the node's webhook and makes it what the node asks for; says whether there is one. It is found by its URL too, which
 * is the node's own, so that a crash between making it and remembering it leaves no second one.
 */
async function find(api, state, wanted) {
  const found = (await byId(api, state.endpoint)) ?? (await byUrl(api, wanted.url));
  if (!found) return false;
  const path = `/endpoints/${found.id}`;
  if (differs(found, wanted)) {
    // One that was disabled since n8n could not be reached is wanted again; one that a person disabled is left alone.
    const wake = !found.enabled && found.disabled_reason ? { enabled: true } : {};
    await api('PATCH', path, { ...wanted, ...wake });
    if (wake.enabled && state.last_at) await catchUp(api, found.id, state.last_at);
  }
  await remember(api, state, found.id);
  return true;
}

/** Makes the webhook; asks for what happened while the workflow was off, if that is wanted. */
async function create(api, state, wanted, { missed = false } = {}) {
  const made = await api('POST', '/endpoints', wanted);
  const since = state.off_since;
  Object.assign(state, { endpoint: made.id, secret: made.secret });
  delete state.off_since;
  if (missed && since) await catchUp(api, made.id, since);
}

/** How far two clocks may lie apart; what comes twice is recognised. */
const MARGIN_MS = 300_000;

/** Removes it; what still waits for it counts as missed when it is there again. */
async function remove(api, state, now = Date.now()) {
  if (!state.endpoint) return;
  const found = await byId(api, state.endpoint);
  const waits = found?.health.oldest_pending_at;
  await api('DELETE', `/endpoints/${state.endpoint}`);
  delete state.endpoint;
  delete state.secret;
  const since = Math.max(Math.min(now, waits ? Date.parse(waits) : now) - MARGIN_MS, Date.parse(found?.created_at ?? 0));
  state.off_since = new Date(since).toISOString();
}

/**
 * Asks for the secret again: it was changed in Gancho, or a request is here before n8n has written down what `create`
 * learned.
 */
async function relearn(api, state, url) {
  const found = (await byId(api, state.endpoint)) ?? (await byUrl(api, url));
  if (found) await remember(api, state, found.id);
}

async function remember(api, state, id) {
  const { secret } = await api('GET', `/endpoints/${id}/secret`);
  Object.assign(state, { endpoint: id, secret });
}

async function catchUp(api, id, since) {
  await api('POST', `/endpoints/${id}/replay`, { since, only: 'missed' });
}

async function byId(api, id) {
  return id ? api('GET', `/endpoints/${id}`) : null;
}

async function byUrl(api, url) {
  let after = '';
  do {
    const page = await api('GET', `/endpoints?limit=100${after}`);
    const found = page.data.find((one) => one.url === url);
    if (found) return found;
    after = page.next && `&after=${page.next}`;
  } while (after);
  return null;
}

/** Whether the webhook is other than asked for, or was disabled by Gancho. */
function differs(found, wanted) {
  const same = (name) => JSON.stringify(found[name] ?? null) === JSON.stringify(wanted[name] ?? null);
  return !Object.keys(wanted).every(same) || Boolean(found.disabled_reason);
}

module.exports = { create, find, relearn, remove };
