#!/usr/bin/env python3
"""Writes the symbol map of libsynfin.so, which exports what the public headers declare.

    symbol_map.py [--depfile FILE] MAP INCLUDE_DIR

The map exports every class and struct, with its members, and every function that a public header declares in a
namespace. The script finds declarations in column 0, where clang-format puts them. The prefix synfin_ exports
the C API (synfin.h).
"""

import argparse
import pathlib
import re

NAMESPACE = re.compile(r"(?:inline )?namespace ([\w:]+) \{$")
CLASS = re.compile(r"(?:class|struct) (?:\[\[[^]]*\]\] |alignas\(\w+\) )*(\w+)(?: final)?(?: :.*)?(?:$| \{)")
FUNCTION = re.compile(r"(?!using|template|static|friend|namespace|class|struct|enum|typedef|return|inline|constexpr|#)"
                      r"(?:\[\[[^]]*\]\] )?[A-Za-z_][\w:<>,&*\s\[\]]*?[\s&*](\w+)\(")


def without_comments(text: str) -> str:
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    return re.sub(r"\s*//.*", "", text)


def declared(header: pathlib.Path) -> tuple[set[str], set[str]]:
    """The qualified names of a header's classes and functions."""
    classes, functions = set(), set()
    spaces: list[tuple[str, int]] = []  # the open namespaces, each with the depth of braces outside it
    depth, previous = 0, ""
    for line in without_comments(header.read_text()).splitlines():
        is_at_namespace_scope = spaces and depth == spaces[-1][1] + 1 and not previous.startswith("template")
        inside = "::".join(name for name, _ in spaces)
        if match := NAMESPACE.match(line):
            spaces.append((match[1], depth))
        elif is_at_namespace_scope and (match := CLASS.match(line)) and not line.endswith(";"):
            classes.add(f"{inside}::{match[1]}")
        elif is_at_namespace_scope and (match := FUNCTION.match(line)):
            functions.add(f"{inside}::{match[1]}")
        depth += line.count("{") - line.count("}")
        if spaces and depth <= spaces[-1][1]:
            spaces.pop()
        previous = line
    return classes, functions


def all_declared(include: pathlib.Path) -> tuple[set[str], set[str]]:
    classes, functions = set(), set()
    for header in sorted(include.rglob("*.hh")):
        more_classes, more_functions = declared(header)
        classes |= more_classes
        functions |= more_functions
    return classes, functions


def symbol_map(include: pathlib.Path) -> str:
    classes, functions = all_declared(include)
    lines = []
    # The linker takes quoted text as a literal name, and allows "(" only inside quotes.
    for name in sorted(classes):
        lines += [f'{name}::*', f'"vtable for {name}"', f'"typeinfo for {name}"', f'"typeinfo name for {name}"']
    for name in sorted(functions):
        lines.append(f"{name}[!a-zA-Z0-9_]*")
    text = "".join(f"            {line};\n" for line in lines)
    return ("# Written by scripts/packaging/symbol_map.py from the public headers.\n"
            "{\n    global:\n        synfin_*;\n        extern \"C++\" {\n" + text + "        };\n    local:\n        *;\n};\n")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--depfile", type=pathlib.Path)
    parser.add_argument("map", type=pathlib.Path)
    parser.add_argument("include", type=pathlib.Path)
    args = parser.parse_args()
    args.map.write_text(symbol_map(args.include))
    if args.depfile:
        headers = " ".join(str(h) for h in sorted(args.include.rglob("*.hh")))
        args.depfile.write_text(f"{args.map}: {headers}\n")


if __name__ == "__main__":
    main()
