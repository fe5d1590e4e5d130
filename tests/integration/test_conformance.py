"""Conformance on the wire: rows of the conformance tests, each of which has its own in tests/conformance, here once more with real segments
to and from the command."""

from cases import RigCase
from family import V6, host
from raw_peer import ACK, CLOSED_PORT, FIN, PSH, RST, SYN, RawPeer, names
from rig import wait_until

ECHO, HTTP = 7, 80
ISN = 0xFFFFFF00  # so that every stream passes 2^32
MSS = b"\x02\x04\x05\xb4"
UNIT = 100  # bytes of a piece of data


class ConformanceTest(RigCase):
    wire_text = True

    def setUp(self):
        super().setUp()
        self.peer = RawPeer(self.rig)
        self.addCleanup(self.peer.close)

    def expect(self, flags, seq=None, ack=None, payload=b""):
        """The next segment, and the fields of it that are given."""
        s = self.peer.receive()
        self.assertEqual(names(s.flags & ~PSH), names(flags), s)
        self.assertEqual(s.payload, payload, s)
        for what, wanted, found in (("SEQ", seq, s.seq), ("ACK", ack, s.ack)):
            if wanted is not None:
                self.assertEqual(found, wanted & 0xFFFFFFFF, f"{what} of {s}")
        return s

    def silence(self):
        silent, s = self.peer.nothing_but()
        self.assertTrue(silent, f"an answer where none is wanted: {s}")

    def state(self, name):
        wait_until(lambda: self.rig.states(self.serving) == {name: 1}, lambda: f"{name}: {self.rig.states(self.serving)}")

    def half_open(self):
        """(our port, their ISN)"""
        port = self.peer.a_port()
        self.peer.send(port, ECHO, SYN, ISN, options=MSS)
        return port, self.expect(SYN | ACK, ack=ISN + 1).seq

    def opened(self):
        """(our port, SND.NXT and RCV.NXT of ours), with nothing sent yet."""
        port, iss = self.half_open()
        self.peer.send(port, ECHO, ACK, ISN + 1, iss + 1)
        return port, ISN + 1, iss + 1

    def alive(self, port, seq, ack):
        """It echoes one byte and takes the ACK of that."""
        self.peer.send(port, ECHO, PSH | ACK, seq, ack, b"!")
        self.expect(ACK, seq=ack, ack=seq + 1, payload=b"!")
        self.peer.send(port, ECHO, ACK, seq + 1, ack + 1)

    def serve(self, app="echo", *options):
        self.serving = self.rig.serve(app, *options)
        self.peer.find()

    def test_closed_and_listen(self):
        """Rows 1, 2, 28, 31: RFC 9293 3.10.7.1, 3.10.7.2, MUST-3."""
        self.serve()
        port = self.peer.a_port()
        self.peer.send(port, CLOSED_PORT, SYN, ISN)
        self.expect(RST | ACK, seq=0, ack=ISN + 1)
        self.peer.send(port, CLOSED_PORT, FIN | PSH, ISN, payload=b"x" * UNIT)
        self.expect(RST | ACK, seq=0, ack=ISN + UNIT + 1)
        for remote_port in (CLOSED_PORT, ECHO):
            self.peer.send(port, remote_port, ACK, ISN, 0x12345678)
            self.expect(RST, seq=0x12345678)
            self.peer.send(port, remote_port, RST, ISN)
            self.peer.send(port, remote_port, RST | ACK, ISN, 5)
            self.silence()
        for flags in (0, FIN, SYN | FIN, SYN | RST):
            self.peer.send(port, ECHO, flags, ISN)
        self.peer.send(port, ECHO, SYN, ISN, spoil=0x0101)
        self.silence()

    def test_syn_received(self):
        """Rows 7, 33: RFC 9293 3.10.7.4."""
        self.serve()
        port, iss = self.half_open()
        for wrong in (iss, iss + 2):
            self.peer.send(port, ECHO, ACK, ISN + 1, wrong)
            self.expect(RST, seq=wrong)
        self.peer.send(port, ECHO, ACK, ISN + 1, iss + 1)
        self.alive(port, ISN + 1, iss + 1)
        self.peer.send(port, ECHO, RST, ISN + 2)  # the server ends sooner
        port, iss = self.half_open()
        self.peer.send(port, ECHO, RST, ISN + 1)  # back to LISTEN, without a word
        self.silence()
        self.peer.send(port, ECHO, ACK, ISN + 1, iss + 1)
        self.expect(RST, seq=iss + 1)

    def test_acceptability(self):
        """Rows 5, 23: RFC 9293 3.10.7.4 first and fifth, RFC 5961 5."""
        self.serve()
        port, snd, rcv = self.opened()
        self.alive(port, snd, rcv)
        snd, rcv = snd + 1, rcv + 1
        for seq in (snd - UNIT, snd - UNIT - 1, snd + (1 << 30)):  # old, older, far beyond the window
            self.peer.send(port, ECHO, ACK, seq, rcv, b"x" * UNIT)
            self.expect(ACK, seq=rcv, ack=snd)
        self.peer.send(port, ECHO, ACK, snd, rcv + 1, b"x" * UNIT)  # acknowledges what was not sent
        self.expect(ACK, seq=rcv, ack=snd)
        self.alive(port, snd, rcv)
        self.peer.send(port, ECHO, RST, snd + 1)  # the server ends sooner

    def test_reset_and_syn_in_the_window(self):
        """Rows 21, 22: RFC 5961 3 and 4."""
        self.serve()
        port, snd, rcv = self.opened()
        self.alive(port, snd, rcv)
        snd, rcv = snd + 1, rcv + 1
        self.peer.send(port, ECHO, RST, snd + 1)
        self.expect(ACK, seq=rcv, ack=snd)
        self.peer.send(port, ECHO, RST, snd - 1)
        self.peer.send(port, ECHO, RST, snd + (1 << 30))
        self.silence()
        for seq in (snd, snd - 5, snd + (1 << 30)):
            self.peer.send(port, ECHO, SYN, seq)
            self.expect(ACK, seq=rcv, ack=snd)
        self.alive(port, snd, rcv)
        snd, rcv = snd + 1, rcv + 1
        self.peer.send(port, ECHO, RST, snd)
        self.silence()
        self.peer.send(port, ECHO, ACK, snd, rcv)
        self.expect(RST, seq=rcv)

    def test_out_of_order(self):
        """Rows 39, 65: RFC 9293 3.10.7.4 seventh and eighth, RFC 5681 4.2: an ACK at once for a hole and for what fills it."""
        self.serve()
        port, snd, rcv = self.opened()
        self.peer.send(port, ECHO, FIN | ACK, snd + 2 * UNIT, rcv)  # a FIN behind a hole ends nothing
        self.expect(ACK, seq=rcv, ack=snd)
        self.peer.send(port, ECHO, ACK, snd + UNIT, rcv, b"b" * UNIT)
        self.expect(ACK, seq=rcv, ack=snd)
        self.peer.send(port, ECHO, ACK, snd, rcv, b"a" * UNIT)
        end = snd + 2 * UNIT + 1
        got, fin = b"", False
        while not fin:
            s = self.peer.receive()
            self.assertEqual(s.seq, (rcv + len(got)) & 0xFFFFFFFF, s)
            got, fin = got + s.payload, bool(s.flags & FIN)
        self.assertEqual(got, b"a" * UNIT + b"b" * UNIT)
        self.assertEqual(s.ack, end & 0xFFFFFFFF)
        # Row 9: LAST-ACK ends on the ACK of the FIN only.
        self.peer.send(port, ECHO, ACK, end, rcv + 2 * UNIT)
        self.silence()
        self.state("LAST-ACK")
        self.peer.send(port, ECHO, ACK, end, rcv + 2 * UNIT + 1)
        self.peer.send(port, ECHO, ACK, end, rcv + 2 * UNIT + 1)  # of nobody any more
        self.expect(RST, seq=rcv + 2 * UNIT + 1)

    def test_time_wait(self):
        """Rows 8, 13, 14, 15: RFC 9293 3.6 and 3.10.7.4, MAY-2; RFC 1337."""
        self.serve("http")
        port, snd, rcv = self.peer.a_port(), ISN + 1, 0
        self.peer.send(port, HTTP, SYN, ISN, options=MSS)
        iss = self.expect(SYN | ACK, ack=snd).seq
        request = b"GET / HTTP/1.0\r\n\r\n"
        self.peer.send(port, HTTP, PSH | ACK, snd, iss + 1, request)
        snd, rcv, fin = snd + len(request), iss + 1, False
        while not fin:
            s = self.peer.receive()
            rcv, fin = s.seq + len(s.payload), bool(s.flags & FIN)
        rcv += 1
        self.peer.send(port, HTTP, ACK, snd, rcv)
        for flags, seq in ((FIN | ACK, snd), (FIN | ACK, snd), (RST, snd + 1), (FIN | ACK, snd), (SYN, snd - UNIT)):
            self.peer.send(port, HTTP, flags, seq, rcv)
            if flags & RST:  # no assassination
                self.silence()
            else:
                self.expect(ACK, seq=rcv, ack=snd + 1)
        self.state("TIME-WAIT")
        self.peer.send(port, HTTP, SYN, snd + UNIT)
        new = self.expect(SYN | ACK, ack=snd + UNIT + 1)
        self.assertLess((new.seq - rcv) & 0xFFFFFFFF, 1 << 31, "a larger ISN than the one before came to")

    def test_no_mss_option(self):
        """Row 30: RFC 9293 MUST-15: a SYN without the option is taken for the default, 536 or 1220."""
        self.serve("http", "--response-size", "10000")
        port = self.peer.a_port()
        self.peer.send(port, HTTP, SYN, ISN)
        iss = self.expect(SYN | ACK, ack=ISN + 1).seq
        request = b"GET / HTTP/1.0\r\n\r\n"
        self.peer.send(port, HTTP, PSH | ACK, ISN + 1, iss + 1, request)
        segment = self.peer.receive()
        while not segment.payload:  # the ACK of the request may come alone
            segment = self.peer.receive()
        self.assertEqual(len(segment.payload), 536 if self.family.version == 4 else 1220)
        self.peer.send(port, HTTP, RST, ISN + 1 + len(request))

    def test_syn_sent(self):
        """Rows 3, 4: RFC 9293 3.10.7.3, a simultaneous open too (MUST-10)."""
        for simultaneous in (False, True):
            # The wrong ACKs count as a SYN that a peer in TIME-WAIT has refused.
            load = self.rig.load(f"tcp://{host(self.peer.address)}:99", "-c", "1", "-n", "1", "--request-size", "1B", "--response-size", "1B",
                                 "--set", "validity.stale-syn=100%")
            syn = self.peer.receive(60)
            self.assertEqual(names(syn.flags), "SYN")
            port, iss = syn.remote_port, syn.seq
            for wrong in (iss, iss + 2):
                self.peer.send(99, port, SYN | ACK, ISN, wrong)
                self.expect(RST, seq=wrong)
            self.peer.send(99, port, RST, ISN)
            self.peer.send(99, port, RST | ACK, ISN, iss)
            self.silence()
            if simultaneous:
                self.peer.send(99, port, SYN, ISN)
                self.expect(SYN | ACK, seq=iss, ack=ISN + 1)
                self.peer.send(99, port, ACK, ISN + 1, iss + 1)
            else:
                self.peer.send(99, port, SYN | ACK, ISN, iss + 1)
            request = self.peer.receive()
            while not request.payload:  # the ACK may come alone
                request = self.peer.receive()
            self.assertEqual((request.seq, request.ack, len(request.payload)), ((iss + 1) & 0xFFFFFFFF, ISN + 1, 1))
            self.peer.send(99, port, FIN | ACK, ISN + 1, iss + 2, b"y")
            fin = self.peer.receive()
            while not fin.flags & FIN:
                fin = self.peer.receive()
            self.assertEqual((fin.seq, fin.ack), ((iss + 2) & 0xFFFFFFFF, ISN + 3))
            self.peer.send(99, port, ACK, ISN + 3, iss + 3)
            self.assertEqual(load.wait(), 0, load.said())


class Conformance6Test(ConformanceTest):
    families = (V6,)
