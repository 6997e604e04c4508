"""A receiver: WEBHOOK_SECRET=whsec_… IDS=/tmp/ids PORT=9000 python3 sample.py"""

import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from gancho_receiver import Ids, Receiver, Refused

RECEIVER = Receiver(os.environ["WEBHOOK_SECRET"])
IDS = Ids(os.environ.get("IDS", "ids"))


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", "0")))
        try:
            event = RECEIVER.event(self.headers, body)
        except Refused as refused:
            return self.answer(401, str(refused))
        # A sample, sent by hand: nothing to book.
        what = "a test of" if event.get("test") else "handled"
        done = IDS.once(event["id"], lambda: print(f"{what} {event['event']} {event['id']}", flush=True))
        self.answer(503 if done == "busy" else 200, done)

    def answer(self, status, text):
        self.send_response(status)
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *args):
        pass


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "9000"))), Handler)
    print(f"listening on {server.server_port}", flush=True)
    server.serve_forever()
