#!/usr/bin/env python3
"""Keeps `cloudward run` at 50,000 events/s for as long as asked, with everything going wrong that does not excuse a lost alert.

    benches/soak.py --minutes 60 [--rate 50000] [--cloudward target/release/cloudward]

A script stands for `eslogger` and a FIFO for the tap; both are fed a recording of ten seconds again and again, each time as
of now and of other processes. Every half minute the configuration is read again; every minute and a half the receiver of alerts
is away for 20 s; every two minutes `eslogger` is killed, and what it had in hand is lost.

At the end: every theft that no dead `eslogger` excuses was received; what was fed was heard, and what was heard was
thought about or counted as lost; memory is no higher in the last quarter than in the second, which can be said of runs of
an hour and more: chains are remembered for a window and a quarter of an hour. Exit status 1 if not.
"""
import argparse, http.server, json, os, re, signal, statistics, subprocess, sys, tempfile, threading, time

from live import make, times_of_packets
from policy import policy
from questions import rules
from stage import Stage

LOOP = 10
PIECES = 20  # of a second
START = 1_762_000_800
RELOAD, AWAY_EVERY, AWAY, KILL = 30, 90, 20, 120
# A theft this close to the end of an `eslogger` may have gone with it: seconds before, and after (it is started again after one).
EXCUSED = (8, 8)
# So many seconds must a run last for its second quarter to hold as many chains as its last.
FLAT_AFTER = 3600


class Receiver:
    """An HTTP receiver that can be away. It keeps who sent what."""

    def __init__(self):
        self.alerts, self.server, self.port, kept = {}, None, 0, self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                for line in body.splitlines():
                    record = json.loads(line)
                    if record["event"]["dataset"] == "cloudward.alert":
                        kept.alerts.setdefault(record["process"]["entity_id"], time.time())
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.handler = Handler
        self.come()

    def come(self):
        http.server.ThreadingHTTPServer.allow_reuse_address = True
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self.handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def go(self):
        self.server.shutdown()
        self.server.server_close()


class Recording:
    """Ten seconds of lines and packets, in pieces of a twentieth of a second."""

    def __init__(self, folder, rate):
        self.truth = make(folder, events=rate * LOOP, rate=rate, chains=20, lookalikes=0, brisk=True, start=START)
        self.lines = [[] for _ in range(LOOP * PIECES)]
        told = re.compile(rb'"time":"\d{4}-\d\d-\d\dT\d\d:(\d\d):(\d\d)\.(\d\d)')
        self.count = [0] * len(self.lines)
        with open(os.path.join(folder, "es.ndjson"), "rb") as file:
            for line in file:
                minute, second, part = map(int, told.search(line).groups())
                piece = min(len(self.lines) - 1, ((minute * 60 + second) - START % 3600) * PIECES + part * PIECES // 100)
                self.lines[piece].append(line)
                self.count[piece] += 1
        self.lines = [b"".join(lines) for lines in self.lines]
        frames = times_of_packets(os.path.join(folder, "cap.pktap"))
        self.head = next(frames)[1]
        self.packets = [[] for _ in self.lines]
        for at, frame in frames:
            # What goes on after the ten seconds goes on in the next loop.
            over, piece = divmod(max(0, int((at - START) * PIECES)), len(self.lines))
            self.packets[piece].append((frame, port_of(frame), over))

    def lines_of(self, loop, piece, began):
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(began + piece // PIECES)).encode()
        text = re.sub(rb'"time":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d', b'"time":"' + second, self.lines[piece])
        return text.replace(b'"pidversion":1000', b'"pidversion":%d' % (1000 + loop))

    def packets_of(self, loop, piece, began):
        out = []
        for frame, at, over in self.packets[piece]:
            time_ = (int.from_bytes(frame[:4], "little") + began - START - over * LOOP).to_bytes(4, "little")
            if at:  # Another connection: the same one again would be packets that were sent twice.
                port = 1024 + (int.from_bytes(frame[at:at + 2], "big") + (loop - over) * 1009) % 64_000
                frame = frame[:at] + port.to_bytes(2, "big") + frame[at + 2:]
            out.append(time_ + frame[4:])
        return b"".join(out)


def port_of(frame):
    """Where a TCP packet has its client's port, behind the record's, the tap's and the link's header; 0 if it is none."""
    link = 16 + 156
    six = frame[link + 12:link + 14] == b"\x86\xdd"
    if frame[link + (20 if six else 23)] != 6:
        return 0
    ports = link + 14 + (40 if six else 20)
    return ports + 2 if frame[ports:ports + 2] == b"\x01\xbb" else ports


def version_in(loop, version):
    return int(str(1000 + loop) + str(version)[4:])


class Soak:
    def __init__(self, args, folder):
        self.args, self.receiver = args, Receiver()
        self.recording = Recording(os.path.join(folder, "recording"), args.rate)
        self.fed, self.packets, self.wanted, self.killed, self.memory, self.slip = 0, 0, {}, [], [], 0.0
        self.events = None

    def config(self, number):
        return policy(rules()) + (
            '\n[heartbeat]\nevery = "10s"\n[spool]\npath = "%s/spool"\n[[output]]\nname = "hook"\ntype = "http"\n'
            'url = "http://127.0.0.1:%d/in"\n# reload %d\n' % (self.stage.folder, self.receiver.port, number))

    def write(self, data):
        """Into `eslogger`, or the next one if this one is dead."""
        data = memoryview(data)
        while data:
            try:
                if self.events is None:
                    self.events = os.open(self.stage.path("events"), os.O_WRONLY)
                    data = data[bytes(data).find(b"\n") + 1:] if self.torn else data
                    self.torn = False
                written = os.write(self.events, data)
                data = data[written:]
            except BrokenPipeError:
                os.close(self.events)
                self.events, self.torn = None, True

    def run(self):
        with Stage(self.args.cloudward, "echo $$ > eslogger.pid; exec cat events", "") as self.stage:
            self.stage.configure(self.config(0))
            self.stage.start()
            self.torn = False
            packets = os.open(self.stage.path("packets"), os.O_WRONLY)
            os.write(packets, self.recording.head)
            threading.Thread(target=self.trouble, daemon=True).start()
            self.began, loop = time.time(), 0
            self.end = self.began + self.args.minutes * 60
            while time.time() < self.end:
                self.loop(loop, packets)
                loop += 1
            self.over = True
            self.receiver_back.wait(AWAY + 10)
            return self.judge(packets)

    over = False
    receiver_back = threading.Event()

    def loop(self, loop, packets):
        began = int(self.began) + 1 + loop * LOOP
        for told in self.recording.truth["alerts"]:
            who = "%d-%d" % (told["pid"], version_in(loop, told["pidversion"]))
            self.wanted[who] = began + told["sent"] - START
        for piece in range(len(self.recording.lines)):
            text, frames = self.recording.lines_of(loop, piece, began), self.recording.packets_of(loop, piece, began)
            due = began + (piece + 1) / PIECES
            if (wait := due - time.time()) > 0:
                time.sleep(wait)
            self.slip = max(self.slip, time.time() - due)
            self.write(text)
            frames = memoryview(frames)
            while frames:
                frames = frames[os.write(packets, frames):]
            self.fed += self.recording.count[piece]
            self.packets += len(self.recording.packets[piece])

    def trouble(self):
        """What goes wrong, by the clock; and how much memory there is."""
        second, away = 0, 0
        self.receiver_back.set()
        while not self.over:
            time.sleep(1)
            second += 1
            if second % 5 == 0:
                self.memory.append(self.stage.memory())
            if second % RELOAD == 0:
                self.stage.configure(self.config(second))
                self.stage.daemon.send_signal(signal.SIGHUP)
            if second % AWAY_EVERY == 0:
                self.receiver.go()
                self.receiver_back.clear()
                away = second + AWAY
            if second == away:
                self.receiver.come()
                self.receiver_back.set()
            if second % KILL == 0:
                self.killed.append(time.time())
                os.kill(int(self.stage.read("eslogger.pid")), signal.SIGKILL)
            if second % 60 == 0:
                print("%d min: %d MiB, %d of %d thefts received" % (
                    second // 60, self.memory[-1], len(self.receiver.alerts.keys() & self.wanted.keys()), len(self.wanted)), flush=True)
        if not self.receiver_back.is_set():
            self.receiver.come()
            self.receiver_back.set()

    def status(self):
        said = subprocess.run([self.args.cloudward, "status", "--json", "--socket", self.stage.path("control.sock")], capture_output=True)
        value = json.loads(said.stdout)
        return {total["name"]: total["count"] for total in value["totals"]}, {sensor["name"]: sensor for sensor in value["sensors"]}

    def judge(self, packets):
        excused = {who for who, at in self.wanted.items() if any(-EXCUSED[0] < at - killed < EXCUSED[1] for killed in self.killed)}
        must = self.wanted.keys() - excused
        patience = time.time() + 120
        while must - self.receiver.alerts.keys() and time.time() < patience:
            time.sleep(1)
        time.sleep(2)  # The hold of the last events.
        totals, sensors = self.status()
        os.close(packets)
        if self.events is not None:
            os.close(self.events)
        used = self.stage.processor()
        self.stage.stop()
        lasted = time.time() - self.began
        quarter = len(self.memory) // 4
        second, last = self.memory[quarter:2 * quarter], self.memory[3 * quarter:]
        growth = statistics.median(last) / statistics.median(second) if quarter else 1.0
        never = must - self.receiver.alerts.keys()
        strange = self.receiver.alerts.keys() - self.wanted.keys()
        # Each death takes the two pipes of its `cat` along, 64 KB each, and cuts a line.
        taken = self.fed - totals["heard"]
        may_take = len(self.killed) * (3 * 65536 // 1500)
        thought = totals["events"] + totals["net_facts"]
        ticks = int(lasted * 5) + totals["coverage"] + 100
        checks = [
            ("every theft that is not excused was received", not never, "%d of %d, %d excused" % (len(must) - len(never), len(must), len(excused))),
            ("no alert for anything else", not strange, "%d" % len(strange)),
            ("what was fed was heard", 0 <= taken <= may_take, "%d of %d lines; %d went with %d dead eslogger" % (
                totals["heard"], self.fed, taken, len(self.killed))),
            ("every packet was read", sensors["packets"]["heard"] == self.packets, "%d of %d" % (sensors["packets"]["heard"], self.packets)),
            ("what was told was thought about", 0 <= totals["told"] - thought <= ticks, "%d told, %d events and facts, the rest is ticks" % (
                totals["told"], thought)),
            ("memory is flat" if lasted > FLAT_AFTER else "memory (too short to say whether it is flat)", growth < 1.1 or lasted <= FLAT_AFTER, "%.0f MiB in the second quarter, %.0f in the last, at most %.0f" % (
                statistics.median(second or [0]), statistics.median(last or [0]), max(self.memory or [0]))),
            ("it kept up", self.slip < 2, "fed %.2f s late at worst" % self.slip),
        ]
        print("\n%.1f minutes, %.0f events/s, %.2f µs CPU an event, %d packets; lost by count %d" % (
            lasted / 60, self.fed / lasted, used * 1e6 / self.fed, self.packets, totals["lost"]))
        for what, well, told in checks:
            print("%s  %s: %s" % ("ok  " if well else "FAIL", what, told))
        if never:
            print("never came: " + ", ".join(sorted(never)[:10]))
        return all(well for _, well, _ in checks)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=50_000)
    parser.add_argument("--cloudward", default=os.path.join(here, "..", "target", "release", "cloudward"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not Soak(args, folder).run():
            sys.exit(1)


if __name__ == "__main__":
    main()
