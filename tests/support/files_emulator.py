"""Talk to the Azure Files emulator: as a process of its own, or in this one without a socket.

The signer here is written from the protocol's description and shares no code with the emulator's verifier.
"""

import base64
import hmac
import http.client
import json
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from typing import IO
from urllib.parse import quote

from localdev.files_emulator.account import Account
from localdev.files_emulator.control import Control
from localdev.files_emulator.http1 import Connection
from localdev.files_emulator.service import Service
from localdev.files_emulator.store import MemoryStore, Store
from tests.support.files_control import ControlClient

ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass
class Answer:
    """A reply, header names in lower case."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes

    @property
    def code(self):
        return self.headers.get("x-ms-error-code", "")


@dataclass
class Running:
    """An emulator process; ``certificate`` is what a client must trust to reach it by https, if that is how."""

    process: subprocess.Popen
    url: str
    port: int
    control_url: str
    certificate: Path | None = None
    raw: "RawClient" = field(init=False)
    control: ControlClient = field(init=False)

    def __post_init__(self):
        self.raw = RawClient(self.port, self.certificate)
        self.control = ControlClient(self.control_url)

    def kill(self):
        self.process.kill()
        self.process.wait()


@contextmanager
def running(*arguments: str, stderr: IO[bytes] | None = None) -> Iterator[Running]:
    """Start an emulator on a free port; stop it, by its process id, at the end.

    With "--tls" its ``url`` is https, and ``certificate`` the file that clients must trust.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "localdev.files_emulator", "--port", "0", *arguments],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    )
    emulator = None
    try:
        line = process.stdout.readline()
        url = line.split()[-1] if line else ""
        assert url.startswith("http"), f"the emulator did not start: {line!r}"
        control_url = process.stdout.readline().split()[-1]
        certificate = Path(process.stdout.readline().split()[-1]) if url.startswith("https") else None
        emulator = Running(process, url, int(url.split(":")[2].split("/")[0]), control_url, certificate)
        yield emulator
    finally:
        if emulator is not None:
            emulator.raw.close()
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        process.wait(10)
        process.stdout.close()


def signed(method, path, query, headers, body, host):
    """Return the headers of a SharedKey request; ``path`` as it will be sent, ``query`` decoded."""
    found = {"Host": host, "x-ms-date": formatdate(usegmt=True), "x-ms-version": "2026-10-06", **headers}
    found.setdefault("Content-Length", str(len(body)))
    lower = {name.lower(): value for name, value in found.items()}
    length = "" if lower["content-length"] == "0" else lower["content-length"]
    fields = [method, lower.get("content-encoding", ""), lower.get("content-language", ""), length]
    fields += [lower.get(name, "") for name in ("content-md5", "content-type")] + [""]
    conditions = ("if-modified-since", "if-match", "if-none-match", "if-unmodified-since", "range")
    fields += [lower.get(name, "") for name in conditions]
    fields += [f"{name}:{value.strip()}" for name, value in sorted(lower.items()) if name.startswith("x-ms-")]
    resource = f"/{ACCOUNT}{path}" + "".join(f"\n{name.lower()}:{value}" for name, value in sorted(query.items()))
    text = "\n".join([*fields, resource])
    signature = base64.b64encode(hmac.digest(base64.b64decode(KEY), text.encode(), "sha256")).decode()
    return {**found, "Authorization": f"SharedKey {ACCOUNT}:{signature}"}


def target(path, query):
    """Return the request target of a decoded query."""
    return path + ("?" + "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items()) if query else "")


class _Verbs:
    """Requests by what they do; ``path`` begins with the share and is percent-encoded by the caller if need be."""

    def send(self, method, path, query=None, headers=None, body=b"", *, sign=True):
        raise NotImplementedError

    def create_share(self, share):
        assert self.send("PUT", share, {"restype": "share"}).status == 201

    def make_directory(self, path):
        assert self.send("PUT", path, {"restype": "directory"}).status == 201

    def put(self, path, body=b"", headers=None, size=None):
        size = len(body) if size is None else size
        return self.send(
            "PUT", path, {}, {"x-ms-type": "file", "x-ms-content-length": str(size), **(headers or {})}, body
        )

    def get(self, path, query=None, headers=None):
        return self.send("GET", path, query, headers)

    def list(self, path, **query):
        return self.send("GET", path, {"restype": "directory", "comp": "list", **query})

    def sddl(self, share, key):
        """The descriptor filed under ``key``, with the SACL that Create Permission adds and a new file lacks."""
        query = {"restype": "share", "comp": "filepermission"}
        answer = self.get(share, query, {"x-ms-file-permission-key": key})
        assert answer.status == 200, answer.code
        text = json.loads(answer.body)["permission"]
        return text if "S:" in text else f"{text}S:NO_ACCESS_CONTROL"

    def snapshot(self, share):
        answer = self.send("PUT", share, {"restype": "share", "comp": "snapshot"})
        assert answer.status == 201
        return answer.headers["x-ms-snapshot"]


class RawClient(_Verbs):
    """Requests over a socket; https if there is a certificate to trust."""

    def __init__(self, port, certificate=None):
        self.port = port
        if certificate is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        else:
            context = ssl.create_default_context(cafile=certificate)
            self._connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)

    def close(self):
        self._connection.close()

    def send(self, method, path, query=None, headers=None, body=b"", *, sign=True):
        path, query = f"/{ACCOUNT}/{path}", query or {}
        host = f"127.0.0.1:{self.port}"
        found = signed(method, path, query, headers or {}, body, host) if sign else {"Host": host, **(headers or {})}
        self._connection.request(method, target(path, query), body or None, found)
        reply = self._connection.getresponse()
        content = reply.read()
        return Answer(reply.status, reply.reason, {n.lower(): v for n, v in reply.getheaders()}, content)


class _Transport:
    """Collects what a connection writes."""

    def __init__(self, tls):
        self.written = bytearray()
        self.closed = False
        self.tls = tls

    def get_extra_info(self, name):
        if name == "ssl_object":
            return self.tls or None
        return ("127.0.0.1", 1) if name == "peername" else None

    def set_write_buffer_limits(self, high):
        pass

    def is_closing(self):
        return self.closed

    def write(self, data):
        self.written += data

    def close(self):
        self.closed = True

    abort = close

    def pause_reading(self):
        pass

    def resume_reading(self):
        pass


class InProcess(_Verbs):
    """Requests straight into a connection: no socket, no event loop, so only for replies that are not streamed."""

    def __init__(
        self,
        account: Account | None = None,
        store: Store | None = None,
        control: Control | None = None,
        *,
        tls=False,
        **options,
    ):
        self.account = account or Account()
        self.control = control or Control()
        self.service = Service(self.account, store or MemoryStore(), self.control, **options)
        self.tls = tls

    def bytes(self, *pieces: bytes) -> bytes:
        """Return what a new connection answers to bytes that arrive in these pieces."""
        transport = _Transport(self.tls)
        connection = Connection(self.service.handle, set())
        connection.connection_made(transport)
        for piece in pieces:
            if not transport.closed:
                connection.data_received(piece)
        return bytes(transport.written)

    def send(self, method, path, query=None, headers=None, body=b"", *, sign=True):
        path, query = f"/{ACCOUNT}/{path}", query or {}
        found = (
            signed(method, path, query, headers or {}, body, "127.0.0.1") if sign else {"Host": "h", **(headers or {})}
        )
        if body or method == "PUT":
            found.setdefault("Content-Length", str(len(body)))
        lines = [f"{method} {target(path, query)} HTTP/1.1", *(f"{name}: {value}" for name, value in found.items())]
        return parse("\r\n".join(lines).encode() + b"\r\n\r\n" + body, self.bytes)


def parse(request: bytes, exchange) -> Answer:
    """Return the one answer to ``request``."""
    head, _, body = exchange(request).partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    _, status, reason = first.split(" ", 2)
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return Answer(int(status), reason, headers, body)
