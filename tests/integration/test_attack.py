"""Two attacks of tests/attack, a second each and at a modest rate: that the harness works, and that the server withstands them."""

import pathlib
import sys

from cases import RigCase, alone
from family import V6

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "attack"))

from attacks import named  # noqa: E402
from scene import Scene, build  # noqa: E402


class AttackCase(RigCase):
    def withstands(self, name):
        programs = build(self.rig.directory)
        row = Scene(named(name), self.family.version, programs, seconds=1, rate=100, quiet=1, rest=2, rig=self.rig, attack_rate=20_000,
                    judges_times=False).run()
        self.assertEqual(row["wrong"], [], row)
        self.assertGreater(row["sent"], 1000)


class AttackTest(AttackCase):
    @alone
    def test_syns_from_addresses_on_link(self):
        self.withstands("syn-on-link")


class Attack6Test(AttackCase):
    families = (V6,)

    @alone
    def test_holes(self):
        self.withstands("holes")
