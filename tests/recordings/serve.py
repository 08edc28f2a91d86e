"""The other end of the wire: a DNS responder and a TLS/HTTP server, both inside the server namespace.

It answers just enough of the Dropbox, S3, Google Drive and Azure Blob interfaces for the real clients
to finish, and writes one JSON line per HTTP exchange to `server.jsonl`: that log is the ground truth
for what was uploaded, independent of the capture.
"""
import hashlib
import json
import socket
import ssl
import struct
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, ThreadingTCPServer, ThreadingUDPServer

# name -> (alias chain, IPv4, IPv6 or None); all documentation addresses (RFC 5737, RFC 3849)
HOSTS = {
    "content.dropboxapi.com": (["edge-block-api-env.dropbox-dns.com"], "198.51.100.10", None),
    "corp-backup.s3.eu-central-1.amazonaws.com": (["s3-r-w.eu-central-1.amazonaws.com"], "198.51.100.20", None),
    "acme-drop-7731.s3.amazonaws.com": (["s3-w.us-east-1.amazonaws.com"], "198.51.100.21", None),
    "acme-drop-7731.s3.us-east-1.amazonaws.com": (["s3-r-w.us-east-1.amazonaws.com"], "198.51.100.21", None),
    "www.googleapis.com": ([], "198.51.100.30", None),
    "exfilacct01.blob.core.windows.net": (["blob.ams25prdstr01a.store.core.windows.net"], "198.51.100.40", "2001:db8:40::40"),
    "www.example.com": ([], "198.51.100.50", "2001:db8:50::50"),
    "updates.example.net": ([], "198.51.100.51", None),
}
RESOLVER = "192.168.1.1"
DOWNLOAD_BYTES = 340_000


def wire_name(name):
    return b"".join(bytes([len(p)]) + p.encode() for p in name.split(".")) + b"\0"


class Dns(BaseRequestHandler):
    def handle(self):
        query, sock = self.request
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode().lower())
            at += 1 + query[at]
        name, (qtype,) = ".".join(labels), struct.unpack("!H", query[at + 1:at + 3])
        end = at + 5
        answers, rcode = [], 3
        if name in HOSTS:
            rcode = 0
            chain, v4, v6 = HOSTS[name]
            owner = name
            for alias in chain:
                answers.append((owner, 5, wire_name(alias)))
                owner = alias
            if qtype == 1:
                answers.append((owner, 1, socket.inet_aton(v4)))
            elif qtype == 28 and v6:
                answers.append((owner, 28, socket.inet_pton(socket.AF_INET6, v6)))
        body = b"".join(wire_name(o) + struct.pack("!HHIH", t, 1, 60, len(d)) + d for o, t, d in answers)
        reply = query[:2] + struct.pack("!HHHHH", 0x8180 | rcode, 1, len(answers), 0, 0) + query[12:end] + body
        sock.sendto(reply, self.client_address)


class Store:
    lock = threading.Lock()
    objects = {}
    log = None

    @classmethod
    def note(cls, **row):
        with cls.lock:
            cls.log.write(json.dumps(row) + "\n")
            cls.log.flush()


def unchunk_aws(body):
    """aws-chunked: hex-length[;signature] CRLF data CRLF ... 0 CRLF trailers."""
    out, at = b"", 0
    while True:
        eol = body.index(b"\r\n", at)
        n = int(body[at:eol].split(b";")[0], 16)
        if n == 0:
            return out
        out += body[eol + 2:eol + 2 + n]
        at = eol + 2 + n + 2


class Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def log_message(self, *_):
        pass

    def body(self):
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            out = b""
            while True:
                n = int(self.rfile.readline().split(b";")[0], 16)
                if n == 0:
                    while self.rfile.readline() not in (b"\r\n", b""):
                        pass
                    return out
                out += self.rfile.read(n)
                self.rfile.readline()
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def answer(self, code, data=b"", **headers):
        self.send_response(code)
        for k, v in headers.items():
            self.send_header(k.replace("_", "-"), v)
        self.send_header("Content-Length", str(headers.pop("length", len(data))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        return len(data)

    def exchange(self):
        began = time.time()
        raw = self.body()
        host = self.headers.get("Host", "").split(":")[0].lower()
        path = self.path.split("?")[0]
        sent = self.route(host, path, raw)
        sni = getattr(self.connection, "sni", None)
        Store.note(time=began, peer=self.client_address[0].replace("::ffff:", ""), port=self.client_address[1], sni=sni,
                   host=host, method=self.command, path=path, body_in=len(raw), body_out=sent,
                   tls=self.connection.version(), cipher=self.connection.cipher()[0])

    def route(self, host, path, raw):
        if host == "content.dropboxapi.com" and path == "/2/files/download":
            # incompressible, so the file on the wire is as large as it says
            blob = hashlib.shake_256(b"cloudward download").digest(DOWNLOAD_BYTES)
            return self.answer(200, blob, Content_Type="application/octet-stream",
                               Dropbox_API_Result='{"name":"plan.docx","size":%d}' % DOWNLOAD_BYTES)
        if host == "content.dropboxapi.com":
            return self.answer(200, json.dumps({"name": "upload", "size": len(raw), "rev": "5e4b0f01c2a7"}).encode(),
                               Content_Type="application/json")
        if ".s3." in host or host.startswith("s3."):
            return self.s3(host + path, raw)
        if host == "www.googleapis.com":
            return self.answer(200, b'{"kind":"drive#file","id":"1AbCdEfGhIjKlMnOpQrStUvWxYz012345"}',
                               Content_Type="application/json; charset=UTF-8")
        if host.endswith(".blob.core.windows.net"):
            return self.answer(201, b"", ETag='"0x8DCEXAMPLE"', x_ms_version="2023-11-03", x_ms_request_server_encrypted="true")
        page = b"<!doctype html><title>Example Domain</title><p>This domain is for use in examples.</p>" * 12
        return self.answer(200, page, Content_Type="text/html")

    def s3(self, key, raw):
        if self.command == "PUT":
            data = unchunk_aws(raw) if "aws-chunked" in self.headers.get("Content-Encoding", "") else raw
            meta = {k: v for k, v in self.headers.items() if k.lower().startswith("x-amz-meta-")}
            Store.objects[key] = (hashlib.md5(data).hexdigest(), len(data), meta)
            return self.answer(200, b"", ETag='"%s"' % Store.objects[key][0])
        if self.command == "HEAD" and key in Store.objects:
            etag, size, meta = Store.objects[key]
            return self.answer(200, b"", ETag='"%s"' % etag, length=size, Last_Modified=self.date_time_string(), **meta)
        if self.command == "HEAD":
            return self.answer(404)
        xml = (b'<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
               b"<Prefix></Prefix><KeyCount>0</KeyCount><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated></ListBucketResult>")
        return self.answer(200, xml, Content_Type="application/xml")

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = exchange


class Tls(ThreadingTCPServer):
    address_family = socket.AF_INET6
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 64

    def finish_request(self, request, client_address):
        # the handshake belongs to the connection's own thread, not to the accept loop
        try:
            request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            conn = self.context.wrap_socket(request, server_side=True)
        except (OSError, ssl.SSLError) as e:
            Store.note(time=time.time(), peer=client_address[0], port=client_address[1], error=str(e))
            return
        try:
            Http(conn, client_address, self)
        finally:
            try:
                conn.unwrap()
            except (OSError, ssl.SSLError, ValueError):
                pass
            conn.close()

    def handle_error(self, request, client_address):
        Store.note(time=time.time(), peer=client_address[0], port=client_address[1], error=str(sys.exc_info()[1]))


class NamedSocket(ssl.SSLSocket):
    sni = None


def main(work):
    Store.log = open(work + "/server.jsonl", "w")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sslsocket_class = NamedSocket
    context.load_cert_chain(work + "/server.pem", work + "/server.key")

    def remember(conn, name, _context):
        conn.sni = name

    context.sni_callback = remember
    context.set_alpn_protocols(["http/1.1"])
    dns = ThreadingUDPServer((RESOLVER, 53), Dns)
    web = Tls(("::", 443), Http)
    web.context = context
    threading.Thread(target=dns.serve_forever, daemon=True).start()
    print("ready", flush=True)
    web.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1])
