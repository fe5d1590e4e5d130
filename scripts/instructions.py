#!/usr/bin/env python3
"""Counts the instructions of one connection's whole life, both ends together, and holds them to committed numbers.

    scripts/instructions.py              prints the counts: `fresh`, each connection of a tuple that is used for the first time, and
                                         `again`, each of one that is in TIME-WAIT at the server
    scripts/instructions.py --check      fails when one is more than 2 % off bench/instructions/expected.txt, to either side
    scripts/instructions.py --update     writes expected.txt
    scripts/instructions.py --profile    prints the functions that take most, per connection; of `fresh`, or with --again of that
    scripts/instructions.py --rooms      prints the rooms whose source they come from; --crr with debug information (CXXFLAGS=-g)
    scripts/instructions.py --floor      prints what the same packets take with no TCP on the wire (bench/floor), beside --crr

Needs valgrind and a release build with g++ (--crr names the program: BUILD/bench/instructions/crr). The program is run for two
numbers of connections in virtual time; the difference is free of the start's cost. Nothing in it depends on how fast or how
loaded the machine is. The floor alone runs in real time.
"""

import argparse
import os
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPECTED = ROOT / "bench/instructions/expected.txt"
TOLERANCE = 0.02
COUNTED = "synfin_counted_lives"
CASES = {"fresh": ([], 2_000, 12_000), "again": (["again"], 10_000, 20_000)}  # arguments, connections of the two runs
# callgrind_annotate: "1,234 (12.3%)  file.cc:function [object]"
LINE = re.compile(r"^\s*([\d,]+)\s+\(\s*[\d.]+%\)\s+(\S.*)$")


def start(program, arguments, directory, options=("--collect-atstart=no", f"--toggle-collect={COUNTED}")):
    """Starts one counted run; its result is a file in the directory."""
    out = pathlib.Path(directory) / "-".join(arguments)
    command = ["valgrind", "--tool=callgrind", *options, f"--callgrind-out-file={out}", str(program), *arguments]
    return out, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    """What the program said. Ends the script if it failed."""
    said, log = process.communicate()
    if process.returncode != 0:
        sys.exit(f"instructions: {' '.join(process.args)} failed:\n{log}{said}")
    return said.strip()


def total(out):
    """The counted instructions of a run."""
    for line in out.read_text(encoding="utf-8").splitlines():
        if line.startswith(("totals:", "summary:")):
            count = int(line.split()[1])
            if count > 0:
                return count
    sys.exit(f"instructions: {out} counts nothing: is {COUNTED} still a function of its own?")


def by_function(out):
    """{function: own instructions}. The parts of one function that were inlined from several files are added."""
    text = subprocess.run(["callgrind_annotate", "--threshold=100", "--auto=no", str(out)], check=True, capture_output=True, text=True).stdout
    cost = {}
    for line in text.splitlines():
        match = LINE.match(line)
        if not match or match.group(2).startswith("PROGRAM TOTALS"):
            continue
        name = re.sub(r" \[[^\]]*\]$", "", match.group(2))
        name = re.sub(r"^[^:(]*?:(?!:)", "", name)
        cost[name] = cost.get(name, 0) + int(match.group(1).replace(",", ""))
    return cost


def print_profile(few, many, lives, top):
    before, after = by_function(few), by_function(many)
    own = sorted(((after[name] - before.get(name, 0)) / lives, name) for name in after)[::-1]
    whole = sum(cost for cost, _ in own)
    print(f"{'per life':>9} {'share':>6}  function (own instructions)")
    for cost, name in own[:top]:
        print(f"{cost:9.1f} {100 * cost / whole:5.1f}%  {name}")


def by_room(out):
    """{room: own instructions}, by the file that each line of source is in, inlined or not."""
    files, cost = {}, {}
    room, skip = None, False
    for line in out.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"(c?f[lie])=\((\d+)\)(?: (.*))?$", line):
            kind, number, name = match.groups()
            if name:
                path = re.search(r"/((?:lib|apps|bench)/[^/]+)/[^/]+$", name)
                files[number] = path.group(1) if path else "libraries" if name != "???" else "unknown"
            if not kind.startswith("c"):
                room = files[number]
        elif line.startswith("calls="):
            skip = True  # the line after it: what the called function cost, counted there
        elif match := re.match(r"(?:[+-]?\d+|\*) (\d+)$", line):
            if not skip:
                cost[room] = cost.get(room, 0) + int(match.group(1))
            skip = False
    return cost


def print_rooms(few, many, lives):
    before, after = by_room(few), by_room(many)
    for cost, room in sorted(((after[room] - before.get(room, 0)) / lives, room) for room in after)[::-1]:
        print(f"{cost:9.1f}  {room}")


def read_expected():
    text = EXPECTED.read_text(encoding="utf-8")
    expected = {case: int(count) for case, count in re.findall(r"^(\w+) (\d+)$", text, re.MULTILINE)}
    if expected.keys() != CASES.keys() or 0 in expected.values():
        sys.exit(f"instructions: {EXPECTED}: expected a line with a count for each of {', '.join(CASES)}")
    return expected


def count_floor(program, directory):
    """All of two runs, one longer than the other: their difference is free of the start's cost."""
    runs = [start(program, [milliseconds], directory, ()) for milliseconds in ("500", "3000")]
    said = [float(finish(process)) for _, process in runs]
    instructions = [total(out) for out, _ in runs]
    lives = said[1] - said[0]
    print(f"{(instructions[1] - instructions[0]) / lives:.0f} instructions for a connection's packets without TCP, both ends ({lives:.0f} of them)")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    default = ROOT / os.environ.get("BUILD", "build-test") / "bench/instructions/crr"
    parser.add_argument("--crr", type=pathlib.Path, default=default, help=f"the program (default {default})")
    action = parser.add_mutually_exclusive_group()
    action.add_argument("--check", action="store_true", help=f"compare with {EXPECTED.relative_to(ROOT)}")
    action.add_argument("--update", action="store_true", help="write the counts there")
    action.add_argument("--floor", action="store_true", help="count the floor instead")
    parser.add_argument("--profile", action="store_true", help="print the functions that take most")
    parser.add_argument("--again", action="store_true", help="of the case `again`: --profile, --rooms")
    parser.add_argument("--rooms", action="store_true", help="print what comes from each room's source")
    parser.add_argument("--top", type=int, default=40, help="so many of them (default 40)")
    arguments = parser.parse_args()
    if not arguments.crr.exists():
        sys.exit(f"instructions: no {arguments.crr}: run scripts/build.sh, or give --crr")

    expected = read_expected() if arguments.check else {}
    counts = {}
    with tempfile.TemporaryDirectory() as directory:
        if arguments.floor:
            count_floor(arguments.crr.with_name("floor"), directory)
            return
        for case, (words, least, most) in CASES.items():
            lives = most - least
            runs = [start(arguments.crr, [str(n), *words], directory) for n in (least, most)]
            said = [finish(process) for _, process in runs]
            few, many = (out for out, _ in runs)
            counts[case] = (total(many) - total(few)) / lives
            print(f"{counts[case]:.0f} instructions per connection, both ends, {case} ({said[1]})")
            if case == ("again" if arguments.again else "fresh"):
                if arguments.profile:
                    print_profile(few, many, lives, arguments.top)
                if arguments.rooms:
                    print_rooms(few, many, lives)

    if arguments.update:
        EXPECTED.write_text("".join(f"{case} {count:.0f}\n" for case, count in counts.items()), encoding="utf-8")
    if arguments.check:
        for case, count in counts.items():
            off = count / expected[case] - 1
            if abs(off) > TOLERANCE:
                advice = "find what it is for (--profile)" if off > 0 else "a gain: keep it with scripts/instructions.py --update, and commit"
                sys.exit(f"instructions: {case}: {expected[case]:.0f} expected, {count:.0f} found, {100 * off:+.1f} %: {advice}")


if __name__ == "__main__":
    main()
