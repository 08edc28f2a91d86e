#!/usr/bin/env python3
"""Each property list parses (Python's plistlib, strict XML), and a LaunchDaemon holds what launchd and we rely on."""
import plistlib
import sys

WANTED = {"Label": str, "ProgramArguments": list, "RunAtLoad": bool, "KeepAlive": bool, "ProcessType": str, "ExitTimeOut": int}
if len(sys.argv) < 2:
    sys.exit("no property list given")
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        tree = plistlib.load(file)
    if "entitlements" in path:
        keys = [key for key, value in tree.items() if value is True]
        if "com.apple.developer.endpoint-security.client" not in keys:
            sys.exit(f"{path}: no Endpoint Security entitlement")
    else:
        for key, kind in WANTED.items():
            if not isinstance(tree.get(key), kind):
                sys.exit(f"{path}: {key} is {tree.get(key)!r}, wanted {kind.__name__}")
        if not path.endswith(f"/{tree['Label']}.plist"):
            sys.exit(f"{path}: launchd wants the file named after its Label, {tree['Label']}")
        program, *arguments = tree["ProgramArguments"]
        if arguments[:3] != ["run", "--last-good", "--log-folder"] or not program.startswith("/"):
            sys.exit(f"{path}: ProgramArguments is {tree['ProgramArguments']}")
        # What the daemon keeps small is what launchd appends to.
        written = [tree["StandardOutPath"], tree["StandardErrorPath"]]
        if written != [f"{arguments[3]}/{name}" for name in ("alerts.ndjson", "daemon.log")]:
            sys.exit(f"{path}: --log-folder is {arguments[3]}, but launchd writes {written}")
    print(f"{path}: {len(tree)} keys")
