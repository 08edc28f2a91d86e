#!/usr/bin/env python3
"""Compares what `rcodesign print-signature-info` says of two signatures of the same program.

usage: same_signature.py OURS RCODESIGN

What is signed must be the same: identifier, flags, runtime, pages, and the slots of requirements and entitlements. What
lies where may differ, and so may the list of a bundle's files.
"""
import re
import sys

SAME = (
    r"(identifier|flags|digest_type|executable_segment_flags|runtime_version|code_digests_count|platform|cms): .*",
    r"- '?(Info|RequirementSet|Requirements?|Entitlements|Entitlements DER|EntitlementsDer)[^:]*: [0-9a-f]{64}.*",
)


def said(path):
    with open(path) as file:
        lines = [line.strip() for line in file]
    return [line for line in lines if any(re.fullmatch(pattern, line) for pattern in SAME)]


ours, theirs = map(said, sys.argv[1:])
if ours != theirs or len(ours) < 12:
    sys.exit("\n".join(["they differ:", *(f"- {line}" for line in ours), *(f"+ {line}" for line in theirs)]))
print(f"the same in {len(ours)} things: {', '.join(sorted({line.lstrip('- ').split(':')[0] for line in ours}))}")
