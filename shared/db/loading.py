"""Fill a share's tree from elsewhere, by COPY: a rebuild from the vault, a synthetic tree."""

from collections.abc import Iterable
from typing import Final, LiteralString

from shared.db import rollups
from shared.db.pages import partition_sql, signed
from shared.db.pool import Connection
from shared.formats import packed
from shared.model.page import Page

_COPY: Final[LiteralString] = (
    "COPY {page} (page_id, parent_id, file_id, share_id, name, names, packed) FROM STDIN (FORMAT BINARY)"
)
_TYPES: Final = ("int8", "int8", "int8", "int4", "text", "text", "bytea")


async def load(conn: Connection, share_id: int, rows: Iterable[Page]) -> int:
    """Insert ``rows``, none of which may exist, as they come; return how many. Memory does not grow with their number.

    At the end the roll-ups are counted from the whole tree.

    :raises Conflict: a page is there already; nothing is inserted then.
    """
    count = 0
    async with conn.cursor() as cursor, cursor.copy(partition_sql(_COPY, share_id)) as copy:
        copy.set_types(_TYPES)
        for page in rows:
            file_id = None if page.file_id is None else signed(page.file_id)
            row = (page.directory_id | page.page_no, page.parent_id, file_id, share_id, page.name, *packed.pack(page))
            await copy.write_row(row)
            count += 1
    await rollups.count(conn, share_id)
    return count
