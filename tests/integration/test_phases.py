"""The parts of a load in time, and its series: on the screen, in the result, and line by line in a file."""

import json
import pathlib

from cases import RigCase, alone
from rig import SHARED_CORE

COUNTS = ("offered", "opened", "established", "completed", "failed", "requests")


class PhasesTest(RigCase):
    def load_with_phases(self, text, *options):
        self.rig.nginx()
        self.series = self.rig.path("series.jsonl")
        with open(self.rig.path("phases.yaml"), "w", encoding="utf-8") as file:
            file.write(f"load:\n  series: {self.series}\n{text}")
        # On a machine that is never quiet the generator may be late.
        load = self.rig.load(self.rig.kernel_url, "-f", self.rig.path("phases.yaml"), *SHARED_CORE, "--set", "validity.slip=10s", *options)
        self.assertEqual(load.wait(), 0, load.said())
        self.shown = load.err
        result = self.rig.result(load)
        lines = [json.loads(line) for line in pathlib.Path(self.series).read_text(encoding="utf-8").splitlines()]
        self.check_series(result, lines)
        return result

    def check_series(self, result, lines):
        """The file has the points of the result, and their sums are the counts of the run."""
        self.assertEqual([{key: value for key, value in line.items() if key != "run"} for line in lines], result["series"])
        connections = {**result["connections"], "requests": result["requests"]["answered"]}
        for name in COUNTS:
            self.assertEqual(sum(line[name] for line in lines), connections[name], name)
        self.assertEqual(lines[-1]["open"], 0)
        self.assertEqual(sum(line["latency"].get("connect", {"count": 0})["count"] for line in lines), connections["established"])
        self.assertEqual(sum(line["statuses"].get("200", 0) for line in lines), result["statuses"]["200"])
        ends = [line["t"] for line in lines]
        self.assertEqual(ends, sorted(set(ends)))

    @alone
    def test_figures_are_those_of_the_sustained_part(self):
        result = self.load_with_phases("  rate: 300\n  phases: {init: 300ms, ramp-up: 500ms, sustain: 1500ms, ramp-down: 500ms}\n")
        self.assertAlmostEqual(result["duration_s"], 1.5, delta=0.3)
        phases = {phase["name"]: phase for phase in result["phases"]}
        self.assertEqual(result["connections"]["offered"], 75 + 450)
        for name in COUNTS[:5]:
            self.assertEqual(sum(phase[name] for phase in phases.values()), result["connections"][name], name)
        sustain = phases["sustain"]
        self.assertEqual((sustain["from_s"], sustain["to_s"]), (0.5, 2.0))
        self.assertEqual(result["latency_us"]["connect"]["count"], sustain["established"])
        self.assertAlmostEqual(result["rates"]["cps"], sustain["completed"] / result["duration_s"], delta=0.1)
        self.assertRegex(self.shown, r"conn/s +requests/s")
        self.assertRegex(self.shown, r"(?m)^ +1 s +\d")

    @alone
    def test_a_warm_up_is_not_measured(self):
        result = self.load_with_phases("  connections: 10\n  duration: 1500ms\n  classes: [{name: a}, {name: b}]\n", "--warmup", "500ms")
        self.assertEqual([phase["name"] for phase in result["phases"]][:2], ["warm-up", "sustain"])
        self.assertAlmostEqual(result["duration_s"], 1.0, delta=0.3)
        for name in ("a", "b"):
            rows = [point["classes"][name] for point in result["series"]]
            of_class = result["classes"][name]
            self.assertEqual(sum(row["completed"] for row in rows), of_class["connections"]["completed"])
            self.assertLess(of_class["latency_us"]["connect"]["count"], of_class["connections"]["established"])
