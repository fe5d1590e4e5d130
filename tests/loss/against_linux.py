#!/usr/bin/env python3
"""synfin against Linux's CUBIC over a faulty wire: one bulk connection in each cell of a grid of conditions.

    tests/loss/against_linux.py --synfin PATH --wire PATH [--repeat N] [--jobs N] [--pause SECONDS] [--cells PATTERN] [--json FILE]

Each cell is measured three times in a row with the same losses: kernel to kernel, synfin to the kernel, the kernel to synfin. All
bytes are compared. A transfer that the machine disturbed (frames that the wire sent late or dropped by itself) is repeated, twice
at most, and then does not count. With --json, results are added to those that FILE has. A repetition takes about 20 minutes
and most of one core: use a machine that is free.

Needs root: namespaces, real-time priority for the wire, and a high priority for both ends.
"""

import argparse
import concurrent.futures
import contextlib
import dataclasses
import itertools
import json
import math
import multiprocessing
import os
import pathlib
import re
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))

import rig  # noqa: E402
from bulk import BUFFERS, KINDS, transfer  # noqa: E402
from wire_rig import Conditions  # noqa: E402

LOSS = (0, 0.001, 0.01, 0.03)
RTT_MS = (1, 20, 100)
RATE_MBIT = (10, 100)
BUFFER_BDP = (0.25, 1)
BURSTS = (Conditions(0.01, 20, 100, 1, burst=5), Conditions(0.01, 100, 10, 1, burst=5))
REORDERING = (Conditions(0, 20, 100, 1, reorder=0.01, reorder_ms=2), Conditions(0.001, 20, 100, 1, reorder=0.01, reorder_ms=10))
TRIES = 3
polling = None  # held while a synfin runs


def grid():
    cells = [Conditions(*one) for one in itertools.product(LOSS, RTT_MS, RATE_MBIT, BUFFER_BDP)]
    return [*cells, *BURSTS, *REORDERING]


def name_of(c):
    name = f"loss {c.loss * 100:g} %, RTT {c.rtt_ms:g} ms, {c.rate_mbit:g} Mbit/s, buffer {c.buffer_bdp:g} BDP"
    if c.burst > 1:
        name += f", bursts of {c.burst:g}"
    if c.reorder:
        name += f", {c.reorder * 100:g} % come {c.reorder_ms:g} ms late"
    return name


def size_of(c):
    """Bytes that take about four seconds, six at the longest round trip and where losses are few."""
    rate = c.rate_mbit * 1e6 / 8 * 0.95
    seconds = 6 if c.rtt_ms >= 100 else 4
    if c.loss:
        mathis = 1.22 * 1448 / (c.rtt_ms / 1e3 * math.sqrt(c.loss))
        rate = min(rate, mathis)
        seconds = max(seconds, min(6, 100 / (rate / 1448 * c.loss)))
    return int(rate * seconds)


def record_of(outcome, seed):
    data = outcome.data
    return {"seed": seed, "goodput_mbit": round(outcome.goodput_mbit, 4), "retransmitted": round(outcome.retransmitted, 5),
            "seconds": round(outcome.seconds, 3), "packets": data["packets"], "lost": data["lost"], "queue_full": data["queue_full"],
            "waited": round(outcome.waited, 4),
            "synfin": {k: v for k, v in outcome.synfin.items() if v and k in
                       ("retransmitted", "rto_expirations", "fast_retransmits", "tail_loss_probes", "spurious_timeouts",
                        "spurious_retransmits", "no_recovery_record")}}


def prepare(lock, keep_core):
    """In a worker: a priority for all that it starts that leaves little to the other programs of the machine (of its session among
    the sessions, too). synfin polls, so only one at a time runs, and has the last core; the kernel's programs run on the others."""
    global polling
    polling = lock
    rig._die_with_parent()
    cores = os.sched_getaffinity(0)
    rig.core = max(cores)
    if len(cores) > 1:
        os.sched_setaffinity(0, cores - {rig.core})
    if keep_core:
        os.environ["LD_PRELOAD"] = keep_core
    os.setsid()
    os.setpriority(os.PRIO_PROCESS, 0, -20)
    with contextlib.suppress(FileNotFoundError):
        pathlib.Path("/proc/self/autogroup").write_text("-20")


def measure(program, cell, size, seed, pause):
    """{kind: record, or {"disturbed": why}} of one cell, after a pause in seconds."""
    time.sleep(pause)
    records = {}
    for kind in KINDS:
        for _ in range(TRIES):
            try:
                outcome = transfer(program, kind, cell, size, seed, polling=contextlib.nullcontext() if kind == "linux" else polling)
            except AssertionError as error:
                records[kind] = {"failed": str(error)[:2000]}
                break
            if not outcome.disturbed:
                records[kind] = record_of(outcome, seed)
                break
            records[kind] = {"disturbed": outcome.disturbed}
    return records


def show(cell, records):
    def figure(record):
        if "goodput_mbit" not in record:
            return "disturbed" if "disturbed" in record else "FAILED"
        return f"{record['goodput_mbit']:.2f}"
    base = records["linux"].get("goodput_mbit")
    ratios = " ".join(f"{records[k]['goodput_mbit'] / base:.2f}" if base and "goodput_mbit" in records[k] else "-" for k in KINDS[1:])
    print(f"{name_of(cell):55} {'  '.join(f'{k} {figure(records[k])}' for k in KINDS)} Mbit/s  ratios {ratios}", flush=True)
    for kind, record in records.items():
        if "failed" in record or "disturbed" in record:
            print(f"    {kind}: {record.get('failed') or record['disturbed']}", flush=True)


def commit():
    done = subprocess.run(["git", "-C", HERE, "log", "-1", "--format=%h"], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--synfin", required=True)
    parser.add_argument("--wire", required=True, help="the program faulty_wire")
    parser.add_argument("--keep-core", metavar="PATH", help="the library keep_core, to preload: a machine that does other work")
    parser.add_argument("--repeat", type=int, default=3, metavar="N")
    parser.add_argument("--first-seed", type=int, default=1, metavar="N")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="cells at a time")
    parser.add_argument("--pause", type=float, default=0, metavar="SECONDS", help="before each cell, for the machine's other programs")
    parser.add_argument("--cells", default="", metavar="PATTERN", help="those whose name it matches, such as 'loss 0 %%.*RTT 1 ms'")
    parser.add_argument("--json", metavar="FILE")
    options = parser.parse_args()
    rig.SYNFIN = os.path.abspath(options.synfin)
    program = os.path.abspath(options.wire)
    cells = {name_of(c): c for c in grid() if re.search(options.cells, name_of(c))}
    path = pathlib.Path(options.json) if options.json else None
    kept = json.loads(path.read_text()) if path and path.exists() else {"cells": {}}
    kept |= {"commit": commit(), "date": time.strftime("%Y-%m-%d"), "kernel": os.uname().release, "cores": os.cpu_count(),
             "buffers": " ".join(BUFFERS)}
    failed = 0
    fork = multiprocessing.get_context("fork")
    keep_core = options.keep_core and os.path.abspath(options.keep_core)
    with concurrent.futures.ProcessPoolExecutor(options.jobs, fork, prepare, (fork.Lock(), keep_core)) as pool:
        running = {}
        for seed in range(options.first_seed, options.first_seed + options.repeat):
            for name, cell in cells.items():
                running[pool.submit(measure, program, cell, size_of(cell), seed, options.pause)] = name
        for done in concurrent.futures.as_completed(running):
            name, records = running[done], done.result()
            entry = kept["cells"].setdefault(name, dataclasses.asdict(cells[name]) | {"size": size_of(cells[name]), "runs": []})
            entry["runs"].append(records)
            failed += sum("failed" in record for record in records.values())
            show(cells[name], records)
            if path:
                path.write_text(json.dumps(kept, indent=1) + "\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
