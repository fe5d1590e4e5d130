#!/usr/bin/env python3
"""HTTP connections per second of synfin beside dperf, both over memif, in turn, on the same two cores.

    bench/e2e/against_dperf.py DPERF [SYNFIN] [--runs 5] [--cores 0,1] [--most 3m] [--eal OPTIONS] [--json FILE] [-- LOAD ARGUMENTS]

DPERF is the binary that dperf's own Makefile gives, linked to DPDK's shared libraries. dperf accepts PCI devices only, so the script
replaces the arguments of its rte_eal_init() with a memif. dperf is an open loop: it offers connections at a rate that rises from 0 to
--most within ten seconds, and its best second counts, by its own clock. synfin is a closed loop with 512 connections: the best of three
runs of one second counts. The choice among more seconds favours dperf.
"""

import argparse
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

from bench_run import median, number
from memif import Pair, given, ours

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PORT = "net_memif000"  # as long as a PCI address, which dperf insists on
MACS = {"server": "02:00:00:00:00:02", "client": "02:00:00:00:00:01"}
SLOW_START_S, START_S, GIVE_UP_S = 10, 1.5, 60

# Passes on dperf's --lcores; the other options come from the environment.
SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
int rte_eal_init(int argc, char** argv) {
    static char options[4096];
    static char* made[256];
    int count = 0;
    made[count++] = argv[0];
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--lcores", 8) == 0) made[count++] = argv[i];
    strncpy(options, getenv("EAL_OPTIONS"), sizeof options - 1);
    for (char* one = strtok(options, " "); one && count < 255; one = strtok(NULL, " ")) made[count++] = one;
    return ((int (*)(int, char**))dlsym(RTLD_NEXT, "rte_eal_init"))(count, made);
}
"""

COMMON = """cpu {core}
port {port} {address} {peer} {peer_mac}
client 10.1.1.1 100
server 10.1.0.2 1
listen 80 1
"""
SERVER = "mode server\nduration 60s\n" + COMMON
CLIENT = "mode client\nduration 1s\nwait 1\ncps {most}\nslow_start {slow_start}\n" + COMMON


def stop(process):
    if process.poll() is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        process.wait(GIVE_UP_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Dperf:
    """Two processes of dperf over one memif."""

    def __init__(self, binary, cores, most, eal, folder):
        self.binary, self.cores, self.most, self.eal, self.folder = binary, cores, most, eal, folder
        source, self.shim = folder / "shim.c", folder / "shim.so"
        source.write_text(SHIM, encoding="utf-8")
        subprocess.run(["cc", "-shared", "-fPIC", "-o", self.shim, source, "-ldl"], check=True)

    def start(self, role, text, core):
        other = "client" if role == "server" else "server"
        addresses = {"server": "10.1.0.2", "client": "10.1.0.1"}
        file, log = self.folder / f"{role}.conf", self.folder / f"{role}.log"
        file.write_text(text.format(core=core, port=PORT, address=addresses[role], peer=addresses[other], peer_mac=MACS[other],
                                    most=self.most, slow_start=SLOW_START_S), encoding="utf-8")
        device = f"--vdev={PORT},role={role},id=0,socket={self.folder}/socket,socket-abstract=no,mac={MACS[role]}"
        environment = {**os.environ, "LD_PRELOAD": str(self.shim), "RUNTIME_DIRECTORY": str(self.folder),
                       "EAL_OPTIONS": f"{self.eal} --no-pci --no-shconf --no-telemetry --file-prefix=dperf-{os.getpid()}-{role} {device}"}
        with open(log, "wb") as out:
            return subprocess.Popen([self.binary, "-c", file], stdout=out, stderr=subprocess.STDOUT, env=environment), log

    def run(self):
        """The number of responses in its best second."""
        (self.folder / "socket").unlink(missing_ok=True)
        server, server_log = self.start("server", SERVER, self.cores[0])
        client = None
        try:
            time.sleep(START_S)
            client, client_log = self.start("client", CLIENT, self.cores[1])
            status = client.wait(GIVE_UP_S)
        except subprocess.TimeoutExpired:
            status = "none in time"
        finally:
            for process in filter(None, (client, server)):
                stop(process)
        said = re.sub(r"\x1b\[[0-9;]*m", "", client_log.read_text(encoding="utf-8", errors="replace")).partition("Total Numbers")[0]
        seconds = [int(each.replace(",", "")) for each in re.findall(r"http2XX\s+([\d,]+)", said)]
        if status != 0 or not seconds or max(seconds) == 0:
            sys.exit(f"dperf answered nothing (exit status {status}):\n{said[-2000:]}\nits server:\n{server_log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        return max(seconds)


def main():
    arguments, load = given()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dperf", type=pathlib.Path)
    parser.add_argument("synfin", nargs="?", type=pathlib.Path, default=ROOT / "build-profiled/apps/synfin/synfin")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cores", default="0,1", help="the server's and the client's; default 0,1")
    parser.add_argument("--most", default="3m", help="connections per second that dperf goes up to; default 3m")
    parser.add_argument("--eal", default="--no-huge -m 1800", help="dperf's memory, as --eal=OPTIONS; default: %(default)s")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the rates of all runs")
    asked = parser.parse_args(arguments)
    for binary in (asked.dperf, asked.synfin):
        if not binary.is_file():
            parser.error(f"no such program: {binary}")
    cores = asked.cores.split(",")
    with tempfile.TemporaryDirectory() as folder:
        theirs = Dperf(asked.dperf.resolve(), cores, asked.most, asked.eal, pathlib.Path(folder))
        mine = Pair(asked.synfin, cores, ours, load)
        pairs = []
        for turn in range(asked.runs):
            pair = [0, 0]
            for at in (0, 1) if turn % 2 == 0 else (1, 0):
                pair[at] = max(mine.run()[0] for _ in range(3)) if at == 0 else theirs.run()
            pairs.append(pair)
            print(f"{turn + 1:3}  synfin {number(pair[0])}, dperf {number(pair[1])}: {pair[0] / pair[1]:.3f}", flush=True)
    if asked.json:
        commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        asked.json.write_text(json.dumps({"commit": commit, "runs": [{"synfin": a, "dperf": b} for a, b in pairs]}, indent=1) + "\n", encoding="utf-8")
    ratios = [mine / its for mine, its in pairs]
    print(f"\nCPS ratio: median {median(ratios):.3f} ({min(ratios):.3f} .. {max(ratios):.3f}), above 1 in "
          f"{sum(ratio > 1 for ratio in ratios)} of {len(ratios)}; medians {number(median([p[0] for p in pairs]))} and {number(median([p[1] for p in pairs]))}")


if __name__ == "__main__":
    main()
