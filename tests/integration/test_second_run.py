"""`synfin load` several times in turn, each process with the tuples of the one before: the server still holds their TIME-WAIT.

Each run has 1,000 source ports for each address and uses every one of them once, so that no tuple is new by luck.
"""

import json
import os

import rig
from cases import RigCase, alone
from family import V6

PORTS = 1000
FIRST, SECOND = 2, 3  # of synfin's addresses


class SecondRunTest(RigCase):
    def setUp(self):
        super().setUp()
        self.rig.nginx()

    def at(self, number):
        return self.family.cidr(self.family.at(number))

    def run_load(self, *options, addresses=(FIRST,), cores=None):
        """One run over every tuple of the addresses; whatever the server still holds of them, nothing is refused or waits."""
        more = self.rig.synfin_addresses(addresses[1:])
        load = self.rig.load(self.rig.kernel_url, "-c", "32", "-n", str(PORTS * len(addresses)), "--source-ports", f"20000-{20000 + PORTS - 1}",
                             *more, *options, address=self.at(addresses[0]), cores=cores)
        self.assertEqual(load.wait(), 0, load.said())
        result = self.rig.result(load)
        seen = (result["connections"]["completed"], result["tcp"]["stale_syn"], result["tcp"]["syn_retransmitted"])
        self.assertEqual(seen, (PORTS * len(addresses), 0, 0), load.said())
        self.assertEqual(result["invalid_because"], [])

    def server_holds(self):
        return len(self.rig.kernel.run("ss", "-tanH", "state", "time-wait", "sport", "=", ":80").splitlines())

    @alone
    def test_three_runs_whose_tuples_the_server_holds_in_time_wait(self):
        for _ in range(3):
            self.run_load("--close-by", "server")
            # No more than the ports: the tuples are the same ones each time.
            self.assertIn(self.server_holds(), range(PORTS * 9 // 10, PORTS + 1))

    @alone
    def test_three_runs_that_the_client_closes(self):
        for _ in range(3):
            self.run_load("--close-by", "client")

    @alone
    def test_runs_with_the_addresses_in_another_order(self):
        for addresses in ((FIRST, SECOND), (SECOND, FIRST), (SECOND,), (FIRST,)):
            self.run_load("--close-by", "server", addresses=addresses)

    @alone
    def test_runs_with_another_number_of_cores(self):
        if os.cpu_count() < 2:
            self.skipTest("one CPU only")
        for cores in ("0", "0,1", "1"):
            self.run_load("--close-by", "server", cores=cores)

    @alone
    def test_a_process_without_the_hosts_keys_says_so_and_loses_no_second(self):
        """Its SYNs look old to about half of the server's TIME-WAIT: each of these is sent again at once, and the run is not valid."""
        self.run_load("--close-by", "server")
        report = self.rig.path("own-keys.json")
        hidden = "mount --make-rprivate / && mkdir -p /run/synfin && mount -t tmpfs -o ro,mode=755 none /run/synfin && exec \"$@\""
        load = self.rig.start(self.rig.ours, "unshare", "-m", "env", "-u", "XDG_RUNTIME_DIR", "sh", "-c", hidden, "sh", rig.SYNFIN, "load", self.rig.kernel_url,
                              "--device", f"af_packet:{self.rig.device}", "--address", self.at(FIRST), "--cores", str(rig.core), "-c", "32",
                              "-n", str(PORTS), "--source-ports", f"20000-{20000 + PORTS - 1}", "--close-by", "server", "--json", report)
        self.assertEqual(load.wait(), 3, load.said())
        self.assertEqual(load.said().count("synfin: warning: the keys of initial sequence numbers are this run's own"), 1, load.said())
        with open(report, encoding="utf-8") as file:
            result = json.load(file)
        stale = result["connections"]["stale_syn"]
        self.assertGreater(stale, PORTS // 10)
        self.assertIn("TIME-WAIT", " ".join(result["invalid_because"]))
        self.assertEqual(result["connections"]["completed"], PORTS)
        self.assertEqual(result["tcp"]["syn_retransmitted"], stale, "no SYN waited for its timer")


class SecondRun6Test(SecondRunTest):
    families = (V6,)
    test_three_runs_that_the_client_closes = test_a_process_without_the_hosts_keys_says_so_and_loses_no_second = None
