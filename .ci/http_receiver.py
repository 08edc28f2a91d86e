#!/usr/bin/env python3
"""A webhook, a Splunk HTTP Event Collector with acknowledgement, and an Elasticsearch bulk endpoint.

    http_receiver.py PORT OUT TLS_PORT PKI

Strict about what the vendors' documentation asks of a client; what is wrong is answered with 400 and stays undelivered.
The second port is the same over TLS. Ids are written to OUT/NAME.out before the answer; an acknowledgement is given on the
second question.
"""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import re
import ssl
import sys
import threading

OUT, PKI = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[4])
HOSTS = f"127.0.0.1:{sys.argv[1]}", f"localhost:{sys.argv[3]}"
TOKEN = "11111111-2222-3333-4444-555555555555"
KEY = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
GUID = re.compile(r"^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$")


class Wrong(Exception):
    pass


def need(truth, what):
    if not truth:
        raise Wrong(what)


def keep(name, ids):
    with open(OUT / f"{name}.out", "a") as file:
        file.write("".join(f"{id}\n" for id in ids))


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    asked, acks, existing = {}, 0, set()

    def log_message(self, *_):
        pass

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self):
        try:
            need(self.headers["Host"] in HOSTS and self.headers["Proxy-Authorization"] is None, "Host, and no login of a proxy")
            need("Content-Length" in self.headers, "Content-Length")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            path, _, query = self.path.partition("?")
            routes = {"/webhook": self.webhook, "/tunnelled": self.webhook, "/services/collector/event": self.event,
                      "/services/collector/ack": self.ack, "/_bulk": self.bulk}
            need(path in routes, f"path {path}")
            self.answer(200, routes[path](body, query))
        except Wrong as wrong:
            print("refused:", self.path, wrong, flush=True)
            self.answer(400, {"text": str(wrong), "code": 6})

    def webhook(self, body, _):
        """standard-webhooks: the signature scheme of version 1."""
        id, time = self.headers["webhook-id"], self.headers["webhook-timestamp"]
        need(id and "." not in id and time and time.isdigit(), "webhook-id and webhook-timestamp")
        signed = base64.b64encode(hmac.digest(KEY, f"{id}.{time}.".encode() + body, hashlib.sha256)).decode()
        need(f"v1,{signed}" in self.headers["webhook-signature"].split(), "webhook-signature")
        need(self.headers["Content-Type"] == "application/x-ndjson" and body.endswith(b"\n"), "x-ndjson")
        keep(self.path.strip("/"), [json.loads(line)["event"]["id"] for line in body.splitlines()])
        return {}

    def event(self, body, _):
        """Splunk: Format events for HTTP Event Collector; About HTTP Event Collector Indexer Acknowledgment."""
        need(self.headers["Authorization"] == f"Splunk {TOKEN}", "Authorization")
        need(GUID.match(self.headers["X-Splunk-Request-Channel"] or ""), "X-Splunk-Request-Channel")
        decoder, text, at, events = json.JSONDecoder(), body.decode(), 0, []
        while at < len(text):
            event, at = decoder.raw_decode(text, at)
            while at < len(text) and text[at].isspace():
                at += 1
            need(set(event) <= {"time", "host", "source", "sourcetype", "index", "event", "fields"}, "unknown metadata")
            need(event.get("event") not in (None, ""), "event")
            need(isinstance(event["time"], float) and event["time"] < 1e11, "time in seconds")
            need(all(isinstance(value, (str, list)) for value in event["fields"].values()), "flat fields")
            events.append(event["event"]["event"]["id"])
        need(events, "no data")
        keep("splunk", events)
        Handler.acks += 1
        return {"text": "Success", "code": 0, "ackId": Handler.acks}

    def ack(self, body, query):
        channel = query.removeprefix("channel=")
        need(channel == self.headers["X-Splunk-Request-Channel"] and GUID.match(channel), "channel")
        acks = json.loads(body)["acks"]
        for ack in acks:
            Handler.asked[ack] = Handler.asked.get(ack, 0) + 1
        return {"acks": {str(ack): Handler.asked[ack] == 2 for ack in acks}}

    def bulk(self, body, _):
        """Elasticsearch: Bulk API."""
        need(self.headers["Authorization"] == f"ApiKey {TOKEN}", "Authorization")
        need(self.headers["Content-Type"] == "application/x-ndjson" and body.endswith(b"\n"), "x-ndjson, ended by a newline")
        lines, items, fresh = body.decode().split("\n")[:-1], [], []
        need(len(lines) % 2 == 0, "pairs of action and document")
        for action, document in zip(lines[::2], lines[1::2]):
            action, document = json.loads(action), json.loads(document)
            need(list(action) == ["create"] and set(action["create"]) == {"_index", "_id"}, "create with _index and _id")
            need("@timestamp" in document and len(action["create"]["_id"].encode()) <= 512, "@timestamp, _id")
            name = action["create"]["_id"]
            if name in Handler.existing:
                items.append({"create": {"_id": name, "status": 409, "error": {"type": "version_conflict_engine_exception"}}})
            else:
                Handler.existing.add(name)
                fresh.append(document["event"]["id"])
                items.append({"create": {"_id": name, "status": 201, "result": "created"}})
        keep("elastic", fresh)
        return {"took": 1, "errors": len(fresh) < len(items), "items": items}


class Server(http.server.ThreadingHTTPServer):
    allow_reuse_address = True
    daemon_threads = True


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(PKI / "server.crt", PKI / "server.key")
secure = Server(("127.0.0.1", int(sys.argv[3])), Handler)
# The handshake belongs to the connection's own thread.
secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)
threading.Thread(target=secure.serve_forever, daemon=True).start()
Server(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
