#!/usr/bin/env python3
"""Reads the #includes of include/, lib/ and apps/ and fails on an arrow that the design does not have.

    base < wire, time, buf < tcp < net < stack < api        port sees base and buf

Usage: scripts/check_layers.py [ROOT]      exit status 0: clean; 1: violations, one per line as file:line: what
       scripts/check_layers.py --self-test proves that each rule catches what it is for
"""

import pathlib
import re
import sys
import tempfile

# Room -> the rooms it may include (itself always).
ARROWS = {
    "base": set(),
    "wire": {"base"},
    "time": {"base"},
    "buf": {"base"},
    "tcp": {"base", "wire", "time", "buf"},
    "net": {"base", "wire", "time", "buf", "tcp"},
    "stack": {"base", "wire", "time", "buf", "tcp", "net"},
    "port": {"base", "buf"},
    "api": {"base", "wire", "time", "buf", "tcp", "net", "stack", "port"},
}

# The public headers (include/synfin) are the one include root of an installed library; they include each other only. Those that
# the rooms themselves are written in stand at the level of a room: who may see that room may see them.
PUBLIC_LEVELS = {
    "check.hh": "base",
    "counter.def": "base",
    "counters.hh": "base",
    "drop_reason.def": "base",
    "result.hh": "base",
    "units.hh": "base",
    "close_reason.hh": "tcp",
    "state.hh": "tcp",
    "tcp_config.hh": "tcp",
    "connection.hh": "stack",
    "event.hh": "stack",
    "ledger.hh": "stack",
    "stack_config.hh": "stack",
    "device_report.hh": "port",
}

# The C API, beside the folder of the C++ one. It includes no other header of ours.
C_HEADER = "synfin.h"

# What the command may include beside the public headers: containers, and facts about the host that need no device.
COMMAND_ROOM = "base"
COMMAND_HEADERS = {
    "port/capabilities.hh",
    "port/limits.hh",
    "port/pci_function.hh",
    "port/run_directory.hh",
}

# Includes that the arrows forbid and that are right all the same: (includer's prefix, included) -> reason.
EXCEPTIONS = {}

# DPDK is seen by the room of the devices, and by the sources (never the headers) of api that put a device
# under an engine.
def may_see_dpdk(path):
    return path.startswith("lib/port/") or (path.startswith("lib/api/") and path.endswith(".cc"))


# The core is sans-IO: no sockets, threads or streams.
SANS_IO_ROOMS = {"wire", "buf", "tcp", "net"}
IO_HEADERS = re.compile(r"(sys/(socket|epoll|ioctl)|netinet/|arpa/|netdb|poll|thread|mutex|condition_variable|future|iostream|fstream)")

INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')
SOURCES = {".hh", ".cc", ".def", ".h"}


def room_of(included):
    """The room that `"room/file.hh"` names, or at whose level `"synfin/file.hh"` stands; None when it names none."""
    if included == C_HEADER:
        return "api"
    head, slash, rest = included.partition("/")
    if not slash:
        return None
    return PUBLIC_LEVELS.get(rest, "api") if head == "synfin" else head


def is_public(included):
    return included.startswith("synfin/") or included == C_HEADER


def excused(path, included):
    return any(path.startswith(prefix) and included == header for prefix, header in EXCEPTIONS)


def check_library(path, room, included, quoted):
    """The complaint about one include in lib/, or None."""
    if included.startswith("rte_"):
        return None if may_see_dpdk(path) else f"DPDK header <{included}> outside lib/port"
    if not quoted:
        if room in SANS_IO_ROOMS and IO_HEADERS.match(included):
            return f"<{included}> in {room}: the core does no I/O"
        return None
    target = room_of(included)
    if target not in ARROWS:
        return f'"{included}" does not name a room: write "room/file.hh"'
    if path.startswith("include/") and not is_public(included):
        return f'public header includes "{included}", which is not public'
    if target != room and target not in ARROWS[room]:
        return f'{room} -> {target} ("{included}"): {room} may see {", ".join(sorted(ARROWS[room])) or "nothing"}'
    return None


def check_program(path, included, quoted, own):
    """The complaint about one include in apps/, or None. `own`: the programs' own headers."""
    if included.startswith("rte_"):
        return f"DPDK header <{included}> in a program: ask lib/port through its headers"
    if not quoted or included in own or is_public(included):
        return None
    if path.startswith("apps/synfin/") and (room_of(included) == COMMAND_ROOM or included in COMMAND_HEADERS):
        return None
    return f'program includes "{included}", which is not public'


def violations(root):
    root = pathlib.Path(root)
    for top in ("include", "lib", "apps"):
        files = sorted(f for f in (root / top).rglob("*") if f.suffix in SOURCES)
        own = set()
        if top == "apps":
            for f in files:  # "connection_mix.hh" beside the file, or "synfin/options.hh" from apps/
                own |= {f.name, f.relative_to(root / top).as_posix(), f.relative_to(root / top / "synfin").as_posix() if "synfin" in f.parts else f.name}
        for file in files:
            path = file.relative_to(root).as_posix()
            room = room_of("synfin/" + file.name) if top == "include" else path.split("/")[1]
            if top == "lib" and room not in ARROWS:
                yield f"{path}:1: lib/{room} is no room of the design"
                continue
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                quoted = match.group(1) is not None
                included = match.group(1) or match.group(2)
                if excused(path, included):
                    continue
                if top != "apps":
                    complaint = check_library(path, room, included, quoted)
                else:
                    complaint = check_program(path, included, quoted, own)
                if complaint:
                    yield f"{path}:{number}: {complaint}"


def self_test():
    """Each line: a file, an include in it, and whether that must be refused."""
    cases = [
        ("lib/tcp/input.cc", '"wire/tcp.hh"', False),
        ("lib/tcp/input.cc", '"net/ip_input.hh"', True),  # upwards
        ("lib/base/units.hh", '"wire/bytes.hh"', True),
        ("lib/wire/arp.hh", '"buf/packet.hh"', True),  # sideways
        ("lib/net/ports.cc", '"stack/engine.hh"', True),
        ("lib/stack/engine.hh", '"port/dpdk.hh"', True),  # the engine knows a port by its concept alone
        ("lib/stack/engine.hh", '"net/ports.hh"', False),
        ("lib/port/dpdk.cc", '"buf/queue_pair.hh"', False),
        ("lib/port/dpdk.cc", '"tcp/tcb.hh"', True),
        ("lib/port/dpdk.cc", "<rte_ethdev.h>", False),
        ("lib/buf/packet.hh", "<rte_mbuf.h>", True),
        ("lib/api/device_stack.cc", "<rte_eal.h>", False),
        ("include/synfin/stack.hh", "<rte_eal.h>", True),
        ("include/synfin/stack.hh", '"synfin/stack_config.hh"', False),
        ("include/synfin/stack.hh", '"stack/engine.hh"', True),
        ("include/synfin/stack.hh", '"base/siphash.hh"', True),
        ("include/synfin/units.hh", '"synfin/stack.hh"', True),  # a header of base's level
        ("lib/tcp/input.cc", '"synfin/state.hh"', False),
        ("lib/tcp/input.cc", '"synfin/event.hh"', True),
        ("lib/api/stack.cc", '"stack/engine.hh"', False),
        ("lib/tcp/input.cc", "<sys/socket.h>", True),
        ("lib/tcp/input.cc", '"state.hh"', True),  # no room named
        ("lib/tcp/input.cc", "<array>", False),
        ("lib/helpers/x.hh", "<array>", False),  # the include is fine; the room is not: see below
        ("apps/examples/echo.cc", '"synfin/stack.hh"', False),
        ("apps/examples/echo.cc", '"base/siphash.hh"', True),
        ("apps/examples/echo.cc", '"tcp/tcb.hh"', True),
        ("apps/synfin/command/serve.cc", '"options.hh"', False),
        ("apps/synfin/command/serve.cc", '"base/random.hh"', False),
        ("apps/synfin/command/serve.cc", '"port/limits.hh"', False),
        ("apps/synfin/command/serve.cc", '"port/device.hh"', True),
        ("apps/synfin/command/serve.cc", "<rte_eal.h>", True),
    ]
    failed = 0
    for path, include, refused in cases:
        with tempfile.TemporaryDirectory() as root:
            file = pathlib.Path(root, path)
            file.parent.mkdir(parents=True)
            file.write_text(f"// first line\n#include {include}\n")
            pathlib.Path(root, "apps/synfin").mkdir(parents=True, exist_ok=True)
            pathlib.Path(root, "apps/synfin/options.hh").write_text("")
            found = [v for v in violations(root)]
        expected = [f"{path}:2: "] if refused else []
        if path.startswith("lib/helpers/"):
            expected = [f"{path}:1: "]
        if len(found) != len(expected) or any(not f.startswith(e) for f, e in zip(found, expected)):
            failed += 1
            print(f"self-test: {path} with {include}: expected {expected or 'no complaint'}, found {found}")
    print(f"check_layers self-test: {len(cases) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    root = sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent.parent
    found = list(violations(root))
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
