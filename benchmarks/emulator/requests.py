"""The requests that are measured, as bytes."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from benchmarks.emulator.signing import ACCOUNT, VERSION, account_sas, shared_key_headers
from benchmarks.emulator.wire import Exchange, head

PAGE_ENTRIES = 5_000
RANGE_BYTES = 4 * 1024 * 1024
SMALL_BYTES = 1024
ALL_INCLUDES = "restype=directory&comp=list&include=Timestamps,ETag,Attributes,PermissionKey"

_SMALL_COPIES = SMALL_BYTES // 8


@dataclass(frozen=True, slots=True)
class Requests:
    """Makes requests for one server and share; all but those named otherwise carry one account SAS."""

    port: int
    share: str
    sas: str

    @classmethod
    def to(cls, port: int, share: str) -> "Requests":
        """Return a maker of requests whose signature holds for some hours."""
        return cls(port, share, account_sas())

    def plain(
        self,
        method: str,
        path: str,
        query: str = "",
        headers: Mapping[str, str] | None = None,
        body: bytes | memoryview = b"",
        *,
        status: int = 200,
        content: bytes | memoryview | None = None,
    ) -> Exchange:
        """Return a request for ``path`` below the share, percent-encoded where it must be."""
        target = f"{self._path(path)}?{query}{'&' if query else ''}{self.sas}"
        ours = {"Host": self._host, "x-ms-version": VERSION, **(headers or {})}
        if method == "PUT":
            ours["Content-Length"] = str(len(body))
        return Exchange(head(method, target, ours), body, status, content)

    def create_share(self) -> Exchange:
        """Return the creation of the share."""
        return self.plain("PUT", "", "restype=share", status=201)

    def make_directory(self, path: str) -> Exchange:
        """Return the creation of a directory."""
        return self.plain("PUT", path, "restype=directory", status=201)

    def create_small(self, number: int, times: Mapping[str, str] | None = None) -> Exchange:
        """Return the creation of a small file with its content in one request; 5,000 numbers share a directory."""
        headers = {"x-ms-type": "file", "x-ms-content-length": str(SMALL_BYTES), **(times or {})}
        return self.plain("PUT", small_path(number), "", headers, small_content(number), status=201)

    def get_small(self, number: int) -> Exchange:
        """Return the reading of a small file."""
        return self.plain("GET", small_path(number), content=small_content(number))

    def get_small_by_key(self, number: int) -> Exchange:
        """Return the same, signed by SharedKey, as most clients do."""
        path = self._path(small_path(number))
        return Exchange(head("GET", path, shared_key_headers("GET", path, self._host)), b"", 200, small_content(number))

    def create_empty(self, path: str, size: int) -> Exchange:
        """Return the creation of a file without content."""
        return self.plain("PUT", path, "", {"x-ms-type": "file", "x-ms-content-length": str(size)}, status=201)

    def put_range(self, path: str, number: int) -> Exchange:
        """Return the writing of the ``number``-th 4 MiB of a file."""
        headers = {"x-ms-range": _range(number), "x-ms-write": "update"}
        return self.plain("PUT", path, "comp=range", headers, range_content(number), status=201)

    def get_range(self, path: str, number: int) -> Exchange:
        """Return the reading of the ``number``-th 4 MiB of a file."""
        headers = {"x-ms-range": _range(number)}
        return self.plain("GET", path, "", headers, status=206, content=range_content(number))

    def list_page(self, path: str, marker: str = "") -> Exchange:
        """Return the listing of a page with all includes."""
        return self.plain("GET", path, ALL_INCLUDES + (f"&marker={quote(marker, safe='')}" if marker else ""))

    @property
    def _host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def _path(self, path: str) -> str:
        return f"/{ACCOUNT}/{self.share}" + (f"/{path}" if path else "")


def small_path(number: int) -> str:
    """Return where a small file is."""
    return f"d{number // PAGE_ENTRIES:04d}/file-{number:08d}.txt"


def small_content(number: int) -> bytes:
    """Return what is in a small file: like that in no other."""
    return number.to_bytes(8, "big") * _SMALL_COPIES


def range_content(number: int) -> memoryview:
    """Return what is in the ``number``-th range of the big file: a view of random bytes, from another place each time."""
    start = number * 4_099 % RANGE_BYTES
    return memoryview(_noise())[start : start + RANGE_BYTES]


@cache
def _noise() -> bytes:
    return random.Random(20).randbytes(2 * RANGE_BYTES)


def _range(number: int) -> str:
    return f"bytes={number * RANGE_BYTES}-{(number + 1) * RANGE_BYTES - 1}"
