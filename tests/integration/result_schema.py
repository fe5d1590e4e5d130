#!/usr/bin/env python3
"""Holds a result against docs/result.schema.json, and its counters against one another.

    tests/integration/result_schema.py RESULT.json    prints what is wrong; exit status 1 then

It knows the keywords that the schema uses, and refuses others: a check that is skipped would go unnoticed."""

import json
import pathlib
import sys

SCHEMA = json.loads((pathlib.Path(__file__).resolve().parents[2] / "docs/result.schema.json").read_text(encoding="utf-8"))
SILENT = {"$schema", "$id", "$defs", "title", "description"}
TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}


def is_type(value, name):
    if name in ("integer", "number"):
        return not isinstance(value, bool) and isinstance(value, int if name == "integer" else (int, float))
    return isinstance(value, TYPES[name])


def mismatches(value, schema, at="result"):
    """What of a value does not follow a schema, one sentence each."""
    for keyword, rule in schema.items():
        if keyword == "$ref":
            yield from mismatches(value, SCHEMA["$defs"][rule.removeprefix("#/$defs/")], at)
        elif keyword == "anyOf":
            if all(any(mismatches(value, each, at)) for each in rule):
                yield f"{at}: {value!r} is none of {rule}"
        elif keyword == "type":
            if not is_type(value, rule):
                yield f"{at}: expected {rule}, found {value!r}"
                return
        elif keyword == "const":
            if value != rule:
                yield f"{at}: expected {rule!r}, found {value!r}"
        elif keyword == "enum":
            if value not in rule:
                yield f"{at}: expected one of {rule}, found {value!r}"
        elif keyword in ("minimum", "maximum"):
            if value < rule if keyword == "minimum" else value > rule:
                yield f"{at}: {keyword} is {rule}, found {value!r}"
        elif keyword == "required":
            yield from (f"{at}: no {key}" for key in rule if key not in value)
        elif keyword == "properties":
            for key in rule.keys() & value.keys():
                yield from mismatches(value[key], rule[key], f"{at}.{key}")
        elif keyword == "additionalProperties":
            for key in value.keys() - schema.get("properties", {}).keys():
                yield from mismatches(value[key], rule, f"{at}.{key}")
        elif keyword == "items":
            for index, item in enumerate(value):
                yield from mismatches(item, rule, f"{at}[{index}]")
        elif keyword not in SILENT:
            raise ValueError(f"keyword {keyword} is not known here")


def imbalances(result):
    """Which sums of its counters do not come out."""
    c = result["connections"]
    sums = {
        "offered = opened + skipped": (c["offered"], c["opened"] + c["skipped"]),
        "opened = established + failed_before + pending": (c["opened"], c["established"] + c["failed_before"] + c["pending"]),
        "established = completed + (failed - failed_before) + unfinished":
            (c["established"], c["completed"] + c["failed"] - c["failed_before"] + c["unfinished"]),
        "failed = the sum of failed_by": (c["failed"], sum(c["failed_by"].values())),
        "skipped = the sum of skipped_by": (c["skipped"], sum(c["skipped_by"].values())),
        "valid = no reason against it": (result["valid"], not result["invalid_because"]),
        "passed = every verdict is pass": (result["passed"], all(each["verdict"] == "pass" for each in result["criteria"])),
    }
    return [f"{name}: {left} and {right}" for name, (left, right) in sums.items() if left != right]


def wrong(result):
    """Everything that is wrong with a result; an empty list when it is sound."""
    return list(mismatches(result, SCHEMA)) or imbalances(result)


if __name__ == "__main__":
    found = wrong(json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8")))
    print("\n".join(found) or "sound")
    sys.exit(1 if found else 0)
