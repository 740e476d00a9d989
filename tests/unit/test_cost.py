"""What a run costs, reckoned by hand; more of anything never costs less; every request that is metered has a class."""

import ast
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.adapters import files_admin, files_reader, files_writer
from shared.core import cost
from shared.core.cost import CLASS_OF_OPERATION, Work, backup_seconds, backup_work, content_plan, cost_of, read_prices
from shared.model.run import Counters, RunKind
from shared.model.share import ShareSettings

MIB = 1024 * 1024
TEXT = Path(cost.__file__).with_name("prices.toml").read_text(encoding="utf-8")
PRICES = read_prices(TEXT)
SETTINGS = ShareSettings()


def test_a_night_without_changes_by_hand():
    """A hundred million files in ten million directories, Hot, ten hours of four workers."""
    work = Work(files_list=10_000_000, files_read=1, files_other=8, vault_write=1, worker_s=4 * 36_000)
    found = cost_of(work, PRICES, tier="Hot")
    assert found.files_operations == pytest.approx(1_000 * 0.0715, rel=1e-5)  # 71.50
    assert found.vault_operations == pytest.approx(0.055 / 10_000)
    # One instance of 2 GB for ten hours, and 9,600 executions.
    assert found.compute == pytest.approx(36_000 * 2 * 0.000026 + 9_600 / 1e6 * 0.40)
    assert found.total == pytest.approx(found.files_operations + found.vault_operations + found.compute)
    assert found.storage_per_month == 0


def test_a_first_backup_by_hand():
    """A million files of 100 kB in a thousand directories."""
    found = Counters(
        directories=1_000, changed_directories=1_000, changed_files=1_000_000, new_files=1_000_000,
        changed_bytes=100 * 10**9, planned_reads=1_000_000, planned_bundle_bytes=100 * 10**9, files_lists=1_000,
    )  # fmt: skip
    work = backup_work(found, SETTINGS)
    bundles = 1_491  # 100 GB / 64 MiB = 1,490.1
    segments = 50  # 20,000 files each
    assert (work.files_list, work.files_read, work.read_bytes) == (1_000, 1_001_000, 100 * 10**9)
    assert (work.vault_write, work.stored_bytes) == (bundles + segments + 1, 100 * 10**9)
    priced = cost_of(work, PRICES)
    assert priced.files_operations == pytest.approx((1_000 * 0.015 + 1_001_000 * 0.0015 + 8 * 0.0015) / 10_000)
    assert priced.vault_operations == pytest.approx(1_542 * 0.055 / 10_000)
    assert priced.storage_per_month == pytest.approx(2.08)
    # A hundred seconds of walking; then a million reads of 20 ms, 32 at once: 625 s; 100 GB at 60 MB/s: 1,667 s, by four.
    assert backup_seconds(found, PRICES, walk_s=100, workers=4) == pytest.approx(100 + 100e9 / 60e6 / 4)


@pytest.mark.parametrize(
    ("size", "reads", "chunks", "bundled"),
    [
        (0, 1, 0, 0),
        (1, 1, 0, 1),
        (MIB, 1, 0, MIB),
        (MIB + 1, 1, 1, 0),
        (64 * MIB, 1, 16, 0),
        (64 * MIB + 1, 18, 18, 0),  # 17 ranges and its properties; 17 chunks and the list of them
    ],
)
def test_a_file_takes_what_its_size_says(size, reads, chunks, bundled):
    plan = content_plan(size, SETTINGS)
    assert (plan.reads, plan.chunks, plan.bundle_bytes) == (reads, chunks, bundled)


def test_a_finished_run_is_priced_by_what_it_did():
    counters = Counters(
        files_requests=115, files_lists=100, files_reads=10, files_writes=2, vault_writes=7, vault_reads=3, vault_bytes=999,
        changed_bytes=2_000, bytes=5_000,
    )  # fmt: skip
    backup = cost.work_of(RunKind.BACKUP, counters, worker_s=1)
    assert (backup.files_list, backup.files_read, backup.files_write, backup.files_other) == (100, 10, 2, 3)
    assert (backup.vault_write, backup.vault_read, backup.stored_bytes, backup.read_bytes) == (7, 3, 999, 2_000)
    assert cost.work_of(RunKind.SCAN, counters, worker_s=1).read_bytes == 0  # what a backup would read
    assert cost.work_of(RunKind.RESTORE, counters, worker_s=1).vault_read_bytes == 5_000


_work = st.builds(
    Work,
    **{f.name: st.integers(0, 10**12) for f in fields(Work) if f.name != "worker_s"},
    worker_s=st.floats(0, 1e9),
)


@given(
    _work, st.sampled_from([f.name for f in fields(Work)]), st.integers(1, 10**9), st.sampled_from(["", *PRICES.files])
)
def test_more_of_anything_never_costs_less(work, what, more, tier):
    grown = replace(work, **{what: getattr(work, what) + more})
    before, after = cost_of(work, PRICES, tier=tier), cost_of(grown, PRICES, tier=tier)
    assert all(getattr(after, f.name) >= getattr(before, f.name) for f in fields(before))


@given(st.integers(0, 10**13), st.integers(0, 10**9))
def test_a_larger_file_never_takes_less(size, more):
    small, large = content_plan(size, SETTINGS), content_plan(size + more, SETTINGS)
    assert large.reads >= small.reads
    assert large.chunks >= small.chunks


def metered(module):
    """Names that a module meters its requests under: the first argument of each call that sends one."""
    found = set()
    for node in ast.walk(ast.parse(Path(module.__file__).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
            first = node.args[0]
            sends = node.func.attr in ("send", "open", "_send", "_put", "_link", "_create", "files_request")
            if sends and isinstance(first, ast.Constant) and isinstance(first.value, str):
                found.add(first.value)
    return found


def test_every_metered_operation_has_a_class():
    operations = set().union(*map(metered, (files_reader, files_writer, files_admin)))
    assert {"list", "get_file", "get_permission", "put_range", "create_directory", "share"} <= operations
    assert operations - set(CLASS_OF_OPERATION) == set()
    assert set(CLASS_OF_OPERATION) - operations == set()


def test_the_table_says_when_and_where_its_prices_are_of():
    assert PRICES.as_of.year >= 2026
    assert PRICES.currency == "USD"
    assert {"TransactionOptimized", "Hot", "Cool", "Premium"} == set(PRICES.files)


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("gb_s = 0.000026", "gb_s = -1", "gb_s = -1"),
        ("gb_s = 0.000026", 'gb_s = "free"', "gb_s = 'free'"),
        ("gb_s = 0.000026", "", "gb_s"),
        ('currency = "USD"', "", "currency"),
        ("gb_s = 0.000026", "gb_s = 1\nwhat = 2", "what"),
    ],
)
def test_a_wrong_table_is_refused(before, after, what):
    with pytest.raises(ValueError, match="the price table") as error:
        read_prices(TEXT.replace(before, after, 1))
    assert what in str(error.value)
