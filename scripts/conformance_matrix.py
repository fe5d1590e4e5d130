#!/usr/bin/env python3
"""Makes docs/conformance-matrix.md from test reports.

    scripts/conformance_matrix.py REPORT...            writes the document
    scripts/conformance_matrix.py --check REPORT...    compares instead, for CI

REPORT is a file that a googletest program wrote with --gtest_output=json:FILE (or xml:FILE), or a directory of such files.
The properties `row`, `clause` and `function` of a test (the ROW macro) assign it to a row of tests/conformance/rows.tsv,
and `family` to the columns: 4 (also without this property), 6 or 46. Several runs of one test with one family count as
one, which passed if all of them did. A test with the property `not_applicable` was skipped for that reason.

Fails when a P0 row has no passing test with one of the families, a test of any row failed, a test names a function that is
not in its room (lib/, or apps/synfin for `app`), or, with --check, the document differs from the reports.
"""

import argparse
import collections
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS = ROOT / "tests/conformance/rows.tsv"
DOCUMENT = ROOT / "docs/conformance-matrix.md"

Row = collections.namedtuple("Row", "number priority text later")
Case = collections.namedtuple("Case", "row clause function name results")  # results: family -> PASS, FAIL or a reason
PASS, FAIL = "pass", "FAIL"
FAMILIES = {"4": "IPv4", "6": "IPv6"}


def read_rows():
    for line in ROWS.read_text(encoding="utf-8").splitlines():
        number, priority, text, *rest = line.split("\t")
        yield Row(int(number), priority, text, bool(rest))


def cases_of_json(path):
    for suite in json.loads(path.read_text(encoding="utf-8")).get("testsuites", []):
        for case in suite["testsuite"]:
            if case["result"] in ("COMPLETED", "SKIPPED"):
                yield case, f'{suite["name"]}.{case["name"]}', "failures" not in case


def cases_of_xml(path):
    for case in ElementTree.parse(path).getroot().iter("testcase"):
        if case.get("result") in ("completed", "skipped"):
            properties = {p.get("name"): p.get("value") for p in case.iter("property")}
            yield properties, f'{case.get("classname")}.{case.get("name")}', case.find("failure") is None


def read_cases(reports):
    """Each test that names a row, once."""
    seen = {}
    for report in reports:
        paths = sorted(report.glob("*.json")) + sorted(report.glob("*.xml")) if report.is_dir() else [report]
        for path in paths:
            read = cases_of_json if path.suffix == ".json" else cases_of_xml
            for properties, name, passed in read(path):
                if "row" not in properties:
                    continue
                name = re.sub(r"/[^/]*$", "", name)  # the cases of a parametrised test are one line
                case = seen.setdefault(name, Case(int(properties["row"]), properties["clause"],
                                                  properties["function"], name, {}))
                result = properties.get("not_applicable", PASS) if passed else FAIL
                for family in properties.get("family", "4"):  # "46": the test has both
                    if case.results.get(family) != FAIL:
                        case.results[family] = result
    return sorted(seen.values(), key=lambda case: case[:4])


def missing_functions(cases):
    """Functions that tests name but that do not exist in their room."""
    texts = {}
    for function in sorted({case.function for case in cases}):
        room, name = function.split("::")[0], function.split("::")[-1]
        if room not in texts:
            home = ROOT / "apps/synfin" if room == "app" else ROOT / "lib" / room
            files = sorted(p for p in home.rglob("*") if p.suffix in (".hh", ".cc"))
            texts[room] = "\n".join(p.read_text(encoding="utf-8") for p in files)
        if not re.search(rf"\b{name}\b", texts[room]):
            yield function


def deviations():
    """(file, clause, text) of each DEVIATION: in include/ and lib/, with the whole sentence of its comment."""
    for path in sorted(p for top in ("include", "lib") for p in (ROOT / top).rglob("*")):
        if path.suffix not in (".hh", ".cc", ".def"):
            continue
        lines = path.read_text(encoding="utf-8").splitlines()
        for index, line in enumerate(lines):
            if "DEVIATION:" not in line:
                continue
            if path.suffix == ".def":  # within a message: up to the parenthesis
                subject = line.split('"')[1].split(" (DEVIATION")[0]
                text = f'{subject}: {re.search(r"DEVIATION: ([^)]*)", line).group(1)}'
                yield path, "", text
                continue
            before, _, text = line.partition("DEVIATION:")
            comment = re.compile(r"^\s*//+<?\s?(.*)$")
            while not re.search(r"\.\s*$", text) and index + 1 < len(lines):
                index += 1
                continued = comment.match(lines[index])
                if not continued:
                    break
                text += " " + continued.group(1)
            clauses = re.findall(r"RFC \d+(?: (?:MUST-\d+|SHLD-\d+|\d+(?:\.\d+)+))?", text + " " + before)
            yield path, ", ".join(dict.fromkeys(clauses)), re.sub(r"\s+", " ", text).strip()


def escape(text):
    """Escapes text for a table cell. An unmatched closing parenthesis belongs to the comment and is removed."""
    if text.count(")") > text.count("("):
        text = re.sub(r"\)(\.?)$", r"\1", text)
    return text.replace("|", "\\|").replace("<", "&lt;")


def reasons_of(cases):
    """The reasons why tests do not apply to a family, numbered in the order of their appearance."""
    reasons = {}
    for case in cases:
        for family in FAMILIES:
            result = case.results.get(family, PASS)
            if result not in (PASS, FAIL):
                reasons.setdefault(result, len(reasons) + 1)
    return reasons


def document(rows, cases):
    by_row = collections.defaultdict(list)
    for case in cases:
        by_row[case.row].append(case)
    reasons = reasons_of([case for row in rows for case in by_row[row.number]])
    covered = sum(1 for row in rows if by_row[row.number])
    ran = {family: sum(case.results.get(family) in (PASS, FAIL) for case in cases) for family in FAMILIES}

    def cell(case, family):
        result = case.results.get(family, "")
        return f"n/a ({reasons[result]})" if result in reasons else result

    out = [
        "# Conformance matrix",
        "",
        "Each behaviour that the RFCs ask for, the clause, the function that does it and the tests that show it. Made by",
        "`scripts/conformance_matrix.py`; the tests are in [tests/conformance](../tests/conformance).",
        "P0: setup and teardown. P1: correct data. P2: completeness. A clause is written as RFC-section.",
        "Rows up to 91 are the project's list; the rows after it are those of IPv6.",
        "",
        f"{covered} of {len(rows)} rows have tests: {len(cases)} tests, {ran['4']} with IPv4 and {ran['6']} with IPv6.",
        "`n/a (N)`: the test does not apply to this family, for [reason](#not-applicable) N.",
        "",
        "| row | | behaviour | clause | function | test | IPv4 | IPv6 |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        head = "| {} | {} | {}".format(row.number, row.priority, escape(row.text))
        if not by_row[row.number]:
            missing = "later" if row.later else "NO TEST"
            out.append(f"{head} | | | | {missing} | {missing} |")
        for case in by_row[row.number]:
            out.append(f"{head} | {case.clause} | `{case.function}` | `{case.name}` | {cell(case, '4')} | {cell(case, '6')} |")
            head = "| | |"
    out += ["", "## Not applicable", ""]
    out += [f"{number}. {escape(reason)}" for reason, number in reasons.items()]
    out += [
        "",
        "## Deliberate departures",
        "",
        "Every `DEVIATION:` in lib/.",
        "",
        "| file | clause | what |",
        "|---|---|---|",
    ]
    for path, clause, text in deviations():
        relative = path.relative_to(ROOT)
        out.append(f"| [{relative}](../{relative}) | {clause} | {escape(text)} |")
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the document instead of writing it")
    parser.add_argument("report", nargs="+", type=pathlib.Path)
    arguments = parser.parse_args()

    rows = list(read_rows())
    cases = read_cases(arguments.report)
    problems = [f"{case.name} failed with {FAMILIES[family]}"
                for case in cases for family, result in case.results.items() if result == FAIL]
    for family, name in FAMILIES.items():
        passed = {case.row for case in cases if case.results.get(family) == PASS}
        problems += [f"row {row.number} ({row.priority}) has no passing test with {name}: {row.text}"
                     for row in rows if row.priority == "P0" and row.number not in passed]
    problems += [f"row {case.row} of {case.name} is not in {ROWS.name}"
                 for case in cases if case.row not in {row.number for row in rows}]
    problems += [f"{function} is not in its room" for function in missing_functions(cases)]

    text = document(rows, cases)
    if not arguments.check:
        DOCUMENT.parent.mkdir(exist_ok=True)
        DOCUMENT.write_text(text, encoding="utf-8")
    elif not DOCUMENT.exists() or DOCUMENT.read_text(encoding="utf-8") != text:
        problems.append(f"{DOCUMENT.relative_to(ROOT)} differs from the test reports; run scripts/conformance_matrix.py")
    for problem in problems:
        print(f"conformance_matrix: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
