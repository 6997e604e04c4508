// A receiver: WEBHOOK_SECRET=whsec_… IDS=/tmp/ids PORT=9000 node sample.mjs
import http from 'node:http';
import { Ids, Receiver, Refused } from './gancho-receiver.mjs';

const receiver = new Receiver(process.env.WEBHOOK_SECRET);
const ids = new Ids(process.env.IDS ?? './ids');

http.createServer(async (request, response) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  try {
    const event = receiver.event(request.headers, Buffer.concat(pieces));
    // A sample, sent by hand: nothing to book.
    const what = event.test ? 'a test of' : 'handled';
    const done = await ids.once(event.id, async () => console.log(`${what} ${event.event} ${event.id}`));
    response.writeHead(done === 'busy' ? 503 : 200).end(done);
  } catch (error) {
    response.writeHead(error instanceof Refused ? 401 : 500).end(error.message);
  }
}).listen(Number(process.env.PORT ?? 9000), '127.0.0.1', function () {
  console.log(`listening on ${this.address().port}`);
});
