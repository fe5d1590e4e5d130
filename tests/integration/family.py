"""The two address families of the tests: the addresses of both ends in each, and what else differs between them."""

import dataclasses
import socket


@dataclasses.dataclass(frozen=True)
class Family:
    version: int  # of IP: 4 or 6
    af: int  # socket.AF_INET or AF_INET6
    prefix: int  # bits of the network that both ends are in
    network: str  # an address without its last number: `at(n)` adds it
    routed: str  # the same of a network behind a router
    outside: str  # the same of a network that synfin reaches by its gateway only
    header: int  # bytes of an IP header

    def at(self, number):
        """The address `number` (1 to 254) of the network of both ends."""
        return self._address(self.network, number)

    def behind(self, number):
        """One of the network behind a router."""
        return self._address(self.routed, number)

    def far(self, number):
        """One outside the networks of all interfaces."""
        return self._address(self.outside, number)

    def _address(self, network, number):
        return f"{network}{number}" if self.version == 4 else f"{network}{number:x}"

    @property
    def kernel(self):
        return self.at(1)

    @property
    def synfin(self):
        return self.at(2)

    def cidr(self, address):
        return f"{address}/{self.prefix}"

    @property
    def host_bits(self):
        """The prefix length of one address."""
        return 32 if self.version == 4 else 128

    @property
    def mss(self):
        """What an interface of 1,500 bytes announces."""
        return 1500 - self.header - 20

    @property
    def sysctls(self):
        return f"/proc/sys/net/ipv{self.version}"


V4 = Family(4, socket.AF_INET, 24, "10.77.0.", "10.78.0.", "192.0.2.", 20)
V6 = Family(6, socket.AF_INET6, 64, "2001:db8:77::", "2001:db8:78::", "2001:db8:f::", 40)


def family_of(address):
    return V6 if ":" in address else V4


def host(address):
    """The host of a URL: an IPv6 address in brackets."""
    return f"[{address}]" if ":" in address else address
