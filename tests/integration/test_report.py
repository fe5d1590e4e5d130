"""compare and report: the commands, and the page in a browser."""

import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import browser
import result_schema
import rig
from rig import sh

LATENCIES = ("connect", "first_byte", "last_byte", "life")


def with_series(result):
    """The result of a bench as one of load: with classes and a series of 30 s."""
    result = dict(result, command="load")
    counts = dict(offered=100, opened=100, established=100, completed=99, failed=1, open=7, requests=300,
                  statuses={"200": 297, "503": 3},
                  latency={each: dict(p50=100, p90=200, p99=400, p999=900, max=2000, count=100) for each in LATENCIES})
    result["classes"] = {name: dict(connections={key: n for key, n in result["connections"].items() if key != "stale_syn"},
                                    statuses={"200": 5}, requests=dict(sent=5, answered=5, resent=0),
                                    rates=dict(cps=1, established_per_s=1, requests_per_s=3), latency_us=result["latency_us"])
                         for name in ("web", "a-class-with-a-name-that-is-long")}
    result["series"] = [dict(t=t, seconds=1, phase="sustain" if t > 5 else "ramp-up", **counts,
                             classes={"web": counts, "a-class-with-a-name-that-is-long": counts}) for t in range(1, 31)]
    return result


class Results(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.bench, self.load = self.directory / "bench.json", self.directory / "load.json"
        sh(rig.SYNFIN, "bench", "-n", "2000", *rig.SHARED_CORE, "--json", self.bench, "--report", self.directory / "bench.html")
        self.load.write_text(json.dumps(with_series(json.loads(self.bench.read_text()))))

    def refused(self, *arguments):
        done = subprocess.run([rig.SYNFIN, *map(str, arguments)], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 2, done.stderr)
        return done.stderr


class ReportTest(Results):
    def test_a_run_writes_its_page(self):
        page = (self.directory / "bench.html").read_text()
        self.assertIn("bench crr", page)
        self.assertTrue(page.endswith("</html>\n"))

    def test_a_report_that_cannot_be_written_fails_before_the_run(self):
        with self.assertRaisesRegex(RuntimeError, "status 1(.|\n)*/nowhere/x.html: the report can't be written there"):
            sh(rig.SYNFIN, "bench", "-n", "100", *rig.SHARED_CORE, "--report", "/nowhere/x.html")

    def test_results_follow_the_schema(self):
        for path in (self.bench, self.load):
            self.assertEqual(result_schema.wrong(json.loads(path.read_text())), [])

    def test_csv(self):
        said = sh(rig.SYNFIN, "report", self.load, "--csv", "-")
        self.assertTrue(said.startswith("result,class,t_s,figure,value,unit"))
        self.assertIn("load,web,30,completed,99,connections", said)

    def test_wrong_usage_is_refused(self):
        self.assertIn("report takes results, found none", self.refused("report", "-o", "x.html"))
        self.assertIn("nothing to write", self.refused("report", self.load))
        self.assertIn("nothing.json: can't be read", self.refused("report", self.directory / "nothing.json", "-o", "x.html"))
        wrong = self.directory / "wrong.json"
        wrong.write_text("[" * 100_000)
        self.assertIn("nested deeper than 32 levels", self.refused("report", wrong, "-o", "x.html"))


class CompareTest(Results):
    def test_a_result_equals_itself(self):
        said = sh(rig.SYNFIN, "compare", self.load, self.load)
        self.assertIn("0 better, 0 worse", said)

    def test_a_better_result_is_better(self):
        better = json.loads(self.load.read_text())
        for row in better["series"]:
            row["completed"] *= 2
        better["rates"]["cps"] *= 2
        path = self.directory / "better.json"
        path.write_text(json.dumps(better))
        said = json.loads(sh(rig.SYNFIN, "compare", self.load, path, "--json", "-"))
        cps = next(each for each in said["figures"] if each["name"] == "cps")
        self.assertEqual((cps["verdict"], cps["method"], cps["change"]), ("better", "series", 1))

    def test_what_cannot_be_compared_is_refused(self):
        self.assertIn("is a result of synfin bench", self.refused("compare", self.bench, self.load))
        self.assertIn("compare takes two results, found 1", self.refused("compare", self.bench))


@unittest.skipUnless(browser.PROGRAM, "no chromium: scripts/install-deps.sh test")
class BrowserTest(Results):
    """SHOTS=DIRECTORY keeps the screenshots."""

    def check(self, shown, page, name, width, dark):
        shown.open(page, width, dark)
        self.assertEqual(shown.complaints(), [])
        self.assertEqual([url for url in shown.requests() if not url.endswith(page.name)], [], "fetched something")
        self.assertLessEqual(shown.value("document.documentElement.scrollWidth"), width, "wider than the window")
        # Labels of an axis that lie upon each other could not be read.
        overlaps = """[...document.querySelectorAll('.x, .y')].filter(axis => {
            const all = [...axis.children].map(each => each.getBoundingClientRect());
            return all.some((a, i) => all.some((b, j) => i < j && a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom));
        }).length"""
        self.assertEqual(shown.value(overlaps), 0, "labels overlap")
        background = shown.value("getComputedStyle(document.body).backgroundColor")
        self.assertEqual(max(map(int, background[4:-1].split(","))) < 100, dark, background)
        if "SHOTS" in os.environ:
            shown.screenshot(pathlib.Path(os.environ["SHOTS"]) / f"{name}-{width}-{'dark' if dark else 'light'}.png")

    def test_the_page_fits_light_and_dark_narrow_and_wide(self):
        pages = {}
        for name, results in {"one": [self.load], "two": [self.load, self.load], "bench": [self.bench]}.items():
            pages[name] = self.directory / f"{name}.html"
            sh(rig.SYNFIN, "report", *results, "-o", pages[name])
        with browser.Browser() as shown:
            for name, page in pages.items():
                for width in (360, 1280):
                    for dark in (False, True):
                        with self.subTest(page=name, width=width, dark=dark):
                            self.check(shown, page, name, width, dark)

    def test_a_page_without_charts_has_none_that_are_empty(self):
        page = self.directory / "bench.html"
        with browser.Browser() as shown:
            shown.open(page, 1280, False)
            self.assertEqual(shown.value("[...document.querySelectorAll('figure')].filter(f => !f.querySelector('path.line')).length"), 0)
