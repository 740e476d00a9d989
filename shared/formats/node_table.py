"""The tree as a table for other programs, one row per node: the six columns of view ``node``, in any order of rows.

Rows come and go as CSV (RFC 4180, as ``COPY ... (FORMAT CSV)`` writes it), which Postgres makes and Arrow reads in C::

    file    = header row*
    header  = "node_id,parent_id,name,size,mtime,hash" LF
    row     = node_id "," [parent_id] "," name "," [size] "," mtime "," [hash] LF
    name    = UTF-8, between quotation marks if it is empty or holds a comma, a quotation mark (then doubled), CR or LF

What is not there is NULL: the root's ``parent_id``, the ``size`` of a directory, the ``hash`` of one that has no
fingerprint. A name always is there; the root's is ``""``. Numbers are what SQL shows: ``mtime`` in Unix seconds,
which may be negative, ``hash`` as signed 64 bits. A line may hold less than a row: names may hold line ends.

The header is the version: a column more would be another table.
"""

from typing import Final, Protocol

COLUMNS: Final = ("node_id", "parent_id", "name", "size", "mtime", "hash")


class Encoder(Protocol):
    """Makes one file out of rows. What it returns, in order, is the file; it may keep back what it has no use for yet."""

    def add(self, rows: bytes) -> bytes:
        """Take whole rows of CSV without a header and return the next bytes of the file, perhaps none.

        :raises IntegrityError: these are not rows of the table.
        """
        ...

    def finish(self) -> bytes:
        """Return the last bytes of the file; nothing can be added after."""
        ...


class CsvEncoder:
    """The rows as they come, below a header."""

    def __init__(self) -> None:
        self._header = ",".join(COLUMNS).encode() + b"\n"

    def add(self, rows: bytes) -> bytes:
        """See :class:`Encoder`."""
        header, self._header = self._header, b""
        return header + rows if header else rows

    def finish(self) -> bytes:
        """See :class:`Encoder`."""
        return self.add(b"")
