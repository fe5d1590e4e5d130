"""What a run of cases prints: one line per case as it ends, and their sum."""

import time
import traceback
import unittest


def flat(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flat(item)
        else:
            yield item


class Report(unittest.TestResult):
    """One line per case as it ends; what the processes of a failed one said."""

    def __init__(self):
        super().__init__()
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.passed = set()  # ids
        self._begin = 0.0

    def startTest(self, test):
        super().startTest(test)
        self._begin = time.monotonic()

    def _line(self, outcome, test, text="", more=""):
        """In one piece: several runs may print to one stream."""
        self.counts[outcome] += 1
        word = {"passed": "PASS", "failed": "FAIL", "skipped": "SKIP"}[outcome]
        print(f"{word} {test.id()} ({time.monotonic() - self._begin:.1f} s){': ' + text if text else ''}\n{more}", end="", flush=True)

    def addSuccess(self, test):
        self._line("passed", test)
        self.passed.add(test.id())

    def addSkip(self, test, reason):
        self._line("skipped", test, reason)

    def addFailure(self, test, err):
        """What went wrong comes first, then where: some readers of a log see only the lines after FAIL."""
        kind, error, where = err
        said = getattr(test, "said", "")
        self._line("failed", test, "".join(traceback.format_exception_only(kind, error)).rstrip(),
                   "".join(traceback.format_tb(where)) + "\n" + (said + "\n" if said else ""))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(subtest, err)

    def sum(self):
        """The last line of a run."""
        return ", ".join(f"{self.counts[outcome]} {outcome}" for outcome in ("passed", "failed", "skipped"))
