"""Mach-O files: two programs in one, and the ad hoc signature.

An ad hoc signature names no signer. It seals the pages of the program and binds Info.plist, the bundle's resources and the
entitlements to it. With a certificate `rcodesign` signs, not this; the release compares the two, field by field.
Layouts: <mach-o/loader.h>, <mach-o/fat.h>, <kern/cs_blobs.h>; those of signatures and fat headers are big-endian.
"""
import hashlib
import plistlib
import struct

CPUS = {0x0100000C: "arm64", 0x01000007: "x86_64"}
SEGMENT, CODE_SIGNATURE, BUILD_VERSION = 0x19, 0x1D, 0x32
# Where a program may lie in a universal file, as a power of two: a page of Apple silicon.
FAT_ALIGN = 14
PAGE_BITS = 12
ADHOC, RUNTIME = 0x2, 0x10000
# Slots of a signature, and their magics.
DIRECTORY, INFO, REQUIREMENTS, RESOURCES, ENTITLEMENTS, ENTITLEMENTS_DER, CMS = 0, 1, 2, 3, 5, 7, 0x10000
MAGICS = {REQUIREMENTS: 0xFADE0C01, ENTITLEMENTS: 0xFADE7171, ENTITLEMENTS_DER: 0xFADE7172, CMS: 0xFADE0B01}


class Unusable(Exception):
    """A program that cannot be packaged, with the reason."""


def up(number, step):
    return (number + step - 1) // step * step


class Thin:
    """One program for one processor."""

    def __init__(self, data):
        self.data = bytearray(data)
        if len(data) < 32 or struct.unpack_from("<I", data)[0] != 0xFEEDFACF:
            raise Unusable("not a thin 64-bit Mach-O program")
        _, cpu, self.subcpu, _, self.count, self.size, _, _ = struct.unpack_from("<8I", data)
        if cpu not in CPUS:
            raise Unusable(f"for another processor ({cpu:#x})")
        self.cpu_type, self.cpu = cpu, CPUS[cpu]
        self.segments, self.signature, self.sdk, self.first_content = {}, None, 0, len(data)
        at = 32
        for _ in range(self.count):
            command, size = struct.unpack_from("<2I", data, at)
            if command == SEGMENT:
                self._segment(at)
            elif command == CODE_SIGNATURE:
                self.signature = at
            elif command == BUILD_VERSION:
                self.sdk = struct.unpack_from("<I", data, at + 16)[0]
            at += size
        if not {"__TEXT", "__LINKEDIT"} <= self.segments.keys():
            raise Unusable("without __TEXT or __LINKEDIT")

    def _segment(self, at):
        name = self.data[at + 8 : at + 24].rstrip(b"\0").decode()
        self.segments[name] = at
        (sections,) = struct.unpack_from("<I", self.data, at + 64)
        for number in range(sections):
            (offset,) = struct.unpack_from("<I", self.data, at + 72 + 80 * number + 48)
            self.first_content = min(self.first_content, offset or self.first_content)

    def prepare(self, size):
        """Makes room for a signature of `size` bytes behind everything else; where it begins."""
        if self.signature is None:
            self.signature, end = 32 + self.size, 32 + self.size + 16
            if end > self.first_content or any(self.data[self.signature : end]):
                raise Unusable("no room for a signature's load command: link with -headerpad 0x40")
            self.count, self.size = self.count + 1, self.size + 16
            struct.pack_into("<2I", self.data, 16, self.count, self.size)
        else:
            start = struct.unpack_from("<I", self.data, self.signature + 8)[0]
            del self.data[start:]
        self.data += bytes(up(len(self.data), 16) - len(self.data))
        start = len(self.data)
        struct.pack_into("<4I", self.data, self.signature, CODE_SIGNATURE, 16, start, size)
        linkedit = self.segments["__LINKEDIT"]
        (offset,) = struct.unpack_from("<Q", self.data, linkedit + 40)
        length = start + size - offset
        struct.pack_into("<Q", self.data, linkedit + 32, up(length, 1 << FAT_ALIGN))
        struct.pack_into("<Q", self.data, linkedit + 48, length)
        return start


def sign(data, identifier, info, resources, entitlements):
    """A thin program, signed ad hoc with the hardened runtime. Each of the last three: the file's bytes, or None."""
    blobs = {REQUIREMENTS: struct.pack(">I", 0), CMS: b""}
    if entitlements:
        blobs |= {ENTITLEMENTS: entitlements, ENTITLEMENTS_DER: entitlements_der(plistlib.loads(entitlements))}
    blobs = {slot: struct.pack(">2I", MAGICS[slot], 8 + len(body)) + body for slot, body in blobs.items()}
    bound = {INFO: info, RESOURCES: resources} | {slot: blob for slot, blob in blobs.items() if slot != CMS}
    special = {slot: hashlib.sha256(body).digest() for slot, body in bound.items() if body}
    thin = Thin(data)
    # The signature's length is known before its hashes are: the first time with the pages as they are.
    start = thin.prepare(0)
    length = len(superblob(directory(thin, start, identifier, special), blobs))
    start = thin.prepare(up(length, 16))
    signature = superblob(directory(thin, start, identifier, special), blobs)
    return bytes(thin.data[:start]) + signature + bytes(up(length, 16) - length)


def directory(thin, limit, identifier, special):
    """The code directory: what is signed. Version 0x20500, the first with the hardened runtime's version."""
    pages = [thin.data[at : min(at + (1 << PAGE_BITS), limit)] for at in range(0, limit, 1 << PAGE_BITS)]
    slots = max(special)
    name = identifier.encode() + b"\0"
    fixed = 96
    hashes = fixed + len(name) + 32 * slots
    text = struct.unpack_from("<2Q", thin.data, thin.segments["__TEXT"] + 40)
    body = struct.pack(
        ">7I4BIIIIQQQQII",
        *(0x20500, ADHOC | RUNTIME, hashes, fixed, slots, len(pages), limit),
        *(32, 2, 0, PAGE_BITS),  # SHA-256
        *(0, 0, 0, 0, 0),  # no spare, scatter, team, spare, 64-bit limit
        *(text[0], text[1], 1),  # the main program of its process
        *(thin.sdk, 0),
    )
    body += name + b"".join(special.get(slot, bytes(32)) for slot in range(slots, 0, -1))
    body += b"".join(hashlib.sha256(page).digest() for page in pages)
    return struct.pack(">2I", 0xFADE0C02, 8 + len(body)) + body


def superblob(code_directory, blobs):
    parts = sorted({DIRECTORY: code_directory, **blobs}.items())
    at, index = 12 + 8 * len(parts), b""
    for slot, blob in parts:
        index += struct.pack(">2I", slot, at)
        at += len(blob)
    return struct.pack(">3I", 0xFADE0CC0, at, len(parts)) + index + b"".join(blob for _, blob in parts)


def entitlements_der(tree):
    """Entitlements as macOS 12 and later read them: a version, then pairs in the order of their names."""
    return der(0x70, der(0x02, b"\x01") + der(0xB0, b"".join(pair(key, tree[key]) for key in sorted(tree))))


def pair(key, value):
    return der(0x30, der(0x0C, key.encode()) + der_value(value))


def der_value(value):
    if isinstance(value, bool):
        return der(0x01, b"\xff" if value else b"\0")
    if isinstance(value, str):
        return der(0x0C, value.encode())
    if isinstance(value, list):
        return der(0x30, b"".join(map(der_value, value)))
    raise Unusable(f"an entitlement that is a {type(value).__name__}")


def der(tag, body):
    length = len(body)
    if length < 0x80:
        return bytes([tag, length]) + body
    digits = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(digits)]) + digits + body


def universal(programs):
    """Thin programs in one file, each for another processor, on page boundaries and in the order of their numbers."""
    thins = sorted((Thin(program) for program in programs), key=lambda thin: thin.cpu_type)
    if len({thin.cpu for thin in thins}) != len(thins):
        raise Unusable("two programs for one processor")
    at, header, body = up(8 + 20 * len(thins), 1 << FAT_ALIGN), struct.pack(">2I", 0xCAFEBABE, len(thins)), b""
    start = at
    for thin in thins:
        header += struct.pack(">5I", thin.cpu_type, thin.subcpu, at, len(thin.data), FAT_ALIGN)
        body += bytes(at - start - len(body)) + thin.data
        at = up(at + len(thin.data), 1 << FAT_ALIGN)
    return header + bytes(start - len(header)) + body
