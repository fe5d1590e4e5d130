"""The kernel's end behind VLAN tags.

(Its own VLAN interfaces are a module that not every Linux has.)"""

import fcntl
import os
import select
import socket
import struct
import threading

import packets6

VLAN, SERVICE_VLAN = 0x8100, 0x88A8  # 802.1Q, 802.1ad
INTERFACE = "sftags"
_IPV4, _ARP = b"\x08\x00", b"\x08\x06"

_TUNSETIFF, _IFF_TAP_NO_PI = 0x400454CA, 0x1002
_SOL_PACKET, _PACKET_AUXDATA, _TP_STATUS_VLAN_VALID = 263, 8, 0x10
_PACKET_OUTGOING = 4


def tag_bytes(tags):
    """((kind, VID), ...), the outer one first, as they stand behind a frame's addresses."""
    return b"".join(struct.pack(">HH", *tag) for tag in tags)


class VlanSide:
    """Moves the kernel's address from its end of the cable to a tap. A frame that leaves the tap gets the tags; one that comes
    with exactly these loses them and is given to the tap; any other is kept (`others`).

    The cable's ends must take the tags beside a frame of 1500 bytes."""

    def __init__(self, rig, tags):
        self.others = []
        self.told = set()  # the addresses to which ARP frames or neighbour advertisements with our tags were sent
        self._tags = tag_bytes(tags)
        with rig.theirs.entered():
            self._tap = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(self._tap, _TUNSETIFF, struct.pack("16sH", INTERFACE.encode(), _IFF_TAP_NO_PI))
            self._cable = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
        # The kernel hands over the outer tag beside the frame.
        self._cable.setsockopt(_SOL_PACKET, _PACKET_AUXDATA, 1)
        self._cable.bind((rig.peer, 0))
        rig.theirs.ip("address", "flush", "dev", rig.peer)
        rig.add_kernel_addresses(rig.theirs, INTERFACE)
        rig.theirs.ip("link", "set", INTERFACE, "up")
        self.mac = bytes.fromhex(rig.theirs.run("cat", f"/sys/class/net/{INTERFACE}/address").replace(":", ""))
        self._stop, self._stopped = os.pipe()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._stopped)
        self._thread.join()
        for fd in (self._stop, self._tap):
            os.close(fd)
        self._cable.close()

    def send(self, frame, tags):
        """A frame of one's own, with tags of one's own."""
        self._cable.send(frame[:12] + tag_bytes(tags) + frame[12:])

    def _run(self):
        while True:
            ready = select.select([self._tap, self._cable, self._stop], [], [])[0]
            if self._stop in ready:
                return
            if self._tap in ready:
                frame = os.read(self._tap, 65536)
                self._cable.send(frame[:12] + self._tags + frame[12:])
            if self._cable in ready:
                self._receive()

    def _receive(self):
        frame, extra, _, address = self._cable.recvmsg(65536, 256)
        if address[2] == _PACKET_OUTGOING:
            return
        status, _, _, _, _, vid, tag_kind = struct.unpack("IIIHHHH", extra[0][2])
        if status & _TP_STATUS_VLAN_VALID:
            frame = frame[:12] + struct.pack(">HH", tag_kind, vid) + frame[12:]
        end = 12 + len(self._tags)
        # Another tag behind ours would be one too many.
        kind = frame[end:end + 2]
        if frame[12:end] == self._tags and kind in (_IPV4, _ARP, packets6.ETHERTYPE):
            if kind == _ARP:
                self.told.add(socket.inet_ntoa(frame[end + 26:end + 30]))
            elif kind == packets6.ETHERTYPE:
                self._look_for_advertisement(packets6.read(frame[end + 2:]))
            os.write(self._tap, frame[:12] + frame[end:])
        else:
            self.others.append(frame)

    def _look_for_advertisement(self, packet):
        if packet and packet.next_header == packets6.ICMP6 and packet.payload[0] == packets6.ADVERTISEMENT:
            self.told.add(packet.destination)
