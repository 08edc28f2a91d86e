#!/usr/bin/env python3
"""Holds `cloudward flows` against two programs of other people, flow by flow: tshark and ndpiReader.

    tests/oracles.py [--cloudward BINARY] [CAPTURE or FOLDER]...      (default: tests/captures)

Compared: server name and first ALPN protocol of every ClientHello (both tools), its JA4 fingerprint (worked out here from
the fields that tshark prints, by FoxIO's description, because Debian's tshark knows only JA3), and payload bytes of every
TCP connection in both directions (tshark's own reassembly) and of every UDP flow. ndpiReader stops looking after a few
packets of a flow; that it misses a name is counted, that it says another name is a difference.

Differences that are known, and whose they are, stand in `oracles.tsv`: file, tool, field, reason (the file without its extension, or its folder; `|` between several). Any other fails, and so
does a line there that fits nothing (unless captures are given). Debian packages: tshark, libndpi-bin.
"""
import argparse, collections, csv, hashlib, json, os, re, subprocess, sys, tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MAX_STREAMS = 400
GREASE = {0x0A0A + 0x1010 * i for i in range(16)}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=300)
    return done.stdout.decode("utf-8", "replace")


def key(transport, one, other):
    """Both ends of a flow, whoever came first."""
    return (transport, tuple(sorted([one, other])))


def name_of(text):
    """As `flows` writes it: lower case, no final dot, no port."""
    text = text.strip().lower().rstrip(".")
    host, colon, port = text.rpartition(":")
    return host if colon and port.isdigit() else text


# ---- ours


def ours(binary, path):
    flows = collections.defaultdict(list)
    for line in run(binary, "flows", "--format", "json", path).splitlines():
        flow = json.loads(line)
        client = (flow["client"]["ip"], flow["client"]["port"])
        server = (flow["server"]["ip"], flow["server"]["port"])
        flow["ends"] = (client, server)
        transport = "udp" if flow["transport"] == "quic" else flow["transport"]
        flow["sni"] = flow["domain"] if flow["domain_source"] in ("tls_sni", "quic_sni") else None
        flows[key(transport, client, server)].append(flow)
    return flows


# ---- tshark

ENDS = ["ip.src", "ipv6.src", "tcp.srcport", "udp.srcport", "ip.dst", "ipv6.dst", "tcp.dstport", "udp.dstport"]
HELLO = ["tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str", "tls.handshake.version",
         "tls.handshake.extensions.supported_version", "tls.handshake.ciphersuite", "tls.handshake.extension.type",
         "tls.handshake.sig_hash_alg", "tls.handshake.sig_hash_alg_len", "tls.handshake.type"]


def fields(path, filter_, names):
    command = ["tshark", "-n", "-r", path, "-Y", filter_, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=;"]
    for name in names:
        command += ["-e", name]
    for line in run(*command).splitlines():
        values = line.split("\t")
        yield dict(zip(names, values + [""] * (len(names) - len(values))))


def ends_of(row):
    def end(ip, ip6, tcp, udp):
        address = (row[ip] or row[ip6]).split(";")[-1]
        port = (row[tcp] or row[udp]).split(";")[-1]
        return (address, int(port)) if address and port else None
    source = end("ip.src", "ipv6.src", "tcp.srcport", "udp.srcport")
    target = end("ip.dst", "ipv6.dst", "tcp.dstport", "udp.dstport")
    transport = "tcp" if row["tcp.srcport"] else "udp"
    return (transport, source, target) if source and target else None


def numbers(text):
    return [int(part, 0) for part in text.split(";") if part]


def supported_of(row):
    return numbers(row["tls.handshake.extensions.supported_version"])


def signatures_of(row, kinds):
    """Those of the extension signature_algorithms; delegated credentials and certificates have such lists too."""
    listed, lengths = numbers(row["tls.handshake.sig_hash_alg"]), numbers(row["tls.handshake.sig_hash_alg_len"])
    for kind, length in zip([kind for kind in kinds if kind in (13, 34, 50)], lengths):
        if kind == 13:
            return listed[: length // 2]
        listed = listed[length // 2 :]
    return []


def ja4(row, transport):
    """FoxIO, technical_details/JA4.md. None if several hellos share the packet."""
    if row["tls.handshake.type"].split(";").count("1") != 1:
        return None
    # A draft of TLS 1.3 is written as what it is a draft of; FoxIO has no letters for drafts.
    supported = [0x0304 if v >> 8 in (0x7F, 0x7E) else v for v in supported_of(row)]
    supported = [v for v in supported if v not in GREASE]
    version = max(supported) if supported else numbers(row["tls.handshake.version"])[0]
    letters = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}
    ciphers = [c for c in numbers(row["tls.handshake.ciphersuite"]) if c not in GREASE]
    kinds = [k for k in numbers(row["tls.handshake.extension.type"]) if k not in GREASE]
    alpn = row["tls.handshake.extensions_alpn_str"].split(";")[0]
    if not alpn:
        ends = "00"
    elif alpn[0].isalnum() and alpn[-1].isalnum() and alpn.isascii():
        ends = alpn[0] + alpn[-1]
    else:
        ends = alpn.encode().hex()[0] + alpn.encode().hex()[-1]
    start = "%s%s%s%02d%02d%s" % ("q" if transport == "udp" else "t", letters.get(version, "00"),
                                  "d" if 0 in kinds else "i", min(len(ciphers), 99), min(len(kinds), 99), ends)
    def digest(text):
        return hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12
    listed = ",".join(sorted("%04x" % c for c in ciphers))
    others = ",".join(sorted("%04x" % k for k in kinds if k not in (0, 16)))
    signatures = ",".join("%04x" % s for s in signatures_of(row, kinds))
    described = others + ("_" + signatures if signatures else "")
    return "%s_%s_%s" % (start, digest(listed), digest(described if others else ""))


def tshark_hellos(path):
    hellos = {}
    for row in fields(path, "tls.handshake.type == 1 && !dtls", ENDS + HELLO):
        ends = ends_of(row)
        if ends is None:
            continue
        transport, source, target = ends
        names = row["tls.handshake.extensions_server_name"].split(";")
        hello = {"sni": name_of(names[0]) or None, "ja4": ja4(row, transport),
                 "alpn": row["tls.handshake.extensions_alpn_str"].split(";")[0] or None}
        hellos.setdefault(key(transport, source, target), []).append(hello)
    return hellos


def tshark_tcp_bytes(path):
    """Payload of each connection after reassembly: {ends: [(sent by first, sent by second)]}."""
    streams = {row["tcp.stream"] for row in fields(path, "tcp", ["tcp.stream"])}
    counts = collections.defaultdict(list)
    if len(streams) > MAX_STREAMS:
        return counts
    command = ["tshark", "-n", "-q", "-r", path]
    for stream in sorted(streams, key=int):
        command += ["-z", "follow,tcp,raw,%s" % stream]
    nodes, sent = [], [0, 0]
    for line in run(*command).splitlines() if streams else []:
        if line.startswith("Node "):
            host, port = line.split(": ", 1)[1].rsplit(":", 1)
            nodes.append((host.strip("[]"), int(port)))
        elif line.startswith("===") and len(nodes) == 2:
            counts[key("tcp", *nodes)].append(dict(zip(nodes, sent)))
            nodes, sent = [], [0, 0]
        elif len(nodes) == 2 and line.strip() and all(c in "0123456789abcdef" for c in line.strip()):
            sent[1 if line.startswith("\t") else 0] += len(line.strip()) // 2
    return counts


def tshark_udp_bytes(path):
    counts = {}
    for row in fields(path, "udp && !icmp && !icmpv6", ENDS + ["udp.length"]):
        ends = ends_of(row)
        if ends is None or not row["udp.length"]:
            continue
        transport, source, target = ends
        sent = counts.setdefault(key(transport, source, target), collections.Counter())
        sent[source] += int(row["udp.length"].split(";")[-1]) - 8
    return counts


# ---- ndpiReader


def ndpi_hellos(path):
    hellos = {}
    with tempfile.NamedTemporaryFile(suffix=".csv") as out:
        run("ndpiReader", "-q", "-i", path, "-C", out.name)
        with open(out.name, newline="", errors="replace") as lines:
            for row in csv.DictReader(lines):
                spoken = row.get("ndpi_proto") or ""
                if not spoken.startswith(("TLS", "QUIC")) or row.get("protocol") not in ("6", "17"):
                    continue
                transport = "tcp" if row["protocol"] == "6" else "udp"
                ends = [(row["src_ip"], int(row["src_port"])), (row["dst_ip"], int(row["dst_port"]))]
                alpn = (row.get("flow_info") or "").split(";")[0]
                name = name_of(row.get("server_name_sni") or "") or None
                hellos[key(transport, *ends)] = {"sni": name, "alpn": alpn or None}
    return hellos


# ---- comparison


def compare(path, binary, say, table):
    flows = ours(binary, path)
    shark, ndpi = tshark_hellos(path), ndpi_hellos(path)
    tcp, udp = tshark_tcp_bytes(path), tshark_udp_bytes(path)
    table["captures"] += 1
    table["flows"] += sum(map(len, flows.values()))
    for ends in set(flows) | set(shark) | set(ndpi):
        mine = [flow for flow in flows.get(ends, []) if flow["tls_version"] or flow["sni"]]
        theirs = shark.get(ends, [])
        names = {"us": {f["sni"] for f in mine} - {None}, "tshark": {h["sni"] for h in theirs} - {None},
                 "ndpi": {ndpi.get(ends, {}).get("sni")} - {None}}
        if mine or theirs or ends in ndpi:
            table["TLS or QUIC flows"] += 1
            found = [who for who in names if names[who]]
            table["named by " + " + ".join(found) if found else "named by none"] += 1
        for field in ("sni", "alpn", "ja4"):
            value = lambda flow: (flow["alpn"] or [None])[0] if field == "alpn" else flow[field]
            # A hello sent again after a HelloRetryRequest is another hello of the same flow: any may be the one.
            said, known = {value(flow) for flow in mine}, {hello[field] for hello in theirs}
            if not said <= known or (known and not said):
                say(path, "tshark", field, ends, sorted(map(str, said)), sorted(map(str, known)))
        other = ndpi.get(ends, {})
        for field in ("sni", "alpn"):
            said = {flow["sni"] if field == "sni" else (flow["alpn"] or [None])[0] for flow in mine}
            if other.get(field) and other[field] not in said:
                say(path, "ndpi", field, ends, sorted(map(str, said)), [other[field]])
    for ends, counts in list(tcp.items()) + [(ends, [count]) for ends, count in udp.items()]:
        both = lambda sent: tuple(sent.get(end, 0) for end in ends[1])
        said = collections.Counter()
        for flow in flows.get(ends, []):
            said[flow["ends"][0]] += flow["bytes_out"]
            said[flow["ends"][1]] += flow["bytes_in"]
        known = sum((collections.Counter(count) for count in counts), collections.Counter())
        table["flows whose bytes were compared"] += 1
        if both(said) != both(known):
            say(path, "tshark", "bytes", ends, [str(both(said))], [str(both(known))])


def captures_of(given):
    for path in given:
        if os.path.isfile(path):
            yield path
        for folder, _, names in sorted(os.walk(path)):
            yield from (os.path.join(folder, name) for name in sorted(names) if name.endswith((".pcap", ".pcapng")))


def accepted():
    with open(os.path.join(HERE, "oracles.tsv")) as lines:
        rows = [line.rstrip("\n").split("\t") for line in lines if line.strip() and not line.startswith("#")]
    bad = [row for row in rows if len(row) != 4]
    if bad:
        sys.exit("oracles.tsv: not four columns: %r" % bad[0])
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cloudward", default=os.path.join(HERE, "..", "target", "release", "cloudward"))
    parser.add_argument("captures", nargs="*")
    args = parser.parse_args()
    known, used, table = accepted(), set(), collections.Counter()
    unexplained = []

    def say(path, tool, field, ends, said, theirs):
        transport, (one, other) = ends
        line = "%s: %s %s:%d %s:%d: %s: we say %s, %s says %s" % (
            path, transport, *one, *other, field, ", ".join(said) or "-", tool, ", ".join(theirs) or "-")
        for index, (file, whose, what, reason) in enumerate(known):
            names = "|".join(map(re.escape, file.split("|")))
            if re.search(r"(^|/)(%s)[./]" % names, path) and whose == tool and what == field:
                used.add(index)
                table["differences explained"] += 1
                print("explained  %s\n           (%s)" % (line, reason))
                return
        unexplained.append(line)
        print("DIFFERENT  %s" % line)

    for path in captures_of(args.captures or [os.path.join(HERE, "captures")]):
        compare(path, args.cloudward, say, table)
    stale = [] if args.captures else [row for index, row in enumerate(known) if index not in used]
    for row in stale:
        print("STALE      oracles.tsv: %s" % "\t".join(row))
    table["differences without explanation"] = len(unexplained)
    print()
    for what in sorted(table, key=lambda what: (what.startswith("differences"), what.startswith("named"), what)):
        print("%6d  %s" % (table[what], what))
    sys.exit(1 if unexplained or stale or not table["TLS or QUIC flows"] else 0)


if __name__ == "__main__":
    main()
