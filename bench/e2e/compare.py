#!/usr/bin/env python3
"""Compares two builds, or two settings, of `synfin bench` by interleaved pairs of runs.

    bench/e2e/compare.py build-before/apps/synfin/synfin build/apps/synfin/synfin
    bench/e2e/compare.py SYNFIN SYNFIN --a-args "-c 64" --b-args "-c 1024" --pairs 10 -- --cores 0-1 -d 2s

A machine's speed drifts within minutes by more than most changes gain. A and B therefore run directly after each other, in
alternating order (A B, B A, A B...). Only the ratio B / A within a pair is judged: its median, quartiles, extremes, and the number of
pairs that agree. Two equal programs agree in sign in 7 or 8 of 8 pairs in one comparison of 14, so fewer than that proves nothing.
"""

import argparse
import pathlib
import shlex
import sys

from bench_run import median, number, quantile, run

DEFAULT_METRICS = ["rates.cps", "cycles_per_connection.both"]


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("a", type=pathlib.Path, help="a synfin binary")
    parser.add_argument("b", type=pathlib.Path, help="another binary, or the same")
    parser.add_argument("--pairs", type=int, default=8, help="default 8")
    parser.add_argument("--metric", action="append", metavar="PATH", help=f"a key of the JSON result, repeatable; default {' and '.join(DEFAULT_METRICS)}")
    parser.add_argument("--a-args", default="", metavar="ARGS", help="more arguments for A")
    parser.add_argument("--b-args", default="", metavar="ARGS", help="more arguments for B")
    arguments = sys.argv[1:]
    both = []
    if "--" in arguments:
        at = arguments.index("--")
        arguments, both = arguments[:at], arguments[at + 1 :]
    parsed = parser.parse_args(arguments)
    if parsed.pairs < 1:
        parser.error("--pairs: at least 1")
    parsed.a_args = both + shlex.split(parsed.a_args)
    parsed.b_args = both + shlex.split(parsed.b_args)
    parsed.metric = parsed.metric or DEFAULT_METRICS
    return parsed


def main():
    arguments = parse()
    print(f"A: {arguments.a} bench {shlex.join(arguments.a_args)}")
    print(f"B: {arguments.b} bench {shlex.join(arguments.b_args)}")
    ratios = {path: [] for path in arguments.metric}
    not_valid = 0
    for pair in range(arguments.pairs):
        sides = {}
        for side in "AB" if pair % 2 == 0 else "BA":
            synfin, more = (arguments.a, arguments.a_args) if side == "A" else (arguments.b, arguments.b_args)
            sides[side] = run(synfin, more)
        line = []
        for path in arguments.metric:
            a, b = sides["A"].metric(path), sides["B"].metric(path)
            if a == 0:
                sys.exit(f"{path} is 0 with A, so the ratio is undefined")
            ratios[path].append(b / a)
            line.append(f"{path}  A {number(a):>9}  B {number(b):>9}  B/A {b / a:6.3f}")
        wrong = [side for side in "AB" if not sides[side].valid]
        not_valid += len(wrong)
        print(f"{pair + 1:3}  " + "   ".join(line) + (f"   invalid: {' '.join(wrong)}" if wrong else ""), flush=True)

    print()
    width = max(len(path) for path in ratios)
    for path, of in ratios.items():
        print(f"{path:{width}}  B/A median {median(of):.3f}  quartiles {quantile(of, 0.25):.3f} .. {quantile(of, 0.75):.3f}"
              f"  extremes {min(of):.3f} .. {max(of):.3f}  above 1 in {sum(ratio > 1 for ratio in of)} of {len(of)}")
    if not_valid:
        print(f"{not_valid} runs were invalid: run `synfin bench` with the same arguments to see why")
        sys.exit(3)


if __name__ == "__main__":
    main()
