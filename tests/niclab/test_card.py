"""synfin on every card: serves the kernel's clients, loads the kernel's server, and lets nothing wrong out or in."""

import socket
import struct
import time

import clients
import frames
import nic_rig
from family import V4, V6
from nic_rig import NicCase
from rig import LIMIT, receive_exactly, wait_until

CLIENT_MAC = bytes.fromhex("02000000aa01")


class ServeTest(NicCase):
    SIZE = 10_000

    def fetch_all(self, *options):
        serve = self.rig.serve("http", "--response-size", f"{self.SIZE}B", *options)
        for i in range(100):
            self.assertIsNone(clients.fetch(self.rig.kernel, self.SIZE), f"fetch {i}")
        self.assertEqual(clients.fetch_at_once(self.rig.kernel, 64, self.SIZE), [])
        self.assertEqual(serve.interrupt(), 0, serve.said())
        result = self.rig.result(serve)
        self.assertEqual(result["connections"]["completed"], 164, result["connections"])
        self.assertEqual(result["device"]["false_verdicts"], 0, result["device"])
        self.assertGreaterEqual(self.frames.seen[6], 164 * 4)
        if self.card.left_sums and not options:
            self.assertEqual(self.frames.left, self.frames.seen[6])
        if not options and self.family is V4:
            nic_rig.lab.reports[self.card.name] = result["host"]["device"] | {"dpdk": result["host"]["dpdk"]}
        return result

    def test_100_fetches_in_turn_and_64_at_once(self):
        result = self.fetch_all()
        if self.card.engines > 1:
            self.check_spread(result)

    def check_spread(self, result):
        """Every engine had its part (of 164 connections, by chance, one of four engines gets ten or less once in a million runs), and the
        right one."""
        established = [core["established"] for core in result["cores"]]
        self.assertEqual(len(established), self.card.engines)
        self.assertGreater(min(established), 10, established)
        self.assertEqual(result["tcp"]["misdirected"], 0)
        self.assertNotIn("mailbox_full", result["drops"])
        if self.card.rss:
            self.assertEqual(result["host"]["device"]["steering"], "RSS", result["host"])
            self.assertEqual(result["tcp"]["steered"], 0)
        else:
            self.assertEqual(result["host"]["device"]["steering"], "software", result["host"])
            self.assertGreater(result["tcp"]["steered"], 0)


class ServeTest6(ServeTest):
    """Neighbours find synfin by multicast, which the card has to let in."""

    families = (V6,)


class LoadTest(NicCase):
    check_spread = ServeTest.check_spread

    def test_1000_connections_against_nginx(self):
        self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-c", "50", "-n", "1000")
        self.assertEqual(load.wait(120), 0, load.said())
        result = self.rig.result(load)
        counted = result["connections"]
        self.assertEqual((counted["completed"], counted["failed"]), (1000, 0), counted)
        self.assertEqual(self.rig.nginx_counts(), (1000, 1000))
        if self.card.engines > 1:
            self.check_spread(result)


class LoadTest6(LoadTest):
    families = (V6,)


class ExtensionTest(NicCase):
    """Segments behind extension headers, which cards hash differently, reach the engines of their connections."""

    families = (V6,)
    SIZE = 20_000
    PADDING = struct.pack("BB", 0, 0) + b"\1\4\0\0\0\0"  # the next header is the kernel's; a PadN of six bytes

    def concerns(self, card):
        return card.engines > 1 or card.name == "e1000e"

    def test_connections_whose_segments_carry_options(self):
        serve = self.rig.serve("echo")
        for i in range(24):
            with self.rig.kernel.socket() as s:
                s.settimeout(LIMIT)
                s.setsockopt(socket.IPPROTO_IPV6, (socket.IPV6_DSTOPTS, socket.IPV6_HOPOPTS)[i % 2], self.PADDING)
                s.connect((self.family.synfin, 7))
                s.sendall(bytes(self.SIZE))
                self.assertEqual(len(receive_exactly(s, self.SIZE)), self.SIZE)
        self.assertEqual(serve.interrupt(), 0, serve.said())
        result = self.rig.result(serve)
        self.assertEqual((result["connections"]["established"], result["connections"]["failed"]), (24, 0), result["connections"])
        self.assertEqual(result["tcp"]["misdirected"], 0)


class ChecksumTest(NicCase):
    """Segments with a wrong checksum: dropped, counted by their reason, and not answered."""

    COUNT = 20
    REASONS = ("bad_ip_checksum", "bad_tcp_checksum")

    def mac(self):
        return bytes.fromhex(self.rig.kernel.run("sh", "-c", f"ip neighbour show {self.family.synfin} | sed 's/.*lladdr \\([^ ]*\\).*/\\1/'")
                             .replace(":", ""))

    def bad_packets(self, i):
        """One for each of the reasons."""
        ends = self.family.kernel, self.family.synfin
        bad_tcp = frames.ip(*ends, frames.tcp(*ends, 3000 + i, 7, payload=b"x" * (i % 7), spoil=0x8001))
        if self.family is V6:
            return (bad_tcp,)
        return frames.ipv4(*ends, 6, frames.tcp(*ends, 2000 + i, 7), spoil=0x0101), bad_tcp

    def send_bad(self, *options):
        serve = self.rig.serve("echo", *options)
        self.rig.kernel.connect(7).close()  # so that each end knows the other's MAC
        mac = self.mac()
        for i in range(self.COUNT):
            for packet in self.bad_packets(i):
                self.frames.send(frames.ethernet(mac, CLIENT_MAC, frames.ethertype(self.family.synfin), packet))
        drops = {}

        def counted():
            drops.update(self.rig.stats(serve).get("drops", {}))
            return all(drops.get(reason, 0) >= self.COUNT for reason in self.REASONS)

        wait_until(counted, lambda: f"{self.COUNT} of each counted: {drops}")
        self.assertEqual([drops[reason] for reason in self.REASONS], [self.COUNT] * len(self.REASONS))
        self.assertEqual(self.rig.stats(serve)["tcp"]["passive_opens"], 1, "only the connection that was meant")

    def test_bad_checksums_are_dropped_and_counted(self):
        self.send_bad()


class ChecksumTest6(ChecksumTest):
    families = (V6,)
    REASONS = ("bad_tcp_checksum",)


class NoOffloadTest(NicCase):
    """The same with everything left to the stack, on the cards that offer something."""

    SIZE = ServeTest.SIZE
    COUNT = ChecksumTest.COUNT
    REASONS = ChecksumTest.REASONS
    fetch_all = ServeTest.fetch_all
    send_bad = ChecksumTest.send_bad
    bad_packets = ChecksumTest.bad_packets
    mac = ChecksumTest.mac

    def concerns(self, card):
        return card.engines == 1 and not card.name.startswith("virtio")

    def test_100_fetches_in_turn_and_64_at_once(self):
        result = self.fetch_all("--no-offload")
        offloads = result["host"]["device"]["offloads"]
        self.assertEqual([what for what, offload in offloads.items() if offload["used"]], [])

    def test_bad_checksums_are_dropped_and_counted(self):
        self.send_bad("--no-offload")


class NoOffloadTest6(NoOffloadTest):
    families = (V6,)
    REASONS = ChecksumTest6.REASONS


class LinkTest(NicCase):
    PULLED = 5.0

    def concerns(self, card):
        return card.name in ("e1000-2", "e1000e", "igb-4", "vmxnet3", "virtio")  # one of each kind

    def test_open_connections_survive_5_s_without_a_link(self):
        serve = self.rig.serve("echo")
        size = 20_000
        sockets = [self.rig.kernel.connect(7) for _ in range(100)]
        for s in sockets:
            self.addCleanup(s.close)
            s.sendall(bytes(size // 2))
        self.rig.guest.set_link(False)
        for s in sockets:
            s.sendall(bytes(size // 2))  # into the kernel's buffer, and from there into nothing
        time.sleep(self.PULLED)
        self.rig.guest.set_link(True)
        for s in sockets:
            received = 0
            while received < size:
                chunk = s.recv(65536)
                self.assertNotEqual(chunk, b"", "closed")
                received += len(chunk)
        self.assertEqual(self.rig.states(serve), {"ESTABLISHED": 100})
        for s in sockets:
            s.close()
        self.assertEqual(serve.interrupt(), 0, serve.said())
        result = self.rig.result(serve)
        self.assertEqual(result["connections"]["established"], 100)
        self.assertEqual(result["connections"]["failed"], 0, result["connections"])
        if self.card.tells_link:
            self.assertEqual(result["device"]["link_downs"], 1, result["device"])
            self.assertGreater(result["device"]["link_down_s"], self.PULLED - 1)


class DrainTest(NicCase):
    def end_with_20_open(self, *options):
        serve = self.rig.serve("echo", *options)
        sockets = [self.rig.kernel.connect(7) for _ in range(20)]
        for s in sockets:
            self.addCleanup(s.close)
            s.sendall(b"hello")
            self.assertEqual(s.recv(5), b"hello")
        serve.send_signal(15)
        return serve, sockets

    def ended(self, serve):
        self.assertEqual(serve.wait(), 0, serve.said())
        self.assertEqual(self.rig.result(serve)["connections"]["unfinished"], 0)

    def test_sigterm_closes_what_is_open(self):
        serve, sockets = self.end_with_20_open()
        for s in sockets:
            self.assertEqual(s.recv(1), b"", "the end of the stream")
            s.close()
        self.ended(serve)

    def test_or_resets_it_when_asked_to(self):
        serve, sockets = self.end_with_20_open("--drain", "0s")
        for s in sockets:
            self.assertRaises(ConnectionResetError, s.recv, 1)
        self.ended(serve)
