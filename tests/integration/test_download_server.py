"""The download server in this process: what it does when storage fails, clients are slow, or there are too many of them."""

import asyncio
import datetime as dt
import secrets
from dataclasses import replace

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from shared.core.download_link import DownloadLink, Form, sign
from shared.errors import Unavailable
from shared.model.restore import Selection
from tests.integration.test_download import source, spoil
from tests.support.share_tree import put
from tests.support.world import world
from worker.downloads import AT_ONCE, DownloadServer

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
