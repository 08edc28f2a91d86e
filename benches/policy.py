#!/usr/bin/env python3
"""policy.py rules.json > policy.toml: the workload generator's rules as a cloudward policy.

One sensitive set, one service, the allow list; nothing built in but the rules. Every completed chain is its own alert, so
that alerts can be counted against the ground truth.
"""
import json, sys

rules = json.load(open(sys.argv[1]))
text = lambda items: "[" + ", ".join(json.dumps(item) for item in items) + "]"
print('[builtin]\ndisable = ["*"]\n')
print(f'[window]\ndefault = "{int(rules["window_s"])}s"\nfile_taint = "0s"\n')
print(f'[upload]\nmin_bytes = {rules["min_bytes_out"]}\n')
print('[alert]\ngroup = "0s"\n')
print(f'[[sensitive]]\nname = "workload"\nseverity = "high"\npaths = {text(rules["sensitive_globs"])}\n')
print(f'[[service]]\nname = "cloud"\ncategory = "file-sync"\ndomains = {text(rules["cloud_domains"])}\n')
everything = 'sensitive = "*"\nservices = "*"\ntenants = "*"\nusers = "*"\nreason = "workload"\n'
for team in rules["allow_teams"]:
    print(f'[[allow]]\nname = "team {team}"\nprocess = {{ team_id = "{team}" }}\n{everything}')
for signing_id in rules["allow_platform_ids"]:
    print(f'[[allow]]\nname = "{signing_id}"\nprocess = {{ platform = true, signing_id = "{signing_id}" }}\n{everything}')
