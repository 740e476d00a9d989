"""``export``: write the tree of a share, or of one of its directories, to a file.

Exit codes: 0 it is written; 1 it is not, and a file that was there before is as it was.
"""

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import psycopg

from localdev.launcher.place import Place
from shared.db import export as db
from shared.db import shares, tenants
from shared.db.pool import Connection
from shared.errors import BackupError, NotFound
from shared.formats.node_parquet import ParquetEncoder
from shared.formats.node_table import CsvEncoder, Encoder
from shared.model.share import Share

ENCODERS: Mapping[str, Callable[[], Encoder]] = {"csv": CsvEncoder, "parquet": ParquetEncoder}
STDOUT = "-"


def export(place: Place, chosen: argparse.Namespace) -> int:
    """Do what the command line says, and tell on standard error what was done."""
    started = time.monotonic()
    try:
        encoder = _encoder(chosen.format, chosen.output)
        url = chosen.url or _url_of(place)
        with _target(chosen.output) as file:
            nodes, size_bytes = asyncio.run(_write(url, chosen, encoder, file))
    except BrokenPipeError:
        # Whoever read has seen enough. Python would complain once more when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        return _complain("interrupted")
    except (BackupError, psycopg.Error, OSError, ValueError) as problem:
        return _complain(str(problem).strip())
    seconds = time.monotonic() - started
    print(f"{nodes:,} nodes, {size_bytes:,} bytes, {seconds:.1f} s", file=sys.stderr)
    return 0


async def _write(url: str, chosen: argparse.Namespace, encoder: Encoder, file: BinaryIO) -> tuple[int, int]:
    size_bytes = 0
    async with await Connection.connect(url, application_name="azure-files-backup export") as conn:
        await db.freeze(conn)
        share = await _share(conn, chosen.tenant, chosen.share)
        at = chosen.path if chosen.node is None else chosen.node
        below = await db.directory(conn, share.share_id, at)
        async with db.nodes(conn, share.share_id, encoder, below=below) as stream:
            async for piece in stream:
                size_bytes += len(piece)
                file.write(piece)
            file.flush()
            return stream.nodes, size_bytes


async def _share(conn: Connection, tenant_id: str, wanted: str) -> Share:
    """The tenant's share of this number, or else of this name."""
    tenant = await tenants.get(conn, tenant_id)
    found = await shares.of_tenant(conn, tenant.tenant_id)
    for share in found:
        if str(share.share_id) == wanted:
            return share
    for share in found:
        if share.name == wanted:
            return share
    there = ", ".join(f"{share.share_id} ({share.name})" for share in found) or "none"
    raise NotFound(f"tenant {tenant_id!r} has no share {wanted!r}; its shares: {there}")


def _encoder(given: str | None, output: str) -> Encoder:
    name = given or Path(output).suffix.removeprefix(".").lower()
    if name not in ENCODERS:
        endings = " or ".join(f".{ending}" for ending in sorted(ENCODERS))
        raise ValueError(f"cannot tell the format of {output!r}; expected a name that ends in {endings}, or --format")
    return ENCODERS[name]()


def _url_of(place: Place) -> str:
    state = place.running
    if state is None:
        raise ValueError(f"nothing runs on {place.data}; expected a running stack (python -m localdev up), or --url")
    return state.settings["AFB_POSTGRES_URL"]


@contextmanager
def _target(output: str) -> Iterator[BinaryIO]:
    """Where to write. A file gets its name when it is whole; what is no file, such as a pipe, is written as it is."""
    path = Path(output).resolve()
    if output == STDOUT:
        yield sys.stdout.buffer
    elif path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
    else:
        unfinished = path.with_name(f"{path.name}.unfinished")
        try:
            with unfinished.open("wb") as file:
                yield file
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)


def _complain(problem: str) -> int:
    print(f"error: {problem}", file=sys.stderr)
    return 1
