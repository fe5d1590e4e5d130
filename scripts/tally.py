#!/usr/bin/env python3
"""Counts the cases of one `meson test` run, googletest's one by one.

    tally.py BUILD_DIR XML_DIR [TITLE]

BUILD_DIR/meson-logs/testlog.json says which programs ran and how they ended; XML_DIR holds what they wrote with
GTEST_OUTPUT=xml:XML_DIR/. A program without such a file counts as one case; one that failed although its file
shows no failure (it crashed, or a sanitizer spoke at its end) counts as one failed case more.
Prints each failed and each skipped case, then the counts as `N passed, N failed, N skipped`.
"""

import collections
import json
import pathlib
import sys
import xml.etree.ElementTree as ET


def gtest_cases(xml_file):
    """(name, outcome, detail) of each case in one googletest report."""
    for case in ET.parse(xml_file).getroot().iter("testcase"):
        name = f'{case.get("classname")}.{case.get("name")}'
        failure = case.find("failure")
        skipped = case.find("skipped")
        if failure is not None:
            yield name, "failed", (failure.get("message") or "").strip().split("\n")[0]
        elif skipped is not None:
            yield name, "skipped", (skipped.get("message") or "").strip().split("\n")[-1]
        elif case.get("status") == "notrun":
            continue  # DISABLED_, or filtered out
        else:
            yield name, "passed", ""


def program_outcome(entry):
    return {"OK": "passed", "EXPECTEDFAIL": "passed", "SKIP": "skipped"}.get(entry["result"], "failed")


def cases_of_run(build_dir, xml_dir):
    entries = []
    log = pathlib.Path(build_dir, "meson-logs", "testlog.json")
    for line in log.read_text().splitlines():
        entries.append(json.loads(line))
    programs = collections.defaultdict(list)  # googletest names its file after the program
    for entry in entries:
        programs[pathlib.Path(entry["command"][0]).name].append(entry)
    for program, runs in programs.items():
        reports = sorted(pathlib.Path(xml_dir).glob(f"{program}.xml")) + sorted(pathlib.Path(xml_dir).glob(f"{program}_[0-9]*.xml"))
        if not reports:
            for run in runs:
                yield run["name"], program_outcome(run), run["result"]
            continue
        any_failed = False
        for report in reports:
            for name, outcome, detail in gtest_cases(report):
                any_failed |= outcome == "failed"
                yield f"{program}: {name}", outcome, detail
        for run in runs:
            if program_outcome(run) == "failed" and not any_failed:
                yield run["name"], "failed", f'ended with {run["result"]} (status {run.get("returncode")})'
        for _ in range(len(runs) - len(reports)):
            if any_failed or all(program_outcome(run) != "failed" for run in runs):
                yield program, "failed", "wrote no report"


def main():
    counts = collections.Counter()
    for name, outcome, detail in cases_of_run(sys.argv[1], sys.argv[2]):
        counts[outcome] += 1
        if outcome != "passed":
            print(f"  {outcome.upper()}: {name}" + (f": {detail}" if detail else ""))
    print(f'{counts["passed"]} passed, {counts["failed"]} failed, {counts["skipped"]} skipped')


if __name__ == "__main__":
    main()
