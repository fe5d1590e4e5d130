"""The attacks: what each sends, and how the server under it is configured."""

import dataclasses

# What `serve` runs with: short time limits, so that a run shows within seconds that records are given back. They are still long enough
# for clients that other programs keep from their core for some seconds.
SERVE = ("--route", "/big=200,1MiB", "--msl", "2s", "--idle-timeout", "20s", "--set",
         "tcp.syn-ack-timeout=8s")
# The same where peers hold connections.
HELD = ("--idle-timeout", "8s", "--head-timeout", "6s", "--send-timeout", "6s", "--set", "tcp.fin-wait-2-timeout=6s", "--set",
        "tcp.orphan-retries=4", "--set", "tcp.user-timeout=8s")


@dataclasses.dataclass(frozen=True)
class Attack:
    name: str
    what: str  # one line for the table
    program: str  # flood or hold
    kind: str  # of attack: the program's first argument
    families: tuple = (4, 6)
    connections: int = 0  # that hold keeps
    gateway: bool = True
    serve: tuple = ()  # more options of `serve`
    port: str = "80"
    growth: int = 64  # MiB that the server may grow in the first wave


def flood(name, what, kind=None, **more):
    return Attack(name, what, "flood", kind or name, **more)


def hold(name, what, connections, **more):
    return Attack(name, what, "hold", more.pop("kind", name), connections=connections, serve=HELD, **more)


ATTACKS = (
    flood("syn-off-link", "SYNs from random addresses behind the gateway"),
    flood("syn-no-gateway", "the same, and the server has no gateway", "syn-off-link", gateway=False),
    flood("syn-on-link", "SYNs from random addresses of the server's own network"),
    flood("syn-client", "SYNs from the address of a live client"),
    flood("syn-many-listeners", "SYNs to 4,000 listening ports", "syn-off-link", port="7000-10999", serve=("--listen", "80=http", "--listen", "7000-10999=echo")),
    flood("ack", "ACKs from the address and ports of a live client, random numbers"),
    flood("ack-off-link", "ACKs from random addresses behind the gateway"),
    flood("rst", "RSTs from the address and ports of a live client"),
    flood("fin", "FINs from the address and ports of a live client"),
    flood("syn-ack", "SYN-ACKs from the address and ports of a live client"),
    flood("data", "full-sized segments from the address and ports of a live client"),
    flood("option-bomb", "SYNs and ACKs with 40 bytes of random or repeated options"),
    flood("land", "SYNs from the server's own address and port"),
    flood("fragments", "IP fragments that never become whole", "fragment"),
    flood("garbage", "random bytes behind a good Ethernet header"),
    flood("icmp-echo", "ICMP echo requests", "echo"),
    flood("icmp-errors", "ICMP \"unreachable\" and \"too big\" that quote random segments", "icmp-error"),
    flood("arp-requests", "ARP requests from random addresses", "arp-request", families=(4,)),
    flood("arp-forged", "ARP replies that give a live client another MAC address", "arp-reply", families=(4,)),
    flood("neighbour-solicitations", "neighbour solicitations from random addresses", "solicitation", families=(6,)),
    flood("neighbour-forged", "neighbour advertisements that give a live client another MAC address", "advertisement", families=(6,)),
    flood("router-advertisements", "router advertisements, each from a new router", "router", families=(6,)),
    hold("half-open-churn", "a SYN, then an RST for the SYN-ACK, over and over", 20_000),
    hold("open-churn", "whole connections, reset as soon as the request is sent", 20_000),
    hold("hoarding", "20,000 connections that say nothing", 20_000, kind="hoard"),
    hold("fin-wait-2", "20,000 connections that the server closes and the peer never does", 20_000),
    hold("time-wait", "connections that leave the server in TIME-WAIT", 20_000),
    hold("zero-window", "1,000 requests for 1 MiB with a window of 0", 1_000),
    hold("never-read", "1,000 requests for 1 MiB whose window closes for good", 1_000, growth=256),
    hold("never-acknowledge", "1,000 requests for 1 MiB of which nothing is acknowledged", 1_000, growth=256),
    hold("pipelining", "1,000 connections that send requests and read no response", 1_000, kind="pipeline", growth=512),
    hold("slow-heads", "10,000 request heads that grow by 2 bytes per second", 10_000, kind="slow-head"),
    hold("slow-readers", "1,000 requests for 1 MiB, read through a window of 64 bytes", 1_000, kind="slow-reader", growth=256),
    hold("one-byte-segments", "200 connections with requests in segments of one byte", 200, kind="one-byte"),
    hold("mss-1", "200 requests for 1 MiB from peers that announce an MSS of 1", 200, growth=256),
    hold("holes", "1,000 connections with text out of order, whose holes are never filled", 1_000, growth=512),
    hold("optimistic-ack", "200 requests for 1 MiB with ACKs ahead of the text", 200, growth=256),
    hold("sack-lies", "200 requests for 1 MiB with random SACK blocks", 200, growth=256),
    hold("duplicate-ack", "200 requests for 1 MiB, then the same ACK for ever", 200, growth=256),
    hold("ack-division", "200 requests for 1 MiB with an ACK for each byte", 200, growth=256),
    hold("garbage-http", "1,000 connections that send random bytes as a request", 1_000),
)


def named(name):
    return next(attack for attack in ATTACKS if attack.name == name)
