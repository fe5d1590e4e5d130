"""IPv6, ICMPv6 and neighbour discovery packets, built and read by hand. Addresses are text, MAC addresses are 6 bytes."""

import collections
import socket
import struct

from ping import checksum

ICMP6, TCP = 58, 6
DESTINATION_UNREACHABLE, PACKET_TOO_BIG, TIME_EXCEEDED, PARAMETER_PROBLEM = 1, 2, 3, 4
ECHO_REQUEST, ECHO_REPLY, LISTENER_QUERY, LISTENER_REPORT2 = 128, 129, 130, 143
ROUTER_SOLICITATION, ROUTER_ADVERTISEMENT, SOLICITATION, ADVERTISEMENT, REDIRECT = 133, 134, 135, 136, 137
ROUTER, SOLICITED, OVERRIDE = 0x80000000, 0x40000000, 0x20000000  # flags of an advertisement
ALL_NODES, ALL_ROUTERS = "ff02::1", "ff02::2"
ETHERTYPE = b"\x86\xdd"

Packet = collections.namedtuple("Packet", "traffic_class flow_label next_header hop_limit source destination payload")


def packed(address):
    return socket.inet_pton(socket.AF_INET6, address)


def text(address):
    return socket.inet_ntop(socket.AF_INET6, address)


def link_local(mac):
    """fe80::/64 with the EUI-64 of a MAC address (RFC 4291 appendix A)."""
    return text(b"\xfe\x80" + bytes(6) + bytes((mac[0] ^ 2,)) + mac[1:3] + b"\xff\xfe" + mac[3:])


def solicited_node(address):
    """The multicast group of an address (RFC 4291 2.7.1)."""
    return text(packed("ff02::1:ff00:0")[:13] + packed(address)[13:])


def multicast_mac(group):
    return b"\x33\x33" + packed(group)[12:]


def pseudo_header(source, destination, next_header, length):
    return packed(source) + packed(destination) + struct.pack(">II", length, next_header)


def ipv6(source, destination, next_header, payload, hop_limit=64, flow_label=0, traffic_class=0):
    return struct.pack(">IHBB", 6 << 28 | traffic_class << 20 | flow_label, len(payload), next_header, hop_limit) + packed(source) + packed(
        destination) + payload


def icmp6(source, destination, kind, body, code=0, hop_limit=255, spoil=0):
    """A packet; body: what follows the checksum."""
    message = struct.pack(">BBH", kind, code, 0) + body
    total = checksum(pseudo_header(source, destination, ICMP6, len(message)) + message) ^ spoil
    return ipv6(source, destination, ICMP6, message[:2] + struct.pack(">H", total) + message[4:], hop_limit)


def link_address(option, mac):
    """The option 1 (source) or 2 (target)."""
    return struct.pack(">BB", option, 1) + mac


def solicitation(source, target, mac=None, destination=None, **fields):
    """destination: the target's solicited-node group where none is given. Without `mac` (of the source) there is no option."""
    body = bytes(4) + packed(target) + (link_address(1, mac) if mac else b"")
    return icmp6(source, destination or solicited_node(target), SOLICITATION, body, **fields)


def advertisement(source, destination, target, mac, flags=SOLICITED | OVERRIDE, **fields):
    body = struct.pack(">I", flags) + packed(target) + (link_address(2, mac) if mac else b"")
    return icmp6(source, destination, ADVERTISEMENT, body, **fields)


def router_advertisement(source, mac=None, destination=ALL_NODES, lifetime=1800, mtu=None, prefixes=(), **fields):
    """prefixes: (network, prefix length, flags); flags: 0x80 on link, 0x40 autonomous."""
    body = struct.pack(">BBHII", 64, 0, lifetime, 0, 0) + (link_address(1, mac) if mac else b"")
    if mtu:
        body += struct.pack(">BBHI", 5, 1, 0, mtu)
    for network, length, flags in prefixes:
        body += struct.pack(">BBBBIII", 3, 4, length, flags, 3600, 3600, 0) + packed(network)
    return icmp6(source, destination, ROUTER_ADVERTISEMENT, body, **fields)


def read(packet):
    """A Packet of the bytes behind the Ethernet header; None if it isn't IPv6 or is cut off. Padding is left out."""
    if len(packet) < 40 or packet[0] >> 4 != 6:
        return None
    first, length, next_header, hop_limit = struct.unpack_from(">IHBB", packet)
    if len(packet) < 40 + length:
        return None
    return Packet(first >> 20 & 0xFF, first & 0xFFFFF, next_header, hop_limit, text(packet[8:24]), text(packet[24:40]), packet[40:40 + length])
