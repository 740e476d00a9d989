"""The download server in this process: what it does when storage fails, clients are slow, or there are too many of them."""

import asyncio
import csv
import datetime as dt
import io
import secrets
from dataclasses import replace

import aiohttp
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from aiohttp.test_utils import TestClient, TestServer

from shared.core.download_link import DownloadLink, Form, sign
from shared.errors import Unavailable
from shared.model.restore import Selection
from shared.model.run import RunKey
from tests.integration.test_download import source, spoil
from tests.support import wide_table
from tests.support.share_tree import put
from tests.support.world import world
from worker.downloads import AT_ONCE, TABLES_AT_ONCE, DownloadServer

KEY = "k" * 40
MIB = 1024 * 1024


@pytest.fixture
async def files(postgres_url, azurite, files_emulator):
    async with world(postgres_url, azurite, files_emulator) as found:
        found.app.settings = replace(found.app.settings, downloads_key=KEY)
        yield found


class CountingVault:
    """A vault that counts reads, and fails from some read on."""

    def __init__(self, vault):
        self.vault, self.reads, self.fails_after = vault, 0, 1_000_000

    async def get(self, name, offset=0, length=None):
        self.reads += 1
        if self.reads > self.fails_after:
            raise Unavailable("the vault does not answer")
        return await self.vault.get(name, offset, length)


class Server(DownloadServer):
    """With a vault that can be looked at."""

    vault = None

    async def _source(self, link):
        source = await super()._source(link)
        self.vault = self.vault or CountingVault(source.vault)
        self.vault.vault = source.vault
        return replace(source, vault=self.vault)


@pytest.fixture
async def served(files):
    server = Server(files.app)
    async with TestClient(TestServer(server.routes())) as client:
        yield server, client


def link_to(files, run, form, *paths, **changed):
    link = DownloadLink(
        tenant_id=files.share.tenant_id,
        share_id=files.share.share_id,
        run_no=run.run_no,
        form=form,
        selection=Selection(paths=paths),
        until=files.app.clock.now() + dt.timedelta(minutes=5),
    )
    return f"/download/{sign(replace(link, **changed), KEY)}"


async def large(files):
    body = secrets.token_bytes(96 * MIB)
    put(files.client(), "d/large.bin", body)
    put(files.client(), "d/small.txt", b"small")
    return await files.backup(), body


@pytest.mark.parametrize("form", [Form.TAR, Form.ZIP, Form.FILE])
async def test_what_fails_in_the_middle_is_seen_to_be_cut_off(files, served, form):
    server, client = served
    run, body = await large(files)
    url = link_to(files, run, form, "d/large.bin")
    async with client.get(url) as answer:
        whole = len(await answer.read())
        assert (answer.status, whole >= len(body)) == (200, True)
    reads, server.vault.reads = server.vault.reads, 0
    server.vault.fails_after = reads - 2
    async with client.get(url) as answer:
        assert answer.status == 200
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    server.vault.reads = server.vault.fails_after = 0
    async with client.get(url) as answer:
        told = await answer.json(content_type="application/problem+json")
        assert (answer.status, "does not answer" in told["detail"]) == (503, True), "before the first byte"


async def test_a_damaged_chunk_ends_the_download_of_a_file_and_other_ranges_of_it_come(files, served):
    _, client = served
    run, body = await large(files)
    assert len(spoil(files, source(files).hasher.digest(body[40 * MIB : 44 * MIB]).hex())) == 1
    url = link_to(files, run, Form.FILE, "d/large.bin")
    async with client.get(url) as answer:
        assert (answer.status, answer.content_length) == (200, len(body))
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    async with client.get(url, headers={"Range": f"bytes={44 * MIB}-"}) as answer:
        assert (answer.status, await answer.read() == body[44 * MIB :]) == (206, True)
    async with client.head(url) as answer:
        assert (answer.status, answer.content_length, await answer.read()) == (200, len(body), b"")


@pytest.mark.parametrize("form", [Form.TAR, Form.ZIP, Form.FILE])
async def test_nothing_is_read_for_a_client_that_takes_nothing(files, served, form):
    server, client = served
    run, body = await large(files)
    async with client.get(link_to(files, run, form, "d/large.bin")) as answer:
        await answer.content.readexactly(1000)
        before = -1
        while before != server.vault.reads:  # until it rests
            before = server.vault.reads
            await asyncio.sleep(0.5)
        assert server.vault.reads < 18, "24 chunks in all: those ahead, and what the socket holds"
        rest = await answer.read()
    assert len(rest) + 1000 >= len(body)


async def test_links_that_are_no_good_and_too_many_at_once(files, served):
    server, client = served
    put(files.client(), "d/a.txt", b"one")
    run = await files.backup()
    good = link_to(files, run, Form.FILE, "d/a.txt")
    for url, status in (
        (good, 200),
        (good[:-2] + "xx", 403),
        (link_to(files, run, Form.FILE, "d/a.txt", until=files.app.clock.now() - dt.timedelta(seconds=1)), 403),
        (link_to(files, run, Form.FILE, "d/b.txt"), 404),
        (link_to(files, run, Form.FILE, "d"), 400),
        (link_to(files, run, Form.ZIP, "nothing"), 404),
        (link_to(files, run, Form.ZIP, run_no=9), 404),
        (link_to(files, run, Form.ZIP, tenant_id="another"), 404),
    ):
        async with client.get(url) as answer:
            assert answer.status == status, url
    server._busy = AT_ONCE
    async with client.get(good) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "15")


def table_link(files, form, *paths, **changed):
    return link_to(files, RunKey(files.share.tenant_id, files.share.share_id, 0), form, *paths, **changed)


async def test_a_table_is_of_the_latest_tree_or_of_a_directory_and_refused_before_its_first_byte(files, served):
    server, client = served
    for path in ("a.txt", "d/b.txt", "d/below/c.txt"):
        put(files.client(), path, b"x")
    await files.backup()
    async with client.get(table_link(files, Form.CSV)) as answer:
        found = list(csv.DictReader(io.StringIO(await answer.text(), newline="")))
        assert (answer.status, answer.content_type) == (200, "text/csv")
        assert sorted(row["name"] for row in found) == ["", "a.txt", "b.txt", "below", "c.txt", "d"]
    async with client.get(table_link(files, Form.PARQUET, "d/below")) as answer:
        table = pq.read_table(pa.BufferReader(await answer.read()))
        assert sorted(table["name"].to_pylist()) == ["below", "c.txt"]
    async with client.head(table_link(files, Form.CSV)) as answer:
        assert (answer.status, await answer.read()) == (200, b"")
    for link, status in (
        (table_link(files, Form.CSV, "nothing"), 404),
        (table_link(files, Form.CSV, "a.txt"), 404),
        (table_link(files, Form.CSV, tenant_id="another"), 404),
    ):
        async with client.get(link) as answer:
            assert answer.status == status, await answer.text()
    assert server._tables == 0


async def test_who_takes_nothing_of_a_table_holds_the_catalogue_for_a_while_and_others_get_theirs(
    files, served, monkeypatch
):
    server, client = served
    monkeypatch.setattr("worker.downloads.STALL_S", 0.5)
    async with files.app.transaction() as conn:
        await wide_table.fill(conn, files.share.share_id)
    stalled = [await client.get(table_link(files, Form.CSV)) for _ in range(TABLES_AT_ONCE)]
    async with client.get(table_link(files, Form.CSV)) as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (503, "15")
    for _ in range(200):
        if not server._tables:
            break
        await asyncio.sleep(0.05)
    for answer in stalled:
        with pytest.raises(aiohttp.ClientPayloadError):
            await answer.read()
    async with client.get(table_link(files, Form.CSV)) as answer:
        assert (await answer.read()).count(b"\n") > wide_table.FILES
    async with files.app.transaction() as conn:
        busy = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY%' AND state <> 'idle' AND datname = current_database()"
        assert await (await conn.execute(busy)).fetchone() == (0,)
