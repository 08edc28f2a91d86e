#!/usr/bin/env python3
"""Runs `cloudward flows`, tshark and ndpiReader over one generated capture, in turns, and prints what each costs.

    benches/flows.py [--cloudward BINARY] [--megabytes 300] [--rounds 3] [--capture FILE]

The capture is Ethernet (ndpiReader knows no PKTAP): DNS, TCP with TLS hellos, four in ten of them split over two segments,
3 % without a name, 15 % over IPv6, one data segment in fifty out of order, one in a hundred sent twice; the same bytes for
the same size. CPU is user and system time of the whole process, start and output included. Names found are held against
what was generated; flows without a server name are named by DNS alone, which only the first program attempts.
"""
import argparse, os, random, statistics, struct, subprocess, tempfile, time

HOSTS = ["content.dropboxapi.com", "bucket-%d.s3.eu-west-1.amazonaws.com", "www.host-%d.example", "drive.google.com",
         "acct%d.blob.core.windows.net", "api-%d.service.example.org", "storage.googleapis.com", "cdn%d.example.net"]


def block(*parts):
    return b"".join(parts)


def extension(kind, body):
    return struct.pack(">HH", kind, len(body)) + body


def hello(random_, name, padding):
    extensions = b""
    if name:
        host = name.encode()
        extensions += extension(0, struct.pack(">HBH", len(host) + 3, 0, len(host)) + host)
    extensions += extension(16, b"\0\x0c\x02h2\x08http/1.1") + extension(43, b"\x04\x03\x04\x03\x03")
    extensions += extension(13, b"\0\x04\x04\x03\x08\x04") + extension(21, bytes(padding))
    body = block(b"\x03\x03", random_.randbytes(32), b"\x20", random_.randbytes(32), b"\0\x06\x13\x01\x13\x02\x13\x03\x01\0",
                 struct.pack(">H", len(extensions)), extensions)
    message = b"\x01" + struct.pack(">I", len(body))[1:] + body
    return b"\x16\x03\x01" + struct.pack(">H", len(message)) + message


def ip(source, target, protocol, body):
    if len(source) == 4:
        head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0x4000, 64, protocol, 0)
        return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + head + source + target + body
    head = struct.pack(">IHBB", 6 << 28, len(body), protocol, 64)
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x86\xdd" + head + source + target + body


def dns(name, address, number):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split(".")) + b"\0"
    kind = 1 if len(address) == 4 else 28
    question = labels + struct.pack(">HH", kind, 1)
    query = struct.pack(">HHHHHH", number, 0x100, 1, 0, 0, 0) + question
    answer = struct.pack(">HHHHHH", number, 0x8180, 1, 1, 0, 0) + question
    return query, answer + struct.pack(">HHHIH", 0xC00C, kind, 1, 300, len(address)) + address


def flow(random_, index):
    """The packets of one flow, its name, and whether its hello tells it."""
    host = random_.choice(HOSTS)
    name = host % (index % 977) if "%" in host else host
    six = random_.random() < 0.15
    local = (b"\xfd" + bytes(14) + b"\x02") if six else b"\xc0\xa8\x01\x17"
    far = random_.randbytes(3)
    remote = (b"\x26\x06\x47" + bytes(10) + far) if six else b"\x22" + far
    resolver = (b"\xfd" + bytes(14) + b"\x01") if six else b"\xc0\xa8\x01\x01"
    port = 10000 + index % 50000
    query, answer = dns(name, remote, index & 0xFFFF)
    packets = []

    def udp(source, target, ports, body):
        packets.append(ip(source, target, 17, struct.pack(">HHHH", *ports, 8 + len(body), 0) + body))

    udp(local, resolver, (port, 53), query)
    udp(resolver, local, (53, port), answer)
    numbers = [random_.getrandbits(32), random_.getrandbits(32)]

    def tcp(side, flags, body=b"", at=None):
        seq = numbers[side] if at is None else at
        ports = (port, 443) if side == 0 else (443, port)
        head = struct.pack(">HHIIBBHHH", *ports, seq & 0xFFFFFFFF, numbers[1 - side] & 0xFFFFFFFF, 0x50, flags, 4096, 0, 0)
        ends = (local, remote) if side == 0 else (remote, local)
        packets.append(ip(*ends, 6, head + body))
        if at is None:
            numbers[side] += len(body) + (1 if flags & 3 else 0)

    tcp(0, 2)
    tcp(1, 18)
    tcp(0, 16)
    shown = random_.random() >= 0.03
    greeting = hello(random_, name if shown else None, random_.choice((0, 100, 1200)))
    cut = random_.randrange(60, len(greeting)) if random_.random() < 0.4 else len(greeting)
    for part in (greeting[:cut], greeting[cut:]):
        if part:
            tcp(0, 24, part)
    tcp(1, 24, b"\x16\x03\x03\0\x04\x02\0\0\0" + b"\x17\x03\x03\x04\0" + bytes(1024))
    for _ in range(random_.randrange(4, 40)):
        side = random_.random() < 0.5
        before = numbers[side]
        size = random_.choice((1400, 1400, 600, 100))
        tcp(side, 24, b"\x17\x03\x03" + struct.pack(">H", size - 5) + bytes(size - 5))
        chance = random_.random()
        if chance < 0.01:
            packets.append(packets[-1])
        elif chance < 0.03 and numbers[side] != before:
            packets[-1], packets[-2] = packets[-2], packets[-1]
    tcp(0, 17)
    tcp(1, 17)
    tcp(0, 16)
    return packets, name, shown


def generate(path, megabytes):
    random_, names, shown, count, size = random.Random(7), 0, 0, 0, 24
    with open(path, "wb", 1 << 20) as out:
        out.write(struct.pack("<IHHIIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, 1))
        nanos, index, open_flows = 1_767_225_600_000_000_000, 0, []
        while size < megabytes << 20 or open_flows:
            while len(open_flows) < 64 and size < megabytes << 20:
                packets, _, tells = flow(random_, index)
                packets.reverse()
                open_flows.append(packets)
                index, names, shown = index + 1, names + 1, shown + tells
            packets = random_.choice(open_flows)
            for _ in range(min(len(packets), random_.randrange(1, 6))):
                packet = packets.pop()
                nanos += 100_000
                out.write(struct.pack("<IIII", nanos // 10**9, nanos % 10**9, len(packet), len(packet)) + packet)
                size += 16 + len(packet)
                count += 1
            if not packets:
                open_flows.remove(packets)
    return {"packets": count, "flows": names, "shown": shown}


def measure(command, out, stdin=subprocess.DEVNULL, errors=subprocess.DEVNULL):
    start = time.monotonic()
    child = subprocess.Popen(command, stdin=stdin, stdout=out, stderr=errors)
    _, status, usage = os.wait4(child.pid, 0)
    if status != 0:
        raise SystemExit("%s failed: status %d" % (command[0], status))
    return {"wall": time.monotonic() - start, "cpu": usage.ru_utime + usage.ru_stime, "rss": usage.ru_maxrss / 1024}


def named_by_us(path):
    with open(path) as lines:
        return sum(1 for line in lines if '"transport":"tcp"' in line and '"domain":"' in line)


def named_by_tshark(path):
    with open(path) as lines:
        return len({line.split("\t")[0] for line in lines if line.rstrip("\n").split("\t")[-1]})


def named_by_ndpi(path):
    with open(path, errors="replace") as lines:
        rows = (line.split(",") for line in lines)
        return sum(1 for row in rows if len(row) > 11 and row[1] == "6" and row[11])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--cloudward", default=os.path.join(here, "..", "target", "release", "cloudward"))
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--capture", help="keep the capture here")
    args = parser.parse_args()
    folder = tempfile.TemporaryDirectory()
    path = args.capture or os.path.join(folder.name, "capture.pcap")
    truth = generate(path, args.megabytes)
    csv = os.path.join(folder.name, "ndpi.csv")
    tools = {
        "cloudward flows": ([args.cloudward, "flows", "--format", "json", path], named_by_us),
        "ndpiReader": (["ndpiReader", "-q", "-i", path, "-C", csv], named_by_ndpi),
        "tshark": (["tshark", "-n", "-r", path, "-Y", "tls.handshake.extensions_server_name", "-T", "fields", "-e",
                    "tcp.stream", "-e", "tls.handshake.extensions_server_name"], named_by_tshark),
    }
    runs = {tool: [] for tool in tools}
    names = {}
    for _ in range(args.rounds):
        for tool, (command, count) in tools.items():
            said = os.path.join(folder.name, "said")
            with open(said, "w") as out:
                runs[tool].append(measure(command, out))
            names[tool] = count(csv if tool == "ndpiReader" else said)
    print("%d packets, %d MB, %d TLS flows, %d of them with a server name\n"
          % (truth["packets"], os.path.getsize(path) >> 20, truth["flows"], truth["shown"]))
    print("| program | ns CPU per packet | packets/s | MB/s | RSS MiB | named | CPU, times ours | wall, times ours |")
    print("|---|---|---|---|---|---|---|---|")
    ours = runs["cloudward flows"]
    for tool, results in runs.items():
        middle = lambda what: statistics.median(result[what] for result in results)
        # Each against ours of the same round: the machine's mood changes between rounds.
        ratio = lambda what: statistics.median(result[what] / own[what] for result, own in zip(results, ours))
        print("| %s | %.0f | %.0f | %.0f | %.0f | %.4f | %.1f | %.1f |" % (
            tool, middle("cpu") * 1e9 / truth["packets"], truth["packets"] / middle("wall"),
            os.path.getsize(path) / middle("wall") / 2**20, middle("rss"), names[tool] / truth["flows"],
            ratio("cpu"), ratio("wall")))
    versions = [["tshark", "--version"], ["ndpiReader", "-h"]]
    for command in versions:
        said = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout.decode()
        print("\n" + next(iter(said.splitlines()), command[0]), end="")
    print()


if __name__ == "__main__":
    main()
