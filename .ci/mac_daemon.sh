#!/usr/bin/env bash
# The macOS daemon under machrun, on a simulated Endpoint Security and packet tap: mac_daemon.sh MACHRUN BINARY OUT LINUX
#
# Shows that both clients subscribe, hear what they asked for, and read each message as the eslogger decoder reads the
# same message's JSON; that a recording fed live, events and packets, raises the alerts of its replay (by LINUX, the
# program of this machine); that losses, refusals and failures are said; and that it stops in order. It does not show
# macOS: signing, TCC, launchd and kernel timing are not here.
set -euo pipefail
machrun=$1 binary=$2 out=$3 linux=$4
rm -rf "$out"
mkdir -p "$out/bin"
# Two clients: feeding starts when both have subscribed.
export MACHRUN_ES_WAIT_CLIENTS=2

die() {
    echo "$*"
    tail -n 20 "$out/log" | cut -c1-300
    exit 1
}

# watch WANTED-STATUS ENVIRONMENT... -- ARGUMENTS...: output in $out/records, log in $out/log
watch() {
    local wanted=$1 status=0 environment=()
    shift
    while [ "$1" != -- ]; do
        environment+=("$1")
        shift
    done
    shift
    env "${environment[@]}" timeout -s KILL 120 "$machrun" "$binary" run "$@" >"$out/records" 2>"$out/log" </dev/null || status=$?
    [ "$status" = "$wanted" ] || die "exit status $status, wanted $wanted"
    if grep -E '^machrun:|panicked|es_delete_client from' "$out/log"; then die "machrun has a complaint"; fi
}

# brief SECONDS ENVIRONMENT... -- ARGUMENTS...: the same, ended by a SIGTERM from outside
brief() {
    local seconds=$1 status=0 environment=()
    shift
    while [ "$1" != -- ]; do
        environment+=("$1")
        shift
    done
    shift
    env "${environment[@]}" timeout --foreground --preserve-status -s TERM -k 20 "$seconds" \
        "$machrun" "$binary" run "$@" >"$out/records" 2>"$out/log" </dev/null || status=$?
    [ "$status" = 0 ] || die "exit status $status"
}

logged() { grep -q -- "$1" "$out/log" || die "the log does not say: $1"; }
recorded() { grep -q -- "$1" "$out/records" || die "no record says: $1"; }
unrecorded() { ! grep -- "$1" "$out/records" | head -n 1 | grep . || die "a record says: $1"; }
# What reached the engine, without what may differ: running numbers (each client has its own), seeded hashes, and the
# order between clients.
inputs() {
    sed -n 's/.*input=Process(/Process(/; s/, seq: [0-9]*//; s/PathHash([0-9]*)/PathHash/g; /^Process/p' "$out/log" |
        grep -v 'what: Seen' | sort
}
delivered() {
    python3 -c 'import json, sys; print(sum(c[sys.argv[2]] for c in json.load(open(sys.argv[1]))["clients"]))' "$out/stats" "$1"
}

# fake_eslogger SCRIPT: in the place of the system's
fake_eslogger() {
    printf '#!/bin/sh\n%s\n' "$1" >"$out/bin/eslogger"
    chmod +x "$out/bin/eslogger"
}

echo "- every message is heard, and read like its JSON; who runs already is introduced"
types=(exec fork exit open close create rename unlink link clone copyfile cs_invalidated)
events=$out/events.ndjson
python3 ../shared/machrun/tests/mkevents.py all >"$out/all.ndjson"
python3 .ci/es_events.py "$out/all.ndjson" "${types[@]}" >"$events"
python3 ../shared/machrun/tests/mkprocs.py | grep "^{" >"$out/procs.ndjson"
watch 0 MACHRUN_ES_EVENTS="$events" MACHRUN_ES_EXIT=sigterm MACHRUN_ES_STATS="$out/stats" \
    MACHRUN_PROCS="$out/procs.ndjson" CLOUDWARD_LOG=trace -- --sensor endpoint-security
logged 'Endpoint Security: subscribed'
logged 'SIGTERM: stopping'
recorded 'no packets are seen'
heard=$(sed -n 's/.* stopped heard=\([0-9]*\) .* lost=0 faults=0 .*/\1/p' "$out/log")
[ "$heard" = "$(delivered delivered)" ] || die "$(delivered delivered) messages were delivered, heard ${heard:-none}"
seen=$(grep -c 'input=Process.*pid: Pid(9[0-9]*).*what: Seen' "$out/log")
[ "$seen" -ge 3 ] || die "of three running processes, $seen were introduced"
inputs >"$out/client.txt"
fake_eslogger "cat '$PWD/$events'; exec sleep 60"
brief 5 PATH="$PWD/$out/bin:$PATH" CLOUDWARD_LOG=trace -- --sensor eslogger
inputs >"$out/decoder.txt"
[ -s "$out/client.txt" ] || die "nothing reached the engine"
# Opens elsewhere are what the decoder hears beyond the selection.
if ! diff <(grep -v 'what: Touch' "$out/client.txt") <(grep -v 'what: Touch' "$out/decoder.txt") >"$out/diff"; then
    cut -c1-2000 "$out/diff"
    die "the client and the decoder read the same messages differently"
fi
echo "  $heard messages, $(wc -l <"$out/client.txt") inputs, the same from both sensors; $seen introduced"

alerts() { grep '"kind":"alert"' "$1" | sort; }

# as_replayed RECORDING SENSOR ENVIRONMENT...: the recording live, and its replay
as_replayed() {
    local recording=$1 sensor=$2 policy=tests/recordings/$1/policy.toml
    shift 2
    python3 .ci/retime.py "tests/recordings/$recording" "$out/live.ndjson" "$out/live.pcap"
    # Longer than the recording, so that nothing is judged before all of it has come, whatever came first.
    printf '[engine]\nhold = "1h"\n' >"$out/live.toml"
    [ ! -f "$policy" ] || cat "$policy" >>"$out/live.toml"
    chmod 644 "$out/live.toml"
    "$linux" replay --format ecs --events "$out/live.ndjson" --capture "$out/live.pcap" --config "$out/live.toml" \
        >"$out/replayed" 2>"$out/log"
    if [ "$sensor" = endpoint-security ]; then
        watch 0 MACHRUN_ES_EVENTS="$out/live.ndjson" MACHRUN_ES_VERSION=json MACHRUN_ES_EXIT=sigterm \
            MACHRUN_ES_EXIT_DELAY_MS=3000 MACHRUN_PCAP="$out/live.pcap" "$@" -- --sensor "$sensor" --config "$out/live.toml"
    else
        fake_eslogger "cat '$PWD/$out/live.ndjson'; exec sleep 60"
        brief 8 PATH="$PWD/$out/bin:$PATH" MACHRUN_PCAP="$out/live.pcap" "$@" -- --sensor "$sensor" --config "$out/live.toml"
    fi
    logged 'the packet tap is open'
    unrecorded 'event-loss'
    alerts "$out/replayed" >"$out/replayed.alerts"
    alerts "$out/records" >"$out/live.alerts"
    [ -s "$out/replayed.alerts" ] || die "the replay of $recording raises nothing"
    if ! cmp -s "$out/replayed.alerts" "$out/live.alerts"; then
        diff "$out/replayed.alerts" "$out/live.alerts" | cut -c1-3000
        die "$recording: live and replay differ"
    fi
    echo "  $recording, $sensor: $(wc -l <"$out/live.alerts") alert records, the same"
}

echo "- a recording fed live raises the alerts of its replay"
as_replayed demo endpoint-security
as_replayed curl-dropbox endpoint-security
as_replayed demo eslogger

echo "- dropped messages are told, with their types"
watch 0 MACHRUN_ES_EVENTS="$events" MACHRUN_ES_QUEUE=4 MACHRUN_ES_LOOP=400 MACHRUN_ES_EXIT=sigterm -- --sensor endpoint-security
recorded 'event-loss'
recorded 'by type, where known'

echo "- a million opens of muted targets push nothing out"
python3 - "$events" >"$out/flood.ndjson" <<'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
opened = next(line for line in lines if "open" in line["event"])
for number in range(1000):
    opened["event"]["open"]["file"]["path"] = f"/System/Library/Frameworks/{number}.framework/x"
    print(json.dumps(opened))
print(json.dumps(next(line for line in lines if "exec" in line["event"])))
PYTHON
watch 0 MACHRUN_ES_EVENTS="$out/flood.ndjson" MACHRUN_ES_LOOP=1000 MACHRUN_ES_EXIT=sigterm MACHRUN_ES_QUEUE=1000000 \
    MACHRUN_ES_STATS="$out/stats" -- --sensor endpoint-security
muted=$(delivered muted)
[ "$muted" -ge 1000000 ] || die "only $muted opens were muted"
logged 'stopped heard=1000 .* lost=0 faults=0'
unrecorded 'event-loss'
echo "  $muted opens muted, 1000 execs heard"

echo "- SIGTERM in the middle of a chain: what was heard is judged, the end is orderly"
mkdir -p "$out/state"
printf '[daemon]\nstate = "%s"\n' "$PWD/$out/state" >"$out/state.toml"
chmod 644 "$out/state.toml"
brief 3 MACHRUN_ES_EVENTS="$out/live.ndjson" MACHRUN_ES_VERSION=json MACHRUN_ES_PACE=100 MACHRUN_PCAP="$out/live.pcap" \
    -- --sensor endpoint-security --config "$out/state.toml"
logged 'SIGTERM: stopping'
logged 'stopped heard=[1-9]'
[ ! -e "$out/state/alive" ] || die "an orderly end left the mark of a sudden one"

echo "- killed: the next start tells the gap"
status=0
timeout --foreground -s KILL 2 "$machrun" "$binary" run --sensor endpoint-security --config "$out/state.toml" >"$out/records" 2>"$out/log" </dev/null || status=$?
[ -e "$out/state/alive" ] || die "a killed daemon left no mark"
brief 2 -- --sensor endpoint-security --config "$out/state.toml"
recorded '"kind":"gap"'

echo "- an eslogger that dies is started again, and its death told"
fake_eslogger "exit 3"
brief 4 PATH="$PWD/$out/bin:$PATH" -- --sensor eslogger
recorded 'eslogger ended (exit status: 3)'

echo "- a capture that fails is told with its mend"
brief 2 MACHRUN_PCAP="$out/live.pcap" MACHRUN_PCAP_RESULT=PERM_DENIED -- --sensor endpoint-security
recorded 'the packet tap is refused'
brief 2 MACHRUN_DL_MISSING=libpcap.A.dylib -- --sensor endpoint-security
recorded 'libpcap cannot be used'
brief 3 MACHRUN_PCAP="$out/live.pcap" MACHRUN_PCAP_DROP=5 -- --sensor endpoint-security
recorded 'packets that the capture dropped'
brief 4 MACHRUN_PCAP="$out/live.pcap" MACHRUN_PCAP_EOF=exit -- --sensor endpoint-security
recorded 'the packet tap failed'
[ "$(grep -c 'the packet tap is open' "$out/log")" -ge 2 ] || die "a capture that failed was not opened again"

echo "- not entitled: ends with the remedy"
watch 1 MACHRUN_ES_RESULT=ERR_NOT_ENTITLED -- --sensor endpoint-security
logged 'com.apple.developer.endpoint-security.client'

echo "- no Full Disk Access: stays, says so, stops in order"
brief 3 MACHRUN_ES_RESULT=ERR_NOT_PERMITTED -- --sensor auto
recorded 'permission-lost'
logged 'Full Disk Access'

echo "- granted later, or refused to the second client alone: tried again until it works"
brief 36 MACHRUN_ES_RESULT=SUCCESS,ERR_TOO_MANY_CLIENTS,SUCCESS -- --sensor auto
recorded 'permission-lost'
logged 'subscribed at last'
