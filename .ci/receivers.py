#!/usr/bin/env python3
"""Real receivers, killed at random: every alert raised must be in every receiver's file.

    receivers.py BINARY TOOLS OUT [--alerts N] [--kills N] [--daemon-kills N] [--seed N]

TOOLS holds Debian's rsyslog, syslog-ng and tinyproxy, unpacked (see `.ci/run receivers`). The daemon reads a script in the place of
eslogger, of which each line is one alert. First, with receivers and daemon killed by -9 all the time: rsyslog and
syslog-ng over TCP, TLS and TLS with client certificates, a file, a webhook, the same through tinyproxy, a Splunk collector with
acknowledgement and an Elasticsearch (these by .ci/http_receiver.py, which is strict about the vendors' documentation). Then UDP and the
local socket, where nobody answers: paced, and without kills of the receiver, for what is in a socket's buffer dies with
its reader.

Then a disk that is full (a tmpfs of 1 MiB, so it needs root): nothing is lost, it is told, and it goes on when there is room.

    receivers.py BINARY TOOLS OUT --measure

prints instead how many alerts a second go through the spool to rsyslog over TLS.
"""
import argparse
import atexit
import collections
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
# Lines that the feeder sends again after the daemon was killed: they were in its queues and never raised.
REWIND = 400

FEEDER = """#!/usr/bin/env python3
import os, sys, time
os.chdir(%(folder)r)
lines = open("events.ndjson").readlines()
at = max(0, int(open("position").read() or 0) - %(rewind)d)
while True:
    chunk = lines[at:at + %(rate)d // 20]
    sys.stdout.write("".join(chunk))
    sys.stdout.flush()
    at += len(chunk)
    with open("position.new", "w") as file:
        file.write(str(at))
    os.replace("position.new", "position")
    time.sleep(0.05)
"""

POLICY = """
[builtin]
disable = ["*"]
[alert]
group = "0s"
[engine]
hold = "0s"
[heartbeat]
every = "10s"
[spool]
path = "%(folder)s/spool"
[[sensitive]]
name = "plans"
severity = "high"
paths = ["~/secrets/**"]
[[service]]
name = "corp-drive"
category = "file-sync"
domains = ["drive.example.com"]
[[sync_root]]
service = "corp-drive"
path = "~/Cloud/{tenant}"
"""


def free_port():
    """Below those that the system gives to clients: one of them must not sit on it while the receiver is dead."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


def sh(*command, **kwargs):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **kwargs)


def make_pki(folder):
    """A CA, and two leaves: `server` for localhost, `client` for client.test."""
    folder.mkdir(parents=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    sh("openssl", "req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.crt", "-days", "2", "-subj", "/CN=test CA",
       "-addext", "keyUsage=critical,keyCertSign,cRLSign", cwd=folder)
    for name, host in (("server", "DNS:localhost,IP:127.0.0.1"), ("client", "DNS:client.test")):
        (folder / "ext").write_text(f"subjectAltName={host}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n")
        sh("openssl", "req", *key, "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}.test", cwd=folder)
        sh("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
           "-days", "2", "-extfile", "ext", "-out", f"{name}.crt", cwd=folder)


# Whatever happens, no process of ours stays behind.
STARTED = []


def at_the_end():
    for process in STARTED:
        if process.poll() is None:
            process.kill()
            process.wait()


def started(*arguments, **options):
    STARTED.append(subprocess.Popen(*arguments, **options))
    return STARTED[-1]


class Receiver:
    """A process that is killed and started again."""

    def __init__(self, name, command, library, folder, ready):
        self.name, self.command, self.folder, self.ready = name, command, folder, ready
        self.env = dict(os.environ, LD_LIBRARY_PATH=library)
        self.kills = 0
        self.process = None

    def start(self):
        for stale in ("pid", "ctl"):
            (self.folder / f"{self.name}.{stale}").unlink(missing_ok=True)
        log = open(self.folder / f"{self.name}.log", "ab")
        self.process = started(self.command, env=self.env, stdout=log, stderr=log)

    def wait_ready(self):
        for port in self.ready:
            for _ in range(200):
                try:
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                except OSError:
                    time.sleep(0.05)
            else:
                sys.exit(f"{self.name} does not listen on {port}: see {self.folder}/{self.name}.log")

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.kills += 1


def rsyslog(tools, folder, pki):
    ports = {name: free_port() for name in ("tcp", "tls", "mtls", "udp")}
    local = folder / "log.sock"
    modules = next(tools.glob("rsyslog/usr/lib/*/rsyslog"))
    (folder / "rsyslog.conf").write_text(f"""
global(workDirectory="{folder}" maxMessageSize="64k" parser.escapeControlCharactersOnReceive="off"
       defaultNetstreamDriverCAFile="{pki}/ca.crt" defaultNetstreamDriverCertFile="{pki}/server.crt"
       defaultNetstreamDriverKeyFile="{pki}/server.key")
module(load="imtcp") module(load="imptcp") module(load="imudp") module(load="imuxsock" SysSock.Use="off")
template(name="t" type="string" string="%inputname% %structured-data%\\n")
template(name="raw" type="string" string="local %rawmsg%\\n")
ruleset(name="f") {{ action(type="omfile" file="{folder}/rsyslog.out" template="t") }}
ruleset(name="l") {{ action(type="omfile" file="{folder}/rsyslog.out" template="raw") }}
input(type="imptcp" port="{ports['tcp']}" address="127.0.0.1" name="tcp" ruleset="f")
input(type="imudp" port="{ports['udp']}" address="127.0.0.1" name="udp" ruleset="f" rcvbufSize="8m")
input(type="imtcp" port="{ports['tls']}" address="127.0.0.1" name="tls" ruleset="f"
      streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
input(type="imtcp" port="{ports['mtls']}" address="127.0.0.1" name="mtls" ruleset="f"
      streamDriver.name="ossl" streamDriver.mode="1" streamDriver.authMode="x509/name" permittedPeer=["client.test"])
input(type="imuxsock" Socket="{local}" useSpecialParser="off" ruleset="l" rateLimit.Interval="0")
""")
    library = ":".join(str(path) for path in [*tools.glob("rsyslog/usr/lib/*-linux-gnu")])
    command = [tools / "rsyslog/usr/sbin/rsyslogd", "-n", "-f", folder / "rsyslog.conf", "-i", folder / "rsyslog.pid", "-M", modules]
    return Receiver("rsyslog", command, library, folder, [ports["tcp"], ports["tls"], ports["mtls"]]), ports, local


def syslog_ng(tools, folder, pki):
    ports = {name: free_port() for name in ("tcp", "tls", "mtls")}
    root = tools / "syslog-ng"
    modules = next(root.glob("usr/lib/syslog-ng/3.*"))
    certificates = f'ca-file("{pki}/ca.crt") cert-file("{pki}/server.crt") key-file("{pki}/server.key")'
    (folder / "syslog-ng.conf").write_text(f"""
@version: 3.38
options {{ keep-hostname(yes); log-msg-size(65536); stats-freq(0); flush-lines(1); }};
source s_tcp {{ syslog(ip(127.0.0.1) port({ports['tcp']}) transport("tcp")); }};
source s_tls {{ syslog(ip(127.0.0.1) port({ports['tls']}) transport("tls") tls({certificates} peer-verify(optional-untrusted))); }};
source s_mtls {{ syslog(ip(127.0.0.1) port({ports['mtls']}) transport("tls") tls({certificates} peer-verify(required-trusted))); }};
destination d {{ file("{folder}/syslog-ng.out" template("$SOURCE ${{.SDATA.cloudward@32473.id}}\\n")); }};
log {{ source(s_tcp); source(s_tls); source(s_mtls); destination(d); }};
""")
    library = f"{root}/usr/lib/syslog-ng:" + ":".join(
        str(path) for path in [*root.glob("usr/lib/*-linux-gnu"), *root.glob("lib/*-linux-gnu")])
    command = [root / "usr/sbin/syslog-ng", "-F", "--no-caps", "-f", folder / "syslog-ng.conf", "--module-path", modules,
               "-p", folder / "syslog-ng.pid", "-R", folder / "syslog-ng.persist", "-c", folder / "syslog-ng.ctl"]
    return Receiver("syslog-ng", command, library, folder, list(ports.values())), ports


def http(folder, pki):
    port, secure = free_port(), free_port()
    command = [sys.executable, HERE / "http_receiver.py", str(port), folder, str(secure), pki]
    return Receiver("http", command, os.environ.get("LD_LIBRARY_PATH", ""), folder, [port, secure]), port, secure


def tinyproxy(tools, folder, behind):
    """A proxy that wants a login and opens tunnels to one port."""
    port = free_port()
    (folder / "tinyproxy.conf").write_text(f"""
Port {port}
Listen 127.0.0.1
Timeout 60
MaxClients 100
Allow 127.0.0.1
BasicAuth cloudward sesame
ConnectPort {behind}
""")
    command = [tools / "tinyproxy/usr/bin/tinyproxy", "-d", "-c", folder / "tinyproxy.conf"]
    return Receiver("tinyproxy", command, os.environ.get("LD_LIBRARY_PATH", ""), folder, [port]), port


def events(folder, first, count):
    """One clone of a sensitive file into a synced folder of a tenant of its own: one alert each."""
    base = json.loads((HERE.parent / "tests/daemon/exit.ndjson").read_text())

    def file(path, inode):
        stat = dict(base["process"]["executable"]["stat"], st_ino=inode, st_mode=0o100644)
        return {"path": path, "path_truncated": False, "stat": stat}

    with open(folder / "events.ndjson", "w") as out:
        for number in range(first, first + count):
            message = json.loads(json.dumps(base))
            message["process"]["audit_token"].update(pid=1000 + number % 90000, pidversion=100000 + number)
            message["event"] = {"clone": {
                "source": file(f"/Users/alice/secrets/plan-{number}.key", 100000 + number),
                "target_dir": file(f"/Users/alice/Cloud/t{number:06d}", 900000 + number), "target_name": "plan.key"}}
            seconds, millis = divmod(number * 10, 1000)
            message["time"] = (f"2026-01-01T{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}."
                               f"{millis:03d}000000Z")
            message["seq_num"] = message["global_seq_num"] = number
            out.write(json.dumps(message) + "\n")
    (folder / "position").write_text("0")


class Daemon:
    def __init__(self, binary, folder, config, rate):
        self.binary, self.folder, self.kills, self.process = binary, folder, 0, None
        (folder / "config.toml").write_text(POLICY % {"folder": folder} + config)
        (folder / "bin").mkdir()
        (folder / "bin/eslogger").write_text(FEEDER % {"folder": str(folder), "rewind": REWIND, "rate": rate})
        (folder / "bin/eslogger").chmod(0o755)
        self.env = dict(os.environ, PATH=f"{folder}/bin:{os.environ['PATH']}", CLOUDWARD_LOG="info,cloudward::daemon::delivering=debug")

    def start(self):
        log = open(self.folder / "daemon.log", "ab")
        command = [self.binary, "run", "--sensor", "eslogger", "--config", self.folder / "config.toml"]
        self.process = started(command, env=self.env, stdout=log, stderr=log)

    def kill(self):
        self.process.kill()
        self.process.wait()
        self.kills += 1

    def stop(self):
        self.process.terminate()
        # -15: it was not yet up.
        if self.process.wait(30) not in (0, -signal.SIGTERM):
            sys.exit(f"the daemon ended with {self.process.returncode}: see {self.folder}/daemon.log")

    def raised(self):
        """Ids that it says are on disk. Said after the fact, so a kill may hide the last ones."""
        text = (self.folder / "daemon.log").read_text(errors="replace")
        return {match.group(1) for match in re.finditer(rf"raised .*?({ID.pattern})", text)}


def expected(binary, folder):
    """What a replay of the same lines tells: the ids that must be raised in the end."""
    replay = subprocess.run([binary, "replay", "--events", folder / "events.ndjson", "--config", folder / "config.toml",
                             "--format", "ecs"], check=True, capture_output=True, text=True)
    alerts = (json.loads(line) for line in replay.stdout.splitlines())
    return {alert["event"]["id"] for alert in alerts if alert["event"]["kind"] == "alert"}


def received(path, prefix=""):
    counts, strange = collections.Counter(), 0
    if path.exists():
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith(prefix):
                found = ID.search(line)
                counts[found.group(0) if found else "?"] += 1
                strange += found is None
    return counts, strange


class Chaos(threading.Thread):
    """Kills by -9 at random moments, so many times, and starts again."""

    def __init__(self, victim, kills, pause, down, seed):
        super().__init__()
        self.victim, self.kills, self.pause, self.down = victim, kills, pause, down
        self.random = random.Random(seed)

    def run(self):
        for _ in range(self.kills):
            time.sleep(self.random.uniform(*self.pause))
            self.victim.kill()
            time.sleep(self.random.uniform(*self.down))
            self.victim.start()


def verdict(name, files, raised, universe):
    good = True
    for transport, (path, prefix) in files.items():
        counts, strange = received(path, prefix)
        ids = set(counts) - {"?"}
        alerts = ids & universe
        missing, total = raised - ids, sum(counts.values())
        fine = not missing and alerts == universe
        good &= fine
        print(f"{name} {transport:14} {'ok' if fine else 'LOST'}: {len(universe)} alerts raised, {len(alerts)} received; with coverage "
              f"and heartbeats {len(raised)} raised, {len(missing)} missing; {total - len(ids) - strange} duplicates, {strange} cut short")
    return good


def wait(what, done, seconds, tick=lambda: None):
    end = time.time() + seconds
    while not done():
        if time.time() > end:
            print(f"waited {seconds} s in vain: {what}")
            return False
        tick()
        time.sleep(0.5)
    return True


def run(name, folder, daemon, receivers, files, options, chaos):
    universe = expected(options.binary, folder)
    if len(universe) != options.alerts:
        sys.exit(f"{len(universe)} alerts in the recording, not {options.alerts}")
    for receiver in receivers:
        receiver.start()
    for receiver in receivers:
        receiver.wait_ready()
    start = time.time()
    daemon.start()
    for killer in chaos:
        killer.start()
    for killer in chaos:
        killer.join()
    print(f"{name}: killed " + ", ".join(f"{victim} {count} times" for victim, count in
          [(receiver.name, receiver.kills) for receiver in receivers] + [("the daemon", daemon.kills)]))

    # Known as raised: said so by the daemon, or already with a receiver (a kill may hide what was said last).
    def known():
        return daemon.raised() | set().union(*(set(received(*file)[0]) for file in files.values()))

    def all_fed():
        return int((folder / "position").read_text()) >= options.alerts and universe <= known()

    def feed_again():
        if int((folder / "position").read_text()) >= options.alerts and not universe <= known():
            daemon.stop()
            (folder / "position").write_text("0")
            daemon.start()
            time.sleep(options.alerts / options.rate)

    def alive():
        for receiver in receivers:
            if receiver.process.poll() is not None:
                print(f"{receiver.name} ended by itself ({receiver.process.returncode}): started again")
                receiver.start()

    wait("the daemon to raise every alert", all_fed, 240, feed_again)
    wait("every receiver to have every alert",
         lambda: all(daemon.raised() <= set(received(*file)[0]) for file in files.values()), 240, alive)
    daemon.stop()
    time.sleep(1)
    for receiver in receivers:
        receiver.process.terminate()
        receiver.process.wait(20)
    good = verdict(name, files, daemon.raised() | universe, universe)
    print(f"{name}: {time.time() - start:.0f} s")
    return good


def syslog_output(name, port, transport, pki=None, more=""):
    tls = f'ca_file = "{pki}/ca.crt"\n' if pki else ""
    return f'[[output]]\nname = "{name}"\ntype = "syslog"\naddress = "localhost:{port}"\ntransport = "{transport}"\n{tls}{more}\n'


def kept(options, out, pki):
    """Transports that know what has arrived."""
    folder = out / "kept"
    folder.mkdir()
    rs, rs_ports, _ = rsyslog(options.tools, folder, pki)
    ng, ng_ports = syslog_ng(options.tools, folder, pki)
    web, web_port, secure_port = http(folder, pki)
    proxy, proxy_port = tinyproxy(options.tools, folder, secure_port)
    (folder / "login").write_text("cloudward:sesame\n")
    (folder / "token").write_text("11111111-2222-3333-4444-555555555555\n")
    (folder / "secret").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n")
    config, files = "", {}
    client = f'client_cert_file = "{pki}/client.crt"\nclient_key_file = "{pki}/client.key"\n'
    for kind, ports, file in (("rsyslog", rs_ports, "rsyslog.out"), ("syslog-ng", ng_ports, "syslog-ng.out")):
        for transport in ("tcp", "tls", "mtls"):
            name = f"{kind}-{transport}"
            config += syslog_output(name, ports[transport], transport.lstrip("m"), None if transport == "tcp" else pki,
                                    client if transport == "mtls" else "")
            prefix = f"s_{transport}" if kind == "syslog-ng" else transport
            files[name] = (folder / file, prefix)
    config += f'[[output]]\nname = "file"\ntype = "file"\npath = "{folder}/file.out"\nrotate = 0\n'
    url = f"http://127.0.0.1:{web_port}"
    config += f'[[output]]\nname = "webhook"\ntype = "http"\nurl = "{url}/webhook"\nsecret_file = "{folder}/secret"\n'
    config += (f'[[output]]\nname = "tunnelled"\ntype = "http"\nurl = "https://localhost:{secure_port}/tunnelled"\n'
               f'ca_file = "{pki}/ca.crt"\nsecret_file = "{folder}/secret"\nproxy = "http://127.0.0.1:{proxy_port}"\n'
               f'proxy_login_file = "{folder}/login"\n')
    config += f'[[output]]\nname = "splunk"\ntype = "splunk-hec"\nurl = "{url}"\ntoken_file = "{folder}/token"\n'
    config += f'[[output]]\nname = "elastic"\ntype = "elasticsearch"\nurl = "{url}"\ntoken_file = "{folder}/token"\n'
    files |= {name: (folder / f"{name}.out", "") for name in ("file", "webhook", "tunnelled", "splunk", "elastic")}
    daemon = Daemon(options.binary, folder, config, options.rate)
    events(folder, 0, options.alerts)
    chaos = [Chaos(victim, options.kills, (0.5, 4.0), (0.0, 0.6), options.seed + index)
             for index, victim in enumerate((rs, ng, web, proxy))]
    chaos.append(Chaos(daemon, options.daemon_kills, (3.0, 8.0), (0.0, 0.3), options.seed + 9))
    return run("kept", folder, daemon, [rs, ng, web, proxy], files, options, chaos)


def best_effort(options, out, pki):
    """Datagrams: paced by `rate`, the receiver lives."""
    folder = out / "best"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rs, ports, local = rsyslog(options.tools, folder, pki)
    config = syslog_output("udp", ports["udp"], "udp", more="rate = 1000\n")
    config += f'[[output]]\nname = "local"\ntype = "syslog"\ntransport = "local"\npath = "{local}"\nrate = 1000\n'
    files = {name: (folder / "rsyslog.out", name) for name in ("udp", "local")}
    daemon = Daemon(options.binary, folder, config, options.rate * 4)
    events(folder, 500_000, options.alerts)
    chaos = [Chaos(daemon, 3, (3.0, 6.0), (0.0, 0.3), options.seed)]
    return run("best effort", folder, daemon, [rs], files, options, chaos)


def full(options, out, pki):
    """The receiver is dead and the spool's disk is full; then there is room, then the receiver comes."""
    folder = out / "full"
    (folder / "spool").mkdir(parents=True)
    sh("mount", "-t", "tmpfs", "-o", "size=1m,mode=700", "tmpfs", folder / "spool")
    try:
        rs, ports, _ = rsyslog(options.tools, folder, pki)
        count = min(options.alerts, 600)
        daemon = Daemon(options.binary, folder, syslog_output("tls", ports["tls"], "tls", pki), options.rate)
        events(folder, 0, count)
        universe = expected(options.binary, folder)
        daemon.start()
        said = lambda text: text in (folder / "daemon.log").read_text(errors="replace")
        good = wait("the daemon to say that the disk is full", lambda: said("No space left on device"), 120)
        good &= wait("the daemon to raise every alert", lambda: universe <= daemon.raised(), 120)
        sh("mount", "-o", "remount,size=64m", folder / "spool")
        good &= wait("the daemon to write again", lambda: said("the spool can be written again"), 60)
        # What was in memory only is on disk by now: a kill loses nothing.
        daemon.kill()
        daemon.start()
        rs.start()
        rs.wait_ready()
        file = (folder / "rsyslog.out", "tls")
        good &= wait("rsyslog to have every alert", lambda: universe <= set(received(*file)[0]), 120)
        daemon.stop()
        time.sleep(1)
        text = (folder / "rsyslog.out").read_text(errors="replace")
        good &= "spool-failing" in text
        ids = set(received(*file)[0])
        print(f"full disk {'ok' if good else 'LOST'}: {len(universe)} alerts raised, {len(universe & ids)} received; "
              f"told as spool-failing: {'spool-failing' in text}")
        rs.kill()
        return good
    finally:
        at_the_end()
        sh("umount", "-l", folder / "spool")


def measure(options, out, pki):
    """All alerts wait in the spool, then rsyslog comes: from its first line to its last."""
    folder = out / "measure"
    folder.mkdir()
    rs, ports, _ = rsyslog(options.tools, folder, pki)
    daemon = Daemon(options.binary, folder, syslog_output("tls", ports["tls"], "tls", pki), 4000)
    events(folder, 0, options.alerts)
    universe = expected(options.binary, folder)
    daemon.start()
    wait("the daemon to raise every alert", lambda: universe <= daemon.raised(), 240)
    path = folder / "rsyslog.out"
    rs.start()
    lines = lambda: path.read_bytes().count(b"\n") if path.exists() else 0
    end = time.time() + 240
    while lines() == 0 and time.time() < end:
        time.sleep(0.01)
    start, already = time.time(), lines()
    while lines() < len(universe) and time.time() < end:
        time.sleep(0.02)
    seconds = time.time() - start
    got, size = lines(), path.stat().st_size
    daemon.stop()
    rs.kill()
    missing = universe - set(received(path, "tls")[0])
    print(f"rsyslog over TLS: {got - already} records in {seconds:.2f} s: {(got - already) / seconds:.0f} a second; "
          f"{len(missing)} of {len(universe)} alerts missing")
    return not missing


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary", type=pathlib.Path)
    parser.add_argument("tools", type=pathlib.Path)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--alerts", type=int, default=10_000)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--daemon-kills", type=int, default=20)
    parser.add_argument("--rate", type=int, default=120, help="alerts a second")
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    options.binary, options.tools, out = (path.resolve() for path in (options.binary, options.tools, options.out))
    if out.exists():
        shutil.rmtree(out)
    make_pki(out / "pki")
    atexit.register(at_the_end)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended from outside"))
    if options.measure:
        sys.exit(0 if measure(options, out, out / "pki") else 1)
    print(f"seed {options.seed}")
    good = full(options, out, out / "pki")
    good &= kept(options, out, out / "pki")
    # A machine that stands still for a moment may cost datagrams; twice in a row is a fault.
    good &= best_effort(options, out, out / "pki") or best_effort(options, out, out / "pki")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    main()
