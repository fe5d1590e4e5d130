#!/usr/bin/env python3
"""HTTP connections per second of synfin over memif beside nginx and wrk on the kernel, in turn, on the same two cores.

    bench/e2e/against_kernel.py [SYNFIN] [--runs 5] [--cores 0,1] [--duration 2] [--json FILE]

Both: one core for the server, one for the client, a GET and a response with a body of two bytes, one request for each connection,
the server closes first. The kernel's run is nginx with one worker and wrk with one thread and 512 connections, over the loopback of a
network namespace that the script makes. Needs root, nginx and wrk.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time

from bench_run import median, number
from memif import Pair, ours

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PORT = 8080
WAIT_S = 10

NGINX = """worker_processes 1;
error_log {folder}/error.log;
pid {folder}/pid;
daemon off;
user root;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    keepalive_timeout 0;
    server {{ listen 127.0.0.1:{port} backlog=8192; location / {{ return 200 "ok"; }} }}
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
}}
"""


class Kernel:
    """nginx on one core and wrk on the other, in a namespace of their own."""

    def __init__(self, cores, duration, folder):
        self.cores, self.duration = cores, duration
        self.name = f"sf-kernel-{os.getpid()}"
        subprocess.run(["ip", "netns", "add", self.name], check=True)
        subprocess.run(["ip", "-n", self.name, "link", "set", "lo", "up"], check=True)
        # A client that opens so many connections needs all of the kernel's ports, and TIME-WAIT tuples again.
        for setting in ("net.ipv4.ip_local_port_range=1024 65535", "net.ipv4.tcp_tw_reuse=1", "net.core.somaxconn=8192"):
            self.inside("sysctl", "-qw", setting)
        file = folder / "nginx.conf"
        file.write_text(NGINX.format(folder=folder, port=PORT), encoding="utf-8")
        self.server = subprocess.Popen(["ip", "netns", "exec", self.name, "taskset", "-c", cores[0], "nginx", "-c", file])
        for _ in range(WAIT_S * 20):
            if self.inside("curl", "-s", "-o", "/dev/null", f"http://127.0.0.1:{PORT}/", check=False).returncode == 0:
                return
            time.sleep(0.05)
        sys.exit("nginx does not answer")

    def inside(self, *command, check=True):
        return subprocess.run(["ip", "netns", "exec", self.name, *command], check=check, capture_output=True, text=True)

    def run(self):
        """Requests per second, each of a connection of its own."""
        said = self.inside("taskset", "-c", self.cores[1], "wrk", "-t1", "-c512", f"-d{self.duration}s", "-H", "Connection: close",
                           f"http://127.0.0.1:{PORT}/").stdout
        rate = re.search(r"Requests/sec:\s+([\d.]+)", said)
        if not rate:
            sys.exit(f"wrk gave no rate:\n{said}")
        return float(rate.group(1))

    def stop(self):
        self.server.terminate()
        self.server.wait(WAIT_S)
        subprocess.run(["ip", "netns", "delete", self.name], check=False)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("synfin", nargs="?", type=pathlib.Path, default=ROOT / "build-profiled/apps/synfin/synfin")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--cores", default="0,1", help="the server's and the client's; default 0,1")
    parser.add_argument("--duration", type=int, default=2, help="seconds of each of wrk's runs; default 2")
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="write the rates of all runs")
    asked = parser.parse_args()
    cores = asked.cores.split(",")
    pairs = []
    with tempfile.TemporaryDirectory() as folder:
        kernel = Kernel(cores, asked.duration, pathlib.Path(folder))
        try:
            mine = Pair(asked.synfin, cores, ours, ["-c", "512", "-d", "1s"])
            for turn in range(asked.runs):
                pair = [0, 0]
                for at in (0, 1) if turn % 2 == 0 else (1, 0):
                    pair[at] = max(mine.run()[0] for _ in range(3)) if at == 0 else kernel.run()
                pairs.append(pair)
                print(f"{turn + 1:3}  synfin {number(pair[0])}, nginx and wrk {number(pair[1])}: {pair[0] / pair[1]:.1f}", flush=True)
        finally:
            kernel.stop()
    ratios = [a / b for a, b in pairs]
    print(f"\nCPS ratio: median {median(ratios):.1f} ({min(ratios):.1f} .. {max(ratios):.1f}); medians "
          f"{number(median([p[0] for p in pairs]))} and {number(median([p[1] for p in pairs]))}")
    if asked.json:
        commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
        asked.json.write_text(json.dumps({"commit": commit, "runs": [{"synfin": a, "kernel": b} for a, b in pairs]}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
