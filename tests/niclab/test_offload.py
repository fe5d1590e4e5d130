"""What a card does beside checksums: it cuts segments, sees to VLAN tags, and gives long frames in parts. Each with the card's help and
without: what crosses the cable is the same."""

import itertools
import socket
import struct

import clients
import echo_clients
import nic_rig
from family import V4, V6
from frame_watch import wrong_with_segments
from nic_rig import NicCase
from rig import wait_until
from vlan_side import SERVICE_VLAN, VLAN, VlanSide

STRANGER = "10.77.0.9"


class OffloadCase(NicCase):
    def end(self, serve):
        """The result; what was seen of the device's offloads is added to what is told of the card in the docs."""
        self.assertEqual(serve.interrupt(), 0, serve.said())
        result = self.rig.result(serve)
        self.device = result["host"]["device"]
        return result

    def used(self, *whats):
        """Which of them are, of what was reported last. Those are noted."""
        used = [what for what in whats if self.device["offloads"][what]["used"]]
        noted = nic_rig.lab.used.setdefault(self.card.name, set())
        noted.update(used)
        return used


class SegmentsCase(OffloadCase):
    """TSO: every frame is one that synfin might have sent itself."""

    SIZE = 1_000_000
    MSS = 1448

    def fetch_all(self, *options):
        serve = self.rig.serve("http", "--response-size", f"{self.SIZE}B", *options)
        self.frames.segments = []
        expired = [0]
        for i in range(3):
            self.assertIsNone(clients.fetch(self.rig.kernel, self.SIZE), f"fetch {i}")
            expired.append(self.rig.stats(serve)["tcp"]["rto_expirations"])
        # A busy emulator may stand still for an RTO, with all that is under way; a fault would take one in each fetch.
        self.assertIn(0, [after - before for before, after in itertools.pairwise(expired)], "fetches without an RTO")
        self.assertEqual(clients.fetch_at_once(self.rig.kernel, 8, self.SIZE), [])
        result = self.end(serve)
        self.frames.stop()
        self.assertIsNone(wrong_with_segments(self.frames.segments, self.MSS))
        self.assertGreaterEqual(sum(s.length for s in self.frames.segments), 11 * self.SIZE)
        self.assertEqual(result["tcp"]["tx_packets"], self.frames.count, "what is counted is what crossed the cable")
        return result


class SegmentsTest(SegmentsCase):
    def concerns(self, card):
        return card.cuts

    def test_the_card_cuts_11_mb_into_segments(self):
        result = self.fetch_all()
        self.assertEqual(self.used("TSO"), ["TSO"])
        # A packet holds ten segments: far fewer packets than segments.
        self.assertLess(result["tcp"]["tx_large"], len(self.frames.segments) / 3)
        self.assertGreater(result["tcp"]["tx_large"], len(self.frames.segments) / 15)
        if self.card.left_sums:  # this end would cut them, as a card behind it
            self.assertEqual(self.frames.cut, result["tcp"]["tx_large"])


class SegmentsTest6(SegmentsTest):
    families = (V6,)
    MSS = 1428


class SegmentsByStackTest(SegmentsCase):
    def concerns(self, card):
        return card.cuts and card.engines == 1 and not card.virtual

    def test_the_stack_makes_segments_of_11_mb(self):
        result = self.fetch_all("--no-offload")
        self.assertEqual(self.used("TSO"), [])
        self.assertEqual(result["tcp"]["tx_large"], 0)


class SegmentsByStackTest6(SegmentsByStackTest):
    families = (V6,)
    MSS = 1428


class TagCase(OffloadCase):
    """VLAN tags: who sees to them makes no difference to what is sent, taken and dropped."""

    mtu = 1508
    VID = 42
    STRANGERS = ([], [(VLAN, 43)], [(VLAN, 0)], [(SERVICE_VLAN, VID)], [(SERVICE_VLAN, 100), (VLAN, VID)])
    TWICE = ([(VLAN, VID), (VLAN, VID)], [(VLAN, VID), (VLAN, 0)])
    BOTH = ("rx VLAN strip", "tx VLAN insert")
    COUNT = 5

    def serve_tagged(self, *options):
        serve = self.rig.serve("echo", "--vlan", str(self.VID), *options)
        with VlanSide(self.rig, [(VLAN, self.VID)]) as side:
            self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 4, 1 << 18), [])
            ask = b"\xff" * 6 + side.mac + struct.pack(
                ">HHHBBH6s4s6s4s", 0x0806, 1, 0x0800, 6, 4, 1, side.mac, socket.inet_aton(STRANGER), bytes(6),
                socket.inet_aton(V4.synfin))
            for row in (*self.STRANGERS, *self.TWICE):
                for _ in range(self.COUNT):
                    side.send(ask, row)
            self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 4, 1 << 14), [])
        self.assertEqual(side.others, [], "all frames have the tag asked for")
        self.assertIn(self.family.kernel, side.told)
        self.expect_drops(serve)
        return self.end(serve)

    def expect_drops(self, serve):
        """Of the strangers' frames, a card that was told of a VID may keep out all that have another, or a tag of another kind."""
        seen = {}

        def counted():
            seen.update(self.rig.stats(serve).get("drops", {}))
            return seen.get("bad_ethertype") == self.COUNT * len(self.TWICE) and seen.get("bad_vlan", 0) >= self.COUNT

        wait_until(counted, lambda: f"dropped: {seen}")
        self.assertLessEqual(seen["bad_vlan"], self.COUNT * len(self.STRANGERS), seen)


class TagTest(TagCase):
    def concerns(self, card):
        return card.tags

    def test_the_card_puts_tags_on_and_takes_them_off(self):
        result = self.serve_tagged()
        self.assertEqual(self.used(*self.BOTH), list(self.BOTH))
        self.assertEqual(result["device"]["untaken_tags"], 0)


class TagTest6(TagTest):
    families = (V6,)


class TagByStackTest(TagCase):
    def concerns(self, card):
        return card.tags and card.engines == 1 and not card.virtual

    def test_the_stack_puts_tags_on_and_takes_them_off(self):
        self.serve_tagged("--no-offload")
        self.assertEqual(self.used(*self.BOTH), [])


class PartsTest(OffloadCase):
    """MTU 9000: in one buffer, or where the driver does not fill one that far, in parts that the port joins."""

    mtu = 9000

    def concerns(self, card):
        return card.engines == 1 and not card.name.startswith("virtio")  # JumboTest, over virtio

    def test_long_frames_arrive_whole(self):
        serve = self.rig.serve("echo", "--mtu", "9000")
        self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 4, 1 << 19), [])
        result = self.end(serve)
        parts = self.card.device.startswith("e1000")
        self.assertEqual(self.used("rx scatter"), ["rx scatter"] if parts else [])
        self.assertEqual(result["device"]["joined"] > 10, parts, result["device"])


class PartsTest6(PartsTest):
    families = (V6,)
