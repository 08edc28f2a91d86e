"""The bill of materials of a package: each path with owner, mode, size and checksum.

Big-endian; a header of 512 bytes, named variables, blocks, and at the end the table of blocks. Paths are a tree by
(parent, name) in breadth-first order, here one leaf. Checksums are those of POSIX `cksum`.
"""
import os
import stat
import struct

# What one leaf of 4096 bytes holds.
MAX_PATHS = 256
DIRECTORY, FILE, LINK = 2, 1, 3


def write(root, when):
    """The bill of a folder's content, as root:wheel and of the time `when` (seconds since 1970), as bytes."""
    blocks = Blocks()
    paths = list(walk(root))
    if len(paths) > MAX_PATHS:
        raise ValueError(f"{len(paths)} paths; {MAX_PATHS} fit")
    index = b""
    for number, (parent, name, path) in enumerate(paths, 1):
        detail = blocks.add(describe(path, when))
        entry = blocks.add(struct.pack(">2I", number, detail))
        key = blocks.add(struct.pack(">I", parent) + name.encode() + b"\0")
        index += struct.pack(">2I", entry, key)
    leaf = blocks.add(struct.pack(">2H2I", 1, len(paths), 0, 0) + index)
    variables = [
        ("BomInfo", blocks.add(struct.pack(">3I", 1, len(paths) + 1, 1) + bytes(16))),
        ("Paths", blocks.tree(leaf, 4096, len(paths))),
        ("HLIndex", blocks.tree(blocks.no_leaf(), 4096, 0)),
        ("VIndex", blocks.add(struct.pack(">3IB", 1, blocks.tree(blocks.no_leaf(), 128, 0), 0, 0))),
        ("Size64", blocks.tree(blocks.no_leaf(), 4096, 0)),
    ]
    return blocks.file(variables)


def walk(root):
    """(number of the parent, name, path) in breadth-first order; numbers begin at 1, the root's parent is 0."""
    queue, number = [(0, ".", root)], 0
    while queue:
        parent, name, path = queue.pop(0)
        number += 1
        yield parent, name, path
        if os.path.isdir(path) and not os.path.islink(path):
            queue += [(number, child, os.path.join(path, child)) for child in sorted(os.listdir(path))]


def describe(path, when):
    status = os.lstat(path)
    link, content = b"", b""
    if stat.S_ISDIR(status.st_mode):
        kind = DIRECTORY
    elif stat.S_ISLNK(status.st_mode):
        kind, content = LINK, os.readlink(path).encode()
        link = content + b"\0"
    else:
        with open(path, "rb") as file:
            kind, content = FILE, file.read()
    sum_ = 0 if kind == DIRECTORY else cksum(content)
    # Type, 1, architectures (3: any), mode, owner, group, time, size, 1, checksum, length of the link's target.
    fixed = (kind, 1, 3, status.st_mode & 0xFFFF, 0, 0, when, len(content), 1, sum_, len(link))
    return struct.pack(">2B2H4IB2I", *fixed) + (link or bytes(8))


def crc_table():
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value & 0x80000000 else 0)) & 0xFFFFFFFF
        yield value


TABLE = list(crc_table())


def cksum(data):
    length, tail = len(data), b""
    while length:
        tail, length = tail + bytes([length & 255]), length >> 8
    value = 0
    for part in (data, tail):
        for byte in part:
            value = (value << 8 & 0xFFFFFFFF) ^ TABLE[value >> 24 ^ byte]
    return value ^ 0xFFFFFFFF


class Blocks:
    def __init__(self):
        self.blocks = [b""]  # the first is the null block

    def add(self, block):
        self.blocks.append(block)
        return len(self.blocks) - 1

    def tree(self, child, size, count):
        return self.add(b"tree" + struct.pack(">4IB", 1, child, size, count, 0))

    def no_leaf(self):
        return self.add(struct.pack(">2H2I", 1, 0, 0, 0) + bytes(8))

    def file(self, variables):
        names = struct.pack(">I", len(variables))
        names += b"".join(struct.pack(">IB", block, len(name)) + name.encode() for name, block in variables)
        at, table, body = 512 + len(names), struct.pack(">I", len(self.blocks)) + bytes(8), b""
        for block in self.blocks[1:]:
            table += struct.pack(">2I", at + len(body), len(block))
            body += block
        table += struct.pack(">I", 2) + bytes(16)  # free blocks: two null entries
        header = struct.pack(">6I", 1, len(self.blocks) - 1, at + len(body), len(table), 512, len(names))
        return (b"BOMStore" + header).ljust(512, b"\0") + names + body + table
