"""`synfin load --repeat` and `--search`: several runs on one open device, against servers whose limits are known."""

import pathlib
import sys

from cases import RigCase, alone
from family import V6
from rig import SHARED_CORE, wait_until

SERVER = pathlib.Path(__file__).with_name("limited_server.py")
# The outcome of a trial shall not depend on the machine.
PATIENT = (*SHARED_CORE, "--set", "validity.slip=10s")
NO_LIMIT = 1_000_000
LIMIT = 1_500


class TrialsTest(RigCase):
    NEAR = ("-R", "1400", "-d", "600ms", "--set", "load.search.most=2000", "--set", "load.search.resolution=3%")  # begins near LIMIT

    def serve(self, rate=NO_LIMIT, without_a_token="refuse"):
        server = self.rig.start(self.rig.kernel, sys.executable, SERVER, self.family.kernel, 80, rate, without_a_token)
        server.wait_for_line("^listening$")

    def run_load(self, *options, status=0):
        """The result of a load that ended with this exit status, and what it said on standard error."""
        load = self.rig.load(self.rig.kernel_url, *PATIENT, *options)
        self.assertEqual(load.wait(), status, load.said())
        return self.rig.result(load), load.err

    def search(self, kind, until, *options, status=0):
        result, said = self.run_load("--search", kind, "--until", until, "--set", "load.search.trial=200ms", "--set", "load.pause=50ms",
                                     *options, status=status)
        for number, trial in enumerate(result["search"]["trials"], 1):
            self.assertIn(f"search: trial {number}: ", said)
            self.assertEqual(trial["open_before"], 0, "both ends were empty")
        return result["search"], result

    @alone
    def test_the_limit_of_a_server_that_refuses(self):
        self.serve(LIMIT, "refuse")
        found = self.search("rate", "failed<0.2%", *self.NEAR)[0]
        self.expect_the_limit(found)
        self.assertTrue(any("failed<0.2%" in trial["why"] for trial in found["trials"]), found["trials"])

    @alone
    def test_the_limit_of_a_server_that_delays(self):
        self.serve(LIMIT, "delay")
        found = self.search("rate", "failed<0.2%", *self.NEAR)[0]
        self.expect_the_limit(found)
        self.assertTrue(any("fell behind" in trial["why"] for trial in found["trials"]), found["trials"])

    def expect_the_limit(self, search):
        """Wide, because a server that the machine stops for some milliseconds refuses below its limit, and a bucket that is full at first
        takes more. unit-apps finds a server's limit within 2 % in virtual time."""
        self.assertEqual(search["limited_by"], "target")
        self.assertGreater(search["found"], 0.7 * LIMIT, search)
        self.assertLess(search["found"], 1.1 * LIMIT, search)
        self.assertGreater(search["upper_bound"], search["found"])
        self.assertTrue(search["trials"][-1]["full"])

    def test_nothing_meets_the_criteria(self):
        self.serve()
        search, result = self.search("rate", "connect.max<1ns", "-R", "20", "-d", "200ms", "--set", "load.search.resolution=10%", status=3)
        self.assertIsNone(search["found"])
        self.assertEqual((search["limited_by"], search["upper_bound"]), ("target", 1))
        self.assertEqual(result["criteria"][-1]["name"], "search")

    def test_the_ceiling_and_repeats_of_the_value_found(self):
        self.serve()
        search, result = self.search("rate", "failed<=0%", "-R", "200", "-d", "300ms", "--repeat", "2", "--set", "load.search.most=300")
        self.assertEqual((search["found"], search["limited_by"], search["upper_bound"]), (300, "ceiling", None))
        self.assertEqual([trial["value"] for trial in search["trials"]], [200, 300, 300])
        self.assertEqual(result["repeats"]["n"], 2)
        self.assertEqual(result["connections"]["offered"], 90, "of one run")

    def test_search_for_connections(self):
        self.serve()
        search, result = self.search("connections", "failed<=0%", "-c", "2", "-d", "200ms", "--set", "load.search.most=8")
        self.assertEqual((search["kind"], search["found"], search["limited_by"]), ("connections", 8, "ceiling"))
        self.assertEqual([trial["value"] for trial in search["trials"]], [2, 4, 8, 8])
        self.assertEqual(result["config"]["load"]["connections"], 8)

    def test_repeats_count_each_for_itself(self):
        self.serve()
        result, said = self.run_load("-c", "4", "-n", "200", "--repeat", "3", "--set", "load.pause=0")
        self.assertEqual(result["connections"]["completed"], 200)
        self.assertEqual(result["tcp"]["active_opens"], 200)
        self.assertEqual(result["tcp"]["established"], 200)
        repeats = result["repeats"]
        self.assertEqual((repeats["n"], repeats["valid"], repeats["passed"]), (3, 3, 3))
        rates = [run["figures"]["cps"] for run in repeats["runs"]]
        of = repeats["figures"]["cps"]
        self.assertEqual((of["least"], of["median"], of["most"]), tuple(sorted(rates)))
        self.assertEqual(rates[repeats["median_run"] - 1], of["median"])
        self.assertEqual(repeats["agree"], of["spread"] <= 0.02)
        self.assertEqual(repeats["agree"], not repeats["why"])
        self.assertIn("run 3 of 3: ", said)

    def test_a_run_that_fails_fails_all(self):
        self.serve()
        result, _ = self.run_load("-c", "1", "-n", "20", "--repeat", "2", "--pass", "connect.max<1ns", status=3)
        self.assertEqual(result["repeats"]["passed"], 0)
        self.assertEqual([each["name"] for each in result["criteria"]], ["connect.max", "repeats"])

    def test_a_signal_ends_a_search(self):
        self.serve()
        load = self.rig.load(self.rig.kernel_url, *PATIENT, "-R", "100", "-d", "60s", "--search", "rate", "--until", "failed<1%",
                             "--set", "load.search.trial=500ms")
        wait_until(lambda: "search: trial 1: " in load.err, load.said)
        self.assertEqual(load.interrupt(), 3, load.said())
        result = self.rig.result(load)
        self.assertTrue(result["interrupted"])
        self.assertIsNone(result["search"]["found"])
        self.assertGreaterEqual(len(result["search"]["trials"]), 1)


class Trials6Test(TrialsTest):
    families = (V6,)
    test_the_limit_of_a_server_that_refuses = test_the_limit_of_a_server_that_delays = test_nothing_meets_the_criteria = None
    test_the_ceiling_and_repeats_of_the_value_found = test_a_run_that_fails_fails_all = test_a_signal_ends_a_search = None
