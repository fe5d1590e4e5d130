"""What needs no network: help, check, and bench with its result."""

import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

import result_schema
import rig
from rig import sh

CONFIG = pathlib.Path(__file__).resolve().parent.parent.parent / "config"
SUBCOMMANDS = ("bench", "serve", "load", "check", "compare", "report")


class HelpTest(unittest.TestCase):
    def test_every_subcommand_has_help_with_an_example(self):
        self.assertIn("serve", sh(rig.SYNFIN, "--help"))
        for subcommand in SUBCOMMANDS:
            with self.subTest(subcommand):
                self.assertRegex(sh(rig.SYNFIN, subcommand, "--help"), f"(?s)Example.*synfin {subcommand}")


class CheckTest(unittest.TestCase):
    def test_every_scenario_is_valid_and_explained(self):
        scenarios = sorted(CONFIG.glob("*.yaml"))
        self.assertGreater(len(scenarios), 3)
        for scenario in scenarios:
            with self.subTest(scenario.name):
                self.assertNotEqual(sh(rig.SYNFIN, "check", scenario), "")

    def test_every_target_is_named(self):
        said = sh(rig.SYNFIN, "check", CONFIG / "load-dual-stack.yaml")
        self.assertIn("load: http://10.77.0.1:80/, http://[2001:db8:77::1]:80/\n", said)

    def test_each_class_is_explained(self):
        said = sh(rig.SYNFIN, "check", CONFIG / "load-classes.yaml")
        self.assertIn("load: 3 classes\n", said)
        self.assertIn("page: http://10.77.0.1:80/; 2000 connections/s\n", said)
        self.assertIn("echo: tcp://10.77.0.1:7; 100 connections at once", said)
        self.assertRegex(said, r"rate +2200 connections/s")
        self.assertRegex(said, r"tuples .*x 2 targets\)")

    def test_a_file_without_a_character(self):
        with tempfile.NamedTemporaryFile(suffix=".yaml") as empty:
            with self.assertRaisesRegex(RuntimeError, "no device given"):  # as of one with a comment alone
                sh(rig.SYNFIN, "check", empty.name)

    def test_a_directory_is_no_file(self):
        with self.assertRaisesRegex(RuntimeError, "status 2(.|\n)*can't be read: Is a directory"):
            sh(rig.SYNFIN, "check", "/")

    def test_what_bench_refuses_is_not_valid(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("bench: {profile: connect, hold: 5s}\n")
            file.flush()
            with self.assertRaisesRegex(RuntimeError, "status 2(.|\n)*--hold: expected --profile idle"):
                sh(rig.SYNFIN, "check", file.name)

    def test_what_a_run_would_read_is_read(self):
        network = "device: tap:x\naddress: 10.0.0.1/24\n"
        for section, why in (("load: {target: 'http://10.0.0.2/', body: '@/missing'}", "--body @/missing: the file can't be read"),
                             ("serve: {app: http, root: /missing}", "/missing"),
                             ("serve: {app: http, route: [/a=200, /a=404]}", "/a")):
            with self.subTest(section), tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(f"{network}{section}\n")
                file.flush()
                with self.assertRaisesRegex(RuntimeError, f"status 2(.|\n)*{why}"):
                    sh(rig.SYNFIN, "check", file.name)

    def test_connections_of_an_open_loop(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("device: tap:x\naddress: 10.0.0.1/24\nload: {target: 'http://10.0.0.2/', rate: 1M}\n")
            file.flush()
            self.assertRegex(sh(rig.SYNFIN, "check", file.name), "connections +up to 1.00M at once")


class OutputTest(unittest.TestCase):
    """Where what is said goes: none of it may cost the result."""

    BENCH = ("bench", "-n", "100", *rig.SHARED_CORE, "--json")

    def run_with(self, *options, **streams):
        return subprocess.run([rig.SYNFIN, *options], timeout=rig.LIMIT, check=False, **streams)

    def test_a_reader_that_has_left(self):
        reader, writer = os.pipe()
        os.close(reader)
        with tempfile.TemporaryDirectory() as directory, open(writer, "wb") as pipe:
            path = os.path.join(directory, "result.json")
            done = self.run_with(*self.BENCH, path, stdout=pipe, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 1, done)
            self.assertIn(b"standard output: the result can't be written: Broken pipe", done.stderr)
            self.assertTrue(json.loads(pathlib.Path(path).read_text())["valid"])

    def test_a_full_disk(self):
        with open("/dev/full", "wb") as full:
            self.assertEqual(self.run_with(*self.BENCH, "-", stdout=full, stderr=subprocess.PIPE).returncode, 1)
            self.assertEqual(self.run_with("bogus", stderr=full).returncode, 2)
            said = self.run_with(*self.BENCH, "-", stdout=subprocess.PIPE, stderr=full)
            self.assertEqual(said.returncode, 0, said)
            self.assertTrue(json.loads(said.stdout)["valid"])

    def test_a_terminal_that_hangs_up(self):
        ours, terminal = os.openpty()
        with open(terminal, "wb") as stderr:
            process = subprocess.Popen([rig.SYNFIN, "bench", "-d", "3s", *rig.SHARED_CORE], stdout=subprocess.PIPE, stderr=stderr,
                                       start_new_session=True)
        try:
            self.assertTrue(os.read(ours, 1), "the first line of progress")
        finally:
            os.close(ours)
        said, _ = process.communicate(timeout=rig.LIMIT)
        self.assertEqual(process.returncode, 0)
        self.assertIn(b"valid        yes", said)

    def test_closed_streams(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "result.json")
            sh("sh", "-c", f"exec {rig.SYNFIN} bench -n 100 {' '.join(rig.SHARED_CORE)} --json {path} <&- >&- 2>&-")
            self.assertTrue(json.loads(pathlib.Path(path).read_text())["valid"])

    def test_a_path_that_is_no_utf8(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(os.fsencode(directory), b"\xff.json")
            done = self.run_with(*self.BENCH, path, capture_output=True)
            self.assertEqual(done.returncode, 0, done)
            with open(path, encoding="utf-8") as file:
                self.assertTrue(json.load(file)["valid"])

    def test_few_descriptors(self):
        """It ends, whoever is the first to miss one: DPDK, which may abort, or the command, which says so."""
        for most in (7, 8):
            done = subprocess.run(["prlimit", f"--nofile={most}", rig.SYNFIN, "bench", "-n", "100", *rig.SHARED_CORE],
                                  capture_output=True,
                                  timeout=rig.LIMIT, check=False)
            self.assertIn(done.returncode, (0, 1, -6), done)


class BenchTest(unittest.TestCase):
    def bench(self, *options):
        return json.loads(sh(rig.SYNFIN, "bench", "-d", "1s", *rig.SHARED_CORE, "--json", "-", *options))

    def assert_sound(self, result):
        self.assertEqual(result_schema.wrong(result), [])
        self.assertEqual(result["command"], "bench")
        self.assertGreater(result["rates"]["cps"], 0)
        self.assertTrue(result["valid"], result["invalid_because"])
        life = result["latency_us"]["life"]
        self.assertLessEqual(life["p50"], life["p99"])
        self.assertLessEqual(life["p99"], life["max"])

    def test_crr_on_one_core(self):
        result = self.bench("--cores", "0")
        self.assert_sound(result)
        self.assertEqual(result["connections"]["failed"], 0)
        self.assertEqual(result["deviations"], ["validity.lost 100% (default 5%)"])
        self.assertEqual(result["drops"], {}, "a wire that loses nothing")
        # At least SYN, SYN-ACK, ACK with the request, response with FIN, FIN-ACK, ACK; at most each of the ten alone.
        self.assertGreaterEqual(result["packets_per_connection"]["client"], 6)
        self.assertLessEqual(result["packets_per_connection"]["client"], 10)
        self.assertGreater(result["floor"]["cps"], result["rates"]["cps"])

    @unittest.skipIf(os.cpu_count() < 2, "one core")
    def test_crr_on_two_cores(self):
        self.assert_sound(self.bench("--cores", "0-1"))

    def test_the_schema_is_held_against_a_result(self):
        """That a wrong result is found: the other tests only show that none is."""
        result = self.bench("--cores", "0", "-n", "100")
        self.assertEqual(result_schema.wrong(result), [])
        self.assertEqual(result_schema.wrong({**result, "passed": None}), ["result.passed: expected boolean, found None"])
        self.assertEqual(result_schema.wrong({key: value for key, value in result.items() if key != "drops"}), ["result: no drops"])
        self.assertEqual(result_schema.wrong({**result, "connections": {**result["connections"], "offered": 101}}),
                         ["offered = opened + skipped: 101 and 100"])

    def test_every_profile(self):
        for profile in ("connect", "crr", "http", "rr", "stream", "idle"):
            with self.subTest(profile):
                result = self.bench("--profile", profile, "--cores", "0")
                self.assertEqual(result_schema.wrong(result), [])
                self.assertTrue(result["valid"], result["invalid_because"])

    def test_a_deviation_is_named(self):
        result = self.bench("--msl", "1s", "--cores", "0")
        self.assertRegex(" ".join(result["deviations"]), "msl")

    def test_a_lossy_wire_is_named_and_counted_and_nothing_else_is_lost(self):
        result = self.bench("--loss", "2%", "-c", "500", "--cores", "0")
        self.assert_sound(result)
        self.assertEqual(result["deviations"][1:], ["bench.loss 2% (seed 1): the wire loses frames on purpose"])
        self.assertEqual(result["connections"]["failed"], 0)
        sent = result["tcp"]["tx_packets"] + result["tcp"]["arp_requests_sent"] + result["tcp"]["arp_replies_sent"]
        self.assertAlmostEqual(result["drops"]["wire_loss"] / sent, 0.02, delta=0.005)
        self.assertGreater(result["tcp"]["retransmitted"], 0)

    def test_idle_connections_leave_nothing(self):
        result = json.loads(sh(rig.SYNFIN, "bench", "--profile", "idle", "-c", "20k", "--hold", "100ms", "--await-time-wait",
                               "--msl", "500ms", "--cores", "0", *rig.SHARED_CORE, "--json", "-"))
        self.assertTrue(result["valid"], result["invalid_because"])
        self.assertEqual(result["connections"]["completed"], 20_000)
        self.assertEqual(result["tcp"]["time_wait_entered"], 20_000)
        for end in ("client", "server"):
            self.assertEqual(set(result["left"][end].values()), {0}, result["left"])
        self.assertGreaterEqual(result["duration_s"], result["idle"]["filled_s"] + 0.1 - 1e-6)  # printed in microseconds
        counted = sum(sum(result["memory"][end].values()) for end in ("client", "server"))
        self.assertEqual(result["memory"]["bytes_per_connection"], counted // 40_000)

    def test_idle_connections_beside(self):
        alone, beside = self.bench("--cores", "0"), self.bench("--beside", "20k", "--cores", "0")
        self.assert_sound(beside)
        self.assertEqual(beside["beside"], {"established": 20_000, "completed": 20_000, "failed": 0})
        for result in (alone, beside):
            self.assertEqual(result["connections"]["failed"], 0)
            self.assertAlmostEqual(result["packets_per_connection"]["client"], 6, delta=0.1)  # of the profile's alone

    def test_options_that_need_another_profile(self):
        for options in (["--hold", "1s"], ["--profile", "idle", "--beside", "1"], ["--loss", "1"]):
            refused = subprocess.run([rig.SYNFIN, "bench", *options], capture_output=True, text=True)
            self.assertEqual(refused.returncode, 2, refused)

    def test_a_number_of_connections(self):
        result = json.loads(sh(rig.SYNFIN, "bench", "-n", "1000", *rig.SHARED_CORE, "--json", "-", "--cores", "0"))
        self.assertEqual(result["connections"]["completed"], 1000)

    @unittest.skipIf(os.geteuid() != 0, "not root: cannot become nobody (it is an ordinary user already)")
    def test_as_an_ordinary_user(self):
        with tempfile.TemporaryDirectory() as directory:
            os.chmod(directory, 0o755)
            program = os.path.join(directory, "synfin")
            shutil.copy(rig.SYNFIN, program)
            os.chmod(program, 0o755)
            said = sh("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", program,
                      "bench", "-d", "1s", *rig.SHARED_CORE, "--json", "-")
        self.assert_sound(json.loads(said))
