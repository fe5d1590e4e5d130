"""A table of real servers and clients: each exchange is counted at both ends, and every body is compared byte for byte."""

import hashlib
import json
import os
import pathlib
import re
import shutil

from cases import RigCase
from http_body import sha256_of_body
from family import V6, host
from rig import LIMIT, wait_until

BODY = bytes(range(256)) * 37 + b"end"  # 9,475 bytes: several segments, and not a multiple of one


class Served:
    """A server of the kernel's in the rig, and how many requests and body bytes its own log counts."""

    def __init__(self, rig, command, log, line, head=None):
        """log: the file, or None for what the process prints. line: its group is the size of a body. head: where the log has another
        size, the bytes of each response's head: what synfin received is compared with that and the body."""
        self.log, self.line, self.head = log, re.compile(line), head
        self.process = rig.start(rig.kernel, *command)
        wait_until(lambda: self.process.popen.poll() is not None or rig.kernel.run("ss", "-tlnH", "sport = :80"),
                   lambda: f"it listens\n{self.process.said()}")
        if self.process.popen.poll() is not None:
            raise RuntimeError(self.process.said())

    def counted(self):
        """(responses, their bytes) in the server's log, of status 200."""
        text = self.process.out + self.process.err if self.log is None else self.log.read_text(errors="replace")
        sizes = [int(size) for size in self.line.findall(text)]
        return len(sizes), sum(sizes)


def nginx(rig, home):
    (home / "conf").write_text(f"""
        daemon off; master_process off; worker_processes 1; pid {home}/pid; error_log stderr error; user root;
        events {{ worker_connections 4096; }}
        http {{
            log_format size "GET $status $body_bytes_sent"; access_log {home}/log size; keepalive_requests 1000000;
            client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
            server {{ listen {rig.kernel_host}:80 backlog=1024; root {home}/html; }}
        }}""")
    return Served(rig, ("nginx", "-p", home, "-c", home / "conf", "-e", "stderr"), home / "log", r"GET 200 (\d+)")


def haproxy(rig, home):
    (home / "conf").write_text(f"""
global
    maxconn 2000
    tune.bufsize 32768
    log stdout format raw local0
defaults
    mode http
    timeout client 60s
    timeout connect 5s
    timeout server 60s
    log global
    log-format "GET %ST %B %hr"
frontend f
    bind {rig.family.kernel}:80
    http-request return status 200 content-type application/octet-stream file {home}/html/body
""")
    head = len(b"HTTP/1.1 200 OK\r\ncontent-length: 9475\r\ncontent-type: application/octet-stream\r\n\r\n")
    return Served(rig, ("haproxy", "-db", "-f", home / "conf"), None, r"GET 200 (\d+)", head=head)


def apache2(rig, home):
    modules = pathlib.Path("/usr/lib/apache2/modules")
    load = "\n".join(f"LoadModule {name}_module {modules}/mod_{name}.so" for name in ("mpm_event", "authz_core"))
    (home / "conf").write_text(f"""
ServerRoot {home}
{load}
ServerName here
Listen {rig.kernel_host}:80
PidFile {home}/pid
DefaultRuntimeDir {home}
Mutex posixsem
User www-data
ErrorLog {home}/error
LogFormat "GET %>s %B" size
CustomLog {home}/log size
DocumentRoot {home}/html
MaxKeepAliveRequests 0
""")
    os.chmod(home, 0o755)
    return Served(rig, ("apache2", "-f", home / "conf", "-DFOREGROUND"), home / "log", r"GET 200 (\d+)")


def lighttpd(rig, home):
    (home / "conf").write_text(f"""
server.modules = ("mod_accesslog")
server.document-root = "{home}/html"
server.bind = "{rig.kernel_host}"
server.port = 80
server.errorlog = "{home}/error"
server.max-keep-alive-requests = 1000
accesslog.filename = "{home}/log"
accesslog.format = "GET %s %B"
""")
    return Served(rig, ("lighttpd", "-D", "-f", home / "conf"), home / "log", r"GET 200 (\d+)")


def python3(rig, home):
    (home / "serve.py").write_text(f"""
import http.server, os
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def __init__(self, *args): super().__init__(*args, directory={str(home / "html")!r})
    def copyfile(self, source, target):
        data = source.read()
        target.write(data)
        os.write(1, b"GET 200 %d\\n" % len(data))  # in one piece: there are several threads
class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 1024
    address_family = {int(rig.family.af)}
Server(({rig.family.kernel!r}, 80), Handler).serve_forever()
""")
    return Served(rig, (shutil.which("python3"), home / "serve.py"), None, r"GET 200 (\d+)")


def node(rig, home):
    (home / "serve.js").write_text(f"""
const fs = require("fs");
const body = fs.readFileSync("{home}/html/body");
require("http").createServer((request, response) => {{
    response.write(body.subarray(0, 1000));     // no length: Node sends chunks
    response.end(body.subarray(1000), () => console.log("GET 200", body.length));
}}).listen(80, "{rig.family.kernel}", 1024);
""")
    return Served(rig, ("node", home / "serve.js"), None, r"GET 200 (\d+)")


class ServersTest(RigCase):
    """`synfin load` against each server: what the server's log counts is what synfin counts."""

    CONNECTIONS = 100

    def check(self, server):
        home = pathlib.Path(self.rig.path(server.__name__))
        (home / "html").mkdir(parents=True)
        (home / "html/body").write_bytes(BODY)
        served = server(self.rig, home)
        total = received = 0
        for requests in (1, 5):
            load = self.rig.load(f"http://{self.rig.kernel_host}/body", "-c", "8", "-n", str(self.CONNECTIONS),
                                 "--requests-per-connection", str(requests))
            self.assertEqual(load.wait(), 0, load.said())
            result = self.rig.result(load)
            counted = result["connections"]
            self.assertEqual((counted["completed"], counted["failed"]), (self.CONNECTIONS, 0), counted)
            self.assertEqual(result["statuses"], {"200": self.CONNECTIONS * requests})
            total += self.CONNECTIONS * requests
            wait_until(lambda: served.counted()[0] >= total, lambda: f"{total} requests in the log: {served.counted()}\n{self.said}")
            received += result["payload_bytes"]["received"]
            if served.head is None:
                self.assertEqual(served.counted(), (total, total * len(BODY)))
                self.assertGreater(received, total * len(BODY))
            else:
                self.assertEqual(served.counted()[0], total)
                self.assertEqual(received, total * (served.head + len(BODY)))

    def test_nginx(self):
        self.check(nginx)

    def test_haproxy(self):
        self.check(haproxy)

    def test_apache2(self):
        self.check(apache2)

    def test_lighttpd(self):
        self.check(lighttpd)

    def test_python3(self):
        self.check(python3)

    def test_node(self):
        self.check(node)


class Servers6Test(ServersTest):
    families = (V6,)
    test_apache2 = test_lighttpd = test_node = test_python3 = None


class ClientsTest(RigCase):
    """Each client against `synfin serve`: every request is answered, and the client got the bytes that were asked for."""

    SIZE = 9_475

    def setUp(self):
        super().setUp()
        self.serve = self.rig.serve("http", "--response-size", f"{self.SIZE}B", "--json", self.rig.path("serve.json"))

    def client(self, *command):
        done = self.rig.start(self.rig.kernel, *command)
        self.assertEqual(done.wait(), 0, done.said())
        return done.out

    def check(self, requests, connections=None):
        """That serve counted so many, and nothing failed."""
        self.assertEqual(self.serve.interrupt(), 0, self.serve.said())
        result = json.loads(pathlib.Path(self.rig.path("serve.json")).read_text())
        self.assertEqual(result["http"]["requests"], requests, result["http"])
        if connections is not None:
            self.assertEqual(result["connections"]["established"], connections, result["connections"])
        self.assertEqual(result["connections"]["failed"], 0, result["connections"])

    def test_curl(self):
        config = self.rig.path("urls")
        with open(config, "w", encoding="ascii") as urls:
            for i in range(50):
                urls.write(f'url = "{self.rig.url}{i}"\noutput = "{self.rig.path(f"body-{i}")}"\n')
        self.client("curl", "-sS", "--fail", "-K", config)
        for i in range(50):
            body = pathlib.Path(self.rig.path(f"body-{i}")).read_bytes()
            self.assertEqual(hashlib.sha256(body).hexdigest(), sha256_of_body(self.SIZE))
        self.check(50, 1)

    def test_python3(self):
        program = self.rig.path("fetch.py")
        pathlib.Path(program).write_text(f"""
import hashlib, http.client
for version in (11, 10):
    http.client.HTTPConnection._http_vsn = version
    http.client.HTTPConnection._http_vsn_str = f"HTTP/1.{{version - 10}}"
    for i in range(20):
        connection = http.client.HTTPConnection({host(self.family.synfin)!r})
        for _ in range(3 if version == 11 else 1):
            connection.request("GET", f"/{{i}}")
            print(hashlib.sha256(connection.getresponse().read()).hexdigest())
        connection.close()
""")
        said = self.client(shutil.which("python3"), program).split()
        self.assertEqual(said, [sha256_of_body(self.SIZE)] * 80)
        self.check(80, 40)

    def test_ab(self):
        for option in ((), ("-k",)):
            said = self.client("ab", "-q", "-n", "500", "-c", "10", *option, self.rig.url)
            self.assertRegex(said, r"Complete requests:\s+500\n")
            self.assertRegex(said, r"Failed requests:\s+0\n")
            self.assertRegex(said, rf"HTML transferred:\s+{500 * self.SIZE} bytes")
        self.check(1000)

    def test_h2load(self):
        said = self.client("h2load", "--h1", "-n", "500", "-c", "10", self.rig.url)
        self.assertIn("500 total, 500 started, 500 done, 500 succeeded, 0 failed, 0 errored, 0 timeout", said)
        self.assertRegex(said, rf"\({500 * self.SIZE}\) data")
        self.check(500, 10)

    def test_wrk(self):
        said = self.client("wrk", "-t1", "-c10", "-d1s", "--timeout", f"{LIMIT}s", self.rig.url)
        self.assertNotIn("Socket errors", said)
        self.assertNotIn("Non-2xx", said)
        got = int(re.search(r"(\d+) requests in", said)[1])
        self.assertEqual(self.serve.interrupt(), 0, self.serve.said())
        result = json.loads(pathlib.Path(self.rig.path("serve.json")).read_text())
        # wrk leaves its last requests in the middle: at most one for each of its connections.
        self.assertGreaterEqual(result["http"]["requests"], got)
        self.assertLessEqual(result["http"]["requests"], got + 20)


class Clients6Test(ClientsTest):
    families = (V6,)
