"""Runs `synfin bench`, reads its result, and computes medians and quantiles."""

import json
import os
import pathlib
import shlex
import subprocess
import sys
import tempfile

DONE, NOT_VALID = 0, 3  # exit statuses of a run that has a result


class Result:
    def __init__(self, values, command):
        self.values = values
        self.command = command

    @property
    def valid(self):
        return self.values["valid"]

    def metric(self, path):
        """The number at a path such as "rates.cps". Ends the script if there is none."""
        value = self.values
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        if not isinstance(value, (int, float)) or isinstance(value, bool):
            sys.exit(f"{path}: not a number in the result of: {self.command}")
        return value


class Run:
    """A run in the background; result() waits for its end."""

    def __init__(self, synfin, arguments):
        descriptor, self._file = tempfile.mkstemp(suffix=".json")
        os.close(descriptor)
        self._command = [str(synfin), "bench", *arguments, "--json", self._file]
        self._process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def result(self):
        _, said = self._process.communicate()
        command = shlex.join(self._command[:-2])
        try:
            if self._process.returncode not in (DONE, NOT_VALID):
                sys.exit(f"exit status {self._process.returncode} from: {command}\n{said}")
            return Result(json.loads(pathlib.Path(self._file).read_text(encoding="utf-8")), command)
        finally:
            os.unlink(self._file)


def run(synfin, arguments):
    return Run(synfin, arguments).result()


def quantile(values, share):
    """The quantile, interpolated linearly between the two nearest values."""
    ordered = sorted(values)
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def median(values):
    return quantile(values, 0.5)


def number(value):
    """Four significant digits, for display: 1234, 12.34, 1.234 M."""
    for limit, unit in ((1e9, " G"), (1e6, " M")):
        if abs(value) >= limit:
            return f"{value / limit:.4g}{unit}"
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
