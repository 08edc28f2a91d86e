#!/usr/bin/env python3
"""Checks the recordings beside this script: form of every event line, owner of every packet, and truth against tshark.

    python3 tests/recordings/verify.py [DIR]

Needs tshark. Reads the captures with a reader of its own, so that a mistake in the writer cannot hide itself.
"""
import gzip
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ENVELOPE = set("schema_version version time mach_time event_type action_type action seq_num global_seq_num thread process event".split())
PROCESS = set("""audit_token parent_audit_token responsible_audit_token ppid original_ppid group_id session_id start_time executable tty signing_id
    team_id cdhash codesigning_flags is_platform_binary is_es_client""".split())
STAT = 16
TYPES = {"exec": 9, "open": 10, "fork": 11, "close": 12, "create": 13, "exit": 15, "link": 19, "rename": 25, "unlink": 32}
# every path in an event must be one a Mac could have, and no recorder's directory may shine through
PLACES = re.compile(r"/$|/(Users/alice|private/(tmp|etc)|bin|sbin|usr/(bin|libexec|share)|opt/homebrew|dev|Applications|System)(/|$)")
LINUX = re.compile(r"cwrec-|linux-gnu|PRIVATE KEY")


def token(process):
    t = process["audit_token"]
    return (t[5], t[7]) if isinstance(t, list) else (t["pid"], t["pidversion"])


def check_events(path):
    images, last, tick, counts, kinds, reads, forms = {}, "", 0, {}, {}, [], set()
    for n, line in enumerate(gzip.open(path, "rt", encoding="utf-8")):
        assert not re.search(r"(?<!\\)/", line), (n, "an unescaped slash")
        e = json.loads(line)
        assert not LINUX.search(json.dumps(e)), (n, LINUX.search(json.dumps(e)))
        for p in re.findall(r'"path": "((?:[^"\\]|\\.)*)"', json.dumps(e)):
            assert PLACES.match(p), (n, p)
        assert set(e) == ENVELOPE, (n, set(e) ^ ENVELOPE)
        (kind, body), = e["event"].items()
        assert TYPES[kind] == e["event_type"] and e["action_type"] == 1 and e["schema_version"] == 1
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", e["time"]) and e["time"] > last, (n, e["time"], last)
        assert e["mach_time"] >= tick and e["global_seq_num"] == n and e["seq_num"] == counts.get(kind, 0)
        last, tick = e["time"], e["mach_time"]
        counts[kind] = e["seq_num"] + 1
        for p in [e["process"]] + [body[k] for k in ("child", "target") if k in body and "audit_token" in body[k]]:
            want = PROCESS | ({"cs_validation_category"} if e["version"] >= 10 else set())
            assert set(p) == want, (n, set(p) ^ want)
            assert re.fullmatch(r"[0-9A-F]{40}", p["cdhash"]) and len(p["executable"]["stat"]) == STAT
            assert re.fullmatch(r".{19}\.\d{6}Z", p["start_time"])
            forms.add(type(p["audit_token"]).__name__)
        who = token(e["process"])
        images.setdefault(who, e["process"]["executable"]["path"])
        assert images[who] == e["process"]["executable"]["path"], (n, "a process changed its image without an exec")
        if kind == "fork":
            assert token(body["child"]) not in images
            images[token(body["child"])] = e["process"]["executable"]["path"]
        elif kind == "exec":
            new = token(body["target"])
            assert new[0] == who[0] and new[1] > who[1] and new not in images
            images[new] = body["target"]["executable"]["path"]
        elif kind == "open" and body["fflag"] & 1 and not body["fflag"] & 0x108000:
            reads.append((e["time"], who, body["file"]["path"]))
    return images, reads, counts, forms


def packets(path):
    """(time in ns, pid, comm, effective pid, frame) of either capture form."""
    data = gzip.open(path).read()
    if data[:4] == b"\x0a\x0d\x0d\x0a":
        at, people = 0, []
        while at < len(data):
            kind, size = struct.unpack_from("<II", data, at)
            body = data[at + 8:at + size - 4]
            assert struct.unpack_from("<I", data, at + size - 4)[0] == size
            if kind == 0x80000001:
                opts = dict(options(body[4:]))
                people.append((struct.unpack_from("<i", body)[0], opts[2].decode()))
            elif kind == 6:
                _, hi, lo, cap, _ = struct.unpack_from("<IIIII", body)
                opts = dict(options(body[20 + cap + -cap % 4:]))
                pid, comm = people[struct.unpack("<I", opts[0x8001])[0]] if 0x8001 in opts else (-1, "")
                epid = people[struct.unpack("<I", opts[0x8003])[0]][0] if 0x8003 in opts else -1
                yield ((hi << 32) + lo) * 1000, pid, comm, epid, body[20:20 + cap]
            at += size
        return
    assert struct.unpack_from("<I", data)[0] == 0xA1B2C3D4 and struct.unpack_from("<I", data, 20)[0] == 258
    at = 24
    while at < len(data):
        sec, us, cap, _ = struct.unpack_from("<IIII", data, at)
        raw = data[at + 16:at + 16 + cap]
        if struct.unpack_from("<I", raw, 36)[0] & 0x80000:
            head, comm_at, (pid, epid) = raw[0], raw[4], struct.unpack_from("<ii", raw, 28)
            comm = raw[comm_at:raw.index(b"\0", comm_at)] if comm_at else b""
        else:
            head, pid, epid = struct.unpack_from("<I", raw)[0], *struct.unpack_from("<i28xi", raw, 52)
            comm = raw[56:raw.index(b"\0", 56)]
        yield sec * 10**9 + us * 1000, pid, comm.decode(), epid, raw[head:]
        at += 16 + cap


def options(data):
    at = 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        if kind == 0:
            return
        yield kind, data[at + 4:at + 4 + size]
        at += 4 + size + -size % 4


def tshark(path, *fields, where=None):
    words = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=\t"] + sum((["-e", f] for f in fields), []) + (["-Y", where] if where else [])
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    return [row.split("\t") for row in out.splitlines()]


def check_capture(path):
    """Per TCP stream: SNI, owner, payload out and in, seen by tshark in the bare Ethernet frames."""
    rows = list(packets(path))
    assert all(a[0] <= b[0] for a, b in zip(rows, rows[1:])), "packet times go backwards"
    with tempfile.NamedTemporaryFile(suffix=".pcap") as bare:
        bare.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 524288, 1))
        for ns, *_, frame in rows:
            bare.write(struct.pack("<IIII", ns // 10**9, ns % 10**9 // 1000, len(frame), len(frame)) + frame)
        bare.flush()
        seen = tshark(bare.name, "frame.number", "tcp.stream", "tcp.len", "tcp.dstport", "tls.handshake.extensions_server_name", "tcp.analysis.retransmission",
                      where="tcp")
        wrong = tshark(bare.name, "frame.number", where="_ws.malformed")
    assert not wrong, ("malformed frames", wrong)
    streams = {}
    for number, stream, size, dport, sni, again in seen:
        ns, pid, comm, epid, _ = rows[int(number) - 1]
        s = streams.setdefault(stream, {"pids": set(), "sni": None, "out": 0, "in": 0, "last_data": 0})
        s["pids"].add((pid, comm))
        s["sni"] = s["sni"] or sni or None
        if not again:
            s["out" if dport == "443" else "in"] += int(size)
        if dport == "443" and int(size):
            s["last_data"] = ns
    assert all(len(s["pids"]) == 1 and -1 not in {p for p, _ in s["pids"]} for s in streams.values()), streams
    form = "pcapng" if path.endswith("pcapng.gz") else "v1"
    if form == "v1":
        told = tshark(path, "pktap.hdrlen", "pktap.pid", "pktap.cmdname")
        if told[0][0] == "156":
            assert [(int(p), c) for _, p, c in told] == [(r[1] & 0xFFFFFFFF, r[2]) for r in rows], "tshark reads other owners"
        else:
            form = "v2"
    return rows, streams, form


def check(d):
    with open(d + "/expected.json") as f:
        want = json.load(f)
    capture = [d + "/" + n for n in os.listdir(d) if n.startswith("capture.")][0]
    images, reads, counts, forms = check_events(d + "/events.ndjson.gz")
    rows, streams, form = check_capture(capture)
    for s in streams.values():
        (pid, comm), = s["pids"]
        exes = {os.path.basename(exe)[:16] for (p, _), exe in images.items() if p == pid}
        assert comm in exes, (comm, exes)
    for a in want.get("alerts_without_policy", want["alerts"]):
        flows = [s for s in streams.values() if s["sni"] == a["domain"] and a["uploader"] in {e for (p, _), e in images.items() if (p, os.path.basename(e)[:16]) in s["pids"]}]
        assert flows and sum(s["out"] for s in flows) >= a["bytes_out_min"], (a, flows)
        end = stamp(max(s["last_data"] for s in flows))
        for path in a["reads_include"]:
            assert min(t for t, _, p in reads if p == path) < end, path
    by_name = {}
    for row in want["server_saw"]:
        assert row["sni"] == row["domain"]
        by_name[row["domain"]] = by_name.get(row["domain"], 0) + row["body_in"]
    for name, body in by_name.items():
        out = sum(s["out"] for s in streams.values() if s["sni"] == name)
        assert out >= body, (name, out, body)
    print("%-20s %s, tokens as %s, %d events %s" % (os.path.basename(d), form, "/".join(sorted(forms)), sum(counts.values()), counts))
    for s in streams.values():
        (pid, comm), = s["pids"]
        print("    %-45s pid %-6d %-12s out %7d in %7d" % (s["sni"], pid, comm, s["out"], s["in"]))


def stamp(ns):
    import time
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + ".%09dZ" % (ns % 10**9)


if __name__ == "__main__":
    top = sys.argv[1] if len(sys.argv) > 1 else HERE
    for name in sorted(os.listdir(top)):
        if os.path.exists(top + "/" + name + "/expected.json"):
            check(top + "/" + name)
    print("all recordings hold")
