"""A persistent account in one SQLite file.

What a request changed is written in one transaction before the request is answered, through SQLite's write-ahead log:
an acknowledged write survives the death of the process (not, without a last fsync, that of the machine).

A node has a row for each epoch it changed in, so snapshots are rows too: at epoch *e* a node is what its newest row up
to *e* says, and a row without a record says that it is gone. Rows and blocks that nothing can see any more are swept
at the next start; a block that the last file dropped goes with the transaction after that.
"""

import fcntl
import sqlite3
from itertools import count
from pathlib import Path

from localdev.files_emulator.blocks import Block
from localdev.files_emulator.leases import Lease
from localdev.files_emulator.records import FORMAT, holder_text, lease_text, node_text, service_text, share_text
from localdev.files_emulator.service_properties import ServiceProperties
from localdev.files_emulator.share import Holder, Share
from localdev.files_emulator.tree import FIRST_COMPUTED_NUMBER, Entry

NUMBERS_AHEAD = 1024  # node numbers are reserved in lots, so that creating a file does not write the counter

_SCHEMA = """
CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS service (id INTEGER PRIMARY KEY CHECK (id = 0), record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS share (serial INTEGER PRIMARY KEY, record TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS node (
    serial INTEGER NOT NULL, number INTEGER NOT NULL, born INTEGER NOT NULL, record TEXT,
    PRIMARY KEY (serial, number, born)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS lease (
    serial INTEGER NOT NULL, holder TEXT NOT NULL, record TEXT NOT NULL, PRIMARY KEY (serial, holder)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS block (id INTEGER PRIMARY KEY, data BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS permission (key TEXT PRIMARY KEY, sddl TEXT NOT NULL) WITHOUT ROWID;
"""


class StoreInUse(Exception):
    """Another process has the directory open, or what is in it is not ours."""


class SqliteBlock:
    """A block in the database; in memory only until it is committed."""

    __slots__ = ("_store", "data", "id")

    def __init__(self, store: "SqliteStore", id_: int, data: bytes | None) -> None:
        self._store = store
        self.id = id_
        self.data = data

    def view(self) -> memoryview:
        """Return its bytes."""
        return memoryview(self._store.read(self.id) if self.data is None else self.data)

    def parts(self, start: int, end: int) -> tuple[memoryview]:
        """Return some of its bytes."""
        return (self.view()[start:end],)

    def __del__(self) -> None:
        if self.id > 0:
            self._store.dropped.append(self.id)


class SqliteStore:
    """Store, journal and blocks of one account."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._lock = (directory / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise StoreInUse(f"{directory} is in use by another emulator") from None
        self.db = sqlite3.connect(directory / "files.sqlite", isolation_level=None)
        # Larger pages write large blocks faster (4 MiB by a sixth), but from 16 KiB on make small requests slower.
        self.db.execute("PRAGMA page_size = 8192")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = NORMAL")
        self.db.execute("PRAGMA wal_autocheckpoint = 8192")
        self.db.executescript(_SCHEMA)
        self._require_format(directory)
        self.dropped: list[int] = []
        self._broken = False
        self._block_ids = count(1)
        self._numbers_ceiling = 0
        self._serials = 0
        self._blocks: list[SqliteBlock] = []
        self._nodes: dict[tuple[int, int], Entry] = {}
        self._nodes_gone: dict[tuple[int, int], Share] = {}
        self._shares: dict[int, Share] = {}
        self._shares_gone: list[int] = []
        self._service: ServiceProperties | None = None
        self._leases: dict[tuple[int, Holder], Lease | None] = {}
        self._permissions: list[tuple[str, str]] = []

    def _require_format(self, directory: Path) -> None:
        self.db.execute("INSERT OR IGNORE INTO setting VALUES ('format', ?)", (FORMAT,))
        found = self.setting("format", 0)
        if found != FORMAT:
            raise StoreInUse(f"{directory} has format {found}, this emulator reads {FORMAT}")

    # -- blocks

    def keep(self, data: bytes) -> SqliteBlock:
        """Keep ``data``; it is written with the next commit."""
        block = SqliteBlock(self, next(self._block_ids), data)
        self._blocks.append(block)
        return block

    def cleared(self) -> Block:
        """Return a new mark for a cleared place."""
        return SqliteBlock(self, -next(self._block_ids), b"")

    def read(self, id_: int) -> bytes:
        """Return the bytes of a committed block."""
        data: bytes = self.db.execute("SELECT data FROM block WHERE id = ?", (id_,)).fetchone()[0]
        return data

    def continue_after(self, block_id: int, numbers_ceiling: int, serial: int) -> None:
        """Go on counting after what was found in the database."""
        self._block_ids = count(block_id + 1)
        self._numbers_ceiling = numbers_ceiling
        self._serials = serial

    def setting(self, name: str, default: int) -> int:
        """Return a stored number."""
        row = self.db.execute("SELECT value FROM setting WHERE name = ?", (name,)).fetchone()
        return default if row is None else int(row[0])

    # -- journal

    def node(self, share: Share, node: Entry) -> None:
        """Write ``node`` with the next commit."""
        self._nodes[share.serial, node.number] = node

    def node_gone(self, share: Share, node: Entry) -> None:
        """Write that ``node`` is gone with the next commit."""
        self._nodes.pop((share.serial, node.number), None)
        self._nodes_gone[share.serial, node.number] = share

    def share(self, share: Share) -> None:
        """Write ``share`` with the next commit."""
        self._shares[share.serial] = share

    def share_gone(self, share: Share) -> None:
        """Delete ``share`` with the next commit."""
        self._shares.pop(share.serial, None)
        self._shares_gone.append(share.serial)

    def service(self, properties: ServiceProperties) -> None:
        """Write the settings of the service with the next commit."""
        self._service = properties

    def lease(self, share: Share, holder: Holder, lease: Lease | None) -> None:
        """Write a lease with the next commit."""
        self._leases[share.serial, holder] = lease

    def permission(self, key: str, sddl: str) -> None:
        """Write a permission with the next commit."""
        self._permissions.append((key, sddl))

    # -- store

    def commit(self) -> None:
        """Write everything noted since the last commit, in one transaction.

        If that fails, memory and disk no longer agree: from then on every commit fails.
        """
        if self._broken:
            raise sqlite3.OperationalError("an earlier transaction failed: restart the emulator")
        if not (
            self._nodes
            or self._nodes_gone
            or self._shares
            or self._shares_gone
            or self._leases
            or self._permissions
            or self._service
        ):
            return
        self._broken = True
        dropped, self.dropped = self.dropped, []
        self.db.execute("BEGIN")
        self._write(dropped)
        self.db.execute("COMMIT")
        self._broken = False
        for block in self._blocks:
            block.data = None
        self.forget()

    def _write(self, dropped: list[int]) -> None:
        db = self.db
        for block in self._blocks:
            db.execute("INSERT INTO block VALUES (?, ?)", (block.id, block.data))
        for (serial, number), node in self._nodes.items():
            row = (serial, number, node.epoch, node_text(node))
            db.execute("INSERT OR REPLACE INTO node VALUES (?, ?, ?, ?)", row)
            if self._numbers_ceiling <= number < FIRST_COMPUTED_NUMBER:
                self._numbers_ceiling = number + NUMBERS_AHEAD
                db.execute("INSERT OR REPLACE INTO setting VALUES ('numbers', ?)", (self._numbers_ceiling,))
            if serial > self._serials:
                self._serials = serial
                db.execute("INSERT OR REPLACE INTO setting VALUES ('serials', ?)", (serial,))
        for (serial, number), share in self._nodes_gone.items():
            # A computed node without a row would be computed again.
            if share.snapshots or number >= FIRST_COMPUTED_NUMBER:
                db.execute("INSERT OR REPLACE INTO node VALUES (?, ?, ?, NULL)", (serial, number, share.epoch))
            else:
                db.execute("DELETE FROM node WHERE serial = ? AND number = ?", (serial, number))
        for serial, share in self._shares.items():
            db.execute("INSERT OR REPLACE INTO share VALUES (?, ?)", (serial, share_text(share)))
        if self._service is not None:
            db.execute("INSERT OR REPLACE INTO service VALUES (0, ?)", (service_text(self._service),))
        for (serial, holder), lease in self._leases.items():
            if lease is None:
                db.execute("DELETE FROM lease WHERE serial = ? AND holder = ?", (serial, holder_text(holder)))
            else:
                held = (serial, holder_text(holder), lease_text(lease))
                db.execute("INSERT OR REPLACE INTO lease VALUES (?, ?, ?)", held)
        for serial in self._shares_gone:
            db.execute("DELETE FROM lease WHERE serial = ?", (serial,))
            db.execute("DELETE FROM share WHERE serial = ?", (serial,))
            db.execute("DELETE FROM node WHERE serial = ?", (serial,))
        db.executemany("INSERT OR IGNORE INTO permission VALUES (?, ?)", self._permissions)
        db.executemany("DELETE FROM block WHERE id = ?", [(id_,) for id_ in dropped])

    def forget(self) -> None:
        """Drop what was noted since the last commit."""
        self._blocks.clear()
        self._nodes.clear()
        self._nodes_gone.clear()
        self._shares.clear()
        self._shares_gone.clear()
        self._leases.clear()
        self._service = None
        self._permissions.clear()

    def close(self) -> None:
        """Close the database and let others have the directory."""
        self.db.close()
        self._lock.close()
