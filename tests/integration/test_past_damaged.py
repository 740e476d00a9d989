"""What is lost or damaged in the vault costs what it told, with a clear error, and nothing else."""

import pytest
from azure.storage.blob import ContainerClient

from shared.core.name_pattern import NamePattern
from shared.errors import IntegrityError
from shared.model.node import ROOT_ID
from shared.model.objects import segment_name
from shared.usecases.difference import difference
from shared.usecases.search_names import search_versions
from shared.usecases.versions import versions
from tests.integration.test_past_of_any_share import past_of
from tests.support.share_tree import put
from tests.support.world import world


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    """Two directories in three versions each: ``lost`` has its second record in a segment that the tests break."""
    async with world(postgres_url, azurite, files_emulator) as ready:
        share = ready.client()
        for n, touched in enumerate(("lost", "kept", "lost")):
            put(share, f"{touched}/x{n}.txt", b"%d" % n)
            put(share, f"other/y{n}.txt", b"%d" % n)
            if n == 0:
                put(share, "kept/x.txt", b"x")
            assert (await ready.backup()).run_no == n + 1
        yield ready


async def directory(files, name):
    return (await past_of(files).resolve(name, 3)).node_id


async def damage(files, azurite, name, run_no, how):
    """Break the record of a directory at a run, and nothing else in its segment."""
    node_id = await directory(files, name)
    then = await past_of(files).look(node_id, run_no)
    assert then.first.run_no == run_no
    past = past_of(files)
    await past.look(node_id, run_no)
    [ref] = [ref for ref, record in past._known.items() if record.directory_id == node_id and record.run_no == run_no]
    with ContainerClient.from_connection_string(azurite.connection_string, files.share.tenant_id) as container:
        blob = segment_name(files.share.share_id, ref.run_no, ref.batch_no)
        data = bytearray(container.download_blob(blob).readall())
        if how == "damaged":
            data[ref.offset + ref.length // 2] ^= 0xFF
            container.upload_blob(blob, bytes(data), overwrite=True)
        else:
            container.delete_blob(blob)
    return node_id


async def test_a_damaged_record_costs_its_directory_at_its_restore_points(files, azurite):
    lost = await damage(files, azurite, "lost", 1, "damaged")
    for run_no in (1, 2):
        with pytest.raises(IntegrityError, match="checksum"):
            await past_of(files).children(lost, run_no, limit=10)
        names = [saved.entry.name for saved in (await past_of(files).children(ROOT_ID, run_no, limit=10)).entries]
        assert names == ["kept", "lost", "other"]
        for other in ("kept", "other"):
            assert (await past_of(files).children(await directory(files, other), run_no, limit=10)).entries
    newest = await past_of(files).children(lost, 3, limit=10)
    assert [saved.entry.name for saved in newest.entries] == ["x0.txt", "x2.txt"]


async def test_a_difference_counts_all_but_what_is_damaged(files, azurite):
    lost = await damage(files, azurite, "lost", 1, "damaged")
    found = await difference(past_of(files), ROOT_ID, 1, 3, limit=10)
    assert found.unreadable == (lost,)
    assert (found.total.added_files, found.total.deleted_files) == (3, 0)  # x1 of kept, y1 and y2 of other
    with pytest.raises(IntegrityError):
        await difference(past_of(files), lost, 1, 3, limit=10)
    other = await difference(past_of(files), await directory(files, "other"), 1, 3, limit=10)
    assert (other.total.added_files, other.unreadable) == (2, ())


async def test_a_search_says_in_which_directories_it_could_not_read_all(files, azurite):
    lost = await damage(files, azurite, "lost", 1, "damaged")
    answer = await search_versions(past_of(files), files.app.clock, NamePattern.parse("x*"), limit=100)
    assert answer.unreadable == (lost,)
    assert [(one.path, one.shown.first, one.shown.last) for one in answer.found] == [
        ("kept/x.txt", 1, 3),
        ("kept/x1.txt", 2, 3),
        ("lost/x0.txt", 3, 3),
        ("lost/x2.txt", 3, 3),
    ]


async def test_versions_end_with_an_error_where_the_records_do(files, azurite):
    lost = await damage(files, azurite, "lost", 1, "damaged")
    x2 = (await past_of(files).resolve("lost/x2.txt", 3)).node_id
    with pytest.raises(IntegrityError):
        await versions(past_of(files), x2, 3, limit=10)
    other = (await past_of(files).resolve("other/y0.txt", 3)).node_id
    assert [version.first for version in (await versions(past_of(files), other, 3, limit=10))[0]] == [1]
    assert lost


async def test_a_lost_segment_is_named_and_is_no_missing_node(files, azurite):
    """Not ``NotFound``: that would say that the restore point does not show it."""
    lost = await damage(files, azurite, "lost", 3, "lost")
    with pytest.raises(IntegrityError, match="what the vault should have is not there"):
        await past_of(files).children(lost, 3, limit=10)
