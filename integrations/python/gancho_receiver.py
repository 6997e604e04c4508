"""Receives Gancho's webhooks: verifies that a request is Gancho's, and handles each event once.

One file, no dependencies, Python 3.9 or newer.

    receiver = Receiver(os.environ["WEBHOOK_SECRET"])
    ids = Ids("ids")
    event = receiver.event(headers, raw_body)        # raises Refused: answer 401
    done = ids.once(event["id"], lambda: work(event))  # "busy": answer 503
"""

import base64
import binascii
import hashlib
import hmac
import json
import os
import random
import re
import time

#: How far a signed time may lie from now, seconds, on either side.
TOLERANCE_S = 300


class Refused(Exception):
    """A request that is not to be believed: answer 401 and handle nothing."""

    def __init__(self, reason, message):
        super().__init__(message)
        self.reason = reason


class Receiver:
    """Verifies requests.

    secrets: one, or while it is being changed a list of the old one and the new one. accept_body_only: also believe
    X-Webhook-Signature alone, which does not cover the time, so that an old request stays valid; only for secrets that do
    not begin with whsec_.
    """

    def __init__(self, secrets, accept_body_only=False):
        self._secrets = [secrets] if isinstance(secrets, str) else list(secrets)
        self._accept_body_only = accept_body_only

    def event(self, headers, body, now=None):
        """The event of a request: any mapping of header fields, the raw body as bytes, the time in Unix seconds."""
        self.verify(headers, body, now)
        try:
            return json.loads(body)
        except ValueError:
            raise Refused("body", "the body is no JSON") from None

    def verify(self, headers, body, now=None):
        """Says which secret signed a request: ``standard:0``, ``plain:1``."""
        fields = {name.lower(): value for name, value in headers.items()}
        now = time.time() if now is None else now
        if "webhook-signature" in fields:
            return f"standard:{self._standard(fields, body, now)}"
        names = ("x-webhook-signature", "x-webhook-signature-next")
        given = [fields[name] for name in names if fields.get(name)]
        if not given:
            raise Refused("missing", "the request carries no signature")
        if not self._accept_body_only:
            raise Refused("body only", "the request carries only X-Webhook-Signature, which does not cover the time")
        return f"plain:{self._matching(given, lambda secret: _hmac(secret.encode(), body).hex())}"

    def _standard(self, fields, body, now):
        id_, at = fields.get("webhook-id"), fields.get("webhook-timestamp", "")
        if id_ is None or not re.fullmatch(r"-?[0-9]{1,18}", at):
            raise Refused("header", "webhook-id or webhook-timestamp is missing or malformed")
        if abs(now - int(at)) > TOLERANCE_S:
            raise Refused("stale", "the time is more than five minutes from now: an old request, or a wrong clock")

        def sign(secret):
            if not secret.startswith("whsec_"):
                return None
            try:
                key = base64.b64decode(secret[len("whsec_"):], validate=True)
            except binascii.Error:
                return None
            return "v1," + base64.b64encode(_hmac(key, f"{id_}.{at}.".encode() + body)).decode()

        return self._matching(fields["webhook-signature"].split(" "), sign)

    def _matching(self, given, sign):
        """The first secret whose signature is among those given; every pair is compared."""
        found = None
        for n, secret in enumerate(self._secrets):
            right = sign(secret)
            for one in given:
                same = right is not None and hmac.compare_digest(right.encode(), one.encode())
                if same and found is None:
                    found = n
        if found is None:
            raise Refused("mismatch", "the signature matches no secret: was the raw body used, unchanged?")
        return found


def _hmac(key, data):
    return hmac.new(key, data, hashlib.sha256).digest()


class Ids:
    """Remembers the ids of handled events in a folder, for 40 days: Gancho sends an event again if an answer gets lost."""

    #: After so many seconds whoever began is taken for dead.
    CLAIM_S = 300
    REMEMBER_S = 40 * 86400

    def __init__(self, folder):
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self._folder = folder

    def once(self, id_, handle):
        """Runs the handler unless this event was handled before: ``handled``, ``repeat``, or ``busy`` where another process
        handles it just now (answer 503, and it comes again). What it raises makes the event count as not handled.
        """
        file = os.path.join(self._folder, hashlib.sha256(id_.encode()).hexdigest())
        claim, done = file + ".claim", file + ".done"
        if os.path.exists(done):
            return "repeat"
        if (_age(claim) or 0) > self.CLAIM_S:
            _remove(claim)
        try:
            os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        except FileExistsError:
            return "busy"
        # Somebody may have finished between the look and the claim.
        if os.path.exists(done):
            _remove(claim)
            return "repeat"
        try:
            handle()
        except BaseException:
            _remove(claim)
            raise
        os.replace(claim, done)
        os.utime(done)
        if random.random() < 0.01:
            self._forget()
        return "handled"

    def _forget(self):
        for name in os.listdir(self._folder):
            file = os.path.join(self._folder, name)
            if name.endswith(".done") and (_age(file) or 0) > self.REMEMBER_S:
                _remove(file)


def _age(file):
    """Seconds since a file was changed; None where there is none."""
    try:
        return time.time() - os.stat(file).st_mtime
    except FileNotFoundError:
        return None


def _remove(file):
    try:
        os.remove(file)
    except FileNotFoundError:
        pass
