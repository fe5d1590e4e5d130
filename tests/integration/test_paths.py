"""Paths to the peer: a router whose next link is narrower, and a gateway that others speak for."""

import socket
import struct
import unittest

from cases import RigCase
from family import V6, host
from rig import KERNEL_ADDRESS, LIMIT, SYNFIN_ADDRESS, wait_until

BODY = 100 * 1024


class NarrowLinkTest(RigCase):
    """synfin, the kernel as a router, and behind a narrow link a client that offers the MSS of 1,500 bytes."""

    link_mtu = 1200

    def setUp(self):
        super().setUp()
        self.client = self.rig.namespace("client")
        router = self.rig.theirs
        router.ip("link", "add", "toclient", "type", "veth", "peer", "name", "torouter", "netns", self.client.name)
        router.ip("link", "set", "toclient", "mtu", self.link_mtu, "up")
        self.client.ip("link", "set", "torouter", "up")  # of 1,500 bytes: only the router knows
        family = self.family
        router.add_address(family.cidr(family.behind(1)), "toclient")
        self.client.add_address(family.cidr(family.behind(5)), "torouter")
        self.client.ip("route", "add", "default", "via", family.behind(1), "advmss", family.mss)
        forward = "ipv4/ip_forward" if family.version == 4 else "ipv6/conf/all/forwarding"
        router.run("sh", "-c", f"echo 1 > /proc/sys/net/{forward}")

    def fetch(self):
        out = self.client.run("curl", "-s", "--max-time", LIMIT, "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                              self.rig.url)
        self.assertEqual(out, f"200 {BODY}")

    def after(self, serve, connections):
        """The counters, when so many connections have ended."""
        def ended():
            tcp = self.rig.stats(serve).get("tcp", {})
            return tcp if tcp.get("closed", 0) >= connections else None
        return wait_until(ended, f"{connections} connections ended")

    def test_serve_follows_what_the_router_says(self):
        serve = self.rig.serve("http", "--gateway", self.family.kernel, "--response-size", str(BODY))
        self.fetch()
        first = self.after(serve, 1)
        self.assertEqual(first["icmp_too_big_accepted"], 1, first)
        self.assertEqual(first["rto_expirations"], 0, "what was too large left again at once")
        self.fetch()
        again = self.after(serve, 2)
        self.assertEqual(again["icmp_too_big_accepted"], 1, "the next connection begins with what is known")
        self.assertEqual(again["retransmitted"], first["retransmitted"])

    def test_load_follows_what_the_router_says(self):
        target = self.family.behind(5)
        with self.client.listen(9, target) as listener:
            load = self.rig.load(f"tcp://{host(target)}:9", "--gateway", self.family.kernel, "--request-size", "16KiB",
                                 "--response-size", "1", "-c", "1", "-n", "1")
            listener.settimeout(LIMIT)
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(LIMIT)
                got = 0
                while got < 16 * 1024 and (chunk := peer.recv(65536)):
                    got += len(chunk)
                peer.sendall(b"x")
            self.assertEqual(got, 16 * 1024)
            self.assertEqual(load.wait(), 0, load.said())
            self.assertEqual(self.rig.result(load)["tcp"]["icmp_too_big_accepted"], 1)


class NarrowLink6Test(NarrowLinkTest):
    families = (V6,)
    link_mtu = 1300  # an IPv6 link has 1,280 bytes at least


class GatewayTest(RigCase):
    """A client behind the gateway, and a station on the link that claims the gateway's address."""

    def setUp(self):
        super().setUp()
        self.rig.theirs.ip("address", "add", "192.0.2.1/32", "dev", "lo")

    def forge(self, times=1):
        """ARP replies for the gateway's address from a MAC address that nobody has."""
        to = bytes.fromhex(self.mac(self.rig.ours, self.rig.device))
        forged = bytes.fromhex("02dead000001")
        arp = struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, 2, forged, socket.inet_aton(KERNEL_ADDRESS), to,
                          socket.inet_aton(SYNFIN_ADDRESS))
        with self.rig.theirs.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as s:
            s.bind((self.rig.peer, 0))
            for _ in range(times):
                s.send(to + forged + b"\x08\x06" + arp)

    @staticmethod
    def mac(namespace, interface):
        return namespace.run("cat", f"/sys/class/net/{interface}/address").replace(":", "")

    def echo(self):
        with self.rig.kernel.socket() as s:
            s.settimeout(LIMIT)
            s.bind(("192.0.2.1", 0))
            s.connect((SYNFIN_ADDRESS, 7))
            s.sendall(b"hello")
            self.assertEqual(s.recv(5), b"hello")

    def test_a_forged_reply_does_not_take_the_gateways_traffic(self):
        serve = self.rig.serve("echo", "--gateway", KERNEL_ADDRESS)
        self.echo()
        self.forge(times=20)
        self.echo()
        wait_until(lambda: self.rig.stats(serve)["tcp"]["arp_hints"] == 20, lambda: self.rig.stats(serve)["tcp"])
        self.assertEqual(self.rig.stats(serve)["tcp"]["retransmitted"], 0)

    def test_a_pinned_gateway_is_not_asked_for(self):
        mac = self.mac(self.rig.theirs, self.rig.peer)
        pinned = ":".join(mac[i:i + 2] for i in range(0, 12, 2))
        serve = self.rig.serve("echo", "--gateway", f"{KERNEL_ADDRESS}@{pinned}")
        self.forge(times=20)
        self.echo()
        wait_until(lambda: self.rig.stats(serve)["drops"].get("arp_pinned") == 20, lambda: self.rig.stats(serve)["drops"])
        self.assertEqual(self.rig.stats(serve)["tcp"]["arp_requests_sent"], 0)


if __name__ == "__main__":
    unittest.main()
