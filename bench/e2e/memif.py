#!/usr/bin/env python3
"""HTTP connections per second over memif: `synfin serve` and `synfin load` as two processes, one core each.

    bench/e2e/memif.py [SYNFIN] [--against OTHER] [--against-dpdk] [--runs 7] [--cores 0,1] [-- LOAD ARGUMENTS]

Before each run it measures a cache line's round trip between the two cores, which affects the rate more than any program does. In a
comparison the two sides alternate, and only the ratio within a pair is judged. `--against` compares with another build, `--against-dpdk`
compares with the same build over DPDK's net_memif.
"""

import argparse
import json
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

from bench_run import Result, median, number, run

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
SERVER, CLIENT = "10.0.0.2", "10.0.0.1"
START_S = 20


class Pair:
    """Two processes of one build over one memif."""

    def __init__(self, synfin, cores, device, load):
        self.synfin, self.cores, self.device = synfin, cores, device
        # The server closes first, as dperf's does. Older builds always do that and lack the option.
        usage = subprocess.run([str(synfin), "load", "--help"], capture_output=True, text=True).stdout
        self.load = [*load, "--close-by", "server"] if "--close-by" in usage else load

    def command(self, what, role, address, core, folder):
        return [str(self.synfin), *what, "--device", self.device(role, folder), "--address", f"{address}/24", "--cores", core,
                "--control", f"{folder}/{role}.control", "--json", f"{folder}/{role}.json"]

    def run(self):
        """CPS, and the cycles per connection of client and server."""
        with tempfile.TemporaryDirectory() as folder:
            server = subprocess.Popen(self.command(["serve", "--app", "http"], "server", SERVER, self.cores[0], folder),
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            try:
                give_up = time.monotonic() + START_S
                while "listening" not in (line := server.stdout.readline()):
                    if not line or time.monotonic() > give_up:
                        sys.exit("the server did not start")
                client = self.command(["load", f"http://{SERVER}/"], "client", CLIENT, self.cores[1], folder) + self.load
                done = subprocess.run(client, capture_output=True, text=True)
            finally:
                server.send_signal(signal.SIGINT)
                server.communicate()
            if done.returncode != 0:
                sys.exit(f"exit status {done.returncode} from: {' '.join(client)}\n{done.stdout}{done.stderr}")
            ends = [Result(json.loads(pathlib.Path(folder, f"{role}.json").read_text(encoding="utf-8")), role) for role in ("client", "server")]
        return [ends[0].metric("rates.cps"), ends[0].metric("cycles_per_connection.client"), ends[1].metric("cycles_per_connection.server")]


def ours(role, folder):
    return f"memif:{folder}/socket,{role}"


def dpdks(role, folder):
    return f"vdev:net_memif0,role={role},socket={folder}/socket,socket-abstract=no,id=0"


def given():
    """The script's own arguments, and those behind "--" for `synfin load`."""
    arguments = sys.argv[1:]
    if "--" not in arguments:
        return arguments, ["-c", "512", "-d", "1s"]
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def main():
    arguments, load = given()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("synfin", nargs="?", type=pathlib.Path, default=ROOT / "build-profiled/apps/synfin/synfin")
    other = parser.add_mutually_exclusive_group()
    other.add_argument("--against", type=pathlib.Path, metavar="OTHER", help="another synfin binary")
    other.add_argument("--against-dpdk", action="store_true", help="the same build over DPDK's driver")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--cores", default="0,1", help="the server's core and the client's; default 0,1")
    asked = parser.parse_args(arguments)
    cores = asked.cores.split(",")

    pairs = [Pair(asked.synfin, cores, ours, load)]
    if asked.against or asked.against_dpdk:
        pairs.append(Pair(asked.against or asked.synfin, cores, dpdks if asked.against_dpdk else ours, load))
    figures = [[] for _ in pairs]
    round_trips = []
    for turn in range(asked.runs):
        between = run(asked.synfin, ["--cores", ",".join(cores), "-d", "200ms"]).values["host"]["core_round_trip_ns"]
        round_trips += between.values()
        for at in range(len(pairs)) if turn % 2 == 0 else reversed(range(len(pairs))):
            figures[at].append(pairs[at].run())
        print(f"{turn + 1:3}  round trip {min(between.values()):4.0f} ns  " + "   ".join(
            f"{number(cps)} CPS, cycles client {number(client)}, server {number(server)}" for cps, client, server in (each[-1] for each in figures)), flush=True)
    print(f"\na cache line's round trip between the cores: {min(round_trips):.0f} to {max(round_trips):.0f} ns")
    for name, of in zip(("", "against "), figures):
        columns = list(zip(*of))
        print(name + "medians: " + ", ".join(f"{what} {number(median(column))} ({number(min(column))} .. {number(max(column))})"
                                             for what, column in zip(("CPS", "client's cycles", "server's"), columns)))
    if len(pairs) > 1:
        ratios = [mine[0] / its[0] for mine, its in zip(*figures)]
        print(f"CPS ratio: median {median(ratios):.3f} ({min(ratios):.3f} .. {max(ratios):.3f}), above 1 in {sum(ratio > 1 for ratio in ratios)} of {len(ratios)}")


if __name__ == "__main__":
    main()
