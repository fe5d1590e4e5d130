"""The body that `synfin serve --app http` sends: the alphabet, begun again every 64 KiB."""

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
