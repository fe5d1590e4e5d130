#!/usr/bin/env python3
"""Counts the instructions of a whole connection, both ends together, and compares them with committed numbers.

    scripts/instructions.py              prints the counts: `fresh` for connections whose tuple is used for the first time, and
                                         `again` for those whose tuple is in TIME-WAIT at the server; fresh6 and again6 are
                                         the same over IPv6
    scripts/instructions.py --check      fails when a count differs by more than 2 % from bench/instructions/expected.txt
    scripts/instructions.py --update     writes expected.txt
    scripts/instructions.py --profile    prints the most expensive functions, per connection; of `fresh`, or of the case that --case names
    scripts/instructions.py --rooms      prints the instructions of each room; --crr needs debug information (CXXFLAGS=-g)
    scripts/instructions.py --floor      prints the instructions for the same packets without TCP (bench/floor, next to --crr)

Needs valgrind and a release build with g++ (--crr names the program: BUILD/bench/instructions/crr). It runs the program with two
numbers of connections in virtual time; the difference excludes the cost of the start. The counts do not depend on the speed or
load of the machine. Only the floor runs in real time.
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
FAMILY_6 = ["--family", "6"]
CASES = {  # arguments, connections of the two runs
    "fresh": ([], 2_000, 12_000),
    "again": (["again"], 10_000, 20_000),
    "fresh6": (FAMILY_6, 2_000, 12_000),
    "again6": (["again", *FAMILY_6], 10_000, 20_000),
}
# callgrind_annotate: "1,234 (12.3%)  file.cc:function [object]"
LINE = re.compile(r"^\s*([\d,]+)\s+\(\s*[\d.]+%\)\s+(\S.*)$")


def start(program, arguments, directory, options=("--collect-atstart=no", f"--toggle-collect={COUNTED}")):
    """Starts one counted run; its result is a file in the directory."""
    out = pathlib.Path(directory) / "-".join(arguments)
    command = ["valgrind", "--tool=callgrind", *options, f"--callgrind-out-file={out}", str(program), *arguments]
    return out, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    """Returns the program's output. Ends the script if the program failed."""
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
    """{function: own instructions}. Adds the parts of a function that were inlined from several files."""
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
    """{room: own instructions}, by the file of each source line, inlined or not."""
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
            skip = True  # the next line is the cost of the called function, which is counted there
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
    if not {"fresh", "again"} <= expected.keys() <= CASES.keys() or 0 in expected.values():
        sys.exit(f"instructions: {EXPECTED}: expected a line with a count for fresh, again and perhaps others of {', '.join(CASES)}")
    return expected


def count_floor(program, directory):
    """Counts all instructions of a short and a long run; the difference excludes the cost of the start."""
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
    parser.add_argument("--profile", action="store_true", help="print the most expensive functions")
    parser.add_argument("--case", choices=CASES, default="fresh", help="apply --profile and --rooms to this case (default fresh)")
    parser.add_argument("--only", action="store_true", help="count no other case")
    parser.add_argument("--rooms", action="store_true", help="print the instructions of each room")
    parser.add_argument("--top", type=int, default=40, help="print this many functions (default 40)")
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
            if arguments.only and case != arguments.case:
                continue
            lives = most - least
            runs = [start(arguments.crr, [str(n), *words], directory) for n in (least, most)]
            said = [finish(process) for _, process in runs]
            few, many = (out for out, _ in runs)
            counts[case] = (total(many) - total(few)) / lives
            print(f"{counts[case]:.0f} instructions per connection, both ends, {case} ({said[1]})")
            if case == arguments.case:
                if arguments.profile:
                    print_profile(few, many, lives, arguments.top)
                if arguments.rooms:
                    print_rooms(few, many, lives)

    if arguments.update:
        EXPECTED.write_text("".join(f"{case} {count:.0f}\n" for case, count in counts.items()), encoding="utf-8")
    if arguments.check:
        for case, count in counts.items():
            if case not in expected:
                continue
            off = count / expected[case] - 1
            if abs(off) > TOLERANCE:
                advice = "find the cause with --profile" if off > 0 else "a gain: keep it with scripts/instructions.py --update, and commit"
                sys.exit(f"instructions: {case}: {expected[case]:.0f} expected, {count:.0f} found, {100 * off:+.1f} %: {advice}")


if __name__ == "__main__":
    main()
