"""`synfin load --steps` and `--verify` against servers that are not HTTP's."""

import pathlib
import shutil
import sys
import textwrap
import unittest

from cases import RigCase
from test_load import balance

CONFIG = pathlib.Path(__file__).resolve().parents[2] / "config"

# Echoes, but flips a bit of the byte at the offset of its argument on each connection.
FLIPPING_ECHO = """
    import contextlib, socket, sys, threading
    def serve(s):
        at, wrong = 0, int(sys.argv[2])
        with contextlib.suppress(OSError):
            while data := bytearray(s.recv(65536)):
                if at <= wrong < at + len(data):
                    data[wrong - at] ^= 1
                at += len(data)
                s.sendall(data)
        s.close()
    listener = socket.create_server((sys.argv[1], 7), backlog=128)
    print("ready", flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""

# The mail server of Python's library (until 3.11), which counts the mails.
MAIL_SERVER = """
    import asyncore, smtpd, sys
    mails = 0
    class Server(smtpd.SMTPServer):
        def process_message(self, *args, **more):
            global mails
            mails += 1
            print("mails", mails, flush=True)
    Server((sys.argv[1], 25), None)
    print("ready", flush=True)
    asyncore.loop(timeout=0.1)
"""


class StepsTest(RigCase):
    def start_python(self, script, *args):
        server = self.rig.start(self.rig.kernel, sys.executable, "-W", "ignore", "-c", textwrap.dedent(script), self.rig.kernel_host, *args)
        server.wait_for_line("ready")
        return server

    def run_steps(self, port, *options, status=0):
        load = self.rig.load(f"tcp://{self.rig.kernel_host}:{port}", *options)
        self.assertEqual(load.wait(), status, load.said())
        result = self.rig.result(load)
        self.assertEqual(balance(result["connections"]), [], result["connections"])
        return result, load

    def test_mails_are_delivered_and_the_server_counts_as_many(self):
        if sys.version_info >= (3, 12):
            self.skipTest("needs the module smtpd, which Python 3.12 no longer has")
        server = self.start_python(MAIL_SERVER)
        result, _ = self.run_steps(25, "-f", str(CONFIG / "load-smtp.yaml"), "-n", "10", "--set", "load.connections=5", "--set", "load.duration=0s")
        self.assertEqual(result["connections"]["completed"], 10)
        # 2 requests of each connection, and 4 of each mail; each has an answer, and the greeting is one without.
        mails, rest = divmod(result["requests"]["sent"] - 2 * 10, 4)
        self.assertEqual(rest, 0)
        self.assertGreaterEqual(mails, 10)
        self.assertEqual(result["requests"]["answered"], result["requests"]["sent"] + 10)
        self.assertIn(f"mails {mails}\n", server.out)

    def test_redis(self):
        if shutil.which("redis-server") is None:
            self.skipTest("needs redis-server: apt-get install redis-server")
        server = self.rig.start(self.rig.kernel, "redis-server", "--bind", self.rig.kernel_host, "--protected-mode", "no", "--save", "", "--dir", self.rig.path(""))
        server.wait_for_line("Ready to accept connections")
        result, _ = self.run_steps(6379, "-f", str(CONFIG / "load-redis.yaml"), "-n", "20", "--set", "load.duration=0s")
        self.assertEqual(result["connections"]["completed"], 20)
        self.assertEqual(result["requests"]["answered"], 20 * 300)
        stats = self.rig.kernel.run("redis-cli", "-h", self.rig.kernel_host, "info", "stats")
        self.assertIn("total_connections_received:21", stats)
        commands = self.rig.kernel.run("redis-cli", "-h", self.rig.kernel_host, "info", "commandstats")
        self.assertIn("cmdstat_echo:calls=2000,", commands)

    def test_a_wrong_byte_is_named_with_its_connection_and_offset(self):
        self.start_python(FLIPPING_ECHO, "123456")
        result, load = self.run_steps(7, "-n", "3", "-c", "1", "--verify", "--steps", "send 200kB; expect 200kB", status=3)
        self.assertEqual(result["connections"]["failed_by"], {"corrupt": 3})
        self.assertEqual([wrong["offset"] for wrong in result["corrupt"]], [123456] * 3)
        self.assertEqual({wrong["found"] ^ wrong["expected"] for wrong in result["corrupt"]}, {1})
        self.assertEqual({wrong["peer"] for wrong in result["corrupt"]}, {f"{self.rig.kernel_host}:7"})
        self.assertIn(f"{result['corrupt'][0]['local']} to {self.rig.kernel_host}:7: byte 123456 is 0x", load.said())


if __name__ == "__main__":
    unittest.main()
