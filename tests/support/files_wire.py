"""Requests to the Azure Files emulator as bytes on a socket, and what comes back byte by byte."""

import select
import socket
import time

from tests.support.files_emulator import ACCOUNT, signed, target


def request_bytes(method, path, query=None, headers=None, body=b""):
    """Return a signed request as it goes over the wire."""
    path = f"/{ACCOUNT}/{path}"
    found = signed(method, path, query or {}, headers or {}, body, "127.0.0.1")
    lines = [f"{method} {target(path, query)} HTTP/1.1", *(f"{name}: {value}" for name, value in found.items())]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Wire:
    """One connection; a request is sent at once if there is one."""

    def __init__(self, emulator, *request, receive_bytes=None):
        self.socket = socket.socket()
        if receive_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", emulator.port))
        self._left = b""
        if request:
            self.send(request_bytes(*request))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def is_silent(self, seconds=0.1):
        return not self._left and not select.select([self.socket], [], [], seconds)[0]

    def read_to_end(self):
        found, self._left = self._left, b""
        while piece := self.socket.recv(65536):
            found += piece
        return found

    def read(self, size):
        found, self._left = self._left[:size], self._left[size:]
        while len(found) < size and (piece := self.socket.recv(size - len(found))):
            found += piece
        return found

    def read_head(self):
        found = self._left
        while b"\r\n\r\n" not in found and (piece := self.socket.recv(65536)):
            found += piece
        head, _, self._left = found.partition(b"\r\n\r\n")
        return head + b"\r\n\r\n"

    def read_answer(self):
        """Return the head and the body of the next answer."""
        head = self.read_head()
        length = int(head.partition(b"Content-Length: ")[2].partition(b"\r")[0])
        return head, self.read(length)


def until(condition):
    """Wait for what is bound to happen."""
    while not condition():
        time.sleep(0.01)
