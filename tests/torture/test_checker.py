"""The checker finds what is broken: each sentence of DESIGN 6 broken by hand, and some things besides."""

import asyncio
import secrets
from dataclasses import dataclass, replace

import psycopg
import pytest
from azure.storage.blob import ContainerClient

from shared.core.fingerprint import entries_fingerprint
from shared.formats import packed
from shared.model.node import ROOT_ID
from shared.model.run import RunState
from tests.support.checker import Checker
from tests.support.checker.__main__ import main
from tests.support.checker.stored import Stored
from tests.support.share_tree import change, fill, put
from tests.support.world import world

MIB = 1 << 20


@dataclass
class Broken:
    """A good state to break: a copy of its own of the catalogue, and the vault, which is mended after."""

    url: str
    template: str
    vault: str
    tenant_id: str
    share_id: int
    seen: Stored

    def __post_init__(self):
        self._mend = []
        self.container = ContainerClient.from_connection_string(self.vault, self.tenant_id)

    def checker(self, *, fresh=False):
        """One that has seen the good state of the vault, or that never saw it."""
        checker = Checker(self.url, self.vault, self.share_id)
        if not fresh:
            checker.remember(self.seen)
        return checker

    def names(self, part):
        return sorted(b.name for b in self.container.list_blobs(name_starts_with=f"{self.share_id}/{part}"))

    def read(self, name):
        return self.container.download_blob(name).readall()

    def write(self, name, data):
        """Put an object there, or another one in its place."""
        before = self.read(name) if self.container.get_blob_client(name).exists() else None
        self._mend.append((name, before))
        self.container.upload_blob(name, data, overwrite=True)

    def remove(self, name):
        self._mend.append((name, self.read(name)))
        self.container.delete_blob(name)

    def flip(self, name, at):
        data = bytearray(self.read(name))
        data[at] ^= 1
        self.write(name, bytes(data))

    def mend(self):
        for name, before in reversed(self._mend):
            if before is None:
                self.container.delete_blob(name)
            else:
                self.container.upload_blob(name, before, overwrite=True)
        self.container.close()

    def sql(self, query, *args):
        with psycopg.connect(self.url, autocommit=True) as conn:
            done = conn.execute(query, args)
            assert done.rowcount, "this changed nothing"
            return done.fetchall() if done.description else None

    def pages(self):
        """Live rows, by directory and number."""
        found = self.checker().catalogued.pages.values()
        return {(p.directory_id, p.page_no): p for p in found if p.deleted_run is None}

    def rewrite(self, page):
        """Replace a row."""
        names, data = packed.pack(page)
        self.sql(
            "UPDATE page SET parent_id = %s, name = %s, names = %s, packed = %s WHERE share_id = %s AND page_id = %s",
            page.parent_id, page.name, names, data, self.share_id, page.directory_id | page.page_no,
        )  # fmt: skip


@pytest.fixture(scope="module")
def good(postgres_server, azurite, files_emulator):
    """Two restore points of a share with something of everything, several pages and a large file; nobody connected."""

    async def prepare(url):
        async with world(
            url, azurite, files_emulator, bundle_file_max_bytes=64 * 1024, large_file_bytes=6 * MIB
        ) as files:
            share = files.client()
            fill(share)
            put(share, "media/large.bin", secrets.token_bytes(7 * MIB))
            assert (await files.backup()).state is RunState.SUCCEEDED
            change(share)
            put(share, "docs/reports/late.bin", secrets.token_bytes(2 * MIB))
            put(share, "single/lonely.txt", b"alone")
            for n in range(5):
                put(share, f"fresh/{n}.txt", secrets.token_bytes(200))
            assert (await files.backup()).state is RunState.SUCCEEDED
            return files.share

    with postgres_server.database() as url:
        share = asyncio.run(prepare(url))
        seen = Stored(azurite.connection_string, share.tenant_id, share.share_id)
        assert seen.refresh(full=True) == []
        yield url, azurite.connection_string, share, seen


@pytest.fixture
def broken(postgres_server, good):
    url, vault, share, seen = good
    template = url.rpartition("/")[2]
    with postgres_server.database(template) as copy:
        state = Broken(copy, template, vault, share.tenant_id, share.share_id, seen)
        try:
            yield state
        finally:
            state.mend()


def test_a_good_state_has_no_problems_and_the_command_says_so(broken, monkeypatch, capsys):
    checker = broken.checker(fresh=True)
    assert checker.check() == []
    assert checker.check(full=True) == []
    assert sorted(checker.trees) == [1, 2]
    assert checker.content(1, "docs/reports/report 03.csv") == b"3," * 111
    assert checker.content(2, "docs/reports/report 03.csv") == b"rewritten"
    command = ["checker", "--share", str(broken.share_id), "--postgres", broken.url, "--vault", broken.vault]
    monkeypatch.setattr("sys.argv", command)
    assert main() == 0
    broken.remove(broken.names("segment/")[0])
    assert main() == 1
    assert "is missing, and its batch is committed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ("segment/1/", "is missing, and its batch is committed"),
        ("bundle/1/", "is missing"),
        ("chunk/", "is missing"),
        ("point/1.fb", "restore point 1 has no commit record in the vault"),
        ("permission/", "is not in the vault"),
    ],
)
def test_an_object_that_is_gone_is_found(broken, part, expected):
    name = broken.names(part)[0]
    broken.remove(name)
    said = broken.checker().check()
    assert expected in "\n".join(said)
    assert f"object {name} is gone" in said


@pytest.mark.parametrize(("part", "at"), [("segment/", 0.3), ("bundle/", 0.5), ("chunk/", 0.9), ("point/2.fb", 0.7)])
def test_a_flipped_bit_is_found_by_a_checker_that_never_saw_the_object_whole(broken, part, at):
    for name in broken.names(part):
        broken.flip(name, int(len(broken.read(name)) * at))
    said = "\n".join(broken.checker(fresh=True).check())
    assert {"segment/": "cannot be read", "point/2.fb": "cannot be read"}.get(part, "content of") in said


def test_a_content_list_that_is_another_files_is_found(broken):
    [name] = [n for n in broken.names("") if n.split("/")[1].isdecimal() and broken.read(n)[:4] == b"AFBL"]
    broken.flip(name, 30)
    assert "large.bin" in "\n".join(broken.checker(fresh=True).check())


def test_an_object_that_was_written_again_is_found(broken):
    name = broken.names("segment/1/")[0]
    data = broken.read(name)
    broken.write(name, data)
    assert "was written again, with the same bytes" in "\n".join(broken.checker().check())


def test_an_object_that_has_changed_is_found(broken):
    name = broken.names("bundle/1/")[0]
    broken.flip(name, -1)
    assert f"object {name} has changed" in "\n".join(broken.checker().check())


@pytest.mark.parametrize(
    "name", ["bundle/2/99.tar.zst", "segment/1/99.fb", "99/2", "notes.txt", f"chunk/00/{'0' * 64}"]
)
def test_an_object_that_belongs_to_nobody_is_found(broken, name):
    broken.write(f"{broken.share_id}/{name}", b"what is this")
    assert any(problem.startswith(f"{name}: ") for problem in broken.checker().check())


def test_a_point_of_a_run_that_failed_is_found(broken):
    broken.sql("UPDATE run SET state = 'failed' WHERE share_id = %s AND run_no = 2", broken.share_id)
    assert "restore point 2 is of a run that is failed" in "\n".join(broken.checker().check())


def test_a_commit_record_without_a_restore_point_is_found(broken):
    broken.sql("DELETE FROM restore_point WHERE share_id = %s AND run_no = 2", broken.share_id)
    assert "point/2.fb is in the vault and no restore point" in "\n".join(broken.checker().check())


def test_a_batch_that_counts_and_was_not_committed_is_found(broken):
    broken.sql(
        "UPDATE batch SET state = 2, committed_at = NULL WHERE share_id = %s AND run_no = 2 AND segment_bytes > 0"
        " AND batch_no = (SELECT max(batch_no) FROM batch WHERE share_id = %s AND run_no = 2 AND segment_bytes > 0)",
        broken.share_id, broken.share_id,
    )  # fmt: skip
    said = "\n".join(broken.checker().check())
    assert "restore point 2 and the catalogue disagree about segments" in said


def test_a_row_that_is_gone_is_found(broken):
    pages = broken.pages()
    some = next(p for p in pages.values() if p.page_no == 0 and p.name == "reports")
    broken.sql("DELETE FROM page WHERE share_id = %s AND page_id = %s", broken.share_id, some.directory_id)
    said = "\n".join(broken.checker().check())
    assert f"subdirectory 'reports' ({some.directory_id}) has no live row" in said
    assert "its row names no row" in said


def test_a_later_page_that_is_gone_is_found(broken):
    some = next(p for p in broken.pages().values() if p.page_no)
    broken.sql(
        "DELETE FROM page WHERE share_id = %s AND page_id = %s", broken.share_id, some.directory_id | some.page_no
    )
    assert "its manifest names pages" in "\n".join(broken.checker().check())


def _edit(broken, which, **fields):
    page = next(p for p in broken.pages().values() if which(p))
    broken.rewrite(replace(page, **{name: value(page) for name, value in fields.items()}))
    return "\n".join(broken.checker().check())


def _with_files(page):
    return len(page.files) > 1


def _first_file(**fields):
    return lambda page: (replace(page.files[0], **fields), *page.files[1:])


@pytest.mark.parametrize("field", ["size_bytes", "mtime", "hash"])
def test_a_file_whose_row_differs_from_its_manifest_is_found(broken, field):
    assert "and its manifest disagree about" in _edit(broken, _with_files, files=_first_file(**{field: 123_456}))


def test_a_file_number_that_two_have_is_found(broken):
    assert "2 files have slot" in _edit(
        broken, _with_files, files=lambda p: (*p.files[:-1], replace(p.files[-1], slot=p.files[0].slot))
    )


def test_a_number_that_was_never_given_out_is_found(broken):
    assert "are given out, the next one is 1" in _edit(
        broken, lambda p: _with_files(p) and not p.page_no, next_slot=lambda _: 1
    )


def test_a_fingerprint_of_what_was_never_visited_is_found(broken):
    said = _edit(broken, lambda p: p.page_no == 0 and p.name == "reports", manifest=lambda _: None, files=lambda _: ())
    assert "has a fingerprint and no manifest" in said
    assert "names None" in said


def test_a_wrong_page_fingerprint_is_found(broken):
    said = _edit(broken, lambda p: p.page_fingerprint is not None, page_fingerprint=lambda p: p.page_fingerprint ^ 1)
    assert "is not that of its manifest's entries" in said


def test_a_missing_fingerprint_is_found(broken):
    assert "has no fingerprint, although the last run had no errors" in _edit(
        broken, lambda p: p.fingerprint is not None, fingerprint=lambda _: None
    )


def test_a_row_that_names_another_pages_manifest_is_found(broken):
    pages = [p for p in broken.pages().values() if p.manifest is not None]
    said = _edit(broken, lambda p: p == pages[0], manifest=lambda _: pages[-1].manifest)
    assert "names a manifest of page" in said
    assert "by its row in the catalogue" in said


def test_a_directory_at_the_wrong_place_is_found(broken):
    said = _edit(broken, lambda p: p.page_no == 0 and p.name == "reports", parent_id=lambda _: ROOT_ID)
    assert "is elsewhere: below" in said
    assert "no manifest names its live subdirectory 'reports'" in said
    assert "the roll-up says" in said


def test_a_directory_under_the_wrong_name_is_found(broken):
    said = _edit(broken, lambda p: p.page_no == 0 and p.name == "reports", name=lambda _: "rapports")
    assert "is called 'rapports' in its row" in said


def test_a_directory_without_a_live_parent_is_found(broken):
    said = _edit(broken, lambda p: p.page_no == 0 and p.name == "reports", parent_id=lambda _: 99 << 24)
    assert "its parent 1660944384 is not live" in said


def test_a_deleted_directory_that_is_still_named_is_found(broken):
    said = _edit(
        broken,
        lambda p: p.page_no == 0 and p.name == "single",
        deleted_run=lambda _: 2,
        files=lambda _: (),
        fingerprint=lambda _: None,
        page_fingerprint=lambda _: None,
    )
    assert "subdirectory 'single'" in said
    assert "has no live row" in said


def test_one_directory_at_two_places_is_found(broken):
    pages = broken.pages()
    one, other = [p for p in pages.values() if p.page_no == 0 and p.name in ("reports", "single")]
    broken.sql(
        "UPDATE page SET file_id = (SELECT file_id FROM page WHERE share_id = %s AND page_id = %s)"
        " WHERE share_id = %s AND page_id = %s",
        broken.share_id, one.directory_id, broken.share_id, other.directory_id,
    )  # fmt: skip
    assert "2 live directories have FileId" in "\n".join(broken.checker().check())


def test_a_roll_up_that_is_no_sum_is_found(broken):
    broken.sql("UPDATE rollup SET bytes = bytes + 1 WHERE share_id = %s AND top_id = %s", broken.share_id, ROOT_ID)
    assert "top folder 16777216: the roll-up says" in "\n".join(broken.checker().check())


def test_a_restore_points_wrong_numbers_are_found(broken):
    broken.sql("UPDATE restore_point SET files = files + 1 WHERE share_id = %s AND run_no = 1", broken.share_id)
    assert "restore point 1: the vault says" in "\n".join(broken.checker().check())


@pytest.mark.parametrize("table", ["frontier", "missing"])
def test_what_an_ended_run_left_is_found(broken, table):
    columns = {"frontier": "(run_id, node_id, mtime, state)", "missing": "(run_id, node_id, parent_id)"}[table]
    values = "run_id, 16777216, 0" + (", 0" if table == "frontier" else "")
    broken.sql(f"INSERT INTO {table} {columns} SELECT {values} FROM run WHERE share_id = %s LIMIT 1", broken.share_id)
    assert f"rows in {table}" in "\n".join(broken.checker().check())


def test_an_open_batch_of_an_ended_run_is_found(broken):
    broken.sql(
        "UPDATE batch SET state = 0, committed_at = NULL WHERE share_id = %s AND run_no = 2 AND segment_bytes = 0",
        broken.share_id,
    )
    assert "is open, and its run has ended" in "\n".join(broken.checker().check())


def test_a_fingerprint_of_entries_does_not_depend_on_how_the_checker_reads_them(broken):
    """The law about page fingerprints is not vacuous: there are pages that have one."""
    checker = broken.checker()
    checker.check()
    pages = [p for p in checker.catalogued.pages.values() if p.page_fingerprint is not None]
    assert len(pages) > 2
    assert len({p.page_fingerprint for p in pages}) == len(pages)
    assert entries_fingerprint([]) not in {p.page_fingerprint for p in pages}
