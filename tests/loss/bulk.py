"""One bulk transfer over the faulty wire: HTTP with one large body, between synfin and the kernel, or within the kernel."""

import contextlib
import dataclasses
import hashlib
import pathlib
import random
import socket
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "integration"))

from http_body import sha256_of_body  # noqa: E402
from rig import SHARED_CORE, receive_exactly  # noqa: E402
from wire_rig import WireRig, disturbances  # noqa: E402

KINDS = ("linux", "send", "receive")  # kernel to kernel, synfin to the kernel, the kernel to synfin
BUFFERS = ("--set", "tcp.send-buffer=4MiB", "--set", "tcp.receive-buffer=8MiB")
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
PORT = 80
MOST_WAITED = 0.05  # share of its time; at a round trip of 1 ms, 0.17 cost a quarter of the goodput


@dataclasses.dataclass
class Outcome:
    """What one transfer showed. Bytes are those of the body."""

    kind: str
    sent: int
    received: int
    seconds: float  # from the first packet to the last text, on the wire
    wire: dict
    synfin: dict  # its counters; empty without it
    waited: float  # share of its life that synfin was ready to run and had no core
    disturbed: list

    @property
    def data(self):
        return self.wire["ab" if self.kind == "send" else "ba"]

    @property
    def goodput_mbit(self):
        return self.received * 8e-6 / self.seconds

    @property
    def retransmitted(self):
        """Share of the bytes of text."""
        return self.data["retransmitted_bytes"] / max(self.data["text_bytes"], 1)


class KernelServer(threading.Thread):
    """Answers one request on a kernel socket with `size` bytes, the same that synfin serves; then waits for the client's FIN."""

    def __init__(self, listener, size):
        super().__init__(daemon=True)
        self._listener, self._size = listener, size
        self.sent, self.error = 0, None
        self.accepted = threading.Event()

    def run(self):
        try:
            peer, _ = self._listener.accept()
            self.accepted.set()
            with peer:
                peer.settimeout(300)
                request = b""
                while b"\r\n\r\n" not in request:
                    request += peer.recv(4096) or b"\r\n\r\n"
                peer.sendall(HEAD % self._size)
                chunk = bytes(ord("a") + i % 26 for i in range(65536))
                while self.sent < self._size:
                    self.sent += peer.send(chunk[self.sent % 65536:][:self._size - self.sent])
                while peer.recv(4096):
                    pass
        except OSError as error:
            self.error = error


def fetch(namespace, address, limit):
    """GET / with a kernel socket: the bytes of the body, and their SHA-256."""
    with namespace.socket() as s:
        s.settimeout(limit)
        s.connect((address, PORT))
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += receive_exactly(s, 1) or _ended(head)
        size = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        digest, received, room = hashlib.sha256(), 0, bytearray(1 << 18)
        while received < size and (n := s.recv_into(room)):
            digest.update(memoryview(room)[:n])
            received += n
        return received, digest.hexdigest()


def _ended(head):
    raise AssertionError(f"the stream ended after {head!r}")


def _expect_body(received, digest, size):
    if received != size or digest != sha256_of_body(size):
        raise AssertionError(f"{received} of {size} bytes, or other bytes than were sent")


def _kernel_to_kernel(rig, size, limit, _options):
    family = rig.family
    rig.ours.add_address(family.cidr(family.synfin), rig.device)
    with rig.theirs.listen(PORT) as listener:
        server = KernelServer(listener, size)
        server.start()
        received, digest = fetch(rig.ours, family.kernel, limit)
        server.join(limit)
    _expect_body(received, digest, size)
    return server.sent, received, {}, 0.0


def _synfin_to_kernel(rig, size, limit, options):
    report = rig.path("serve.json")
    serve = rig.serve("http", "--response-size", str(size), "--json", report, *BUFFERS, *options)
    watch = CoreWatch(serve)
    received, digest = fetch(rig.theirs, rig.family.synfin, limit)
    watch.look()
    _expect_body(received, digest, size)
    serve.interrupt()
    serve.report = report
    result = rig.result(serve)
    return size, received, result["tcp"], watch.share


def _kernel_to_synfin(rig, size, limit, options):
    with rig.theirs.listen(PORT) as listener:
        server = KernelServer(listener, size)
        server.start()
        load = rig.load(rig.kernel_url, "-c", "1", "-n", "1", "--timeout", "60s", *SHARED_CORE, *BUFFERS, *options)
        server.accepted.wait(limit)
        watch = CoreWatch(load)
        while load.popen.poll() is None and server.is_alive():
            watch.look()
            time.sleep(0.05)
        status = load.wait(limit)
        server.join(limit)
    if status != 0 or server.error:
        raise AssertionError(f"{server.error}\n{load.said()}")
    result = rig.result(load)
    if result["connections"]["completed"] != 1:
        raise AssertionError(load.said())
    received = result["payload_bytes"]["received"] - len(HEAD % size)
    if received != server.sent:
        raise AssertionError(f"{received} of {server.sent} bytes\n{load.said()}")
    return server.sent, received, result["tcp"], watch.share


class _NoiseSender(threading.Thread):
    """Sends `size` bytes of noise that repeats itself, then FIN."""

    def __init__(self, s, noise, size):
        super().__init__(daemon=True)
        self._socket, self._noise, self._size = s, noise, size
        self.sent, self.error = 0, None

    def run(self):
        try:
            while self.sent < self._size:
                self.sent += self._socket.send(part(self._noise, self.sent, min(65536, self._size - self.sent)))
            self._socket.shutdown(socket.SHUT_WR)
        except OSError as error:
            self.error = error


def part(noise, begin, length):
    """`length` bytes at `begin` of noise that repeats itself; length is at most that of the noise."""
    begin %= len(noise)
    return noise[begin:begin + length] + noise[:max(0, begin + length - len(noise))]


def echo(namespace, address, size, seed, limit):
    """Sends `size` bytes to an echo server and compares what comes back, to the end of the stream. Returns (sent, received)."""
    noise = random.Random(seed).randbytes((1 << 20) + 7)
    with namespace.socket() as s:
        s.settimeout(limit)
        s.connect((address, 7))
        sender = _NoiseSender(s, noise, size)
        sender.start()
        received = 0
        while chunk := s.recv(65536):
            if chunk != part(noise, received, len(chunk)):
                raise AssertionError(f"other bytes than were sent, within {len(chunk)} bytes from {received}")
            received += len(chunk)
        sender.join(limit)
    if sender.error:
        raise AssertionError(f"{sender.error} after {sender.sent} bytes")
    return sender.sent, received


class CoreWatch:
    """How much of its time since now the polling thread of a process was ready to run and did not."""

    def __init__(self, process):
        self._threads = pathlib.Path(f"/proc/{process.pid}/task")
        self._begin = self._times()
        self.share = 0.0

    def _times(self):
        """{thread: (ns that it ran, ns that it waited)}."""
        times = {}
        for stat in self._threads.glob("*/schedstat"):
            try:
                ran, waited, _ = map(int, stat.read_text().split())
            except (OSError, ValueError):
                continue  # it has ended
            times[stat.parent.name] = (ran, waited)
        return times

    def look(self):
        """Takes the times so far; a process that has ended leaves the last ones."""
        most = 0
        for thread, (ran, waited) in self._times().items():
            before = self._begin.get(thread, (0, 0))
            ran, waited = ran - before[0], waited - before[1]
            if ran > most:
                most, self.share = ran, waited / (ran + waited)


CARRY = {"linux": _kernel_to_kernel, "send": _synfin_to_kernel, "receive": _kernel_to_synfin}


def carry(rig, kind, conditions, size, seed, limit=120, options=(), capture=None, polling=contextlib.nullcontext()):
    """Carries `size` bytes over the wire of a rig. Raises when a byte is missing or wrong. options: of synfin. capture: a file for
    the packets at the kernel's end. polling: held while the programs run."""
    direction = "ab" if kind == "send" else "ba"
    wire = rig.start_wire(conditions, direction, limit + 30, seed)
    if capture:
        dump = rig.start(rig.theirs, "tcpdump", "-i", rig.peer, "-nn", "-s", "100", "-w", capture, "tcp")
        time.sleep(0.5)
    with polling:
        sent, received, counters, waited = CARRY[kind](rig, size, limit, options)
    if capture:
        dump.interrupt()
    report = rig.stop_wire(wire)
    data = report[direction]
    disturbed = disturbances(report, conditions)
    if waited > MOST_WAITED:
        disturbed.append(f"synfin waited for a core for {waited:.0%} of its time")
    return Outcome(kind, sent, received, data["last_text_s"] - data["first_packet_s"], report, counters, waited, disturbed)


def transfer(program, kind, conditions, size, seed, **options):
    """carry() in a rig of its own; what fails says in which conditions."""
    rig = WireRig(program)
    try:
        return carry(rig, kind, conditions, size, seed, **options)
    except (OSError, AssertionError) as error:
        raise AssertionError(f"{kind}, {conditions}, {size} bytes, seed {seed}: {error}\n{rig.said()}") from error
    finally:
        rig.close()
