"""Kernel clients that compare every byte of an HTTP body."""

import selectors
import time

from rig import LIMIT

_BODY = bytes(ord("a") + i % 26 for i in range(65536))  # begun again every 64 KiB: see http_body
_REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def body(size):
    return (_BODY * (size // len(_BODY) + 1))[:size]


def wrong_with(answer, size):
    head, _, content = answer.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        return f"no 200: {head[:60]!r}"
    if content != body(size):
        return f"{len(content)} bytes instead of {size}, or others"
    return None


def fetch(namespace, size):
    """One GET on a connection of its own; what went wrong, or None."""
    with namespace.connect(80, timeout=LIMIT) as s:
        s.sendall(_REQUEST)
        answer = b""
        while chunk := s.recv(1 << 20):
            answer += chunk
    return wrong_with(answer, size)


def fetch_at_once(namespace, count, size, timeout=90.0):
    """`count` connections, all opened before any is read; what went wrong, a line each."""
    waiting = selectors.DefaultSelector()
    answers = {}
    for _ in range(count):
        s = namespace.socket()
        s.setblocking(False)
        s.connect_ex((namespace.family.synfin, 80))
        answers[s] = b""
        waiting.register(s, selectors.EVENT_WRITE)
    end = time.monotonic() + timeout
    wrong = []
    while waiting.get_map() and time.monotonic() < end:
        for key, events in waiting.select(1.0):
            s = key.fileobj
            try:
                if events & selectors.EVENT_WRITE:
                    s.send(_REQUEST)
                    waiting.modify(s, selectors.EVENT_READ)
                    continue
                chunk = s.recv(1 << 20)
            except OSError as error:
                wrong.append(str(error))
                waiting.unregister(s)
                continue
            answers[s] += chunk
            if not chunk:
                waiting.unregister(s)
    wrong += [f"not within {timeout:g} s" for _ in waiting.get_map()]
    wrong += [problem for problem in (wrong_with(answer, size) for answer in answers.values()) if problem]
    for s in answers:
        s.close()
    return wrong
