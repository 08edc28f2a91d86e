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
types=(exec fork exit open close create rename exchangedata unlink link clone copyfile setextattr cs_invalidated remote_thread_create mount unmount uipc_connect)
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

# What follows plays on a Mac of its own: what the system keeps under /Library, /var and /bin lies in $root.
root=$PWD/$out/root
mkdir -p "$root/Library/Managed Preferences" "$root/Library/LaunchDaemons" "$root/bin" "$root/var/db/cloudward"
chmod 700 "$root/var/db/cloudward"
cp launchd/com.cloudward.daemon.plist "$root/Library/LaunchDaemons/"
chmod 644 "$root/Library/LaunchDaemons/com.cloudward.daemon.plist"
launchctl() { printf '#!/bin/sh\nexit %s\n' "$1" >"$root/bin/launchctl" && chmod +x "$root/bin/launchctl"; }
launchctl 0

# forced < PLIST: what a profile forces, where the system keeps it
forced() {
    local place="$root/Library/Managed Preferences/com.cloudward.daemon.plist"
    cat >"$place.new"
    mv "$place.new" "$place"
}
# The payload of `cloudward profile` for a policy, without what every payload has.
payload() {
    printf '%s\n' "$1" >"$out/forced.toml"
    chmod 644 "$out/forced.toml"
    "$linux" profile preferences --config "$out/forced.toml" >"$out/forced.mobileconfig"
    python3 - "$out/forced.mobileconfig" <<'PYTHON'
import plistlib, sys
with open(sys.argv[1], "rb") as file:
    [payload] = plistlib.load(file)["PayloadContent"]
own = {key: value for key, value in payload.items() if not key.startswith("Payload")}
sys.stdout.buffer.write(plistlib.dumps(own))
PYTHON
}
# until_logged TEXT: within a minute
until_logged() {
    local try
    for try in $(seq 300); do
        if grep -q -- "$1" "$out/log"; then return; fi
        sleep 0.2
    done
    die "the log does not say in time: $1"
}
# says STATUS FILE ENVIRONMENT... -- ARGUMENTS...: a verb that ends by itself, its output in FILE
says() {
    local wanted=$1 file=$2 status=0 environment=()
    shift 2
    while [ "$1" != -- ]; do
        environment+=("$1")
        shift
    done
    shift
    env MACHRUN_ROOT="$root" "${environment[@]}" timeout 60 "$machrun" "$binary" "$@" >"$file" 2>"$out/verb" </dev/null || status=$?
    [ "$status" = "$wanted" ] || { cat "$file" "$out/verb"; die "$* ended with $status, wanted $wanted"; }
}
doctor_says() { grep -q -- "$1" "$out/doctor" || { cat "$out/doctor"; die "doctor does not say: $1"; }; }

echo "- what a profile forces is in force, with its origin; changes come without a restart; a bad value changes nothing"
payload '[window]
default = "45m"' | forced
says 0 "$out/check" -- check --managed
grep -q '^window.default = "45m"  (managed, managed preferences of com.cloudward.daemon' "$out/check" || { cat "$out/check"; die "no origin"; }
printf '[daemon]\nstate = "%s"\nsocket = "%s"\n' "$PWD/$out/state" "$PWD/$out/run/control.sock" >"$out/managed.toml"
chmod 644 "$out/managed.toml"
# Whoever looks at it reads it whole: `grep -q` may end before it is written.
in_force() { "$linux" status --json --socket "$out/run/control.sock" | python3 -c '
import json, sys
configuration = json.load(sys.stdin)["configuration"]
values = {value["key"]: value for value in configuration["values"]}
print(values[sys.argv[1]]["value"], values[sys.argv[1]]["origin"], configuration["rejected"] or "")' "$1"; }
# Something to hear all the time: a sensor that hears nothing is not well.
MACHRUN_ROOT=$root MACHRUN_PCAP=$out/live.pcap MACHRUN_ES_EVENTS=$events MACHRUN_ES_PACE=10 MACHRUN_ES_LOOP=100 "$machrun" "$binary" run --sensor endpoint-security --config "$out/managed.toml" \
    >"$out/records" 2>"$out/log" </dev/null &
daemon=$!
trap 'kill -9 $daemon 2>/dev/null || true' EXIT
until_logged 'Endpoint Security: subscribed'
until_logged 'the packet tap is open'
in_force window.default | grep '^"45m" managed preferences' >/dev/null || die "not in force: $(in_force window.default)"
payload '[window]
default = "50m"' | forced
until_logged 'managed preferences changed: the configuration was read again and is in force'
in_force window.default | grep '^"50m" managed preferences' >/dev/null || die "not in force: $(in_force window.default)"

echo "- while it runs: doctor finds nothing to mend, a second one is refused, its files are its own"
well=0
[ "$(id -u)" = 0 ] || well=1
says "$well" "$out/doctor" MACHRUN_PCAP="$out/live.pcap" -- doctor --config "$out/managed.toml"
for check in entitlement full-disk-access endpoint-security eslogger capture configuration state clock daemon launchd; do
    doctor_says "^ok       $check: "
done
says 1 "$out/second" -- run --sensor endpoint-security --config "$out/managed.toml"
grep -q 'runs already on this machine' "$out/verb" || { cat "$out/verb"; die "a second daemon was not refused"; }
[ -S "$out/run/control.sock" ] || die "no socket"
open=$(find "$out/state" "$out/run" -perm /077)
[ -z "$open" ] || die "others may touch: $open"

python3 -c 'import plistlib, sys; sys.stdout.buffer.write(plistlib.dumps({"upload": {"min_ratio": "much"}, "window": {"default": "9m"}}))' | forced
until_logged 'managed preferences changed: the configuration cannot be used, the last good one stays in force'
logged 'managed preferences of com.cloudward.daemon:.*\[upload\] `min_ratio`'
in_force window.default | grep '^"50m" managed preferences.*min_ratio' >/dev/null || die "not in force: $(in_force window.default)"
says 2 "$out/check" -- check --managed
grep -q '`min_ratio`' "$out/check" || { cat "$out/check"; die "no key path"; }
python3 -c 'import plistlib, sys; sys.stdout.buffer.write(plistlib.dumps({"windw": {"default": "9m"}, "PayloadUUID": "x"}))' | forced
until_logged 'com.cloudward.daemon: windw: error: top level: unknown key'
in_force window.default | grep '^"50m" managed preferences.*windw' >/dev/null || die "not in force: $(in_force window.default)"
says 2 "$out/check" -- check --managed
grep -q 'did you mean `window`' "$out/check" || { cat "$out/check"; die "no hint"; }
if grep -q Payload "$out/check"; then die "what every payload has is complained of"; fi
kill -TERM "$daemon"
wait "$daemon" || die "exit status $?"
trap - EXIT
recorded 'config-rejected'
rm "$root/Library/Managed Preferences/com.cloudward.daemon.plist"

echo "- doctor: every answer of the system with its mend"
says 2 "$out/doctor" MACHRUN_ES_RESULT=ERR_NOT_ENTITLED MACHRUN_PCAP="$out/live.pcap" -- doctor
doctor_says '^error    entitlement: this program is not entitled'
doctor_says 'mend: sign the app bundle with the entitlement com.apple.developer.endpoint-security.client'
fake_eslogger "exec sleep 60"
says 1 "$out/doctor" PATH="$PWD/$out/bin:$PATH" MACHRUN_ES_RESULT=ERR_NOT_ENTITLED MACHRUN_PCAP="$out/live.pcap" -- doctor
doctor_says '^warning  entitlement: .* `eslogger` stands in'
launchctl 113
says 2 "$out/doctor" MACHRUN_ES_RESULT=ERR_NOT_PERMITTED MACHRUN_PCAP="$out/live.pcap" -- doctor
doctor_says '^ok       entitlement: '
doctor_says '^error    full-disk-access: Full Disk Access is not granted'
doctor_says '^error    launchd: .* not loaded'
says 2 "$out/doctor" MACHRUN_PCAP="$out/live.pcap" MACHRUN_PCAP_RESULT=PERM_DENIED -- doctor
doctor_says '^error    capture: the packet tap is refused'
echo "  $(grep -c . "$out/doctor") lines, entitlement, access, capture and launchd each as the system answers"

echo "- an alert arrives in the unified log, whole or cut with a mark, and its gravity is the log's"
cp "$out/live.toml" "$out/oslog.toml"
printf '[[output]]\ntype = "unified-log"\nkinds = ["alert"]\n[spool]\npath = "%s"\n' "$PWD/$out/spool" >>"$out/oslog.toml"
watch 0 MACHRUN_ES_EVENTS="$out/live.ndjson" MACHRUN_ES_VERSION=json MACHRUN_ES_EXIT=sigterm MACHRUN_ES_EXIT_DELAY_MS=3000 \
    MACHRUN_PCAP="$out/live.pcap" -- --sensor endpoint-security --config "$out/oslog.toml"
python3 - "$out/replayed.alerts" "$out/log" <<'PYTHON'
import json, re, sys
raised = {json.loads(line)["event"]["id"] for line in open(sys.argv[1])}
lines = [line for line in open(sys.argv[2], encoding="utf-8") if line.startswith("os_log[")]
found = {match for line in lines for match in re.findall(r'event\.id ([^\]]+)\]|"id":"([^"]+)"', line) for match in match if match}
assert raised and raised <= found, f"raised {raised}, logged {found}"
for line in lines:
    head, text = line.split("] ", 1)
    assert re.fullmatch(r"os_log\[cloudward:alert:(default|error|fault)", head), head
    assert len(text.rstrip("\n").encode()) <= 1000, len(text)
print(f"  {len(lines)} messages of {len(raised)} alerts, {max(len(line) for line in lines)} bytes at most")
PYTHON
open=$(find "$out/spool" -perm /077)
[ -z "$open" ] || die "others may touch: $open"

echo "- a receiver that takes the connection and reads nothing: SIGTERM still ends the daemon within launchd's 20 s"
python3 -c '
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    taken = listener.accept()[0]
    globals().setdefault("kept", []).append(taken)' >"$out/port" &
receiver=$!
trap 'kill $receiver 2>/dev/null || true' EXIT
for try in $(seq 50); do [ -s "$out/port" ] || sleep 0.1; done
cp "$out/live.toml" "$out/stalled.toml"
printf '[[output]]\ntype = "syslog"\ntransport = "tcp"\naddress = "127.0.0.1:%s"\n[spool]\npath = "%s"\n' \
    "$(cat "$out/port")" "$PWD/$out/stalled" >>"$out/stalled.toml"
began=$SECONDS
brief 5 MACHRUN_ES_EVENTS="$out/live.ndjson" MACHRUN_ES_VERSION=json MACHRUN_PCAP="$out/live.pcap" \
    -- --sensor endpoint-security --config "$out/stalled.toml"
echo "  ended $((SECONDS - began - 5)) s after SIGTERM"
kill "$receiver"
trap - EXIT
[ -n "$(ls "$out/stalled")" ] || die "what was not read is not in the spool"

echo "- a configuration that others can write is refused"
chmod 666 "$out/live.toml"
watch 2 -- --sensor endpoint-security --config "$out/live.toml"
logged 'can be written by others'
chmod 644 "$out/live.toml"
