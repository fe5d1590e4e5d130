"""Many kernel sockets at once towards an echo server, every byte compared."""

import random
import select
import socket
import time

from family import family_of

# One block of noise; connection i sends the part that starts at its own offset, so no two send the same.
_NOISE_BYTES = 4 << 20
_STRIDE = 1009


class _Client:
    def __init__(self, sock, expected):
        self.sock = sock
        self.expected = expected
        self.sent = 0
        self.received = 0
        self.ended = False


def exchange(namespace, address, port, connections, size, timeout=120.0, seed=1):
    """Opens all connections first, then sends `size` bytes on each and half-closes; returns the list of what went wrong.

    Right is: the same bytes back, then the end of the stream."""
    noise = random.Random(seed).randbytes(_NOISE_BYTES)
    clients = {}
    wrong = []
    for i in range(connections):
        start = i * _STRIDE % (_NOISE_BYTES - size)
        sock = namespace.socket(family=family_of(address))
        sock.setblocking(False)
        sock.connect_ex((address, port))
        clients[sock.fileno()] = _Client(sock, memoryview(noise)[start:start + size])

    poll = select.epoll()
    end = time.monotonic() + timeout
    try:
        _wait_all_open(poll, clients, wrong, end)
        for fd in list(clients):
            poll.modify(fd, select.EPOLLIN | select.EPOLLOUT)
        while clients:
            events = poll.poll(1.0)
            if time.monotonic() > end:
                wrong += [f"{_name(c)}: {c.sent} sent, {c.received} back after {timeout:g} s" for c in clients.values()]
                break
            for fd, event in events:
                client = clients.get(fd)
                try:
                    if event & select.EPOLLOUT and _send(client):
                        poll.modify(fd, select.EPOLLIN)
                    problem = _receive(client) if event & (select.EPOLLIN | select.EPOLLHUP | select.EPOLLERR) else None
                except OSError as error:
                    problem = f"{error.strerror} after {client.sent} sent, {client.received} back"
                if problem:
                    wrong.append(f"{_name(client)}: {problem}")
                if problem or client.ended:
                    poll.unregister(fd)
                    client.sock.close()
                    del clients[fd]
    finally:
        poll.close()
        for client in clients.values():
            client.sock.close()
    return wrong


def _wait_all_open(poll, clients, wrong, end):
    opening = dict(clients)
    for fd in opening:
        poll.register(fd, select.EPOLLOUT)
    while opening and time.monotonic() < end:
        for fd, _ in poll.poll(1.0):
            client = opening.pop(fd, None)
            if client is None:
                continue
            error = client.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            poll.modify(fd, 0)
            if error:
                wrong.append(f"connect: {error}")
                poll.unregister(fd)
                clients.pop(fd).sock.close()
    for fd, client in opening.items():
        wrong.append("connect: no answer")
        poll.unregister(fd)
        clients.pop(fd).sock.close()


def _name(client):
    try:
        return "port %d" % client.sock.getsockname()[1]
    except OSError:
        return "closed socket"


def _send(client):
    """True when all is sent and the sending side is closed."""
    if client.sent < len(client.expected):
        client.sent += client.sock.send(client.expected[client.sent:client.sent + (256 << 10)])
    if client.sent == len(client.expected):
        client.sock.shutdown(socket.SHUT_WR)
        return True
    return False


def _receive(client):
    """None, or what is wrong."""
    data = client.sock.recv(256 << 10)
    if not data:
        client.ended = True
        if client.received != len(client.expected):
            return f"end of the stream after {client.received} of {len(client.expected)} bytes"
        return None
    if client.received + len(data) > len(client.expected):
        return f"more bytes back than sent ({client.sent})"
    if client.expected[client.received:client.received + len(data)] != data:
        return f"other bytes than sent, in {client.received}..{client.received + len(data)}"
    client.received += len(data)
    return None
