"""Reads the feed: GANCHO_URL=http://127.0.0.1:8420 GANCHO_TOKEN=gancho_… python3 consumer.py books

Make the consumer first: gancho consumer add books --types 'invoice.*'
"""
import json
import os
import sys
import time
from urllib.request import Request, urlopen

BASE = f"{os.environ['GANCHO_URL'].rstrip('/')}/api/v1/consumers/{sys.argv[1]}"


def call(path, body=None):
    headers = {"Authorization": f"Bearer {os.environ['GANCHO_TOKEN']}", "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    with urlopen(Request(BASE + path, data, headers), timeout=60) as answer:
        return json.load(answer)


while True:
    try:
        page = call("/events?wait=30")  # waits up to 30 seconds for news
        for event in page["data"]:
            # Your work; a second time, if you end before the next line.
            print(f"handled {event['event']} {event['id']}", flush=True)
            call("/ack", {"sequence": event["sequence"]})
    except OSError as error:
        print(f"{error}: trying again in five seconds", file=sys.stderr)
        time.sleep(5)
