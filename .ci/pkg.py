#!/usr/bin/env python3
"""Opens an installer package with other people's tools (bsdtar, cpio, cksum) and compares what its parts say.

usage: pkg.py PACKAGE VERSION OUT

OUT gets `flat` (the archive's parts), `payload` (laid out) and `scripts`. The bill of materials has its reader
here; it shares no code with the writer. Layout of the bill: BOMStore, big-endian.
"""
import os
import pathlib
import plistlib
import shutil
import stat
import struct
import subprocess
import sys
import xml.etree.ElementTree as xml

IDENTIFIER = "com.cloudward.daemon"
PROGRAM = "Library/Application Support/cloudward/Cloudward.app/Contents/MacOS/cloudward"


def fail(text):
    sys.exit(f"pkg: {text}")


def unpack(archive, folder):
    folder.mkdir()
    gzip = subprocess.Popen(["gzip", "-dc", archive], stdout=subprocess.PIPE)
    cpio = ["cpio", "--extract", "--make-directories", "--quiet", "--no-absolute-filenames", "--preserve-modification-time"]
    subprocess.run(cpio, stdin=gzip.stdout, cwd=folder, check=True)
    if gzip.wait():
        fail(f"{archive} is no gzip file")


def bill(data):
    """{path: (kind, mode, owner, group, size, checksum, link)}"""
    if data[:8] != b"BOMStore":
        fail("Bom: no BOMStore")
    _, _, table, _, names, _ = struct.unpack_from(">6I", data, 8)

    def block(number):
        at, size = struct.unpack_from(">2I", data, table + 4 + 8 * number)
        return data[at : at + size]

    at, variables = names + 4, {}
    for _ in range(struct.unpack_from(">I", data, names)[0]):
        number, size = struct.unpack_from(">IB", data, at)
        variables[data[at + 5 : at + 5 + size].decode()] = number
        at += 5 + size
    child, _, count = struct.unpack_from(">3I", block(variables["Paths"]), 8)
    leaf, found, paths = block(child), {}, {0: ""}
    if struct.unpack_from(">2H", leaf) != (1, count):
        fail("Bom: the tree's count is not its leaf's")
    for entry in range(count):
        first, key = struct.unpack_from(">2I", leaf, 12 + 8 * entry)
        number, second = struct.unpack(">2I", block(first))
        (parent,) = struct.unpack_from(">I", block(key))
        path = os.path.join(paths[parent], block(key)[4:].rstrip(b"\0").decode())
        paths[number] = path
        kind, _, _, mode, owner, group, _, size, _, sum_, length = struct.unpack_from(">2B2H4IB2I", block(second))
        found[path] = (kind, mode, owner, group, size, sum_, block(second)[31 : 31 + length].rstrip(b"\0").decode())
    return found


def compare(bills, root):
    """The bill names what is there, each as it is."""
    there = {"."} | {os.path.join(".", os.path.relpath(path, root)) for path in root.rglob("*")}
    if there != bills.keys():
        fail(f"only in the payload: {there - bills.keys()}; only in the bill: {bills.keys() - there}")
    for path, (kind, mode, owner, group, size, sum_, _) in bills.items():
        status = os.lstat(root / path)
        if (owner, group) != (0, 0) or mode != status.st_mode or mode & 0o022:
            fail(f"{path}: mode {mode:o} ({status.st_mode:o} in the payload), {owner}:{group}")
        if stat.S_ISREG(status.st_mode):
            printed = subprocess.check_output(["cksum", root / path]).split()
            if (kind, size, sum_) != (1, int(printed[1]), int(printed[0])):
                fail(f"{path}: kind {kind}, {size} bytes, checksum {sum_}; cksum says {printed[:2]}")
        elif (kind, size) != (2, 0):
            fail(f"{path}: kind {kind}, {size} bytes")


def main():
    package, version, out = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
    shutil.rmtree(out, ignore_errors=True)
    flat = out / "flat"
    flat.mkdir(parents=True)
    subprocess.run(["bsdtar", "-xf", os.path.abspath(package)], cwd=flat, check=True)
    parts = sorted(str(path.relative_to(flat)) for path in flat.rglob("*") if path.is_file())
    component = flat / "component.pkg"
    if parts != ["Distribution", *(f"component.pkg/{name}" for name in ("Bom", "PackageInfo", "Payload", "Scripts"))]:
        fail(f"parts: {parts}")
    unpack(component / "Payload", out / "payload")
    unpack(component / "Scripts", out / "scripts")
    bills = bill((component / "Bom").read_bytes())
    compare(bills, out / "payload")

    info = xml.parse(component / "PackageInfo").getroot()
    if (info.get("identifier"), info.get("version"), info.get("auth")) != (IDENTIFIER, version, "root"):
        fail(f"PackageInfo: {info.attrib}")
    if int(info.find("payload").get("numberOfFiles")) != len(bills):
        fail("PackageInfo: another number of files")
    for name in ("preinstall", "postinstall"):
        named = info.find(f"scripts/{name}").get("file")
        if not os.access(out / "scripts" / named, os.X_OK):
            fail(f"{named} is not executable")
    distribution = xml.parse(flat / "Distribution").getroot()
    if distribution.findtext("pkg-ref[@version]") != "#component.pkg":
        fail("Distribution: no reference to the component")
    if {"arm64", "x86_64"} != set(distribution.find("options").get("hostArchitectures").split(",")):
        fail("Distribution: other processors")

    with open((out / "payload" / PROGRAM).parents[1] / "Info.plist", "rb") as file:
        bundle = plistlib.load(file)
    if (bundle["CFBundleIdentifier"], bundle["CFBundleVersion"]) != (IDENTIFIER, version):
        fail(f"Info.plist: {bundle}")
    with open(out / f"payload/Library/LaunchDaemons/{IDENTIFIER}.plist", "rb") as file:
        started = plistlib.load(file)["ProgramArguments"][0]
    if started != f"/{PROGRAM}" or not os.access(out / "payload" / PROGRAM, os.X_OK):
        fail(f"launchd would start {started}")
    print(f"{package}: {os.path.getsize(package)} bytes, {len(bills)} paths, version {version}")
    for path, (_, mode, _, _, size, _, _) in bills.items():
        print(f"  {mode:06o} {size:9d} {path}")


main()
