#!/usr/bin/env python3
"""Writes what the program is made of as CycloneDX 1.5 JSON: every crate linked into it, with licence and checksum.

usage: sbom.py TARGET... >SBOM     of the program for these targets (as `rustc --print target-list` names them)

From `cargo metadata` and Cargo.lock alone: the same sources give the same bytes. Crates that only tests or build scripts
use, and macros, which end with the compilation, are marked `excluded`.
"""
import json
import pathlib
import re
import subprocess
import sys
import uuid

REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"


def metadata(target):
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    return json.loads(subprocess.check_output(command))


def reached(tree):
    """{id: ids of what it is linked with}, from the program along normal dependencies."""
    nodes = {node["id"]: node for node in tree["resolve"]["nodes"]}
    macros = {package["id"] for package in tree["packages"] if any("proc-macro" in t["kind"] for t in package["targets"])}
    found, waiting = {}, [tree["resolve"]["root"]]
    while waiting:
        at = waiting.pop()
        if at in found:
            continue
        found[at] = []
        # What a macro needs runs in the compiler, not in the program.
        for dependency in nodes[at]["deps"] if at not in macros else ():
            if any(kind["kind"] is None for kind in dependency["dep_kinds"]):
                found[at].append(dependency["pkg"])
                waiting.append(dependency["pkg"])
    return found, macros


def checksums():
    text = pathlib.Path("Cargo.lock").read_text()
    pattern = r'name = "(.*)"\nversion = "(.*)"\nsource = ".*"\nchecksum = "(.*)"'
    return {(name, version): checksum for name, version, checksum in re.findall(pattern, text)}


def component(package, sums, macros):
    name, version = package["name"], package["version"]
    found = {
        "type": "library",
        "bom-ref": f"pkg:cargo/{name}@{version}",
        "name": name,
        "version": version,
        "scope": "excluded" if package["id"] in macros else "required",
        # Older crates write `/` where SPDX has OR.
        "licenses": [{"expression": package["license"].replace("/", " OR ")}],
        "purl": f"pkg:cargo/{name}@{version}",
    }
    if package["source"] == REGISTRY:
        found["hashes"] = [{"alg": "SHA-256", "content": sums[name, version]}]
    if package["repository"]:
        found["externalReferences"] = [{"type": "vcs", "url": package["repository"]}]
    return found


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    packages, links, macros = {}, {}, set()
    for target in sys.argv[1:]:
        tree = metadata(target)
        found, its_macros = reached(tree)
        macros |= its_macros
        packages |= {package["id"]: package for package in tree["packages"] if package["id"] in found}
        for at, to in found.items():
            links.setdefault(at, set()).update(to)
        root = tree["resolve"]["root"]
    sums = checksums()
    parts = {at: component(package, sums, macros) for at, package in packages.items()}
    program = parts.pop(root) | {"type": "application"}
    reference = {at: part["bom-ref"] for at, part in parts.items()} | {root: program["bom-ref"]}
    components = sorted(parts.values(), key=lambda part: part["bom-ref"])
    serial = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([program, components], sort_keys=True))
    document = {
        "$schema": "http://cyclonedx.org/schema/bom-1.5.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "serialNumber": f"urn:uuid:{serial}",
        "version": 1,
        "metadata": {"component": program, "properties": [{"name": "targets", "value": " ".join(sys.argv[1:])}]},
        "components": components,
        "dependencies": sorted(
            ({"ref": reference[at], "dependsOn": sorted({reference[to] for to in links[at]})} for at in links),
            key=lambda entry: entry["ref"],
        ),
    }
    json.dump(document, sys.stdout, indent=1)
    print()


main()
