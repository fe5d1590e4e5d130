"""A rig whose two ends are joined by a faulty wire: ours -- wire -- theirs, each a namespace, with faulty_wire in the middle.

Whatever segments packets is off, so that the wire sees the packets of a real link. Both ends' kernels use CUBIC and remember
nothing of earlier connections."""

import dataclasses
import json
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from family import V4  # noqa: E402
import rig as integration  # noqa: E402
from rig import Rig, sh  # noqa: E402

FULL_FRAME = 1514
SYSCTLS = {"tcp_congestion_control": "cubic", "tcp_no_metrics_save": "1"}


def built_wire():
    """The program faulty_wire of the build that synfin is of."""
    return pathlib.Path(integration.SYNFIN).parents[2] / "tests/loss/faulty_wire"


@dataclasses.dataclass(frozen=True)
class Conditions:
    """One cell: the same in both directions, but for losses and reordering, which only the data's direction has."""

    loss: float  # share of packets
    rtt_ms: float
    rate_mbit: float
    buffer_bdp: float  # of the bottleneck's queue, in bandwidth-delay products
    burst: float = 1  # mean packets of one loss
    reorder: float = 0  # share of packets that come reorder_ms late
    reorder_ms: float = 0

    @property
    def bdp(self):
        return self.rate_mbit * 1e3 * self.rtt_ms / 8

    @property
    def queue(self):
        """Bytes; five full frames at least: less is no queue."""
        return max(self.buffer_bdp * self.bdp, 5 * FULL_FRAME)

    def words(self, direction):
        both = ["--rate", self.rate_mbit * 1e6, "--queue", round(self.queue), "--delay", self.rtt_ms * 500]
        faults = ["--loss", self.loss, "--burst", self.burst, "--reorder", self.reorder, "--reorder-by", self.reorder_ms * 1e3]
        return [*both, f"--{direction}", *faults, "--spare", 4]


class WireRig(Rig):
    """ours (interface `device`) -- left, wire, right -- theirs (interface `peer`)."""

    def __init__(self, program, mtu=1500, families=(V4,)):
        self._program = program
        super().__init__(mtu, families)
        for namespace in (self.ours, self.theirs):
            namespace.run("sh", "-c", "; ".join(f"echo {value} > /proc/sys/net/ipv4/{name}" for name, value in SYSCTLS.items()))

    def join(self, mtu):
        self.middle = self._namespace(f"{self.device}-wire")
        self._ends = ((self.ours, self.device, "left"), (self.theirs, self.peer, "right"))
        for namespace, interface, inner in self._ends:
            namespace.ip("link", "add", interface, "type", "veth", "peer", "name", inner, "netns", self.middle.name)
            for where, name in ((namespace, interface), (self.middle, inner)):
                where.run("ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off", check=False)
                where.ip("link", "set", name, "mtu", mtu, "up")

    def synfin(self, *args, namespace=None):
        """On its core, even if this program keeps off it."""
        return self.start(namespace or self.ours, "taskset", "-c", integration.core, integration.SYNFIN, *args)

    def start_wire(self, conditions, data, seconds, seed):
        """data: "ab" when the bytes flow from ours to theirs, "ba" when from theirs to ours. seconds: the wire ends by itself after
        so many."""
        cores = f"0-{os.cpu_count() - 1}"  # all, whatever this program keeps to
        wire = self.start(self.middle, "taskset", "-c", cores, self._program, "--a", "left", "--b", "right", "--seconds", seconds, "--seed", seed,
                          *conditions.words(data))
        wire.wait_for_line(r"^forwarding$")
        return wire

    def stop_wire(self, wire):
        """Ends it; its report, with what both ends' interfaces dropped."""
        wire.interrupt()
        report = json.loads(wire.out.splitlines()[-1])
        dropped = [self._dropped(where, name) for namespace, interface, inner in self._ends
                   for where, name in ((namespace, interface), (self.middle, inner))]
        report["interface_drops"] = sum(dropped)
        return report

    @staticmethod
    def _dropped(namespace, interface):
        stats = json.loads(sh("ip", "-n", namespace.name, "-s", "-j", "link", "show", interface))[0]["stats64"]
        return stats["tx"]["dropped"] + stats["tx"]["errors"] + stats["rx"]["errors"]


def disturbances(report, conditions):
    """Why what this wire carried does not count: frames that it dropped without being asked to, or sent late. An empty list: it
    counts."""
    why = []
    for name in ("ab", "ba"):
        one = report[name]
        for counter in ("send_failed", "too_long", "no_slot", "socket_drops"):
            if one[counter]:
                why.append(f"{name}: {counter} {one[counter]}")
        limit_us = max(500, conditions.rtt_ms * 1000 / 20)
        late = sum(count for bucket, count in one["late_us"].items() if int(bucket) > limit_us)
        if late > one["sent"] / 200:
            why.append(f"{name}: {late} of {one['sent']} frames more than {limit_us:g} us late")
        if one["late_most_us"] > max(4000, conditions.rtt_ms * 500):
            why.append(f"{name}: a frame {one['late_most_us']:.0f} us late")
    if report["interface_drops"]:
        why.append(f"interfaces dropped {report['interface_drops']} frames")
    if not report["ended_by_signal"]:
        why.append("the time was up")
    return why
