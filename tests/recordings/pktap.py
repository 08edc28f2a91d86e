"""tcpdump's Ethernet capture -> PKTAP v1 / v2 pcap, or pcapng with Darwin process blocks. The packets themselves stay as captured."""
import socket
import struct
import zlib

MDNS = (412, "mDNSResponder")
IN, OUT, DELEGATED, NEW_FLOW, SOCKET, V2 = 1, 2, 4, 0x4000, 0x20000, 0x80000


def read_pcap(path):
    with open(path, "rb") as f:
        data = f.read()
    magic, = struct.unpack_from("<I", data)
    scale = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}[magic]
    assert struct.unpack_from("<I", data, 20)[0] == 1, "Ethernet expected"
    at = 24
    while at + 16 <= len(data):
        sec, frac, cap, length = struct.unpack_from("<IIII", data, at)
        yield sec * 10**9 + frac * scale, data[at + 16:at + 16 + cap], length
        at += 16 + cap


def flow_of(frame):
    """(family, ip protocol, "src:port", "dst:port") in strace's spelling, or None."""
    kind, = struct.unpack_from("!H", frame, 12)
    if kind == 0x0800:
        ihl, proto = (frame[14] & 15) * 4, frame[23]
        a, b = socket.inet_ntoa(frame[26:30]), socket.inet_ntoa(frame[30:34])
        at, family = 14 + ihl, 2
    elif kind == 0x86DD:
        proto, at, family = frame[20], 54, 30
        a, b = ("[%s]" % socket.inet_ntop(socket.AF_INET6, x) for x in (frame[22:38], frame[38:54]))
    else:
        return None
    if proto not in (6, 17):
        return None
    sport, dport = struct.unpack_from("!HH", frame, at)
    return family, proto, "%s:%d" % (a, sport), "%s:%d" % (b, dport)


class Tap:
    """Packets with the process that owns their socket."""
    def __init__(self, pcap, owners, client_mac):
        self.packets, self.unowned = [], 0
        seen = set()
        owner = {tuple(k.split("->")): v for k, v in owners.items()}
        # two CPUs may hand over packets a few microseconds out of turn
        for ns, frame, length in sorted(read_pcap(pcap), key=lambda row: row[0]):
            out = frame[6:12] == client_mac
            flow = flow_of(frame)
            if flow is None:
                if frame[12:14] == b"\x08\x06" or frame[12:14] == b"\x86\xdd":
                    self.packets.append((ns, frame, length, out, None, 0, 0, 0, False))
                continue
            family, proto, src, dst = flow
            key = (src, dst) if out else (dst, src)
            who = owner.get(key)
            if who is None:
                self.unowned += 1
            held = [w for w in who if w[0] * 1e9 <= ns][-1:] or who[:1] if who else [None]
            flowid = zlib.crc32(repr((proto, key)).encode()) | 1
            self.packets.append((ns, frame, length, out, held[0], family, proto, flowid, key not in seen))
            seen.add(key)

    def described(self):
        """Adds what macOS says of a packet: pid, comm, effective pid and comm, flags."""
        for ns, frame, length, out, who, family, proto, flowid, new in self.packets:
            pid, comm, epid, ecomm = (who[1], who[2], -1, "") if who else (-1, "", -1, "")
            flags = OUT if out else IN
            if who:
                flags |= SOCKET | (NEW_FLOW if new else 0)
            if who and proto == 17:
                # on a Mac the resolver daemon asks, on behalf of the program
                epid, ecomm, (pid, comm) = pid, comm, MDNS
                flags |= DELEGATED
            yield ns, frame, length, family, proto, flowid, flags, pid, comm, epid, ecomm

    def write(self, out, form):
        {"v1": self.write_v1, "v2": self.write_v2, "pcapng": self.write_pcapng}[form](out)

    def write_pcap(self, out, header):
        # tcpdump on macOS writes microseconds
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 524288, 258))
        for row in self.described():
            ns, frame, length = row[:3]
            head = header(*row)
            out.write(struct.pack("<IIII", ns // 10**9, ns % 10**9 // 1000, len(head) + len(frame), len(head) + length) + head + frame)

    def write_v1(self, out):
        def header(ns, frame, length, family, proto, flowid, flags, pid, comm, epid, ecomm):
            h = struct.pack("<III24sIIIIi17sBHIHHi17s3xIIii16s16s", 156, 1, 1, b"en0", flags, family, 14, 0, pid, comm.encode()[:16], proto, 0, 0, 6, 0,
                            epid, ecomm.encode()[:16], flowid, 0, 0, 0, uuid(comm), uuid(ecomm))
            assert len(h) == 156
            return h
        self.write_pcap(out, header)

    def write_v2(self, out):
        def header(ns, frame, length, family, proto, flowid, flags, pid, comm, epid, ecomm):
            tail, offsets = b"", {}
            for name, data in (("uuid", uuid(comm)), ("euuid", uuid(ecomm)), ("ifname", b"en0\0"),
                               ("comm", comm.encode()[:16] + b"\0"), ("ecomm", ecomm.encode()[:16] + b"\0")):
                if data.strip(b"\0"):
                    offsets[name] = 40 + len(tail)
                    tail += data
            tail += b"\0" * (-len(tail) % 4)
            o = offsets.get
            h = struct.pack("<BBBBBBHHHHHIIIiiI", 40 + len(tail), o("uuid", 0), o("euuid", 0), o("ifname", 0), o("comm", 0), o("ecomm", 0), 1, 14, 0, 6,
                            proto, family, 0, flowid, pid, epid, flags | V2)
            assert len(h) == 40
            return h + tail
        self.write_pcap(out, header)

    def write_pcapng(self, out):
        out.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        out.write(block(1, struct.pack("<HHI", 1, 0, 524288) + options([(2, b"en0")])))
        index = {}

        def process(pid, comm):
            # a process block stands before the first packet that refers to it
            if (pid, comm) not in index:
                index[pid, comm] = len(index)
                out.write(block(0x80000001, struct.pack("<I", pid) + options([(2, comm.encode()), (4, uuid(comm))])))
            return struct.pack("<I", index[pid, comm])

        for ns, frame, length, family, proto, flowid, flags, pid, comm, epid, ecomm in self.described():
            opts = [(2, struct.pack("<I", flags & 3))]
            if pid >= 0:
                opts.append((0x8001, process(pid, comm)))
                if epid >= 0:
                    opts.append((0x8003, process(epid, ecomm)))
                opts += [(0x8002, struct.pack("<I", 0)), (0x8004, struct.pack("<I", 8 | bool(flags & NEW_FLOW))), (0x8005, struct.pack("<I", flowid))]
            us = ns // 1000
            body = struct.pack("<IIIII", 0, us >> 32, us & 0xFFFFFFFF, len(frame), length) + frame + b"\0" * (-len(frame) % 4)
            out.write(block(6, body + options(opts)))


def uuid(comm):
    return b"" if not comm else struct.pack("<IIII", *(zlib.crc32(b"%d" % i + comm.encode()) for i in range(4)))


def options(items):
    return b"".join(struct.pack("<HH", k, len(v)) + v + b"\0" * (-len(v) % 4) for k, v in items) + b"\0\0\0\0"


def block(kind, body):
    n = struct.pack("<I", 12 + len(body))
    return struct.pack("<I", kind) + n + body + n
