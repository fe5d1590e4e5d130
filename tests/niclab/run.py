#!/usr/bin/env python3
"""synfin on emulated cards, through their poll-mode drivers: one case per driver and family, or every case on every card that it concerns.

    tests/niclab/run.py [--synfin PATH] [--lab DIR] [--card NAME]... [--all] [--jobs N] [--table FILE] [--list] [NAME...]

NAME: a part of a case's name. --all: every case; so do --card, --table and names. DIR keeps what the guests are made of (by default `niclab` in the build directory).
N guests (three) live at a time, emulated without KVM: each takes a core. What they need comes from
scripts/install-deps.sh nic and from Debian's mirror; where that or root is missing, the cases are skipped with the reason. The last line
is `N passed, N failed, N skipped`; the exit status is 1 when a case failed.
"""

import argparse
import os
import pathlib
import shutil
import sys
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]

import in_parallel  # noqa: E402
import ingredients  # noqa: E402
import nic_rig  # noqa: E402
import rig  # noqa: E402
import table  # noqa: E402
from guest import Card  # noqa: E402
from cases import settings  # noqa: E402
from report import Report, flat  # noqa: E402

MOST_CASES = 25  # of one guest; more are worth another boot

SERVE = tuple(f"{kind}.test_100_fetches_in_turn_and_64_at_once" for kind in ("ServeTest", "ServeTest6"))
LOAD = tuple(f"{kind}.test_1000_connections_against_nginx" for kind in ("LoadTest", "LoadTest6"))

# `cases`: one in each family, which the default run has for the card's driver, on the card that shows most of it.
CARDS = (
    Card("e1000e", "e1000e", cases=SERVE),
    Card("e1000e-2", "e1000e", engines=2),  # more engines than queues
    Card("igb", "igb", newer=True, cuts=True),
    Card("igb-4", "igb", bind="vfio", engines=4, rss=True, newer=True, cuts=True, cases=LOAD),
    Card("igb-vf", "igb", bind="vfio", newer=True, cuts=True, virtual=True, filters_vlans=True, cases=SERVE),
    Card("e1000", "e1000", express=False),
    Card("e1000-2", "e1000", express=False, engines=2, cases=SERVE),
    # Older QEMUs make IP fragments of what vmxnet3 is to cut into segments.
    Card("vmxnet3", "vmxnet3", express=False, tells_link=False, newer=True, cuts=True, tags=False, cases=LOAD),
    Card("vmxnet3-2", "vmxnet3", express=False, tells_link=False, engines=2, newer=True, cuts=True, tags=False),
    Card("virtio", "virtio-net-pci,disable-legacy=on,iommu_platform=on", bind="vfio", tags=False, filters_vlans=True),
    Card("virtio-2", "virtio-net-pci,disable-legacy=on,mq=on,rss=on,vectors=6", engines=2, queues=2, rss=True, left_sums=True, cuts=True,
         tags=False, filters_vlans=True, cases=SERVE),
    Card("virtio-packed", "virtio-net-pci,disable-legacy=on,packed=on", pullable=False, tags=False, filters_vlans=True),
)


def why_not(cards):
    """Why no case can run on this machine; None when some can. What these cards need has been fetched and built then."""
    if os.geteuid() != 0:
        return "not root: the cable is a tap in a namespace"
    for tool in ("ip", "ss", "curl", "wrk", "nginx", "tcpdump", "busybox", "socat", "qemu-system-x86_64"):
        if not shutil.which(tool):
            return f"no {tool}: scripts/install-deps.sh test nic"
    if not os.access("/dev/net/tun", os.R_OK | os.W_OK):
        return "no /dev/net/tun"
    reasons = []
    for card in cards:
        try:
            nic_rig.lab.parts(card)
        except ingredients.Missing as missing:  # each of its cases says so
            reasons.append(str(missing))
    return reasons[0] if len(reasons) == len(cards) else None


def on_card(case, card):
    """The same case as one of a class of this card's."""
    kind = type(f"{type(case).__name__}", (type(case),), {"card": card, "__module__": f"{card.name}.{type(case).__module__}"})
    return kind(case._testMethodName)


def guests(cases):
    """The cases of each guest: all of one card's, or when they are many, a part of them. The longest come first: the last one is
    waited for alone."""
    groups = {}
    of_card = {card: [case for case in cases if case.card is card] for card in CARDS}
    for card, all_of_it in of_card.items():
        for begin in range(0, len(all_of_it), MOST_CASES):
            groups[card.name, begin] = all_of_it[begin:begin + MOST_CASES]
    return dict(sorted(groups.items(), key=lambda item: -len(item[1])))


def close_guest():
    """The end of a card's cases: what was said of the device, for the table, and what of it was found in use."""
    nic_rig.lab.close_guest()
    return nic_rig.lab.reports, nic_rig.lab.used


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--synfin", default=str(HERE.parent.parent / "build/apps/synfin/synfin"))
    parser.add_argument("--lab")
    parser.add_argument("--card", action="append", choices=[card.name for card in CARDS])
    parser.add_argument("--all", action="store_true", help="every case on every card; implied by --card, --table and names")
    parser.add_argument("--jobs", type=int, default=3, metavar="N", help="guests at a time")
    parser.add_argument("--table", metavar="FILE", help="write what was seen of all cards as the page docs/cards.md")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("name", nargs="*")
    options = parser.parse_args()
    rig.SYNFIN = os.path.abspath(options.synfin)
    settings.patience = 3  # emulated, and two at a time

    every = options.all or options.table or options.card or options.name
    found = [case for case in flat(unittest.TestLoader().discover(str(HERE))) if isinstance(case, nic_rig.NicCase)]
    cases = [on_card(case, card) for card in CARDS for case in found
             if case.concerns(card) and (not options.card or card.name in options.card)
             and (every or any(case.id().endswith("." + name) for name in card.cases))]
    cases = [case for case in cases if not options.name or any(n in case.id() for n in options.name)]
    if options.list:
        print("\n".join(case.id() for case in cases))
        return 0

    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    if not os.access(rig.SYNFIN, os.X_OK):
        print(f"no {rig.SYNFIN}: scripts/build.sh build", file=sys.stderr)
        return 1
    # PATH/build/apps/synfin/synfin: beside the build, so that it is fetched once.
    nic_rig.lab = nic_rig.Lab(options.lab or pathlib.Path(rig.SYNFIN).parents[2] / "niclab")
    report = Report()
    reports, used = {}, {}
    try:
        reason = why_not({case.card for case in cases})
        if reason:
            for case in cases:
                report.startTest(case)
                report.addSkip(case, reason)
        else:
            for seen, found in in_parallel.run(guests(cases), options.jobs, report, close_guest).values():
                reports |= seen
                for card, whats in found.items():
                    used.setdefault(card, set()).update(whats)
    finally:
        nic_rig.lab.close()
    if options.table and reports:
        pathlib.Path(options.table).write_text(table.text(CARDS, reports, used, report.passed))
    print(report.sum())
    return 1 if report.counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
