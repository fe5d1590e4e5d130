"""The cases that run over veth, unchanged, over a card. Left out is what is long on an emulated machine: a GiB, 100,000 connections, 1,000
connections at once with a MiB each. All of the others run on one card, those that depend on it most on every kind."""

import test_conformance
import test_errors
import test_life
import test_load
import test_serve
import test_vlan
from family import V4
from nic_rig import NicCase

LONG = {"test_body_of_1_gib", "test_100000_connections_and_nginx_counts_as_many", "test_1000_connections_at_once_return_1_mib_each"}
NOT_OF_A_CARD = {"RefusalTest"}  # what is refused before a device is opened
EVERY_KIND = ("virtio", "igb", "igb-vf", "e1000", "e1000e", "vmxnet3")
ON = {"VlanTest": (*EVERY_KIND, "igb-4")}  # the others on one card; long frames on every kind: PartsTest


def over_a_card(kind):
    """The cases of one class of the integration tests, as cases of a card."""

    class OverACard(NicCase, kind):
        def concerns(self, card):
            return card.name in ON.get(kind.__name__, ("virtio",))

    for name in LONG:
        if hasattr(OverACard, name):
            setattr(OverACard, name, None)  # unittest then finds no case of that name
    OverACard.__name__ = OverACard.__qualname__ = kind.__name__
    return OverACard


for module in (test_serve, test_vlan, test_load, test_life, test_errors, test_conformance):
    for kind in [k for k in vars(module).values() if isinstance(k, type) and k.__module__ == module.__name__ and k.__name__.endswith("Test")]:
        if kind.__name__ not in NOT_OF_A_CARD and kind.families == (V4,):
            globals()[kind.__name__] = over_a_card(kind)
del kind
