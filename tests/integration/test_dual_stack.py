"""Both families in one process, and one family alone."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil

import echo_clients
import test_load
from cases import RigCase
from family import V4, V6, host
from rig import LIMIT, receive_exactly, wait_until


class DualStackTest(RigCase):
    families = (V4, V6)

    def urls(self):
        return [f"http://{host(family.synfin)}/" for family in self.families]

    def serve(self, app, *options):
        process = self.rig.serve(app, "--json", self.rig.path("serve.json"), *options)
        for family in self.families:
            process.wait_for_line(rf"^listening on {re.escape(host(family.synfin))}:")
        return process

    def ended(self, process):
        """The result of `serve`, when it was interrupted."""
        self.assertEqual(process.interrupt(), 0, process.said())
        return json.loads(pathlib.Path(self.rig.path("serve.json")).read_text())

    def run_wrk_on_each(self, *options):
        serve = self.serve("http", *options)
        clients = [self.rig.start(self.rig.kernel, "wrk", "-t1", "-c20", "-d2s", "--timeout", f"{LIMIT}s", url) for url in self.urls()]
        got = 0
        for client in clients:
            self.assertEqual(client.wait(), 0, client.said())
            self.assertNotIn("Socket errors", client.out)
            self.assertNotIn("Non-2xx", client.out)
            requests = int(re.search(r"(\d+) requests in", client.out)[1])
            self.assertGreater(requests, 0, client.said())
            got += requests
        result = self.ended(serve)
        # wrk leaves its last requests in the middle: at most one for each of its connections.
        self.assertGreaterEqual(result["http"]["requests"], got)
        self.assertLessEqual(result["http"]["requests"], got + 2 * 20)
        self.assertEqual(result["connections"]["failed"], 0, result["connections"])
        self.assertEqual(result["tcp"]["misdirected"], 0, result["tcp"])

    def test_wrk_on_each_at_once(self):
        self.run_wrk_on_each()

    def test_wrk_on_each_at_once_and_two_cores(self):
        if os.cpu_count() < 2:
            self.skipTest("one CPU only")
        self.run_wrk_on_each("--cores", "0-1")

    def test_echo_on_each_at_once(self):
        """The same ports on both sides in both families: the connections must not be mixed up."""
        serve = self.serve("echo")
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(echo_clients.exchange, self.rig.kernel, family.synfin, 7, 100, 1 << 16, seed=family.version)
                    for family in self.families]
            for run in runs:
                self.assertEqual(run.result(), [])
        self.assertEqual(self.ended(serve)["connections"]["established"], 200)

    def test_the_same_port_of_the_client_in_each(self):
        self.serve("echo")
        for _ in range(2):
            pairs = []
            for family in self.families:
                s = self.rig.kernel.socket(family=family)
                self.addCleanup(s.close)
                s.settimeout(LIMIT)
                s.setsockopt(1, 2, 1)  # SO_REUSEADDR
                s.bind((family.kernel, 40000))
                s.connect((family.synfin, 7))
                pairs.append((s, f"hello, family {family.version}".encode()))
            for s, text in pairs:
                s.sendall(text)
            for s, text in reversed(pairs):
                self.assertEqual(s.recv(100), text)
                s.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER: no TIME-WAIT keeps the port
                s.close()

    def server_holds(self, family):
        listed = self.rig.kernel.run("ss", f"-{family.version}", "-tanH", "state", "time-wait", "sport", "=", ":80")
        return len(listed.splitlines())

    def test_load_of_targets_of_both_families(self):
        self.rig.nginx()
        targets = [f"http://{host(family.kernel)}:80/" for family in self.families]
        load = self.rig.load(targets[0], targets[1], "-c", "20", "-n", "1000", "--close-by", "server")
        self.assertEqual(load.wait(), 0, load.said())
        counted = self.rig.result(load)["connections"]
        self.assertEqual(test_load.balance(counted), [], counted)
        self.assertEqual((counted["completed"], counted["failed"]), (1000, 0), counted)
        self.assertEqual(self.rig.nginx_counts(), (1000, 1000))
        # Targets take turns. Each of nginx's TIME-WAITs is one connection of the family.
        self.assertEqual([self.server_holds(family) for family in self.families], [500, 500])

    def test_a_name_with_addresses_of_both(self):
        """--family chooses between them."""
        files = pathlib.Path("/etc/netns", self.rig.ours.name)  # `ip netns exec` puts them in the place of those in /etc
        files.mkdir(parents=True)
        self.addCleanup(shutil.rmtree, files)
        (files / "hosts").write_text("".join(f"{family.kernel} both.test\n" for family in self.families))
        (files / "nsswitch.conf").write_text("hosts: files\n")
        for family in self.families:
            with self.subTest(family.version), self.rig.kernel.listen(99, family.kernel) as listener:
                listener.settimeout(LIMIT)
                load = self.rig.load("tcp://both.test:99", "-c", "1", "-n", "1", "--family", str(family.version))
                with listener.accept()[0] as peer:
                    receive_exactly(peer, 64)
                    peer.sendall(bytes(64))
                    self.assertEqual(peer.recv(1), b"")
                self.assertEqual(load.wait(), 0, load.said())

    def test_states_of_both_are_counted_together(self):
        serve = self.serve("echo")
        sockets = [self.rig.kernel.connect(7, family.synfin) for family in self.families]
        wait_until(lambda: self.rig.states(serve) == {"ESTABLISHED": 2}, lambda: self.rig.states(serve))
        for s in sockets:
            s.close()


class Ipv6OnlyTest(RigCase):
    """A machine and a network without any IPv4 address, that of lo included."""

    families = (V6,)

    def setUp(self):
        super().setUp()
        for namespace in (self.rig.ours, self.rig.theirs):
            namespace.ip("-4", "address", "flush", "dev", "lo")
            self.assertEqual(namespace.ip("-4", "address", "show"), "")

    def test_serve(self):
        serve = self.rig.serve("http", "--listen", "80=http", "--listen", "7=echo")
        self.assertEqual(self.rig.kernel.run("curl", "-6", "-sS", "--max-time", LIMIT, self.rig.url), "ab")
        self.assertEqual(echo_clients.exchange(self.rig.kernel, V6.synfin, 7, 10, 1 << 16), [])
        self.assertEqual(self.rig.stats(serve)["tcp"]["arp_requests_sent"], 0)

    def test_load(self):
        self.rig.nginx()
        load = self.rig.load(self.rig.kernel_url, "-c", "10", "-n", "500")
        self.assertEqual(load.wait(), 0, load.said())
        self.assertEqual(self.rig.nginx_counts(), (500, 500))
        self.assertEqual(self.rig.result(load)["tcp"]["arp_requests_sent"], 0)
