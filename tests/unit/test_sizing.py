"""What a whole installation takes, reckoned by hand; more of anything never costs less; what cannot be is refused by its name."""

import re
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.core import cost, sizing
from shared.core.basis import read_basis
from shared.core.cost import BATCH_BYTES, BATCH_DIRECTORIES, BATCH_FILES, content_plan
from shared.core.sizing import Installation, estimate, large_files, server_for, touched
from shared.errors import InvalidInput
from shared.model.share import ShareSettings
from shared.usecases.scope import Limits
from shared.wiring import POOL_SIZE
from tests.support.nested import REPOSITORY

TEXT = Path(cost.__file__).with_name("prices.toml").read_text(encoding="utf-8")
BASIS = read_basis(TEXT)
BILLION = Installation(files=1_000_000_000, files_per_directory=10, shares=10)


def test_batches_end_where_those_of_backups_do():
    limits = Limits()
    assert limits.batch_files == BATCH_FILES
    assert limits.batch_directories == BATCH_DIRECTORIES
    assert limits.batch_bytes == BATCH_BYTES
    assert BASIS.platform.lists_at_once == limits.wave_directories
    assert BASIS.prices.speed.reads_at_once == limits.concurrent_reads
    assert BASIS.platform.connections == POOL_SIZE


def test_a_daily_run_of_a_billion_files_by_hand():
    wanted = replace(BILLION, changed_files=2_000_000, touched_directories=1_000_000, width=16, mean_bytes=0)
    found = estimate(wanted, BASIS).daily
    lists, reads = 100_000_000 + 200_000, 2_000_000 + 1_000_000
    assert (found.job.work.files_list, found.job.work.files_read) == (lists, reads)
    # One account of 20,000 requests a second; ten shares of 12,000 Lists.
    assert found.bounds[sizing.ACCOUNT_REQUESTS] == pytest.approx((lists + reads + 80) / 20_000)
    assert found.bounds[sizing.SHARE_METADATA] == pytest.approx((lists + 1_000_000) / 120_000)
    assert found.instances == 40
    assert found.seconds == max(found.bounds.values())
    assert found.files_operations == pytest.approx((lists * 0.015 + reads * 0.0015 + 80 * 0.0015) / 10_000)
    instance_s = found.seconds * 40
    assert found.compute == pytest.approx(instance_s * 2 * 0.000026 + 2 * instance_s * 4 / 30 / 1e6 * 0.40)
    # A bundle and a segment for each batch of a thousand directories.
    assert found.job.work.vault_write == 2 * 100_000 + 10
    assert found.job.work.vault_read == 1_000_000


def test_a_month_by_hand():
    found = estimate(replace(BILLION, mean_bytes=100_000, restore_points=31), BASIS)
    content = (1e9 + 30 * 5_000_000) * (100_000 + 200)
    assert found.kept.content_bytes == pytest.approx(content)
    assert found.month["vault, content"] == pytest.approx(content / 1e9 * 0.0208)
    assert found.month["catalogue, server"] == 2 * found.server.month
    assert found.month["requests to the shares"] == pytest.approx(found.daily.files_operations * 30.4375)
    assert found.month_total == pytest.approx(sum(found.month.values()))
    alone = estimate(replace(BILLION, high_availability=False, private_endpoints=False), BASIS)
    assert alone.month["catalogue, server"] == found.server.month
    assert alone.month["network"] == 0


def test_the_catalogue_of_a_billion_files_is_what_its_page_says():
    """docs/CATALOGUE.md: 43 GB fresh, 47 to 48 after months, in the memory of one server of 64 GiB."""
    wanted = Installation(files=1_000_000_000)
    assert sizing.catalogue_bytes(wanted, BASIS, fresh=True) == pytest.approx(43e9, rel=0.02)
    assert 46e9 < sizing.catalogue_bytes(wanted, BASIS) < 49e9
    assert server_for(wanted, BASIS).memory_gib == 64
    assert sizing.files_in_memory(server_for(wanted, BASIS), BASIS) > 1e9


def test_a_server_is_the_smallest_that_holds_the_catalogue():
    for smaller, larger in zip(BASIS.servers, BASIS.servers[1:], strict=False):
        most = int(sizing.files_in_memory(smaller, BASIS))
        assert server_for(Installation(files=most, high_availability=False), BASIS) == smaller
        assert server_for(Installation(files=most + 1_000_000, high_availability=False), BASIS) == larger
    assert server_for(Installation(files=1), BASIS).standby


@pytest.mark.parametrize("mean", [20_000, 100_000, 500_000, 3_000_000])
def test_large_files_take_what_a_sample_of_them_does(mean):
    rng = np.random.default_rng(5)
    sizes = np.exp(rng.normal(np.log(mean) - sizing.SIZE_SIGMA**2 / 2, sizing.SIZE_SIGMA, 100_000))
    assert sizes.mean() == pytest.approx(mean, rel=0.1)
    plans = [content_plan(int(size), ShareSettings()) for size in sizes]
    found = large_files(mean)
    assert found.chunks == pytest.approx(sum(plan.chunks for plan in plans) / len(sizes), rel=0.2)
    assert found.reads == pytest.approx(sum(plan.reads - 1 for plan in plans) / len(sizes), rel=0.3, abs=1e-4)


@given(st.floats(0, 0.5), st.floats(0.5, 500))
def test_no_more_directories_are_touched_than_there_are_or_than_files_change(part, files_per_directory):
    found = touched(1_000, files_per_directory, part)
    assert 0 <= found <= 1_000
    assert found <= 1_000 * files_per_directory * part + 1e-9


_installation = st.builds(
    Installation,
    files=st.integers(1, 10**10),
    mean_bytes=st.floats(0, 10**7),
    files_per_directory=st.floats(1, 10_000),
    shares=st.integers(1, 1_000),
    account_kind=st.sampled_from(sorted(BASIS.limits)),
    files_tier=st.sampled_from(sorted(BASIS.prices.files)),
    vault_tier=st.sampled_from(sorted(BASIS.tiers)),
    restore_points=st.integers(1, 1_000),
    width=st.one_of(st.none(), st.integers(1, 100)),
)


@given(_installation, st.integers(1, 10**9))
def test_more_files_never_cost_less_or_are_done_sooner_with_as_many_workers(wanted, more):
    wanted = replace(wanted, width=wanted.width or 16)
    grown = replace(wanted, files=wanted.files + more, touched_directories=None)
    before, after = estimate(wanted, BASIS), estimate(grown, BASIS)
    if before.server == after.server:
        assert after.daily.seconds >= before.daily.seconds * (1 - 1e-9)
        assert after.first.seconds >= before.first.seconds * (1 - 1e-9)
    assert after.first.total >= before.first.total * (1 - 1e-9) or before.server != after.server
    assert after.catalogue_bytes >= before.catalogue_bytes


@given(_installation)
def test_with_as_many_workers_as_it_takes_it_is_not_they_that_hold_a_run_up(wanted):
    found = estimate(replace(wanted, width=None), BASIS)
    workers = {sizing.WORKERS_CPU, sizing.WORKERS_LATENCY, sizing.WORKERS_BYTES}
    for plan in (found.first, found.daily):
        assert (
            plan.bound not in workers
            or plan.width == sizing.WIDTH_MAX
            or plan.seconds
            <= max(seconds for bound, seconds in plan.bounds.items() if bound not in workers) * (1 + 1e-9)
        )


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"account_kind": "tape"}, "account_kind"),
        ({"files_tier": "Warm"}, "files_tier"),
        ({"vault_tier": "Archive"}, "vault_tier"),
        ({"accounts": 11}, "accounts"),
        ({"changed_files": 1_000_000_001.0}, "changed_files"),
        ({"touched_directories": 100_000_001.0}, "touched_directories"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(changed, field):
    with pytest.raises(InvalidInput) as error:
        estimate(replace(BILLION, **changed), BASIS)
    assert error.value.field == field
    assert field in str(error.value)


def test_what_has_no_source_is_among_the_assumptions():
    told = " ".join(estimate(replace(BILLION, vault_tier="Cold"), BASIS).assumptions)
    for name, price in BASIS.fixed.items():
        assert price.source or f"no source has {sizing.plain(price.value)} {price.unit}" in told, name
    assert "no price of Standard_E8ds_v5 was found" in told
    assert "prices of Cold" in told


def test_what_will_not_work_is_told():
    one = " ".join(estimate(replace(BILLION, shares=1, mean_bytes=1_000_000), BASIS).warnings)
    assert "holds 100 at most" in one
    assert "10 shares or more" in one
    many = " ".join(estimate(replace(BILLION, shares=100, width=100), BASIS).warnings)
    assert "2,500 instances" in many
    assert "25,000 connections" in many
    huge = " ".join(estimate(Installation(files=50_000_000_000, shares=1_000), BASIS).warnings)
    assert "no server holds" in huge


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("value = 7.30", "value = -1", "value = -1"),
        ("value = 7.30", "", "value"),
        ("core_part = 0.5", 'core_part = "half"', "core_part = 'half'"),
        ("account_requests_per_s = 20_000 ", "", "account_requests_per_s"),
        ('name = "Standard_B2s"', 'name = "Standard_B2s"\ncolour = 1', "colour"),
    ],
)
def test_a_wrong_table_is_refused(before, after, what):
    assert before in TEXT
    with pytest.raises(ValueError, match="the price table") as error:
        read_basis(TEXT.replace(before, after, 1))
    assert what in str(error.value)


def test_costs_have_no_part_that_is_not_in_their_sum():
    plan = estimate(BILLION, BASIS).first
    parts = ("files_operations", "vault_operations", "compute", "network", "tiering")
    assert plan.total == pytest.approx(sum(getattr(plan, part) for part in parts))
    assert {f.name for f in fields(plan)} >= set(parts)


DEPLOYED = REPOSITORY / "infra" / "bicep" / "modules" / "catalogue.bicep"


@pytest.mark.skipif(not DEPLOYED.exists(), reason="the deployment is not in this tree")
def test_servers_that_can_be_deployed_are_known_as_they_are_deployed():
    found = re.findall(
        r"sku: '(\w+)'.* memoryGib: (\d+) storageGb: (\d+) connections: (\d+) ",
        DEPLOYED.read_text(encoding="utf-8").replace(",", ""),
    )
    assert found
    known = {one.name: (one.memory_gib, one.disk_gb, one.connections) for one in BASIS.servers}
    assert {name: tuple(map(int, numbers)) for name, *numbers in found} == {name: known.get(name) for name, *_ in found}
