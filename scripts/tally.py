#!/usr/bin/env python3
"""Counts the cases of one `meson test` run; googletest's cases count one by one.

    tally.py BUILD_DIR REPORTS

BUILD_DIR/meson-logs lists the programs that ran and their results; REPORTS holds their reports (gtest_report.sh).
A program without a report counts as one case. A program that failed although its reports show no failure (it crashed,
or a sanitizer reported at its end) counts as one more failed case.
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


def program_of(entry):
    """The program that a log entry ran, without the wrapper."""
    return next(pathlib.Path(word).name for word in entry["command"] if not word.endswith("gtest_report.sh"))


def cases_of_run(build_dir, reports_dir):
    log = pathlib.Path(build_dir, "meson-logs", "testlog-gtest_report.sh.json")  # meson names it after the wrapper
    programs = collections.defaultdict(list)
    for line in log.read_text().splitlines():
        entry = json.loads(line)
        programs[program_of(entry)].append(entry)
    for program, runs in programs.items():
        reports = sorted(pathlib.Path(reports_dir).glob(f"{program}-[0-9]*.xml"))
        if not reports:
            for run in runs:
                yield run["name"], program_outcome(run), run["result"]
            continue
        failed = 0
        for report in reports:
            for name, outcome, detail in gtest_cases(report):
                failed += outcome == "failed"
                yield f"{program}: {name}", outcome, detail
        # A failed run without a failure in its report: it crashed before or after writing.
        silent = [run for run in runs if program_outcome(run) == "failed"]
        if silent and (failed == 0 or len(reports) < len(runs)):
            for run in silent[:max(1, len(runs) - len(reports))]:
                yield run["name"], "failed", f'ended with {run["result"]} (status {run.get("returncode")})'


def main():
    counts = collections.Counter()
    for name, outcome, detail in cases_of_run(sys.argv[1], sys.argv[2]):
        counts[outcome] += 1
        if outcome != "passed":
            print(f"  {outcome.upper()}: {name}" + (f": {detail}" if detail else ""))
    print(f'{counts["passed"]} passed, {counts["failed"]} failed, {counts["skipped"]} skipped')


if __name__ == "__main__":
    main()
