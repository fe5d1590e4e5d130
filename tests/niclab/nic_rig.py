"""The rig of the card tests: synfin in a guest on an emulated card, and this machine's kernel at the other end of the cable, which is a
tap in a namespace.

A NicRig is a Rig: what the tests over veth ask of theirs, this one answers too, so that they run here unchanged.
One guest lives at a time, and as long as the next test wants the same card.
"""

import contextlib
import json
import os
import pathlib
import tempfile
import unittest

import ingredients
import initramfs
import rig
from cases import RigCase
from family import V4, V6
from frame_watch import FrameWatch
from guest import BOOTS, Guest, NotUp, build_image
from rig import Rig

TAP = "sfcable"


class Lab:
    """What all guests share: the kernels, their images, the emulators; and the guest that is up."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self._had = {}  # what it is: what was fetched or built, or why it could not be
        self._images = []
        self._guest = None
        self.reports = {}  # card's name: what a result said of the device, for the table in the docs
        self.used = {}  # card's name: the offloads that were used in a case that looked for that
        self._stack = contextlib.ExitStack()

    def _once(self, what, make):
        if what not in self._had:
            try:
                self._had[what] = make()
            except ingredients.Missing as missing:
                self._had[what] = missing
        if isinstance(self._had[what], ingredients.Missing):
            raise self._had[what]
        return self._had[what]

    def parts(self, card):
        """(emulator, kernel, image) for the card's guest. The first call fetches and builds; raises ingredients.Missing, the same each time."""
        package = ingredients.FULL_KERNEL if card.virtual else ingredients.CLOUD_KERNEL
        qemu = self._once("newer QEMU", lambda: ingredients.newer_qemu(self.directory)) if card.newer else ingredients.installed_qemu()
        return qemu, *self._once(package, lambda: self._kernel_and_image(package))

    def _kernel_and_image(self, package):
        kernel = ingredients.Kernel.fetch(self.directory, package)
        self._images.append(self.directory / f"{package}-{os.getpid()}.cpio")
        archive = initramfs.Archive(self._images[-1])
        build_image(archive, kernel, rig.SYNFIN)
        archive.close()
        return kernel, self._images[-1]

    def guest(self, card):
        if self._guest is None or self._guest.card is not card or not self._guest.answers():
            self.close_guest()
            parts = self.parts(card)
            with contextlib.ExitStack() as stack:
                directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="sfguest-"))
                namespace = rig.Namespace(f"sf{os.getpid()}-cable")
                stack.callback(namespace.remove)
                namespace.ip("tuntap", "add", "mode", "tap", *card.tap_flags, TAP)
                self._guest = self._boot(namespace, card, parts, directory)
                stack.callback(self._guest.close)
                self._stack = stack.pop_all()
        return self._guest

    @staticmethod
    def _boot(namespace, card, parts, directory):
        """A guest that is up. One that does not come up is no case's failure: it is told, and booted again with a kernel that talks."""
        for boot in range(1, BOOTS + 1):
            try:
                return Guest(namespace, card, TAP, parts, directory, wordy=boot > 1)
            except NotUp as problem:
                print(f"NOTE {card.name}: boot {boot} of at most {BOOTS} did not come up: {problem}", flush=True)
        raise AssertionError(f"the guest did not come up in {BOOTS} boots")

    def close_guest(self):
        self._guest = None
        self._stack.close()

    def lost_interrupts(self):
        return self._guest.lost_interrupts() if self._guest else []

    def close(self):
        self.close_guest()
        for image in self._images:
            image.unlink(missing_ok=True)


lab: Lab = None  # set by run.py


class GuestSide:
    """synfin's end, as far as tests ask for it."""

    def __init__(self, guest):
        self.guest = guest

    def run(self, *command, **_):
        return self.guest.run(" ".join(command)).strip()


class NicRig(Rig):
    filters_vlans = True

    def __init__(self, card, mtu=1500, families=(V4,)):
        self.card = card
        self.families = families
        self.guest = lab.guest(card)
        self.directory = tempfile.mkdtemp(prefix=f"sf{os.getpid()}-")
        os.chmod(self.directory, 0o755)
        self._processes = []
        self._namespaces = []
        self.ours = GuestSide(self.guest)
        # The end of the cable moves to a namespace of this test's own, where no connection is left of an earlier one.
        self.theirs = self.kernel = self._namespace(f"sf{os.getpid()}-theirs")
        self.guest.namespace.ip("link", "set", TAP, "netns", self.theirs.name)
        self.theirs.ip("link", "set", TAP, "mtu", mtu, "up")
        self.add_kernel_addresses(self.theirs, TAP)
        self.peer = TAP
        self.device = self.guest.address
        self._hugepages = self._free_hugepages()
        self._files = self._guest_files()

    @property
    def cores(self):
        """One engine for each queue; a card of one queue leaves the first CPU to the guest's kernel."""
        return "1" if self.card.engines == 1 else f"0-{self.card.engines - 1}"

    def synfin(self, *args, namespace=None):
        process = self.guest.start(["/usr/bin/synfin", *args])
        self._processes.append(process)
        return process

    def _start(self, what, options, device, address):
        name = f"/tmp/{len(self._processes)}"
        # --cores before the options: a test that names its own comes last and counts.
        process = self.synfin(*what, "--device", device or f"pci:{self.device}", *self._address_words(address), "--control", f"{name}.control",
                              "--json", f"{name}.json", "--cores", self.cores, *options)
        process.report, process.control, process.rig = f"{name}.json", f"{name}.control", self
        return process

    def serve(self, app, *options, device=None, address=None):
        process = self._start(["serve", "--app", app], options, device, address)
        process.wait_for_line(r"^listening on ")
        return process

    def load(self, target, *options, device=None, address=None):
        no_probe = ("--set", "dad=off") if self.families == (V6,) else ()  # see Rig.load
        return self._start(["load", target], (*no_probe, *options), device, address)

    def stats(self, process):
        text = self.guest.run(f"[ -S {process.control} ] && socat -u UNIX-CONNECT:{process.control} -")
        return json.loads(text) if text.startswith("{") else {"states": {}}

    def result(self, process):
        return json.loads(self.guest.run(f"cat {process.report}"))

    # -- the end of a test

    def _free_hugepages(self):
        return self.guest.run("cat /sys/kernel/mm/hugepages/*/free_hugepages").split()

    def _guest_files(self):
        return set(self.guest.run("ls -d /run/synfin/* /run/dpdk/* /var/run/dpdk/* /dev/hugepages/* /tmp/synfin-* 2>/dev/null").split()) - {"/run/synfin/tcp-keys", "/run/synfin/address-locks"}

    def _driver(self):
        return self.guest.run(f"basename $(readlink /sys/bus/pci/devices/{self.device}/driver)").strip()

    def leftovers(self):
        left = sorted(self._guest_files() - self._files)
        wanted = {"uio": "uio_pci_generic", "vfio": "vfio-pci"}[self.card.bind]
        if self._driver() != wanted:
            left.append(f"bound to {self._driver() or 'nothing'}, not {wanted}")
        free = self._free_hugepages()
        if free != self._hugepages:
            left.append(f"free hugepages: {free} instead of {self._hugepages}")
        return left

    def said(self):
        return super().said() + "\n" + self.guest.said()

    def close(self):
        try:
            self.end_processes()
            self.theirs.ip("link", "set", TAP, "netns", self.guest.namespace.name)
            self.guest.run("rm -f /tmp/*.json /tmp/*.control")
        finally:
            super().close()


class HeldFailures(unittest.TestResult):
    """Passes on to a report what it is told, but failures only when asked to."""

    def __init__(self, report):
        super().__init__()
        self._report = report
        self._failures = []
        self.startTest, self.addSuccess, self.addSkip = report.startTest, report.addSuccess, report.addSkip

    def addFailure(self, test, err):
        self._failures.append((test, err))

    addError = addFailure

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self.addFailure(subtest, err)

    def __bool__(self):
        return bool(self._failures)

    def release(self):
        for test, err in self._failures:
            self._report.addFailure(test, err)


class NicCase(RigCase):
    """A case on one card; run.py makes a class of it for each card that it concerns. Every frame that leaves the card while it runs is
    looked at: one with a wrong checksum fails the case."""

    card = None

    def run(self, result=None):
        """Once; and once more, in a guest of its own, when the case failed in one whose emulator is seen to have lost an interrupt."""
        held = HeldFailures(result)
        super().run(held)
        if held and (lost := lab.lost_interrupts()):
            print(f"NOTE {self.id()} failed in a guest that lost interrupts, and begins again:", *lost, sep="\n  ", flush=True)
            lab.close_guest()
            held = HeldFailures(result)
            super().run(held)
        held.release()
        return result

    def concerns(self, card):
        """Whether there is something to see on this card."""
        return True

    def make_rig(self):
        try:
            return NicRig(self.card, self.mtu, self.families)
        except ingredients.Missing as missing:
            self.skipTest(str(missing))

    def setUp(self):
        super().setUp()
        self.frames = FrameWatch(self.rig.theirs, TAP, self.mtu + 14 + 2 * 4)
        self.addCleanup(self._look_at_frames)

    def _look_at_frames(self):
        self.frames.stop()
        self.assertEqual(self.frames.wrong, [], "frames that left the card wrong")
