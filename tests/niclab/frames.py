"""Frames made by hand, right or wrong."""

import socket
import struct

import packets6
from frame_watch import ones_sum

SYN = 0x02


def _complement(data):
    return ones_sum(data) ^ 0xFFFF


def ethertype(address):
    return 0x86DD if ":" in address else 0x0800


def ethernet(destination, source, kind, payload, tags=b""):
    return (destination + source + tags + struct.pack(">H", kind) + payload).ljust(60, b"\0")


def ipv4(source, destination, protocol, payload, spoil=0):
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0x4000, 64, protocol, 0, socket.inet_aton(source),
                       socket.inet_aton(destination))
    return head[:10] + struct.pack(">H", _complement(head) ^ spoil) + head[12:] + payload


def ip(source, destination, payload):
    """A TCP packet of the addresses' family."""
    if ":" in source:
        return packets6.ipv6(source, destination, packets6.TCP, payload)
    return ipv4(source, destination, 6, payload)


def tcp(source, destination, source_port, port, flags=SYN, seq=1, payload=b"", spoil=0):
    head = struct.pack(">HHIIBBHHH", source_port, port, seq, 0, 0x50, flags, 65535, 0, 0)
    length = len(head) + len(payload)
    if ":" in source:
        pseudo = packets6.pseudo_header(source, destination, packets6.TCP, length)
    else:
        pseudo = socket.inet_aton(source) + socket.inet_aton(destination) + struct.pack(">BBH", 0, 6, length)
    return head[:16] + struct.pack(">H", _complement(pseudo + head + payload) ^ spoil) + head[18:] + payload
