#!/usr/bin/env bash
# What a callback of Endpoint Security costs in the macOS binary, and whether one client keeps up with 60,000 events a
# second: callback_counts.sh MACHRUN BINARY OUT
set -euo pipefail
machrun=$1 binary=$2 out=$3
rm -rf "$out"
mkdir -p "$out"
gcc -O2 -shared -fPIC -fno-builtin -fno-omit-frame-pointer -Wno-frame-address -o "$out/counts.so" .ci/callback-counts.c -ldl
export MACHRUN_ES_WAIT_CLIENTS=2 MACHRUN_ES_EXIT=sigterm
python3 ../shared/machrun/tests/mkevents.py all >"$out/all.ndjson"

# events KIND TARGET: a thousand of a kind, each with a file of its own
events() {
    python3 - "$out/all.ndjson" "$1" "$2" <<'PYTHON'
import json, sys
kind, target = sys.argv[2:]
event = next(line for line in map(json.loads, open(sys.argv[1])) if kind in line["event"])
for number in range(1000):
    inner = event["event"][kind]
    for key in ("file", "target"):
        if kind in ("open", "close") and key in inner:
            inner[key]["path"] = target.format(number)
    print(json.dumps(event))
PYTHON
}

# run NAME EVENTS ENVIRONMENT...: the daemon over the events, its statistics in $out/NAME.stats
run() {
    local name=$1 events=$2
    shift 2
    env "$@" MACHRUN_ES_EVENTS="$events" MACHRUN_ES_STATS="$out/$name.stats" timeout -s KILL 300 "$machrun" "$binary" run \
        --sensor endpoint-security >"$out/$name.records" 2>"$out/$name.log" </dev/null
}

echo "| callback | allocations | bytes copied into them | given back | pthread locks |"
echo "|---|---|---|---|---|"
loops=20
for row in "exec" "fork" "exit" "close /System/Library/x{}" "open /Users/alice/.ssh/id_{}"; do
    read -r kind target <<<"$row"
    events "$kind" "${target:-}" >"$out/$kind.ndjson"
    run "$kind" "$out/$kind.ndjson" MACHRUN_ES_LOOP=$loops MACHRUN_ES_PACE=20000 LD_PRELOAD="$PWD/$out/counts.so" \
        CALLBACK_COUNTS="$out/$kind.counts"
    python3 - "$kind" "$out/$kind.stats" "$out/$kind.counts" <<'PYTHON'
import json, sys
kind, stats, counts = sys.argv[1], json.load(open(sys.argv[2])), json.load(open(sys.argv[3]))
heard = sum(client["delivered"] for client in stats["clients"])
assert heard >= 20000, f"{kind}: only {heard} delivered"
each = {name: count / heard for name, count in counts.items()}
print(f"| {kind} | {each['allocations'] + each['reallocations']:.2f} | {each['allocated']:.0f} | {each['frees']:.2f} "
      f"| {each['locks']:.2f} |")
PYTHON
done

# Five seconds; of a hundred events one is an exec or an exit. The client may have a second of them waiting.
python3 - "$out" <<'PYTHON'
import sys
read = lambda kind: open(f"{sys.argv[1]}/{kind}.ndjson").read().splitlines()
close, execs, exits = read("close"), read("exec"), read("exit")
with open(f"{sys.argv[1]}/busy.ndjson", "w") as out:
    for number, line in enumerate(close):
        print(line, file=out)
        if number % 200 == 0:
            print(execs[number], file=out)
            print(exits[number], file=out)
PYTHON
run busy "$out/busy.ndjson" MACHRUN_ES_LOOP=300 MACHRUN_ES_PACE=60000 MACHRUN_ES_QUEUE=60000
python3 - "$out/busy.stats" "$out/busy.log" <<'PYTHON'
import json, re, sys
client = max(json.load(open(sys.argv[1]))["clients"], key=lambda client: client["delivered"])
log = open(sys.argv[2]).read()
assert client["dropped"] == 0, client
assert re.search(r"stopped heard=\d+ .* lost=0 faults=0", log), log[-500:]
mean = client["handler_ns"] / client["delivered"] / 1000
print(f"60,000 events/s: {client['delivered']} delivered, 0 dropped, at most {client['queue_max']} waiting; "
      f"{mean:.1f} µs each in the callback")
PYTHON
