"""What concerns the whole share ends a run with one error, and the run after the repair is as good as if nothing had been."""

import dataclasses
import inspect
import secrets

import pytest
from azure.core.exceptions import ResourceNotFoundError

from shared.adapters import storage_http
from shared.db import restore_points
from shared.model.run import RunState
from tests.support.share_tree import differences, fill, put, read_tree
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator, monkeypatch):
    monkeypatch.setattr(storage_http, "DOUBT_S", (0.01, 0.01))
    async with world(postgres_url, azurite, files_emulator) as found:
        yield found
        found.control.clear()


class Trap:
    """Springs once, when the share is asked for the n-th time; then ``sprung`` is true."""

    def __init__(self, nth, action):
        self._left, self._action, self.sprung = nth, action, False

    def wrap(self, scope):
        doors = {name: _Door(door, self) for name in ("reader", "writer") if (door := getattr(scope, name)) is not None}
        return dataclasses.replace(scope, **doors)

    def step(self):
        self._left -= 1
        if self._left == 0:
            self.sprung = True
            self._action()


class _Door:
    def __init__(self, target, trap):
        self._target, self._trap = target, trap

    def __getattr__(self, name):
        effect = getattr(self._target, name)
        if inspect.isasyncgenfunction(effect):

            def stream(*args):
                self._trap.step()
                return effect(*args)

            return stream

        async def call(*args):
            self._trap.step()
            return await effect(*args)

        return call


def big_tree(share):
    """Enough for several batches, waves and a large file."""
    fill(share)
    for n in range(18):
        put(share, f"many/{n % 6}/{n:02d}.bin", secrets.token_bytes(500 + n))
    put(share, "large/one.bin", secrets.token_bytes(5 * 1024 * 1024))


async def points(files):
    async with files.app.transaction() as conn:
        return await restore_points.of_share(conn, files.share.share_id)


def refuse_all(files, status, code):
    """Every request to the share is refused from now on."""
    files.control.fault(share=files.share.share_name, count=0, status=status, code=code)


def snapshots(files):
    from tests.support.share_tree import service

    with service(files.emulator) as account:
        found = account.list_shares(name_starts_with=files.share.share_name, include_snapshots=True)
        return [share.snapshot for share in found if share.snapshot]


def delete_snapshots(files):
    for snapshot in snapshots(files):
        files.client(snapshot=snapshot).delete_share()


REFUSALS = {
    "network rules": (403, "AuthorizationFailure", "network rules"),
    "account disabled": (403, "AccountIsDisabled", "subscription"),
    "role removed": (403, "AuthorizationPermissionMismatch", "Storage File Data Privileged Reader"),
    "keys disabled": (403, "KeyBasedAuthenticationNotPermitted", "managed identity"),
    "expired": (403, "AuthenticationFailed", "expired"),
}


@pytest.mark.parametrize("kind", REFUSALS)
async def test_a_refusal_of_the_account_ends_a_backup_with_one_error(files, kind):
    status, code, hint = REFUSALS[kind]
    big_tree(files.client())
    trap = Trap(30, lambda: refuse_all(files, status, code))
    files.wrap = trap.wrap
    failed = await files.backup()
    assert trap.sprung
    assert failed.state is RunState.FAILED
    assert code in failed.error
    assert hint in failed.error.partition("hint: ")[2]
    assert await files.journal(failed) == []
    assert await points(files) == []
    await saved_after_the_repair(files, files.control.clear)


async def test_a_key_revoked_while_a_backup_runs(files):
    big_tree(files.client())
    revoked = files.control.revoked(files.emulator.key)
    trap = Trap(11, revoked.__enter__)
    files.wrap = trap.wrap
    try:
        failed = await files.backup()
        assert trap.sprung
    finally:
        revoked.__exit__(None, None, None)
    assert (failed.state, await points(files), await files.journal(failed)) == (RunState.FAILED, [], [])
    assert failed.error.startswith("NoAccess: ")
    assert "hint: the account key or SAS is wrong or has expired" in failed.error
    assert "could not be deleted" in failed.error  # the share snapshot, which needs the key too
    await saved_after_the_repair(files, lambda: None)


@pytest.mark.parametrize("nth", [2, 40])
async def test_a_share_snapshot_deleted_while_a_backup_runs(files, nth):
    big_tree(files.client())
    trap = Trap(nth, lambda: delete_snapshots(files))
    files.wrap = trap.wrap
    failed = await files.backup()
    assert trap.sprung
    assert (failed.state, await points(files), await files.journal(failed)) == (RunState.FAILED, [], [])
    assert failed.error.startswith("ShareGone: ")
    assert "hint: somebody deleted the share snapshot" in failed.error
    assert snapshots(files) == []
    await saved_after_the_repair(files, lambda: None)


@pytest.mark.parametrize("nth", [11, 40])
async def test_a_share_deleted_while_a_backup_runs(files, nth):
    big_tree(files.client())
    trap = Trap(nth, lambda: files.client().delete_share(delete_snapshots="include"))
    files.wrap = trap.wrap
    failed = await files.backup()
    assert trap.sprung
    assert (failed.state, await points(files), await files.journal(failed)) == (RunState.FAILED, [], [])
    assert failed.error.startswith("ShareGone: ")
    assert "could not be deleted" not in failed.error

    def made_again():
        files.client().create_share()
        big_tree(files.client())

    await saved_after_the_repair(files, made_again)


async def saved_after_the_repair(files, repair):
    repair()
    files.wrap = lambda scope: scope
    following = await files.backup()
    assert (following.state, await files.journal(following)) == (RunState.SUCCEEDED, [])
    target = f"restored-{secrets.token_hex(4)}"
    assert (await files.restore(following.run_no, target)).state is RunState.SUCCEEDED
    assert differences(read_tree(files.client()), read_tree(files.client(target))) == []


async def test_what_was_saved_before_the_trouble_serves_the_next_run(files):
    big_tree(files.client())
    trap = Trap(90, lambda: refuse_all(files, 403, "AuthorizationFailure"))
    files.wrap = trap.wrap
    failed = await files.backup()
    assert failed.counters.changed_files > 0
    files.wrap = lambda scope: scope
    files.control.clear()
    following = await files.backup()
    whole = sum(1 for node in read_tree(files.client()).values() if node.kind == "file")
    assert following.counters.changed_files == whole - failed.counters.changed_files


async def test_a_refusal_that_passes_is_not_even_noticed(files):
    big_tree(files.client())
    glitch = {"share": files.share.share_name, "status": 403, "code": "AuthorizationFailure", "nth": 25, "count": 2}
    with files.control.faults(glitch):
        run = await files.backup()
        [rule] = files.control.rules()
    assert (run.state, rule["hits"]) == (RunState.SUCCEEDED, 2)


async def test_few_requests_are_sent_once_the_share_is_gone(files):
    big_tree(files.client())
    trap = Trap(11, lambda: files.client().delete_share(delete_snapshots="include"))
    files.wrap = trap.wrap
    await files.backup()
    counters = files.control.counters(files.share.share_name)["total"]
    assert 0 < counters["by_status"]["4xx"] < 50


async def test_a_target_share_deleted_while_a_restore_runs(files):
    big_tree(files.client())
    point = await files.backup()
    target = f"restored-{secrets.token_hex(4)}"
    trap = Trap(25, lambda: files.client(target).delete_share())
    files.wrap = trap.wrap
    failed = await files.restore(point.run_no, target)
    assert trap.sprung
    assert (failed.state, await files.journal(failed)) == (RunState.FAILED, [])
    assert failed.error.startswith("ShareGone: ")
    with pytest.raises(ResourceNotFoundError):
        files.client(target).get_share_properties()
    files.wrap = lambda scope: scope
    assert (await files.restore(point.run_no, target)).state is RunState.SUCCEEDED
    assert differences(read_tree(files.client()), read_tree(files.client(target))) == []


async def test_a_key_revoked_while_a_restore_runs(files):
    big_tree(files.client())
    point = await files.backup()
    target = f"restored-{secrets.token_hex(4)}"
    revoked = files.control.revoked(files.emulator.key)
    trap = Trap(25, revoked.__enter__)
    files.wrap = trap.wrap
    try:
        failed = await files.restore(point.run_no, target)
    finally:
        revoked.__exit__(None, None, None)
    assert (trap.sprung, failed.state, await files.journal(failed)) == (True, RunState.FAILED, [])
    assert failed.error.startswith("NoAccess: ")
    files.wrap = lambda scope: scope
    assert (await files.restore(point.run_no, target)).state is RunState.SUCCEEDED
    assert differences(read_tree(files.client()), read_tree(files.client(target))) == []
