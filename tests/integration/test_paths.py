"""Paths to the peer: a router whose next link is narrower, and a gateway that others speak for."""

import socket
import struct
import unittest

from cases import RigCase
from rig import KERNEL_ADDRESS, LIMIT, SYNFIN_ADDRESS, wait_until

BODY = 100 * 1024
LINK_MTU = 1200


class NarrowLinkTest(RigCase):
    """synfin, the kernel as a router, and behind a link of 1,200 bytes a client that offers an MSS of 1,460."""

    def setUp(self):
        super().setUp()
        self.client = self.rig.namespace("client")
        router = self.rig.theirs
        router.ip("link", "add", "toclient", "type", "veth", "peer", "name", "torouter", "netns", self.client.name)
        router.ip("link", "set", "toclient", "mtu", LINK_MTU, "up")
        self.client.ip("link", "set", "torouter", "up")  # of 1,500 bytes: only the router knows
        router.ip("address", "add", "10.78.0.1/24", "dev", "toclient")
        self.client.ip("address", "add", "10.78.0.5/24", "dev", "torouter")
        self.client.ip("route", "add", "default", "via", "10.78.0.1", "advmss", "1460")
        router.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")

    def fetch(self):
        out = self.client.run("curl", "-s", "--max-time", LIMIT, "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                              f"http://{SYNFIN_ADDRESS}/")
        self.assertEqual(out, f"200 {BODY}")

    def after(self, serve, connections):
        """The counters, when so many connections have ended."""
        def ended():
            tcp = self.rig.stats(serve).get("tcp", {})
            return tcp if tcp.get("closed", 0) >= connections else None
        return wait_until(ended, f"{connections} connections ended")

    def test_serve_follows_what_the_router_says(self):
        serve = self.rig.serve("http", "--gateway", KERNEL_ADDRESS, "--response-size", str(BODY))
        self.fetch()
        first = self.after(serve, 1)
        self.assertEqual(first["icmp_too_big_accepted"], 1, first)
        self.assertEqual(first["rto_expirations"], 0, "what was too large left again at once")
        self.fetch()
        again = self.after(serve, 2)
        self.assertEqual(again["icmp_too_big_accepted"], 1, "the next connection begins with what is known")
        self.assertEqual(again["retransmitted"], first["retransmitted"])

    def test_load_follows_what_the_router_says(self):
        with self.client.listen(9, address="10.78.0.5") as listener:
            load = self.rig.load("tcp://10.78.0.5:9", "--gateway", KERNEL_ADDRESS, "--request-size", "16KiB",
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
