"""Large files: spans are work of their own, and the directory comes back when the last of them is done."""

import asyncio
import re
from dataclasses import replace

import pytest

from shared.db import large_files
from shared.errors import Fenced
from shared.model.content import CHUNK_BYTES
from shared.model.run import Counters
from shared.model.work import FoundDirectory, LargeContent, LargeFile, SpanClaim, SpanRead, SpanResult
from tests.support.catalogue import ENDED_S, LONG_S, ROOT, directory, page

D2 = directory(2)


def large(file_id: int, size: int = 10, name: str = "big", directory_id: int = D2, **fields) -> LargeFile:
    """A file of spans of 4 bytes, each of one chunk."""
    given = {
        "directory_id": directory_id,
        "file_id": file_id,
        "changed": 9,
        "name": name,
        "size_bytes": size,
        "span_bytes": 4,
        "spans": tuple((number, 1) for number in range(max(1, -(-min(size, 40) // 4)))),
    }
    return LargeFile(**(given | fields))


def result(span: SpanClaim, n: int = 1, **fields) -> SpanResult:
    read = tuple(SpanRead(span_no, bytes([n]) * 32, bytes([n]) * 20, bytes([n]) * 20) for span_no, _ in span.spans)
    return SpanResult(**({"read": read, "counters": Counters()} | fields))


async def with_large(shelf, *files: LargeFile) -> None:
    """Directory 2 waits for ``files``."""
    await shelf.grow([page(2, 1, "dir")], waiting=[D2], large=list(files))


async def claim_span(shelf, worker="s", lease_s=LONG_S):
    return await shelf.catalogue.claim_span(shelf.run_id, worker, lease_s=lease_s)


async def finish_all(shelf, worker="s") -> int:
    count = 0
    while (span := await claim_span(shelf, worker)) is not None:
        await shelf.catalogue.commit_span(span, result(span))
        count += 1
    return count


async def test_spans_cover_the_file_in_order(shelf):
    await with_large(shelf, large(2**64 - 1, 10))
    spans = [await claim_span(shelf, f"s{n}") for n in range(4)]
    assert [(s.path, s.spans, s.span_bytes, s.file_size_bytes) for s in spans[:3]] == [
        ("dir/big", ((0, 1),), 4, 10),
        ("dir/big", ((1, 1),), 4, 10),
        ("dir/big", ((2, 1),), 4, 10),
    ]
    assert spans[3] is None
    assert {(s.directory_id, s.file_id) for s in spans[:3]} == {(D2, 2**64 - 1)}
    assert len({s.batch_no for s in spans[:3]}) == 3


async def test_a_file_in_the_root_has_no_slash_before_it(shelf):
    claim = await shelf.seeded()
    await shelf.catalogue.commit(shelf.batch(claim, done=[], waiting=[ROOT], large=[large(1, directory_id=ROOT)]))
    assert (await claim_span(shelf)).path == "big"


async def test_the_directory_returns_after_its_last_span_with_the_content(shelf):
    await with_large(shelf, large(7, 10), large(2**63, 3, "other"))
    assert await shelf.catalogue.left(shelf.run_id) == 1 + 4
    digests = {}
    while (span := await claim_span(shelf)) is not None:
        assert await shelf.claim() is None
        n = 1 << span.spans[0][0]
        digests.setdefault(span.file_id, []).append(n)
        await shelf.catalogue.commit_span(span, result(span, n, counters=Counters(bytes=4)))
    assert await shelf.catalogue.left(shelf.run_id) == 1
    (found,) = (await shelf.claim()).directories
    assert found.head.node_id == D2
    contents = {c.file_id: c for c in await shelf.catalogue.large_contents(shelf.run_id, [D2])}
    assert contents[7] == LargeContent(
        directory_id=D2,
        file_id=7,
        changed=9,
        span_bytes=4,
        spans=((0, 1), (1, 1), (2, 1)),
        digests=b"".join(bytes([n]) * 32 for n in (1, 2, 4)),
        states=b"".join(bytes([n]) * 20 for n in (1, 2, 4)),
        quickxor=bytes([1 ^ 2 ^ 4]) * 20,
    )
    assert contents[2**63].digests == bytes([1]) * 32
    assert (await shelf.catalogue.run(shelf.run_id))[0].counters.bytes == 16


async def test_unfinished_files_have_no_content_yet(shelf):
    await with_large(shelf, large(1, 10), large(2, 4))
    for worker in ("s", "t"):
        span = await claim_span(shelf, worker)
        await shelf.catalogue.commit_span(span, result(span))
    assert await shelf.catalogue.large_contents(shelf.run_id, [D2]) == []


async def test_a_file_told_twice_is_read_once(shelf):
    """The directory is visited again while its files are read, or after; what is known of them stays."""
    await with_large(shelf, large(1, 4))
    await finish_all(shelf)
    claim = await shelf.claim()
    await shelf.catalogue.commit(shelf.batch(claim, done=[], waiting=[D2], large=[large(1, 4)]))
    assert await claim_span(shelf) is None
    assert [d.head.node_id for d in (await shelf.claim()).directories] == [D2]


async def test_waiting_for_nothing_is_pending(shelf):
    await shelf.grow([page(2, 1, "dir")], waiting=[D2])
    assert [d.head.node_id for d in (await shelf.claim()).directories] == [D2]


async def test_a_waiting_directory_keeps_the_time_it_was_found_with(shelf):
    rows = [page(2, 1, "a", mtime=22), page(3, 1, "b", mtime=33)]
    found = [FoundDirectory(node_id=D2, mtime=-2)]
    many = [large(1, 4), large(2, 4, directory_id=directory(3))]
    await shelf.grow(rows, found=found, waiting=[D2, directory(3)], large=many)
    assert await shelf.claim() is None
    await finish_all(shelf)
    claim = await shelf.claim()
    assert [(d.path, d.mtime) for d in claim.directories] == [("a", -2), ("b", 33)]
    await shelf.catalogue.commit(
        shelf.batch(claim, done=[directory(3)], waiting=[D2], large=[large(5, 4)], pages=[page(2, 1, "a", mtime=99)])
    )
    await finish_all(shelf)
    assert [d.mtime for d in (await shelf.claim()).directories] == [-2]


async def test_an_error_ends_the_whole_file(shelf):
    await with_large(shelf, large(1, 40), large(2, 4, "good"))
    first, second = await claim_span(shelf, "a"), await claim_span(shelf, "b")
    assert first.file_id == second.file_id == 1
    await shelf.catalogue.commit_span(first, result(first, error="sharing violation"))
    with pytest.raises(Fenced):
        await shelf.catalogue.commit_span(second, result(second))
    assert (await claim_span(shelf, "c")).file_id == 2
    assert await shelf.claim() is None
    assert await shelf.catalogue.left(shelf.run_id) == 1 + 1
    await finish_all(shelf, "c")
    (found,) = (await shelf.claim()).directories
    assert found.head.node_id == D2
    bad, good = await shelf.catalogue.large_contents(shelf.run_id, [D2])
    assert bad == LargeContent(directory_id=D2, file_id=1, changed=9, span_bytes=4, error="sharing violation")
    assert (good.file_id, good.error) == (2, "")


async def test_a_span_whose_lease_ended_goes_to_another_and_the_late_worker_is_fenced(shelf):
    await with_large(shelf, large(1, 4))
    late = await claim_span(shelf, "late", lease_s=ENDED_S)
    span = await claim_span(shelf, "other")
    assert (span.spans, span.batch_no) == (((0, 1),), late.batch_no + 1)
    with pytest.raises(Fenced):
        await shelf.catalogue.commit_span(late, result(late, 1, counters=Counters(bytes=4)))
    await shelf.catalogue.commit_span(span, result(span, 2, counters=Counters(bytes=4)))
    assert (await shelf.catalogue.large_contents(shelf.run_id, [D2]))[0].digests == bytes([2]) * 32
    assert (await shelf.catalogue.run(shelf.run_id))[0].counters.bytes == 4


async def test_a_span_can_be_renewed(shelf):
    await with_large(shelf, large(1, 4))
    span = await claim_span(shelf, "slow", lease_s=ENDED_S)
    await shelf.catalogue.renew(shelf.run_id, span.batch_no, LONG_S)
    assert await claim_span(shelf, "other") is None


async def test_the_same_worker_gets_its_span_again(shelf):
    await with_large(shelf, large(1, 8))
    first = await claim_span(shelf, "w")
    again = await claim_span(shelf, "w")
    assert again == replace(first, batch_no=again.batch_no)


async def test_claims_of_spans_and_of_directories_do_not_end_each_other(shelf):
    await shelf.grow(
        [page(2, 1, "dir"), page(3, 1, "d3")],
        waiting=[D2],
        large=[large(1, 4)],
        found=[FoundDirectory(node_id=directory(3), mtime=0)],
    )
    directories = await shelf.claim("w")
    span = await claim_span(shelf, "w")
    await shelf.catalogue.commit_span(span, result(span))
    await shelf.catalogue.commit(shelf.batch(directories))


async def test_a_span_told_twice_counts_once(shelf):
    await with_large(shelf, large(1, 8))
    span = await claim_span(shelf)
    for _ in range(2):
        await shelf.catalogue.commit_span(span, result(span, counters=Counters(bytes=4)))
    assert (await shelf.catalogue.run(shelf.run_id))[0].counters.bytes == 4
    assert await shelf.catalogue.left(shelf.run_id) == 2


async def test_last_spans_finished_at_once_wake_the_directory(shelf, monkeypatch):
    """Each of the two might believe that the other's file is still unfinished; nor may they wait for each other."""
    monkeypatch.setattr("shared.db.catalogue.TRIES", 1)  # a deadlock would be ended and repeated, a second later
    for n in range(2, 10):
        node = directory(n)
        many = [large(k, 4, f"f{k}", node) for k in range(4)]
        if n == 2:
            await shelf.grow([page(n, 1, "dir")], waiting=[node], large=many)
        else:
            claim = await shelf.claim()
            await shelf.catalogue.commit(shelf.batch(claim, pages=[page(n, 1, "dir")], waiting=[node], large=many))
        spans = [await claim_span(shelf, f"s{k}") for k in range(4)]
        await asyncio.gather(*(shelf.catalogue.commit_span(s, result(s)) for s in spans))
        assert await shelf.value("SELECT state FROM frontier WHERE node_id = %s", node) == 0


async def test_a_directory_put_aside_while_its_last_span_ends_is_not_forgotten(shelf):
    """It is visited a second time, because its lease ended, while the spans of the first visit are being finished."""
    for n in range(2, 12):
        node = directory(n)
        claim = await shelf.seeded() if n == 2 else await shelf.claim()
        await shelf.catalogue.commit(
            shelf.batch(claim, pages=[page(n, 1, "d")], waiting=[node], large=[large(1, 4, "f", node)])
        )
        span = await claim_span(shelf)
        await shelf.rows("UPDATE frontier SET state = 0 WHERE node_id = %s RETURNING 1", node)
        again = await shelf.claim("again")
        await asyncio.gather(
            shelf.catalogue.commit_span(span, result(span)),
            shelf.catalogue.commit(shelf.batch(again, done=[], waiting=[node])),
        )
        assert await shelf.value("SELECT state FROM frontier WHERE node_id = %s", node) == 0


async def test_spans_of_a_run_that_ended_are_fenced_and_gone(shelf):
    await with_large(shelf, large(1, 8))
    span = await claim_span(shelf)
    await shelf.finish()
    with pytest.raises(Fenced):
        await shelf.catalogue.commit_span(span, result(span))
    assert await claim_span(shelf, "other") is None
    assert await shelf.value("SELECT (SELECT count(*) FROM span) + (SELECT count(*) FROM large_file)") == 0


async def test_a_file_is_told_with_what_it_is_built_on(shelf):
    base = {"base": (7 << 24 | 3, 5), "cleared": ((4, 2), (2**20 - 1, 1))}
    await with_large(shelf, large(1, 4, **base))
    await finish_all(shelf)
    (content,) = await shelf.catalogue.large_contents(shelf.run_id, [D2])
    assert {name: getattr(content, name) for name in base} == base


SPAN_BYTES = 16 * CHUNK_BYTES


def sparse(*spans: tuple[int, int]) -> LargeFile:
    return large(1, 4 << 40, span_bytes=SPAN_BYTES, spans=spans)


async def test_spans_with_little_to_read_are_claimed_together_up_to_what_a_whole_one_has(shelf):
    await with_large(shelf, sparse(*((number, 0b10001) for number in range(9)), (9, 0xFFFF), (10, 1)))
    claims = [await claim_span(shelf, f"s{n}") for n in range(4)]
    assert [[number for number, _ in claim.spans] for claim in claims] == [[*range(8)], [8], [9], [10]]
    for claim in claims:
        await shelf.catalogue.commit_span(claim, result(claim))
    assert await shelf.catalogue.left(shelf.run_id) == 1
    (content,) = await shelf.catalogue.large_contents(shelf.run_id, [D2])
    assert content.spans == (*((number, 0b10001) for number in range(9)), (9, 0xFFFF), (10, 1))


async def test_spans_claimed_together_go_together_to_another_when_the_lease_ends(shelf):
    await with_large(shelf, sparse((0, 1), (70, 1), (65_535, 1)))
    late = await claim_span(shelf, "late", lease_s=ENDED_S)
    again = await claim_span(shelf, "other")
    assert again.spans == late.spans == ((0, 1), (70, 1), (65_535, 1))
    with pytest.raises(Fenced):
        await shelf.catalogue.commit_span(late, result(late))
    await shelf.catalogue.commit_span(again, result(again))
    assert await shelf.catalogue.left(shelf.run_id) == 1


async def test_what_a_program_from_before_has_read_is_all_of_its_span(shelf):
    """It does not know that a part was asked for, and tells no states."""
    await with_large(shelf, sparse((0, 1), (3, 0b11)))
    await shelf.rows(
        "UPDATE span SET state = 2, digests = %s, quickxor = %s WHERE span_no = 3 RETURNING 1", bytes(512), bytes(20)
    )
    await shelf.rows("UPDATE large_file SET spans_left = 1 RETURNING 1")
    await finish_all(shelf)
    (content,) = await shelf.catalogue.large_contents(shelf.run_id, [D2])
    assert content.spans == ((0, 1), (3, -1))
    assert (len(content.digests), len(content.states)) == (32 + 512, 20)


async def test_a_program_from_before_finds_no_content_of_a_file_with_parts_left_out(shelf):
    """It matches by ``changed``, and would make a list of too few chunks."""
    await with_large(shelf, sparse((0, 1)))
    assert await shelf.value("SELECT changed FROM large_file") == -9
    await finish_all(shelf)
    assert [c.changed for c in await shelf.catalogue.large_contents(shelf.run_id, [D2])] == [9]


async def test_the_largest_file_is_claimed_as_fast_at_its_end_as_at_its_beginning(shelf):
    """4 TiB without a hole: 65,536 spans."""
    await with_large(shelf, sparse(*((number, 0xFFFF) for number in range(65_536))))
    assert await shelf.catalogue.left(shelf.run_id) == 1 + 65_536
    await shelf.rows(
        "UPDATE span SET state = 2, digests = ''::bytea, states = ''::bytea, quickxor = %s WHERE span_no < 65000 RETURNING 1",
        bytes(20),
    )
    await claim_span(shelf)  # finds 65,000 index entries that have just died, and marks them
    key = [shelf.run_id, D2, 1]
    done = [[65_001], [b"d"], [b"s"], [bytes(20)]]
    statements = [
        (large_files._PICK, [shelf.run_id]),
        (large_files._PICK_MORE, [*key, 65_000, 15]),
        (large_files._CLAIM, [99, *key, 65_001]),
        (large_files._HELD, [*key, 99]),
        (large_files._DONE, [*done, *key, 99]),
        (large_files._RELEASE, [shelf.run_id, [98]]),
        (large_files._LEFT, [shelf.run_id]),
    ]
    async with shelf.catalogue.transaction() as conn:
        for statement, args in statements:
            explained = await conn.execute(b"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement.encode(), args)
            plan = (await explained.fetchone())[0][0]["Plan"]
            assert plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] < 500, (statement, plan)  # of 2,000
            passed_over = re.findall(r"'Rows Removed by Filter': (\d+)", str(plan))
            assert sum(map(int, passed_over)) < 16, (
                plan
            )  # of 65,000; with fresh statistics one row may be found by another index
        assert (await (await conn.execute("SELECT state FROM span WHERE span_no = 65001")).fetchone()) == (2,)
