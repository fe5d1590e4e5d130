"""One VLAN tag and two: the kernel's clients behind them are served, what comes with others is dropped."""

import socket
import struct

import echo_clients
from cases import RigCase
from ping import ping
from rig import KERNEL_ADDRESS, SYNFIN_ADDRESS
from vlan_side import SERVICE_VLAN, VLAN, VlanSide

STRANGER = "10.77.0.9"


class VlanTest(RigCase):
    mtu = 1508  # of the cable: room for two tags beside 1500 bytes
    wire_text = True

    def serve_behind(self, tags, options, others):
        """`others`: rows of tags that are not to be answered."""
        serve = self.rig.serve("echo", *options)
        with VlanSide(self.rig, tags) as side:
            question = b"\xff" * 6 + side.mac + struct.pack(
                ">HHHBBH6s4s6s4s", 0x0806, 1, 0x0800, 6, 4, 1, side.mac, socket.inet_aton(STRANGER), bytes(6),
                socket.inet_aton(SYNFIN_ADDRESS))
            for row in others:
                side.send(question, row)
            # Whole segments, both ways: there is room for the tags.
            self.assertEqual(echo_clients.exchange(self.rig.kernel, SYNFIN_ADDRESS, 7, 4, 1 << 18), [])
            ping(self, self.rig.kernel, 1472)
        self.assertEqual(side.others, [], "all frames have the tags asked for")
        self.assertEqual(side.told, {KERNEL_ADDRESS})
        if not self.rig.filters_vlans:
            drops = self.rig.stats(serve)["drops"]
            self.assertEqual(drops.get("bad_vlan", 0) + drops.get("bad_ethertype", 0), len(others), drops)

    def test_one_tag(self):
        self.serve_behind([(VLAN, 42)], ["--vlan", "42"],
                          [[], [(VLAN, 43)], [(SERVICE_VLAN, 100), (VLAN, 42)], [(VLAN, 42), (VLAN, 42)]])

    def test_two_tags(self):
        self.serve_behind([(SERVICE_VLAN, 100), (VLAN, 42)], ["--outer-vlan", "100", "--vlan", "42"],
                          [[], [(VLAN, 42)], [(SERVICE_VLAN, 100)], [(SERVICE_VLAN, 101), (VLAN, 42)], [(SERVICE_VLAN, 100), (VLAN, 43)]])
