"""The guests' only file system: a cpio archive in the kernel's "newc" form, written here, so that it needs neither root nor a tool.

Programs keep the path that they have on this machine, with every library that they need: what ldd says is true in the guest too.
"""

import os
import pathlib
import stat
import subprocess


class Archive:
    def __init__(self, path):
        self._out = open(path, "wb")
        self._names = set()
        self._inode = 0
        for directory in ("usr/bin", "usr/sbin", "usr/lib", "usr/lib64", "dev", "proc", "sys", "tmp", "run", "etc"):
            self.directory(directory)
        # Debian's layout, or an absolute path would mean something else in the guest.
        for name in ("bin", "sbin", "lib", "lib64"):
            self._entry(name, stat.S_IFLNK | 0o777, f"usr/{name}".encode())
        # The kernel gives process 1 its streams only when the console is there before anything is mounted.
        self._entry("dev/console", stat.S_IFCHR | 0o600, b"", device=(5, 1))

    def _entry(self, name, mode, content, device=(0, 0)):
        self._inode += 1
        fields = (self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08X" % field for field in fields) + name.encode() + b"\0"
        self._out.write(head + bytes(-len(head) % 4) + content + bytes(-len(content) % 4))

    def directory(self, name):
        parts = pathlib.PurePosixPath(name.lstrip("/")).parts
        for depth in range(1, len(parts) + 1):
            path = "/".join(parts[:depth])
            if path not in self._names:
                self._names.add(path)
                self._entry(path, stat.S_IFDIR | 0o755, b"")

    def write(self, name, content, mode=0o644):
        """One file with this content; the first of a name counts."""
        name = self._in_usr(name)
        if name in self._names:
            return
        self.directory(os.path.dirname(name))
        self._names.add(name)
        self._entry(name, stat.S_IFREG | mode, content)

    def add(self, source, name=None):
        """A file of this machine, at its own path or another. Links stay links: DPDK would load a driver twice that it
        finds as two files."""
        source = str(source)
        name = self._in_usr(name or source)
        if os.path.islink(source):
            if name in self._names:
                return
            self.directory(os.path.dirname(name))
            self._names.add(name)
            self._entry(name, stat.S_IFLNK | 0o777, os.readlink(source).encode())
            self.add(os.path.join(os.path.dirname(source), os.readlink(source)))
        else:
            self.write(name, pathlib.Path(source).read_bytes(), 0o755)

    @staticmethod
    def _in_usr(name):
        name = os.path.normpath(name).lstrip("/")
        return "usr/" + name if name.split("/")[0] in ("bin", "sbin", "lib", "lib64") else name

    def program(self, source, name=None):
        """A program or library with the libraries that it needs."""
        self.add(source, name)
        said = subprocess.run(["ldd", str(source)], capture_output=True, text=True, check=False).stdout
        for line in said.splitlines():
            words = line.split()
            path = words[2] if "=>" in words and len(words) > 2 else words[0]
            if path.startswith("/"):
                self.add(path)

    def close(self):
        self._entry("TRAILER!!!", 0, b"")
        self._out.close()
