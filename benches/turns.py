"""Programs run in turns, each held against ours of the same round: the machine's mood changes between rounds."""
import os, statistics, subprocess

from flows import measure


class Turn:
    """One program of a comparison: how it is run, and what is read from what it printed."""

    def __init__(self, name, command, stdin=None, score=None, rounds=None):
        self.name, self.command, self.stdin, self.score, self.rounds = name, command, stdin, score, rounds
        self.results, self.found = [], None

    def run(self, said):
        with open(said, "wb") as out, open(self.stdin or "/dev/null", "rb") as stdin:
            self.results.append(measure(self.command, out, stdin, subprocess.DEVNULL))
        if self.score:
            self.found = self.score(said)

    def middle(self, what):
        return statistics.median(result[what] for result in self.results)

    def spread(self, what):
        told = [result[what] for result in self.results]
        return min(told), max(told)

    def ratio(self, what, ours):
        return statistics.median(result[what] / own[what] for result, own in zip(self.results, ours.results))


def afresh(*paths):
    """Takes files out of the page cache and reads them into it anew. How they came there shows: what was written piece by
    piece on a full machine lies in small pages, and costs every reader up to a third more."""
    for path in paths:
        with open(path, "rb", buffering=0) as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            while file.read(1 << 20):
                pass


def take_turns(turns, rounds, said):
    """The first is ours. A program that asks for fewer rounds sits the later ones out."""
    for number in range(rounds):
        for turn in turns:
            if turn.rounds is None or number < turn.rounds:
                turn.run(said)


def table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]


def times(turn, what, ours):
    return "" if turn is ours else "%.1f" % turn.ratio(what, ours)
