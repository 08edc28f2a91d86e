"""The programs that cloudward is held against: installed here, and the same question put to each in its own language."""
import json, os, re, shutil, subprocess, sys

DUCKDB = "2.0.0"
RSIGMA = "0.23.0"
_DUCKDB_RUN = ("import duckdb, sys; db = duckdb.connect(); db.execute('SET threads=2'); "
               "db.execute('SET enable_progress_bar=false'); "
               "[print(*row) for row in db.execute(open(sys.argv[1]).read()).fetchall()]")


def _quiet(command):
    print("+ " + " ".join(command), file=sys.stderr)
    subprocess.run(command, check=True, stdout=sys.stderr)


def _debian(program, package):
    if not shutil.which(program):
        _quiet(["apt-get", "install", "-y", "-qq", package])
    return shutil.which(program)


def install(folder):
    """What is missing; the programs by name."""
    duckdb = os.path.join(folder, "duckdb", "bin", "python3")
    if not os.path.exists(duckdb):
        _quiet([sys.executable, "-m", "venv", os.path.join(folder, "duckdb")])
        _quiet([duckdb, "-m", "pip", "install", "--quiet", "duckdb==" + DUCKDB])
    rsigma = os.path.join(folder, "bin", "rsigma")
    if not os.path.exists(rsigma):
        _quiet(["cargo", "install", "rsigma", "--version", RSIGMA, "--locked", "--quiet", "--root", folder])
    return {"duckdb": duckdb, "rsigma": rsigma, "tshark": _debian("tshark", "tshark"),
            "ndpiReader": _debian("ndpiReader", "libndpi-bin")}


def versions(programs):
    tshark = subprocess.run([programs["tshark"], "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    ndpi = subprocess.run([programs["ndpiReader"], "-h"], capture_output=True, text=True)
    ndpi = re.search(r"nDPI[^\n]*?(\d+\.\d+[.\d]*)", ndpi.stdout + ndpi.stderr)
    tshark = re.search(r"\d+\.\d+[.\d]*", tshark)
    return "DuckDB %s (two threads), rsigma %s, TShark %s, nDPI %s" % (
        DUCKDB, RSIGMA, tshark[0].rstrip("."), ndpi[1] if ndpi else "of unknown version")


def _pattern(glob):
    return "".join("[^/]*" if part == "*" else re.escape(part).replace("\\ ", " ").replace("\\-", "-") for part in re.split(r"(\*)", glob))


def _text(value):
    return "'" + value.replace("'", "''") + "'"


def _list(values):
    return ", ".join(map(_text, values))


def duckdb_query(rules, events, table):
    """SQL over the raw lines and the socket table, as rows `pid pidversion`."""
    paths = "^(?:" + "|".join(map(_pattern, rules["sensitive_globs"])) + ")$"
    names = r"(?:^|\.)(?:" + "|".join(map(re.escape, rules["cloud_domains"])) + ")$"
    return f"""
WITH reads AS MATERIALIZED (
  SELECT "time" AS ts, process.audit_token.pid AS pid, process.audit_token.pidversion AS version
  FROM read_json({_text(events)}, format = 'newline_delimited', maximum_object_size = 1048576, columns = {{
    "time": 'TIMESTAMP',
    process: 'STRUCT(audit_token STRUCT(pid INTEGER, pidversion INTEGER), team_id VARCHAR, signing_id VARCHAR, is_platform_binary BOOLEAN)',
    event: 'STRUCT(open STRUCT(file STRUCT(path VARCHAR)))'}})
  WHERE event.open IS NOT NULL AND regexp_matches(event.open.file.path, {_text(paths)})
    AND coalesce(process.team_id, '') NOT IN ({_list(rules["allow_teams"])})
    AND NOT (process.is_platform_binary AND process.signing_id IN ({_list(rules["allow_platform_ids"])}))),
sends AS (
  SELECT ts, pid, pidversion AS version
  FROM read_json({_text(table)}, format = 'newline_delimited', columns = {{
    ts: 'TIMESTAMP', pid: 'INTEGER', pidversion: 'INTEGER', domain: 'VARCHAR', bytes_out: 'BIGINT'}})
  WHERE bytes_out >= {rules["min_bytes_out"]} AND regexp_matches(domain, {_text(names)}))
SELECT DISTINCT sends.pid, sends.version FROM sends JOIN reads USING (pid, version)
WHERE reads.ts <= sends.ts AND reads.ts >= sends.ts - INTERVAL {rules["window_s"]} SECOND;
"""


def sigma_rules(rules):
    """Two Sigma rules and their correlation."""
    items = lambda values: "".join("\n      - " + _text(value) for value in values)
    return f"""title: sensitive file opened
id: 6b0d3fd0-0a38-4d1c-9f0e-3a5f4c1d7a01
name: opened
status: test
logsource: {{category: file_access, product: macos}}
detection:
  file:
    event.open.file.path:{items(rules["sensitive_globs"])}
  team:
    process.team_id:{items(rules["allow_teams"])}
  system:
    process.is_platform_binary: true
    process.signing_id:{items(rules["allow_platform_ids"])}
  condition: file and not team and not system
level: low
---
title: upload to cloud storage
id: 6b0d3fd0-0a38-4d1c-9f0e-3a5f4c1d7a02
name: uploaded
status: test
logsource: {{category: network_connection, product: macos}}
detection:
  size:
    proto: tcp
    bytes_out|gte: {rules["min_bytes_out"]}
  itself:
    domain:{items(rules["cloud_domains"])}
  below:
    domain|endswith:{items("." + name for name in rules["cloud_domains"])}
  condition: size and (itself or below)
level: low
---
title: sensitive file opened, then upload to cloud storage
id: 6b0d3fd0-0a38-4d1c-9f0e-3a5f4c1d7a03
correlation:
  type: temporal_ordered
  rules: [opened, uploaded]
  group-by: [p, v]
  timespan: {rules["window_s"]}s
  aliases:
    p: {{opened: process.audit_token.pid, uploaded: pid}}
    v: {{opened: process.audit_token.pidversion, uploaded: pidversion}}
level: high
"""


def commands(programs, data, folder):
    """How DuckDB and rsigma are run over a recording: `(command, standard input, reader of alerts)` by name."""
    with open(os.path.join(data, "rules.json")) as file:
        rules = json.load(file)
    os.makedirs(os.path.join(folder, "sigma"), exist_ok=True)
    query, sigma = os.path.join(folder, "query.sql"), os.path.join(folder, "sigma", "rules.yml")
    with open(query, "w") as out:
        out.write(duckdb_query(rules, os.path.join(data, "es.ndjson"), os.path.join(data, "net.ndjson")))
    with open(sigma, "w") as out:
        out.write(sigma_rules(rules))
    rsigma = [programs["rsigma"], "engine", "eval", "--no-detections", "--input-format", "json", "--output-format", "ndjson",
              "--suppress", "1h", "-q", "-r", os.path.dirname(sigma), "--timestamp-field", "time", "--timestamp-field", "ts"]
    return {"DuckDB": ([programs["duckdb"], "-c", _DUCKDB_RUN, query], None, pairs_of_duckdb),
            "rsigma": (rsigma, os.path.join(data, "mixed.ndjson"), pairs_of_rsigma)}


def pairs_of_duckdb(path):
    with open(path) as lines:
        return {tuple(map(int, line.split())) for line in lines}


def pairs_of_rsigma(path):
    with open(path) as lines:
        alerts = [json.loads(line) for line in lines if '"correlation_type"' in line]
    return {tuple(int(value) for _, value in alert["group_key"]) for alert in alerts}


def pairs_of_cloudward(path):
    """Who sent, of every alert."""
    with open(path) as lines:
        records = [json.loads(line) for line in lines if '"dataset":"cloudward.alert"' in line]
    return {tuple(map(int, record["process"]["entity_id"].split("-"))) for record in records}


def score(found, truth):
    """Precision and recall, and what was wrong, by kind."""
    key = lambda told: (told["pid"], told["pidversion"])
    wanted = {key(told): told["kind"] for told in truth["alerts"]}
    looks = {key(told): told["kind"] for told in truth["lookalikes"]}
    right = found & wanted.keys()
    wrong = sorted({looks.get(pair, "others") for pair in found - wanted.keys()} | {"no " + wanted[pair] for pair in wanted.keys() - found})
    return {"precision": len(right) / max(1, len(found)), "recall": len(right) / max(1, len(wanted)), "wrong": wrong}
