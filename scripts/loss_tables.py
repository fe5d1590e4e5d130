#!/usr/bin/env python3
"""Writes the tables of docs/loss.md from the committed results of the simulation (tests/simulation/loss).

    scripts/loss_tables.py            exit status 1: a table is not what the results give
    scripts/loss_tables.py --write    writes them
"""

import re
import sys
from statistics import median

from document_tables import ROOT, renew, table

RESULTS = ROOT / "tests/simulation/loss"
DOCUMENT = ROOT / "docs/loss.md"
PATH = re.compile(r"\s*(?P<rtt>[\d.]+) ms\s+(?P<rate>\d+) Mbit/s (?P<buffer>[\d.]+) BDP\s+(?P<loss>[\d.]+) % (?P<kind>\w+)\s+(?P<order>\w+)")
VARIANTS = ("CUBIC", "CUBIC, no SACK", "NewReno", "NewReno, no SACK")
LONG = ("grid_0.1ms.txt", "grid_1ms.txt", "grid_20ms.txt", "grid_100ms.txt")


class Row:
    """One path: what is expected of CUBIC and NewReno, and (goodput, retransmitted %, spurious %, timeouts) of each variant."""

    def __init__(self, line):
        path, expected, *variants = line.split(" | ")
        match = PATH.match(path)
        self.rtt, self.rate, self.buffer, self.loss = (float(match[key]) for key in ("rtt", "rate", "buffer", "loss"))
        self.kind, self.order = match["kind"], match["order"]
        self.expected = [float(word) for word in expected.split()]
        self.variants = [tuple(float(word) for word in variant.split()) for variant in variants]

    def goodput(self, variant):
        return self.variants[variant][0]

    def share(self, variant):
        """Of what the line and the formula permit."""
        return self.goodput(variant) / self.expected[variant // 2]

    def is_start(self):
        """The transfer is below eight windows, so slow start takes most of it."""
        return self.rate * 1e6 * self.rtt / 1e3 / 8 / 1500 * 8 > 20_000


def grid(*names):
    out = []
    for name in names:
        for line in (RESULTS / name).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                out.append(Row(line))
    return out


def percent(value):
    return f"{100 * value:.0f} %"


def spread(values):
    return f"{percent(median(values))} ({percent(min(values))} .. {percent(max(values))})"


def faults(row):
    loss = "no loss" if row.kind == "none" else f"{row.loss:g} %, {row.kind}"
    return loss + (", reordering" if row.order == "reorder" else "")


def by(rows, key):
    out = {}
    for row in rows:
        out.setdefault(key(row), []).append(row)
    return out.items()


def goodput():
    """Median share of the expected goodput, by loss, for each variant."""
    rows = [row for row in grid(*LONG) if not row.is_start()]
    return table(["loss", *VARIANTS],
                 [[name, *(spread([row.share(v) for row in group]) for v in range(4))] for name, group in by(rows, faults)])


def by_rtt():
    rows = [row for row in grid(*LONG) if not row.is_start() and row.order == "ordered"]
    return table(["RTT", *VARIANTS],
                 [[f"{rtt:g} ms", *(spread([row.share(v) for row in group]) for v in range(4))] for rtt, group in by(rows, lambda row: row.rtt)])


def by_buffer():
    rows = [row for row in grid(*LONG) if not row.is_start() and row.order == "ordered" and row.loss <= 0.01]
    return table(["buffer", *VARIANTS],
                 [[f"{size:g} BDP", *(spread([row.share(v) for row in group]) for v in range(4))] for size, group in by(rows, lambda row: row.buffer)])


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def costs():
    """Retransmissions of connections with and without SACK."""
    rows = grid(*LONG)
    out = []
    for name, group in by(rows, faults):
        cells = [name]
        for v in (0, 1):
            again, twice, timeouts = (mean(row.variants[v][i] for row in group) for i in (1, 2, 3))
            cells += [f"{again:.2f} / {twice:.2f} %", f"{timeouts:.1f}"]
        out.append(cells)
    return table(["loss", "SACK: retransmitted / in vain", "timeouts", "no SACK: retransmitted / in vain", "timeouts"], out)


def fairness():
    out = []
    pattern = re.compile(r"\s*(\d+) ms\s+(\d+) Mbit/s ([\d.]+) BDP\s+(.*?)\s*\| +([\d.]+) +([\d.]+) \| +([\d.]+) +([\d.]+) \|")
    for line in (RESULTS / "fairness_long.txt").read_text(encoding="utf-8").splitlines():
        if match := pattern.match(line):
            rtt, rate, size, pair, first, second, line_share, jain = match.groups()
            out.append(((rtt, rate, pair), size, float(first), float(second), float(line_share), float(jain)))
    rows = []
    for (rtt, rate, pair), group in by(out, lambda one: one[0]):
        rows.append([f"{rate} Mbit/s, {rtt} ms", pair, " · ".join(f"{one[2]:.1f} / {one[3]:.1f}" for one in group), " · ".join(f"{one[5]:.2f}" for one in group)])
    return table(["path", "flows", "Mbit/s, at 0.1 · 1 · 2 BDP of buffer", "Jain's index"], rows)


TABLES = {"goodput": goodput, "rtt": by_rtt, "buffer": by_buffer, "costs": costs, "fairness": fairness}


if __name__ == "__main__":
    sys.exit(renew("loss_tables.py", TABLES, [DOCUMENT]))
