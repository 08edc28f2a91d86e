#!/usr/bin/env python3
"""Makes of an eslogger recording one that can be compared across sensors: es_events.py FILE EVENT...

Keeps the events named and gives each line processes of its own, so that each introduces its actor, whatever a sensor
remembers of the lines before.
"""
import json
import sys


def rename(process, pid, version):
    process["audit_token"].update(pid=pid, pidversion=version)


kept = 0
for line in open(sys.argv[1], encoding="utf-8"):
    message = json.loads(line)
    name, body = next(iter(message["event"].items()))
    if name not in sys.argv[2:]:
        continue
    kept += 1
    pid = 10_000 + kept
    rename(message["process"], pid, 2 * pid)
    if name == "exec":
        rename(body["target"], pid, 2 * pid + 1)
        for end in body.get("fds", []):  # as eslogger prints it
            if "pipe_id" in end:
                end["pipe"] = {"pipe_id": end.pop("pipe_id")}
    if name == "unmount":  # which volume goes is told
        body["statfs"].setdefault("f_mntonname", "/Volumes/x")
    if name == "fork":
        rename(body["child"], pid + 10_000, 2 * pid + 1)
    print(json.dumps(message))
