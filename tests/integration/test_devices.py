"""The other devices: the same work over af_xdp, tap, and memif between two synfin processes."""

import json
import os
import pathlib
import signal
import socket

import echo_clients
import rig
import test_load
import test_serve
import test_wire6
from cases import RigCase
from family import V6, host
from rig import KERNEL_ADDRESS, PREFIX, SYNFIN_ADDRESS

TAP = "sftap0"


class StartTest(RigCase):
    def test_interrupted_while_a_device_is_opened(self):
        """A signal that comes before the first connection ends a run as one that comes later does."""
        device = ("--device", f"af_packet:{self.rig.device}", "--address", f"{SYNFIN_ADDRESS}/{PREFIX}", "--cores", str(rig.core))
        for command, status in (("load", f"tcp://{KERNEL_ADDRESS}:80", "-d", "10m"), 3), (("serve", "--app", "echo"), 0):
            with self.subTest(command[0]):
                report = self.rig.path(f"{command[0]}.json")
                process = self.rig.synfin(*command, *device, "--json", report)
                rig.wait_until(lambda: self.rig.ours.run("ss", "-0H"), "DPDK's packet sockets", interval=0)
                self.assertEqual(process.interrupt(), status, process.said())
                self.assertEqual(json.loads(pathlib.Path(report).read_text())["connections"]["completed"], 0)

    def test_opening_that_never_ends_is_ended(self):
        """A vhost-user server that accepts and says nothing holds DPDK for ever: who was asked to end has ten seconds."""
        path = self.rig.path("vhost.sock")
        with socket.socket(socket.AF_UNIX) as silent:
            silent.bind(path)
            silent.listen()
            load = self.rig.synfin("load", f"tcp://{KERNEL_ADDRESS}:80", "--device", f"virtio-user:{path}", "--address",
                                   f"{SYNFIN_ADDRESS}/{PREFIX}", "--cores", str(rig.core), "-d", "1s")
            silent.settimeout(rig.LIMIT)
            with silent.accept()[0]:
                load.popen.send_signal(signal.SIGTERM)
                self.assertEqual(load.wait(rig.LIMIT), -signal.SIGALRM, load.said())

    def test_a_file_that_is_no_socket_is_not_taken_for_control(self):
        path = pathlib.Path(self.rig.path("notes"))
        path.write_text("mine")
        serve = self.rig.synfin("serve", "--app", "echo", "--device", f"af_packet:{self.rig.device}", "--address",
                                f"{SYNFIN_ADDRESS}/{PREFIX}", "--cores", str(rig.core), "--control", path)
        self.assertEqual(serve.wait(), 1, serve.said())
        self.assertRegex(serve.err, "control socket .*: Address already in use")
        self.assertEqual(path.read_text(), "mine")

    def test_a_control_socket_that_cannot_be_made_is_an_error(self):
        device = ("--device", f"af_packet:{self.rig.device}", "--address", f"{SYNFIN_ADDRESS}/{PREFIX}", "--cores", str(rig.core))
        for command in ("serve", "--app", "echo"), ("load", f"tcp://{KERNEL_ADDRESS}:7"):
            for path in "/no/such/directory/control", "/proc/control", "x" * 200:
                with self.subTest(command[0], path=path[:20]):
                    process = self.rig.synfin(*command, *device, "--control", path)
                    self.assertEqual(process.wait(), 1, process.said())
                    self.assertRegex(process.err, f"error: control socket {path}: ")

    def test_what_a_killed_start_leaves_the_next_one_takes_away(self):
        command = ("serve", "--app", "echo", "--device", f"af_packet:{self.rig.device}", "--address", f"{SYNFIN_ADDRESS}/{PREFIX}",
                   "--cores", str(rig.core), "-d", "100ms")
        killed = self.rig.synfin(*command)
        directory = pathlib.Path(f"/run/synfin/dpdk-{killed.pid}")
        rig.wait_until(lambda: directory.exists() or killed.popen.poll() is not None, "DPDK's directory", interval=0)
        killed.popen.kill()
        killed.wait()
        directory.mkdir(exist_ok=True)  # the kill may have come too late
        done = self.rig.synfin(*command)
        self.assertEqual(done.wait(), 0, done.said())
        self.assertFalse(directory.exists())

    def test_a_second_signal_ends_it_at_once_whichever_it_is(self):
        for first, second in (signal.SIGINT, signal.SIGTERM), (signal.SIGTERM, signal.SIGINT):
            with self.subTest(first):
                control = self.rig.path("control")  # which the one before left
                serve = self.rig.serve("echo", "--drain", "10m", "--control", control)
                serve.control = control
                with self.rig.kernel.connect(7):
                    rig.wait_until(lambda: self.rig.states(serve) == {"ESTABLISHED": 1}, "a connection")
                    serve.popen.send_signal(first)
                    rig.wait_until(lambda: "ESTABLISHED" not in self.rig.states(serve), "the first signal is seen")
                    serve.popen.send_signal(second)
                    self.assertEqual(serve.wait(), -second, serve.said())


class AfXdpTest(RigCase):
    CONNECTIONS = 100_000
    fetch_and_compare = test_serve.HttpTest.fetch_and_compare
    run_load = test_load.NginxTest.run_load
    run_and_compare = test_load.NginxTest.run_and_compare

    @property
    def device(self):
        return f"af_xdp:{self.rig.device}"

    def test_http_bodies(self):
        self.fetch_and_compare(1 << 20, self.device)

    def test_echo(self):
        self.rig.serve("echo", device=self.device)
        self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 100, 1 << 18), [])

    def test_load_against_nginx(self):
        self.run_and_compare(self.CONNECTIONS, self.device)

    def test_after_a_kill_the_interface_can_be_used_again(self):
        """SIGKILL leaves DPDK's program on the interface; the next run takes it over, and takes it away."""
        process = self.rig.serve("echo", device=self.device)
        process.popen.kill()
        process.wait()
        self.rig.serve("echo", device=self.device)
        self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 1, 100), [])


class AfXdp6Test(AfXdpTest):
    families = (V6,)
    CONNECTIONS = 10_000
    test_after_a_kill_the_interface_can_be_used_again = test_http_bodies = None

    def test_extension_headers_of_a_kernels_client(self):
        """The kernel leaves the checksum behind them partial."""
        self.rig.serve("echo", device=self.device)
        with self.rig.kernel.socket() as s:
            test_wire6.put_options(s, test_wire6.IPV6_HOPOPTS, test_wire6.IPV6_DSTOPTS)
            s.settimeout(rig.LIMIT)
            s.connect((self.family.synfin, 7))
            s.sendall(bytes(10_000))
            self.assertEqual(len(rig.receive_exactly(s, 10_000)), 10_000)


class TapTest(RigCase):
    """The kernel's end of a tap is the interface itself: both ends in one namespace."""

    CONNECTIONS = 100_000
    fetch_and_compare = test_serve.HttpTest.fetch_and_compare
    run_load = test_load.NginxTest.run_load
    run_and_compare = test_load.NginxTest.run_and_compare

    def setUp(self):
        super().setUp()
        self.rig.kernel = self.rig.ours

    def address(self):
        self.rig.add_kernel_addresses(self.rig.ours, TAP)
        self.rig.ours.ip("link", "set", TAP, "up")

    def test_serve_makes_the_interface_and_takes_it_away(self):
        self.rig.serve("http", "--response-size", "1MiB", device=f"tap:{TAP}")
        self.address()
        body = self.rig.kernel.run("curl", "-sS", "--max-time", "20", "-o", "/dev/null", "-w", "%{size_download}",
                                   self.rig.url)
        self.assertEqual(body, str(1 << 20))
        # The common end of every case proves that the interface is gone.

    def test_echo(self):
        self.rig.serve("echo", device=f"tap:{TAP}")
        self.address()
        self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 100, 1 << 18), [])

    def test_a_name_that_is_another_interfaces_is_refused(self):
        self.rig.ours.ip("tuntap", "add", TAP, "mode", "tap")
        self.addCleanup(self.rig.ours.ip, "link", "del", TAP)
        for name, pattern in (self.rig.device, "is an existing interface and not a tap"), (TAP, "multi_queue"):
            with self.subTest(name):
                serve = self.rig.synfin("serve", "--app", "echo", "--device", f"tap:{name}", "--address", f"{SYNFIN_ADDRESS}/{PREFIX}",
                                        "--cores", str(rig.core))
                self.assertEqual(serve.wait(), 1, serve.said())
                self.assertRegex(serve.err, pattern)

    def test_load_against_nginx(self):
        """An interface that was there before is used, and stays."""
        self.rig.ours.ip("tuntap", "add", TAP, "mode", "tap", "multi_queue")
        self.address()
        self.run_and_compare(self.CONNECTIONS, f"tap:{TAP}")
        self.rig.ours.ip("link", "del", TAP)


class Tap6Test(TapTest):
    families = (V6,)
    CONNECTIONS = 10_000
    test_a_name_that_is_another_interfaces_is_refused = test_serve_makes_the_interface_and_takes_it_away = None


class MemifTest(RigCase):
    """Two processes, no kernel between them."""

    CONNECTIONS = 100_000

    @property
    def echo_target(self):
        return f"tcp://{host(self.family.synfin)}:7"

    def start_load(self, target, *options, cores):
        return self.rig.load(target, *options, device=f"memif:{self.rig.path('memif.sock')},client", cores=cores,
                             address=self.family.cidr(self.family.kernel))

    def run_pair(self, app, target, *options):
        path = self.rig.path("memif.sock")
        server = self.rig.serve(app, device=f"memif:{path},server")
        other_core = str((rig.core + 1) % os.cpu_count())
        load = self.start_load(target, *options, cores=other_core)
        self.assertEqual(load.wait(120), 0, load.said())
        counted = self.rig.result(load)["connections"]
        self.assertEqual(test_load.balance(counted), [], counted)
        self.assertEqual(counted["failed"], 0, counted)
        self.assertEqual(server.interrupt(), 0, server.said())
        return counted

    def test_http(self):
        counted = self.run_pair("http", self.rig.url, "-c", "100", "-n", str(self.CONNECTIONS), "--close-by", "server")
        self.assertEqual(counted["completed"], self.CONNECTIONS)

    def test_fewer_connections_than_engines(self):
        path = self.rig.path("memif.sock")
        self.rig.serve("echo", device=f"memif:{path},server")
        cores = f"{rig.core},{(rig.core + 1) % os.cpu_count()}"
        for connections, at_once in (1, 4), (5, 1):
            with self.subTest(connections):
                load = self.start_load(self.echo_target, "-n", str(connections), "-c", str(at_once), cores=cores)
                self.assertEqual(load.wait(), 0, load.said())
                self.assertEqual(self.rig.result(load)["connections"]["completed"], connections)

    def test_two_whose_long_paths_begin_alike(self):
        directory = self.rig.path("d" * 72)
        os.mkdir(directory)
        for name in "ab":
            self.rig.serve("echo", device=f"memif:{directory}/{name}.sock,server")

    def test_tcp(self):
        counted = self.run_pair("echo", self.echo_target, "-c", "10", "-n", "1000", "--request-size", "64KiB")
        self.assertEqual(counted["completed"], 1000)


class Memif6Test(MemifTest):
    families = (V6,)
    CONNECTIONS = 10_000
    test_two_whose_long_paths_begin_alike = test_fewer_connections_than_engines = None


class LostDeviceTest(RigCase):
    """An interface that goes down is told of and comes back; one that goes for good ends the run."""

    def devices(self):
        return f"af_packet:{self.rig.device}", f"af_xdp:{self.rig.device}"

    def start(self, device):
        report = self.rig.path(f"{device.partition(':')[0]}.json")
        process = self.rig.serve("echo", "--json", report, "--drain", "0s", device=device)
        return process, lambda: json.loads(pathlib.Path(report).read_text())["device"]

    def test_down_and_up_again(self):
        for device in self.devices():
            with self.subTest(device):
                serve, result = self.start(device)
                for state, pattern in ("down", "the link went down"), ("up", "the link is up again"):
                    self.rig.ours.ip("link", "set", self.rig.device, state)
                    rig.wait_until(lambda: pattern in serve.err, lambda: f"'{pattern}'\n{serve.said()}")  # noqa: B023
                self.assertEqual(echo_clients.exchange(self.rig.kernel, SYNFIN_ADDRESS, 7, 1, 100), [])
                serve.interrupt()
                self.assertEqual(result()["link_downs"], 1)
                self.assertFalse(result()["gone"])

    def test_deleted(self):
        for kind in "af_packet", "af_xdp":
            with self.subTest(kind):
                self.rig.ours.ip("link", "add", "sfgone0", "type", "veth", "peer", "name", "sfgone1")
                for end in "sfgone0", "sfgone1":
                    self.rig.ours.ip("link", "set", end, "up")
                serve, result = self.start(f"{kind}:sfgone0")
                self.rig.ours.ip("link", "del", "sfgone0")
                self.assertEqual(serve.wait(), 1, serve.said())
                self.assertRegex(serve.err, f"error: {kind}:sfgone0: the interface was deleted")
                self.assertTrue(result()["gone"])

    def test_a_tap_that_is_deleted(self):
        serve, result = self.start(f"tap:{TAP}")
        self.rig.ours.ip("link", "del", TAP)
        self.assertEqual(serve.wait(), 1, serve.said())
        self.assertTrue(result()["gone"])


class TwoAtOnceTest(RigCase):
    def test_two_processes_whose_numbers_collide(self):
        """DPDK's fanout group was numbered by process id xor interface index: two processes for which that is the same could not
        use af_packet at once. The second interface gets the index for which it is."""
        first = self.rig.serve("echo")
        index = int(self.rig.ours.run("cat", f"/sys/class/net/{self.rig.device}/ifindex"))
        other = self.rig.device + "2"
        self.addCleanup(self.rig.ours.ip, "link", "del", other)
        small = 75  # the status of a shell whose index would be 0 or another interface's: the next shell has another
        while True:
            second = self.rig.start(self.rig.ours, "sh", "-c",
                                    f"index=$(( {index} ^ {first.pid} ^ $$ )); [ $index -gt 9 ] || exit {small}; "
                                    f"ip link add {other} index $index type veth peer name {other}p && "
                                    f"ip link set {other} up && ip link set {other}p up && exec {rig.SYNFIN} serve --app echo "
                                    f"--device af_packet:{other} --address 10.78.0.2/24 --cores {rig.core} --control {self.rig.path('second')}")
            rig.wait_until(lambda: second.popen.poll() is not None or "listening on" in second.out, second.said)  # noqa: B023
            if second.popen.poll() != small:
                break
        second.wait_for_line(r"^listening on ")
        self.assertEqual(second.interrupt(), 0, second.said())
        self.assertEqual(echo_clients.exchange(self.rig.kernel, SYNFIN_ADDRESS, 7, 1, 100), [])

    def test_two_processes_on_one_interface(self):
        self.rig.serve("echo")
        self.rig.serve("echo", address=self.family.cidr(self.family.at(3)))
        for address in self.family.synfin, self.family.at(3):
            self.assertEqual(echo_clients.exchange(self.rig.kernel, address, 7, 1, 1000), [])

    def test_two_cores_share_what_one_interface_receives(self):
        self.rig.serve("echo", "--cores", f"{rig.core},{(rig.core + 1) % os.cpu_count()}")
        self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 20, 1 << 16), [])


class TwoAtOnce6Test(TwoAtOnceTest):
    families = (V6,)
    test_two_processes_whose_numbers_collide = None
