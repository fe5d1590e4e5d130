#!/usr/bin/env python3
"""Writes the tables of docs/loss-linux.md from tests/loss/linux.json (tests/loss/against_linux.py --json).

    scripts/linux_table.py            exit status 1: a table is not what the results give
    scripts/linux_table.py --write    writes them
"""

import json
import re
import statistics
import sys

from document_tables import ROOT, renew, table

RESULTS = ROOT / "tests/loss/linux.json"
DOCUMENT = ROOT / "docs/loss-linux.md"
GOAL = 0.9


def median(runs, kind, key="goodput_mbit"):
    """Of the runs that count; None when none does."""
    values = [run[kind][key] for run in runs if key in run.get(kind, {})]
    return statistics.median(values) if values else None


def ratios(cells, kind):
    """{cell: goodput as a share of Linux's}: the medians of each are compared."""
    out = {}
    for name, cell in cells.items():
        ours, theirs = median(cell["runs"], kind), median(cell["runs"], "linux")
        if ours is not None and theirs:
            out[name] = ours / theirs
    return out


def wasteful(cells, kind):
    """Cells in which the sender retransmits more than twice Linux's share, and more than 1 %: goodput that costs others."""
    count = 0
    for cell in cells.values():
        ours, theirs = median(cell["runs"], kind, "retransmitted"), median(cell["runs"], "linux", "retransmitted")
        count += ours is not None and theirs is not None and ours > max(0.01, 2 * theirs)
    return count


def summary():
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    cells, rows = kept["cells"], []
    for kind, what in (("send", "synfin sends"), ("receive", "synfin receives")):
        values = ratios(cells, kind)
        if values:
            below = sum(value < GOAL for value in values.values())
            rows.append([what, f"{statistics.median(values.values()):.2f}", f"{min(values.values()):.2f} .. {max(values.values()):.2f}",
                         f"{below} of {len(values)}", str(wasteful(cells, kind))])
    return table(["goodput as a share of Linux's", "median of the cells", "least .. most", f"below {GOAL}", "cells with over twice Linux's retransmissions"], rows)


def conditions(cell):
    loss = f"{cell['loss'] * 100:g} %" + (f", bursts of {cell['burst']:g}" if cell["burst"] > 1 else "")
    late = f"; {cell['reorder'] * 100:g} % {cell['reorder_ms']:g} ms late" if cell["reorder"] else ""
    return f"{loss}; {cell['rtt_ms']:g} ms, {cell['rate_mbit']:g} Mbit/s, {cell['buffer_bdp']:g} BDP{late}"


def figures(cell, kind):
    goodput, again = median(cell["runs"], kind), median(cell["runs"], kind, "retransmitted")
    return "disturbed" if goodput is None else f"{goodput:.2f} ({again * 100:.1f} %)"


def of_linux(cell, kind):
    value = ratios({"": cell}, kind).get("")
    return "-" if value is None else f"{value:.2f}" if value >= GOAL else f"**{value:.2f}**"


def cells_table():
    cells = json.loads(RESULTS.read_text(encoding="utf-8"))["cells"]
    return table(["loss; RTT, rate, buffer", "Linux to Linux, Mbit/s (retransmitted)", "synfin sends", "synfin receives", "ratios: sends, receives"],
                 [[conditions(cell), *(figures(cell, kind) for kind in ("linux", "send", "receive")),
                   f"{of_linux(cell, 'send')}, {of_linux(cell, 'receive')}"] for cell in cells.values()])


def measured():
    kept = json.loads(RESULTS.read_text(encoding="utf-8"))
    counts = [len(cell["runs"]) for cell in kept["cells"].values()]
    return (f"{len(counts)} cells, {min(counts)} to {max(counts)} runs each. Last run: commit {kept['commit']}, {kept['date']}, "
            f"Linux {re.match(r'[0-9]+[.][0-9]+', kept['kernel']).group()}, {kept['cores']} cores, synfin with `{kept['buffers']}`.")


TABLES = {"linux": summary, "linux-measured": measured, "linux-cells": cells_table}


if __name__ == "__main__":
    sys.exit(renew("linux_table.py", TABLES, [DOCUMENT]))
