"""Groups of cases, several at a time, each in a process of its own: what waits for a clock does not wait alone."""

import concurrent.futures
import multiprocessing
import os

import rig
from report import Report

_groups = {}  # name: cases; filled before the processes are forked that run them


def _begin(started):
    """In a new process: it ends with the one that made it, and its synfin has a core of its own as long as there are."""
    rig._die_with_parent()
    with started.get_lock():
        rig.core = started.value % os.cpu_count()
        started.value += 1


def _run_group(name, finish):
    report = Report()
    try:
        for case in _groups[name]:
            case.run(report)
    finally:
        left = finish()
    return report.counts, report.passed, left


def _nothing():
    return None


def run(groups, jobs, report, finish=_nothing):
    """Runs groups, {name: cases}, `jobs` at a time and in this order; adds to the report. `finish` is called in a group's process at
    its end; returns what it returned, by group. Lines of several groups are mixed, each in one piece."""
    _groups.update(groups)
    left = {}
    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(jobs, fork, _begin, (fork.Value("i", 0),)) as pool:
        running = {pool.submit(_run_group, name, finish): name for name in groups}
        for done in concurrent.futures.as_completed(running):
            counts, passed, left[running[done]] = done.result()  # raises for a process that died
            report.passed |= passed
            for outcome, count in counts.items():
                report.counts[outcome] += count
    return left
