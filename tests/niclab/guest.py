"""A guest under QEMU: one emulated card whose cable is a tap in a namespace, and a shell to run programs on.

QEMU runs in the namespace that has the tap. The guest has one more card, which its kernel keeps: a call at TALK_PORT of the namespace's
loopback reaches a shell in the guest. Everything ends with QEMU, and QEMU ends with the test.
"""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shlex
import socket
import subprocess
import threading
import time

from rig import LIMIT, _die_with_parent, wait_until

HERE = pathlib.Path(__file__).resolve().parent
TALK_PORT = 7001
# Seconds that a guest may take to come up, without those in which it waited for a processor: quiet, it takes 4. One that takes longer is
# given up and booted again.
BOOT_LIMIT = 60
BOOTS = 3

# What a program in the guest is linked with is found by ldd; drivers are found by DPDK when it starts.
MODULES = {"talk": ("virtio_pci", "virtio_net"), "uio": ("uio_pci_generic",), "vfio": ("vfio_iommu_type1", "vfio-pci"), "igb": ("igb",)}
DRIVERS = ("bus_pci", "bus_vdev", "mempool_ring", "net_e1000", "net_ring", "net_vmxnet3", "net_virtio")
DRIVER_DIRECTORY = "/usr/lib/x86_64-linux-gnu/dpdk"


def build_image(archive, kernel, synfin):
    """Fills an initramfs with everything that any of the guests needs."""
    archive.add("/bin/busybox")
    archive.add(HERE / "init.sh", "init")
    archive.program(synfin, "/usr/bin/synfin")
    archive.program("/usr/bin/socat")
    archive.add("/lib/x86_64-linux-gnu/libgcc_s.so.1")  # glibc opens it by name when a thread ends
    plugins = next(pathlib.Path(DRIVER_DIRECTORY).glob("pmds-*"))
    for driver in DRIVERS:
        for name in sorted(plugins.glob(f"librte_{driver}.so.*")):
            archive.program(name)
    for name, modules in MODULES.items():
        files = kernel.modules(*modules)
        for file in files:
            archive.add(file, f"/lib/modules/{file.name}")
        archive.write(f"/etc/modules.{name}", "".join(f"/lib/modules/{f.name}\n" for f in files).encode())


@dataclasses.dataclass(frozen=True)
class Card:
    """One emulated card, and how the guest gives it to DPDK."""

    name: str
    device: str  # as QEMU names it, with properties
    bind: str = "uio"  # or vfio, behind an emulated IOMMU
    engines: int = 1  # on so many CPUs of the guest
    queues: int = 1  # pairs that QEMU's tap has
    cuts: bool = False  # into segments (TSO)
    tags: bool = True  # puts VLAN tags on and takes them off, itself
    left_sums: bool = False  # checksums may be left to the other end of the cable, and are said to be (virtio)
    rss: bool = False  # spreads what it receives over its queues
    express: bool = True  # sits behind a port of PCI Express; else on the root bus
    filters_vlans: bool = False  # keeps out tags that it was not told of, even if it was told of none
    tells_link: bool = True  # the driver sees that the cable is pulled
    # Whether the card goes on after its cable was pulled. QEMU's packed ring does not: what it drops meanwhile it counts as used twice
    # (x-query-virtio-queue-status then has inuse 4294967295), and never looks at the ring again.
    pullable: bool = True
    newer: bool = False  # wants the QEMU of the backports
    cases: tuple = ()  # those that the default run has for it; none: another card shows its driver
    virtual: bool = False  # a virtual function; the guest's kernel drives the physical one, and has to be the full one for that

    @property
    def tap_flags(self):
        return (("multi_queue",) if self.queues > 1 else ()) + (("vnet_hdr",) if self.left_sums else ())


class NotUp(Exception):
    """A guest did not come up; the text says what was seen of it."""


class Guest:
    """`wordy`: its kernel tells on the console what it does while it boots."""

    def __init__(self, namespace, card, tap, parts, directory, wordy=False):
        self.namespace = namespace
        self.card = card
        self._silent = False
        self._directory = directory
        (command, environment), kernel, image = parts
        console = pathlib.Path(directory, "console")
        self._console = console
        vfio = card.bind == "vfio"
        # An engine takes 30 MB of packets; one CPU more than one engine, so that the shell is answered.
        self.cpus, hugepages = max(2, card.engines), 64 + 24 * card.engines
        line = (f"console=ttyS0 {'loglevel=7' if wordy else 'quiet loglevel=4'} panic=-1 nokaslr mitigations=off no_timer_check "
                f"tsc=reliable ipv6.disable=1 hugepages={hugepages} synfin.bind={card.bind} {'intel_iommu=on' if vfio else ''} "
                f"{'synfin.vf=igb' if card.virtual else ''}")
        arguments = [
            "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35", "-accel", "tcg,thread=multi",
            "-cpu", "max", "-smp", str(self.cpus), "-m", "1024", "-kernel", str(kernel.image), "-initrd", str(image), "-append", line,
            "-chardev", f"file,id=console,path={console}", "-serial", "chardev:console",
            "-qmp", f"unix:{directory}/qmp,server=on,wait=off",
            *(("-device", "intel-iommu,intremap=on,aw-bits=48") if vfio else ()),
            "-netdev", f"user,id=talk,restrict=on,hostfwd=tcp:127.0.0.1:{TALK_PORT}-10.0.2.15:1",
            "-device", "virtio-net-pci,netdev=talk,addr=2,romfile=",
            "-netdev", (f"tap,id=cable,ifname={tap},script=no,downscript=no,vnet_hdr={'on' if card.left_sums else 'off'}"
                        + (f",queues={card.queues}" if card.queues > 1 else "")),
            # A slot for each: igb claims eight functions for its virtual ones.
            "-device", "pcie-root-port,id=place,chassis=1,slot=1,addr=3",
            "-device", f"{card.device},id=card,netdev=cable,romfile=" + (",bus=place" if card.express else ",addr=4"),
        ]
        self._log = open(pathlib.Path(directory, "qemu"), "wb")
        self.popen = subprocess.Popen(namespace.command(*command, *arguments), stdin=subprocess.DEVNULL, stdout=self._log,
                                      stderr=self._log, env={**os.environ, **environment}, preexec_fn=_die_with_parent)
        try:
            self._wait_for_boot()
            self.address = self.run("cat /run/cards").split()[0]
        except BaseException:
            self.close()
            raise

    def _wait_for_boot(self):
        begin = time.monotonic()

        def within(limit):
            if self.popen.poll() is not None:
                raise NotUp(f"QEMU ended with {self.popen.returncode}:\n{self.said()}")
            waited = self._waited_for_a_processor()
            if time.monotonic() - begin - waited > limit:
                raise NotUp(f"{time.monotonic() - begin:.0f} s, of which it waited {waited:.0f} for a processor\n{self._registers()}\n{self.said()}")
            return True

        while within(BOOT_LIMIT) and not (self._console.exists() and "init: up" in self._console.read_text(errors="replace")):
            time.sleep(0.1)
        while within(BOOT_LIMIT) and not self._says_here(5):  # QEMU takes calls before the guest does
            time.sleep(0.1)

    def _waited_for_a_processor(self):
        """Seconds that the unluckiest of QEMU's threads was ready to run and could not; 0 where the kernel does not count them."""
        waits = [0]
        for file in pathlib.Path(f"/proc/{self.popen.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError, IndexError):
                waits.append(int(file.read_text().split()[1]))
        return max(waits) / 1e9

    def _registers(self):
        """Where the guest's processors are, for a boot that ended nowhere."""
        try:
            return "\n".join(self._about_cpu("registers", cpu) for cpu in range(self.cpus))
        except (OSError, RuntimeError, ValueError) as error:
            return f"no registers: {error}"

    def _about_cpu(self, what, cpu):
        text = self.qmp("human-monitor-command", **{"command-line": f"info {what}", "cpu-index": cpu})
        return "; ".join(line.strip() for line in text.splitlines() if re.match(r"[RE]IP|ISR|IRR", line))

    def lost_interrupts(self):
        """The processors whose interrupts the emulator has lost; empty if none.

        QEMU's processors share one machine's, and when those are scarce it happens that one of them takes an interrupt from its APIC
        (the bit in ISR) and never runs the handler that would end it: Linux ends an interrupt before it goes back to a program
        (CPL=3) or to sleep (HLT=1). From then on nothing of that priority or less arrives there: no clock, no packet."""
        lost = []
        try:
            self.qmp("stop")  # so that both answers are of one moment
            try:
                for cpu in range(self.cpus):
                    registers, apic = self._about_cpu("registers", cpu), self._about_cpu("lapic", cpu)
                    if re.search(r"CPL=3|HLT=1", registers) and re.search(r"ISR\s+\d", apic):
                        lost.append(f"CPU {cpu}: {apic}; {registers}")
            finally:
                self.qmp("cont")
        except (OSError, RuntimeError, ValueError) as error:
            lost = []
            print(f"NOTE {self.card.name}: QEMU was not asked about its processors: {error}", flush=True)
        return lost

    def said(self):
        return (pathlib.Path(self._directory, "qemu").read_text(errors="replace")[-2000:]
                + (self._console.read_text(errors="replace")[-4000:] if self._console.exists() else ""))

    # -- programs in the guest

    def call(self, script):
        """A socket from which a shell's output comes that runs this script, and nothing else."""
        with self.namespace.entered():
            s = socket.create_connection(("127.0.0.1", TALK_PORT), timeout=LIMIT)
        s.sendall(b"{\n" + script.encode() + b"\n} </dev/null 2>&1\nexit\n")
        return s

    def run(self, script):
        """A script's whole output; TimeoutError if there is none for LIMIT, and at once from a guest that was silent before."""
        if self._silent:
            raise TimeoutError("the guest was silent before")
        try:
            return self._ask(script, LIMIT)
        except TimeoutError:
            self._silent = True
            raise

    def answers(self):
        """Whether it is worth talking to."""
        self._silent = self._silent or self.popen.poll() is not None or not self._says_here(LIMIT)
        return not self._silent

    def _says_here(self, timeout):
        try:
            return self._ask("echo here", timeout) == "here\n"
        except OSError:
            return False

    def _ask(self, script, timeout):
        with self.call(script) as s:
            s.settimeout(timeout)
            text = b""
            while chunk := s.recv(65536):
                text += chunk
        return text.decode(errors="replace")

    def start(self, command):
        return GuestProcess(self, command)

    def qmp(self, execute, **arguments):
        """One command to QEMU's monitor; its answer."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(10)
            s.connect(f"{self._directory}/qmp")
            stream = s.makefile("rw")
            stream.readline()  # its greeting
            for message in ({"execute": "qmp_capabilities"}, {"execute": execute, "arguments": arguments}):
                stream.write(json.dumps(message) + "\n")
                stream.flush()
                while "event" in (answer := json.loads(stream.readline())):
                    pass
        if "error" in answer:
            raise RuntimeError(f"{execute}: {answer['error']}")
        return answer["return"]

    def set_link(self, up):
        self.qmp("set_link", name="card", up=up)

    def close(self):
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self._log.close()


class GuestProcess:
    """A program in the guest; the same to a test as rig.Process. Both of its streams are one here."""

    def __init__(self, guest, command):
        self.command = [str(c) for c in command]
        self._guest = guest
        self._text = ""
        self._socket = guest.call(f"{shlex.join(self.command)} & p=$!; echo \"pid $p\"; wait $p; s=$?; echo; echo \"status $s\"")
        self._socket.settimeout(None)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.popen = self  # rig.Process has one: poll(), kill(), send_signal()

    def _read(self):
        try:
            while chunk := self._socket.recv(65536):
                self._text += chunk.decode(errors="replace")
        except OSError:
            pass

    @property
    def out(self):
        return self._text

    err = out

    @property
    def pid(self):
        return int(wait_until(lambda: re.search(r"^pid (\d+)$", self._text, re.MULTILINE), "its process id").group(1))

    def poll(self):
        match = re.search(r"^status (\d+)$", self._text, re.MULTILINE)
        return int(match.group(1)) if match else None if self._reader.is_alive() else -1

    def said(self):
        return f"$ {' '.join(self.command)}\n[status {self.poll()}]\n{self._text[-8000:]}"

    def wait_for_line(self, pattern, timeout=LIMIT):
        def seen():
            match = re.search(pattern, self._text, re.MULTILINE)
            if not match and self.poll() is not None:
                raise AssertionError(f"ended before it printed /{pattern}/:\n{self.said()}")
            return match

        return wait_until(seen, lambda: f"/{pattern}/\n{self.said()}", timeout)

    def wait(self, timeout=120.0):
        wait_until(lambda: self.poll() is not None, lambda: f"its end\n{self.said()}", timeout)
        return self.poll()

    def send_signal(self, number):
        self._guest.run(f"kill -{int(number)} {self.pid}")

    def kill(self):
        self.send_signal(9)

    def interrupt(self, timeout=LIMIT):
        if self.poll() is None:
            self.send_signal(2)
        return self.wait(timeout)

    def end(self):
        if self.poll() is None and self._guest.answers():
            self.send_signal(15)
            end = time.monotonic() + 15
            while self.poll() is None and time.monotonic() < end:
                time.sleep(0.05)
            if self.poll() is None:
                self.kill()
        self._socket.close()
