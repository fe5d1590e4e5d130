"""ICMP echo, asked by hand: Debian without ping is Debian."""

import socket
import struct

from family import V4, family_of
from rig import LIMIT

_REQUEST_AND_REPLY = {4: (8, 0), 6: (128, 129)}


def checksum(data):
    """RFC 1071; 0 over data that holds its right checksum."""
    total = sum(struct.unpack(f">{len(data) // 2}H", data[:len(data) & ~1])) + (data[-1] << 8 if len(data) % 2 else 0)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total ^ 0xFFFF


def ping(case, namespace, size, address=None):
    """One echo of `size` bytes, compared byte for byte."""
    address = address or namespace.family.synfin
    family = family_of(address)
    request_type, reply_type = _REQUEST_AND_REPLY[family.version]
    with namespace.entered():
        s = socket.socket(family.af, socket.SOCK_RAW, socket.IPPROTO_ICMP if family is V4 else socket.IPPROTO_ICMPV6)
    with s:
        s.settimeout(LIMIT)
        request = struct.pack(">BBHHH", request_type, 0, 0, 77, size) + bytes(i % 251 for i in range(size))
        if family is V4:  # the kernel adds ICMPv6's, and drops a reply whose checksum is wrong
            request = request[:2] + struct.pack(">H", checksum(request)) + request[4:]
        s.sendto(request, (address, 0))
        while True:  # a raw ICMPv6 socket also hears neighbour discovery
            reply = s.recv(65536)[20 if family is V4 else 0:]
            if family is V4 or reply[0] == reply_type:
                break
        case.assertEqual(reply[0:2], bytes((reply_type, 0)))
        if family is V4:
            case.assertEqual(checksum(reply), 0)
        case.assertEqual(reply[4:], request[4:])
