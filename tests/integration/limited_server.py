#!/usr/bin/env python3
"""An HTTP server that takes a known number of connections per second: a target whose capacity a search can find.

    limited_server.py ADDRESS PORT RATE refuse|delay

It answers one request per connection. A bucket gets RATE tokens per second and holds those of 20 ms; each connection takes one.
Without a token, `refuse` resets the connection and `delay` lets it wait in the backlog. Prints "listening"."""

import select
import socket
import struct
import sys
import time

BURST_S = 0.02
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
RESET = struct.pack("ii", 1, 0)  # SO_LINGER of no time: close() sends RST


class Bucket:
    def __init__(self, rate):
        self._rate, self._most = rate, max(1.0, rate * BURST_S)
        self._tokens, self._at = self._most, time.monotonic()

    def take(self):
        now = time.monotonic()
        self._tokens = min(self._most, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def serve(address, port, rate, delays):
    listener = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(1024)
    listener.setblocking(False)
    poller = select.epoll()
    poller.register(listener, select.EPOLLIN)
    bucket, clients = Bucket(rate), {}
    print("listening", flush=True)
    has_token = False  # `delay`: taken for the next connection
    while True:
        for fd, _ in poller.poll(0.001 if delays and not has_token else -1):
            if fd != listener.fileno():
                answer(clients, poller, fd)
                continue
            while True:
                has_token = has_token or bucket.take()
                if delays and not has_token:
                    time.sleep(0.0005)
                    break
                try:
                    client, _ = listener.accept()
                except BlockingIOError:
                    break
                if not has_token:
                    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                    client.close()
                    continue
                has_token = False
                client.setblocking(False)
                clients[client.fileno()] = client
                poller.register(client, select.EPOLLIN)


def answer(clients, poller, fd):
    """The request came, or the client's FIN."""
    try:
        request = clients[fd].recv(4096)
        if request:
            clients[fd].sendall(ANSWER)
            return
    except OSError:
        pass
    poller.unregister(fd)
    clients.pop(fd).close()


if __name__ == "__main__":
    serve(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4] == "delay")
