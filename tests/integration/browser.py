"""A headless Chromium, driven over a pipe by the DevTools protocol: what a page looks like, and what it asks for."""

import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

PROGRAM = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """One page. Use it in a with statement."""

    PATIENCE_S = 30

    def __init__(self):
        self._profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        down, self._to = os.pipe()
        self._from, up = os.pipe()

        def as_three_and_four():
            # The pipe's ends may be 3 or 4 themselves.
            ours = (os.dup(down), os.dup(up))
            os.dup2(ours[0], 3)
            os.dup2(ours[1], 4)

        self._process = subprocess.Popen(
            [PROGRAM, "--headless=new", "--remote-debugging-pipe", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--disable-background-networking", f"--user-data-dir={self._profile.name}", "about:blank"],
            close_fds=False, preexec_fn=as_three_and_four, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        os.close(down)
        os.close(up)
        self._received, self._number, self.events = b"", 0, []
        target = next(each for each in self._call("Target.getTargets")["targetInfos"] if each["type"] == "page")
        self._session = self._call("Target.attachToTarget", targetId=target["targetId"], flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._call("Browser.close")
        except (OSError, RuntimeError):
            self._process.kill()
        self._process.wait(10)
        os.close(self._to)
        os.close(self._from)
        self._profile.cleanup()

    def _message(self, until):
        while b"\0" not in self._received:
            if not select.select([self._from], [], [], max(0, until - time.monotonic()))[0]:
                raise RuntimeError("chromium does not answer")
            block = os.read(self._from, 1 << 16)
            if not block:
                raise RuntimeError("chromium has ended")
            self._received += block
        text, self._received = self._received.split(b"\0", 1)
        return json.loads(text)

    def _call(self, method, session=None, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + self.PATIENCE_S
        while True:
            said = self._message(until)
            if said.get("id") == self._number:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']['message']}")
                return said["result"]
            if "method" in said:
                self.events.append(said)

    def call(self, method, **parameters):
        return self._call(method, session=self._session, **parameters)

    def open(self, path, width, dark):
        """Loads a file with a window of this width, light or dark."""
        self.events.clear()
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia",
                  features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])
        self.call("Page.navigate", url=pathlib.Path(path).resolve().as_uri())
        until = time.monotonic() + self.PATIENCE_S
        while not any(each["method"] == "Page.loadEventFired" for each in self.events):
            said = self._message(until)
            if "method" in said:
                self.events.append(said)

    def value(self, expression):
        """What a JavaScript expression gives on the page."""
        said = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        if "exceptionDetails" in said:
            raise RuntimeError(said["exceptionDetails"]["text"])
        return said["result"].get("value")

    def screenshot(self, path, height=None):
        """The page down to `height` pixels, or all of it, as PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], height or size["height"]), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))

    def requests(self):
        """Every address that the page asked for, itself included."""
        return [each["params"]["request"]["url"] for each in self.events if each["method"] == "Network.requestWillBeSent"]

    def complaints(self):
        """Messages of the console and exceptions."""
        return [each["params"] for each in self.events
                if each["method"] in ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")]
