#!/usr/bin/env python3
"""Writes the tables of README.md, docs/performance.md, docs/performance/ and docs/attacks.md from the result files that are committed.

    scripts/performance_tables.py            exit status 1: a table is not what the results give
    scripts/performance_tables.py --write    writes them

The results lie in docs/performance/results:
reach.json (bench/e2e/reach.py --json; instructions come from bench/instructions/expected.txt), kernel.json (bench/e2e/against_kernel.py --json), dperf.json (bench/e2e/against_dperf.py --json). attack_tables.py has the tables of docs/attacks.md.
"""

import json
import re
import sys
from statistics import median

import attack_tables
from document_tables import ROOT, renew, table

RESULTS = ROOT / "docs/performance/results"
DOCUMENTS = [ROOT / "README.md", ROOT / "docs/performance.md", *sorted((ROOT / "docs/performance").glob("*.md")), ROOT / "docs/attacks.md"]


def number(value):
    """Three or four significant digits: 2,324, 0.905, 1.26 M."""
    if value >= 1e6:
        return f"{value / 1e6:.3g} M"
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def load(name):
    return json.loads((RESULTS / name).read_text(encoding="utf-8"))


# Name in reach.json, what the page calls it, which of its columns, whether less is better.
REACH = {
    "cycles": ("TSC cycles per connection, both ends on one core", 0, True),
    "floor_share": ("CPS with one core each, as a share of the same packets without TCP", 0, False),
    "instructions": ("instructions per connection, both ends", 0, True),
    "idle_bytes": ("bytes per idle connection and end, 1 M pairs", 0, True),
    "time_wait_bytes": ("bytes per connection in TIME-WAIT, both ends", 0, True),
    "pairs": ("pairs established at once, then closed", 0, False),
    "beside": ("CPS beside 10 M idle pairs, as a share of CPS without them", 0, False),
    "loss": ("CPS at 1 % loss, as a share of CPS without loss", 0, False),
    "connect": ("connect, one at a time, one core each, µs, p50 / p99.9", None, True),
    "rr": ("request and response of 64 bytes, one core each, µs, p50", 0, True),
    "stream": ("one stream, one core each, Gbit/s of text", 0, False),
    "scaling": ("CPS of two pairs on two cores, as a multiple of one pair on one", 0, False),
}


def goals(text):
    return [float(part.replace(" M", "e6")) for part in text.split(" / ")]


def instructions():
    """The count that CI holds, of a tuple that is used for the first time."""
    return float(re.search(r"fresh (\d+)", (ROOT / "bench/instructions/expected.txt").read_text(encoding="utf-8")).group(1))


def reach_rows(names):
    entries = [one for one in load("reach.json")["rows"] if one["name"] != "instructions"]
    for entry in [*entries, {"name": "instructions", "goal": "5000", "runs": [[instructions()]]}]:
        if entry["name"] not in names or not entry["runs"]:
            continue
        what, column, less = REACH[entry["name"]]
        columns = list(zip(*entry["runs"]))
        shown = columns if column is None else [columns[column]]
        goal = goals(entry["goal"])
        met = all((median(c) <= g if less else median(c) >= g) for c, g in zip(shown, goal))
        yield [what, " / ".join(number(median(c)) for c in shown), " / ".join(f"{number(min(c))} .. {number(max(c))}" for c in shown),
               " / ".join(number(g) for g in goal), "yes" if met else "**no**"]


def pairs_of(name, other):
    runs = load(name)["runs"]
    ratios = [run["synfin"] / run[other] for run in runs]
    return [run["synfin"] for run in runs], [run[other] for run in runs], ratios


def dperf_row():
    kept = load("dperf.json")
    last = kept["sessions"][0]
    return [f"HTTP CPS over memif, as a share of dperf's ({last['what'].partition(',')[0]})", f"{last['ratio'][0]:.2f}", f"{last['ratio'][1]:.2f} .. {last['ratio'][2]:.2f}",
            f"{kept['goal']}", "yes" if last["ratio"][0] >= kept["goal"] else "**no**"]


def five():
    rows = [*reach_rows(["cycles", "instructions", "idle_bytes", "connect"]), dperf_row()]
    return table(["what", "median", "least .. most", "goal", "met"], rows)


def all_rows():
    return table(["what", "median", "least .. most", "goal", "met"], reach_rows(REACH))


def conditions():
    kept = load("reach.json")
    host = kept["host"]
    guided = "with profile-guided optimisation" if kept["build"]["profile_guided"] else "without profile-guided optimisation"
    return (f"Commit {kept['commit']}, {kept['date']}, built {guided} for {kept['build']['march']}: {host['cpu']}, TSC {host['tsc_hz'] / 1e9:.2f} GHz, Linux {re.match(r'[0-9]+[.][0-9]+', host['kernel']).group()}; "
            f"{kept['runs']} runs of {kept['duration']} each"
            + (f", {kept['not_valid']} of all not valid (core shared)." if kept["not_valid"] else "."))


def dperf_sessions():
    kept = load("dperf.json")
    return table(["build and conditions", "pairs", "synfin, CPS", "dperf, CPS", "ratio within a pair"],
                 [[one["what"], str(one["pairs"]), one["synfin"], one["dperf"],
                   f"{one['ratio'][0]:.2f} ({one['ratio'][1]:.2f} .. {one['ratio'][2]:.2f})"] for one in kept["sessions"]])


def kernel():
    mine, its, ratios = pairs_of("kernel.json", "kernel")
    def spread(values):
        return f"{number(median(values))} ({number(min(values))} .. {number(max(values))})"
    return table(["", "HTTP CPS, one core each", "ratio"],
                 [["synfin `serve` and `load` over memif", spread(mine), f"{median(ratios):.1f} ({min(ratios):.1f} .. {max(ratios):.1f})"],
                  ["nginx and wrk on the kernel, loopback", spread(its), "1"]])


def figures():
    """The three numbers of the README."""
    rows = {entry["name"]: list(zip(*entry["runs"])) for entry in load("reach.json")["rows"] if entry["runs"]}
    mine, its, ratios = pairs_of("kernel.json", "kernel")
    hertz = load("reach.json")["host"]["tsc_hz"]
    cycles = median(rows["cycles"][0])
    return "\n".join([
        f"- **{number(hertz / cycles)} connections per second on one core**, both ends of each connection included: "
        f"{number(cycles)} TSC cycles for SYN to the last ACK, twice.",
        f"- **{number(median(mine))} HTTP connections per second with one core for each end** (memif): {median(ratios):.0f} times nginx and wrk on "
        f"the kernel on the same two cores.",
        f"- **{number(median(rows['idle_bytes'][0]))} bytes for an idle connection and end, {number(median(rows['time_wait_bytes'][0]))} for one in TIME-WAIT**, "
        "everything counted.",
    ])


TABLES = {"five": five, "all": all_rows, "conditions": conditions, "dperf": dperf_sessions, "kernel": kernel, "figures": figures,
          **attack_tables.TABLES}


if __name__ == "__main__":
    sys.exit(renew("performance_tables.py", TABLES, DOCUMENTS))
