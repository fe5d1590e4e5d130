"""IPv6 neighbour discovery with the Linux kernel in both directions: who has an address, who has moved, who is gone."""

import json
import socket
import struct
import threading
import time

import packets6
from cases import RigCase, alone, settings
from family import V6, host
from ping import checksum
from rig import LIMIT, receive_exactly, wait_until

STRANGER = bytes.fromhex("02dead000001")  # a MAC address that nobody has
MOVED = "02:00:00:00:77:07"  # the kernel's after its move
_PACKET_OUTGOING = 4


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


class Neighbours6Case(RigCase):
    families = (V6,)

    def setUp(self):
        super().setUp()
        with self.rig.theirs.entered():
            self.cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
        self.addCleanup(self.cable.close)
        self.cable.bind((self.rig.peer, 0x86DD))
        self.ours = self.mac(self.rig.ours, self.rig.device)
        self.kernels = self.mac(self.rig.theirs, self.rig.peer)

    @staticmethod
    def mac(namespace, interface):
        return mac_bytes(namespace.run("cat", f"/sys/class/net/{interface}/address"))

    def send(self, packet, source=STRANGER, to=None):
        """An IPv6 packet to synfin, or to a group."""
        destination = packets6.text(packet[24:40])
        if to is None:
            to = packets6.multicast_mac(destination) if destination.startswith("ff") else self.ours
        self.cable.send(to + source + packets6.ETHERTYPE + packet)

    def heard(self, kind, matches=lambda packet: True):
        """Waits for a packet of synfin's that has this ICMPv6 type, behind a hop-by-hop header or not, and matches."""
        end = time.monotonic() + LIMIT
        while True:
            self.cable.settimeout(max(0.001, end - time.monotonic()))
            frame, address = self.cable.recvfrom(65536)
            packet = packets6.read(frame[14:])
            if address[2] == _PACKET_OUTGOING or packet is None:
                continue
            message = packet.payload[8:] if packet.next_header == 0 else packet.payload
            if packet.next_header in (0, packets6.ICMP6) and message and message[0] == kind and matches(packet):
                return packet, message

    def neighbour(self, address):
        """(state, MAC address) that the kernel has of an address of synfin's."""
        for entry in json.loads(self.rig.theirs.ip("-6", "-j", "neighbour", "show", "dev", self.rig.peer) or "[]"):
            if entry["dst"] == address:
                return entry["state"][0], mac_bytes(entry.get("lladdr", "00:00:00:00:00:00"))
        return None

    def echo(self, s, text=b"hello"):
        s.sendall(text)
        self.assertEqual(receive_exactly(s, len(text)), text)

    def tcp(self, process):
        return self.rig.stats(process).get("tcp", {})

    def drops(self, process):
        return self.rig.stats(process).get("drops", {})


class ResolutionTest(Neighbours6Case):
    def test_the_kernel_finds_each_address_of_ours(self):
        serve = self.rig.synfin("serve", "--device", f"af_packet:{self.rig.device}", *self.rig.synfin_addresses((2, 3)), "--app", "echo",
                                "--address", "fe80::2/64", "--control", self.rig.path("control"), "--cores", "0")
        serve.wait_for_line(r"^listening on ")
        for address in (V6.at(2), V6.at(3)):
            with self.rig.kernel.connect(7, address) as s:
                self.echo(s)
            self.assertEqual(self.neighbour(address)[1], self.ours)
        scope = self.rig.theirs.run("cat", f"/sys/class/net/{self.rig.peer}/ifindex")
        with self.rig.kernel.socket() as s:
            s.settimeout(LIMIT)
            s.connect(("fe80::2", 7, 0, int(scope)))
            self.echo(s)

    def test_the_kernels_probes_are_answered(self):
        """Neighbour unreachability detection: a unicast solicitation, after which the kernel calls us reachable."""
        self.rig.serve("echo")
        with self.rig.kernel.connect(7) as s:
            self.echo(s)
        self.rig.theirs.ip("-6", "neighbour", "change", V6.synfin, "lladdr", self.rig.ours.run(
            "cat", f"/sys/class/net/{self.rig.device}/address"), "dev", self.rig.peer, "nud", "probe")
        wait_until(lambda: self.neighbour(V6.synfin)[0] == "REACHABLE", lambda: self.neighbour(V6.synfin))

    def test_groups_are_reported_and_queries_answered(self):
        """RFC 3810: twice at the start, and in answer to a querier."""
        self.rig.serve("echo")
        groups = {packets6.packed(packets6.solicited_node(a)) for a in (V6.synfin, packets6.link_local(self.ours))}
        for asks in (False, False, True):
            if asks:
                query = packets6.icmp6("fe80::77", packets6.ALL_NODES, packets6.LISTENER_QUERY, b"\0\x64\0\0" + bytes(16) + b"\2\x7d\0\0",
                                       hop_limit=1)
                self.send(query)
            packet, message = self.heard(packets6.LISTENER_REPORT2, lambda p, asks=asks: p.payload[16] == (2 if asks else 4))
            self.assertEqual((packet.destination, packet.hop_limit), ("ff02::16", 1))
            self.assertEqual(packet.payload[2:6], b"\5\2\0\0", "router alert")
            self.assertEqual({message[12 + 20 * i:28 + 20 * i] for i in range(message[7])}, groups)


class DuplicateTest(Neighbours6Case):
    def claimed(self, process):
        self.assertEqual(process.wait(), 1, process.said())
        self.assertIn(f"address {V6.synfin} is used by ", process.err + process.out)
        self.assertIn("(duplicate)", process.err + process.out)

    def test_an_address_of_the_kernels_is_refused(self):
        self.rig.theirs.add_address(V6.cidr(V6.synfin), self.rig.peer)
        for dad in ("wait", "optimistic"):
            process = self.rig.synfin("serve", "--device", f"af_packet:{self.rig.device}", "--address", V6.cidr(V6.synfin), "--app", "echo",
                                      "--set", f"dad={dad}", "--cores", "0")
            self.claimed(process)
        process = self.rig.load(f"tcp://{host(V6.kernel)}:9", "--set", "dad=wait", "-n", "1", "-c", "1", "--connect-only")
        self.claimed(process)

    def test_the_kernel_does_not_take_an_address_of_ours(self):
        self.rig.serve("echo", "--set", "dad=off")
        theirs = self.rig.theirs
        theirs.run("sh", "-c", f"cd /proc/sys/net/ipv6/conf/{self.rig.peer} && echo 1 > accept_dad && echo 1 > dad_transmits")
        theirs.ip("address", "add", V6.cidr(V6.synfin), "dev", self.rig.peer)
        wait_until(lambda: "dadfailed" in theirs.ip("-6", "address", "show", "dev", self.rig.peer),
                   lambda: theirs.ip("-6", "address", "show", "dev", self.rig.peer))

    def test_without_another_host_the_address_is_used(self):
        for dad in ("wait", "optimistic"):
            serve = self.rig.serve("echo", "--set", f"dad={dad}")
            with self.rig.kernel.connect(7) as s:
                self.echo(s)
            self.assertEqual(serve.interrupt(), 0, serve.said())


class MovingTest(Neighbours6Case):
    def test_a_neighbour_with_another_mac_address_is_followed(self):
        serve = self.rig.serve("echo")
        with self.rig.kernel.connect(7) as s:
            self.echo(s)
            self.rig.theirs.ip("link", "set", self.rig.peer, "address", MOVED)
            self.echo(s)
            with self.rig.kernel.connect(7) as other:
                self.echo(other)
        self.assertGreaterEqual(self.tcp(serve)["nd_hints"], 1)

    def test_forged_advertisements_move_nobody(self):
        serve = self.rig.serve("echo")
        with self.rig.kernel.connect(7) as s:
            self.echo(s)
            for flags in (packets6.OVERRIDE, packets6.OVERRIDE | packets6.SOLICITED):
                for _ in range(10):
                    self.send(packets6.advertisement(V6.kernel, V6.synfin, V6.kernel, STRANGER, flags=flags))
            self.echo(s)
        wait_until(lambda: self.tcp(serve)["nd_hints"] == 20, lambda: self.tcp(serve))
        self.assertEqual(self.tcp(serve)["retransmitted"], 0)

    def test_hop_limits_below_255_count_for_nothing(self):
        serve = self.rig.serve("echo")
        self.send(packets6.solicitation(V6.at(9), V6.synfin, STRANGER, destination=V6.synfin, hop_limit=254))
        wait_until(lambda: self.drops(serve).get("nd_hop_limit") == 1, lambda: self.drops(serve))

    def test_a_neighbour_that_goes_and_comes_back(self):
        """While it is gone, opens end as unreachable and do not wait for their timeouts."""
        with self.rig.kernel.listen(9, "::") as listener:
            def accept():
                while True:
                    try:
                        listener.accept()[0].close()
                    except OSError:
                        return
            threading.Thread(target=accept, daemon=True).start()
            load = self.rig.load(f"tcp://{host(V6.kernel)}:9", "-R", "20", "-d", "600s", "--connect-only", *("--close", "rst"))
            established = lambda: self.tcp(load).get("established", 0)  # noqa: E731
            wait_until(lambda: established() > 0, self.rig.said)
            self.rig.theirs.ip("address", "del", V6.cidr(V6.kernel), "dev", self.rig.peer)
            # Somebody else claims the address: synfin asks its old owner, then everybody, and nobody answers.
            self.send(packets6.advertisement(V6.kernel, packets6.ALL_NODES, V6.kernel, STRANGER, flags=packets6.OVERRIDE))
            # Every connection that was established has closed at once; what closes beyond that has failed.
            wait_until(lambda: self.tcp(load)["closed"] > established(), lambda: self.rig.stats(load))
            before = established()
            self.rig.theirs.add_address(V6.cidr(V6.kernel), self.rig.peer)
            wait_until(lambda: established() > before, lambda: self.rig.stats(load))
            load.interrupt()
            listener.shutdown(socket.SHUT_RDWR)
        self.assertGreater(self.rig.result(load)["connections"]["failed_by"].get("unreachable", 0), 0, load.said())


class RouterTest(Neighbours6Case):
    """The kernel as the router that advertises itself; raw frames speak for it."""

    def advertise(self, **fields):
        self.send(packets6.router_advertisement(self.router, self.kernels, **fields), source=self.kernels)

    def setUp(self):
        super().setUp()
        self.router = packets6.link_local(self.kernels)
        # Advertisements of a neighbour that is no router, by their flag, would end it as our gateway.
        self.rig.theirs.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
        self.rig.theirs.add_address(f"{V6.far(1)}/128", "lo")

    def echo_from_afar(self):
        with self.rig.kernel.socket() as s:
            s.settimeout(LIMIT)
            s.bind((V6.far(1), 0))
            s.connect((V6.synfin, 7))
            self.echo(s)

    def test_gateway_mtu_and_lifetime_come_from_the_router(self):
        with self.rig.kernel.listen(9, V6.far(1)) as listener:
            listener.settimeout(LIMIT)
            load = self.rig.load(f"tcp://{host(V6.far(1))}:9", "--gateway", "auto", "-R", "10", "-d", "600s", "--connect-only",
                                 "--timeout", "2s")
            self.heard(packets6.ROUTER_SOLICITATION)
            self.advertise(mtu=1400)
            s, _ = listener.accept()
            with s:
                self.assertEqual(s.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG), 1340 - 12, "MTU of the router, timestamps")
            self.advertise(lifetime=0)
            wait_until(lambda: self.tcp(load).get("router_changes", 0) == 2, lambda: self.rig.stats(load))
            self.heard(packets6.ROUTER_SOLICITATION)
            self.advertise()
            wait_until(lambda: self.tcp(load).get("router_changes", 0) == 3, lambda: self.rig.stats(load))
            load.interrupt()

    def test_without_the_option_advertisements_and_redirects_are_ignored(self):
        serve = self.rig.serve("echo", "--gateway", V6.kernel)
        self.advertise()
        self.send(packets6.icmp6(self.router, V6.synfin, packets6.REDIRECT, bytes(4) + packets6.packed(V6.at(9)) + packets6.packed(V6.far(1))))
        wait_until(lambda: self.drops(serve).get("router_ignored") == 1 and self.drops(serve).get("redirect_ignored") == 1,
                   lambda: self.drops(serve))
        self.echo_from_afar()

    def test_a_pinned_gateway_is_not_asked_for(self):
        pinned = ":".join(f"{octet:02x}" for octet in self.kernels)
        serve = self.rig.serve("echo", "--gateway", f"{V6.kernel}@{pinned}", "--set", "dad=off")
        for _ in range(20):
            self.send(packets6.advertisement(V6.kernel, V6.synfin, V6.kernel, STRANGER))
        self.echo_from_afar()
        wait_until(lambda: self.drops(serve).get("nd_pinned") == 20, lambda: self.drops(serve))
        self.assertEqual(self.tcp(serve)["nd_solicitations_sent"], 0)

    def test_forged_advertisements_do_not_take_the_gateways_traffic(self):
        serve = self.rig.serve("echo", "--gateway", V6.kernel)
        self.echo_from_afar()
        for _ in range(20):
            self.send(packets6.advertisement(V6.kernel, V6.synfin, V6.kernel, STRANGER))
        self.echo_from_afar()
        wait_until(lambda: self.tcp(serve)["nd_hints"] == 20, lambda: self.tcp(serve))
        self.assertEqual(self.tcp(serve)["retransmitted"], 0)


class FloodTest(Neighbours6Case):
    """50,000 hosts that do not exist ask for synfin, as a scan of the whole /64 would."""

    sources = 50_000
    per_step = 200  # frames in 10 ms

    @staticmethod
    def source(i):
        return packets6.packed(V6.at(1))[:8] + b"\x77" + bytes(3) + (i + 1).to_bytes(4, "big")

    def frames(self, packet, checksum_at, sources):
        """The packet from each source: only the source and the checksum change, so they are patched into one."""
        packet = bytearray(packet)
        rest = len(packet[40:]).to_bytes(4, "big") + bytes((0, 0, 0, packet[6]))
        for i in range(sources):
            packet[8:24] = self.source(i)
            packet[checksum_at:checksum_at + 2] = bytes(2)
            total = checksum(bytes(packet[8:40]) + rest + bytes(packet[40:]))
            packet[checksum_at:checksum_at + 2] = total.to_bytes(2, "big")
            yield self.ours + STRANGER + packets6.ETHERTYPE + bytes(packet)

    def flood(self, frames):
        """A neighbour that synfin knows is served all the time, on an old connection and on new ones."""
        serve = self.rig.serve("echo", "--set", "dad=off")  # with the default, it asks for nobody in its first second
        with self.rig.kernel.connect(7) as known:
            self.echo(known)
            for i, frame in enumerate(frames):
                self.cable.send(frame)
                if i % self.per_step == 0:
                    time.sleep(0.01)
                    self.echo(known)
                if i % 5000 == 0:
                    with self.rig.kernel.connect(7) as s:
                        self.echo(s)
            self.echo(known)
        return serve

    @alone
    def test_solicitations_displace_no_known_neighbour(self):
        packet = packets6.solicitation(packets6.text(self.source(0)), V6.synfin, STRANGER, destination=V6.synfin)
        serve = self.flood(self.frames(packet, 42, self.sources))
        self.assertEqual(self.tcp(serve)["retransmitted"], 0)
        # The kernel's queue of a packet socket may lose some of the flood; most arrived.
        self.assertGreater(self.tcp(serve)["nd_advertisements_sent"], self.sources / 2)

    @alone
    def test_opens_displace_no_known_neighbour(self):
        """Each SYN makes synfin look for a host that does not answer."""
        syn = struct.pack(">HHIIBBHHH", 40_000, 7, 1, 0, 5 << 4, 2, 65_535, 0, 0)
        packet = packets6.ipv6(packets6.text(self.source(0)), V6.synfin, packets6.TCP, syn)
        sources = self.sources if settings.long else self.sources // 5
        serve = self.flood(self.frames(packet, 56, sources))
        wait_until(lambda: self.tcp(serve)["nd_solicitations_sent"] > sources / 2, lambda: self.rig.stats(serve))


if __name__ == "__main__":
    import unittest
    unittest.main()
