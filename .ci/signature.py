#!/usr/bin/env python3
"""Reads the code signature of each program in a Mach-O file and checks all that it seals, as `codesign --verify` would.

usage: signature.py [--bundle CONTENTS] [--entitlement KEY]... [--no-entitlements] [--not-adhoc] FILE

Shares no code with what signs. Checked: every page's hash, the bound slots (Info.plist, requirements, CodeResources,
entitlements in both forms), the hardened runtime's flag, that the signature ends the file; of a bundle also each sealed
file. Not checked: a signer's certificate. Layouts: <kern/cs_blobs.h>, big-endian.
"""
import argparse
import hashlib
import os
import plistlib
import struct
import sys

CPUS = {0x0100000C: "arm64", 0x01000007: "x86_64"}
FLAGS = {0x2: "adhoc", 0x10000: "runtime", 0x20000: "linker-signed"}


def fail(text):
    sys.exit(f"signature: {text}")


def slices(data):
    if data[:4] != b"\xca\xfe\xba\xbe":
        yield data
        return
    for number in range(struct.unpack_from(">I", data, 4)[0]):
        _, _, offset, size, align = struct.unpack_from(">5I", data, 8 + 20 * number)
        if offset % (1 << align) or offset + size > len(data):
            fail(f"slice {number} lies at {offset}, {size} bytes")
        yield data[offset : offset + size]


def blobs(program):
    """{slot: blob} of a thin program, and where its signature begins."""
    magic, _, _, _, count, _, _, _ = struct.unpack_from("<8I", program)
    if magic != 0xFEEDFACF:
        fail("not a 64-bit Mach-O program")
    at, place, linkedit = 32, None, None
    for _ in range(count):
        command, size = struct.unpack_from("<2I", program, at)
        if command == 0x1D:
            place = struct.unpack_from("<2I", program, at + 8)
        if command == 0x19 and program[at + 8 : at + 24].startswith(b"__LINKEDIT\0"):
            _, _, offset, length = struct.unpack_from("<4Q", program, at + 24)
            linkedit = offset + length
        at += size
    if place is None:
        fail("not signed")
    if sum(place) != len(program) or linkedit != len(program):
        fail(f"the signature ends at {sum(place)}, __LINKEDIT at {linkedit}, the file at {len(program)}")
    blob = program[place[0] :]
    magic, length, count = struct.unpack_from(">3I", blob)
    if magic != 0xFADE0CC0 or length > place[1]:
        fail(f"signature of {length} bytes, magic {magic:#x}")
    found = {}
    for number in range(count):
        slot, offset = struct.unpack_from(">2I", blob, 12 + 8 * number)
        (size,) = struct.unpack_from(">I", blob, offset + 4)
        found[slot] = blob[offset : offset + size]
    return found, place[0]


def read_der(data):
    """(tag, body, rest)"""
    tag, length, at = data[0], data[1], 2
    if length & 0x80:
        at += length & 0x7F
        length = int.from_bytes(data[2:at], "big")
    return tag, data[at : at + length], data[at + length :]


def der_entitlements(blob):
    """Entitlements of slot 7, as far as they are booleans and texts."""
    tag, body, rest = read_der(blob[8:])
    version, number, body = read_der(body)
    if (tag, rest, version, number) != (0x70, b"", 0x02, b"\x01"):
        fail("entitlements in DER: another frame than version 1")
    _, pairs, _ = read_der(body)
    found = {}
    while pairs:
        _, pair, pairs = read_der(pairs)
        _, key, value = read_der(pair)
        kind, value, _ = read_der(value)
        found[key.decode()] = value == b"\xff" if kind == 0x01 else value.decode()
    return found


def check_program(program, contents):
    """One line of what is seen, the flags, and the entitlements."""
    found, start = blobs(program)
    directory = found[0]
    version, flags, hashes, name, special, count, limit = struct.unpack_from(">7I", directory, 8)
    size, kind, _, bits = directory[36:40]
    if limit != start or (size, kind) != (32, 2):
        fail(f"the code directory covers {limit} of {start} bytes, with hashes of kind {kind}")
    pages = [program[at : min(at + (1 << bits), limit)] for at in range(0, limit, 1 << bits)]
    if len(pages) != count:
        fail(f"{count} hashes for {len(pages)} pages")
    for number, page in enumerate(pages):
        if directory[hashes + 32 * number :][:32] != hashlib.sha256(page).digest():
            fail(f"page {number} was changed")
    bound = {2: found.get(2), 5: found.get(5), 7: found.get(7)}
    if contents:
        for slot, file in ((1, "Info.plist"), (3, "_CodeSignature/CodeResources")):
            with open(os.path.join(contents, file), "rb") as opened:
                bound[slot] = opened.read()
    for slot, body in bound.items():
        wanted = hashlib.sha256(body).digest() if body else bytes(32)
        if (directory[hashes - 32 * slot :][:32] if slot <= special else bytes(32)) != wanted:
            fail(f"slot {slot} does not bind what is there")
    entitlements = plistlib.loads(found[5][8:]) if 5 in found else {}
    if entitlements and der_entitlements(found[7]) != entitlements:
        fail("the two forms of the entitlements differ")
    identifier = directory[name : directory.index(b"\0", name)].decode()
    runtime = struct.unpack_from(">I", directory, 88)[0] if version >= 0x20500 else 0
    cdhash = hashlib.sha256(directory).hexdigest()[:40]
    named = [text for bit, text in FLAGS.items() if flags & bit]
    cpu = CPUS[struct.unpack_from("<I", program, 4)[0]]
    print(
        f"{cpu}: {identifier}, flags {','.join(named)}, runtime {runtime >> 16}.{runtime >> 8 & 255}, {count} pages, "
        f"cdhash {cdhash}, cms {len(found.get(0x10000, b'')) - 8} bytes, entitlements {sorted(entitlements)}"
    )
    return named, entitlements


def check_resources(contents):
    with open(os.path.join(contents, "_CodeSignature/CodeResources"), "rb") as file:
        sealed = plistlib.load(file)["files2"]
    there = set()
    for folder, _, names in os.walk(contents):
        there |= {os.path.relpath(os.path.join(folder, name), contents) for name in names}
    unsealed = {"Info.plist", "MacOS/cloudward", "_CodeSignature/CodeResources"}
    if there - unsealed != sealed.keys():
        fail(f"sealed {sorted(sealed)}, there {sorted(there)}")
    for name, entry in sealed.items():
        with open(os.path.join(contents, name), "rb") as file:
            if hashlib.sha256(file.read()).digest() != entry["hash2"]:
                fail(f"{name} was changed")
    print(f"{len(sealed)} sealed files: {', '.join(sorted(sealed))}")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--bundle")
    options.add_argument("--entitlement", action="append", default=[])
    options.add_argument("--no-entitlements", action="store_true")
    options.add_argument("--not-adhoc", action="store_true")
    options.add_argument("file")
    options = options.parse_args()
    with open(options.file, "rb") as file:
        data = file.read()
    for program in slices(data):
        flags, entitlements = check_program(program, options.bundle)
        if "runtime" not in flags:
            fail("without the hardened runtime")
        if ("adhoc" in flags) == options.not_adhoc:
            fail(f"flags {flags}")
        for key in options.entitlement:
            if not entitlements.get(key):
                fail(f"without the entitlement {key}")
        if options.no_entitlements and entitlements:
            fail(f"with entitlements {sorted(entitlements)}")
    if options.bundle:
        check_resources(options.bundle)


main()
