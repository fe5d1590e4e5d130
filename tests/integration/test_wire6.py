"""IPv6 on the wire, and as the kernel sees it: header fields, options, extension headers, ICMPv6."""

import errno
import socket
import struct

import packets6
from cases import RigCase
from family import V6
from raw_peer import SYN, RawPeer
from rig import LIMIT, receive_exactly, wait_until

_PACKET_OUTGOING = 4
_SO_RCVBUFFORCE = 33
IPV6_HOPOPTS, IPV6_DSTOPTS = 54, 59  # setsockopt of Linux
PADDING = b"\1\4\0\0\0\0"  # a PadN of six bytes: with the two of the header, eight


def options_header(options):
    """As IPV6_HOPOPTS and IPV6_DSTOPTS take it: the kernel fills in the next header."""
    return struct.pack("BB", 0, (len(options) + 2) // 8 - 1) + options


def put_options(s, *kinds):
    """Every packet of the socket gets headers of these kinds, with nothing but padding in them."""
    for kind in kinds:
        s.setsockopt(socket.IPPROTO_IPV6, kind, options_header(PADDING))


class Listener:
    """Captures what synfin sends, from construction on."""

    def __init__(self, rig):
        with rig.theirs.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x86DD))
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        self._socket.bind((rig.peer, 0x86DD))
        self._socket.setblocking(False)

    def packets(self):
        """The IPv6 packets heard since the last call."""
        found = []
        while True:
            try:
                frame, address = self._socket.recvfrom(65536)
            except BlockingIOError:
                return found
            if address[2] != _PACKET_OUTGOING and (packet := packets6.read(frame[14:])):
                found.append(packet)

    def segments(self):
        return [packet for packet in self.packets() if packet.next_header == packets6.TCP]

    def close(self):
        self._socket.close()


def mss_of(segment):
    """The MSS option of a SYN."""
    options = segment.payload[20:(segment.payload[12] >> 4) * 4]
    while options:
        if options[0] == 2:
            return struct.unpack(">H", options[2:4])[0]
        options = options[1:] if options[0] == 1 else options[options[1]:]
    return None


class Wire6Test(RigCase):
    families = (V6,)
    wire_text = True

    def setUp(self):
        super().setUp()
        self.listener = Listener(self.rig)
        self.addCleanup(self.listener.close)

    def labels(self, segments, port_at):
        """{peer's port: flow label} of the segments, one for each connection. port_at: 0 or 2, where that port is in the TCP header."""
        found = {}
        for each in segments:
            found.setdefault(each.payload[port_at:port_at + 2], set()).add(each.flow_label)
        for labels in found.values():
            self.assertEqual(len(labels), 1, "one label for the life of a connection")
        return {port: labels.pop() for port, labels in found.items()}

    def check_fields(self, segments, port_at, connections, traffic_class=0):
        labels = self.labels(segments, port_at)
        self.assertEqual(len(labels), connections)
        self.assertNotIn(0, labels.values())
        # By chance, two of them are equal in one of 10,000 runs.
        self.assertGreaterEqual(len(set(labels.values())), connections - 1)
        self.assertEqual({each.hop_limit for each in segments}, {64})
        self.assertEqual({each.traffic_class for each in segments}, {traffic_class})
        self.assertEqual({mss_of(each) for each in segments if each.payload[13] & SYN}, {V6.mss})

    def test_fields_of_serve(self):
        self.rig.serve("http", "--response-size", "50000")
        for _ in range(10):
            got = self.rig.kernel.run("curl", "-sS", "--max-time", LIMIT, "-o", "/dev/null", "-w", "%{size_download}", self.rig.url)
            self.assertEqual(got, "50000")
        self.check_fields(self.listener.segments(), 2, 10)

    def test_fields_of_load_and_dscp(self):
        self.rig.nginx({"index.html": bytes(30_000)})
        load = self.rig.load(self.rig.kernel_url, "-c", "2", "-n", "10", "--set", "tcp.dscp=46")
        self.assertEqual(load.wait(), 0, load.said())
        self.check_fields(self.listener.segments(), 0, 10, traffic_class=46 << 2)

    def test_what_the_kernel_says_of_a_connection(self):
        self.rig.serve("echo")
        with self.rig.kernel.connect(7) as s:
            s.sendall(bytes(100_000))
            self.assertEqual(len(receive_exactly(s, 100_000)), 100_000)
            said = self.rig.kernel.run("ss", "-6", "-tinH", "dport", "=", ":7")
        for name, value in (("mss", V6.mss - 12), ("advmss", V6.mss - 12), ("pmtu", 1500)):  # 12: the timestamps option
            self.assertRegex(said, rf"\b{name}:{value}\b")
        self.assertRegex(said, r"\bwscale:\d+,\d+\b")

    def test_extension_headers_of_a_kernels_client(self):
        """Hop-by-hop and destination options before each segment of a connection."""
        self.rig.serve("echo")
        for options in ((IPV6_HOPOPTS,), (IPV6_DSTOPTS,), (IPV6_HOPOPTS, IPV6_DSTOPTS)):
            with self.subTest(options), self.rig.kernel.socket() as s:
                put_options(s, *options)
                s.settimeout(LIMIT)
                s.connect((V6.synfin, 7))
                sent = bytes(range(256)) * 100
                s.sendall(sent)
                self.assertEqual(receive_exactly(s, len(sent)), sent)

    def errors(self):
        """A socket for the ICMPv6 messages that reach the kernel's end."""
        with self.rig.kernel.entered():
            s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        self.addCleanup(s.close)
        s.settimeout(LIMIT)
        return s

    @staticmethod
    def next_of(s, kind):
        """(message, sender) of the next one of this type."""
        while True:
            message, address = s.recvfrom(65536)
            if message[0] == kind:
                return message, address[0]

    def test_an_option_that_asks_for_a_parameter_problem(self):
        """RFC 8200 4.2: the two highest bits of the option's type are 10."""
        self.rig.serve("echo")
        errors = self.errors()
        with self.rig.kernel.socket() as s:
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, options_header(b"\x9e\4\0\0\0\0"))
            s.settimeout(LIMIT)
            with self.assertRaises(OSError) as caught:
                s.connect((V6.synfin, 7))
            self.assertEqual(caught.exception.errno, errno.EPROTO)
        message, sender = self.next_of(errors, packets6.PARAMETER_PROBLEM)
        self.assertEqual((message[1], struct.unpack(">I", message[4:8])[0], sender), (2, 42, V6.synfin))

    def test_an_option_that_asks_for_silence(self):
        """The two highest bits are 01: synfin drops the packet and sends nothing."""
        serve = self.rig.serve("echo")
        with self.rig.kernel.socket() as s:
            s.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, options_header(b"\x5e\4\0\0\0\0"))
            s.setblocking(False)
            s.connect_ex((V6.synfin, 7))
            wait_until(lambda: sum(self.rig.stats(serve)["drops"].values()) > 0, lambda: self.rig.stats(serve))
        self.assertEqual(self.rig.stats(serve)["tcp"]["passive_opens"], 0)
        self.assertEqual(self.listener.segments(), [])

    def test_an_unknown_next_header(self):
        self.rig.serve("echo")
        errors = self.errors()
        with self.rig.kernel.entered(), socket.socket(socket.AF_INET6, socket.SOCK_RAW, 253) as s:
            s.sendto(b"x" * 50, (V6.synfin, 0))
        message, sender = self.next_of(errors, packets6.PARAMETER_PROBLEM)
        self.assertEqual((message[1], struct.unpack(">I", message[4:8])[0], sender), (1, 6, V6.synfin))
        self.assertEqual(packets6.read(message[8:]).payload, b"x" * 50, "it quotes what it is about")

    def test_echo_of_all_nodes(self):
        self.rig.serve("echo")
        errors = self.errors()
        with self.rig.kernel.entered():
            interface = socket.if_nametoindex(self.rig.peer)
        errors.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_LOOP, 0)
        errors.sendto(struct.pack(">BBHHH", packets6.ECHO_REQUEST, 0, 0, 7, 1) + b"all", ("ff02::1", 0, 0, interface))
        message, sender = self.next_of(errors, packets6.ECHO_REPLY)
        self.assertEqual(message[4:], struct.pack(">HH", 7, 1) + b"all")
        self.assertTrue(sender == V6.synfin or sender.startswith("fe80::"), sender)

    def test_fragments_are_dropped_and_counted(self):
        serve = self.rig.serve("echo")
        with self.rig.kernel.entered():
            s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        with s:
            s.sendto(struct.pack(">BBHHH", packets6.ECHO_REQUEST, 0, 0, 7, 1) + bytes(4000), (V6.synfin, 0))
        wait_until(lambda: self.rig.stats(serve)["drops"].get("ip_fragment", 0) == 3, lambda: self.rig.stats(serve)["drops"])

    def test_packets_that_are_not_for_us(self):
        """Another address of our network with our MAC address, and forged hop limits, cost nothing and answer nothing."""
        serve = self.rig.serve("echo")
        peer = RawPeer(self.rig)
        self.addCleanup(peer.close)
        peer.find()
        before = sum(self.rig.stats(serve)["drops"].values())
        other = V6.at(77)
        for packet in (packets6.icmp6(peer.address, other, packets6.ECHO_REQUEST, bytes(8)),
                       packets6.solicitation(peer.address, V6.synfin, hop_limit=254),
                       packets6.icmp6(peer.address, V6.synfin, packets6.ECHO_REQUEST, bytes(8), spoil=0x0101)):
            peer.send_packet(packet)
        self.assertTrue(*peer.nothing_but())
        wait_until(lambda: sum(self.rig.stats(serve)["drops"].values()) >= before + 3, lambda: self.rig.stats(serve)["drops"])
        self.assertEqual([p for p in self.listener.packets() if p.next_header == packets6.ICMP6 and p.payload[0] == packets6.ECHO_REPLY], [])


class Unreachable6Test(RigCase):
    """The router says that it cannot reach the target: a connection that is being opened ends (RFC 1122 4.2.3.9, RFC 5927)."""

    families = (V6,)

    def test_a_prohibited_target_ends_the_attempt(self):
        target = V6.far(5)
        self.rig.theirs.ip("-6", "route", "add", "prohibit", f"{V6.outside}/64")
        self.rig.theirs.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/forwarding")
        load = self.rig.load(f"tcp://[{target}]:80", "-c", "1", "-n", "3", "--gateway", V6.kernel)
        self.assertEqual(load.wait(), 3, load.said())
        result = self.rig.result(load)
        self.assertEqual(result["connections"]["failed_by"], {"unreachable": 3}, result["connections"])
        self.assertGreaterEqual(result["tcp"]["icmp_errors_accepted"], 3)
