"""Frames that are none of ours: two tags, a pause, too long, too short. Each is counted or kept out by the card, none is answered, and
the server goes on."""

import frames
import test_card  # the module: a case class imported by name would run twice
from family import V4, V6
from nic_rig import TAP, NicCase
from rig import wait_until

COUNT = 10


class FramingTest(NicCase):
    mac = test_card.ChecksumTest.mac

    def concerns(self, card):
        return card.engines == 1 and card.name != "virtio-packed"

    def segment(self, size):
        ends = self.family.kernel, self.family.synfin
        return frames.ip(*ends, frames.tcp(*ends, 5000, 7, payload=bytes(size)))

    def frame(self, size, tags=b""):
        return frames.ethernet(self.destination, test_card.CLIENT_MAC, frames.ethertype(self.family.synfin), self.segment(size), tags=tags)

    def send_all(self, wanted):
        for frame in wanted:
            for _ in range(COUNT):
                self.frames.send(frame)

    def expect(self, count, *reasons):
        """So many frames have been dropped for one of these reasons."""
        def drops():
            return self.rig.stats(self.serve).get("drops", {})

        wait_until(lambda: sum(drops().get(reason, 0) for reason in reasons) == count, lambda: f"{count} of {reasons}: {drops()}")

    def test_frames_that_are_not_ours(self):
        self.rig.theirs.ip("link", "set", TAP, "mtu", 9000)
        self.serve = self.rig.serve("echo")
        self.rig.kernel.connect(7).close()
        self.destination = self.mac()
        tagged = [b"\x88\xa8\0\x05\x81\0\0\x06", b"\x88\xa8\0\x05"]
        if not self.card.filters_vlans:
            tagged += [b"\x81\0\0\x05\x81\0\0\x06", b"\x81\0\0\x05"]
        self.send_all(self.frame(0, tags) for tags in tagged)
        # Some cards fill up what is short.
        self.send_all(self.frame(0)[:size] for size in ((14, 18, 30, 40) if self.family is V4 else (14, 20, 30, 56)))
        self.expect(len(tagged) * COUNT, "bad_vlan")
        self.expect(4 * COUNT, "runt", "bad_ip_header", "bad_ip_checksum", "bad_tcp_header")
        received = self.rig.stats(self.serve)["tcp"]["rx_packets"]
        self.send_all([frames.ethernet(bytes.fromhex("0180c2000001"), test_card.CLIENT_MAC, 0x8808, b"\0\x01\xff\xff")])
        self.send_all(self.frame(size) for size in (1600, 2500, 8900))
        with self.rig.kernel.connect(7) as s:  # behind all of them
            s.sendall(b"hello")
            self.assertEqual(s.recv(5), b"hello")
        self.assertEqual(self.serve.interrupt(), 0, self.serve.said())
        result = self.rig.result(self.serve)
        # With IPv6, a card whose driver takes no list of groups lets all multicast frames in, pauses too.
        multicast = COUNT if self.family is V6 else 0
        self.assertLess(result["tcp"]["rx_packets"], received + COUNT + multicast, "what is not ours came as far as the engine")
        self.assertEqual(result["tcp"]["passive_opens"], 2, "no giant was taken for a segment")
        drops = result["drops"]
        if self.card.name == "virtio":  # of the others nobody tells: README.md
            self.assertEqual(drops.get("rx_giants"), 3 * COUNT, drops)


class FramingTest6(FramingTest):
    families = (V6,)
