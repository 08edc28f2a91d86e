#!/usr/bin/env python3
"""Moves a recording in time so that it ends now: retime.py FOLDER EVENTS CAPTURE

FOLDER holds events.ndjson.gz and capture.pcap.gz (little endian, microseconds); plain files are written. Whole seconds
are added, so that the two stay as they were to each other.
"""
import datetime
import gzip
import re
import struct
import sys
import time

folder, events, capture = sys.argv[1:]
stamp = re.compile(r'"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)')
lines = gzip.open(f"{folder}/events.ndjson.gz", "rt", encoding="utf-8").read().splitlines()


def seconds(text):
    moment = datetime.datetime.fromisoformat(text).replace(tzinfo=datetime.timezone.utc)
    return int(moment.timestamp())


shift = int(time.time()) - max(seconds(stamp.search(line)[1]) for line in lines)
with open(events, "w", encoding="utf-8") as out:
    for line in lines:
        text = stamp.search(line)[1]
        moved = datetime.datetime.fromtimestamp(seconds(text) + shift, datetime.timezone.utc)
        out.write(stamp.sub(moved.strftime('"time":"%Y-%m-%dT%H:%M:%S'), line, count=1) + "\n")

packets = bytearray(gzip.open(f"{folder}/capture.pcap.gz").read())
if packets[:4] != b"\xd4\xc3\xb2\xa1":
    sys.exit("not a little endian pcap with microseconds")
at = 24
while at + 16 <= len(packets):
    (second,) = struct.unpack_from("<I", packets, at)
    (size,) = struct.unpack_from("<I", packets, at + 8)
    struct.pack_into("<I", packets, at, second + shift)
    at += 16 + size
with open(capture, "wb") as out:
    out.write(packets)
