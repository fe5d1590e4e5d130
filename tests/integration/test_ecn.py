"""Explicit congestion notification (RFC 3168) with the Linux kernel: asked for by either side, and its marks on the wire."""

import socket
import struct

from cases import RigCase
from family import V6, host
from rig import LIMIT, receive_exactly

TEXT = 20_000
ECE, CWR, SYN = 0x40, 0x80, 0x02
ECT0 = 2
_OPTIONS_AT = 5  # struct tcp_info
_OPT_ECN, _OPT_ECN_SEEN = 8, 16


def ecn_options(s):
    """(negotiated, ECT has arrived), as the kernel sees its connection."""
    options = s.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)[_OPTIONS_AT]
    return bool(options & _OPT_ECN), bool(options & _OPT_ECN_SEEN)


class EcnTest(RigCase):
    def setUp(self):
        super().setUp()
        self.cable = None

    def kernel_ecn(self, value):
        """0: off, 1: ask and accept, 2: accept (the kernel's default)."""
        self.rig.theirs.run("sh", "-c", f"echo {value} > /proc/sys/net/ipv4/tcp_ecn")

    def watch(self):
        """Collects what passes the kernel's end of the cable from now on."""
        with self.rig.theirs.entered():
            self.cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self.cable.bind((self.rig.peer, 0))
        self.addCleanup(self.cable.close)
        self.cable.setblocking(False)

    def segments_of_synfin(self):
        """(ECN field, TCP flags, sequence number, bytes of text) of each segment that synfin has sent."""
        out = []
        synfin = socket.inet_pton(self.family.af, self.family.synfin)
        while True:
            try:
                frame = self.cable.recv(65536)
            except BlockingIOError:
                return out
            ip = frame[14:]
            if self.family is V6:
                if frame[12:14] != b"\x86\xdd" or ip[6] != 6 or ip[8:24] != synfin:
                    continue
                ecn, tcp, end = ip[1] >> 4 & 3, ip[40:], struct.unpack("!H", ip[4:6])[0]
            else:
                if frame[12:14] != b"\x08\x00" or ip[9] != 6 or ip[12:16] != synfin:
                    continue
                ecn, tcp, end = ip[1] & 3, ip[20:], struct.unpack("!H", ip[2:4])[0] - 20
            out.append((ecn, tcp[13], struct.unpack("!I", tcp[4:8])[0], end - (tcp[12] >> 4) * 4))

    def check_marks(self, negotiated):
        segments = self.segments_of_synfin()
        self.assertGreater(len(segments), 10)
        first, sent = segments[0][2], 0  # sent: octets since `first`
        for ecn, flags, seq, text in segments:
            self.assertIn(ecn, (0, ECT0) if negotiated else (0,))
            end = (seq + text - first) % 2**32
            is_new = text > 0 and end > sent
            sent = max(sent, end)
            self.assertEqual(ecn == ECT0, negotiated and is_new, f"flags {flags:#x}, {text} bytes, new: {is_new}")
            if not flags & SYN:
                self.assertEqual(flags & (ECE | CWR), 0, "nothing marks on this cable")
        return [flags & (ECE | CWR) for _, flags, _, _ in segments if flags & SYN]

    def echo(self, serve_options, expected):
        self.rig.serve("echo", *serve_options)
        self.watch()
        with self.rig.theirs.connect(7) as s:
            s.sendall(b"x" * TEXT)
            self.assertEqual(receive_exactly(s, TEXT), b"x" * TEXT)
            self.assertEqual(ecn_options(s), (expected, expected))
        self.assertEqual(self.check_marks(expected), [ECE if expected else 0])

    def test_the_kernel_asks_and_synfin_accepts(self):
        self.kernel_ecn(1)
        self.echo(("--listen", "7", "--set", "tcp.ecn=on"), True)

    def test_by_default_synfin_does_not_accept(self):
        self.kernel_ecn(1)
        self.echo(("--listen", "7",), False)

    def request(self, load_options, expected):
        """synfin opens, sends TEXT bytes and receives one."""
        with self.rig.theirs.listen(9) as listener:
            self.watch()
            load = self.rig.load(f"tcp://{host(self.family.kernel)}:9", "--request-size", str(TEXT), "--response-size", "1",
                                 "-c", "1", "-n", "1", *load_options)
            listener.settimeout(LIMIT)
            peer, _ = listener.accept()
            with peer:
                peer.settimeout(LIMIT)
                self.assertEqual(len(receive_exactly(peer, TEXT)), TEXT)
                self.assertEqual(ecn_options(peer), (expected, expected))
                peer.sendall(b"y")
        self.assertEqual(load.wait(), 0, load.said())

    def test_synfin_asks_and_the_kernel_accepts(self):
        self.kernel_ecn(2)
        self.request(("--set", "tcp.ecn=on"), True)
        self.assertEqual(self.check_marks(True), [ECE | CWR])

    def test_the_kernel_refuses(self):
        self.kernel_ecn(0)
        self.request(("--set", "tcp.ecn=on"), False)
        self.assertEqual(self.check_marks(False), [ECE | CWR])


class EcnTest6(EcnTest):
    families = (V6,)
