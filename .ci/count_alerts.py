#!/usr/bin/env python3
"""Counts the records of an ECS stream (one JSON object a line); 1 if it holds no alert or a line is no JSON."""
import collections
import json
import sys

kinds = collections.Counter()
ids = set()
for number, line in enumerate(open(sys.argv[1], encoding="utf-8"), 1):
    try:
        event = json.loads(line)["event"]
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f"{sys.argv[1]}:{number}: {error!r}")
    kinds[event["kind"]] += 1
    if event["kind"] == "alert":
        ids.add(event["id"])
print(", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())), f"({len(ids)} distinct alerts)")
sys.exit(0 if ids else "no alert")
