#!/usr/bin/env python3
"""Measures synfin's goals on one machine with two cores, five runs each, and prints the table.

    bench/e2e/reach.py [--synfin build-profiled/apps/synfin/synfin] [--runs 5] [--duration 2s] [--cores 0,1] [--only WORD] [--pairs 50M] [--json FILE]

The rows take turns, round by round, so that a slow minute of the machine costs each row one run and no row all of them. A row that
takes minutes, or that does not vary, is run once. --json writes the figures for scripts/performance_tables.py.
"""

import argparse
import datetime
import json
import pathlib
import re
import subprocess
import sys

from bench_run import Run, median, number, run

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SEGMENT_TEXT = 1448 / 1514  # share of text in a full frame with timestamps
IDLE = ["--profile", "idle", "--hold", "1s"]
# A row of bytes does not depend on time: pages that are touched for the first time stop the loop, which would make the run invalid.
BYTES = ["--set", "validity.lost=100%"]
LOSS_DURATION = "5s"  # long enough for the retransmission of lost SYNs, one second later
BESIDE = "10M"


class Bench:
    """Runs the command for the rows."""

    def __init__(self, synfin, duration, cores, pairs):
        self.synfin = synfin
        self.duration = duration
        self.first, self.second = cores
        self.pairs = pairs
        self.turn = 0

    def one(self, *arguments):
        return run(self.synfin, ["--cores", self.first, "-d", self.duration, *arguments])

    def in_turn(self, *settings):
        """One run of each list of arguments, on one core, in alternating order."""
        order = list(range(len(settings)))
        results = {at: self.one(*settings[at]) for at in (order if self.turn % 2 == 0 else reversed(order))}
        return [results[at] for at in order]

    def two(self, *arguments):
        return run(self.synfin, [*arguments, "--cores", f"{self.first},{self.second}", "-d", self.duration])

    def both_alone(self):
        """A pair of engines on each core, at the same time."""
        runs = [Run(self.synfin, ["--cores", core, "-d", self.duration]) for core in (self.first, self.second)]
        return [each.result() for each in runs]


# One function for each row. It returns the figures of a run, and the results behind them.


def life_cycles(bench):
    result = bench.one()
    return [result.metric("cycles_per_connection.both")], [result]


def share_of_floor(bench):
    result = bench.two()
    return [result.metric("rates.cps") / result.metric("floor.cps")], [result]


def instructions(_):
    """Counted in the tests' build, because valgrind does not know every processor that the command may be built for."""
    counted = subprocess.run([ROOT / "scripts/instructions.py"], capture_output=True, text=True)
    if counted.returncode != 0:
        print("the instructions could not be counted:", counted.stderr.partition("\n")[0], file=sys.stderr)
        return None, []
    return [float(re.match(r"\d+", counted.stdout).group())], []


def idle_bytes(bench):
    """The counted bytes per connection and end, and the growth of the process."""
    result = run(bench.synfin, [*IDLE, *BYTES, "-c", "1M", "--cores", bench.first])
    return [result.metric("memory.bytes_per_connection"), result.metric("memory.resident_per_connection")], [result]


def time_wait_bytes(bench):
    """The default has 903,424 tuples, so the server keeps nearly as many records. The memory of both ends is counted."""
    result = run(bench.synfin, [*BYTES, "-n", "900k", "--cores", bench.first])
    if result.metric("duration_s") > 50:
        sys.exit(f"TIME-WAIT records may have ended within the run: {result.command}")
    records = result.metric("tcp.time_wait_entered") - result.metric("tcp.time_wait_reused")
    return [result.metric("memory.connections_bytes") / records], [result]


def pairs_at_once(bench):
    """The number of pairs, and bytes per pair, if all were established, held, closed by FIN, and no record was left after TIME-WAIT."""
    result = run(bench.synfin, [*IDLE, "-c", bench.pairs, "--await-time-wait", "--cores", bench.first])
    held, closed = result.metric("connections.established"), result.metric("connections.completed")
    if held != closed or not result.valid:
        sys.exit(f"{held} were established, {closed} closed, left: {result.values['left']}: {result.command}")
    pair = sum(sum(result.values["memory"][end].values()) for end in ("client", "server")) / held
    return [held, pair], [result]


def beside_idle(bench):
    alone, beside = bench.in_turn([], ["--beside", BESIDE])
    return [beside.metric("rates.cps") / alone.metric("rates.cps")], [alone, beside]


def with_loss(bench):
    """The rate relative to as many concurrent connections without loss, and relative to the default."""
    duration = ["-d", LOSS_DURATION]
    lossy, same, default = bench.in_turn([*duration, "--loss", "1%"], [*duration, "-c", "65536"], duration)
    if lossy.values["config"]["bench"]["connections"] != 65_536:
        sys.exit(f"the number of concurrent connections is not 65,536: {lossy.command}")
    return [lossy.metric("rates.cps") / other.metric("rates.cps") for other in (same, default)], [lossy, same, default]


def connect_latency(bench):
    result = bench.two("--profile", "connect", "-c", "1")
    return [result.metric("latency_us.connect.p50"), result.metric("latency_us.connect.p999")], [result]


def response_latency(bench):
    result = bench.two("--profile", "rr", "-c", "1")
    return [result.metric("latency_us.first_byte.p50")], [result]


def stream_rate(bench):
    result = bench.two("--profile", "stream", "-c", "1")
    return [result.metric("rates.tx_bps") * SEGMENT_TEXT / 1e9], [result]


def scaling(bench):
    alone = bench.one()
    both = bench.both_alone()
    return [sum(result.metric("rates.cps") for result in both) / alone.metric("rates.cps")], [alone, *both]


ONCE = (instructions, pairs_at_once)  # one does not vary, the other takes minutes

# Name in the JSON, what, how it is measured, goal, beyond it.
ROWS = [
    ("cycles", "crr, both ends on one core: TSC cycles per connection", life_cycles, "2000", "1200"),
    ("floor_share", "crr, one core each: CPS as a share of the floor's", share_of_floor, "0.4", "0.7"),
    ("instructions", "instructions per connection, both ends (callgrind)", instructions, "5000", "3000"),
    ("idle_bytes", "memory per idle connection and end, 1 M pairs: all that is kept / the process's growth, bytes", idle_bytes, "128", "80"),
    ("time_wait_bytes", "memory per TIME-WAIT connection, 0.9 M of them: all that both ends keep, bytes", time_wait_bytes, "48", "32"),
    ("pairs", "pairs established at once, then closed, nothing left / bytes a pair", pairs_at_once, "50 M", "100 M"),
    ("beside", "CPS beside 10 M idle pairs, against none", beside_idle, "0.8", "0.9"),
    ("loss", "CPS at 1 % loss, against none with as many at once / against the default", with_loss, "0.7", "0.9"),
    ("connect", "connect, one at a time, one core each, p50 / p99.9, us", connect_latency, "3 / 15", "1 / 5"),
    ("rr", "rr, 64 B each way, one core each, p50, us", response_latency, "2", "1"),
    ("stream", "stream, one connection, one core each, Gbit/s of text", stream_rate, "20", "40"),
    ("scaling", "two pairs on two cores against one pair on one: CPS", scaling, "1.9", "1.98"),
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--synfin", type=pathlib.Path, default=ROOT / "build-profiled/apps/synfin/synfin")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--duration", default="2s", help="of each run; default 2s")
    parser.add_argument("--cores", default="0,1", help="the two to use; default 0,1")
    parser.add_argument("--only", default="", metavar="PATTERN", help="rows whose name matches this regular expression")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the figures of all runs")
    parser.add_argument("--pairs", default="50M", help="for the row of that name; 185 bytes each; default 50M, 0 leaves it out")
    arguments = parser.parse_args()
    cores = arguments.cores.split(",")
    if len(cores) != 2 or arguments.runs < 1:
        parser.error("--cores: two, as 0,1; --runs: at least 1")
    bench = Bench(arguments.synfin, arguments.duration, cores, arguments.pairs)

    rows = [row for row in ROWS if re.search(arguments.only, row[1], re.IGNORECASE)]
    figures = {name: [] for name, *_ in rows}
    round_trips, not_valid, host, build = [], 0, {}, {}
    for turn in range(arguments.runs):
        bench.turn = turn
        for name, what, measure, _, _ in rows:
            if (measure in ONCE and turn > 0) or (measure is pairs_at_once and bench.pairs == "0"):
                continue
            print(f"run {turn + 1} of {arguments.runs}: {what}", file=sys.stderr, flush=True)
            values, results = measure(bench)
            if values is not None:
                figures[name].append(values)
            for result in results:
                not_valid += 0 if result.valid else 1
                host, build = result.values["host"], result.values.get("build", {})
                round_trips += host.get("core_round_trip_ns", {}).values()

    if host:
        print(f"{host['cpu']}, TSC {host['tsc_hz'] / 1e9:.2f} GHz, Linux {host['kernel']}, {host['memory']}; "
              f"{arguments.runs} runs of {arguments.duration}")
    if round_trips:
        print(f"a cache line's round trip between the cores: {min(round_trips):.0f} to {max(round_trips):.0f} ns")
    if not_valid:
        print(f"{not_valid} runs were not valid")
    if arguments.json:
        commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        arguments.json.write_text(json.dumps({
            "commit": commit, "date": datetime.date.today().isoformat(), "build": build,
            "host": {key: host.get(key) for key in ("cpu", "tsc_hz", "kernel", "memory")},
            "core_round_trip_ns": [min(round_trips), max(round_trips)] if round_trips else None,
            "runs": arguments.runs, "duration": arguments.duration, "not_valid": not_valid,
            "rows": [{"name": name, "what": what, "goal": goal, "beyond": beyond, "runs": figures[name]}
                     for name, what, _, goal, beyond in rows]}, indent=1) + "\n", encoding="utf-8")
    print("\n| what | median | least .. most | goal | beyond |\n|---|---|---|---|---|")
    for name, what, _, reach, stretch in rows:
        columns = list(zip(*figures[name]))
        medians = " / ".join(number(median(column)) for column in columns) or "not measured"
        spread = " / ".join(f"{number(min(column))} .. {number(max(column))}" for column in columns)
        print(f"| {what} | {medians} | {spread} | {reach} | {stretch} |")


if __name__ == "__main__":
    main()
