"""What the command says and how it ends when it cannot do what was asked. Statuses are the contract's: 1 failed at run
time, 2 wrong usage or configuration, 3 not valid or not passed."""

import os
import shutil
import signal

import segment_filter
import test_load
from cases import RigCase
from family import V6, host
from rig import KERNEL_ADDRESS6, PREFIX, SYNFIN_ADDRESS, SYNFIN_ADDRESS6
import rig as rig_module

SERVE = ("serve", "--app", "echo", "--cores", "0")
ADDRESS = ("--address", f"{SYNFIN_ADDRESS}/{PREFIX}")
CIDR6 = f"{SYNFIN_ADDRESS6}/64"


class RefusalCase(RigCase):
    def refused(self, status, *patterns, command, namespace=None):
        """Runs to its end; asserts the status, and that standard error matches every pattern."""
        process = self.rig.start(namespace or self.rig.ours, *command)
        self.assertEqual(process.wait(), status, process.said())
        for pattern in patterns:
            self.assertRegex(process.err, f"(?i){pattern}", process.said())
        self.assertNotIn("EAL:", process.err, "DPDK's own lines are not for users")
        self.assertEqual(process.out, "", "nothing on standard output")
        return process

    def synfin(self, *args):
        return (rig_module.SYNFIN, *args)


class RefusalTest(RefusalCase):
    def test_no_such_interface(self):
        for kind in ("af_packet", "af_xdp"):
            with self.subTest(kind):
                self.refused(1, "nosuch0", command=self.synfin(*SERVE, "--device", f"{kind}:nosuch0", *ADDRESS))

    def test_unknown_device(self):
        self.refused(2, "carrier-pigeon", "af_packet:", command=self.synfin(*SERVE, "--device", "carrier-pigeon:x", *ADDRESS))

    def test_no_permission(self):
        program = self.rig.path("synfin")  # where anyone may read it
        shutil.copy(rig_module.SYNFIN, program)
        os.chmod(program, 0o755)
        runtime = self.rig.path("runtime")  # as a session gives each user one
        os.mkdir(runtime, 0o700)
        os.chown(runtime, 65534, 65534)

        def user(*capabilities):
            given = ",".join(f"+{c}" for c in capabilities)
            return ("env", f"XDG_RUNTIME_DIR={runtime}", "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
                    *(("--inh-caps", given, "--ambient-caps", given) if given else ("--no-new-privs",)), program)

        for kind, needed in (("af_packet", ("net_raw", "net_admin", "bpf")), ("af_xdp", ("net_raw", "net_admin", "sys_admin", "ipc_lock"))):
            with self.subTest(kind):
                names = ",".join(f"cap_{c}" for c in needed)
                device = ("--device", f"{kind}:{self.rig.device}")
                self.refused(1, f"lacks {names};", rf"setcap {names}\+ep", command=(*user(), *SERVE, *device, *ADDRESS))
                doctor = self.rig.start(self.rig.ours, *user(), "doctor", *device)
                self.assertEqual(doctor.wait(), 3, doctor.said())
                self.assertIn(f"lacks {names}\n", doctor.out, "the doctor says the same")
                done = self.rig.start(self.rig.ours, *user(*needed), *SERVE, "-d", "100ms", *device, *ADDRESS)
                self.assertEqual(done.wait(), 0, f"what the message names is enough\n{done.said()}")
                self.assertEqual(done.err, "", "and all that is wanted")

    def test_the_kernel_has_the_address_too(self):
        self.rig.ours.ip("address", "add", f"{SYNFIN_ADDRESS}/{PREFIX}", "dev", self.rig.device)
        serve = self.rig.serve("echo")
        self.assertIn(f"ip address del {SYNFIN_ADDRESS}/{PREFIX} dev {self.rig.device}", serve.err)

    def test_limits_of_the_process_are_named(self):
        device = ("--device", f"af_packet:{self.rig.device}", *ADDRESS)
        for limit, pattern in (("--nofile=5", "file descriptors: .*ulimit -n"), ("--nofile=12", "file descriptors: .*ulimit -n"),
                               (f"--as={300 << 20}", "300 MiB.*ulimit -v"), (f"--as={1500 << 20}", "1500 MiB.*ulimit -v")):
            with self.subTest(limit):
                self.refused(1, pattern, command=("prlimit", limit, *self.synfin(*SERVE, *device)))

    def test_a_device_and_a_file_without_an_end_are_no_configuration(self):
        self.refused(2, "/dev/zero: is a device", command=self.synfin(*SERVE, "-f", "/dev/zero"))

    def test_nothing_is_said_of_a_device_in_order_but_with_v(self):
        command = (*SERVE, "--device", f"af_packet:{self.rig.device}", *ADDRESS, "-d", "100ms")
        quiet = self.rig.start(self.rig.ours, *self.synfin(*command))
        self.assertEqual((quiet.wait(), quiet.err), (0, ""))
        told = self.rig.start(self.rig.ours, *self.synfin(*command, "-v"))
        self.assertEqual(told.wait(), 0)
        self.assertRegex(told.err, r"(?m)^queues +1 rx")

    def test_served_by_another_synfin(self):
        self.rig.serve("echo")
        self.refused(1, "already|in use", command=self.synfin(*SERVE, "--device", f"af_packet:{self.rig.device}", *ADDRESS))

    def test_bad_cidr(self):
        for bad in ("10.77.0.300/24", "10.77.0.2/33", "10.77.0.2"):
            with self.subTest(bad):
                self.refused(2, "--address", bad.replace(".", r"\."),
                             command=self.synfin(*SERVE, "--device", f"af_packet:{self.rig.device}", "--address", bad))

    def test_no_device_no_address(self):
        self.refused(2, "--device", command=self.synfin(*SERVE, *ADDRESS))
        self.refused(2, "--address", command=self.synfin(*SERVE, "--device", f"af_packet:{self.rig.device}"))

    def test_unknown_option_names_the_nearest(self):
        self.refused(2, "--adress", "--address", command=self.synfin(*SERVE, "--adress", "1.2.3.4/8"))

    def test_unknown_yaml_key_names_file_line_column_and_the_nearest(self):
        path = self.rig.path("bad.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"device: af_packet:{self.rig.device}\naddress: {SYNFIN_ADDRESS}/{PREFIX}\nserve:\n  app: echo\n  listn: 7\n")
        self.refused(2, r"bad\.yaml:5:3", "listn", "listen", command=self.synfin("serve", "-f", path))

    def test_wrong_yaml_type_and_unit(self):
        for value, expected in (("[1, 2]", "msl"), ("ten", "duration"), ("10 parsecs", "duration")):
            with self.subTest(value):
                path = self.rig.path("bad.yaml")
                with open(path, "w", encoding="utf-8") as file:
                    file.write(f"tcp:\n  msl: {value}\n")
                self.refused(2, r"bad\.yaml:2:8", expected, command=self.synfin("serve", "-f", path))


class Refusal6Test(RefusalCase):
    families = (V6,)

    def serve6(self, *options, address=CIDR6):
        return self.synfin(*SERVE, "--device", f"af_packet:{self.rig.device}", "--address", address, *options)

    def load6(self, target, *options):
        return self.synfin("load", target, "--device", f"af_packet:{self.rig.device}", "--address", CIDR6, "--cores", "0", "-n", "1",
                           *options)

    def test_wrong_addresses(self):
        for bad in ("2001:db8::2/129", "2001:db8::2", "2001:db8:::2/64", "2001:db8::g/64", "ff02::5/64", "::ffff:10.0.0.1/96", "::1/128",
                    "::/64"):
            with self.subTest(bad):
                self.refused(2, "--address", bad.rpartition("/")[0] or bad, command=self.serve6(address=bad))

    def test_targets_without_brackets(self):
        for target in (f"tcp://{KERNEL_ADDRESS6}:80", f"http://{KERNEL_ADDRESS6}/"):
            with self.subTest(target):
                self.refused(2, r"\[", command=self.load6(target))

    def test_a_target_of_a_family_without_an_address(self):
        self.refused(2, "10.77.0.1", "IPv4", command=self.load6("tcp://10.77.0.1:80"))
        self.refused(2, "2001:db8::1", "IPv6", command=self.synfin("load", "tcp://[2001:db8::1]:80", "--device", f"af_packet:{self.rig.device}",
                                                                  "--cores", "0", "-n", "1", *ADDRESS))

    def test_a_gateway_in_no_network(self):
        self.refused(2, "2001:db8:99::1", command=self.serve6("--gateway", "2001:db8:99::1"))

    def test_an_mtu_that_ipv6_does_not_allow(self):
        self.refused(2, "1280", command=self.serve6("--mtu", "1279"))

    def test_the_kernel_has_the_address_too(self):
        self.rig.ours.add_address(CIDR6, self.rig.device)
        serve = self.rig.serve("echo")
        self.assertIn(f"ip address del {CIDR6} dev {self.rig.device}", serve.err)

    def test_served_by_another_synfin(self):
        self.rig.serve("echo")
        self.refused(1, "already|in use", command=self.serve6())

    def test_an_address_that_another_host_has(self):
        """RFC 4862 5.4: synfin finds it within a second of the start, names the other host's MAC address, and ends the run."""
        self.rig.theirs.add_address(CIDR6, self.rig.peer)
        mac = self.rig.theirs.run("cat", f"/sys/class/net/{self.rig.peer}/address")
        commands = (("serve", "--app", "echo"), ("load", f"tcp://{host(KERNEL_ADDRESS6)}:7", "-d", "10m"))
        for what in commands:
            with self.subTest(what[0]):
                process = self.rig.synfin(*what, "--cores", "0", "--device", f"af_packet:{self.rig.device}", "--address", CIDR6)
                self.assertEqual(process.wait(), 1, process.said())
                self.assertRegex(process.err, rf"{SYNFIN_ADDRESS6} is used by {mac} \(duplicate\)")


class LoadFailureTest(RigCase):
    wire_text = True
    NO_REPLY = "no ARP reply"

    def fails_by(self, cause, target, *options, status, connections=None):
        load = self.rig.load(target, *options)
        self.assertEqual(load.wait(), status, load.said())
        counted = self.rig.result(load)["connections"]
        self.assertEqual(test_load.balance(counted), [], counted)
        self.assertEqual(list(counted["failed_by"]), [cause], counted)
        if connections is not None:
            self.assertEqual(counted["failed_by"][cause], connections, counted)
        return load

    def test_target_refuses(self):
        self.fails_by("refused", f"tcp://{self.rig.kernel_host}:99", "-c", "5", "-n", "20", status=3, connections=20)

    def test_a_criterion_that_is_missed_or_cannot_be_decided(self):
        self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-n", "50", "--pass", "failed<0.1%, connect.p50<1h", "--pass", "cps>=1G")
        self.assertEqual(load.wait(), 3, load.said())
        result = self.rig.result(load)
        self.assertEqual([(each["name"], each["verdict"]) for each in result["criteria"]],
                         [("failed", "undecidable"), ("connect.p50", "pass"), ("cps", "fail")])
        self.assertTrue(result["valid"], result["invalid_because"])

    def test_target_is_silent(self):
        listener = self.rig.kernel.listen(99)
        self.addCleanup(listener.close)
        segment_filter.drop(listener, 0, 0)
        self.fails_by("syn_timed_out", f"tcp://{self.rig.kernel_host}:99", "-c", "2", "-n", "2", "--set", "tcp.syn-timeout=3s", status=3,
                      connections=2)

    def no_reply(self, who, target, *options):
        """Nothing is opened, and the run ends when the neighbour has been asked for three times, not at its duration."""
        load = self.rig.load(target, "-c", "2", "-d", "10m", *options)
        self.assertEqual(load.wait(), 1, load.said())
        self.assertRegex(load.err, f"{self.NO_REPLY} from {who}")
        result = self.rig.result(load)
        self.assertEqual(result["connections"]["offered"], 0, result["connections"])
        self.assertFalse(result["valid"])

    def test_gateway_does_not_answer(self):
        silent = self.family.at(99)
        self.no_reply(silent, f"tcp://{host(self.family.far(1))}:80", "--gateway", silent)

    def test_target_on_link_does_not_answer(self):
        silent = self.family.at(98)
        self.no_reply(silent, f"tcp://{host(silent)}:80")

    def test_target_is_on_no_network(self):
        far = self.family.far(1)
        load = self.rig.load(f"tcp://{host(far)}:80", "-n", "1")
        self.assertEqual(load.wait(), 2, load.said())
        self.assertIn(far, load.err)

    def test_out_of_ports(self):
        """100 connections that stay open do not fit into 10 ports: the run waits for more, and is not valid."""
        listener = self.rig.kernel.listen(99)
        self.addCleanup(listener.close)
        load = self.rig.load(f"tcp://{self.rig.kernel_host}:99", "-c", "100", "-d", "2s", "--source-ports", "40000-40009")
        self.assertEqual(load.wait(), 3, load.said())
        result = self.rig.result(load)
        counted = result["connections"]
        self.assertEqual(test_load.balance(counted), [], counted)
        self.assertEqual(counted["established"], 10, counted)
        self.assertGreater(result["drops"].get("no_port", 0), 0, result["drops"])
        self.assertRegex(" ".join(result["invalid_because"]), "waited for a free source port .*; widen --source-ports")

    def test_server_falls_silent_in_the_middle(self):
        """Few of a closed loop's connections fail then, for it opens no more: it has not passed all the same."""
        nginx = self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-c", "20", "-d", "4s")
        self.rig.wait_for_requests(50)
        nginx.popen.send_signal(signal.SIGSTOP)
        self.addCleanup(nginx.popen.send_signal, signal.SIGCONT)
        self.assertEqual(load.wait(), 3, load.said())
        result = self.rig.result(load)
        self.assertTrue(result["valid"], result["invalid_because"])
        self.assertEqual(result["criteria"][-1]["name"], "unanswered", result["criteria"])
        self.assertRegex(load.out, "\\Avalid +yes\npassed +NO ")

    def test_a_transfer_that_the_time_cuts(self):
        self.rig.nginx({"big": bytes(64 << 20)})
        load = self.rig.load(self.rig.kernel_url + "big", "-c", "1", "-d", "100ms")
        self.assertEqual(load.wait(), 0, load.said())
        result = self.rig.result(load)
        counted = result["connections"]
        self.assertEqual(test_load.balance(counted), [], counted)
        self.assertEqual(counted["failed"], 0, counted)
        self.assertGreater(result["payload_bytes"]["received"], 0)

    def test_sigint_in_the_middle(self):
        self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-c", "50", "-d", "10m")
        self.rig.wait_for_requests(50)
        self.assertEqual(load.interrupt(), 0, load.said())
        counted = self.rig.result(load)["connections"]
        self.assertEqual(test_load.balance(counted), [], counted)
        self.assertGreater(counted["completed"], 0)
        self.assertTrue(self.rig.result(load)["interrupted"])
        self.assertIn("completed", load.out, "the summary is printed all the same")
        self.assertEqual({s: n for s, n in self.rig.kernel.tcp_states(80).items() if s not in ("TIME-WAIT",)}, {})

    def test_server_vanishes_in_the_middle(self):
        nginx = self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-c", "20", "-d", "4s")
        self.rig.wait_for_requests(50)
        nginx.popen.kill()
        nginx.wait()
        self.assertEqual(load.wait(), 3, load.said())
        self.assertFalse(self.rig.result(load)["passed"])
        counted = self.rig.result(load)["connections"]
        self.assertEqual(test_load.balance(counted), [], counted)
        self.assertLessEqual(set(counted["failed_by"]), {"refused", "reset_by_peer", "short_response"}, counted)
        self.assertGreater(counted["failed_by"].get("refused", 0), 0, counted)


class LoadFailure6Test(LoadFailureTest):
    families = (V6,)
    NO_REPLY = "no neighbou?r advertisement"
    test_a_criterion_that_is_missed_or_cannot_be_decided = test_server_falls_silent_in_the_middle = test_out_of_ports = None
    test_server_vanishes_in_the_middle = test_a_transfer_that_the_time_cuts = test_target_is_silent = None  # nothing of these depends on the family
