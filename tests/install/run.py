#!/usr/bin/env python3
"""Installs synfin into a temporary folder and builds programs against it as users do.

    tests/install/run.py --build DIR [--keep]

DIR is a complete build directory. The script times one case for each way of embedding (pkg-config with the shared
library, pkg-config with the archive, CMake, a meson subproject) and one for the C and C++ examples. The last line of
the output is the summary.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "scripts/packaging"))
import symbol_map  # noqa: E402

GREETING = "hello from outside"


class Failed(Exception):
    pass


def run(*command, env=None, cwd=None) -> str:
    done = subprocess.run([str(word) for word in command], env={**os.environ, **(env or {})}, cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[:20])  # a compiler's first error is the relevant one
        raise Failed(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{said}")
    return done.stdout


class Installed:
    """The installed tree and the paths of its parts."""

    def __init__(self, build: pathlib.Path, root: pathlib.Path):
        options = {o["name"]: o["value"] for o in json.loads(run("meson", "introspect", "--buildoptions", build))}
        self.build, self.work, self.options = build, root, options
        self.has_dpdk = options["dpdk"]
        begin = time.monotonic()
        run("meson", "install", "-C", build, "--no-rebuild", "--quiet", env={"DESTDIR": str(root / "tree")})
        self.seconds = time.monotonic() - begin
        self.prefix = root / "tree" / options["prefix"].lstrip("/")
        self.lib = self.prefix / options["libdir"]
        self.include = self.prefix / options["includedir"]
        self.pkg_config_env = {"PKG_CONFIG_PATH": str(self.lib / "pkgconfig")}
        self.run_env = {"LD_LIBRARY_PATH": str(self.lib)}
        self.cxx = os.environ.get("CXX", "g++")

    def flags(self, *words) -> list[str]:
        return run("pkg-config", *words, env=self.pkg_config_env).split()


def needs(program: pathlib.Path) -> list[str]:
    return re.findall(r"\(NEEDED\).*\[(.*)\]", run("readelf", "-d", program))


def greets(tree: Installed, program: pathlib.Path, is_shared: bool) -> None:
    output = run(program, env=tree.run_env)
    if GREETING not in output:
        raise Failed(f"{program.name} printed {output!r}, not {GREETING!r}")
    has = any(name.startswith("libsynfin.so") for name in needs(program))
    if has != is_shared:
        raise Failed(f"{program.name} {'needs' if has else 'does not need'} libsynfin.so")


def files(tree: Installed) -> None:
    """All headers are below one root, the shared library has its soname, and the archive has no bytecode."""
    strange = [p.name for p in tree.include.iterdir() if p.name not in ("synfin", "synfin.h")]
    strange += [p.name for p in (tree.include / "synfin").iterdir() if p.suffix not in (".hh", ".def")]
    if strange:
        raise Failed(f"unexpected files among the headers: {', '.join(strange)}")
    shared = tree.lib / "libsynfin.so"
    if "[libsynfin.so.0]" not in run("readelf", "-d", shared):
        raise Failed("the soname is not libsynfin.so.0")
    if ".gnu.lto_" in run("readelf", "-SW", tree.lib / "libsynfin.a"):
        raise Failed("libsynfin.a carries the link-time optimiser's bytecode")


COMPLETE = """source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _synfin; printf '%s\\n' "${COMPREPLY[@]}"
"""


def pages(tree: Installed) -> None:
    """The manual page has a section for each subcommand, and bash completes options and their values."""
    man = (tree.prefix / tree.options["mandir"] / "man1" / "synfin.1").read_text()
    script = tree.prefix / tree.options["datadir"] / "bash-completion" / "completions" / "synfin"

    def completed(*words: str) -> list[str]:
        return run("bash", "-c", COMPLETE, "bash", script, "synfin", *words).split()

    subcommands = [word for word in completed("") if not word.startswith("-")]
    missing = [word for word in subcommands if f".SH SYNFIN {word.upper()}\n" not in man]
    if missing or "bench" not in subcommands:
        raise Failed(f"no section for {missing}, of the subcommands {subcommands}")
    for words, expected in ((("be",), "bench"), (("serve", "--dev"), "--device"), (("serve", "--app", "h"), "http")):
        if completed(*words) != [expected]:
            raise Failed(f"synfin {' '.join(words)}: completed to {completed(*words)}, not {expected}")


def headers(tree: Installed) -> None:
    """Each header compiles alone; the only flag is the include root, not even an instruction set."""
    for header in sorted(tree.include.rglob("*.hh")):
        name = header.relative_to(tree.include)
        run(tree.cxx, "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", f"-I{tree.include}",
            "-x", "c++", "-include", name, "/dev/null")
    if (tree.include / "synfin.h").exists():
        for compiler, language, standard in (("gcc", "c", "c11"), (tree.cxx, "c++", "c++20")):
            run(compiler, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only",
                f"-I{tree.include}", "-x", language, "-include", "synfin.h", "/dev/null")


def symbols(tree: Installed) -> None:
    """libsynfin.so exports exactly the functions of the archive that a public header declares."""
    classes, functions = symbol_map.all_declared(ROOT / "include")

    def is_public(symbol: str) -> bool:
        name = re.sub(r"\[abi:\w+\]", "", symbol).split("(")[0].removeprefix("vtable for ").removeprefix("typeinfo for ")
        if name.startswith("synfin_"):
            return True
        return name in functions or any(name.startswith(c + "::") for c in classes)

    def code(path: pathlib.Path, *options: str) -> set[str]:
        return set(re.findall(r"^[0-9a-f]+ T (synfin.*)$", run("nm", "-C", "--defined-only", *options, path), re.M))

    exported = code(tree.lib / "libsynfin.so", "-D")
    wrong = [s for s in exported if not is_public(s)]
    missing = [s for s in code(tree.lib / "libsynfin.a") if is_public(s) and s not in exported]
    if wrong or missing:
        raise Failed("exported but not public: {}\npublic but not exported: {}".format(wrong, missing))
    if not exported:
        raise Failed("nothing is exported")


def pkg_config_shared(tree: Installed) -> None:
    program = tree.work / "echo-shared"
    run(tree.cxx, "-std=c++20", "-O2", HERE / "echo.cc", "-o", program, *tree.flags("--cflags", "--libs", "synfin"))
    greets(tree, program, is_shared=True)


def pkg_config_static(tree: Installed) -> None:
    program = tree.work / "echo-static"
    run(tree.cxx, "-std=c++20", "-O2", HERE / "echo.cc", "-o", program,
        *tree.flags("--cflags", "--libs", "synfin-static"))
    greets(tree, program, is_shared=False)


def examples(tree: Installed) -> None:
    """The repository's C and C++ examples link the shared library; those without a device also run."""
    for source in sorted((ROOT / "apps" / "examples").glob("*.c*")):
        if not tree.has_dpdk and "synfin/runtime.hh" in source.read_text():
            continue
        compiler = ["gcc", "-std=c11", "-Wextra"] if source.suffix == ".c" else [tree.cxx, "-std=c++20"]
        program = tree.work / f"example-{source.stem}"
        run(*compiler, "-Wall", "-Werror", source, "-o", program, "-pthread", *tree.flags("--cflags", "--libs", "synfin"))
        if source.stem != "echo":  # the others run in memory without arguments
            run(program, env=tree.run_env)


def cmake(tree: Installed) -> None:
    build = tree.work / "cmake"
    run("cmake", "-S", HERE / "cmake", "-B", build, f"-DCMAKE_PREFIX_PATH={tree.prefix}", "-DCMAKE_BUILD_TYPE=Release")
    run("cmake", "--build", build)
    greets(tree, build / "echo-synfin", is_shared=True)
    greets(tree, build / "echo-static", is_shared=False)


def subproject(tree: Installed) -> None:
    """A meson project that has synfin as a subproject builds the library with its own options."""
    parent = tree.work / "parent"
    (parent / "subprojects").mkdir(parents=True)
    (parent / "subprojects" / "synfin").symlink_to(ROOT)
    shutil.copy(HERE / "subproject" / "meson.build.in", parent / "meson.build")
    shutil.copy(HERE / "echo.cc", parent)
    # The fallback keeps meson from finding an installed synfin. PKG_CONFIG_LIBDIR would hide DPDK, too.
    run("meson", "setup", parent / "build", parent, "--force-fallback-for=synfin", f"-Dsynfin:dpdk={str(tree.has_dpdk).lower()}")
    run("ninja", "-C", parent / "build")
    greets(tree, parent / "build" / "echo", is_shared=False)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, required=True, help="a build directory with everything built")
    parser.add_argument("--only", nargs="*", help="names of cases")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, and say where it is")
    args = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="synfin-install-"))
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        tree = Installed(args.build.resolve(), work)
        print(f"  install                {tree.seconds:6.1f} s")
        for case in (files, pages, headers, symbols, pkg_config_shared, pkg_config_static, examples, cmake, subproject):
            if args.only and case.__name__ not in args.only:
                continue
            begin, verdict, why = time.monotonic(), "passed", ""
            try:
                if case is cmake and not shutil.which("cmake"):
                    verdict, why = "skipped", "cmake is not installed"
                elif case is pages and not (tree.has_dpdk and tree.options["apps"]):
                    verdict, why = "skipped", "the command is not part of this build"
                else:
                    case(tree)
            except Failed as failure:
                verdict, why = "failed", str(failure)
            counts[verdict] += 1
            print(f"  {case.__name__:<22} {time.monotonic() - begin:6.1f} s  {verdict}{': ' + why if why else ''}", flush=True)
    except Failed as failure:
        counts["failed"] += 1
        print(f"  install: {failure}")
    finally:
        if args.keep:
            print(work)
        else:
            shutil.rmtree(work)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
