"""Looks at every frame that leaves the card, at the other end of the cable: are its length and its checksums right?"""

import dataclasses
import socket
import struct
import threading

SOL_PACKET, PACKET_STATISTICS, PACKET_VNET_HDR = 263, 6, 15
VNET_HDR = struct.Struct("=BBHHHH")  # flags, kind, header and segment sizes, where a checksum begins, where in that it goes
NEEDS_SUM, KINDS_TCP = 1, (1, 4)  # to be cut: of IPv4, of IPv6
ETH_P_ALL = 0x0003
PACKET_OUTGOING = 4
TCP, ICMP, ICMP6, HOP_BY_HOP = 6, 1, 58, 0
HEADER6 = 40
FIN, PSH = 0x01, 0x08


@dataclasses.dataclass(frozen=True)
class Segment:
    """A TCP segment with text, as it crossed the cable."""

    flow: tuple
    seq: int
    length: int
    flags: int
    ip_id: int  # 0 over IPv6, which has none


def segment_of(frame):
    """None for what is not one."""
    ip, protocol = packet_of(frame)
    if protocol != TCP:
        return None
    if ip[0] >> 4 == 6:
        total, ip_id, tcp, addresses = HEADER6 + struct.unpack_from(">H", ip, 4)[0], 0, HEADER6, ip[8:HEADER6]
    else:
        total, ip_id, tcp, addresses = struct.unpack_from(">HH", ip, 2) + ((ip[0] & 15) * 4, ip[12:20])
    source, destination, seq = struct.unpack_from(">HHI", ip, tcp)
    length = total - tcp - (ip[tcp + 12] >> 4) * 4
    return Segment((addresses, source, destination), seq, length, ip[tcp + 13], ip_id) if length else None


def packet_of(frame):
    """(the bytes from the IP header on, the protocol that the header names); (None, None) for what is not IP."""
    kind, at = struct.unpack_from(">H", frame, 12)[0], 14
    while kind in (0x8100, 0x88A8):
        kind, at = struct.unpack_from(">H", frame, at + 2)[0], at + 4
    ip = frame[at:]
    if kind == 0x0800 and len(ip) >= 20:
        return ip, ip[9]
    if kind == 0x86DD and len(ip) >= HEADER6:
        return ip, ip[6]
    return None, None


def ones_sum(data):
    """The one's complement sum of RFC 1071: 0xFFFF over data that holds its right checksum."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def what_is_wrong(frame):
    """In words; None for a frame with the right checksums, or with none."""
    ip, protocol = packet_of(frame)
    if ip is None:
        return None
    return _wrong_with_ipv6(ip, protocol) if ip[0] >> 4 == 6 else _wrong_with_ipv4(ip, protocol)


def _wrong_with_ipv4(ip, protocol):
    header, total = (ip[0] & 15) * 4, struct.unpack_from(">H", ip, 2)[0]
    if total > len(ip):
        return f"IPv4 says {total} bytes, there are {len(ip)}"
    if ones_sum(ip[:header]) != 0xFFFF:
        return "IPv4 header checksum"
    payload = ip[header:total]
    if protocol == TCP and ones_sum(ip[12:20] + struct.pack(">BBH", 0, TCP, len(payload)) + payload) != 0xFFFF:
        return "TCP checksum"
    if protocol == ICMP and ones_sum(payload) != 0xFFFF:
        return "ICMP checksum"
    return None


def _wrong_with_ipv6(ip, protocol):
    length = struct.unpack_from(">H", ip, 4)[0]
    if length > len(ip) - HEADER6:
        return f"IPv6 says {length} bytes, there are {len(ip) - HEADER6}"
    payload = ip[HEADER6:HEADER6 + length]
    if protocol == HOP_BY_HOP:  # a report of multicast listeners
        protocol, payload = payload[0], payload[8 + 8 * payload[1]:]
    pseudo = ip[8:HEADER6] + struct.pack(">II", len(payload), protocol)
    names = {TCP: "TCP checksum over IPv6", ICMP6: "ICMPv6 checksum"}
    return names[protocol] if protocol in names and ones_sum(pseudo + payload) != 0xFFFF else None


def completed(packet):
    """The frame of a packet with its virtio header, with the checksum that its sender left to the receiver, as a card would add it."""
    flags, _, _, _, begin, at = VNET_HDR.unpack_from(packet)
    frame = packet[VNET_HDR.size:]
    if not flags & NEEDS_SUM:
        return frame
    place = begin + at
    return frame[:place] + struct.pack(">H", ones_sum(frame[begin:]) ^ 0xFFFF) + frame[place + 2:]


def pieces(segment, size):
    """What a card would make of it that the sender left to be cut: every `size` bytes a segment, IP's IDs counted on, PSH and FIN on the
    last alone."""
    ends = range(0, segment.length, size)
    return [dataclasses.replace(segment, seq=(segment.seq + begin) % 2**32, length=min(size, segment.length - begin),
                                flags=segment.flags if begin == ends[-1] else segment.flags & ~(FIN | PSH),
                                ip_id=segment.ip_id + i if len(segment.flow[0]) == 8 else 0)
            for i, begin in enumerate(ends)]


def wrong_with_segments(segments, most):
    """What is wrong with synfin's segments; None when they are those of streams without gaps, of at most so many bytes each.

    Its packets have the ID 0, and the segments that a card cuts of one count from there on (IPv6 has no ID). What is sent again is not cut."""
    ends, last = {}, {}
    for s in segments:
        if s.length > most:
            return f"longer than {most}: {s}"
        expected = ends.get(s.flow, s.seq)
        if 0 < (expected - s.seq) % 2**32 < 2**31 and s.ip_id == 0:
            continue  # again
        if s.seq != expected:
            return f"{expected} was to come: {s}"
        before = last.get(s.flow)
        if s.ip_id and not (before and s.ip_id == before.ip_id + 1 and before.length == most and not before.flags & (FIN | PSH)):
            return f"not cut from the same packet: {before}, {s}"
        if s.length < most and not s.flags & PSH:
            return f"short, and not the end: {s}"
        ends[s.flow], last[s.flow] = (s.seq + s.length) % 2**32, s
    return None


class FrameWatch:
    """From its making until stop(): counts what comes out of the card, and keeps the first wrong ones as text.

    longest: bytes of a frame."""

    KEPT = 5

    def __init__(self, namespace, interface, longest):
        self.longest = longest
        self.seen = {}  # IP protocol: frames
        self.count = 0  # all frames, each that this end is to cut as many as it is cut into
        self.cut = 0  # frames that this end is to cut
        self.segments = None  # a list: Segments are kept
        self.left = 0  # of these: whose checksum was left to this end
        self.wrong = []
        with namespace.entered():
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
            self._sending = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self._socket.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
        self._sending.bind((interface, 0))
        self._socket.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)  # SO_RCVBUFFORCE
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.settimeout(0.1)
        self._stopping = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while True:
            try:
                packet, address = self._socket.recvfrom(65536)
            except TimeoutError:
                if self._stopping:
                    return
                continue
            frame = completed(packet)
            if address[2] != PACKET_OUTGOING and len(frame) >= 34:
                self._note(packet, frame)
                self.left += packet[0] & NEEDS_SUM
                protocol = packet_of(frame)[1]
                self.seen[protocol] = self.seen.get(protocol, 0) + 1
                problem = what_is_wrong(frame) or (None if packet[1] else self._too_long(frame))
                if problem and len(self.wrong) < self.KEPT:
                    self.wrong.append(f"{problem}: {frame[:80].hex(' ')}")

    def _too_long(self, frame):
        return f"{len(frame)} bytes" if len(frame) > self.longest else None

    def _note(self, packet, frame):
        _, kind, _, size, _, _ = VNET_HDR.unpack_from(packet)
        segment = segment_of(frame) if kind or self.segments is not None else None
        parts = pieces(segment, size) if kind in KINDS_TCP else [segment]
        self.cut += kind in KINDS_TCP
        self.count += len(parts)
        if self.segments is not None and segment:
            self.segments += parts

    def stop(self):
        """After all that has arrived has been looked at."""
        if not self._stopping:
            self._stopping = True
            self._thread.join()
            _, lost = struct.unpack("II", self._socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
            if lost:
                self.wrong.append(f"{lost} frames were not looked at")
            self._socket.close()
            self._sending.close()

    def send(self, frame):
        """Towards the card."""
        self._sending.send(frame)
