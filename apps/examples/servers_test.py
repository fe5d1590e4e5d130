#!/usr/bin/env python3
"""servers_test.py SERVER...: starts each example on a memif socket, which needs no privilege, waits until it prints
its port, ends it by SIGTERM, and expects exit status 0."""

import pathlib
import signal
import subprocess
import sys
import tempfile

WAIT_S = 60


def serve(program, folder):
    device = f"memif:{folder}/socket,server"
    with subprocess.Popen([program, device, "10.0.0.2/24"], stdout=subprocess.PIPE, text=True) as server:
        said = server.stdout.readline()
        server.send_signal(signal.SIGTERM)
        try:
            status = server.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            server.kill()
            return f"still runs {WAIT_S} s after SIGTERM"
    if "on port" not in said:
        return f"said {said!r}, exit status {status}"
    return None if status == 0 else f"exit status {status}"


def main():
    failed = 0
    for program in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as folder:
            complaint = serve(program, folder)
        print(f"{pathlib.Path(program).name}: {complaint or 'ok'}")
        failed += complaint is not None
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
