"""The base of every case: a rig before it, and after it a check that nothing was left behind."""

import types
import unittest

from family import V4
from rig import Rig

# long: the full durations and sizes. patience: how many times longer than over veth what a case waits for may take.
settings = types.SimpleNamespace(long=False, patience=1)


def alone(case):
    """Marks a case whose outcome depends on a core being free for it: no other runs beside it."""
    case.alone = True
    return case


class RigCase(unittest.TestCase):
    mtu = 1500
    families = (V4,)  # a case class of the same name with a 6 runs the cases over IPv6
    wire_text = False  # True: the packets are captured and shown when the case fails

    def setUp(self):
        self._said = ""
        self.rig = self.make_rig()
        self.addCleanup(self._tear_down)
        if self.wire_text:
            self.rig.capture()

    def make_rig(self):
        return Rig(self.mtu, self.families)

    @property
    def family(self):
        return self.rig.family

    @property
    def said(self):
        """What the processes of the rig have printed so far."""
        return self._said or self.rig.said()

    def _tear_down(self):
        try:
            self.rig.end_processes()
            self._said = self.rig.said()
            left = self.rig.leftovers()
        finally:
            self.rig.close()
        self.assertEqual(left, [], "left behind")
