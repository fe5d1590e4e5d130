"""ICMP echo, asked by hand: Debian without ping is Debian."""

import socket
import struct

from rig import LIMIT, SYNFIN_ADDRESS


def checksum(data):
    """RFC 1071; 0 over data that holds its right checksum."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ping(case, namespace, size):
    """One echo of `size` bytes, compared byte for byte."""
    with namespace.entered():
        s = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    with s:
        s.settimeout(LIMIT)
        request = struct.pack(">BBHHH", 8, 0, 0, 77, size) + bytes(i % 251 for i in range(size))
        request = request[:2] + struct.pack(">H", checksum(request)) + request[4:]
        s.sendto(request, (SYNFIN_ADDRESS, 0))
        reply = s.recv(65536)[20:]
        case.assertEqual(reply[0:2], b"\0\0")
        case.assertEqual(checksum(reply), 0)
        case.assertEqual(reply[4:], request[4:])
