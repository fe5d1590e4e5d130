#!/usr/bin/env python3
"""Attacks `synfin serve` over a veth, beside legitimate clients, and reports what the clients noticed.

    tests/attack/run.py [--synfin PATH] [--family 4|6] [--seconds S] [--rate N] [--tries N] [--core N] [--json FILE [--all]] [--list] [NAME...]

NAME: attacks whose name contains it. Without NAME all of attacks.py. --seconds: of each of the two waves (default 3). --rate:
connections per second of the clients (default 200). --tries: how often an attack that breaks a goal may run (default 3: other
programs share the machine's cores; a row tells how many it took). --json: writes the rows, for docs/attacks.md, over those that FILE has of
the same attacks; with --all each with all counters that changed.
Needs root, network namespaces, veth and cc; where one is missing the attacks are skipped with the reason. The last line is
`N passed, N failed, N skipped`; the exit status is 1 when an attack broke a goal.
"""

import argparse
import datetime
import json
import os
import pathlib
import platform
import shutil
import signal
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "integration"))  # before this directory: both have a run.py

import rig  # noqa: E402
import run as integration  # noqa: E402  (why_not)
from attacks import ATTACKS  # noqa: E402
from scene import Scene, build  # noqa: E402


def line(row):
    during, quiet, memory = row["during"], row["quiet"], row["resident_mib"]
    return (f"{row['rate']:,}/s, {during['completed']}/{during['offered']} completed, p99 {during['p99_ms']} ms (without {quiet['p99_ms']}), "
            f"{memory['before']}/{memory['second']}/{memory['after']} MiB, {row['per_packet']['cycles']} cycles per packet ({row['per_packet']['kernel_share']} in the kernel), "
            f"{row['received_share']} received, free after {row['free_s']} s")


def one(attack, version, programs, options):
    """The row of an attack; `wrong` is empty when it meets all goals."""
    scene = Scene(attack, version, programs, options.seconds, options.rate)
    try:
        return scene.run()
    except Exception as error:  # noqa: BLE001  (the other attacks shall run)
        return {"attack": attack.name, "family": version, "wrong": [f"{type(error).__name__}: {error}"]}
    finally:
        scene.close()


def may_repeat(row):
    """Whether a busy machine explains what is wrong: times, or anything when clients suffered without an attack, too. A failure of the
    harness itself is repeated, too."""
    return row.get("machine_busy", True) or all(wrong.startswith("not normal") for wrong in row["wrong"])


def key(row):
    return row["attack"], row["family"]


def write(rows, options):
    """The rows so far: an interrupted run is not lost. Rows that the file has of other attacks stay, each with its commit and date."""
    commit = subprocess.run(["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    facts = {"cores": os.cpu_count(), "kernel": platform.release().split("-")[0], "rate": options.rate}
    of_row = {"commit": commit.stdout.strip(), "date": datetime.date.today().isoformat(), "waves_s": options.seconds}
    new = {key(row): {k: v for k, v in row.items() if options.all or k not in ("counters", "waves")} | of_row for row in rows}
    path = pathlib.Path(options.json)
    kept = {key(row): row for row in json.loads(path.read_text(encoding="utf-8"))["rows"]} if path.exists() else {}
    path.write_text(json.dumps(facts)[:-1] + ', "rows": [\n' + ",\n".join(map(json.dumps, (kept | new).values())) + "\n]}\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--synfin", default=str(HERE.parent.parent / "build/apps/synfin/synfin"))
    parser.add_argument("--family", type=int, choices=(4, 6))
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rate", type=int, default=200)
    parser.add_argument("--core", type=int, default=0, help="of the server; the others have the next one")
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--json")
    parser.add_argument("--all", action="store_true", help="--json: with all counters")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("name", nargs="*")
    options = parser.parse_args()
    rig.SYNFIN = os.path.abspath(options.synfin)
    rig.core = options.core
    chosen = [(attack, version) for attack in ATTACKS for version in attack.families
              if (options.family in (None, version)) and (not options.name or any(n in attack.name for n in options.name))]
    if options.list:
        print("\n".join(f"{attack.name} (IPv{version}): {attack.what}" for attack, version in chosen))
        return 0
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    reason = integration.why_not() or (None if shutil.which("cc") else "no cc: scripts/install-deps.sh build")
    if reason:
        print(f"SKIP attack: {reason}\n0 passed, 0 failed, {len(chosen)} skipped")
        return 0
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leaves no namespace behind
    rows, failed = [], 0
    with tempfile.TemporaryDirectory(prefix="sf-attack-") as directory:
        programs = build(directory)
        for attack, version in chosen:
            earlier = []
            for attempt in range(1, options.tries + 1):
                row = one(attack, version, programs, options)
                row["earlier"] = [*earlier]
                earlier += row["wrong"]
                outcome = "PASS" if not row["wrong"] else "AGAIN" if attempt < options.tries and may_repeat(row) else "FAIL"
                print(f"{outcome} {attack.name} (IPv{version}): {line(row) if 'rate' in row else ''}", flush=True)
                for wrong in row["wrong"]:
                    print(f"     {wrong}", flush=True)
                if outcome != "AGAIN":
                    break
            rows.append(row)
            failed += bool(row["wrong"])
            if options.json:
                write(rows, options)
    print(f"{len(rows) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
