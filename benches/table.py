#!/usr/bin/env python3
"""Reruns the comparison of cloudward with its peers on this machine, and writes it into README.md.

    benches/table.py [--quick] [--only PART...] [--peers FOLDER] [--work FOLDER] [--print]

Builds cloudward, installs what is missing of the peers (DuckDB from PyPI into a virtual environment, rsigma by cargo,
tshark and ndpiReader by apt), makes recordings (workload.py, flows.py) and runs everything in turns. CPU is user and
system time of the whole process, start and output included. `--quick` takes a fiftieth of the data and two minutes, once the
peers are installed; the full run takes some 15 GB of disk and half an hour on two idle cores. README.md is written by full
runs of all parts alone.
"""
import argparse, json, os, platform, shutil, subprocess, sys, tempfile, time

import peers
from policy import policy
from questions import rules
from turns import Turn, afresh, table, take_turns, times

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
BEGIN, END = "<!-- table:begin -->", "<!-- table:end -->"


def say(text):
    print("%s  %s" % (time.strftime("%H:%M:%S"), text), file=sys.stderr, flush=True)


def aside(module, function, *arguments):
    """A function of another module, in a process of its own: memory of this one would count as its children's."""
    code = "import json, sys, %s as it; print(json.dumps(it.%s(*json.loads(sys.argv[1]))))" % (module, function)
    done = subprocess.run([sys.executable, "-c", code, json.dumps(arguments)], cwd=HERE, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


class Bench:
    def __init__(self, args, work):
        self.args, self.work, self.cloudward = args, work, args.cloudward
        self.events = 50_000 if args.quick else 1_000_000
        self.rounds = 2 if args.quick else 5
        self.said = self.path("said")

    def path(self, *names):
        return os.path.join(self.work, *names)

    def recording(self, name, events, **options):
        folder = self.path(name)
        if not os.path.exists(os.path.join(folder, "rules.json")):
            say("making %d events: %s" % (events, name))
            aside_options = [sys.executable, os.path.join(HERE, "workload.py"), folder, "--events", str(events)]
            for option, value in options.items():
                option = "--" + option.replace("_", "-")
                aside_options += [option] if value is True else [option, str(value)]
            subprocess.run(aside_options, check=True, stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "truth.json")) as file:
            return folder, json.load(file)

    def policy(self, name, globs=40, domains=50):
        path = self.path(name + ".toml")
        with open(path, "w") as out:
            out.write(policy(rules(globs, domains)))
        return path

    def replay(self, data, config):
        return [self.cloudward, "replay", "--format", "ecs", "--config", config, "--events", os.path.join(data, "es.ndjson"),
                "--capture", os.path.join(data, "cap.pktap")]

    def main_recording(self):
        chains = self.events // 2000
        return self.recording("main", self.events, chains=chains, lookalikes=chains // 5, mixed=True)

    def judged(self, data, truth, rounds, slow_rounds):
        """cloudward, DuckDB and rsigma over one recording."""
        scored = lambda pairs: lambda said: peers.score(pairs(said), truth)
        turns = [Turn("cloudward replay", self.replay(data, self.policy("small")), score=scored(peers.pairs_of_cloudward))]
        for name, (command, stdin, pairs) in peers.commands(self.programs, data, self.path("peers")).items():
            turns.append(Turn(name, command, stdin, scored(pairs), slow_rounds if name == "rsigma" else None))
        afresh(*(os.path.join(data, name) for name in sorted(os.listdir(data)) if name != "truth.json"))
        take_turns(turns, rounds, self.said)
        return turns

    # The parts, each some lines of Markdown.

    def part_replay(self):
        data, truth = self.main_recording()
        turns = self.judged(data, truth, self.rounds, 1 if self.args.quick else 3)
        size = os.path.getsize(os.path.join(data, "es.ndjson"))
        ours = turns[0]
        rows = [[turn.name, "%.2f" % (turn.middle("cpu") * 1e6 / truth["events"]), times(turn, "cpu", ours), "%.2f" % turn.middle("wall"),
                 times(turn, "wall", ours), "%.0f" % turn.middle("rss"), "%.3f / %.3f" % (turn.found["precision"], turn.found["recall"])]
                for turn in turns]
        said = ["**`replay`**, %s events: %s eslogger lines of %d bytes and %s packets of PKTAP, %d thefts, %d look-alikes. The "
                "peers are spared the packets: they get names and bytes from a ready table." % (
                    number(truth["events"]), number(truth["lines"]), size / truth["lines"], number(truth["packets"]),
                    len(truth["alerts"]), len(truth["lookalikes"])), ""]
        return said + table(["program", "CPU, µs an event", "times ours", "wall, s", "times ours", "RSS, MiB", "precision / recall"], rows)

    def part_edges(self):
        count = 20 if self.args.quick else 100
        data, truth = self.recording("edges", 30_000, chains=count, lookalikes=count // 2, subsecond=count, tree_chains=count, mixed=True)
        turns = self.judged(data, truth, 1, 1)
        rows = [[turn.name, "%.3f" % turn.found["precision"], "%.3f" % turn.found["recall"], ", ".join(turn.found["wrong"]) or "none"]
                for turn in turns]
        said = ["**Look-alikes**: uploads just before the read and just after the window, within one second (`--subsecond`); parents, "
                "children and siblings (`--tree-chains`), of which a child that uploads what its parent read before the fork is a theft "
                "and the turnings of that are not. %d thefts, %d look-alikes." % (len(truth["alerts"]), len(truth["lookalikes"])), ""]
        return said + table(["program", "precision", "recall", "wrong about"], rows)

    def part_flows(self):
        import flows
        parts = []
        for megabytes in ((10, 30) if self.args.quick else (30, 300, 1000)):
            path = self.path("flows-%d.pcap" % megabytes)
            say("making a capture of %d MB" % megabytes)
            truth = aside("flows", "generate", path, megabytes)
            turns = [Turn("cloudward flows", [self.cloudward, "flows", "--format", "json", path], score=flows.named_by_us)]
            if megabytes in (30, 300):
                csv = self.path("ndpi.csv")
                turns.append(Turn("ndpiReader", [self.programs["ndpiReader"], "-q", "-i", path, "-C", csv],
                                  score=lambda _: flows.named_by_ndpi(csv)))
                field = "tls.handshake.extensions_server_name"
                turns.append(Turn("tshark -Y " + field, [self.programs["tshark"], "-n", "-r", path, "-Y", field, "-T", "fields", "-e",
                                                         "tcp.stream", "-e", field], score=flows.named_by_tshark, rounds=3))
            afresh(path)
            take_turns(turns, self.rounds, self.said)
            parts.append((megabytes, truth, turns))
            if megabytes != 30:
                os.remove(path)
        rows = [self.flow_row(megabytes, truth, turn, turns[0]) for megabytes, truth, turns in parts for turn in turns]
        said = ["**`flows`**: DNS, TLS hellos (four in ten over two segments, 3 % without a name), IPv6, segments out of order and "
                "sent twice. Flows without a name in the hello are named by DNS, which the peers do not try.", ""]
        return said + table(["program", "capture", "CPU, ns a packet", "times ours", "wall, s", "times ours", "RSS, MiB", "flows named"], rows)

    def flow_row(self, megabytes, truth, turn, ours):
        return [turn.name, "%d MB, %s packets" % (megabytes, number(truth["packets"])), "%.0f" % (turn.middle("cpu") * 1e9 / truth["packets"]),
                times(turn, "cpu", ours), "%.2f" % turn.middle("wall"), times(turn, "wall", ours), "%.0f" % turn.middle("rss"),
                "%.4f" % (turn.found / truth["flows"])]

    def part_growth(self):
        data, truth = self.main_recording()
        sizes = ((40, 50), (200, 2000))
        turns = [Turn("%d globs, %d domains" % size, self.replay(data, self.policy("globs-%d" % size[0], *size))) for size in sizes]
        take_turns(turns, self.rounds * 2, self.said)
        rows = [[turn.name, "%.2f" % (turn.middle("cpu") * 1e6 / truth["events"]), "%.2f to %.2f" % tuple(
            cpu * 1e6 / truth["events"] for cpu in turn.spread("cpu")), "%.3f" % turn.ratio("cpu", turns[0])] for turn in turns]
        said = ["**Growth of the policy**, the same %s events, building the automata included." % number(truth["events"]), ""]
        return said + table(["policy", "CPU, µs an event", "least to most", "times the first"], rows)

    def part_memory(self):
        config, rows = self.policy("small"), []
        main, truth = self.main_recording()
        small = self.events // 10
        chains = small // 2000
        first, small_truth = self.recording("tenth", small, chains=chains, lookalikes=chains // 5)
        for data, told, count in ((first, small_truth, 1), (main, truth, 1), (main, truth, 10)):
            say("memory: %d events" % (told["events"] * count))
            done = aside("live", "copies", self.cloudward, data, count, config)
            rows.append([number(told["events"] * count), "%.0f" % done["rss"], "%.2f" % (done["cpu"] * 1e6 / told["events"] / count)])
        said = ["**Memory** of `replay`, fed through pipes; the last row is the recording ten times, each copy an hour later and of "
                "other processes.", ""]
        return said + table(["events", "RSS, MiB", "CPU, µs an event"], rows)

    def part_live(self):
        seconds = 5 if self.args.quick else 30
        soon = aside("live", "latency", self.cloudward, self.path("live"), seconds, 10_000, 100 if self.args.quick else 500)
        alone = soon["alone"]
        say("as fast as it can")
        data, truth = self.main_recording()
        fast = aside("live", "sustained", self.cloudward, data, truth["lines"])
        rows = [["alerts after the hold and the packets that make clear them and those of an earlier time, for they leave in its order; "
                 "at %s events/s, %.0f µs CPU an event" % (number(round(soon["rate"])), soon["cpu"]),
                 "p50 %.2f ms, p95 %.2f ms, most %.2f ms (p95 %.2f ms after the packet that makes them clear themselves); "
                 "%d of %d alerts, %d events lost" % (
                     soon["p50"], soon["p95"], soon["max"], soon["own"], soon["alerts"], soon["wanted"], soon["lost"])],
                ["two `cat` in its place, beside it and at the same time",
                 "p50 %.2f ms, p95 %.2f ms, most %.2f ms" % (alone["p50"], alone["p95"], alone["max"])],
                ["events/s from an `eslogger` that never pauses", "%s, %d of %s lost, %.2f µs CPU an event" % (
                    number(round(fast["rate"])), fast["lost"], number(fast["heard"]), fast["cpu"])]]
        return ["**Live**: `run` with a script for `eslogger` and a FIFO for the tap.", ""] + table(["what", "measured"], rows)

    def part_rest(self):
        begin = aside("live", "start", self.cloudward, 5 if self.args.quick else 20)
        rest = aside("live", "idle", self.cloudward, 10 if self.args.quick else 60)
        stripped = self.path("stripped")
        shutil.copy(self.cloudward, stripped)
        subprocess.run(["strip", stripped], check=True)
        rows = [["start of `run` with the built-in policy to the alert for its first event",
                 "%.0f ms (most %.0f), %.0f ms of it CPU" % (begin["median"], begin["max"], begin["cpu"])],
                ["CPU of `run` while nothing happens", "%.3f %%, %.0f MiB" % (rest["ms"] / 10, rest["memory"])],
                ["the program, stripped", "%.1f MB" % (os.path.getsize(stripped) / 1e6)]]
        return ["**Start, rest, size**", ""] + table(["what", "measured"], rows)


PARTS = ["replay", "edges", "growth", "memory", "flows", "live", "rest"]


def number(value):
    return format(value, ",")


def machine(programs):
    with open("/proc/cpuinfo") as file:
        model = next((line.split(":")[1].strip() for line in file if line.startswith("model name")), platform.machine())
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True).stdout.split()[1]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    load = os.getloadavg()[0]
    return "cloudward %s (rustc %s) on %d cores of %s, Linux %s, load %.1f; %s; %s." % (
        commit, rustc, os.cpu_count(), model, platform.release(), load, peers.versions(programs), time.strftime("%Y-%m-%d", time.gmtime()))


def put_into_readme(text):
    path = os.path.join(ROOT, "README.md")
    with open(path) as file:
        readme = file.read()
    head, rest = readme.split(BEGIN)
    tail = rest.split(END)[1]
    with open(path, "w") as out:
        out.write(head + BEGIN + "\n" + text + END + tail)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS, metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--cloudward", help="this program, instead of building it")
    parser.add_argument("--peers", default=os.path.join(ROOT, ".tools", "peers"), help="where peers are, or are installed")
    parser.add_argument("--work", help="where recordings are kept for the next time")
    parser.add_argument("--print", action="store_true", dest="only_print", help="leave README.md as it is")
    args = parser.parse_args()
    if not args.cloudward:
        subprocess.run(["cargo", "build", "--release", "--locked", "--bin", "cloudward"], cwd=ROOT, check=True)
        args.cloudward = os.path.join(os.environ.get("CARGO_TARGET_DIR", os.path.join(ROOT, "target")), "release", "cloudward")
    args.cloudward = os.path.abspath(args.cloudward)
    os.makedirs(args.peers, exist_ok=True)
    programs = peers.install(os.path.abspath(args.peers))
    with tempfile.TemporaryDirectory() as holder:
        work = os.path.abspath(args.work) if args.work else holder
        os.makedirs(work, exist_ok=True)
        bench = Bench(args, work)
        bench.programs = programs
        text = machine(programs) + "\n"
        for part in args.only:
            say(part)
            told = getattr(bench, "part_" + part)()
            text += "\n" + "\n".join(told) + "\n"
            print("\n" + "\n".join(told), flush=True)
    if not args.quick and args.only == PARTS and not args.only_print:
        put_into_readme(text)


if __name__ == "__main__":
    main()
