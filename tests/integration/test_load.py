"""`synfin load` against kernel servers."""

from cases import RigCase, alone, settings
from family import V6
from rig import SHARED_CORE


def balance(connections):
    """What the counters of one result do not balance; an empty list when they do."""
    wrong = []
    if connections["offered"] != connections["opened"] + connections["skipped"]:
        wrong.append("offered != opened + skipped")
    if connections["failed"] != sum(connections["failed_by"].values()):
        wrong.append("failed != the sum of failed_by")
    if connections["opened"] < connections["completed"] + connections["failed"]:
        wrong.append("opened < completed + failed")
    return wrong


class NginxTest(RigCase):
    def run_load(self, connections, *options, device=None):
        self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-c", "200", "-n", str(connections), *options, device=device)
        self.assertEqual(load.wait(300), 0, load.said())
        result = self.rig.result(load)
        counted = result["connections"]
        self.assertEqual(balance(counted), [], counted)
        self.assertEqual(counted["completed"], connections, counted)
        self.assertEqual(counted["failed"], 0, counted)
        return result

    def run_and_compare(self, connections, device=None):
        self.run_load(connections, device=device)
        self.assertEqual(self.rig.nginx_counts(), (connections, connections))

    def test_100000_connections_and_nginx_counts_as_many(self):
        self.run_and_compare(100_000)

    def test_requests_per_connection(self):
        self.run_load(1000, "--requests-per-connection", "10")
        self.assertEqual(self.rig.nginx_counts(), (1000, 10_000))

    def test_close_by_rst(self):
        result = self.run_load(1000, "--close", "rst")
        self.assertIn("rst", " ".join(result["deviations"]).lower())
        self.assertEqual(self.rig.nginx_counts()[0], 1000)

    def test_connect_only(self):
        result = self.run_load(1000, "--connect-only")
        self.assertEqual(self.rig.nginx_counts()[1], 0)
        self.assertEqual(result["connections"]["established"], 1000)

    @alone
    def test_open_loop(self):
        self.rig.nginx()
        seconds = 10 if settings.long else 3
        # On a machine that is never quiet the generator may be late.
        load = self.rig.load(self.rig.kernel_url, "-R", "500", "-d", f"{seconds}s", *SHARED_CORE, "--set", "validity.slip=10s", "--pass", "failed<=0%")
        self.assertEqual(load.wait(), 0, load.said())
        result = self.rig.result(load)
        counted = result["connections"]
        self.assertEqual(balance(counted), [], counted)
        duration = result["duration_s"]  # of a busy machine a little more than was asked for
        self.assertGreaterEqual(duration, seconds)
        self.assertEqual(counted["offered"], 500 * seconds)
        self.assertEqual(counted["failed"], 0, counted)
        self.assertEqual(self.rig.nginx_counts()[0], counted["established"])


    @alone
    def test_request_rate(self):
        self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-c", "20", "--request-rate", "1000", "-d", "2s", *SHARED_CORE,
                             "--set", "validity.slip=10s", "--pass", "failed<=0%")
        self.assertEqual(load.wait(), 0, load.said())
        result = self.rig.result(load)
        requests = result["requests"]
        self.assertEqual(requests["offered"], 2000)
        self.assertEqual(requests["offered"], requests["sent"] + requests["skipped"] - requests["resent"], requests)
        self.assertEqual(requests["sent"], requests["answered"])
        self.assertEqual(requests["skipped"], sum(requests["skipped_by"].values()))
        # nginx closes a connection after 1,000 requests.
        self.assertEqual(self.rig.nginx_counts(), (result["connections"]["established"], requests["sent"]))
        self.assertEqual(balance(result["connections"]), [])

    def test_think(self):
        result = self.run_load(200, "--requests-per-connection", "4", "--think", "50ms-150ms")
        self.assertEqual(self.rig.nginx_counts(), (200, 800))
        # Three pauses of 100 ms on average.
        self.assertGreater(result["latency_us"]["life"]["mean"], 280_000)
        self.assertEqual(result["requests"]["answered"], 800)

    def test_held_connections_with_a_heartbeat(self):
        self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-c", "100", "--hold", "--heartbeat", "500ms", "-d", "2s", *SHARED_CORE,
                             "--set", "validity.slip=10s", "--pass", "failed<=0%")
        self.assertEqual(load.wait(), 0, load.said())
        result = self.rig.result(load)
        requests = result["requests"]
        self.assertEqual(result["connections"]["established"], 100)
        self.assertEqual(result["connections"]["completed"], 100)
        self.assertAlmostEqual(requests["offered"], 400, delta=10)
        self.assertEqual(self.rig.nginx_counts(), (100, requests["sent"]))


class Nginx6Test(NginxTest):
    families = (V6,)
    test_request_rate = test_think = test_held_connections_with_a_heartbeat = None
    test_100000_connections_and_nginx_counts_as_many = test_connect_only = test_open_loop = None

    def test_10000_connections_and_nginx_counts_as_many(self):
        self.run_and_compare(10_000)


class ClassesTest(RigCase):
    def test_each_class_has_its_own_counts(self):
        self.rig.nginx()
        url = self.rig.kernel_url
        with open(self.rig.path("classes.yaml"), "w", encoding="utf-8") as file:
            file.write(f"""
load:
  target: "{url}"
  criteria: [failed<1%, 'web.status(2xx)>=400', lost.failed<=0%]
  classes:
    - {{name: web, connections: 20, count: 200, requests: 2}}
    - {{name: lost, target: "{url.rstrip('/')}/nowhere", connections: 5, count: 100, expect-status: 404}}
    - {{name: sent, connections: 5, count: 50, method: POST, body: "a=1", expect-status: "200,405"}}
""")
        load = self.rig.load(url, "-f", self.rig.path("classes.yaml"))
        self.assertEqual(load.wait(), 0, load.said())
        result = self.rig.result(load)
        classes = result["classes"]
        self.assertEqual({name: each["connections"]["completed"] for name, each in classes.items()}, {"web": 200, "lost": 100, "sent": 50})
        for each in classes.values():
            self.assertEqual(balance(each["connections"]), [], each)
        self.assertEqual(classes["web"]["statuses"], {"200": 400})
        self.assertEqual(classes["lost"]["statuses"], {"404": 100})
        self.assertEqual(sum(classes["sent"]["statuses"].values()), 50)
        self.assertEqual(result["connections"]["completed"], 350)
        self.assertEqual(self.rig.nginx_counts(), (350, 550))


class Classes6Test(ClassesTest):
    families = (V6,)


class ImpairTest(RigCase):
    def test_faults_on_purpose_cost_retransmissions_and_no_connection(self):
        self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-c", "50", "-n", "500", "--set", "tcp.rto-initial=20ms", "--set", "tcp.rto-min=5ms",
                             "--impair", "loss=2%,delay=1ms,duplicate=1%,corrupt=1%,reorder=1%,reorder-delay=1ms,seed=3")
        self.assertEqual(load.wait(), 0, load.said())
        result = self.rig.result(load)
        self.assertEqual(result["connections"]["completed"], 500)
        self.assertIn("impair loss=2%", " ".join(result["deviations"]))
        for direction in ("rx", "tx"):
            seen = result["impair"][direction]
            self.assertGreater(seen["packets"], 1000)
            for fault in ("lost", "duplicated", "corrupted", "delayed", "reordered"):
                self.assertGreater(seen[fault], 0, (direction, fault))
        self.assertGreater(result["tcp"]["retransmitted"], 0)
        self.assertGreater(sum(result["drops"].get(name, 0) for name in ("bad_tcp_checksum", "bad_ip_checksum")), 0)
        self.assertGreater(result["latency_us"]["connect"]["p50"], 2000)
