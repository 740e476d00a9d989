"""The table of nodes as files, read back by readers we did not write."""

import csv
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import IntegrityError
from shared.formats import node_parquet
from shared.formats.node_parquet import ParquetEncoder
from shared.formats.node_table import COLUMNS, CsvEncoder
from tests.support.pages import names

I64 = st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)]) | st.integers(-(2**63), 2**63 - 1)
ROWS = st.lists(st.tuples(I64, st.none() | I64, names, st.none() | I64, I64, st.none() | I64), max_size=20)


def row(*values) -> bytes:
    """As Postgres writes it, but that it quotes no name that can do without."""
    fields = ['"' + v.replace('"', '""') + '"' if isinstance(v, str) else "" if v is None else str(v) for v in values]
    return ",".join(fields).encode() + b"\n"


def encoded(encoder, pieces) -> bytes:
    return b"".join([*[encoder.add(piece) for piece in pieces], encoder.finish()])


def parquet(pieces) -> pq.ParquetFile:
    return pq.ParquetFile(pa.BufferReader(encoded(ParquetEncoder(), pieces)))


def tuples(table: pa.Table) -> list[tuple]:
    return [tuple(found.values()) for found in table.to_pylist()]


@settings(max_examples=100, deadline=None)
@given(rows=ROWS, cuts=st.sets(st.integers(0, 20)))
def test_every_row_comes_back_as_it_was_however_the_rows_are_cut_into_pieces(rows, cuts):
    ends = sorted({0, len(rows), *(cut for cut in cuts if cut < len(rows))})
    pieces = [b"".join(row(*values) for values in rows[a:b]) for a, b in zip(ends, [*ends[1:], len(rows)], strict=True)]
    assert tuples(parquet(pieces).read()) == rows

    text = encoded(CsvEncoder(), pieces).decode()
    header, *found = csv.reader(io.StringIO(text, newline=""))
    assert tuple(header) == COLUMNS
    assert found == [["" if value is None else str(value) for value in values] for values in rows]


def test_no_rows_are_a_file_of_none():
    assert encoded(CsvEncoder(), []) == b"node_id,parent_id,name,size,mtime,hash\n"
    assert parquet([]).read().num_rows == 0


def test_the_columns_of_a_parquet_file_say_what_may_be_missing():
    assert parquet([]).schema_arrow == pa.schema(
        [
            pa.field("node_id", pa.int64(), nullable=False),
            pa.field("parent_id", pa.int64()),
            pa.field("name", pa.string(), nullable=False),
            pa.field("size", pa.int64()),
            pa.field("mtime", pa.int64(), nullable=False),
            pa.field("hash", pa.int64()),
        ]
    )


def test_nothing_is_null_and_an_empty_name_is_a_name():
    found = parquet([b'16777216,,"",,-5,\n33554432,16777216,NULL,,0,-1\n']).read()
    assert tuples(found) == [(16777216, None, "", None, -5, None), (33554432, 16777216, "NULL", None, 0, -1)]


def row_groups(file: pq.ParquetFile) -> list[int]:
    return [file.metadata.row_group(i).num_rows for i in range(file.num_row_groups)]


def test_a_row_group_ends_when_it_has_rows_enough(monkeypatch):
    monkeypatch.setattr(node_parquet, "GROUP_ROWS", 100)
    pieces = [b"".join(row(n, 1, "a", 1, 1, 1) for n in range(30))] * 10
    assert row_groups(parquet(pieces)) == [120, 120, 60]


def test_a_row_group_ends_when_its_names_are_long(monkeypatch):
    monkeypatch.setattr(node_parquet, "GROUP_CSV_BYTES", 10_000)
    assert row_groups(parquet([row(1, 1, "n" * 4000, 1, 1, 1)] * 7)) == [3, 3, 1]


def test_a_row_group_is_handed_over_when_it_ends(monkeypatch):
    monkeypatch.setattr(node_parquet, "GROUP_ROWS", 100)
    encoder = ParquetEncoder()
    lengths = [len(encoder.add(row(n, 1, f"{n**9}", 1, 1, 1))) for n in range(200)]
    assert [n for n, length in enumerate(lengths) if length > 100] == [99, 199]


@pytest.mark.parametrize("rows", [b"1,2,a,3,4\n", b"1,2,a,3,x,5\n", b",2,a,3,4,5\n", b"1,2,\xff,3,4,5\n", b"\n1"])
def test_what_is_not_rows_is_refused(rows):
    with pytest.raises(IntegrityError, match="bytes are not rows of node_id, parent_id, name, size, mtime, hash"):
        ParquetEncoder().add(rows)
