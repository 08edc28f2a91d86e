"""strace logs -> eslogger lines.

Input: one strace log per thread (`-ff -yy -v`, nanosecond UNIX times) of processes that ran in a root directory
laid out like a Mac. Output: fork, exec, open, create, close, rename, unlink, link and exit events in eslogger's form.
The calls, their order, times, arguments, pids and file names are what ran. What Linux cannot know (identities, tokens'
pidversion and session, inode flags, seq numbers) is filled in here; README.md lists it.
"""
import glob
import hashlib
import json
import os
import random
import re
import signal
import time

UID, GID, ASID = 501, 20, 100015
TICKS = 24_000_000
EVENT_TYPE = {"exec": 9, "open": 10, "fork": 11, "close": 12, "create": 13, "exit": 15, "link": 19, "rename": 25, "unlink": 32}
SYSCALLS = ("open,openat,openat2,creat,close,close_range,dup,dup2,dup3,fcntl,pipe,pipe2,socket,connect,clone,clone3,fork,vfork,"
            "execve,exit_group,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,rmdir,link,linkat,symlink,symlinkat,chdir,"
            "fchdir,write,pwrite64,writev,lseek,sendfile,copy_file_range,ftruncate,sendto,sendmsg,sendmmsg,getsockname,getsockopt,setsockopt,"
            "setsid,setpgid")

# Linux plumbing that has no counterpart on a Mac (its libraries live in the dyld shared cache)
DROP = re.compile(r"^/(proc|sys|lib|lib64|usr/lib|usr/local/lib|usr/share/locale|private/etc/(ld\.so|nsswitch|gai|host\.conf|mime))(/|\.|$)"
                  r"|^/dev/(urandom|random|pts/ptmx)|/libpython[\d.]+\.so")


# ---------------------------------------------------------------- identities (synthesised)
def cdhash(path):
    return hashlib.sha256(b"cloudward test cdhash " + path.encode()).hexdigest()[:40].upper()


def identity(path):
    """(signing_id, team_id, flags, is_platform, cs_validation_category) of an executable."""
    base = os.path.basename(path)
    if path.startswith("/Applications/Arq.app/"):
        return "com.haystacksoftware.arqagent", "48ZCSDVL96", 0x22010301, False, 6
    if path.startswith("/opt/homebrew/"):
        return re.sub(r"^python3\.\d+$", "python3", base), None, 0x22020203, False, 10
    names = {"launchd": "com.apple.xpc.launchd", "xpcproxy": "com.apple.xpc.proxy", "Terminal": "com.apple.Terminal",
             "mDNSResponder": "com.apple.mDNSResponder"}
    tool = base in ("rm", "sleep", "cp", "mkdir", "ls", "cat", "mv", "date")
    return names.get(base, "com.apple." + base), None, 0x26011B11 if tool else 0x26014A01, True, 1


# ---------------------------------------------------------------- strace grammar
def unescape(s):
    def one(m):
        c = m.group(1)
        if c in "abfnrtv":
            return {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}[c]
        if c[0] == "x":
            return chr(int(c[1:], 16))
        return chr(int(c, 8)) if c[0] in "01234567" else c
    raw = re.sub(r"\\(x[0-9a-f]{2}|[0-7]{1,3}|.)", one, s)
    return raw.encode("latin-1", "replace").decode("utf-8", "replace")


def split_call(text):
    """`name(a, b, [c, d]) = ret` -> (name, [args], ret) or None."""
    at = text.find("(")
    if at < 0:
        return None
    name, args, depth, start, i, n = text[:at], [], 0, at + 1, at + 1, len(text)
    while i < n:
        c = text[i]
        if c == '"':
            i += 1
            while i < n and text[i] != '"':
                i += 2 if text[i] == "\\" else 1
        elif c == "<" and (text[i - 1].isdigit() or text[i - 1] == "D"):
            sock = re.match(r"<(TCP|UDP|TCPv6|UDPv6|UNIX\w*|NETLINK|PACKET):\[.*?\]>", text[i:])
            i = i + sock.end() - 1 if sock else text.index(">", i)
        elif c in "[{(":
            depth += 1
        elif c == ")" and depth == 0:
            args.append(text[start:i].strip())
            m = re.match(r"\)\s*= (.*)$", text[i:])
            return (name, args, m.group(1)) if m else None
        elif c in "]})":
            depth -= 1
        elif c == "," and depth == 0:
            args.append(text[start:i].strip())
            start = i + 1
        i += 1
    return None


def strings(arg):
    return [unescape(m) for m in re.findall(r'"((?:[^"\\]|\\.)*)"', arg)]


LINUX_TO_FFLAGS = {"O_APPEND": 0x8, "O_NONBLOCK": 0x4, "O_SYNC": 0x80, "O_NOFOLLOW": 0x100, "O_TRUNC": 0x400, "O_NOCTTY": 0x20000,
                   "O_DIRECTORY": 0x100000, "O_CLOEXEC": 0x1000000}


def fflags(words, created):
    mode = 3 if "O_RDWR" in words else 2 if "O_WRONLY" in words else 1
    for word, bit in LINUX_TO_FFLAGS.items():
        if word in words and not (created and word == "O_TRUNC"):
            mode |= bit
    return mode


# ---------------------------------------------------------------- the world the events speak of
class Opened:
    """One open file description; several fds and processes may hold it."""
    def __init__(self, kind, path=None, pipe=None):
        self.kind, self.path, self.pipe, self.refs, self.modified, self.told = kind, path, pipe, 0, False, True
        self.at, self.append = 0, False


class Proc:
    def __init__(self, pid, parent, exe, start, pidversion, tid, user=UID):
        self.pid, self.parent, self.exe, self.start, self.pidversion, self.tid = pid, parent, exe, start, pidversion, tid
        self.user, self.fds, self.cwd, self.tty = user, {}, "/", None
        self.group = self.session = pid
        self.responsible = self
        self.alive = True
        self.args, self.comm = [], os.path.basename(exe)[:16]
        self.original_ppid = parent.pid if parent else 0


class World:
    def __init__(self, root, options, seed=1):
        self.root, self.opt = root.rstrip("/"), options
        self.rng = random.Random(seed)
        self.files, self.next_ino = {}, 48_120_000
        self.events, self.owners, self.truth_reads = [], {}, []
        self.pidversion, self.library = 31_007, 0
        self.threads = {}
        self.boot = time.time() - 263_000.5
        self.snapshot()
        self.launchd = self.ancestor(1, None, "/sbin/launchd", 0)

    # files ------------------------------------------------------
    def snapshot(self):
        """What existed before anything ran: needed to tell `create` from `open`."""
        for top in ("/Users", "/private"):
            for base, dirs, names in os.walk(self.root + top):
                for n in [base] + [base + "/" + n for n in names]:
                    self.note_file(n[len(self.root):], os.lstat(n))

    def note_file(self, path, st):
        self.files[path] = {"ino": 41_000_000 + st.st_ino % 1_000_000, "size": st.st_size, "mode": st.st_mode, "mtime": st.st_mtime,
                            "birth": st.st_mtime, "own": st.st_uid}

    def born(self, path, mode, t):
        self.next_ino += 1
        self.files[path] = {"ino": self.next_ino, "size": 0, "mode": mode, "mtime": t, "birth": t, "own": UID}

    def file(self, path):
        """The eslogger file object for a path, as of now."""
        system = path not in self.files
        if system:
            try:
                st = os.stat(self.real(path))
            except OSError:
                st = None
            mode, size = (st.st_mode, st.st_size) if st else (0o100755, 0)
            char = path.startswith("/dev/")
            ino = 1_152_921_500_312_000_000 + int(hashlib.sha256(path.encode()).hexdigest()[:6], 16)
            own, when, birth, flags = 0, 1_778_308_034, 1_778_308_034, 524_320
            if path.startswith(("/opt/", "/Applications/")):
                ino, own, flags = 39_000_000 + ino % 900_000, UID, 0
            if char:
                terminal = path != "/dev/null"
                mode, size, flags, own = 0o020620 if terminal else 0o020666, 0, 0, UID if terminal else 0
        else:
            f = self.files[path]
            mode, size, ino, own, when, birth, flags, char = f["mode"], f["size"], f["ino"], f["own"], f["mtime"], f["birth"], 0, False
        directory = mode & 0o170000 == 0o040000
        return {"path": self.show(path), "path_truncated": False, "stat": {
            "st_dev": 1_333_267_060 if char else 16_777_234, "st_ino": ino, "st_mode": mode, "st_nlink": 3 if directory else 1, "st_uid": own,
            "st_gid": GID if own == UID else 0, "st_rdev": 268_435_459 if char else 0, "st_size": size,
            "st_blocks": 0 if directory else -(-size // 4096) * 8, "st_blksize": 4096, "st_flags": flags, "st_gen": 0,
            "st_atimespec": stamp(when, 9), "st_mtimespec": stamp(when, 9), "st_ctimespec": stamp(when, 9), "st_birthtimespec": stamp(birth, 9)}}

    def real(self, path):
        """A path inside the root, with the root's own absolute symlinks followed."""
        parts, done = [p for p in path.split("/") if p], ""
        for _ in range(200):
            if not parts:
                break
            p = parts.pop(0)
            if p == ".":
                continue
            if p == "..":
                done = os.path.dirname(done)
                continue
            here = done + "/" + p
            if os.path.islink(self.root + here):
                to = os.readlink(self.root + here)
                parts = [q for q in to.split("/") if q] + parts
                done = "" if to.startswith("/") else done
            else:
                done = here
        return self.root + (done or "/")

    def resolve(self, path):
        return self.real(path)[len(self.root):] or "/"

    def inside(self, annotated):
        path = unescape(annotated)
        return path[len(self.root):] or "/" if path.startswith(self.root) else path

    @staticmethod
    def show(path):
        path = re.sub(r"^/dev/pts/\d+$", "/dev/ttys003", path)
        return re.sub(r"\.cpython-(\d+)-[\w-]+-linux-gnu\.so$", r".cpython-\1-darwin.so", path)

    # processes --------------------------------------------------
    def ancestor(self, pid, parent, exe, age, user=0):
        """A process that is on every Mac but did not run here."""
        p = Proc(pid, parent, exe, self.boot + 3 + age, 600 + pid, 1500 + pid, user)
        p.responsible = p
        if parent:
            p.session = 1
        return p

    def token(self, p):
        auid = 4_294_967_295 if p.user == 0 else p.user
        gid = GID if p.user else 0
        if self.opt.get("token") == "array":
            return [auid, p.user, gid, p.user, gid, p.pid, ASID, p.pidversion]
        return {"auid": auid, "euid": p.user, "egid": gid, "ruid": p.user, "rgid": gid, "pid": p.pid, "asid": ASID, "pidversion": p.pidversion}

    def process(self, p):
        parent = p.parent if p.parent and p.parent.alive else self.launchd
        signing, team, flags, platform, category = identity(p.exe)
        out = {"audit_token": self.token(p), "parent_audit_token": self.token(parent), "responsible_audit_token": self.token(p.responsible),
               "ppid": parent.pid, "original_ppid": p.original_ppid, "group_id": p.group, "session_id": p.session, "start_time": stamp(p.start, 6),
               "executable": self.file(p.exe), "tty": self.file(p.tty) if p.tty else None, "signing_id": signing, "team_id": team,
               "cdhash": cdhash(p.exe), "codesigning_flags": flags, "is_platform_binary": platform, "is_es_client": False}
        if self.opt["version"] >= 10:
            out["cs_validation_category"] = category
        return out

    def next_version(self):
        self.pidversion += 1
        return self.pidversion

    @staticmethod
    def story_of(p):
        """Every argument of the process and its forebears: says which script a socket belongs to."""
        words = []
        while p:
            words += p.args
            p = p.parent
        return words

    # events -----------------------------------------------------
    def emit(self, t, kind, proc, body):
        self.events.append((t, kind, self.process(proc), proc.tid, body))

    # descriptors ------------------------------------------------
    def hold(self, p, fd, opened, cloexec):
        self.release(None, p, fd)
        opened.refs += 1
        p.fds[fd] = (opened, cloexec)

    def release(self, t, p, fd):
        opened, _ = p.fds.pop(fd, (None, None))
        if opened is None:
            return
        opened.refs -= 1
        if opened.refs == 0 and opened.kind == 1 and t is not None and opened.told and self.wanted(opened.path):
            body = {"target": self.file(opened.path), "modified": opened.modified, "was_mapped_writable": False}
            self.emit(t, "close", p, body)

    def wanted(self, path):
        return not DROP.search(path)

    # syscalls ---------------------------------------------------
    def path_arg(self, p, args, at, dirfd=False):
        text = strings(args[at])[0]
        if not text.startswith("/"):
            base = p.cwd
            if dirfd and "AT_FDCWD" not in args[at - 1]:
                base = self.inside(re.search(r"<(.*)>", args[at - 1]).group(1))
            text = base + "/" + text
        head, tail = os.path.split(text.rstrip("/"))
        return (self.resolve(head).rstrip("/") + "/" + tail) if tail not in (".", "..") else self.resolve(text)

    def parent_dir(self, path):
        return os.path.dirname(path) or "/"

    def call(self, t, p, name, args, ret):
        if ret.startswith("-1") or ret.startswith("?"):
            return
        if name == "creat":
            name, args = "open", [args[0], "O_WRONLY|O_CREAT|O_TRUNC"]
        if name in ("open", "openat", "openat2"):
            self.on_open(t, p, args[1] if name == "open" else args[2], ret)
        elif name == "close":
            self.release(t, p, int(args[0].split("<")[0]))
        elif name == "close_range":
            for fd in [f for f in p.fds if int(args[0]) <= f <= int(args[1], 0)]:
                self.release(t, p, fd)
        elif name in ("dup", "dup2", "dup3") or name == "fcntl" and args[1].startswith("F_DUPFD"):
            old, new = int(args[0].split("<")[0]), int(ret.split("<")[0])
            cloexec = "CLOEXEC" in args[1] if name == "fcntl" else name == "dup3" and "CLOEXEC" in args[2]
            if old in p.fds and old != new:
                opened = p.fds[old][0]
                opened.refs += 1        # held before the old meaning of `new` goes
                self.release(t, p, new)
                opened.refs -= 1
                self.hold(p, new, opened, cloexec)
        elif name == "fcntl" and args[1] == "F_SETFD":
            fd = int(args[0].split("<")[0])
            if fd in p.fds:
                p.fds[fd] = (p.fds[fd][0], "FD_CLOEXEC" in args[2])
        elif name in ("pipe", "pipe2"):
            ends = re.findall(r"(\d+)<pipe:\[(\d+)\]>", args[0])
            for fd, inode in ends:
                self.hold(p, int(fd), Opened(6, pipe=0x9D3F_0000_0000 + int(inode)), len(args) > 1 and "CLOEXEC" in args[1])
        elif name == "socket":
            self.hold(p, int(ret.split("<")[0]), Opened(2), "CLOEXEC" in args[1])
        elif name in ("write", "pwrite64", "writev", "lseek", "sendfile", "copy_file_range", "ftruncate"):
            self.on_write(t, p, name, args, ret)
        elif name in ("fork", "vfork", "clone", "clone3"):
            self.on_fork(t, p, " ".join(args), int(ret.split()[0]))
        elif name == "execve":
            self.on_exec(t, p, args)
        elif name in ("rename", "renameat", "renameat2"):
            at = name != "rename"
            self.on_rename(t, p, self.path_arg(p, args, 1 if at else 0, at), self.path_arg(p, args, 3 if at else 1, at))
        elif name in ("unlink", "unlinkat", "rmdir"):
            self.on_unlink(t, p, self.path_arg(p, args, 1 if name == "unlinkat" else 0, name == "unlinkat"))
        elif name in ("mkdir", "mkdirat", "symlink", "symlinkat"):
            at = name.endswith("at")
            path = self.path_arg(p, args, {"mkdir": 0, "mkdirat": 1, "symlink": 1, "symlinkat": 2}[name], at)
            self.on_create(t, p, path, 0o040755 if "mkdir" in name else 0o120755)
        elif name in ("link", "linkat"):
            at = name == "linkat"
            self.on_link(t, p, self.path_arg(p, args, 1 if at else 0, at), self.path_arg(p, args, 3 if at else 1, at))
        elif name == "chdir":
            p.cwd = self.resolve(self.path_arg(p, args, 0))
        elif name == "fchdir":
            p.cwd = self.inside(re.search(r"<(.*)>", args[0]).group(1))
        elif name == "setsid":
            p.session = p.group = p.pid
        elif name == "setpgid":
            who = self.threads.get(int(args[0]) or p.tid)
            if who:
                who.group = int(args[1]) or who.pid

    def on_open(self, t, p, flags, ret):
        m = re.match(r"(\d+)<(.*?)>(\(deleted\))?$", ret)
        words = set(re.findall(r"O_\w+", flags))
        if not m or "O_PATH" in words:
            return
        path = self.inside(re.sub(r"<char .*$", "", m.group(2)))
        tracked = path.startswith(("/Users/", "/private/"))
        created = "O_CREAT" in words and tracked and path not in self.files
        if "O_TMPFILE" in words:
            return
        if created:
            self.on_create(t - 2e-6, p, path, 0o100600 if "O_EXCL" in words else 0o100644)
        elif "O_TRUNC" in words and path in self.files:
            self.files[path]["size"] = 0
        opened = Opened(1, path)
        opened.append = "O_APPEND" in words
        self.hold(p, int(m.group(1)), opened, "O_CLOEXEC" in words)
        if "/Cellar/" in path:
            # Python opens a thousand files of its own: a recording may keep only every n-th of them
            self.library += 1
            opened.told = self.library % self.opt.get("library", 1) == 0
        if self.wanted(path) and opened.told:
            flag = fflags(words, created)
            self.emit(t, "open", p, {"fflag": flag, "file": self.file(path)})
            if flag & 1 and not flag & 0x108000:
                self.truth_reads.append((t, p.pid, p.exe, path))

    def on_create(self, t, p, path, mode):
        self.born(path, mode, t)
        if self.wanted(path):
            # a NOTIFY create arrives after the fact, so the destination is the file that now exists
            self.emit(t, "create", p, {"destination_type": 0, "destination": {"existing_file": self.file(path)}, "acl": None})

    def on_write(self, t, p, name, args, ret):
        fd = int(args[2 if name == "copy_file_range" else 0].split("<")[0])
        opened = p.fds.get(fd, (None,))[0]
        if not opened or opened.kind != 1:
            return
        if name == "lseek":
            opened.at = int(ret.split()[0])
            return
        opened.modified = True
        f = self.files.get(opened.path)
        if not f:
            return
        f["mtime"] = t
        if name == "ftruncate":
            f["size"] = int(args[1])
            return
        at = int(args[3]) if name == "pwrite64" else f["size"] if opened.append else opened.at
        end = at + int(ret.split()[0])
        f["size"] = max(f["size"], end)
        if name != "pwrite64":
            opened.at = end

    def on_fork(self, t, p, flags, child):
        if "CLONE_THREAD" in flags:
            self.threads[child] = p
            return
        c = Proc(child, p, p.exe, t, self.next_version(), child)
        c.cwd, c.tty, c.group, c.session, c.responsible = p.cwd, p.tty, p.group, p.session, p.responsible
        c.args, c.comm = p.args, p.comm
        for fd, (opened, cloexec) in p.fds.items():
            opened.refs += 1
            c.fds[fd] = (opened, cloexec)
        self.threads[child] = c
        self.emit(t, "fork", p, {"child": self.process(c)})

    def on_exec(self, t, p, args, image=None):
        asked = image or self.path_arg(p, args, 0)
        argv, env, script = strings(args[1]), strings(args[2]), None
        exe = image or self.resolve(asked)
        head = b""
        if not image:
            with open(self.real(exe), "rb") as f:
                head = f.read(256)
        if head[:2] == b"#!":
            # the kernel runs the interpreter; macOS reports that as the target and the file as its script
            script = exe
            words = head[2:].split(b"\n")[0].decode().split(None, 1)
            argv = words + [strings(args[0])[0]] + argv[1:]
            asked = words[0]
            exe = self.resolve(asked)
        before = self.process(p)
        for fd in [fd for fd, (_, cloexec) in p.fds.items() if cloexec]:
            self.release(t, p, fd)
        p.exe, p.args, p.comm, p.pidversion = exe, argv, os.path.basename(exe)[:16], self.next_version()
        fds = []
        for fd in sorted(p.fds):
            opened = p.fds[fd][0]
            fds.append({"fd": fd, "fdtype": opened.kind, **({"pipe": {"pipe_id": opened.pipe}} if opened.pipe else {})})
        body = {"target": self.process(p), "args": argv, "env": env, "cwd": self.file(p.cwd), "script": self.file(script) if script else None,
                "dyld_exec_path": asked, "fds": fds, "last_fd": max(p.fds, default=-1), "image_cputype": 16_777_228,
                "image_cpusubtype": -2_147_483_646 if identity(exe)[3] else 0}
        if self.opt["version"] >= 11:
            body["entitlements"] = {}
        self.events.append((t, "exec", before, p.tid, body))

    def on_rename(self, t, p, old, new):
        kept = self.files.pop(old, None)
        if new in self.files:
            to = {"destination_type": 0, "destination": {"existing_file": self.file(new)}}
        else:
            d = self.parent_dir(new)
            to = {"destination_type": 1, "destination": {"new_path": {"dir": self.file(d), "filename": os.path.basename(new)}}}
        if kept:
            self.files[old] = kept
        self.emit(t, "rename", p, {"source": self.file(old), **to})
        if kept:
            del self.files[old]
            self.files[new] = kept
            for path in [f for f in self.files if f.startswith(old + "/")]:
                self.files[new + path[len(old):]] = self.files.pop(path)

    def on_unlink(self, t, p, path):
        self.emit(t, "unlink", p, {"target": self.file(path), "parent_dir": self.file(self.parent_dir(path))})
        self.files.pop(path, None)

    def on_link(self, t, p, old, new):
        self.emit(t, "link", p, {"source": self.file(old), "target_dir": self.file(self.parent_dir(new)), "target_filename": os.path.basename(new)})
        if old in self.files:
            self.files[new] = self.files[old]

    def on_exit(self, t, p, status):
        for fd in list(p.fds):
            self.release(t, p, fd)
        self.emit(t, "exit", p, {"stat": status})
        p.alive = False

    # a whole recording ------------------------------------------
    def start(self, story, first):
        """The story's first process, as the child of what would have started it on a Mac."""
        exe, parent = story["via"], story["parent"]
        p = Proc(first["pid"], parent, parent.exe, first["time"], self.next_version(), first["pid"])
        p.tty = "/dev/ttys003" if story.get("pty") else None
        p.responsible = parent.responsible if story.get("pty") else p
        p.cwd = story["cwd"]
        for fd in range(3):
            self.hold(p, fd, Opened(1, p.tty or "/dev/null"), False)
        self.emit(first["time"], "fork", parent, {"child": self.process(p)})
        if exe != p.exe:
            self.on_exec(first["time"], p, [json.dumps(exe), json.dumps([os.path.basename(exe), "com.example." + story["name"]]), "[]"], image=exe)
        self.threads[p.pid] = p

    def consume(self, stories):
        lines = []
        for story in stories:
            logs = {}
            for path in glob.glob(story["log"] + ".*"):
                tid = int(path.rsplit(".", 1)[1])
                rows = []
                with open(path, encoding="latin-1") as f:
                    for row in f:
                        when, _, rest = row.rstrip("\n").partition(" ")
                        rows.append((float(when), int(when.replace(".", "")), tid, rest))
                logs[tid] = rows
            first_tid = min(logs, key=lambda k: logs[k][0][1])
            # the recorder's own chroot and env come before the program the story is about
            execs = [i for i, r in enumerate(logs[first_tid]) if r[3].startswith("execve(") and r[3].endswith("= 0")]
            logs[first_tid] = logs[first_tid][execs[2]:]
            opening = logs[first_tid][0]
            lines.append((opening[0] - 0.0008, opening[1] - 800_000, first_tid, story))
            for rows in logs.values():
                lines += rows
        lines.sort(key=lambda r: r[1])
        for t, _, tid, rest in lines:
            if isinstance(rest, dict):
                self.start(rest, {"pid": tid, "time": t})
                continue
            p = self.threads.get(tid)
            if p is None:
                continue
            for tuple_text in re.findall(r"<(?:TCP|UDP)(?:v6)?:\[(\S+?->\S+?)\]>", rest):
                self.owners.setdefault(tuple_text, []).append((t, p.pid, p.comm, p.exe, self.story_of(p)))
            if rest.startswith("+++"):
                if tid != p.pid:
                    continue
                how = re.match(r"\+\+\+ (?:exited with (\d+)|killed by (SIG\w+))", rest)
                if how:
                    self.on_exit(t, p, int(how[1]) << 8 if how[1] else signal.Signals[how[2]].value)
                continue
            parsed = split_call(rest)
            if parsed:
                self.call(t, p, *parsed)

    def lines(self):
        counts, last, out = {}, 0.0, []
        for n, (t, kind, process, tid, body) in enumerate(sorted(self.events, key=lambda e: e[0])):
            ns = max(int(round(t * 1e6)) * 1000 + self.rng.randrange(1000), int(last) + 1)
            last = ns
            result = {"result_type": 1, "result": {"flags": 4_294_967_295}} if kind == "open" else {"result_type": 0, "result": {"auth": 0}}
            seq = counts.get(kind, 0)
            counts[kind] = seq + 1
            message = {"schema_version": 1, "version": self.opt["version"], "time": stamp_ns(ns), "mach_time": int((ns / 1e9 - self.boot) * TICKS),
                       "event_type": EVENT_TYPE[kind], "action_type": 1, "action": {"result": result}, "seq_num": seq, "global_seq_num": n,
                       "thread": {"thread_id": 200_000 + tid * 7}, "process": process, "event": {kind: body}}
            text = json.dumps(self.shuffle(message), ensure_ascii=False, separators=(",", ":"))
            out.append(text.replace("/", "\\/"))
        return out

    def shuffle(self, x):
        if isinstance(x, dict):
            keys = list(x)
            self.rng.shuffle(keys)
            return {k: self.shuffle(x[k]) for k in keys}
        return [self.shuffle(v) for v in x] if isinstance(x, list) else x


def stamp(t, digits):
    return stamp_ns(int(round(t * 1e6)) * 1000)[:20] + "%0*dZ" % (digits, int(round(t * 1e6)) % 10**6 * 10**(digits - 6))


def stamp_ns(ns):
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ns // 10**9)) + ".%09dZ" % (ns % 10**9)
