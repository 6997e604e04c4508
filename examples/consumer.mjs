// Reads the feed: GANCHO_URL=http://127.0.0.1:8420 GANCHO_TOKEN=gancho_… node consumer.mjs books
// Make the consumer first: gancho consumer add books --types 'invoice.*'
const { GANCHO_URL, GANCHO_TOKEN } = process.env;
const base = `${GANCHO_URL.replace(/\/+$/, '')}/api/v1/consumers/${process.argv[2]}`;

async function call(path, body) {
  const headers = { authorization: `Bearer ${GANCHO_TOKEN}`, 'content-type': 'application/json' };
  const sent = { headers, method: body ? 'POST' : 'GET', body: body && JSON.stringify(body), signal: AbortSignal.timeout(60_000) };
  const answer = await fetch(base + path, sent);
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

for (;;) {
  try {
    const page = await call('/events?wait=30'); // waits up to 30 seconds for news
    for (const event of page.data) {
      console.log(`handled ${event.event} ${event.id}`); // your work; a second time, if you end before the next line
      await call('/ack', { sequence: event.sequence });
    }
  } catch (error) {
    console.error(`${error.message}: trying again in five seconds`);
    await new Promise((resolve) => setTimeout(resolve, 5000));
  }
}
