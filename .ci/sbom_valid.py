#!/usr/bin/env python3
"""Holds a bill of materials against CycloneDX's own schema. usage: sbom_valid.py FILE"""
import json
import sys

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

with open(sys.argv[1]) as file:
    text = file.read()
wrong = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
if wrong:
    sys.exit(f"{sys.argv[1]}: {wrong}")
components = json.loads(text)["components"]
print(f"{sys.argv[1]}: CycloneDX 1.5, {len(components)} components, {sum('hashes' in c for c in components)} with a checksum")
