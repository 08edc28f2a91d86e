"""Packets of generated connections: TCP with a TLS hello, its bytes both ways, and the DNS answer before it."""
import random, struct

from flows import dns, hello, ip

SEGMENT = 1400
SURPLUS = 64 * 1024
PLAIN, PKTAP = 1, 258
_IN, _OUT = 1, 2
_BODY = random.Random(3).randbytes(16384)


def address_of(host, six):
    """The same address for a host every time."""
    chance = random.Random(host)
    if six:
        return b"\x26\x06\x47\x00" + bytes(8) + chance.randbytes(4)
    return bytes([chance.randrange(23, 200)]) + chance.randbytes(3)


def connection(chance, number, host, sent, ask=True, no_name=0.03, six_share=0.15):
    """A whole connection that sends `sent` bytes to `host`: `(seconds from the hello, outbound, frame)` in order, and after how
    many seconds it is clear that it uploads: when it has sent `SURPLUS` more than it received, handshakes left out on both
    sides, else at its end.

    Four hellos in ten come in two segments, as those with a post-quantum key share do.
    """
    six = chance.random() < six_share
    local, resolver = (b"\xfd" + bytes(14) + b"\x17", b"\xfd" + bytes(14) + b"\x01") if six else (b"\xc0\xa8\x01\x17", b"\xc0\xa8\x01\x01")
    remote, port = address_of(host, six), 16384 + number % 49000
    packets, numbers = [], [chance.getrandbits(31), chance.getrandbits(31)]
    surplus, clear, counts = 0, None, False
    shown = chance.random() >= no_name

    def add(at, outbound, protocol, peer, body):
        ends = (local, peer) if outbound else (peer, local)
        packets.append((at, outbound, ip(*ends, protocol, body)))

    def tcp(at, side, flags, body=b""):
        nonlocal surplus, clear
        ports = (port, 443) if side == 0 else (443, port)
        head = struct.pack(">HHIIBBHHH", *ports, numbers[side] & 0xFFFFFFFF, numbers[1 - side] & 0xFFFFFFFF, 0x50, flags, 4096, 0, 0)
        add(at, side == 0, 6, remote, head + body)
        numbers[side] += len(body) + (1 if flags & 3 else 0)
        if counts:
            surplus += len(body) if side == 0 else -len(body)
        if clear is None and surplus >= SURPLUS:
            clear = at

    if ask or not shown:
        query, answer = dns(host, remote, number & 0xFFFF)
        ask_port = 20000 + number % 40000
        add(-0.08, True, 17, resolver, struct.pack(">HHHH", ask_port, 53, 8 + len(query), 0) + query)
        add(-0.07, False, 17, resolver, struct.pack(">HHHH", 53, ask_port, 8 + len(answer), 0) + answer)
    tcp(-0.03, 0, 2)
    tcp(-0.02, 1, 18)
    tcp(-0.019, 0, 16)
    long = chance.random() < 0.4
    greeting = hello(chance, host if shown else None, 1216 if long else 64)
    cut = chance.randrange(60, len(greeting)) if long else len(greeting)
    for part in (greeting[:cut], greeting[cut:]):
        if part:
            tcp(0.0, 0, 24, part)
    tcp(0.01, 1, 24, b"\x16\x03\x03\0\x04\x02\0\0\0" + b"\x17\x03\x03\x04\0" + _BODY[:1024])
    at, left, count, counts = 0.012, max(0, sent - len(greeting)), 0, True
    pace = min(0.0004, 1.0 / (1 + left / SEGMENT))
    while left > 0:
        record = min(left, 16384)
        body = b"\x17\x03\x03" + struct.pack(">H", max(0, record - 5)) + _BODY[:max(0, record - 5)]
        left -= record
        for start in range(0, len(body), SEGMENT):
            at, count = at + pace, count + 1
            tcp(at, 0, 24, body[start:start + SEGMENT])
            if count % 2 == 0:
                tcp(at, 1, 16)
    tcp(at + 0.01, 1, 24, b"\x17\x03\x03\x02\xbc" + _BODY[:700])
    tcp(at + 0.02, 0, 17)
    tcp(at + 0.02, 1, 17)
    tcp(at + 0.02, 0, 16)
    return packets, at + 0.02 if clear is None else clear


def file_header(link):
    return struct.pack("<IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, link)


def pktap(outbound, six, pid, name):
    """`struct pktap_header` as macOS writes it today: 156 bytes, of which the times and UUIDs at the end stay zero."""
    name = name.encode()[:16]
    head = struct.pack("<III24sIIIIi20sIHHi20s", 156, 1, PLAIN, b"en0", _OUT if outbound else _IN, 30 if six else 2, 14, 0,
                       pid, name, 0, 6, 0, pid, name)
    return head + bytes(156 - len(head))


def record(seconds, frame, head=b""):
    whole = int(seconds)
    length = len(head) + len(frame)
    return struct.pack("<IIII", whole, int((seconds - whole) * 1e6), length, length) + head + frame
