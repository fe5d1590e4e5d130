"""A TCP peer made of single segments, beside the kernel on its end of the cable: an address and a MAC of its own, no state but what a test
keeps."""

import collections
import random
import socket
import struct
import time

import packets6
from family import V4
from ping import checksum
from rig import LIMIT

MAC = bytes.fromhex("0200004d0009")
FIN, SYN, RST, PSH, ACK = 0x01, 0x02, 0x04, 0x08, 0x10
CLOSED_PORT = 1
_PACKET_OUTGOING = 4

Segment = collections.namedtuple("Segment", "port remote_port flags seq ack window options payload")


def names(flags):
    return "|".join(name for name, bit in (("FIN", FIN), ("SYN", SYN), ("RST", RST), ("PSH", PSH), ("ACK", ACK)) if flags & bit)


class Ipv4Link:
    """How a peer of this address speaks on Ethernet: frames to send, and what a received frame is."""

    def __init__(self, address, remote):
        self.address, self.remote = socket.inet_aton(address), socket.inet_aton(remote)

    def _arp(self, operation, mac, address):
        return mac + MAC + struct.pack(">HHHBBH6s4s6s4s", 0x0806, 1, 0x0800, 6, 4, operation, MAC, self.address, mac, address)

    def question(self):
        return self._arp(1, b"\xff" * 6, self.remote)

    def heard(self, frame):
        """(the other end's MAC address, the frame to answer with or None) of an ARP packet for us; None of any other frame."""
        if frame[12:14] != b"\x08\x06" or frame[38:42] != self.address:
            return None
        return frame[22:28], self._arp(2, frame[22:28], frame[28:32]) if frame[20:22] == b"\0\1" else None

    def pseudo_header(self, length):
        return self.address + self.remote + struct.pack(">BBH", 0, 6, length)

    def packet(self, tcp):
        ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0x4000, 64, 6, 0) + self.address + self.remote
        return b"\x08\x00" + ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:] + tcp

    def tcp(self, frame):
        """The segment of a frame for us; None of any other frame."""
        if frame[12:14] != b"\x08\x00" or frame[23] != 6 or frame[30:34] != self.address:
            return None
        return frame[34:14 + struct.unpack_from(">H", frame, 16)[0]]


class Ipv6Link:
    """The same of IPv6, with neighbour discovery in place of ARP."""

    def __init__(self, address, remote):
        self.address, self.remote = address, remote

    def question(self):
        group = packets6.solicited_node(self.remote)
        return packets6.multicast_mac(group) + MAC + packets6.ETHERTYPE + packets6.solicitation(self.address, self.remote, MAC)

    def heard(self, frame):
        packet = self._read(frame)
        if packet is None or packet.next_header != packets6.ICMP6 or packet.hop_limit != 255 or len(packet.payload) < 24:
            return None
        kind, target = packet.payload[0], packets6.text(packet.payload[8:24])
        if kind == packets6.SOLICITATION and target == self.address:
            answer = packets6.advertisement(self.address, packet.source, self.address, MAC)
            return frame[6:12], frame[6:12] + MAC + packets6.ETHERTYPE + answer
        if kind == packets6.ADVERTISEMENT and target == self.remote:
            return frame[6:12], None
        return None

    @staticmethod
    def _read(frame):
        return packets6.read(frame[14:]) if frame[12:14] == packets6.ETHERTYPE else None

    def pseudo_header(self, length):
        return packets6.pseudo_header(self.address, self.remote, packets6.TCP, length)

    def packet(self, tcp):
        return packets6.ETHERTYPE + packets6.ipv6(self.address, self.remote, packets6.TCP, tcp)

    def tcp(self, frame):
        packet = self._read(frame)
        if packet is None or packet.next_header != packets6.TCP or packet.destination != self.address:
            return None
        return packet.payload


class RawPeer:
    def __init__(self, rig):
        self.address = rig.family.at(9)
        self._link = (Ipv4Link if rig.family is V4 else Ipv6Link)(self.address, rig.family.synfin)
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
        self._cable.send(self._link.question())
        end = time.monotonic() + LIMIT
        while self._mac is None:
            self._take(end)

    def a_port(self):
        return next(self._ports)

    def send(self, port, remote_port, flags, seq, ack=0, payload=b"", window=65535, options=b"", spoil=0):
        head = struct.pack(">HHIIBBHHH", port, remote_port, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, (20 + len(options)) // 4 << 4, flags, window, 0,
                           0) + options
        total = checksum(self._link.pseudo_header(len(head) + len(payload)) + head + payload) ^ spoil
        tcp = head[:16] + struct.pack(">H", total) + head[18:] + payload
        self._cable.send((self._mac + MAC + self._link.packet(tcp)).ljust(60, b"\0"))

    def send_packet(self, packet):
        """An IPv6 packet of one's own."""
        self._cable.send(self._mac + MAC + packets6.ETHERTYPE + packet)

    def _take(self, end):
        """One frame: a question for our MAC address is answered, a segment for us is returned."""
        self._cable.settimeout(max(0.001, end - time.monotonic()))
        frame, address = self._cable.recvfrom(65536)
        if address[2] == _PACKET_OUTGOING:
            return None
        if (told := self._link.heard(frame)) is not None:
            self._mac, answer = told
            if answer:
                self._cable.send(answer)
        if tcp := self._link.tcp(frame):
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
