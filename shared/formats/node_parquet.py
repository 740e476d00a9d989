"""The table of nodes (:mod:`shared.formats.node_table`) as a Parquet file that is written front to back.

::

    node_id    int64    required
    parent_id  int64                   NULL: the root
    name       string   required
    size       int64                   bytes; NULL: a directory
    mtime      int64    required       Unix seconds
    hash       int64                   NULL: a directory without a fingerprint

``mtime`` is a number and no timestamp because Parquet has none of seconds: it would be stored as milliseconds, so a query
would have to be written twice, for the view and for the file; and the catalogue holds times that the readers' own
do not (pandas' end in 2262, Python's in 9999). ``to_timestamp(mtime)`` makes one of it in Postgres and in DuckDB. ``hash``
is signed for the same reason: joined with the view or with the CSV, equal files are equal.

Columns are plain and compressed with zstd. Dictionaries are off: names and hashes hardly repeat, and trying them first took
three times as long and made the file a third larger (a million nodes: 31 MB, and 23 MB without; as CSV 84 MB).

Memory is a few row groups, 70 MB, and what the footer will say of those that were written: 5 kB each, 40 MB for a billion nodes.
"""

import io
from typing import Final

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from shared.errors import IntegrityError
from shared.formats.node_table import COLUMNS

GROUP_ROWS: Final = 131_072
"""Rows of a row group, or a few more: what readers skip by and read side by side. They advise 100,000 to a million."""

GROUP_CSV_BYTES: Final = 32 * 1024 * 1024
"""A row group ends earlier when its rows are this long: names of 255 letters would make it ten times as large."""

_SCHEMA: Final = pa.schema(
    [
        pa.field("node_id", pa.int64(), nullable=False),
        pa.field("parent_id", pa.int64()),
        pa.field("name", pa.string(), nullable=False),
        pa.field("size", pa.int64()),
        pa.field("mtime", pa.int64(), nullable=False),
        pa.field("hash", pa.int64()),
    ]
)
_PARSE: Final = pa_csv.ParseOptions(newlines_in_values=True)
_CONVERT: Final = pa_csv.ConvertOptions(
    column_types={field.name: field.type for field in _SCHEMA}, null_values=[""], strings_can_be_null=False
)


class ParquetEncoder:
    """Collects rows into row groups; see :class:`shared.formats.node_table.Encoder`."""

    def __init__(self) -> None:
        self._file = _Tail()
        self._writer = pq.ParquetWriter(self._file, _SCHEMA, compression="zstd", use_dictionary=False)
        self._parts: list[pa.Table] = []
        self._rows = self._csv_bytes = 0

    def add(self, rows: bytes) -> bytes:
        """See :class:`Encoder`."""
        if rows:
            part = _parsed(rows)
            self._parts.append(part)
            self._rows += part.num_rows
            self._csv_bytes += len(rows)
        if self._rows >= GROUP_ROWS or self._csv_bytes >= GROUP_CSV_BYTES:
            self._write_group()
        return self._file.take()

    def finish(self) -> bytes:
        """See :class:`Encoder`."""
        if self._rows:
            self._write_group()
        self._writer.close()
        return self._file.take()

    def _write_group(self) -> None:
        self._writer.write_table(pa.concat_tables(self._parts), row_group_size=self._rows)
        self._parts = []
        self._rows = self._csv_bytes = 0


def _parsed(rows: bytes) -> pa.Table:
    # One block, whatever its length: a row that two blocks share would have to be looked for.
    read = pa_csv.ReadOptions(use_threads=False, block_size=len(rows) + 1, column_names=COLUMNS)
    try:
        return pa_csv.read_csv(pa.py_buffer(rows), read, _PARSE, _CONVERT).cast(_SCHEMA)
    except (pa.ArrowInvalid, ValueError) as error:
        raise IntegrityError(f"{len(rows)} bytes are not rows of {', '.join(COLUMNS)}: {error}") from error


class _Tail(io.RawIOBase):
    """A file of which only what was not taken yet is kept."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []
        self._length = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._parts.append(bytes(data))
        self._length += len(data)
        return len(data)

    def tell(self) -> int:
        return self._length

    def take(self) -> bytes:
        """Return what was written since the last time."""
        parts, self._parts = self._parts, []
        return b"".join(parts)
