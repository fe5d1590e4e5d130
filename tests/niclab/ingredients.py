"""What the guests are made of, beside what scripts/install-deps.sh nic installs: packages that are unpacked, never installed.

- Debian's kernel for clouds: small, and it has uio_pci_generic, vfio-pci and an Intel IOMMU. The full one for its driver of igb.
- QEMU from Debian's backports: the one of Debian 12 (7.2) has no igb. It runs from where it is unpacked, with the installed one's
  libraries.

Both are fetched once into a directory that the caller names, through apt-get and from the mirror that this machine uses.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile

# Each depends on the kernel of the day.
CLOUD_KERNEL = "linux-image-cloud-amd64"
FULL_KERNEL = "linux-image-amd64"
BACKPORTS = "bookworm-backports"
BACKPORTS_KEY = "/usr/share/keyrings/debian-archive-keyring.gpg"
QEMU_PACKAGES = ("qemu-system-x86", "qemu-system-common", "qemu-system-data", "seabios")


class Missing(Exception):
    """An ingredient cannot be had here; the text says why."""


def _run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
        raise Missing(f"{' '.join(command[:4])}...: {last}")
    return done.stdout


def _unpack(packages, into, apt_options=()):
    """Downloads packages and unpacks them into a directory that is there only when all went well."""
    into = pathlib.Path(into)
    with tempfile.TemporaryDirectory(dir=into.parent) as scratch:
        _run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", *apt_options, "download", *packages, cwd=scratch)
        root = pathlib.Path(scratch, "root")
        for package in sorted(pathlib.Path(scratch).glob("*.deb")):
            _run("dpkg", "-x", str(package), str(root))
        root.rename(into)


class Kernel:
    """The guests' kernel: its image, and its modules in the order in which they must be loaded."""

    def __init__(self, tree):
        self.image = next(pathlib.Path(tree, "boot").glob("vmlinuz-*"))
        self._modules = {p.stem.replace("-", "_"): p for p in pathlib.Path(tree, "lib/modules").rglob("*.ko")}

    @classmethod
    def fetch(cls, directory, package):
        tree = pathlib.Path(directory, package)
        if not tree.exists():
            depends = _run("apt-cache", "depends", package)
            names = [line.split()[-1] for line in depends.splitlines() if "Depends: linux-image-" in line]
            if not names:
                raise Missing(f"no package {package}: apt-get update")
            _unpack(names[:1], tree)
        return cls(tree)

    def modules(self, *names):
        """The files of modules, as far as the kernel has them, and of what they need, needed ones first."""
        order = []

        def add(name):
            path = self._modules[name.replace("-", "_")]
            if path in order:
                return
            # An unpacked package has no modules.dep; each module names its own needs.
            needs = path.read_bytes().partition(b"\0depends=")[2].partition(b"\0")[0].decode()
            for need in filter(None, needs.split(",")):
                add(need)
            order.append(path)

        for name in names:
            if name.replace("-", "_") in self._modules:
                add(name)
        return order


def installed_qemu():
    """(command, environment) of Debian's own QEMU."""
    found = shutil.which("qemu-system-x86_64")
    if not found:
        raise Missing("no qemu-system-x86_64: scripts/install-deps.sh nic")
    return [found], {}


def newer_qemu(directory):
    """(command, environment) of the QEMU of Debian's backports."""
    root = pathlib.Path(directory, "qemu")
    installed_qemu()  # its libraries are used
    if not root.exists():
        _unpack([f"{p}/{BACKPORTS}" for p in QEMU_PACKAGES], root, _backports(directory))
    share = root / "usr/share"
    return ([str(root / "usr/bin/qemu-system-x86_64"), "-L", str(share / "qemu"), "-L", str(share / "seabios")],
            {"QEMU_MODULE_DIR": str(root / "usr/lib/x86_64-linux-gnu/qemu")})  # or it would load the installed one's


def _backports(directory):
    """apt's options for the backports alone, so that nothing of this machine's configuration changes."""
    apt = pathlib.Path(directory, "apt")
    for part in ("lists/partial", "cache/archives/partial"):
        (apt / part).mkdir(parents=True, exist_ok=True)
    targets = _run("apt-get", "indextargets", "--format", "$(REPO_URI) $(ORIGIN) $(CODENAME)", "Created-By: Packages")
    mirrors = [line.split()[0] for line in targets.splitlines() if line.split()[1:] == ["Debian", "bookworm"]]
    if not mirrors:
        raise Missing("no Debian 12 among apt's sources, so none of its backports")
    (apt / "sources.list").write_text(f"deb [signed-by={BACKPORTS_KEY}] {mirrors[0]} {BACKPORTS} main\n")
    options = [f"-oDir::Etc::SourceList={apt}/sources.list", "-oDir::Etc::SourceParts=/dev/null",
               f"-oDir::State::Lists={apt}/lists", f"-oDir::Cache={apt}/cache"]
    _run("apt-get", "-qq", "-o", "APT::Sandbox::User=root", *options, "update", env={**os.environ, "LC_ALL": "C"})
    return options
