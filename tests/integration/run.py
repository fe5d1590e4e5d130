#!/usr/bin/env python3
"""synfin against the Linux kernel: runs every test_*.py here.

    tests/integration/run.py [--synfin PATH] [--long] [--jobs N] [--list] [NAME...]

NAME: a part of a case's name (test_serve, HttpTest, curl...). --long: the full durations and sizes (10 s of wrk, 1 GiB over
each device) where the ordinary run takes shorter ones.
The cases with a network need root, network namespaces and veth; where one is missing they are skipped with the reason. The last line is
`N passed, N failed, N skipped`; the exit status is 1 when a case failed.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import in_parallel  # noqa: E402
import rig  # noqa: E402
from cases import RigCase, settings  # noqa: E402
from report import Report, flat  # noqa: E402


def why_not():
    """Why the cases cannot run on this machine; None when they can."""
    if sys.platform != "linux":
        return "not Linux"
    if os.geteuid() != 0:
        return "not root: network namespaces need it (sudo scripts/test.sh integration)"
    for tool in ("ip", "ss", "curl", "wrk", "nginx", "tcpdump", "setpriv", "ethtool", "iperf"):
        if not shutil.which(tool):
            return f"no {tool}: scripts/install-deps.sh test"
    probe = f"sf{os.getpid()}-probe"
    made = subprocess.run(["ip", "netns", "add", probe], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"no network namespaces here: {made.stderr.strip()}"
    veth = subprocess.run(["ip", "-n", probe, "link", "add", "probe0", "type", "veth", "peer", "name", "probe1"],
                          capture_output=True, text=True, check=False)
    subprocess.run(["ip", "netns", "del", probe], check=False)
    return None if veth.returncode == 0 else f"no veth here: {veth.stderr.strip()}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--synfin", default=str(HERE.parent.parent / "build/apps/synfin/synfin"))
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--jobs", type=int, default=3, metavar="N", help="classes of cases at a time (three: they mostly wait)")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("name", nargs="*")
    options = parser.parse_args()
    rig.SYNFIN = os.path.abspath(options.synfin)
    settings.long = options.long

    loader = unittest.TestLoader()
    cases = [case for case in flat(loader.discover(str(HERE))) if not options.name or any(n in case.id() for n in options.name)]
    if options.list:
        print("\n".join(case.id() for case in cases))
        return 0

    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    report = Report()
    reason = why_not()
    if reason is None and not os.access(rig.SYNFIN, os.X_OK):
        print(f"no {rig.SYNFIN}: scripts/build.sh build", file=sys.stderr)
        return 1
    together = {}  # a group for each class
    by_itself = []
    for case in cases:
        if reason and isinstance(case, RigCase):
            report.startTest(case)
            report.addSkip(case, reason)
        elif hasattr(getattr(case, case._testMethodName), "alone"):
            by_itself.append(case)
        else:
            together.setdefault(type(case).__qualname__, []).append(case)
    most_first = dict(sorted(together.items(), key=lambda item: -len(item[1])))  # the last one is waited for alone
    in_parallel.run(most_first, options.jobs, report)
    for case in by_itself:
        case.run(report)
    print(report.sum())
    return 1 if report.counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
