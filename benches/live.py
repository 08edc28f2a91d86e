"""What is measured of a program that runs: how soon it tells, what it keeps up with, its start, its rest, its memory."""
import json, os, random, re, statistics, struct, subprocess, sys, tempfile, threading, time
from datetime import datetime

from policy import policy
from questions import rules
from stage import STAMPER, Stage
from workload import SHELL, Writer

HERE = os.path.dirname(os.path.abspath(__file__))
HOLD = 0.1


def make(folder, **options):
    """A recording made by workload.py, in a process of its own: a child begins with its parent's memory on its account."""
    arguments = [sys.executable, os.path.join(HERE, "workload.py"), folder]
    for name, value in options.items():
        name = "--" + name.replace("_", "-")
        arguments += [name] if value is True else [name, str(value)]
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL)
    with open(os.path.join(folder, "truth.json")) as file:
        return json.load(file)


def times_of_lines(path):
    told = re.compile(rb'"time":"([^"]+)\.(\d+)Z"')
    whole = {}
    with open(path, "rb") as file:
        for line in file:
            second, fraction = told.search(line).groups()
            if second not in whole:
                whole[second] = datetime.fromisoformat(second.decode() + "+00:00").timestamp()
            yield whole[second] + int(fraction) / 10**len(fraction), line


def times_of_packets(path):
    with open(path, "rb") as file:
        yield 0.0, file.read(24)
        while head := file.read(16):
            seconds, micros, length, _ = struct.unpack("<IIII", head)
            yield seconds + micros / 1e6, head + file.read(length)


def feed(stage, lines, frames, mark):
    """Writes everything at its time, and calls `mark` a hundred times a second. When what was out: `(time of the newest, when)`."""
    pipes = [(os.open(stage.path(name), os.O_WRONLY), timed) for name, timed in (("events", lines), ("packets", frames))]
    out, at, marked = [], [0, 0], 0
    while any(at[index] < len(timed) for index, (_, timed) in enumerate(pipes)):
        now = time.time()
        newest = 0
        for index, (pipe, timed) in enumerate(pipes):
            begin = end = at[index]
            while end < len(timed) and timed[end][0] <= now:
                end += 1
            if end > begin:
                data = memoryview(b"".join(what for _, what in timed[begin:end]))
                while data:
                    data = data[os.write(pipe, data):]
                at[index], newest = end, max(newest, timed[end - 1][0])
        if newest:
            out.append((newest, time.time()))
        if now > marked + 0.01:
            marked = now
            mark()
        time.sleep(0.0002)
    for pipe, _ in pipes:
        os.close(pipe)
    return out


def latency(cloudward, folder, seconds, rate=10_000, chains=200):
    """How long after its turn has come an alert is written, in milliseconds: after the hold, and the packets that make clear both it
    and every alert of an earlier event time, for they leave in that order. Under `own`: after the packet that makes itself clear.
    """
    lead = 4 + seconds * rate / 15_000
    while True:
        start = float(int(time.time() + lead))
        truth = make(folder, events=seconds * rate, rate=rate, chains=chains, lookalikes=0, brisk=True, start=start)
        lines = list(times_of_lines(os.path.join(folder, "es.ndjson")))
        frames = list(times_of_packets(os.path.join(folder, "cap.pktap")))
        if time.time() + 1 < start:
            break
        lead *= 2
    with Stage(cloudward, "exec cat events", '[engine]\nhold = "%dms"\n' % (HOLD * 1000) + policy(rules()), stamp=True) as stage, \
            Marks() as marks:
        stage.start()
        before = stage.processor()
        fed = feed(stage, lines, frames, marks.mark)
        used = stage.processor() - before
        alone = marks.waits()
        stage.wait_for("log", "its writer ended")
        time.sleep(1)
        left = stage.stop()
        alerts = [line.split(" ", 1) for line in stage.read("records").split("\n") if '"dataset":"cloudward.alert"' in line]
    clear = {"%d-%d" % (told["pid"], told["pidversion"]): told["clear"] for told in truth["alerts"]}
    waits, own, seen, turn = [], [], set(), 0.0
    told = [(float(came), json.loads(record)) for came, record in alerts]
    for came, alert in sorted(told, key=lambda pair: pair[1]["@timestamp"]):
        who = alert["process"]["entity_id"]
        if who in seen or who not in clear:
            continue
        seen.add(who)
        turn = max(turn, clear[who])
        for least, into in ((turn, waits), (clear[who], own)):
            ended = next((when for newest, when in fed if newest >= least + HOLD), None)
            if ended:
                into.append(max(0.0, (came - ended) * 1000))
    waits.sort()
    own.sort()
    part = lambda share, waits=waits: waits[min(len(waits) - 1, int(share * len(waits)))]
    late = max(when - newest for newest, when in fed) * 1000
    return {"rate": len(lines) / seconds, "alerts": len(seen & set(clear)), "wanted": len(clear), "p50": part(0.5), "p95": part(0.95),
            "max": waits[-1], "own": part(0.95, own), "lost": left["lost"], "slip": late, "cpu": used * 1e6 / len(lines),
            "alone": {"p50": part(0.5, alone), "p95": part(0.95, alone), "max": alone[-1]}}


class Marks:
    """The way of an alert through two `cat` in the place of cloudward, beside it and at the same time: what this machine takes for
    it while it is as busy."""

    def __enter__(self):
        self.out = tempfile.TemporaryFile("w+")
        command = "cat | cat | exec '%s' -c \"$0\"" % sys.executable
        self.way = subprocess.Popen(["sh", "-c", command, STAMPER], stdin=subprocess.PIPE, stdout=self.out, text=True, bufsize=1)
        return self

    def mark(self):
        self.way.stdin.write("%.6f\n" % time.time())

    def waits(self):
        """In milliseconds, sorted."""
        self.way.stdin.close()
        self.way.wait(60)
        self.out.seek(0)
        return sorted((float(came) - float(wrote)) * 1000 for came, wrote in (line.split() for line in self.out))

    def __exit__(self, *_):
        self.way.kill()
        self.out.close()


def sustained(cloudward, data, lines):
    """Events a second that `run` takes from its `eslogger` when it comes as fast as it can, and what was lost."""
    script = "date +%%s.%%N > began; cat '%s'; date +%%s.%%N > ended; exec sleep 600" % os.path.join(data, "es.ndjson")
    with Stage(cloudward, script, policy(rules()), capture=False) as stage:
        stage.start()
        stage.wait_for("ended", "\n", 600)
        used = stage.processor()
        left = stage.stop()
        took = float(stage.read("ended")) - float(stage.read("began"))
    return {"rate": lines / took, "heard": left["heard"], "lost": left["lost"], "cpu": used * 1e6 / lines}


def command_line(at):
    """An event that is an alert by itself, of a process that shares a snapshot with a foreign account."""
    writer = Writer(random.Random(1))
    shell = writer.process(SHELL, 500, (1, 1), at)
    tool = writer.process(("/opt/homebrew/bin/aws", "aws-5555494e", None, False), 500, (1, 1), at)
    line = writer.line(at, "exec", shell, None, tool)
    words = ["aws", "ec2", "modify-snapshot-attribute", "--snapshot-id", "snap-0a1b2c3d4e5f67890", "--attribute",
             "createVolumePermission", "--operation-type", "add", "--user-ids", "123456789012"]
    return re.sub(r'"args":\[[^\]]*\]', lambda _: '"args":' + json.dumps(words), line)


def start(cloudward, runs):
    """Milliseconds from the start of the program, with the built-in policy, to the alert for its first event."""
    waits, used = [], []
    for _ in range(runs):
        with Stage(cloudward, "cat line; exec sleep 600", '[engine]\nhold = "0s"\n', stamp=True, capture=False) as stage:
            with open(stage.path("line"), "w") as out:
                out.write(command_line(time.time()))
            stage.start()
            stage.wait_for("records", '"dataset":"cloudward.alert"')
            used.append(stage.processor() * 1000)
            stage.stop()
            line = next(line for line in stage.read("records").split("\n") if '"dataset":"cloudward.alert"' in line)
            waits.append((float(line.split(" ", 1)[0]) - stage.began) * 1000)
    return {"median": statistics.median(waits), "max": max(waits), "cpu": statistics.median(used)}


def idle(cloudward, seconds):
    """Milliseconds of CPU a second of a daemon to which nothing happens, and what it holds."""
    with Stage(cloudward, "exec sleep 6000", "", capture=False) as stage:
        stage.start()
        time.sleep(3)
        before = stage.processor()
        time.sleep(seconds)
        used = (stage.processor() - before) * 1000 / seconds
        held = stage.memory()
        stage.stop()
    return {"ms": used, "memory": held}


def copies(cloudward, data, count, config):
    """The recording `count` times over, each copy an hour later and of other processes, through pipes: peak memory and CPU."""
    with Pipes() as pipes:
        command = [cloudward, "replay", "--format", "ecs", "--config", config, "--events", pipes.events, "--capture", pipes.packets]
        began = time.monotonic()
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        threads = [threading.Thread(target=copy, args=(data, count, pipe), daemon=True)
                   for copy, pipe in ((copy_lines, pipes.events), (copy_packets, pipes.packets))]
        for thread in threads:
            thread.start()
        _, status, usage = os.wait4(child.pid, 0)
        if status != 0:
            raise SystemExit("replay of copies failed: status %d" % status)
    return {"rss": usage.ru_maxrss / 1024, "cpu": usage.ru_utime + usage.ru_stime, "wall": time.monotonic() - began}


class Pipes:
    def __enter__(self):
        self.holder = tempfile.TemporaryDirectory()
        self.events, self.packets = (os.path.join(self.holder.name, name) for name in ("events", "packets"))
        os.mkfifo(self.events)
        os.mkfifo(self.packets)
        return self

    def __exit__(self, *_):
        self.holder.cleanup()


def copy_lines(data, count, pipe):
    """All copies lie in one day, which the recording's own hour has been made to begin."""
    with open(pipe, "wb", 0) as out:
        for number in range(count):
            with open(os.path.join(data, "es.ndjson"), "rb") as file:
                rest = b""
                while block := file.read(1 << 22):
                    block, rest = (rest + block).rsplit(b"\n", 1)
                    block = re.sub(rb'("time":"\d{4}-\d\d-\d\dT)\d\d', rb"\g<1>%02d" % number, block + b"\n") if count > 1 else block + b"\n"
                    # Versions have nine digits and begin with 1 (workload.py).
                    out.write(block.replace(b'"pidversion":10', b'"pidversion":%d' % (10 + number)) if number else block)


def copy_packets(data, count, pipe):
    with open(pipe, "wb", 1 << 18) as out:
        for number in range(count):
            frames = times_of_packets(os.path.join(data, "cap.pktap"))
            head = next(frames)[1]
            if number == 0:
                out.write(head)
            for _, frame in frames:
                seconds = int.from_bytes(frame[:4], "little")
                seconds += (number - seconds // 3600 % 24) * 3600 if count > 1 else 0
                out.write(seconds.to_bytes(4, "little") + frame[4:])


if __name__ == "__main__":
    # A process of its own for each, for the same reason as in `make`.
    print(json.dumps(globals()[sys.argv[1]](*json.loads(sys.argv[2]))))
