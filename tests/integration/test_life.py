"""A scripted life: at every stage `ss -tan` on the kernel's side and synfin's own states agree.

Segments are held back with a filter on the kernel's socket (segment_filter), so each stage lasts as long as it is looked
at. The comments give the stage as the two ends see it."""

import contextlib
import pathlib
import signal
import socket

import rig
import segment_filter
from cases import RigCase, settings
from family import V6
from rig import LIMIT, receive_exactly, wait_until
from segment_filter import ACK, FIN, SYN


def short_msl(milliseconds=500):
    """TIME-WAIT of one second instead of a minute: declared by --msl, and a deviation that the result must name."""
    return ("--msl", f"{milliseconds * settings.patience}ms")


class LifeCase(RigCase):
    wire_text = True

    def stage(self, process, port, kernel, synfin):
        """Waits until both sides show these states, {} for nothing."""
        seen = {}

        def reached():
            seen["kernel"] = self.rig.kernel.tcp_states(port)
            seen["synfin"] = self.rig.states(process)
            return seen["kernel"] == kernel and seen["synfin"] == synfin

        wait_until(reached, lambda: f"kernel {kernel}, synfin {synfin}; last seen {seen}")

    def opening(self, port):
        """A client whose SYN is on its way."""
        s = self.rig.kernel.socket()
        self.addCleanup(s.close)
        s.setblocking(False)
        return s


class ServerLifeTest(LifeCase):
    def test_syn_received_established_and_closed_by_the_client(self):
        serve = self.rig.serve("echo")
        client = self.opening(7)
        segment_filter.drop(client, SYN | ACK, SYN | ACK)
        client.connect_ex((self.family.synfin, 7))
        self.stage(serve, 7, {"SYN-SENT": 1}, {"SYN-RECEIVED": 1})
        segment_filter.drop_nothing(client)  # the next retransmission passes
        self.stage(serve, 7, {"ESTAB": 1}, {"ESTABLISHED": 1})
        client.setblocking(True)
        client.settimeout(LIMIT)
        client.sendall(b"hello")
        self.assertEqual(client.recv(5), b"hello")
        segment_filter.drop(client, FIN, FIN)
        client.shutdown(socket.SHUT_WR)
        self.stage(serve, 7, {"FIN-WAIT-2": 1}, {"LAST-ACK": 1})
        segment_filter.drop_nothing(client)
        self.assertEqual(client.recv(1), b"")
        self.stage(serve, 7, {"TIME-WAIT": 1}, {})

    def test_half_closed_by_the_client(self):
        """More than the send buffer holds has come, and the client does not read: the echo cannot close yet."""
        serve = self.rig.serve("echo")
        client = self.opening(7)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.setblocking(True)
        client.settimeout(LIMIT)
        client.connect((self.family.synfin, 7))
        sent = bytes(range(256)) * 1600  # of which the send buffer takes 256 KiB
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        self.stage(serve, 7, {"FIN-WAIT-2": 1}, {"CLOSE-WAIT": 1})
        back = b""
        while chunk := client.recv(65536):
            back += chunk
        self.assertEqual(back, sent)
        self.stage(serve, 7, {"TIME-WAIT": 1}, {})

    def ask_and_close(self, serve):
        """An HTTP request after which the server closes first."""
        client = self.opening(80)
        client.setblocking(True)
        client.settimeout(LIMIT)
        client.connect((self.family.synfin, 80))
        self.stage(serve, 80, {"ESTAB": 1}, {"ESTABLISHED": 1})
        return client, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

    def test_half_closed_by_the_server_then_time_wait_then_nothing(self):
        serve = self.rig.serve("http", *short_msl(1500))  # TIME-WAIT is to be seen, by a machine that stands still for a second too
        client, request = self.ask_and_close(serve)
        segment_filter.drop(client, FIN, FIN)
        client.sendall(request)
        self.stage(serve, 80, {"ESTAB": 1}, {"FIN-WAIT-1": 1})
        segment_filter.drop_nothing(client)
        self.stage(serve, 80, {"CLOSE-WAIT": 1}, {"FIN-WAIT-2": 1})
        while client.recv(4096):  # unread, close() would be a reset
            pass
        client.close()
        self.stage(serve, 80, {}, {"TIME-WAIT": 1})
        self.stage(serve, 80, {}, {})

    def test_closed_by_both_at_once(self):
        """Only synfin's FIN is held back: were its ACKs too, a kernel that has begun to retransmit would keep its own FIN to itself."""
        serve = self.rig.serve("http", *short_msl())
        client, request = self.ask_and_close(serve)
        segment_filter.drop(client, FIN, FIN)
        client.sendall(request)
        self.stage(serve, 80, {"ESTAB": 1}, {"FIN-WAIT-1": 1})
        client.shutdown(socket.SHUT_WR)
        self.stage(serve, 80, {"FIN-WAIT-2": 1}, {"CLOSING": 1})
        segment_filter.drop_nothing(client)
        # synfin still has to send its FIN again and be acknowledged; the kernel then stays by its own clock.
        self.stage(serve, 80, {"TIME-WAIT": 1}, {})

    def test_reset_by_the_client(self):
        serve = self.rig.serve("echo")
        client = self.rig.kernel.connect(7)
        self.stage(serve, 7, {"ESTAB": 1}, {"ESTABLISHED": 1})
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
        self.stage(serve, 7, {}, {})

    def test_interrupted_server_closes_its_connections(self):
        serve = self.rig.serve("echo")
        clients = [self.rig.kernel.connect(7) for _ in range(10)]
        self.stage(serve, 7, {"ESTAB": 10}, {"ESTABLISHED": 10})
        self.assertEqual(serve.interrupt(), 0, serve.said())
        for client in clients:
            self.addCleanup(client.close)
            client.settimeout(LIMIT)
            try:
                self.assertEqual(client.recv(1), b"")
            except ConnectionResetError:
                pass  # told is told

    def check_that_peers_are_told(self, process, port, number):
        with self.rig.kernel.connect(port) as client:
            client.settimeout(LIMIT)
            client.sendall(b"hello")
            self.assertEqual(client.recv(5), b"hello")
            process.popen.send_signal(number)
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(client.recv(1), b"")
        self.assertEqual(process.wait(), 0, process.said())

    def test_peers_are_told_by_every_signal(self):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            with self.subTest(number):
                self.check_that_peers_are_told(self.rig.serve("echo"), 7, number)

    def test_peers_of_an_embedded_server_are_told(self):
        program = pathlib.Path(rig.SYNFIN).resolve().parent.parent / "examples" / "echo"
        if not program.exists():
            self.skipTest(f"{program} is not built")
        for number in (signal.SIGTERM, signal.SIGHUP):
            with self.subTest(number):
                process = self.rig.start(self.rig.ours, program, f"af_packet:{self.rig.device}", self.family.cidr(self.family.synfin))
                self.check_that_peers_are_told(process, 7, number)

    def test_1000_lives_leave_nothing(self):
        serve = self.rig.serve("http", *short_msl())
        self.rig.kernel.run("wrk", "-t1", "-c100", "-d1s", "-H", "Connection: close", self.rig.url)
        wait_until(lambda: self.rig.states(serve) == {}, lambda: f"no connection is left; {self.rig.states(serve)}")


class ServerLife6Test(ServerLifeTest):
    families = (V6,)
    # These depend on the command alone, or other cases show them over IPv6.
    test_peers_are_told_by_every_signal = test_interrupted_server_closes_its_connections = test_1000_lives_leave_nothing = None


class ClientLifeTest(LifeCase):
    def start_load(self, *options):
        """One connection to port 99, request and response of 64 bytes."""
        return self.rig.load(f"tcp://{self.rig.kernel_host}:99", "-c", "1", "-n", "1", *short_msl(), *options)

    def test_open_from_syn_sent_to_established(self):
        listener = self.rig.kernel.listen(99)
        self.addCleanup(listener.close)
        segment_filter.drop(listener, 0, 0)
        load = self.start_load()
        self.stage(load, 99, {}, {"SYN-SENT": 1})
        segment_filter.drop(listener, SYN, 0)  # the SYN passes, what follows it does not
        self.stage(load, 99, {"SYN-RECV": 1}, {"ESTABLISHED": 1})
        segment_filter.drop_nothing(listener)
        server, _ = listener.accept()
        self.addCleanup(server.close)
        self.stage(load, 99, {"ESTAB": 1}, {"ESTABLISHED": 1})

    def test_close_from_fin_wait_to_time_wait(self):
        listener = self.rig.kernel.listen(99)
        self.addCleanup(listener.close)
        load = self.start_load()
        server, _ = listener.accept()
        self.addCleanup(server.close)
        server.settimeout(LIMIT)
        request = receive_exactly(server, 64)
        self.assertEqual(len(request), 64)
        self.stage(load, 99, {"ESTAB": 1}, {"ESTABLISHED": 1})
        server.sendall(bytes(64))
        self.stage(load, 99, {"CLOSE-WAIT": 1}, {"FIN-WAIT-2": 1})
        server.close()
        self.assertEqual(load.wait(), 0, load.said())
        counted = self.rig.result(load)["connections"]
        self.assertEqual((counted["completed"], counted["failed"]), (1, 0))
        self.assertEqual(self.rig.kernel.tcp_states(99), {})


class ClientLife6Test(ClientLifeTest):
    families = (V6,)
