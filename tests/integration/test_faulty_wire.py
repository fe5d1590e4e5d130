"""Bulk transfers over a wire that loses, delays and reorders (tests/loss): every byte arrives, in both directions.

With --long each takes about 30 seconds at the wire's rate. Goodput is not judged here: that is
tests/loss/against_linux.py."""

import pathlib
import shutil
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "loss"))

from bulk import carry, echo  # noqa: E402
from cases import RigCase, settings  # noqa: E402
from rig import wait_until  # noqa: E402
from wire_rig import Conditions, WireRig, built_wire  # noqa: E402

RATE = 100
LOSSY = Conditions(loss=0.01, rtt_ms=4, rate_mbit=RATE, buffer_bdp=2)
BURSTS = Conditions(loss=0.01, rtt_ms=4, rate_mbit=RATE, buffer_bdp=2, burst=5)
REORDERING = Conditions(loss=0.001, rtt_ms=4, rate_mbit=RATE, buffer_bdp=2, reorder=0.02, reorder_ms=3)
SEED = 1
LIMIT = 300


def size_of(conditions):
    """30 seconds of the goodput that the loss permits (RFC 9438 or Mathis, whichever ends first), or a tenth of a second of the rate."""
    if not settings.long:
        return 2 << 20
    mathis = 1.22 * 1448 / (conditions.rtt_ms / 1e3 * conditions.loss ** 0.5)
    return int(30 * min(RATE * 0.95e6 / 8, mathis))


class FaultyWireTest(RigCase):
    """The rig's own wire is this one."""

    conditions = LOSSY

    def make_rig(self):
        return WireRig(built_wire(), self.mtu, self.families)

    def start_wire(self, data):
        return self.rig.start_wire(self.conditions, data, LIMIT + 60, SEED)

    def check_wire(self, wire, name):
        """The wire did lose, and what it lost was sent again."""
        data = self.rig.stop_wire(wire)[name]
        self.assertGreater(data["lost"], 0, data)
        self.assertGreater(data["retransmitted_bytes"], 0, data)
        return data

    def test_echo_returns_every_byte(self):
        size = size_of(self.conditions)
        wire = self.start_wire("ab")  # the direction of what synfin sends
        self.rig.serve("echo")
        self.assertEqual(echo(self.rig.kernel, self.family.synfin, size, SEED, LIMIT), (size, size))
        data = self.check_wire(wire, "ab")
        self.assertEqual(data["text_bytes"] - data["retransmitted_bytes"], size)


class FaultyWireBurstsTest(FaultyWireTest):
    conditions = BURSTS


class FaultyWireReorderingTest(FaultyWireTest):
    conditions = REORDERING


class BulkTest(RigCase):
    """One HTTP body: from synfin its SHA-256 is compared, to synfin its length."""

    def make_rig(self):
        return WireRig(built_wire(), self.mtu, self.families)

    def carry(self, kind, conditions):
        outcome = carry(self.rig, kind, conditions, size_of(conditions), SEED, LIMIT)
        self.assertEqual(outcome.received, outcome.sent)
        self.assertGreater(outcome.data["lost"], 0)

    def test_synfin_sends(self):
        self.carry("send", LOSSY)

    def test_synfin_sends_while_packets_are_reordered(self):
        self.carry("send", REORDERING)

    def test_synfin_receives(self):
        self.carry("receive", LOSSY)

    def test_iperf_sends_to_discard(self):
        wire = self.rig.start_wire(LOSSY, "ba", LIMIT + 60, SEED)
        serve = self.rig.serve("discard", "--listen", "5001")
        out = self.rig.kernel.run("iperf", "-c", self.family.synfin, "-t", "30" if settings.long else "2", "-y", "C", timeout=LIMIT)
        wait_until(lambda: self.rig.stats(serve)["tcp"]["closed"] == 1, "the connection ends")
        data = self.rig.stop_wire(wire)["ba"]
        self.assertGreater(data["lost"], 0)
        self.assertEqual(data["text_bytes"] - data["retransmitted_bytes"], int(out.splitlines()[-1].split(",")[7]))


if __name__ == "__main__":
    unittest.main()
