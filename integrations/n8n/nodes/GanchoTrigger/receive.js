'use strict';

/** Ids that n8n keeps for the node over a restart; written with every event, so not too many. */
const KEPT_MAX = 500;
/** Ids that this process remembers besides, by webhook: requests that come at once each see the kept ones as they were. */
const SEEN_MAX = 20_000;
const memory = new Map();
/** The secret is asked for again at most so often: anybody can send a request with a wrong signature. */
const ASK_EVERY_MS = 60_000;

/** What happened to a request: `run`, `repeat`, or `refused` with the reason. */
async function receive({ headers, body, state, askSecret, now = Date.now() }) {
  const { Receiver, Refused } = await import('./gancho-receiver.mjs');
  const event = () => new Receiver(state.secret ?? '').event(headers, body, now / 1000);
  let found;
  try {
    found = event();
  } catch (refused) {
    if (!(refused instanceof Refused)) throw refused;
    if (refused.reason !== 'mismatch' || !(await asked(state, askSecret, now))) return { refused: refused.message };
    try {
      found = event();
    } catch (again) {
      return { refused: again.message };
    }
  }
  if (isRepeat(state, found.id)) return { repeat: found.id };
  state.last_at = new Date(now).toISOString();
  return { run: found };
}

/** Whether an event came before; from now on it did. */
function isRepeat(state, id) {
  const seen = memory.get(state.endpoint) ?? new Set();
  memory.set(state.endpoint, seen);
  for (const kept of state.seen ?? []) seen.add(kept);
  if (seen.has(id)) return true;
  seen.add(id);
  const [oldest] = seen;
  if (seen.size > SEEN_MAX) seen.delete(oldest);
  state.seen = [...seen].slice(-KEPT_MAX);
  return false;
}

/** Asks for the secret again, if it was not asked for just now; says whether it is another one. */
async function asked(state, askSecret, now) {
  if (now - (state.asked_at ?? 0) < ASK_EVERY_MS) return false;
  state.asked_at = now;
  const before = state.secret;
  await askSecret();
  return state.secret !== before;
}

module.exports = { receive };
