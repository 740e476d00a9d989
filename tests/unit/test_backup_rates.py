"""What ``benchmarks backup --only rates`` makes of its six runs: the rates that they were made with."""

from types import SimpleNamespace

import pytest

from benchmarks.backup import rates
from benchmarks.report import BenchmarkFailed

PER_DIRECTORY, PER_ENTRY, PER_FILE, PER_BYTE = 150e-6, 2e-6, 230e-6, 2.6e-9
POSTGRES_DIRECTORY, POSTGRES_FILE = 60e-6, 12e-6


class World:
    """Shares by name, as they were asked for."""

    def __init__(self):
        self.shares = {}

    def synthetic(self, name, files, **shape):
        self.shares[name] = SimpleNamespace(files=files, saved=False, **shape)

    async def protect(self, name):
        return self.shares[name]


async def backup(world, share):
    """A run that took exactly what the rates say."""
    directories = share.files // share.files_per_directory
    changed = 0 if share.saved else share.files
    size, share.saved = changed * share.median_bytes, True
    counters = SimpleNamespace(
        directories=directories,
        files=share.files,
        changed_files=changed,
        changed_bytes=size,
        vault_bytes=size + changed * 300,
    )
    return SimpleNamespace(
        run=SimpleNamespace(counters=counters),
        cpu_s=directories * PER_DIRECTORY + share.files * PER_ENTRY + changed * PER_FILE + size * PER_BYTE,
        services_cpu_s={"postgres": directories * POSTGRES_DIRECTORY + changed * POSTGRES_FILE},
        answered_bytes=600 * (share.files + directories) + size,
    )


async def test_rates_are_those_that_the_runs_were_made_with(monkeypatch):
    monkeypatch.setattr(rates, "backup", backup)
    found, runs = await rates.measure(World(), 96_000)
    assert len(runs) == 6
    assert found == {
        "rate_worker_us_per_directory": pytest.approx(150),
        "rate_worker_us_per_entry": pytest.approx(2),
        "rate_worker_us_per_file": pytest.approx(230),
        "rate_worker_ns_per_byte": pytest.approx(2.6),
        "rate_postgres_us_per_directory": pytest.approx(60),
        "rate_postgres_us_per_file": pytest.approx(12),
        "rate_list_bytes_per_entry": pytest.approx(600),
        "rate_list_bytes_per_entry_wide": pytest.approx(600),
        "rate_vault_bytes_per_small_file": pytest.approx(300),
    }


async def test_runs_that_are_too_short_are_not_divided(monkeypatch):
    monkeypatch.setattr(rates, "backup", backup)
    with pytest.raises(BenchmarkFailed, match="too few files"):
        await rates.measure(World(), 8)
