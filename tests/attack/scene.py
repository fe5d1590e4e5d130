"""One attack against one server, beside legitimate clients: phases, samples, verdict."""

import json
import os
import pathlib
import threading
import time

import rig as rigs
from attacks import SERVE
from family import V4, V6
from rig import LIMIT, Rig, wait_until

HERE = pathlib.Path(__file__).resolve().parent
SOURCES = {"flood": ("flood.c", "cable.c", "frames.c"), "hold": ("hold.c", "plans.c", "cable.c", "frames.c"), "clients": ("clients.c",)}
# Completions beside an attack, as a share of those without it.
LEAST_SHARE = 0.999
# With fewer packets than this there was no attack: the attacker is defective.
LEAST_SENT = 1000
# A connection that is begun this long after an attack must be served as before it.
RECOVERY_S = 1
# Longer than this to connect: the kernel has sent its SYN again (after 1 s), as nobody answered the first one.
SYN_RESENT_US = 900_000
# How long a client waits. It is long because other programs can keep it and the server from their cores for seconds.
CLIENT_LIMIT_S = 30
# Within this time after everybody has gone all records must be free: the longest time limit of attacks.SERVE, and slack.
FREE_S = 45
MIB = 1 << 20


def build(directory):
    """Compiles the three programs; returns {name: path}."""
    made = {}
    for name, sources in SOURCES.items():
        made[name] = os.path.join(directory, name)
        rigs.sh("cc", "-O2", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-D_GNU_SOURCE", "-o", made[name], *(HERE / s for s in sources), timeout=10 * LIMIT)
    return made


class Sampler(threading.Thread):
    """Reads the server's counters and memory five times a second."""

    def __init__(self, rig, server):
        super().__init__(daemon=True)
        self.rig, self.server = rig, server
        self.samples = []
        self._over = threading.Event()
        self._one = threading.Lock()

    def look(self):
        """The sample of this moment, which is kept; None when the server does not answer."""
        with self._one:
            return self._look()

    def _look(self):
        try:
            stats = self.rig.stats(self.server)
            resident = int(pathlib.Path(f"/proc/{self.server.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        except (OSError, ValueError, json.JSONDecodeError):
            return None  # it ends
        if "records" not in stats:
            return None
        sample = {"t": time.monotonic(), "resident": resident, "records": stats["records"], "memory": sum(stats["memory"].values()),
                  "cycles": stats["cycles"]["busy"], "cpu": self._cpu(), "tcp": stats["tcp"], "drops": stats["drops"]}
        self.samples.append(sample)
        return sample

    def _cpu(self):
        """Seconds of processor time: (all, in the kernel)."""
        words = pathlib.Path(f"/proc/{self.server.pid}/stat").read_text().rpartition(")")[2].split()
        user, system = (int(word) / os.sysconf("SC_CLK_TCK") for word in words[11:13])
        return user + system, system

    def run(self):
        while not self._over.wait(0.2):
            self.look()

    def end(self):
        self._over.set()
        self.join()

    def within(self, begin, end):
        return [s for s in self.samples if begin <= s["t"] <= end]


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else None


def summary(connections):
    """Of clients' connections: how many, how they ended, and times in ms."""
    done = [c for c in connections if c[3] == "complete"]
    causes = {}
    for c in connections:
        if c[3] != "complete":
            causes[c[3]] = causes.get(c[3], 0) + 1
    return {"offered": len(connections), "completed": len(done), "failed_by": causes,
            "p50_ms": round(percentile([c[2] for c in done], 0.5) / 1000, 2) if done else None,
            "p99_ms": round(percentile([c[2] for c in done], 0.99) / 1000, 2) if done else None,
            "max_ms": round(max(c[2] for c in done) / 1000, 2) if done else None,
            "syn_resent": sum(1 for c in connections if c[1] < 0 or c[1] > SYN_RESENT_US)}


class Scene:
    """rig: made elsewhere, and closed there; by default the scene has its own. attack_rate: frames per second; 0: as many as the machine
    can send. judges_times: whether a SYN that is sent again after the attack counts as a fault; on a busy machine it says nothing."""

    def __init__(self, attack, version, programs, seconds, rate, quiet=2.5, rest=3.5, rig=None, attack_rate=0, judges_times=True):
        self.attack, self.programs, self.seconds, self.rate = attack, programs, seconds, rate
        self.quiet, self.rest = quiet, rest
        self.family = V4 if version == 4 else V6
        self.attack_rate, self.judges_times = attack_rate, judges_times
        self.rig = rig or Rig(families=(self.family,))
        self.rig.launcher = ("setsid",)  # a session has its own share of a core (sched_autogroup)

    # -- the pieces

    def _serve(self):
        # A wide network: thousands of addresses that do not exist are on link.
        address = f"{self.family.synfin}/{16 if self.family is V4 else 64}"
        gateway = ("--gateway", self.family.kernel) if self.attack.gateway else ()
        dad = ("--set", "dad=off") if self.family is V6 else ()
        self.report = self.rig.path("served.json")
        server = self.rig.serve("http", "--json", self.report, *SERVE, *gateway, *dad, *self.attack.serve, address=address)
        return server

    def _mac(self):
        return json.loads(self.rig.ours.ip("-j", "link", "show", self.rig.device))[0]["address"]

    def _start(self, program, *words):
        """On another core than the server's, if there is one."""
        core = (rigs.core + 1) % os.cpu_count()
        return self.rig.start(self.rig.theirs, "setsid", "taskset", "-c", core, self.programs[program], *words)

    def _attack(self, wave):
        """One wave; returns what the attacker counted. Each has packets of its own."""
        attack, family = self.attack, self.family
        words = ["--interface", self.rig.peer, "--to", family.synfin, "--to-mac", self._mac(), "--seconds", self.seconds, "--port", attack.port,
                 "--rate", self.attack_rate]
        if attack.program == "flood":
            words += ["--client", family.kernel, "--seed", wave]
        else:
            words += ["--from", family.at(66), "--connections", attack.connections]
        process = self._start(attack.program, attack.kind, *words)
        if process.wait(self.seconds + LIMIT) != 0:
            raise AssertionError(process.said())
        return json.loads(process.out)

    # -- the whole

    def run(self):
        """The row of the table."""
        server = self._serve()
        total = self.quiet + 2 * (self.seconds + self.rest)
        sampler = Sampler(self.rig, server)
        clients = self._start("clients", "--to", self.family.synfin, "--rate", self.rate, "--seconds", total, "--limit", CLIENT_LIMIT_S)
        sampler.look()
        sampler.start()
        begin = sampler.samples[0]["t"]
        time.sleep(self.quiet)
        waves = []
        for wave in range(2):
            sampler.look()
            waves.append(self._attack(wave))
            sampler.look()
            time.sleep(self.rest)
        if clients.wait(total + LIMIT) != 0:
            raise AssertionError(clients.said())
        gone = time.monotonic()

        def is_free():
            sample = sampler.look()
            return sample is not None and not any(sample["records"].values())

        try:
            wait_until(is_free, "all records free", FREE_S, 0.1)
            free_s = round(time.monotonic() - gone, 1)
        except AssertionError:
            free_s = None
        sampler.end()
        status = server.interrupt()
        connections = json.loads(clients.out)
        self.tsc_hz = json.loads(pathlib.Path(self.report).read_text())["host"]["tsc_hz"]
        row = self._row(sampler, connections, waves, begin, free_s)
        row["wrong"] = self._wrong(row, status)
        row["machine_busy"] = row["quiet"]["completed"] != row["quiet"]["offered"] or row["quiet"]["syn_resent"] > 0
        return row

    def _row(self, sampler, connections, waves, begin, free_s):
        first, second = waves
        quiet = [c for c in connections if c[0] < first["begin"] - 0.5]
        during = [c for c in connections if any(w["begin"] <= c[0] < w["end"] for w in waves)]
        after = [c for c in connections
                 if first["end"] + RECOVERY_S <= c[0] < second["begin"] or c[0] >= second["end"] + RECOVERY_S]
        before = [s for s in sampler.samples if s["t"] < first["begin"] or s is sampler.samples[0]][-1]
        at_first = sampler.within(first["begin"], second["begin"])
        at_second = sampler.within(second["begin"], second["end"] + self.rest)
        last = sampler.samples[-1]
        sent = sum(w["sent"] for w in waves)
        spent = sum(w["end"] - w["begin"] for w in waves)
        return {"attack": self.attack.name, "what": self.attack.what, "family": self.family.version, "sent": sent,
                "rate": round(sent / spent), "seconds": round(spent, 2),
                "quiet": summary(quiet), "during": summary(during), "after": summary(after),
                "resident_mib": {"before": round(before["resident"] / MIB, 1), "first": round(max(s["resident"] for s in at_first) / MIB, 1),
                                 "second": round(max(s["resident"] for s in at_second) / MIB, 1),
                                 "most": round(max(s["resident"] for s in sampler.samples) / MIB, 1), "after": round(last["resident"] / MIB, 1)},
                "records": {"before": before["records"],
                            "most": {k: max(s["records"][k] for s in sampler.samples) for k in before["records"]}, "after": last["records"]},
                "free_s": free_s, "per_packet": self._cost(sampler, waves, begin),
                "received_share": self._received(sampler, waves, sent),
                "counters": {k: v - before["tcp"].get(k, 0) for k, v in last["tcp"].items() if v != before["tcp"].get(k, 0)},
                "drops": {k: v - before["drops"].get(k, 0) for k, v in last["drops"].items() if v != before["drops"].get(k, 0)},
                "waves": waves}

    @staticmethod
    def _growth(samples, key):
        return key(samples[-1]) - key(samples[0]) if samples else 0

    def _cost(self, sampler, waves, begin):
        """What a packet of the waves costs the server, and the kernel's share of it.

        Two measures bound it from above: the loop's time with work, without what the clients alone cost before (it counts other programs
        that had its core meanwhile), and the processor time (it counts polling without work). The smaller one is taken."""
        def busy_s(s):
            return s["cycles"] / self.tsc_hz

        def packets(s):
            return s["tcp"]["rx_packets"]

        def seconds(s):
            return s["t"]

        alone = sampler.within(begin, waves[0]["begin"])
        alone_s = self._growth(alone, seconds)
        busy = cpu = kernel = count = 0.0
        for wave in waves:
            inside = sampler.within(wave["begin"], wave["end"])
            share = self._growth(inside, seconds) / alone_s if alone_s > 0 else 0
            busy += self._growth(inside, busy_s) - self._growth(alone, busy_s) * share
            count += self._growth(inside, packets) - self._growth(alone, packets) * share
            cpu += self._growth(inside, lambda s: s["cpu"][0])
            kernel += self._growth(inside, lambda s: s["cpu"][1])
        spent = min(busy, cpu)
        if count < 1000 or spent <= 0:
            return {"cycles": None, "kernel_share": None}
        return {"cycles": round(spent / count * self.tsc_hz), "kernel_share": round(kernel / cpu, 2) if cpu > 0 else None}

    def _received(self, sampler, waves, sent):
        """Which share of the attack's packets came to the engine; the others found the device's ring full."""
        got = 0
        for wave in waves:
            got += self._growth(sampler.within(wave["begin"] - 0.5, wave["end"] + 0.5), lambda s: s["tcp"]["rx_packets"])
        return round(min(1.0, got / sent), 3) if sent else None

    def _wrong(self, row, status):
        """The goals that this row misses; empty when it meets all."""
        wrong = []
        if row["sent"] < LEAST_SENT or any(w.get("opened") == 0 for w in row["waves"]):
            wrong.append(f"no attack: {row['waves']}")

        def share(part):
            return part["completed"] / part["offered"] if part["offered"] else 1
        if share(row["during"]) < LEAST_SHARE * share(row["quiet"]):
            wrong.append(f"completed {row['during']['completed']} of {row['during']['offered']} beside the attack ({row['during']['failed_by']})")
        # Other programs can keep the server from its core for more than a second; without an attack they do it, too.
        late = self.judges_times and row["after"]["syn_resent"] * row["quiet"]["offered"] > row["quiet"]["syn_resent"] * row["after"]["offered"]
        if row["after"]["completed"] != row["after"]["offered"] or late:
            wrong.append(f"not normal {RECOVERY_S} s after the attack: {row['after']}")
        resident = row["resident_mib"]
        if resident["most"] - resident["before"] > self.attack.growth:
            wrong.append(f"grew by {resident['most'] - resident['before']:.0f} MiB, at most {self.attack.growth} expected")
        # Below half of the limit, the second wave may take more: the first one may not have reached the maximum.
        if resident["second"] > max(resident["first"] * 1.02 + 4, resident["before"] + self.attack.growth / 2):
            wrong.append(f"the second wave took more memory: {resident}")
        if row["free_s"] is None:
            wrong.append(f"records not free {FREE_S} s after the end: {row['records']['after']}")
        if status != 0:
            wrong.append(f"serve ended with status {status}")
        return wrong

    def close(self):
        self.rig.close()
