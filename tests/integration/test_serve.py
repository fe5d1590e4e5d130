"""`synfin serve` with the kernel's clients: curl, wrk, and 1,000 sockets at once."""

import hashlib
import os
import re
import subprocess

import echo_clients
from cases import RigCase, settings
from http_body import object_by_size, sha256_of_body
from family import V6
from ping import ping
from rig import LIMIT


class HttpTest(RigCase):
    def fetch_and_compare(self, size, device=None):
        self.rig.serve("http", "--response-size", f"{size}B", device=device)
        curl = subprocess.Popen(self.rig.kernel.command("curl", "-sS", "--fail", "--max-time", "300", "--no-buffer", self.rig.url),
                                stdout=subprocess.PIPE)
        digest, received = hashlib.sha256(), 0
        while chunk := curl.stdout.read(1 << 20):
            digest.update(chunk)
            received += len(chunk)
        self.assertEqual(curl.wait(), 0)
        self.assertEqual(received, size)
        self.assertEqual(digest.hexdigest(), sha256_of_body(size))

    def test_body_of_1_byte(self):
        self.fetch_and_compare(1)

    def test_body_of_1_mib(self):
        self.fetch_and_compare(1 << 20)

    def test_body_of_1_gib(self):
        self.fetch_and_compare(1 << 30)

    def curl_status(self, *args):
        return self.rig.kernel.run("curl", "-sS", "--max-time", LIMIT, "-o", "/dev/null", "-w", "%{http_code} %{size_download}",
                                   *args, self.rig.url)

    def test_methods_and_statuses(self):
        self.rig.serve("http", "--response-size", "100B")
        self.assertEqual(self.curl_status(), "200 100")
        self.assertEqual(self.curl_status("--head"), "200 0")
        self.assertEqual(self.curl_status("-X", "DELETE").split()[0], "405")
        self.assertEqual(self.curl_status("-H", "X-Long: " + "x" * 8192).split()[0], "431")
        self.assertEqual(self.curl_status("--http1.0"), "200 100")

    def test_keep_alive_uses_one_connection(self):
        self.rig.serve("http", "--response-size", "10B")
        used = self.rig.kernel.run("curl", "-sS", "--max-time", LIMIT, "-w", "%{num_connects} ", "-o", "/dev/null", self.rig.url,
                                   "-o", "/dev/null", self.rig.url, "-o", "/dev/null", self.rig.url)
        self.assertEqual(used.split(), ["1", "0", "0"])

    def raw_request(self, request):
        """What comes back until the server closes."""
        with self.rig.kernel.connect(80) as s:
            s.sendall(request)
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
            return answer

    def test_what_is_no_request_gets_400_and_close(self):
        self.rig.serve("http")
        self.assertRegex(self.raw_request(b"nonsense\r\n\r\n"), rb"^HTTP/1\.1 400 ")

    def test_connection_close_is_obeyed(self):
        self.rig.serve("http", "--response-size", "5B")
        answer = self.raw_request(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertRegex(head, rb"^HTTP/1\.1 200 ")
        self.assertRegex(head, rb"(?i)\r\nContent-Length: 5\b")
        self.assertEqual(len(body), 5)

    def test_pipelined_requests_in_pieces(self):
        self.rig.serve("http", "--response-size", "3B")
        request = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        last = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        with self.rig.kernel.connect(80) as s:
            s.setsockopt(6, 1, 1)  # TCP_NODELAY: each byte in its own segment
            for byte in request * 2 + last:
                s.send(bytes([byte]))
            answer = b""
            while chunk := s.recv(65536):
                answer += chunk
        self.assertEqual(answer.count(b"HTTP/1.1 200 "), 3)

    def run_wrk(self, *options):
        self.rig.serve("http")
        seconds = 10 if settings.long else 3
        said = self.rig.kernel.run("wrk", "-t1", "-c50", f"-d{seconds}s", "--timeout", f"{LIMIT}s", *options, self.rig.url)
        self.assertNotIn("Socket errors", said)
        self.assertNotIn("Non-2xx", said)
        self.assertGreater(int(re.search(r"(\d+) requests in", said).group(1)), 0, said)

    def test_wrk_with_keep_alive(self):
        self.run_wrk()

    def test_wrk_with_a_connection_for_each_request(self):
        self.run_wrk("-H", "Connection: close")


    def test_uploads_wait_for_the_interim_response_and_are_read(self):
        self.rig.serve("http")
        upload = self.rig.path("upload")
        with open(upload, "wb") as file:
            file.write(bytes(2_000_000))
        for options in (["--data-binary", f"@{upload}"], ["-T", upload, "-H", "Transfer-Encoding: chunked"]):
            said = self.rig.kernel.run("curl", "-sS", "--max-time", "30", "-H", "Expect: 100-continue", "-D", "-", "-o", "/dev/null",
                                       "-w", "sent %{size_upload}", *options, self.rig.url)
            self.assertRegex(said, "^HTTP/1.1 100 Continue")
            self.assertIn("HTTP/1.1 200 OK", said)
            self.assertRegex(said, r"sent 2000\d{3}$")  # chunks have lines of their own

    def test_files_and_routes(self):
        root = self.rig.path("root")
        os.makedirs(f"{root}/sub")
        for name, text in (("index.html", "<p>hi"), ("sub/x.css", "a{}")):
            with open(f"{root}/{name}", "w", encoding="ascii") as file:
                file.write(text)
        os.symlink("/etc/passwd", f"{root}/leak")
        serve = self.rig.serve("http", "--root", root, "--route", "/slow=503,1KiB,250ms")
        self.assertRegex(serve.err, "left out: .*/leak leads out of")
        ask = ["curl", "-sS", "--path-as-is", "--max-time", LIMIT, "-o", "/dev/null", "-w", "%{http_code} %{content_type} %{size_download}"]
        for path, want in (("", "200 text/html; charset=utf-8 5"), ("sub/x.css", "200 text/css; charset=utf-8 3"),
                           ("slow", "503 text/plain 1024"), ("leak", "404  0"), ("../../etc/passwd", "404  0"),
                           ("%2e%2e/%2e%2e/etc/passwd", "404  0"), ("sub", "404  0")):
            self.assertEqual(self.rig.kernel.run(*ask, self.rig.url + path), want, path)

    def test_objects_by_size(self):
        self.rig.serve("http")
        for path, size in (("size/100000", 100_000), ("size/64KiB", 65_536), ("size/3", 3)):
            got = self.rig.kernel.command("curl", "-sS", "--fail", "--max-time", LIMIT, self.rig.url + path)
            body = subprocess.run(got, stdout=subprocess.PIPE, check=True).stdout
            self.assertTrue(body == object_by_size(size), path)
        self.assertIn("404", self.rig.kernel.run("curl", "-sS", "--max-time", LIMIT, "-w", "%{http_code}", self.rig.url + "size/3x"))

    def expect_close_after(self, responses, *options):
        self.rig.serve("http", *options)
        answer = self.raw_request(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 5)
        self.assertEqual(answer.count(b"HTTP/1.1 200 OK"), responses)
        self.assertEqual(answer.count(b"\r\nConnection: close\r\n"), 1)
        self.assertIn(b"\r\nServer: synfin\r\n", answer)

    def test_the_server_closes_after_each_response(self):
        self.expect_close_after(1, "--close-by", "server")

    def test_the_server_closes_after_the_nth_response(self):
        self.expect_close_after(3, "--keep-alive", "3")

    def test_more_than_the_accept_rate_are_reset(self):
        self.rig.serve("http", "--accept-rate", "1")
        answers = []
        for _ in range(20):
            try:
                with self.rig.kernel.connect(80) as s:
                    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    answers.append(s.recv(15))
            except (ConnectionResetError, BrokenPipeError):
                answers.append(b"reset")
        self.assertEqual(answers[0], b"HTTP/1.1 200 OK")
        self.assertIn(b"reset", answers[1:])


class Http6Test(HttpTest):
    families = (V6,)
    test_body_of_1_gib = None  # unittest then finds no case of that name; the bytes of a long stream are TCP's affair
    test_files_and_routes = test_wrk_with_keep_alive = None

    def test_body_of_64_mib(self):
        self.fetch_and_compare(64 << 20)


class EchoTest(RigCase):
    def test_1000_connections_at_once_return_1_mib_each(self):
        self.rig.serve("echo")
        wrong = echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 1000, 1 << 20, timeout=240)
        self.assertEqual(wrong, [])

    def test_small_segments(self):
        self.rig.serve("echo")
        self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 50, 1), [])
        self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 1, 0), [])


class Echo6Test(EchoTest):
    families = (V6,)
    test_1000_connections_at_once_return_1_mib_each = None

    def test_1000_connections_at_once_return_64_kib_each(self):
        self.rig.serve("echo")
        self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 1000, 64 << 10, timeout=240), [])


class OtherAppsTest(RigCase):
    def test_discard_reads_all_and_closes_after_the_peer(self):
        self.rig.serve("discard")
        with self.rig.kernel.connect(9) as s:
            for _ in range(64):
                s.sendall(bytes(65536))
            s.shutdown(1)
            self.assertEqual(s.recv(1), b"")

    def test_chargen_sends_until_closed(self):
        self.rig.serve("chargen")
        with self.rig.kernel.connect(19) as s:
            received = 0
            while received < 4 << 20:
                received += len(s.recv(1 << 20))

    def test_range_of_ports(self):
        self.rig.serve("echo", "--listen", "8000-8003")
        for port in range(8000, 8004):
            with self.rig.kernel.connect(port) as s:
                s.sendall(b"hello")
                self.assertEqual(s.recv(5), b"hello")
        with self.assertRaises(ConnectionRefusedError):
            self.rig.kernel.connect(8004)


    def test_several_applications(self):
        serve = self.rig.serve("http", "--listen", "80=http", "--listen", "7-8=echo", "--listen", "9=discard")
        self.assertEqual(serve.out.count("listening on"), 3)
        self.assertEqual(self.rig.kernel.run("curl", "-sS", "--max-time", LIMIT, self.rig.url), "ab")
        for port in (7, 8):
            with self.rig.kernel.connect(port) as s:
                s.sendall(b"hello")
                self.assertEqual(s.recv(5), b"hello")

    def test_silent_connections_yield_to_a_new_client(self):
        serve = self.rig.serve("http", "--max-connections", "500")
        silent = [self.rig.kernel.connect(80) for _ in range(560)]
        for s in silent:
            self.addCleanup(s.close)
        self.assertEqual(self.rig.kernel.run("curl", "-sS", "--max-time", LIMIT, self.rig.url), "ab")
        self.assertLessEqual(self.rig.states(serve).get("ESTABLISHED", 0), 500)

    def test_time_outs(self):
        self.rig.serve("http", "--idle-timeout", "2s", "--head-timeout", "1s")
        with self.rig.kernel.connect(80) as idle, self.rig.kernel.connect(80) as slow:
            slow.sendall(b"GET / HT")
            self.assertRegex(slow.recv(1000), rb"^HTTP/1\.1 408 ")
            self.assertEqual(idle.recv(1), b"")


class OtherApps6Test(OtherAppsTest):
    families = (V6,)
    test_time_outs = test_silent_connections_yield_to_a_new_client = None


class AddressTest(RigCase):
    wire_text = True

    def test_ping(self):
        self.rig.serve("echo")
        for size in (0, 1, 56, 1400):
            ping(self, self.rig.kernel, size)

    def test_several_addresses(self):
        self.rig.serve("echo", *self.rig.synfin_addresses((3, 200)))
        for address in map(self.family.at, (2, 3, 200)):
            with self.rig.kernel.connect(7, address) as s:
                s.sendall(b"hello")
                self.assertEqual(s.recv(5), b"hello")

    def test_gateway(self):
        """A client behind the kernel's end: the answers go to the gateway's MAC."""
        client = self.family.far(1)
        self.rig.theirs.add_address(f"{client}/{self.family.host_bits}", "lo")
        self.rig.serve("echo", "--gateway", self.family.kernel)
        with self.rig.kernel.socket() as s:
            s.settimeout(LIMIT)
            s.bind((client, 0))
            s.connect((self.family.synfin, 7))
            s.sendall(b"hello")
            self.assertEqual(s.recv(5), b"hello")


class Address6Test(AddressTest):
    families = (V6,)


class JumboTest(RigCase):
    mtu = 9000

    def test_echo_with_mtu_9000(self):
        self.rig.serve("echo", "--mtu", "9000")
        self.assertEqual(echo_clients.exchange(self.rig.kernel, self.family.synfin, 7, 4, 1 << 20), [])


class Jumbo6Test(JumboTest):
    families = (V6,)
