#!/usr/bin/env python3
"""What a thin 64-bit Mach-O says about itself: processor, oldest macOS, libraries.

usage: macho.py [--minos X.Y] [--cpu arm64|x86_64] FILE...

Prints one line per file; 1 if a demand is not met or a library lies outside the system's own places.
Layout: <mach-o/loader.h>, LC_BUILD_VERSION = 0x32, LC_LOAD_DYLIB = 0xc and its weak and re-exported kin.
"""
import argparse
import struct
import sys

CPUS = {0x0100000C: "arm64", 0x01000007: "x86_64"}
DYLIBS = {0xC, 0x80000018, 0x8000001F}
SYSTEM = ("/usr/lib/", "/System/Library/")


def read(path):
    data = open(path, "rb").read()
    magic, cpu, _, filetype, count, _, _, _ = struct.unpack_from("<8I", data)
    if magic != 0xFEEDFACF:
        sys.exit(f"{path}: not a thin 64-bit Mach-O (magic {magic:#x})")
    found = {"cpu": CPUS.get(cpu, hex(cpu)), "executable": filetype == 2, "minos": None, "libraries": []}
    at = 32
    for _ in range(count):
        command, size = struct.unpack_from("<2I", data, at)
        if command == 0x32:
            platform, minos, _ = struct.unpack_from("<3I", data, at + 8)
            found["minos"] = f"{minos >> 16}.{minos >> 8 & 255}" if platform == 1 else f"platform {platform}"
        elif command in DYLIBS:
            (offset,) = struct.unpack_from("<I", data, at + 8)
            found["libraries"].append(data[at + offset : at + size].split(b"\0")[0].decode())
        at += size
    return found


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--minos")
    options.add_argument("--cpu")
    options.add_argument("files", nargs="+")
    options = options.parse_args()
    bad = False
    for path in options.files:
        found = read(path)
        print(f"{path}: {found['cpu']}, minos {found['minos']}, {', '.join(found['libraries'])}")
        complaints = []
        if not found["executable"]:
            complaints.append("not an executable")
        if options.minos and found["minos"] != options.minos:
            complaints.append(f"minos is {found['minos']}, wanted {options.minos}")
        if options.cpu and found["cpu"] != options.cpu:
            complaints.append(f"processor is {found['cpu']}, wanted {options.cpu}")
        complaints += [f"library outside the system: {name}" for name in found["libraries"] if not name.startswith(SYSTEM)]
        for complaint in complaints:
            print(f"{path}: {complaint}", file=sys.stderr)
            bad = True
    sys.exit(bad)


main()
