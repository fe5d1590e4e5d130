"""One VLAN tag and two: the kernel's clients behind them are served, what comes with others is dropped."""

import socket
import struct

import echo_clients
import packets6
from cases import RigCase
from family import V4, V6
from ping import ping
from vlan_side import SERVICE_VLAN, VLAN, VlanSide

class VlanTest(RigCase):
    mtu = 1508  # of the cable: room for two tags beside 1500 bytes
    wire_text = True

    def question(self, mac):
        """A frame in which a stranger asks for synfin's MAC address."""
        stranger, synfin = self.family.at(9), self.family.synfin
        if self.family is V4:
            return b"\xff" * 6 + mac + struct.pack(">HHHBBH6s4s6s4s", 0x0806, 1, 0x0800, 6, 4, 1, mac, socket.inet_aton(stranger), bytes(6),
                                                   socket.inet_aton(synfin))
        group = packets6.multicast_mac(packets6.solicited_node(synfin))
        return group + mac + packets6.ETHERTYPE + packets6.solicitation(stranger, synfin, mac)

    def serve_behind(self, tags, options, others):
        """`others`: rows of tags that are not to be answered."""
        serve = self.rig.serve("echo", *options)
        with VlanSide(self.rig, tags) as side:
            for row in others:
                side.send(self.question(side.mac), row)
            # Whole segments, both ways: there is room for the tags.
            self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 4, 1 << 18), [])
            ping(self, self.rig.kernel, 1500 - self.family.header - 8)
        self.assertEqual(side.others, [], "all frames have the tags asked for")
        self.assertEqual(side.told, {self.family.kernel})
        if not self.rig.filters_vlans:
            drops = self.rig.stats(serve)["drops"]
            dropped = drops.get("bad_vlan", 0) + drops.get("bad_ethertype", 0)
            if self.family is V4:
                self.assertEqual(dropped, len(others), drops)
            else:  # the kernel's own multicast reports, without tags, may be among them
                self.assertGreaterEqual(dropped, len(others), drops)

    def test_one_tag(self):
        self.serve_behind([(VLAN, 42)], ["--vlan", "42"],
                          [[], [(VLAN, 43)], [(SERVICE_VLAN, 100), (VLAN, 42)], [(VLAN, 42), (VLAN, 42)]])

    def test_two_tags(self):
        self.serve_behind([(SERVICE_VLAN, 100), (VLAN, 42)], ["--outer-vlan", "100", "--vlan", "42"],
                          [[], [(VLAN, 42)], [(SERVICE_VLAN, 100)], [(SERVICE_VLAN, 101), (VLAN, 42)], [(SERVICE_VLAN, 100), (VLAN, 43)]])


class Vlan6Test(VlanTest):
    families = (V6,)
    test_two_tags = None
