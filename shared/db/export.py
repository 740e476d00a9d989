"""The tree as a stream: every node of a share, or of what is below one of its directories, as the bytes of a table.

Postgres writes CSV itself (COPY), a row a message, so no value becomes a Python object; what makes a file of the rows is an
encoder of :mod:`shared.formats`. Memory is one piece and what the encoder holds, whatever the size of the share: a reader that
is slow makes the server wait, and with it the transaction, whose snapshot keeps dead rows of *every* share from being
vacuumed. For Parquet, too: a binary server-side cursor takes a second per million nodes more than COPY and Arrow's CSV parser,
because the server waits between batches, and uses its workers for no cursor.

Order of calls: :func:`freeze` first, so that all that follows is of one moment; :func:`directory` for what it may refuse, before
the first byte is sent; :func:`nodes` last::

    async with app.transaction() as conn:
        await export.freeze(conn)
        share = await shares.get(conn, share_id, tenant_id)
        top = await export.directory(conn, share.share_id, "plans/2031")
        async with export.nodes(conn, share.share_id, CsvEncoder(), below=top) as stream:
            async for piece in stream:
                ...
"""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Final, LiteralString

from psycopg import sql
from psycopg.abc import PQGen
from psycopg.generators import copy_from

from shared.db.pages import choose_share
from shared.db.pool import Connection
from shared.errors import NotFound
from shared.formats.node_table import Encoder
from shared.model.node import ROOT_ID, is_directory

PIECE_BYTES: Final = 1024 * 1024
"""Rows that are encoded at once: 5 ms of parsing for Parquet, so that handing it to a thread costs next to nothing."""

_FREEZE: Final[LiteralString] = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
# The second: a reader may well take minutes for what was on its way when the server had sent the last row.
_TAKE_TIME: Final[LiteralString] = "SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0"
_NODE_AT: Final[LiteralString] = "SELECT node_at(%s)"
_NODE_PATH: Final[LiteralString] = "SELECT node_path(%s)"
_SHARE: Final[LiteralString] = """
    COPY (SELECT node_id, parent_id, name, size, mtime, hash FROM node)
      TO STDOUT (FORMAT CSV, ENCODING 'UTF8')
"""
_BELOW: Final[LiteralString] = """
    COPY (SELECT node_id, parent_id, name, size, mtime, hash FROM nodes_below({directory}))
      TO STDOUT (FORMAT CSV, ENCODING 'UTF8')
"""


class Stream:
    """The bytes of one file, to be read once. ``nodes`` is how many were read so far."""

    def __init__(self, conn: Connection, encoder: Encoder, thread: Executor) -> None:
        self.nodes = 0
        self._conn = conn
        self._encoder = encoder
        self._thread = thread
        self._ended = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        # Encoding takes milliseconds and lets go of the interpreter; the loop has others to serve.
        in_thread = asyncio.get_running_loop().run_in_executor
        while rows := await self._conn.wait(self._read()):
            if piece := await in_thread(self._thread, self._encoder.add, rows):
                yield piece
        if piece := await in_thread(self._thread, self._encoder.finish):
            yield piece

    def _read(self) -> PQGen[bytes]:
        """The next rows; nothing after the last.

        What the driver's own loop over a COPY does, but it comes back once a piece and not once a row: half the time of a
        million rows, 0.7 seconds.
        """
        rows = bytearray()
        while not self._ended and len(rows) < PIECE_BYTES:
            row = yield from copy_from(self._conn.pgconn)
            if isinstance(row, memoryview):
                rows += row
                self.nodes += 1
            else:
                self._ended = True
        return bytes(rows)


async def freeze(conn: Connection) -> None:
    """Have the transaction, in which nothing was asked yet, see the catalogue of one moment, and write nothing."""
    await conn.execute(_FREEZE)


async def directory(conn: Connection, share_id: int, at: int | str) -> int:
    """Node id of the live directory with this node id or at this path; the root always is there.

    :param at: names with ``/`` between them, exactly as they are spelled; one at either end makes no difference.
    :raises NotFound: there is no such node, or it is a file.
    """
    await choose_share(conn, share_id)
    if isinstance(at, int):
        node_id, path = at, await _path(conn, at)
        if path is None:
            raise NotFound(f"share {share_id} has no node {at}")
    else:
        path = at.strip("/")
        found = await _node(conn, path)
        if found is None:
            raise NotFound(f"share {share_id} has nothing at {path!r}")
        node_id = found
    if not is_directory(node_id):
        raise NotFound(f"node {node_id} of share {share_id} is the file {path!r}; expected a directory")
    return node_id


async def _path(conn: Connection, node_id: int) -> str | None:
    if node_id == ROOT_ID:
        return ""
    if not 0 <= node_id < 1 << 63:
        return None
    row = await (await conn.execute(_NODE_PATH, [node_id])).fetchone()
    return row[0] if row else None


async def _node(conn: Connection, path: str) -> int | None:
    try:
        path.encode()
    except UnicodeEncodeError:
        return None
    if "\0" in path:
        return None
    row = await (await conn.execute(_NODE_AT, [path])).fetchone()
    return row[0] if row else None


@asynccontextmanager
async def nodes(conn: Connection, share_id: int, encoder: Encoder, *, below: int = ROOT_ID) -> AsyncIterator[Stream]:
    """The share's live nodes, or those of the directory ``below`` and itself, as a file; in no order that could be relied on.

    Leaving the block before the end stops the query; the transaction can only be ended then. A share without a backup has no
    nodes, and a file of none.
    """
    await choose_share(conn, share_id)
    await conn.execute(_TAKE_TIME)
    text = sql.SQL(_SHARE) if below == ROOT_ID else sql.SQL(_BELOW).format(directory=sql.Literal(below))
    # A thread of its own, always the same: over several, what Arrow's allocator keeps for each adds up to twice the memory.
    with ThreadPoolExecutor(1, "export") as thread:
        async with conn.cursor() as cursor, cursor.copy(text) as copy:
            try:
                yield Stream(conn, encoder, thread)
            finally:
                # By itself it only does so after an error. Whatever is passed counts as one.
                await copy.finish(GeneratorExit())
