"""The rig of the integration tests: namespaces that a test makes and removes, and the processes in them.

synfin's end of a veth pair has no address, and the kernel there speaks no IPv6: it hears everything and answers nothing, so
whatever comes back is synfin's. The kernel's end has the address `kernel` of each of the rig's families. Offloads stay as Linux sets them (partial checksums, joined
segments): coping with a veth is synfin's part. All names carry this process's id, so several runs
can share a machine, and every test leaves the machine as it found it (`Rig.leftovers` says what did not go).
"""

import contextlib
import ctypes
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

import result_schema
from family import V4, V6, family_of, host

KERNEL_ADDRESS, SYNFIN_ADDRESS, PREFIX = V4.kernel, V4.synfin, V4.prefix
KERNEL_ADDRESS6, SYNFIN_ADDRESS6, PREFIX6 = V6.kernel, V6.synfin, V6.prefix
# Seconds that anything may take that ends by itself: far more than it does, for a machine may stand still for a while.
LIMIT = 60
# The machine's cores are not the test's alone: no run is to be invalid for that.
SHARED_CORE = ("--set", "validity.lost=100%")

# Set by run.py.
SYNFIN = None
core = 0  # that this process's synfin runs on; another one's may be on another (in_parallel)

_libc = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1


def _die_with_parent():
    """A test program that is killed takes its children along."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def sh(*command, check=True, timeout=LIMIT):
    """Runs a command to its end; its standard output, stripped. Raises with both outputs when it fails."""
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, check=False)
    if check and done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.strip()


def wait_until(condition, what, timeout=LIMIT, interval=0.02):
    """Polls until condition() is true and returns its value; raises naming `what` when it never is."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout:g} s: {what() if callable(what) else what}")
        time.sleep(interval)


def receive_exactly(s, size):
    """`size` bytes, or fewer when the stream ends before. (MSG_WAITALL does not wait on a socket with a time limit.)"""
    received = b""
    while len(received) < size and (chunk := s.recv(size - len(received))):
        received += chunk
    return received


class Namespace:
    """A network namespace with lo up and IPv6 off (the kernel then sends nothing by itself), but on the interfaces of `speak_ipv6`.

    Its TCP is Reno's, which every kernel has: a machine's own choice (BBR paces by what it measures) would make
    durations differ from machine to machine."""

    def __init__(self, name):
        self.name = name
        if os.path.exists(f"/run/netns/{name}"):  # of a killed run whose process had this one's id
            sh("ip", "netns", "del", name)
        sh("ip", "netns", "add", name)
        with open(f"/run/netns/{name}", "rb") as inside:
            self._fd = os.dup(inside.fileno())
        self.run("sh", "-c", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo reno > /proc/sys/net/ipv4/tcp_congestion_control")
        self.ip("link", "set", "lo", "up")
        self.family = V4  # of the sockets for which none is said

    def speak_ipv6(self, interface):
        """Lets the kernel speak IPv6 there: at once, without its own duplicate address detection (which costs two seconds), and without
        router solicitations. The interface gets a link-local address."""
        conf = f"/proc/sys/net/ipv6/conf/{interface}"
        self.run("sh", "-c", f"cd {conf} && echo 0 > accept_dad && echo 0 > dad_transmits && echo 0 > accept_ra && "
                 "echo 0 > router_solicitations && echo 0 > disable_ipv6")

    def add_address(self, address, interface):
        """`address` with its prefix length, on an interface of the kernel's."""
        if family_of(address) is V6:
            self.speak_ipv6("lo")  # over which a namespace speaks to itself
            self.speak_ipv6(interface)
            self.ip("address", "add", address, "dev", interface, "nodad")
        else:
            self.ip("address", "add", address, "dev", interface)

    def command(self, *command):
        return ["ip", "netns", "exec", self.name, *map(str, command)]

    def run(self, *command, **options):
        return sh(*self.command(*command), **options)

    def ip(self, *args):
        return sh("ip", "-n", self.name, *args)

    @contextlib.contextmanager
    def entered(self):
        """Sockets made in the block belong to this namespace, and stay so."""
        with open("/proc/thread-self/ns/net", "rb") as before:
            self._enter(self._fd)
            try:
                yield
            finally:
                self._enter(before.fileno())

    @staticmethod
    def _enter(fd):
        if _libc.setns(fd, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def socket(self, kind=socket.SOCK_STREAM, family=None):
        with self.entered():
            return socket.socket((family or self.family).af, kind)

    def connect(self, port, address=None, timeout=LIMIT):
        """A connection to synfin's address, or another."""
        address = address or self.family.synfin
        s = self.socket(family=family_of(address))
        s.settimeout(timeout)
        s.connect((address, port))
        return s

    def listen(self, port, address=None, backlog=1024):
        """A listener on the kernel's address, or another."""
        address = address or self.family.kernel
        s = self.socket(family=family_of(address))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        s.listen(backlog)
        return s

    def tcp_states(self, port=None):
        """What `ss -tan` shows, as {state: count}, without listeners; of one port (ours or theirs) when given."""
        states = {}
        for line in self.run("ss", "-tanH").splitlines():
            state, _, _, local, peer = line.split()[:5]
            if state == "LISTEN" or (port is not None and f":{port}" not in (local[local.rfind(":"):], peer[peer.rfind(":"):])):
                continue
            states[state] = states.get(state, 0) + 1
        return states

    def remove(self):
        os.close(self._fd)
        sh("ip", "netns", "del", self.name)


class Process:
    """A program in a namespace, whose output is kept. Ended by its own process id."""

    def __init__(self, namespace, command, directory):
        self.command = [str(c) for c in command]
        self._out = tempfile.NamedTemporaryFile("w+", dir=directory, prefix="out-", delete=False)
        self._err = tempfile.NamedTemporaryFile("w+", dir=directory, prefix="err-", delete=False)
        full = namespace.command(*self.command) if namespace else self.command
        self.popen = subprocess.Popen(full, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._err, preexec_fn=_die_with_parent)

    @property
    def out(self):
        return pathlib.Path(self._out.name).read_text(errors="replace")

    @property
    def err(self):
        return pathlib.Path(self._err.name).read_text(errors="replace")

    @property
    def pid(self):
        return self.popen.pid

    def said(self):
        return f"$ {' '.join(self.command)}\n[status {self.popen.poll()}]\n{self.out[-4000:]}\n{self.err[-4000:]}"

    def wait_for_line(self, pattern, timeout=LIMIT):
        """Waits until standard output has a line that matches; fails with what was said when the program ends before."""

        def seen():
            match = re.search(pattern, self.out, re.MULTILINE)
            if not match and self.popen.poll() is not None:
                raise AssertionError(f"ended before it printed /{pattern}/:\n{self.said()}")
            return match

        return wait_until(seen, lambda: f"/{pattern}/ on standard output\n{self.said()}", timeout)

    def wait(self, timeout=120.0):
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running after {timeout:g} s:\n{self.said()}") from None

    def interrupt(self, timeout=LIMIT):
        """SIGINT, as Ctrl-C; returns the exit status."""
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGINT)
        return self.wait(timeout)

    def end(self):
        if self.popen.poll() is None:
            self.popen.send_signal(signal.SIGTERM)
            try:
                self.popen.wait(LIMIT)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait(LIMIT)
        self._out.close()
        self._err.close()


class Rig:
    """Two namespaces joined by a veth pair: `ours` for synfin, `theirs` for the kernel."""

    filters_vlans = False  # whether the device may keep out tags that it was not told of, before synfin sees them
    families = (V4,)  # of both ends' addresses
    launcher = ()  # a command that starts synfin, with its options

    def __init__(self, mtu=1500, families=(V4,)):
        self.families = families
        tag = f"sf{os.getpid()}"
        self.directory = tempfile.mkdtemp(prefix=f"{tag}-")
        os.chmod(self.directory, 0o755)
        self.device = f"{tag}a"  # synfin's interface, in `ours`
        self.peer = f"{tag}b"  # the kernel's, in `theirs`
        self._processes = []
        self._before = self._shared_files()
        self._namespaces = []
        try:
            self.ours = self._namespace(f"{tag}-ours")
            self.theirs = self._namespace(f"{tag}-theirs")
            self.join(mtu)
            self.add_kernel_addresses(self.theirs, self.peer)
            self.kernel = self.theirs  # where the kernel's clients and servers run
        except BaseException:
            self.close()
            raise

    def join(self, mtu):
        """Makes the interfaces of both ends, and what joins them."""
        self.ours.ip("link", "add", self.device, "type", "veth", "peer", "name", self.peer, "netns", self.theirs.name)
        for namespace, interface in ((self.ours, self.device), (self.theirs, self.peer)):
            namespace.ip("link", "set", interface, "mtu", mtu, "up")

    @property
    def family(self):
        """The one family, or the first of two: of every address that a case does not name."""
        return self.families[0]

    def add_kernel_addresses(self, namespace, interface):
        for family in self.families:
            namespace.add_address(family.cidr(family.kernel), interface)

    @property
    def url(self):
        """The URL of `synfin serve`."""
        return f"http://{host(self.family.synfin)}/"

    @property
    def kernel_host(self):
        """The kernel's address as the host of a URL."""
        return host(self.family.kernel)

    @property
    def kernel_url(self):
        """The URL of the kernel's server."""
        return f"http://{self.kernel_host}:80/"

    def synfin_addresses(self, numbers=(2,)):
        """`--address` for each of the families and these numbers."""
        return [word for family in self.families for n in numbers for word in ("--address", family.cidr(family.at(n)))]

    def namespace(self, name):
        """One more, removed with the others."""
        return self._namespace(f"sf{os.getpid()}-{name}")

    def _namespace(self, name):
        namespace = Namespace(name)
        namespace.family = self.family
        self._namespaces.append(namespace)
        return namespace

    def start(self, namespace, *command):
        process = Process(namespace, command, self.directory)
        self._processes.append(process)
        return process

    def synfin(self, *args, namespace=None):
        """Starts `synfin ARGS` at synfin's end."""
        return self.start(namespace or self.ours, *self.launcher, SYNFIN, *args)

    def _address_words(self, address):
        return ["--address", address] if address else self.synfin_addresses()

    def serve(self, app, *options, device=None, address=None):
        """Starts `synfin serve` and waits until it answers. address: in place of synfin's own in each family."""
        control = self.path(f"control-{len(self._processes)}")
        process = self.synfin("serve", "--device", device or f"af_packet:{self.device}", *self._address_words(address), "--app", app,
                              "--control", control, "--cores", str(core), *options)
        process.control = control
        process.wait_for_line(r"^listening on ")
        return process

    def load(self, target, *options, device=None, address=None, cores=None):
        """Starts `synfin load TARGET`; `result(process)` is its JSON. Over IPv6 alone it does not look for duplicates of its address
        first: with the default it asks for no neighbour in its first second."""
        report = self.path(f"result-{len(self._processes)}.json")
        control = self.path(f"control-{len(self._processes)}")
        process = self.synfin("load", target, "--device", device or f"af_packet:{self.device}", *self._address_words(address),
                              "--cores", cores or str(core), "--control", control, "--json", report,
                              *(("--set", "dad=off") if self.families == (V6,) else ()), *options)
        process.report, process.control = report, control
        return process

    @staticmethod
    def stats(process):
        """What synfin's control socket answers: its counters, and its connections by state."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(LIMIT)
            try:
                s.connect(process.control)
                text = b""
                while chunk := s.recv(65536):
                    text += chunk
            except (FileNotFoundError, ConnectionRefusedError):
                return {"states": {}}  # not begun, or ended
        return json.loads(text)

    def states(self, process):
        """{RFC 9293's name: count}, listeners left out."""
        return {state: count for state, count in self.stats(process)["states"].items() if state not in ("LISTEN", "CLOSED")}

    @staticmethod
    def result(process):
        """The JSON of a run that has ended; it follows docs/result.schema.json, and its counters balance."""
        result = json.loads(pathlib.Path(process.report).read_text())
        if wrong := result_schema.wrong(result):
            raise AssertionError("\n".join(wrong))
        return result

    def path(self, name):
        return os.path.join(self.directory, name)

    def capture(self):
        """Starts tcpdump at the kernel's end; the text is shown by run.py when the test fails."""
        return self.start(self.theirs, "tcpdump", "-i", self.peer, "-nn", "-S", "-l", "-c", "2000")

    def nginx(self, root_files=None):
        """nginx at the kernel's end: files on port 80, its own count of connections on port 81 (`nginx_counts`)."""
        home = pathlib.Path(self.path("nginx"))
        (home / "html").mkdir(parents=True)
        for name, content in (root_files or {"index.html": b"ok"}).items():
            (home / "html" / name).write_bytes(content)
        listen = " ".join(f"listen {host(family.kernel)}:80 backlog=4096;" for family in self.families)
        (home / "nginx.conf").write_text(f"""
            daemon off; master_process off; worker_processes 1; pid {home}/pid; error_log stderr error;
            worker_rlimit_nofile 20000;
            events {{ worker_connections 16384; }}
            http {{
                access_log off; keepalive_requests 1000000;
                client_body_temp_path {home}/body; proxy_temp_path {home}/proxy; fastcgi_temp_path {home}/fastcgi;
                uwsgi_temp_path {home}/uwsgi; scgi_temp_path {home}/scgi;
                server {{ {listen} location / {{ root {home}/html; }} }}
                server {{ listen {self._counts_at}; location / {{ stub_status; }} }}
            }}""")
        self.kernel.run("sh", "-c", "echo 4096 > /proc/sys/net/core/somaxconn; echo 8192 > /proc/sys/net/ipv4/tcp_max_syn_backlog")
        process = self.start(self.kernel, "nginx", "-p", home, "-c", home / "nginx.conf", "-e", "stderr")
        wait_until(lambda: process.popen.poll() is not None or self.kernel.run("ss", "-tlnH", "sport = :81"), "nginx listens")
        if process.popen.poll() is not None:
            raise RuntimeError(process.said())
        return process

    @property
    def _counts_at(self):
        """An address of lo, which stays up when a tap has lost its carrier."""
        return f"{'127.0.0.1' if self.family is V4 else '[::1]'}:81"

    def nginx_counts(self):
        """(connections accepted, requests) as nginx counts them, without the ones that ask."""
        text = self.kernel.run("curl", "-s", "--max-time", LIMIT, f"http://{self._counts_at}/")
        accepted, _, requests = re.search(r"^\s*(\d+) (\d+) (\d+)\s*$", text, re.MULTILINE).groups()
        self._asked = getattr(self, "_asked", 0) + 1
        return int(accepted) - self._asked, int(requests) - self._asked

    def wait_for_requests(self, n):
        """Until nginx has had n: a load whose device opens slowly has begun by then."""
        wait_until(lambda: self.nginx_counts()[1] >= n, lambda: f"{n} requests\n{self.said()}")

    # -- the end of a test

    def _shared_files(self):
        """What a process of this rig could leave on the machine outside its own directory."""
        found = set()
        for pattern in ("/run/synfin/*", "/run/dpdk/*", "/tmp/synfin-dpdk-*", "/tmp/dpdk/*", "/dev/hugepages/*", "/sys/fs/bpf/*", "/dev/shm/*"):
            base, _, glob = pattern.rpartition("/")
            if os.path.isdir(base):
                found |= {str(p) for p in pathlib.Path(base).glob(glob)}
        # The host's keys of initial sequence numbers are meant to stay until it boots again.
        found.discard("/run/synfin/tcp-keys")
        found.discard("/run/synfin/address-locks")  # one file for all runs: locks on its bytes go with their processes
        pids = {str(process.pid) for process in self._processes}
        return {name for name in found if not self._is_of_another(name, pids)}

    @staticmethod
    def _is_of_another(name, pids):
        """Whether a name, which ends with -PID, belongs to a synfin that this rig did not start."""
        pid = name.rpartition("-")[2]
        return pid.isdigit() and pid not in pids

    def leftovers(self):
        """What synfin processes of this rig that have ended left behind."""
        left = sorted(self._shared_files() - self._before)
        links = json.loads(self.ours.ip("-j", "-d", "link", "show"))
        for link in links:
            if "xdp" in link:
                left.append(f"XDP program on {link['ifname']}")
            if link["ifname"] not in ("lo", self.device):
                left.append(f"interface {link['ifname']}")
            if "promisc" in link and link.get("promiscuity", 0) != 0:
                left.append(f"{link['ifname']} is promiscuous")
        return left

    def said(self):
        return "\n".join(process.said() for process in self._processes)

    def end_processes(self):
        """The last one first; all of them, even when one can't be ended."""
        with contextlib.ExitStack() as stack:
            for process in self._processes:
                stack.callback(process.end)

    def close(self):
        try:
            self.end_processes()
        finally:
            for namespace in self._namespaces:
                namespace.remove()
            shutil.rmtree(self.directory, ignore_errors=True)
