"""A TCP peer made of single segments, beside the kernel on its end of the cable: an address and a MAC of its own, no state but what a test
keeps."""

import collections
import random
import socket
import struct
import time

from ping import checksum
from rig import LIMIT, SYNFIN_ADDRESS

ADDRESS, MAC = "10.77.0.9", bytes.fromhex("0200004d0009")
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
CLOSED_PORT = 1
_PACKET_OUTGOING = 4

Segment = collections.namedtuple("Segment", "port remote_port flags seq ack window options payload")


def names(flags):
    return "|".join(name for name, bit in (("FIN", FIN), ("SYN", SYN), ("RST", RST), ("PSH", PSH), ("ACK", ACK)) if flags & bit)


class RawPeer:
    def __init__(self, rig):
        self._ends = {}  # (ports, SYN or SYN|ACK or 0): up to where in sequence space its segments have come
        with rig.theirs.entered():
            self._cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        self._cable.bind((rig.peer, 0))
        self._mac = None
        self._ports = iter(range(random.randrange(20_000, 50_000), 65_536))  # others in every test

    def close(self):
        self._cable.close()

    def find(self):
        """Asks who has synfin's address."""
        self._send_arp(1, b"\xff" * 6, SYNFIN_ADDRESS)
        end = time.monotonic() + LIMIT
        while self._mac is None:
            self._take(end)

    def _send_arp(self, operation, mac, address):
        self._cable.send(mac + MAC + struct.pack(">HHHBBH6s4s6s4s", 0x0806, 1, 0x0800, 6, 4, operation, MAC, socket.inet_aton(ADDRESS), mac,
                                                 socket.inet_aton(address)))

    def a_port(self):
        return next(self._ports)

    def send(self, port, remote_port, flags, seq, ack=0, payload=b"", window=65535, options=b"", spoil=0):
        head = struct.pack(">HHIIBBHHH", port, remote_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (20 + len(options)) // 4 << 4, flags, window, 0,
                           0) + options
        ends = socket.inet_aton(ADDRESS) + socket.inet_aton(SYNFIN_ADDRESS)
        total = checksum(ends + struct.pack(">BBH", 0, 6, len(head) + len(payload)) + head + payload) ^ spoil
        tcp = head[:16] + struct.pack(">H", total) + head[18:] + payload
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + ends
        ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
        self._cable.send((self._mac + MAC + b"\x08\x00" + ip + tcp).ljust(60, b"\0"))

    def _take(self, end):
        """One frame: an ARP question is answered, a segment for us is returned."""
        self._cable.settimeout(max(0.001, end - time.monotonic()))
        frame, address = self._cable.recvfrom(65536)
        if address[2] == _PACKET_OUTGOING:
            return None
        if frame[12:14] == b"\x08\x06" and frame[38:42] == socket.inet_aton(ADDRESS):
            self._mac = frame[22:28]
            if frame[20:22] == b"\0\1":
                self._send_arp(2, frame[22:28], socket.inet_ntoa(frame[28:32]))
        if frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[30:34] == socket.inet_aton(ADDRESS):
            tcp = frame[34:14 + struct.unpack_from(">H", frame, 16)[0]]
            remote_port, port, seq, ack, offset, flags, window = struct.unpack_from(">HHIIBBH", tcp)
            header = offset >> 4 << 2
            return Segment(port, remote_port, flags, seq, ack, window, tcp[20:header], tcp[header:])
        return None

    def receive(self, timeout=LIMIT):
        """The next segment that is no retransmission."""
        end = time.monotonic() + timeout
        while True:
            s = self._take(end)
            if s is None:
                continue
            if s.flags & (SYN | FIN) or s.payload:
                what = (s.port, s.remote_port, s.flags & (SYN | ACK) if s.flags & SYN else 0)
                end_of_s = s.seq + len(s.payload) + bool(s.flags & SYN) + bool(s.flags & FIN)
                if what in self._ends and (self._ends[what] - end_of_s) & 0xFFFFFFFF < 1 << 31:
                    continue
                self._ends[what] = end_of_s
            return s

    def nothing_but(self):
        """Asks something that is answered at once (a SYN to where nobody listens); true when nothing else came before that."""
        port = self.a_port()
        self.send(port, CLOSED_PORT, SYN, 1)
        s = self.receive()
        return (s.port, s.flags) == (port, RST | ACK), s
