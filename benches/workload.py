#!/usr/bin/env python3
"""Makes a recording of a busy Mac, with thefts and look-alikes in it, and the truth about them. The same bytes for the same options.

    benches/workload.py FOLDER [--events 100000] [--subsecond N] [--tree-chains N] [--mixed] ...

  es.ndjson    eslogger's lines, some 2 KB each: paths with `\\/`, fields in another order each time, whole stat blocks
  cap.pktap    PKTAP capture of every connection (DNS, TCP, TLS hellos, bytes both ways)
  net.ndjson   the same connections as a socket table tells them, for programs that read no captures
  mixed.ndjson both of them in the order of time, for programs that read one stream (`--mixed`)
  truth.json   who must raise an alert, and who only looks like it
  rules.json   the question (questions.py)
"""
import argparse, heapq, json, os, random, time

import packets
from questions import CLOUD, ELSEWHERE, GLOBS, NEAR, PLATFORM, TEAMS, TRICKY, rules

USERS = ["alice", "bob", "carol", "dave"]
VARIANTS = 8
FIRST_VERSION = 100_000_000  # nine digits, so that a copy of the recording can be told apart (live.py)
# CS_VALID, CS_SIGNED and what else xnu sets: an ad hoc signature has no signer, whatever it calls itself.
SIGNED, SYSTEM, AD_HOC = 0x2201_0201, 0x2601_2201, 0x2202_0203

# path, signing id, team, part of macOS. No program that reads secrets uploads, or starts one that does, but for those allowed.
ALLOWED = [("/Applications/Dropbox.app/Contents/MacOS/Dropbox", "com.getdropbox.dropbox", TEAMS[0], False),
           ("/Applications/Google Drive.app/Contents/MacOS/Google Drive", "com.google.drivefs", TEAMS[1], False),
           ("/Applications/OneDrive.app/Contents/MacOS/OneDrive", "com.microsoft.OneDrive-mac", TEAMS[2], False),
           ("/System/Library/PrivateFrameworks/CloudDocsDaemon.framework/Versions/A/Support/bird", PLATFORM[0], None, True),
           ("/System/Library/CoreServices/backupd.bundle/Contents/Resources/backupd", PLATFORM[2], None, True)]
SENDERS = [("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome", "com.google.Chrome", "EQHXZ8M8AW", False),
           ("/Applications/Safari.app/Contents/MacOS/Safari", "com.apple.Safari", None, True),
           ("/Applications/Slack.app/Contents/MacOS/Slack", "com.tinyspeck.slackmacgap", "BQR82RBBHL", False),
           ("/opt/homebrew/bin/rclone", "rclone-55554944", None, False)]
READERS = [("/usr/bin/ssh", "com.apple.ssh", None, True), ("/opt/homebrew/bin/kubectl", "kubectl", None, False),
           ("/usr/libexec/secd", "com.apple.secd", None, True), ("/opt/homebrew/bin/gh", "gh", None, False),
           ("/Applications/Visual Studio Code.app/Contents/MacOS/Electron", "com.microsoft.VSCode", "UBF8T346G8", False)]
OTHERS = [("/usr/libexec/mds", "com.apple.mds", None, True), ("/bin/zsh", "com.apple.zsh", None, True),
          ("/usr/bin/git", "com.apple.git", None, True), ("/usr/bin/grep", "com.apple.grep", None, True),
          ("/opt/homebrew/Cellar/node/22.6.0/bin/node", "node-5555494433221100", None, False),
          ("/Library/Developer/CommandLineTools/usr/bin/clang", "com.apple.clang", None, True),
          ("/usr/libexec/xpcproxy", "com.apple.xpc.proxy", None, True), ("/usr/sbin/cfprefsd", "com.apple.cfprefsd", None, True)]
THIEVES = [("/private/tmp/.x/update", "update-555549", None, False), ("/usr/bin/curl", "com.apple.curl", None, True),
           ("/Users/alice/Library/Application Support/.cache/agent", "agent", None, False),
           ("/Users/dave/Downloads/Installer.app/Contents/MacOS/Installer", "com.fake.installer", "ZZ99ZZ99ZZ", False)]
IMPOSTOR = ("/private/tmp/Dropbox.app/Contents/MacOS/Dropbox", "com.getdropbox.dropbox", None, False)
SHELL = OTHERS[1]

THEFTS = ["plain", "several_reads", "stale_then_fresh", "small_then_big", "near_edge", "impostor"]
LOOKALIKES = ["read_only", "upload_only", "upload_before_read", "allowed", "outside_window", "small_upload", "other_host",
              "pid_reused", "near_miss_path"]
SUBSECOND = ["same_second", "just_over"]
# Whose read the upload carries follows from lineage; `child_uploads` is a theft, its turnings are not.
TREE = ["child_uploads", "parent_uploads", "sibling_uploads"]


def escaped(text):
    return '"' + json.dumps(text, ensure_ascii=False)[1:-1].replace("/", "\\/") + '"'


class Clock:
    """Seconds since 1970 as ISO text; whole seconds are kept."""

    def __init__(self):
        self.kept = {}

    def text(self, seconds, digits):
        whole = int(seconds)
        if whole not in self.kept:
            self.kept[whole] = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole))
        return '"%s.%0*dZ"' % (self.kept[whole], digits, int((seconds - whole) * 10**digits))


class Process:
    __slots__ = ("pid", "version", "program", "text", "thread", "child")


class Writer:
    """The texts of the recording. Every kind of object has some orders of its fields, drawn once."""

    def __init__(self, chance):
        self.chance, self.clock, self.orders, self.version, self.number = chance, Clock(), {}, FIRST_VERSION, 0
        names = ["schema_version", "version", "time", "mach_time", "event_type", "action_type", "action", "seq_num",
                 "global_seq_num", "thread", "process", "event"]
        fields = {"schema_version": "1", "version": "9", "time": "%(time)s", "mach_time": "%(mach)d", "event_type": "%(type)d",
                  "action_type": "1", "action": '{"result":{"result":{"auth":0},"result_type":0}}', "seq_num": "%(number)d",
                  "global_seq_num": "%(number)d", "thread": '{"thread_id":%(thread)d}', "process": "%(process)s",
                  "event": '{"%(kind)s":%(event)s}'}
        self.envelopes = [self.object(fields, names) + "\n" for _ in range(VARIANTS)]
        self.environments = ["[" + ",".join(map(escaped, self.environment(user))) + "]" for user in USERS]
        self.folders = [self.file("/Users/%s/src/app%d" % (user, index), 16877) for user in USERS for index in range(4)]

    def object(self, fields, names=None):
        names = list(names or fields)
        self.chance.shuffle(names)
        return "{" + ",".join('"%s":%s' % (name, fields[name]) for name in names) + "}"

    def environment(self, user):
        return ["PATH=/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", "HOME=/Users/" + user, "USER=" + user,
                "LOGNAME=" + user, "SHELL=/bin/zsh", "TERM=xterm-256color", "TERM_PROGRAM=Apple_Terminal", "LANG=en_US.UTF-8",
                "TMPDIR=/var/folders/zz/zyxvpxvq6csfxvn_n0000000000000/T/", "XPC_FLAGS=0x0", "XPC_SERVICE_NAME=0",
                "PWD=/Users/%s/src/app1" % user, "SHLVL=1", "_=/usr/bin/env", "EDITOR=vim", "HOMEBREW_PREFIX=/opt/homebrew"]

    def file(self, path, mode=33188):
        chance = self.chance
        stamp = lambda: self.clock.text(1_720_000_000 + chance.randrange(30_000_000) // 3600 * 3600 + chance.random(), 9)
        size = int(chance.paretovariate(1.1) * 400)
        stat = {"st_dev": "16777234", "st_mode": str(mode), "st_nlink": "1", "st_ino": str(chance.randrange(1 << 28)), "st_uid": "501",
                "st_gid": "20", "st_rdev": "0", "st_size": str(size), "st_blocks": str(size // 512 + 8), "st_blksize": "4096",
                "st_flags": "0", "st_gen": "0", "st_atimespec": stamp(), "st_mtimespec": stamp(), "st_ctimespec": stamp(),
                "st_birthtimespec": stamp()}
        return self.object({"path": escaped(path), "path_truncated": "false", "stat": self.object(stat)})

    def token(self, pid, version):
        fields = {"pid": str(pid), "pidversion": str(version)}
        fields.update({"auid": "501", "euid": "501", "ruid": "501", "egid": "20", "rgid": "20", "asid": "100019"})
        return self.object(fields)

    def process(self, program, pid, parent, at):
        path, signing_id, team, platform = program
        process = Process()
        self.version += 1
        process.pid, process.version, process.program = pid, self.version, program
        process.thread, process.child = 100_000 + self.chance.randrange(900_000), None
        token, above = self.token(pid, self.version), self.token(*parent)
        process.text = self.object({
            "audit_token": token, "parent_audit_token": above, "responsible_audit_token": token, "ppid": str(parent[0]),
            "original_ppid": str(parent[0]), "group_id": str(pid), "session_id": str(parent[0]),
            "codesigning_flags": str(SYSTEM if platform else SIGNED if team else AD_HOC),
            "is_platform_binary": "true" if platform else "false", "is_es_client": "false",
            "cdhash": '"%040X"' % self.chance.getrandbits(160), "signing_id": escaped(signing_id),
            "team_id": '"%s"' % team if team else "null", "executable": self.file(path, 33261),
            "tty": self.file("/dev/ttys003", 8592) if self.chance.random() < 0.2 else "null",
            "start_time": self.clock.text(at, 6)})
        return process

    TYPES = {"exec": 9, "open": 10, "fork": 11, "close": 12, "create": 13, "exit": 15, "rename": 25, "unlink": 32}

    def event(self, kind, file, child):
        chance = self.chance
        if kind == "open":
            return '{"fflag":%d,"file":%s}' % (1 if chance.random() < 0.8 else 3, file)
        if kind == "close":
            modified = "true" if chance.random() < 0.2 else "false"
            return '{"modified":%s,"target":%s,"was_mapped_writable":false}' % (modified, file)
        if kind == "create":
            return '{"destination_type":0,"destination":{"existing_file":%s},"acl":null}' % file
        if kind == "rename":
            folder = chance.choice(self.folders)
            return '{"source":%s,"destination_type":1,"destination":{"new_path":{"dir":%s,"filename":"kept"}}}' % (file, folder)
        if kind == "unlink":
            return '{"target":%s,"parent_dir":%s}' % (file, chance.choice(self.folders))
        if kind == "exit":
            return '{"stat":0}'
        if kind == "fork":
            return '{"child":%s}' % child.text
        path = escaped(child.program[0])
        fields = {"target": child.text, "args": '[%s,"--flag"]' % path, "env": chance.choice(self.environments),
                  "fds": '[{"fdtype":1,"fd":0},{"fdtype":1,"fd":1},{"fdtype":1,"fd":2}]', "cwd": chance.choice(self.folders),
                  "script": "null", "dyld_exec_path": path, "image_cputype": "16777228", "image_cpusubtype": "0", "last_fd": "3"}
        return self.object(fields)

    def line(self, at, kind, process, file, child):
        self.number += 1
        return self.chance.choice(self.envelopes) % {
            "time": self.clock.text(at, 9), "mach": 240_000_000_000 + int(at % 100_000 * 24e6), "type": self.TYPES[kind],
            "number": self.number, "thread": process.thread, "process": process.text, "kind": kind,
            "event": self.event(kind, file, child)}


class Recording:
    def __init__(self, args):
        self.args, self.chance = args, random.Random(args.seed)
        self.start = args.start
        # Thefts take up to 140 s, so a short recording is a slow one; what is made to be fed live has short thefts.
        self.span = max(args.events / args.rate, 10.0 if args.brisk else 600.0)
        self.writer = Writer(self.chance)
        self.taken, self.port, self.asked = set(), 0, set()
        self.truth = {"alerts": [], "lookalikes": [], "events": 0, "lines": 0, "connections": 0, "packets": 0}
        self.waiting, self.turn, self.clear = [], 0, {}
        self.secrets = [self.writer.file(self.filled(glob, user)) for glob in GLOBS for user in USERS]
        self.near = [self.writer.file(path % user) for path in NEAR for user in USERS]
        self.usual = [self.writer.file(path) for path in self.paths(args.paths)]

    def filled(self, glob, user):
        head, star, rest = glob.partition("*")
        words = user if glob.startswith("/Users/") else "word%d" % self.chance.randrange(9)
        return head + (words if star else "") + rest.replace("*", "word%d" % self.chance.randrange(9))

    def paths(self, count):
        chance = self.chance
        word = lambda: chance.choice(["index", "main", "view", "model", "cache", "state", "worker", "config", "query", "token"])
        code = lambda digits: "%0*x" % (digits, chance.getrandbits(4 * digits))
        shapes = [lambda user: "/Users/%s/src/app%d/node_modules/react/lib/%s/%s%d.js" % (user, chance.randrange(30), word(), word(), chance.randrange(99)),
                  lambda user: "/Users/%s/src/app%d/.git/objects/%s/%s" % (user, chance.randrange(30), code(2), code(38)),
                  lambda user: "/System/Library/Frameworks/AppKit.framework/Versions/A/Resources/%s.lproj/%s%d.strings" % (word(), word(), chance.randrange(200)),
                  lambda user: "/private/var/folders/zz/%s/T/%s-%s.tmp" % (code(28), word(), code(8)),
                  lambda user: "/Users/%s/Library/Caches/com.apple.%s/%s/%s" % (user, word(), word(), code(16)),
                  lambda user: "/Users/%s/Library/Preferences/com.apple.%s.%s.plist" % (user, word(), word()),
                  lambda user: "/Applications/Xcode.app/Contents/Resources/%s/%s%d.nib" % (word(), word(), chance.randrange(300)),
                  lambda user: "/Users/%s/Documents/%s %s %d.docx" % (user, word(), word(), chance.randrange(999)),
                  lambda user: "/private/var/db/uuidtext/%s/%s" % (code(2), code(30))]
        return [chance.choice(shapes)(chance.choice(USERS)) for _ in range(count)]

    def pid(self):
        while True:
            pid = self.chance.randrange(400, 99_998)
            if pid not in self.taken:
                self.taken.add(pid)
                return pid

    # What happens, as (time, turn, what, process, file or host, bytes or child).
    def later(self, at, what, process, thing=None, more=None):
        self.turn += 1
        heapq.heappush(self.waiting, (at, self.turn, what, process, thing, more))

    def theft(self, kind, at):
        """One theft, or what looks like it, which begins then."""
        chance, writer = self.chance, self.writer
        program = chance.choice(THIEVES)
        if kind == "allowed":
            program = chance.choice(ALLOWED)
        elif kind == "impostor":
            program = IMPOSTOR
        pid = self.pid()
        shell = writer.process(SHELL, pid, (1, 1), at)
        one = writer.process(program, pid, (1, 1), at)
        self.later(at, "exec", shell, None, one)
        for _ in range(chance.randrange(2, 6)):
            self.later(at + 0.05 + chance.random(), "open", one, chance.choice(self.usual))
        read = at + 1.2 + chance.random() * (1 if self.args.brisk else 3)
        wait = 0.05 + chance.random() * (1.5 if self.args.brisk else 45)
        host, size = chance.choice(CLOUD), 20_000 + int(chance.paretovariate(1.2) * 15_000) % 400_000
        secret = chance.choice(self.secrets)
        sender, send = one, read + wait
        if kind == "stale_then_fresh":
            self.later(read, "open", one, chance.choice(self.secrets))
            read += 66
            send = read + wait
        elif kind == "several_reads":
            for _ in range(4):
                self.later(read + chance.random() * min(wait, 5) * 0.9, "open", one, chance.choice(self.secrets))
        elif kind == "small_then_big":
            self.later(read + wait / 2, "send", one, host, 900)
        elif kind == "near_edge":
            send = read + 55 + chance.random() * 3
        elif kind == "outside_window":
            send = read + 62 + chance.random() * 40
        elif kind == "just_over":  # 60 s in whole seconds
            read = float(int(read)) + 0.05
            send = read + 60.5 + chance.random() * 0.4
        elif kind == "same_second":  # upload, then read
            send = float(int(read)) + 0.05
            read = send + 0.9
            size = min(size, 60_000)
        elif kind == "upload_before_read":
            send, read = read, read + 3 + chance.random() * 20
        elif kind == "small_upload":
            size = 700 + chance.randrange(8000)
        elif kind == "other_host":
            host = chance.choice(TRICKY)
        elif kind == "near_miss_path":
            secret = chance.choice(self.near)
        elif kind == "read_only":
            host, size = chance.choice(ELSEWHERE), 2500
        elif kind == "pid_reused":
            self.later(read + 0.3, "exit", one)
            shell = writer.process(SHELL, pid, (1, 1), read)
            sender = writer.process(program, pid, (1, 1), read)
            self.later(read + 0.4, "exec", shell, None, sender)
            send = read + 1 + chance.random() * 20
        if kind in TREE:
            reader, sender = self.family(kind, one, program, at, read)
            one_reads = reader
        else:
            one_reads = one
        if kind != "upload_only":
            self.later(read, "open", one_reads, secret)
        self.later(send, "send", sender, host, size)
        end = max(read, send) + 3
        for process in {process.version: process for process in (one, one_reads, sender)}.values():
            if kind != "pid_reused" or process is sender:
                self.later(end, "exit", process)
        told = {"kind": kind, "pid": sender.pid, "pidversion": sender.version, "sent": send, "lineage": kind in TREE}
        stolen = kind in THEFTS or kind == "child_uploads"
        self.truth["alerts" if stolen else "lookalikes"].append(told)

    def family(self, kind, one, program, at, read):
        """Who reads and who sends, of a process and its children. A child inherits what its parent had read when it was forked."""
        children = []
        for index in range(2 if kind == "sibling_uploads" else 1):
            pid = self.pid()
            child = self.writer.process(program, pid, (one.pid, one.version), at)
            children.append(child)
            self.later(read + 0.01 if kind == "child_uploads" else at + 1.1, "fork", one, None, child)
        if kind == "child_uploads":
            return one, children[0]
        return children[0], (one if kind == "parent_uploads" else children[1])

    def kinds(self):
        args = self.args
        kinds = [(["plain"] if args.brisk else THEFTS)[index % (1 if args.brisk else len(THEFTS))] for index in range(args.chains)]
        kinds += LOOKALIKES * args.lookalikes + SUBSECOND * args.subsecond + TREE * args.tree_chains
        self.chance.shuffle(kinds)
        return kinds

    def write(self):
        args, chance = self.args, self.chance
        os.makedirs(args.folder, exist_ok=True)
        place = lambda name: os.path.join(args.folder, name)
        for kind in self.kinds():
            longest = 6 if args.brisk else 150
            self.theft(kind, self.start + 0.5 + chance.random() * max(1.0, self.span - longest))
        scripted = len(self.waiting)
        with open(place("es.ndjson"), "w", 1 << 20) as self.lines, open(place("net.ndjson"), "w", 1 << 20) as self.table, \
                open(place("cap.pktap"), "wb", 1 << 20) as self.capture, \
                open(place("mixed.ndjson") if args.mixed else os.devnull, "w", 1 << 20) as self.mixed:
            self.capture.write(packets.file_header(packets.PKTAP))
            self.frames = []
            self.background(max(1, args.events - scripted))
            self.play(float("inf"))
            self.flush(float("inf"))
        for told in self.truth["alerts"]:
            told["clear"] = self.clear[told["pid"], told["pidversion"]]
        self.truth["events"] = self.truth["lines"] + self.truth["connections"]
        for name, told in (("truth.json", self.truth), ("rules.json", rules(args.globs, args.domains))):
            with open(place(name), "w") as out:
                json.dump(told, out, indent=1)
        return self.truth

    def play(self, until):
        while self.waiting and self.waiting[0][0] <= until:
            at, _, what, process, thing, more = heapq.heappop(self.waiting)
            if what == "send":
                self.send(at, process, thing, more)
            else:
                self.tell(at, what, process, thing, more)

    def tell(self, at, kind, process, file=None, child=None):
        line = self.writer.line(at, kind, process, file, child)
        self.lines.write(line)
        self.mixed.write(line)
        self.truth["lines"] += 1

    def send(self, at, process, host, size):
        self.flush(at - 0.2)
        self.port += 1
        ask = host not in self.asked or self.chance.random() < 0.5
        self.asked.add(host)
        made, clear = packets.connection(self.chance, self.port, host, size, ask)
        name = process.program[0].rsplit("/", 1)[1]
        for offset, outbound, frame in made:
            self.turn += 1
            head = packets.pktap(outbound, frame[12] == 0x86, process.pid, name)
            heapq.heappush(self.frames, (at + offset, self.turn, head, frame))
        self.clear[process.pid, process.version] = at + clear
        told = '{"ts":%s,"pid":%d,"pidversion":%d,"proto":"tcp","domain":"%s","bytes_out":%d}\n' % (
            self.writer.clock.text(at, 6), process.pid, process.version, host, size)
        self.table.write(told)
        self.mixed.write(told)
        self.truth["connections"] += 1

    def flush(self, until):
        while self.frames and self.frames[0][0] <= until:
            at, _, head, frame = heapq.heappop(self.frames)
            self.capture.write(packets.record(at, frame, head))
            self.truth["packets"] += 1

    def background(self, count):
        """What a Mac does all day: 62 % opens, 18 % closes, processes that come and go, two connections in a hundred events."""
        chance, writer, start = self.chance, self.writer, self.start
        kinds = ["open"] * 62 + ["close"] * 18 + ["create"] * 5 + ["rename"] * 2 + ["unlink"] * 3 + ["spawn"] * 3
        programs = [(chance.choice(group), group) for group in (ALLOWED, SENDERS, READERS, OTHERS, OTHERS) for _ in range(self.args.processes // 5)]
        running = [(writer.process(program, self.pid(), (1, 1), start), group) for program, group in programs]
        chance.shuffle(running)
        parents = [process for process, group in running if group is OTHERS]
        step, usual = self.span / count, self.usual
        made = 0
        while made < count:
            at = start + made * step + chance.random() * step
            self.play(at)
            slot = int(len(running) * chance.random() ** 2)
            process, group = running[slot]
            made += 1
            if chance.random() < 0.02:
                cloud = group in (ALLOWED, SENDERS) and chance.random() < 0.35
                size = 1200 + int(chance.paretovariate(1.2) * 3000) % 200_000
                self.send(at, process, chance.choice(CLOUD if cloud else ELSEWHERE), size)
                continue
            kind = chance.choice(kinds)
            if kind == "spawn" and slot > len(running) // 2:
                made += self.spawn(at, running, slot, parents)
                continue
            secret = kind == "open" and group in (ALLOWED, READERS) and chance.random() < 0.018
            file = chance.choice(self.secrets) if secret else usual[int(len(usual) * chance.random() ** 3)]
            self.tell(at, "open" if kind == "spawn" else kind, process, file)

    def spawn(self, at, running, slot, parents):
        """A short-lived process makes room for another, which a shell or the like starts; how many more events that is."""
        chance, writer = self.chance, self.writer
        old, _ = running[slot]
        parent = chance.choice(parents)
        if old is parent or old in parents:
            return 0
        group = chance.choice((ALLOWED, SENDERS, READERS, OTHERS))
        pid = self.pid()
        self.taken.discard(old.pid)
        between = writer.process(parent.program, pid, (parent.pid, parent.version), at)
        process = writer.process(chance.choice(group), pid, (parent.pid, parent.version), at)
        self.tell(at, "fork", parent, None, between)
        self.later(at + 0.001, "exec", between, None, process)
        self.later(at + 0.02, "exit", old)
        running[slot] = (process, group)
        return 2


def options(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--events", type=lambda text: int(float(text)), default=100_000, help="lines and connections, nearly")
    parser.add_argument("--rate", type=float, default=1000.0, help="events in a recorded second")
    parser.add_argument("--start", type=float, default=1_762_000_800.0, help="of the recording, seconds since 1970")
    parser.add_argument("--chains", type=int, default=50, help="thefts")
    parser.add_argument("--lookalikes", type=int, default=10, help="of each kind")
    parser.add_argument("--subsecond", type=int, default=0, help="look-alikes that programs with whole seconds take for thefts")
    parser.add_argument("--tree-chains", type=int, default=0, help="thefts, and look-alikes, of parents, children and siblings")
    parser.add_argument("--brisk", action="store_true", help="only thefts that take seconds")
    parser.add_argument("--mixed", action="store_true")
    parser.add_argument("--processes", type=int, default=600)
    parser.add_argument("--paths", type=int, default=20_000)
    parser.add_argument("--globs", type=int, default=40)
    parser.add_argument("--domains", type=int, default=50)
    parser.add_argument("--seed", type=int, default=7)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    made = Recording(options()).write()
    print(json.dumps({key: len(told) if isinstance(told, list) else told for key, told in made.items()}))
