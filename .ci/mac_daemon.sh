#!/usr/bin/env bash
# The macOS daemon under machrun, on a simulated Endpoint Security: mac_daemon.sh MACHRUN BINARY OUT
#
# Shows that the client subscribes, hears every message, reads each as the eslogger decoder reads the same message's
# JSON, says what it lost and what it may not see, and stops in order. It does not show macOS: signing, TCC, launchd and
# kernel timing are not here.
set -euo pipefail
machrun=$1 binary=$2 out=$3
mkdir -p "$out"
types=(exec fork exit open close create rename unlink link clone copyfile cs_invalidated)
events=$out/events.ndjson
python3 ../shared/machrun/tests/mkevents.py all >"$out/all.ndjson"
python3 .ci/es_events.py "$out/all.ndjson" "${types[@]}" >"$events"
lines=$(grep -c . "$events")

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
    env "${environment[@]}" timeout -s KILL 60 "$machrun" "$binary" run "$@" >"$out/records" 2>"$out/log" </dev/null || status=$?
    [ "$status" = "$wanted" ] || die "exit status $status, wanted $wanted"
    if grep -E '^machrun:|panicked|es_delete_client from' "$out/log"; then die "machrun has a complaint"; fi
}

logged() { grep -q -- "$1" "$out/log" || die "the log does not say: $1"; }
# What reached the engine, without what may differ: running numbers (machrun gives its own) and seeded hashes.
inputs() { sed -n 's/.*input=Process(/Process(/; s/, seq: [0-9]*//; s/PathHash([0-9]*)/PathHash/g; /^Process/p' "$out/log"; }
recorded() { grep -q -- "$1" "$out/records" || die "no record says: $1"; }

echo "- every message is heard, and read like its JSON"
watch 0 MACHRUN_ES_EVENTS="$events" MACHRUN_ES_EXIT=sigterm CLOUDWARD_LOG=trace -- --sensor endpoint-security
logged 'Endpoint Security: subscribed'
logged 'SIGTERM: stopping'
recorded 'no packet tap in this version'
heard=$(sed -n 's/.* stopped heard=\([0-9]*\) .* lost=0 faults=0 .*/\1/p' "$out/log")
[ "$heard" = "$lines" ] || die "$lines messages were sent, heard ${heard:-none}"
inputs >"$out/client.txt"
mkdir -p "$out/bin"
printf '#!/bin/sh\ncat "%s"\nexec sleep 60\n' "$PWD/$events" >"$out/bin/eslogger"
chmod +x "$out/bin/eslogger"
status=0
PATH=$PWD/$out/bin:$PATH CLOUDWARD_LOG=trace timeout --preserve-status -s TERM -k 20 3 \
    "$machrun" "$binary" run --sensor eslogger >"$out/records" 2>"$out/log" </dev/null || status=$?
[ "$status" = 0 ] || die "exit status $status with eslogger"
inputs >"$out/decoder.txt"
[ -s "$out/client.txt" ] || die "nothing reached the engine"
if ! diff "$out/client.txt" "$out/decoder.txt" >"$out/diff"; then
    cut -c1-2000 "$out/diff"
    die "the client and the decoder read the same messages differently"
fi
echo "  $heard messages, $(wc -l <"$out/client.txt") inputs, the same from both sensors"

echo "- dropped messages are told"
watch 0 MACHRUN_ES_EVENTS="$events" MACHRUN_ES_QUEUE=4 MACHRUN_ES_LOOP=400 MACHRUN_ES_EXIT=sigterm -- --sensor endpoint-security
recorded 'event-loss'

echo "- not entitled: ends with the remedy"
watch 1 MACHRUN_ES_RESULT=ERR_NOT_ENTITLED -- --sensor endpoint-security
logged 'com.apple.developer.endpoint-security.client'

echo "- no Full Disk Access: stays, says so, stops in order"
status=0
MACHRUN_ES_RESULT=ERR_NOT_PERMITTED timeout --preserve-status -s TERM -k 20 2 \
    "$machrun" "$binary" run --sensor auto >"$out/records" 2>"$out/log" </dev/null || status=$?
[ "$status" = 0 ] || die "exit status $status without Full Disk Access"
recorded 'permission-lost'
logged 'Full Disk Access'
