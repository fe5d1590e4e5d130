#!/usr/bin/env python3
"""Reads gcov's data of a build and prints which lines of some rooms were executed.

    coverage.py [--lines] [--least PERCENT] BUILD_DIR ROOM...

A line counts as executed if any program executed it. Lines that hold no code are not counted. The last line is
`N passed, N failed, 0 skipped`: one case per room, failed below PERCENT.
"""

import argparse
import collections
import json
import os
import pathlib
import subprocess
import sys


def executed_lines(build, rooms):
    """{file: {line: count}} of the files below `rooms`, summed over all objects."""
    source = pathlib.Path.cwd()
    data = sorted(pathlib.Path(build).rglob("*.gcda"))
    counts = collections.defaultdict(collections.Counter)
    for at in range(0, len(data), 40):
        names = [os.path.relpath(path, build) for path in data[at : at + 40]]
        run = subprocess.run(["gcov", "--json-format", "--stdout", *names], cwd=build, check=True,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        for document in run.stdout.splitlines():
            for file in json.loads(document)["files"]:
                path = os.path.relpath(os.path.join(build, file["file"]), source)
                if not path.startswith(tuple(room + "/" for room in rooms)):
                    continue
                for line in file["lines"]:
                    counts[path][line["line_number"]] += line["count"]
    return counts


def ranges(numbers):
    """[1, 2, 3, 7] as "1-3 7"."""
    out = []
    for number in sorted(numbers):
        if out and out[-1][1] == number - 1:
            out[-1][1] = number
        else:
            out.append([number, number])
    return " ".join(str(a) if a == b else f"{a}-{b}" for a, b in out)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--lines", action="store_true", help="print the lines that were not executed")
    parser.add_argument("--least", type=float, default=0, help="percent of a room's lines that must be executed")
    parser.add_argument("build")
    parser.add_argument("room", nargs="+")
    arguments = parser.parse_args()
    counts = executed_lines(arguments.build, arguments.room)
    if arguments.lines:
        for path in sorted(counts):
            if missing := [line for line, count in counts[path].items() if count == 0]:
                print(f"{path}: {ranges(missing)}")
        print()
    failed = 0
    print(f'{"room":12} {"lines":>7} {"executed":>9} {"percent":>8}')
    for room in arguments.room:
        files = [lines for path, lines in counts.items() if path.startswith(room + "/")]
        total = sum(len(lines) for lines in files)
        executed = sum(1 for lines in files for count in lines.values() if count > 0)
        percent = 100 * executed / total if total else 0
        failed += percent < arguments.least
        print(f"{room:12} {total:7} {executed:9} {percent:8.2f}")
    print(f"{len(arguments.room) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
