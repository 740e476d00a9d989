"""A backup comes across chunks that a sweep is deleting at that moment. Whatever the order: what the backup refers to is there in the end.

The table of interleavings is docs/adr/0015. Each test takes one pair of moments: how far the sweep is when the backup puts a chunk, and when the
batch that refers to it commits.
"""

import secrets
from dataclasses import replace
from itertools import combinations_with_replacement

import pytest

from shared.db import condemned
from shared.errors import Fenced
from shared.model.run import RunState
from shared.model.sweep import Condemned
from shared.model.verify_order import VerifyLevel
from tests.support.checker import Checker
from tests.support.share_tree import differences, put, read_tree
from tests.support.stepwise_sweep import Stage, StepwiseSweep
from tests.support.vault_check import objects
from tests.support.world import world

SETTINGS = {"bundle_file_max_bytes": 16 * 1024}


class Between:
    """Calls something before an effect."""

    def __init__(self, target, method, before):
        self._target, self._method, self._before = target, method, before

    def __getattr__(self, name):
        effect = getattr(self._target, name)
        if name != self._method:
            return effect

        async def call(*args, **kwargs):
            await self._before(*args)
            return await effect(*args, **kwargs)

        return call


async def condemned_share(files, content):
    """A share whose chunk of ``content`` nothing refers to any more."""
    share = files.client()
    put(share, "a.bin", content)
    put(share, "other.bin", secrets.token_bytes(30_000))
    first = await files.backup()
    put(share, "a.bin", secrets.token_bytes(30_000))
    await files.backup()
    assert (await files.let_go(first.run_no)).state is RunState.SUCCEEDED


async def ends_well(files, sweep, run, content):
    assert run.state is RunState.SUCCEEDED, (run.error, await files.journal(run))
    await sweep.advance(Stage.ENDED)
    assert sweep.run.state is RunState.SUCCEEDED, sweep.run.error
    # A batch that was refused leaves a segment that nothing refers to.
    verify = await files.verify(VerifyLevel.QUICK, all_points=True)
    assert verify.report["damaged_objects"] == 0, verify.report
    checker = Checker(files.app.settings.postgres_url, files.app.settings.vault_connection, files.share.share_id)
    assert checker.check(full=True) == []
    target = f"restored-{secrets.token_hex(4)}"
    assert (await files.restore(run.run_no, target)).state is RunState.SUCCEEDED
    tree = read_tree(files.client(target))
    assert tree["a.bin"].content == content
    assert differences(read_tree(files.client()), tree) == []


@pytest.mark.parametrize(
    ("put_at", "commit_at"),
    [
        # In the suite a third of them, each stage on either side.
        pytest.param(*pair, marks=() if (pair[0] + 2 * pair[1]) % 3 == 0 else pytest.mark.torture)
        for pair in combinations_with_replacement(Stage, 2)
        if pair[0] < Stage.ENDED
    ],
    ids=lambda stage: stage.name.lower(),
)
async def test_a_chunk_that_is_found_while_it_is_deleted_is_there_in_the_end(
    postgres_url, azurite, files_emulator, put_at, commit_at
):
    content = secrets.token_bytes(30_000)
    async with world(postgres_url, azurite, files_emulator, **SETTINGS) as files:
        await condemned_share(files, content)
        put(files.client(), "a.bin", content)
        sweep = StepwiseSweep(files)

        async def before_put(name, _data):
            if "/chunk/" in name:
                await sweep.advance(put_at)

        async def before_commit(batch):
            if batch.chunks:
                await sweep.advance(commit_at)

        files.wrap = lambda scope: replace(
            scope,
            vault=Between(scope.vault, "put", before_put),
            catalogue=Between(scope.catalogue, "commit", before_commit),
        )
        run = await files.backup()
        files.wrap = lambda scope: scope
        await ends_well(files, sweep, run, content)


@pytest.mark.parametrize(
    "stage", [Stage.MARKED, Stage.RESCUED, Stage.DOOMED, Stage.SETTLED], ids=lambda s: s.name.lower()
)
async def test_the_spans_of_a_large_file_keep_their_chunks_until_the_run_ends(
    postgres_url, azurite, files_emulator, stage
):
    content = secrets.token_bytes(9 << 20)
    async with world(postgres_url, azurite, files_emulator, **SETTINGS) as files:
        await condemned_share(files, content)
        put(files.client(), "a.bin", content)
        sweep = StepwiseSweep(files)
        spans = []

        async def before_span(claim, _result):
            if not spans:
                await sweep.advance(stage)
            spans.append(claim)

        async def before_commit(batch):
            if spans and not batch.waiting:
                await sweep.advance(Stage.ENDED)

        files.wrap = lambda scope: replace(
            scope,
            catalogue=Between(Between(scope.catalogue, "commit", before_commit), "commit_span", before_span),
        )
        run = await files.backup()
        files.wrap = lambda scope: scope
        assert spans
        await ends_well(files, sweep, run, content)


async def test_a_run_that_failed_keeps_what_its_records_refer_to(postgres_url, azurite, files_emulator):
    """The next run builds on the records of one that made no restore point."""
    content = secrets.token_bytes(30_000)
    async with world(postgres_url, azurite, files_emulator, **SETTINGS) as files:
        await condemned_share(files, content)
        put(files.client(), "a.bin", content)
        run = await files.queue_backup()

        async def never(*_):
            raise Fenced("not this time")

        files.wrap = lambda scope: replace(scope, catalogue=Between(scope.catalogue, "origin", never))
        with pytest.raises(AssertionError):
            await files.drive(run)
        files.wrap = lambda scope: scope
        await files.app.catalogue.abandon_run(run.run_id, "given up")
        assert (await files.sweep()).state is RunState.SUCCEEDED
        run = await files.backup()
        assert run.counters.changed_files == 0, "it found what the failed run had saved"
        await ends_well(files, StepwiseSweep(files), run, content)


async def test_a_sweep_that_is_cancelled_leaves_no_chunk_in_between(postgres_url, azurite, files_emulator):
    content = secrets.token_bytes(30_000)
    async with world(postgres_url, azurite, files_emulator, **SETTINGS) as files:
        await condemned_share(files, content)
        sweep = StepwiseSweep(files)
        await sweep.advance(Stage.DOOMED)
        await files.app.catalogue.abandon_run(sweep.run.run_id, "gone")
        put(files.client(), "a.bin", content)
        run = await files.backup()
        await ends_well(files, StepwiseSweep(files), run, content)
        async with files.app.transaction() as conn:
            rows = await (await conn.execute("SELECT state FROM condemned_chunk")).fetchall()
        assert rows == [], "nothing is on the list when no sweep is at work"


async def test_a_deletion_that_comes_late_deletes_nothing_that_was_written_since(postgres_url, azurite, files_emulator):
    content = secrets.token_bytes(30_000)
    async with world(postgres_url, azurite, files_emulator, **SETTINGS) as files:
        await condemned_share(files, content)
        sweep = StepwiseSweep(files)
        await sweep.advance(Stage.DOOMED)
        late = list(sweep._doomed)
        await sweep.advance(Stage.ENDED)
        put(files.client(), "a.bin", content)
        run = await files.backup()
        before = await objects(files)
        async with files.app.run_scope(run.run_id) as scope:
            names = [f"{files.share.share_id}/chunk/{c.digest.hex()[:2]}/{c.digest.hex()}" for c in late]
            for name, chunk in zip(names, late, strict=True):
                assert await scope.vault.delete(name, chunk.etag) in ("changed", "gone")
        assert (await objects(files)).keys() == before.keys()
        await ends_well(files, StepwiseSweep(files), run, content)


async def test_a_sweeper_that_was_taken_for_dead_can_neither_condemn_nor_doom(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator, **SETTINGS) as files:
        await condemned_share(files, secrets.token_bytes(30_000))
        sweep = StepwiseSweep(files)
        await sweep.advance(Stage.MARKED)
        async with files.app.run_scope(sweep.run.run_id) as scope:
            claim = await scope.sweeps.claim_sweep(sweep.run.run_id, "slow", most_pages=1, lease_s=-1)
            await sweep.advance(Stage.RESCUED)
            share_id, run_id = files.share.share_id, sweep.run.run_id
            with pytest.raises(Fenced):
                await scope.sweeps.condemn(run_id, claim.batch_no, share_id, [Condemned(bytes(32), "x", 1)])
            with pytest.raises(Fenced):
                await scope.sweeps.doom(run_id, claim.batch_no, share_id, 0, 16, 10)
        async with files.app.transaction() as conn:
            assert await condemned.count(conn, files.share.share_id) == 1
