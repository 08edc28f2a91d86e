#!/usr/bin/env python3
"""policy.py rules.json > policy.toml: the workload generator's rules as a cloudward policy.

One sensitive set, one service, the allow list; nothing built in but the rules. Every completed chain is its own alert, so
that alerts can be counted against the ground truth.
"""
import json, sys


def quoted(items):
    return "[" + ", ".join(json.dumps(item) for item in items) + "]"


def policy(rules):
    parts = [
        '[builtin]\ndisable = ["*"]\n',
        f'[window]\ndefault = "{int(rules["window_s"])}s"\nfile_taint = "0s"\n',
        f'[upload]\nmin_bytes = {rules["min_bytes_out"]}\n',
        '[alert]\ngroup = "0s"\n',
        f'[[sensitive]]\nname = "workload"\nseverity = "high"\npaths = {quoted(rules["sensitive_globs"])}\n',
        f'[[service]]\nname = "cloud"\ncategory = "file-sync"\ndomains = {quoted(rules["cloud_domains"])}\n',
    ]
    everything = 'sensitive = "*"\nservices = "*"\ntenants = "*"\nusers = "*"\nreason = "workload"\n'
    for team in rules["allow_teams"]:
        parts.append(f'[[allow]]\nname = "team {team}"\nprocess = {{ team_id = "{team}" }}\n{everything}')
    for signing_id in rules["allow_platform_ids"]:
        process = f'{{ platform = true, signing_id = "{signing_id}" }}'
        parts.append(f'[[allow]]\nname = "{signing_id}"\nprocess = {process}\n{everything}')
    return "\n".join(parts)


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        print(policy(json.load(file)))
