#!/usr/bin/env bash
# Installs, upgrades and removes a package in a folder that stands for a Mac's disk, with the package's own scripts run by
# busybox inside it (chroot), and stubs for launchctl, pkgutil and tccutil that keep what they are told.
#
#   .ci/install_story.sh PKG_READ LINUX_PROGRAM DISK
#
# PKG_READ: what .ci/pkg.py laid out. LINUX_PROGRAM stands in for the installed program, which the uninstaller asks where
# the configuration has put things. It shows what the scripts do; what macOS's installer does is not in it.
set -euo pipefail

[ "$(id -u)" = 0 ] || exec unshare --map-root-user "$0" "$@"
read=$1 program=$2 disk=$3
home="/Library/Application Support/cloudward"
label=com.cloudward.daemon
installed="$home/Cloudward.app/Contents/MacOS/cloudward"

die() { echo "install story: $*" >&2; exit 1; }
in_disk() { chroot "$disk" /bin/sh -c "$1"; }
listing() { (cd "$disk" && find . -path ./stub -prune -o -printf '%p %y %m %U:%G\n' | sort); }
# The stubs' diary since the last look.
calls() { cat "$disk/stub/calls" 2>/dev/null || true; rm -f "$disk/stub/calls"; }

stub() {
    printf '#!/bin/sh\necho "%s $*" >>/stub/calls\n%s\n' "${1##*/}" "$2" >"$disk$1"
    chmod 755 "$disk$1"
}

make_disk() {
    rm -rf "$disk"
    mkdir -p "$disk"/{bin,sbin,stub,dev,usr/bin,usr/sbin,usr/local/bin,Library/{LaunchDaemons,Logs/DiagnosticReports},private/var/{db,run,log}}
    mkdir -p "$disk/Library/Application Support"
    ln -s private/var "$disk/var"
    cp "$(command -v busybox)" "$disk/bin/busybox"
    local applet
    for applet in sh cat chmod chown echo id ln mkdir printf readlink rm rmdir sed true; do ln -s busybox "$disk/bin/$applet"; done
    : >"$disk/dev/null"
    # launchd: a job is there while /stub/job is. After a bootout it takes two looks until it is gone.
    stub /bin/launchctl '
case $1 in
print) [ -e /stub/job ] || exit 113
    [ -e /stub/stuck ] || if [ -e /stub/leaving ]; then rm /stub/leaving /stub/job; elif [ -e /stub/asked ]; then mv /stub/asked /stub/leaving; fi ;;
bootout) : >/stub/asked ;;
enable) ;;
bootstrap) [ ! -e /stub/job ] && [ "$2" = system ] && [ -f "$3" ] || exit 5
    [ ! -e /stub/busy ] || { mv /stub/busy /stub/busy.over; exit 37; }
    [ ! -e /stub/refused ] || exit 5
    : >/stub/job ;;
*) exit 64 ;;
esac'
    ln -s busybox "$disk/bin/mv"
    stub /usr/sbin/pkgutil '
[ "$2" = com.cloudward.daemon ] && [ -e /stub/receipt ] || exit 1
case $1 in --pkg-info) ;; --forget) rm /stub/receipt ;; *) exit 64 ;; esac'
    stub /usr/bin/tccutil ''
    printf '#!/bin/sh\n' >"$disk/bin/sleep" # nobody waits
    chmod 755 "$disk/bin/sleep"
    # What LINUX_PROGRAM is loaded with.
    local library
    for library in $(ldd "$program" | grep -o '/[^ ]*'); do
        mkdir -p "$disk$(dirname "$library")"
        cp -L "$library" "$disk$library"
    done
}

lay_scripts() { rm -rf "$disk/stub/scripts" && cp -r "$read/scripts" "$disk/stub/scripts"; }

# The installer's part, in its order.
install() {
    lay_scripts
    in_disk "/stub/scripts/preinstall /stub/x.pkg / / /" || return
    bsdtar -xf "$read/flat/component.pkg/Payload" -C "$disk" --no-same-owner
    cp "$program" "$disk$installed"
    : >"$disk/stub/receipt"
    in_disk "/stub/scripts/postinstall /stub/x.pkg / / /"
}

make_disk
listing >"$disk/stub/before"

echo "--- install"
install
[ "$(calls)" = "launchctl print system/$label
launchctl enable system/$label
launchctl bootstrap system /Library/LaunchDaemons/$label.plist" ] || die "other calls at the install"
[ -e "$disk/stub/job" ] || die "the daemon was not started"
for want in "/private/var/db/cloudward d 700" "/Library/Logs/cloudward d 700" "$home d 755" "/Library/LaunchDaemons/$label.plist f 644" "$installed f 755"; do
    listing | grep -xF ".$want 0:0" >/dev/null || die "wanted $want: $(listing | grep cloudward)"
done
[ "$(readlink "$disk/usr/local/bin/cloudward")" = "$installed" ] || die "no command"

echo "--- a life: configuration, state, spool elsewhere, records, socket, a crash"
printf '[daemon]\nstate = "/private/var/db/other state"\n[spool]\npath = "/private/var/db/spool"\n' >"$disk$home/cloudward.toml"
echo key >"$disk$home/hec-token" && chmod 600 "$disk$home/hec-token"
mkdir -p "$disk/var/db/"{spool,"other state"} "$disk/var/run/cloudward" "$disk/var/log/cloudward"
touch "$disk/var/db/spool/"{0000000000000001.seg,cursors.json} "$disk/var/db/other state/"{lock,alive,engine.state,engine.state.unusable,config.good} "$disk/var/db/cloudward/lock"
touch "$disk/Library/Logs/cloudward/"{alerts.ndjson,daemon.log} "$disk/var/log/cloudward/alerts.ndjson.1"
touch "$disk/Library/Logs/DiagnosticReports/cloudward-2026-11-22-101010.ips"
python3 -c 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$disk/var/run/cloudward/control.sock"

echo "--- upgrade"
touch "$disk$(dirname "$installed")/of-the-old-version" "$disk/stub/busy"
kept() { (cd "$disk" && cat ".$home/cloudward.toml" ".$home/hec-token" && find private/var Library/Logs -printf '%p %m %s\n' | sort); }
before=$(kept)
install 2>/dev/null
[ "$(kept)" = "$before" ] || die "the upgrade changed configuration, state or records"
[ ! -e "$disk$(dirname "$installed")/of-the-old-version" ] || die "a file of the old version is left in the sealed bundle"
order=$(calls | sed 's/^launchctl \([a-z]*\).*/\1/' | uniq | tr '\n' ' ')
[ "$order" = "print bootout print enable bootstrap " ] || die "upgrade: $order"
[ -e "$disk/stub/job" ] || die "the daemon was not started again"

echo "--- a daemon that does not stop, a launchd that refuses, another volume, another's command"
touch "$disk/stub/stuck"
! install 2>/dev/null || die "installed over a daemon that runs"
rm "$disk/stub/stuck"
in_disk 'launchctl bootout x; launchctl print x; launchctl print x'
touch "$disk/stub/refused"
! install 2>/dev/null || die "a daemon that was not started passes for installed"
rm "$disk/stub/refused"
calls >/dev/null
in_disk "/stub/scripts/preinstall x / /Volumes/Other / && /stub/scripts/postinstall x / /Volumes/Other /"
[ -z "$(calls)" ] || die "touched this system while installing on another volume"
[ -x "$disk$installed" ] || die "removed this system's program while installing on another volume"
rm "$disk/usr/local/bin/cloudward" && echo other >"$disk/usr/local/bin/cloudward"
install
grep -qx other "$disk/usr/local/bin/cloudward" || die "replaced another's command"

echo "--- uninstall: not root, not confirmed"
now=$(listing)
status=0
chroot --userspec=65534:65534 "$disk" "$home/uninstall" --yes 2>/dev/null || status=$?
[ "$status" = 2 ] || die "not root: exit $status"
for arguments in "" "--force" "--yes --yes"; do
    status=0
    # shellcheck disable=SC2086 # words on purpose
    chroot "$disk" "$home/uninstall" $arguments </dev/null >/dev/null 2>&1 || status=$?
    [ "$status" = 2 ] || die "\`$arguments\`: exit $status"
done
{ [ "$(listing)" = "$now" ] && [ -e "$disk/stub/job" ]; } || die "an uninstall that was not confirmed changed something"

echo "--- uninstall, where another's file lies in the spool's folder"
echo theirs >"$disk/var/db/spool/notes"
cp -a "$disk$home/uninstall" "$disk/stub/uninstall"
status=0
chroot "$disk" "$home/uninstall" --yes || status=$?
{ [ "$status" = 1 ] && grep -qx theirs "$disk/var/db/spool/notes"; } || die "another's file: exit $status"
[ "$(ls "$disk/var/db/spool")" = notes ] || die "left in the spool: $(ls "$disk/var/db/spool")"
grep -qx other "$disk/usr/local/bin/cloudward" || die "removed another's command"
{ [ ! -e "$disk/stub/job" ] && [ ! -e "$disk/stub/receipt" ]; } || die "the job or the receipt is left"

echo "--- install and uninstall: nothing is left"
rm -r "$disk/var/db/spool" "$disk/usr/local/bin/cloudward"
install
printf '[spool]\npath = "/private/var/db/spool"\n' >"$disk$home/cloudward.toml"
mkdir "$disk/var/db/spool" && touch "$disk/var/db/spool/1.seg" "$disk/Library/Logs/cloudward/daemon.log"
calls >/dev/null
chroot "$disk" "$home/uninstall" --yes
calls | grep -x "pkgutil --forget $label" >/dev/null || die "the receipt was not forgotten"
diff "$disk/stub/before" <(listing) || die "the uninstall left something, or took what was not its own"
chroot "$disk" /stub/uninstall --yes >/dev/null || die "what is gone already is no failure"
rm -rf "$disk"
echo "install, upgrade, uninstall: as they should be"
