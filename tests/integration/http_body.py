"""The bodies that `synfin serve --app http` sends: the alphabet, begun again every 64 KiB, and objects by size."""

import hashlib

_CHUNK = bytes(ord("a") + i % 26 for i in range(65536))


def sha256_of_body(size):
    digest = hashlib.sha256()
    many = _CHUNK * 16
    while size >= len(many):
        digest.update(many)
        size -= len(many)
    digest.update(many[:size])
    return digest.hexdigest()


def object_by_size(size):
    """The body of /size/N: docs/load-content.md has the pattern."""
    def byte_at(n):
        z = (n % 65537 + 1) * 0x9E3779B97F4A7C15 % 2**64
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 % 2**64
        z = (z ^ z >> 27) * 0x94D049BB133111EB % 2**64
        return (z ^ z >> 31) >> 56
    return bytes(byte_at(n) for n in range(size))
