#!/usr/bin/env python3
"""What `cloudward profile` writes, read by Python's plistlib and a JSON Schema validator: check_profile.py CLOUDWARD"""
import datetime
import json
import plistlib
import subprocess
import sys
import tomllib
import uuid

import jsonschema

POLICY = "tests/config/good/corp.toml"
PAYLOAD_KEYS = ("PayloadType", "PayloadVersion", "PayloadIdentifier", "PayloadUUID", "PayloadDisplayName")
TYPES = {"string", "integer", "boolean", "real", "array", "dictionary", "date"}
cloudward = sys.argv[1]


def written(*arguments):
    return subprocess.run([cloudward, "profile", *arguments], stdout=subprocess.PIPE, check=True).stdout


def plain(value):
    """As a property list must hold a TOML value: a day is its first moment."""
    if isinstance(value, dict):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        return datetime.datetime(value.year, value.month, value.day)
    return value


team = ("--team-id", "ABCDE12345")
text = written("all", *team, "--config", POLICY)
assert text == written("all", *team, "--config", POLICY), "written again, it differs"
profile = plistlib.loads(text)
assert profile["PayloadType"] == "Configuration" and profile["PayloadScope"] == "System"
seen = set()
for payload in [profile, *profile["PayloadContent"]]:
    assert all(key in payload for key in PAYLOAD_KEYS), payload
    assert payload["PayloadUUID"] == str(uuid.UUID(payload["PayloadUUID"])).upper()
    seen.add(payload["PayloadUUID"])
assert len(seen) == 4
by_type = {payload["PayloadType"]: payload for payload in profile["PayloadContent"]}
access = by_type["com.apple.TCC.configuration-profile-policy"]["Services"]["SystemPolicyAllFiles"][0]
assert {"Identifier", "IdentifierType", "CodeRequirement", "Allowed"} <= access.keys() and "Authorization" not in access
assert all(rule["TeamIdentifier"] == "ABCDE12345" for rule in by_type["com.apple.servicemanagement"]["Rules"])
forced = {key: value for key, value in by_type["com.cloudward.daemon"].items() if not key.startswith("Payload")}
with open(POLICY, "rb") as file:
    assert forced == plain(tomllib.load(file)), "the payload says something else than the file"
print(f"profile: {len(by_type)} payloads; the policy's {len(forced)} keys as in {POLICY}")

schema = json.loads(written("jamf-schema"))
validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft7Validator)
validator.check_schema(schema)
good = {"window": {"default": "5m"}, "output": [{"type": "file", "path": "/var/log/x", "kinds": ["alert"]}]}
validator(schema).validate(good)
for bad in ({"window": 5}, {"output": [{"type": "fax"}]}, {"upload": {"min_ratio": "much"}}):
    assert list(validator(schema).iter_errors(bad)), f"{bad} passes"
manifest = plistlib.loads(written("manifest"))


def names(subkeys):
    """Every key with its type, down to the last."""
    for subkey in subkeys:
        assert subkey["pfm_type"] in TYPES, subkey
        if subkey["pfm_type"] in ("array", "dictionary"):
            assert subkey["pfm_subkeys"], subkey
        yield subkey.get("pfm_name")
        yield from names(subkey.get("pfm_subkeys", []))


keys = list(names(manifest["pfm_subkeys"]))
own = [key["pfm_name"] for key in manifest["pfm_subkeys"] if not key["pfm_name"].startswith("Payload")]
assert set(own) == set(schema["properties"]), "the two forms differ"
assert manifest["pfm_domain"] == "com.cloudward.daemon" and manifest["pfm_format_version"] == 1
print(f"forms: {len(own)} keys at the top, {len(keys)} in the manifest; a valid JSON Schema")
