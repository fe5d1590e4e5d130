"""Frames that are none of ours: two tags, a pause, too long, too short. Each is counted or kept out by the card, none is answered, and
the server goes on."""

import time

import frames
import test_card  # the module: a case class imported by name would run twice
from nic_rig import TAP, NicCase
from rig import KERNEL_ADDRESS, SYNFIN_ADDRESS, wait_until

COUNT = 10


class FramingTest(NicCase):
    mac = test_card.ChecksumTest.mac

    def concerns(self, card):
        return card.engines == 1 and card.name != "virtio-packed"

    def segment(self, size):
        return frames.ipv4(KERNEL_ADDRESS, SYNFIN_ADDRESS, 6, frames.tcp(KERNEL_ADDRESS, SYNFIN_ADDRESS, 5000, 7, payload=bytes(size)))

    def dropped(self):
        return self.rig.stats(self.serve).get("drops", {})

    def expect(self, frame, *reasons):
        """The frame is sent COUNT times, and as often one of the reasons is counted."""
        before = sum(self.dropped().get(reason, 0) for reason in reasons)
        for _ in range(COUNT):
            self.frames.send(frame)
        wait_until(lambda: sum(self.dropped().get(reason, 0) for reason in reasons) == before + COUNT,
                   lambda: f"{reasons} from {before}: {self.dropped()}", 15)

    def test_frames_that_are_not_ours(self):
        self.rig.theirs.ip("link", "set", TAP, "mtu", 9000)
        self.serve = self.rig.serve("echo")
        self.rig.kernel.connect(7).close()
        mac = self.mac()
        self.expect(frames.ethernet(mac, test_card.CLIENT_MAC, 0x0800, self.segment(0), tags=b"\x88\xa8\0\x05\x81\0\0\x06"), "bad_vlan")
        if not self.card.filters_vlans:
            self.expect(frames.ethernet(mac, test_card.CLIENT_MAC, 0x0800, self.segment(0), tags=b"\x81\0\0\x05\x81\0\0\x06"), "bad_vlan")
        for size in (14, 18, 30, 40):  # some cards fill up what is short
            self.expect(frames.ethernet(mac, test_card.CLIENT_MAC, 0x0800, self.segment(0))[:size],
                        "runt", "bad_ip_header", "bad_ip_checksum", "bad_tcp_header")
        received = self.rig.stats(self.serve)["tcp"]["rx_packets"]
        for _ in range(COUNT):
            self.frames.send(frames.ethernet(bytes.fromhex("0180c2000001"), test_card.CLIENT_MAC, 0x8808, b"\0\x01\xff\xff"))
            for size in (1600, 2500, 8900):
                self.frames.send(frames.ethernet(mac, test_card.CLIENT_MAC, 0x0800, self.segment(size)))
        with self.rig.kernel.connect(7) as s:  # behind all of them
            s.sendall(b"hello")
            self.assertEqual(s.recv(5), b"hello")
        time.sleep(0.2)
        stats = self.rig.stats(self.serve)
        self.assertLess(stats["tcp"]["rx_packets"], received + COUNT, "what is not ours came as far as the engine")
        self.assertEqual(stats["tcp"]["passive_opens"], 2, "no giant was taken for a segment")
        self.assertEqual(self.serve.interrupt(), 0, self.serve.said())
        drops = self.rig.result(self.serve)["drops"]
        if self.card.name == "virtio":  # of the others nobody tells: README.md
            self.assertEqual(drops.get("rx_giants"), 3 * COUNT, drops)
