"""The journal in Azure Tables: one row per line.

::

    PartitionKey  tenant_share_run: the tenant's id, then the share's and the run's number in ten digits each
    RowKey        batch number, 8 digits "-" line number, 6 digits: the order of reading, and what makes writing a batch again replace it
    at            ISO 8601, UTC              kind, path, reason, hint   text, see below
    node_id       64-bit integer             details                    JSON object, left out when empty
    lines         32-bit integer: how many lines the batch has. An earlier attempt may have left more rows; readers skip them.

Text is stored as :mod:`shared.adapters.table_rows` says.
"""

import base64
import datetime as dt
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Self

from azure.data.tables import EdmType, EntityProperty, UpdateMode

from shared.adapters import connection_string, sdk
from shared.adapters.credentials import Secret
from shared.adapters.own_table import OwnTable
from shared.adapters.table_rows import TEXT_CHARACTERS, Row, page_of, read, stored
from shared.errors import IntegrityError, InvalidInput, NotFound
from shared.model.run import RunKey
from shared.ports.journal import JournalLine

TABLE: Final = "journal"
TRANSACTION_ROWS: Final = 100
TRANSACTION_BYTES: Final = 768 * 1024
"""The service takes 4 MiB, but above one aiohttp warns of bodies that block its loop."""
ROW_BYTES: Final = 1_000
"""What a transaction wraps around the text of a row, rounded up."""

_CURSOR: Final = re.compile("[0-9]{8}-[0-9]{6}/[0-9]{1,9}")

PAGE_ROWS: Final = 1_000
"""What the service gives at once."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a reader has come to: the last row, and how many lines its batch has."""

    row_key: str
    lines: int

    def cursor(self) -> str:
        """For the caller, to whom it means nothing."""
        return base64.urlsafe_b64encode(f"{self.row_key}/{self.lines}".encode()).decode().rstrip("=")

    @classmethod
    def of(cls, cursor: str) -> "_Place":
        """The opposite of :meth:`cursor`; the beginning if it is empty."""
        if not cursor:
            return cls("", 0)
        try:
            text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        except ValueError:
            text = ""
        if _CURSOR.fullmatch(text) is None:
            raise InvalidInput(f"after is {cursor[:100]!r}; expected the cursor of an earlier answer", field="after")
        row_key, _, lines = text.partition("/")
        return cls(row_key, int(lines))


class TableJournal:
    """A :class:`shared.ports.journal.Journal`; makes its table when it first writes."""

    def __init__(
        self, account_url: str, secret: Secret | None = None, *, table: str = TABLE, retry_budget_s: float = 60.0
    ) -> None:
        """Without a ``secret``: as the identity of this process, which is then closed with the journal."""
        self._budget_s = retry_budget_s
        self._own = OwnTable(account_url, secret, table=table, called="the journal", retry_budget_s=retry_budget_s)
        self._table = self._own.client

    @classmethod
    def from_connection_string(cls, connection: str, *, table: str = TABLE) -> Self:
        """:raises InvalidInput: the string names no table endpoint or no secret."""
        return cls(*connection_string.parse(connection, "table"), table=table)

    @classmethod
    def from_account_url(cls, account_url: str, secret: Secret | None = None, *, table: str = TABLE) -> Self:
        """Without a ``secret``: as the identity of this process."""
        return cls(account_url, secret, table=table)

    async def write(self, run: RunKey, batch_no: int, lines: Sequence[JournalLine]) -> None:
        """Append a batch's lines, or replace those it wrote before."""
        if not lines:
            return
        await self._own.make()
        rows = (_row(run, batch_no, number, line, len(lines)) for number, line in enumerate(lines))
        for transaction in _transactions(rows):
            operations = [("upsert", row, {"mode": UpdateMode.REPLACE}) for row in transaction]
            await sdk.repeated(
                f"write journal of run {run.run_no}",
                partial(self._table.submit_transaction, operations),
                self._budget_s,
            )

    async def read(self, run: RunKey) -> AsyncIterator[JournalLine]:
        """The lines of a run, oldest batch first; a page of 1,000 in memory."""
        async for _, row in self._rows(run, _Place("", 0)):
            yield _line(row)

    async def page(
        self, run: RunKey, *, after: str = "", kind: str = "", limit: int = PAGE_ROWS
    ) -> tuple[list[JournalLine], str]:
        """Up to ``limit`` lines after a cursor, and the next cursor."""
        place = _Place.of(after)
        found: list[JournalLine] = []
        async for reached, row in self._rows(run, place, kind=kind, page_rows=min(limit + 1, PAGE_ROWS)):
            if len(found) == limit:
                return found, place.cursor()
            found.append(_line(row))
            place = reached
        return found, ""

    async def _rows(
        self, run: RunKey, place: "_Place", *, kind: str = "", page_rows: int = PAGE_ROWS
    ) -> AsyncIterator[tuple["_Place", Row]]:
        """Rows after ``place`` with their own places, left-overs of earlier attempts left out."""
        query = f"PartitionKey eq '{_partition(run)}' and RowKey gt '{place.row_key}'"
        if kind:
            quoted = stored(kind).replace("'", "''")
            query += f" and kind eq '{quoted}'"
        batch, lines = place.row_key.partition("-")[0], place.lines
        token: Any = None
        while True:
            try:
                rows, token = await sdk.repeated(
                    f"read journal of run {run.run_no}", partial(self._page, query, token, page_rows), self._budget_s
                )
            except NotFound:
                return  # nobody has written yet
            for row in rows:
                row_key = str(row["RowKey"])
                of_batch, _, number = row_key.partition("-")
                if of_batch != batch:
                    batch = of_batch
                    lines = int(row["lines"]) if int(number) == 0 else await self._lines_of(run, batch)
                if int(number) < lines:
                    yield _Place(row_key, lines), row
            if not token:
                return

    async def _page(self, query: str, token: Any, page_rows: int) -> tuple[list[Row], Any]:
        return await page_of(
            self._table.query_entities(query, results_per_page=page_rows).by_page(continuation_token=token)
        )

    async def _lines_of(self, run: RunKey, batch: str) -> int:
        """How many lines a batch has, when the first of them is not among the rows that were asked for: none, if it is being forgotten."""
        first = partial(self._table.get_entity, _partition(run), f"{batch}-{0:06d}", select=["lines"])
        try:
            return int((await sdk.repeated(f"read journal of run {run.run_no}", first, self._budget_s))["lines"])
        except NotFound:
            return 0

    async def forget(self, run: RunKey, limit: int) -> bool:
        """See the port. Of what was deleted by somebody else meanwhile the service says so for all of a transaction, which is asked for anew."""
        what = f"delete journal of run {run.run_no}"
        query = f"PartitionKey eq '{_partition(run)}'"
        for _ in range(max(1, limit // PAGE_ROWS)):
            try:
                rows, more = await sdk.repeated(what, partial(self._page, query, None, PAGE_ROWS), self._budget_s)
                for start in range(0, len(rows), TRANSACTION_ROWS):
                    gone = [
                        ("delete", {"PartitionKey": row["PartitionKey"], "RowKey": row["RowKey"]})
                        for row in rows[start : start + TRANSACTION_ROWS]
                    ]
                    await sdk.repeated(what, partial(self._table.submit_transaction, gone), self._budget_s)
            except NotFound:
                return await self._has_lines(run)
            if not more and len(rows) < PAGE_ROWS:
                return False
        return True

    async def _has_lines(self, run: RunKey) -> bool:
        """Whether there are any; False also where there is no table."""
        query = f"PartitionKey eq '{_partition(run)}'"
        try:
            rows, _ = await sdk.repeated(
                f"look for the journal of run {run.run_no}", partial(self._page, query, None, 1), self._budget_s
            )
        except NotFound:
            return False
        return bool(rows)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._own.aclose()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()


def _partition(run: RunKey) -> str:
    return f"{run.tenant_id}_{run.share_id:010d}_{run.run_no:010d}"


def _row(run: RunKey, batch_no: int, number: int, line: JournalLine, lines: int) -> Row:
    row: Row = {
        "PartitionKey": _partition(run),
        "RowKey": f"{batch_no:08d}-{number:06d}",
        "at": line.at.astimezone(dt.UTC).isoformat(),
        "kind": stored(line.kind),
        "path": stored(line.path),
        "node_id": EntityProperty(line.node_id, EdmType.INT64),
        "reason": stored(line.reason),
        "hint": stored(line.hint),
        "lines": lines,
    }
    if line.details:
        row["details"] = _details(line)
    return row


def _details(line: JournalLine) -> str:
    kept: dict[str, str] = {}
    left = TEXT_CHARACTERS
    for name, value in line.details.items():
        left -= len(name) + len(value) + 8  # quotes, colon, comma
        if left < 0:
            kept["..."] = f"{len(line.details) - len(kept)} more"
            break
        kept[name] = value
    return json.dumps(kept)


def _line(row: Row) -> JournalLine:
    try:
        node_id = row.get("node_id", 0)
        return JournalLine(
            at=dt.datetime.fromisoformat(str(row["at"])),
            kind=read(row["kind"]),
            path=read(row.get("path")),
            node_id=int(node_id.value if isinstance(node_id, EntityProperty) else node_id),
            reason=read(row.get("reason")),
            hint=read(row.get("hint")),
            details=json.loads(str(row.get("details") or "{}")),
        )
    except (KeyError, ValueError, TypeError) as error:
        raise IntegrityError(
            f"journal row {row.get('PartitionKey')}/{row.get('RowKey')} is unreadable: {error}"
        ) from error


def _transactions(rows: Iterator[Row]) -> Iterator[list[Row]]:
    """Rows in groups that the service takes at once."""
    group: list[Row] = []
    size_bytes = 0
    for row in rows:
        row_bytes = ROW_BYTES + sum(len(json.dumps(value)) for value in row.values() if isinstance(value, str))
        if group and (len(group) == TRANSACTION_ROWS or size_bytes + row_bytes > TRANSACTION_BYTES):
            yield group
            group, size_bytes = [], 0
        group.append(row)
        size_bytes += row_bytes
    if group:
        yield group
