"""What passes is tried again within the budget, what does not is raised at once, and each request is counted."""

import asyncio
import hashlib
import time
from base64 import b64encode
from contextlib import asynccontextmanager

import pytest

from shared.adapters import backoff, storage_http
from shared.adapters.credentials import AccountKey
from shared.adapters.files_http import VERSIONS, FilesHttp
from shared.adapters.files_reader import FilesReader
from shared.adapters.files_writer import FilesWriter
from shared.adapters.metering import Meter
from shared.errors import (
    Conflict,
    Denied,
    InvalidInput,
    NoAccess,
    NoRight,
    NotFound,
    ShareGone,
    Throttled,
    Unavailable,
)
from shared.model.manifest import NO_HEADERS
from shared.ports.share_writer import NewProperties
from tests.support.storage import FILE_HEADERS, answer, bad_server

OK = answer("200 OK", b"hello", *FILE_HEADERS)
CUT = answer("200 OK", b"he", *FILE_HEADERS, length=5)
BUSY = answer("503 The server is busy.", b"<Error><Code>ServerBusy</Code><Message>busy</Message></Error>")
PROPERTIES = NewProperties(created=0, written=0, changed=0, attributes=32, permission_key="1*2")


@asynccontextmanager
async def served(*answers, budget_s=5.0):
    meter = Meter()
    async with (
        bad_server(*answers) as server,
        FilesHttp(server.url, AccountKey("QUJD"), meter=meter, retry_budget_s=budget_s) as http,
    ):
        yield server, meter, http


@pytest.mark.parametrize(
    "trouble",
    [
        BUSY,
        answer("500 Internal", b"", "x-ms-error-code: OperationTimedOut"),
        answer("429 Too Many", b""),
        answer("408 Timeout", b""),
        CUT,
        None,
    ],
    ids=["503", "500", "429", "408", "cut", "reset"],
)
async def test_trouble_that_passes_is_not_seen_by_the_caller(trouble):
    async with served(answer("404 No", b""), trouble, trouble, OK) as (server, meter, http):
        reader = FilesReader(http, "s", None)
        with pytest.raises(NotFound):
            await reader.read_file("warm", 5)  # so that the connection is not new when trouble comes
        properties, body = await reader.read_file("f", 5)
    assert (body, properties.size_bytes) == (b"hello", 5)
    # aiohttp itself repeats a request once on a kept connection that breaks before the first byte of an answer.
    assert meter.files_requests["get_file"] in (len(server.requests), len(server.requests) - 1)


@pytest.mark.parametrize(
    ("trouble", "error"), [(BUSY, Throttled), (CUT, Unavailable), (None, Unavailable), (10.0, Unavailable)]
)
async def test_trouble_that_stays_is_raised_when_the_budget_is_used_up(trouble, error):
    started = time.monotonic()
    async with served(trouble, budget_s=0.6) as (server, _, http):
        with pytest.raises(error, match="get_file /s/f"):
            await FilesReader(http, "s", None).read_file("f", 5)
    assert time.monotonic() - started < 3
    assert server.requests


async def test_a_wish_to_wait_is_honoured_and_one_beyond_the_budget_is_passed_on():
    patient = answer("503 Busy", b"", "Retry-After: 1")
    started = time.monotonic()
    async with served(patient, OK) as (_, _, http):
        await FilesReader(http, "s", None).read_file("f", 5)
    assert time.monotonic() - started >= 1
    async with served(answer("503 Busy", b"", "Retry-After: 100")) as (server, _, http):
        with pytest.raises(Throttled) as caught:
            await FilesReader(http, "s", None).read_file("f", 5)
        assert (caught.value.retry_after_s, len(server.requests)) == (100, 1)


@pytest.mark.parametrize(
    ("status", "code", "error", "said"),
    [
        ("403 No", "AuthorizationPermissionMismatch", NoRight, "Storage File Data Privileged Reader"),
        ("403 No", "AuthorizationFailure", NoAccess, "network rules"),
        ("403 No", "AuthenticationFailed", NoAccess, "clock"),
        ("401 No", "NoAuthenticationInformation", NoAccess, "hint"),
        ("403 No", "AccountIsDisabled", NoAccess, "subscription"),
        ("403 No", "SomethingAboutOneFile", Denied, "hint"),
        ("404 No", "ShareNotFound", ShareGone, "undelete"),
        ("409 No", "ShareBeingDeleted", ShareGone, "undelete"),
        ("404 No", "ShareSnapshotNotFound", ShareGone, "start the run again"),
        ("404 No", "ParentNotFound", NotFound, "404 ParentNotFound"),
        ("409 No", "SharingViolation", Conflict, "SharingViolation"),
        ("412 No", "LeaseIdMissing", Conflict, "LeaseIdMissing"),
        ("400 No", "InvalidHeaderValue", InvalidInput, "x-ms-foo"),
        ("413 No", "RequestBodyTooLarge", InvalidInput, "413"),
    ],
)
async def test_a_refusal_is_raised_at_once_with_its_code_and_a_hint(status, code, error, said):
    body = f"<Error><Code>{code}</Code><Message>m</Message><HeaderName>x-ms-foo</HeaderName></Error>".encode()
    async with served(answer(status, body, f"x-ms-error-code: {code}")) as (server, _, http):
        with pytest.raises(error, match=said) as caught:
            await FilesReader(http, "s", None).read_file("f", 5)
    assert (caught.value.code, len(server.requests)) == (code, 1)


async def test_a_file_of_another_size_is_not_downloaded():
    async with served(answer("200 OK", b"", *FILE_HEADERS, length=10**12)) as (server, _, http):
        reader = FilesReader(http, "s", None)
        with pytest.raises(Unavailable, match="1000000000000 bytes, expected 5"):
            await reader.read_file("f", 5)
        with pytest.raises(Unavailable, match="expected 5"):
            await anext(reader.stream_file("f", 5, 2))
    assert len(server.requests) == 2


async def test_a_stream_that_is_cut_goes_on_where_it_was():
    async with served(CUT, OK) as (_, _, http):
        stream = FilesReader(http, "s", None).stream_file("f", 5, 2)
        properties, *blocks = [item async for item in stream]
    assert (properties.size_bytes, blocks) == (5, [b"he", b"ll", b"o"])


@pytest.mark.parametrize(("sent", "whole"), [(b"5\r\nhello\r\n0\r\n\r\n", True), (b"6\r\nhello!\r\n0\r\n\r\n", False)])
async def test_a_body_in_chunks_is_checked_against_the_size_too(sent, whole):
    chunked = answer("200 OK", b"", *FILE_HEADERS).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked") + sent
    async with served(chunked) as (_, _, http):
        reader = FilesReader(http, "s", None)
        if whole:
            assert (await reader.read_file("f", 5))[1] == b"hello"
            assert [item async for item in reader.stream_file("f", 5, 4)][1:] == [b"hell", b"o"]
        else:
            with pytest.raises(Unavailable):
                await reader.read_file("f", 5)
            with pytest.raises(Unavailable):
                _ = [item async for item in reader.stream_file("f", 5, 4)]


async def test_an_older_version_is_spoken_from_then_on_to_a_service_that_refuses_ours():
    refusal = answer("400 Bad", b"<Error><Code>InvalidHeaderValue</Code><HeaderName>x-ms-version</HeaderName></Error>")
    async with served(refusal, OK) as (server, _, http):
        reader = FilesReader(http, "s", None)
        for _ in range(2):
            await reader.read_file("f", 5)
    spoken = [request.split(b"x-ms-version: ")[1].split(b"\r\n")[0].decode() for request in server.requests]
    assert spoken == [VERSIONS[0], VERSIONS[1], VERSIONS[1]]


async def test_a_service_that_refuses_content_at_creation_gets_it_in_a_range_and_is_remembered():
    refusal = answer("400 Bad", b"<Error><Code>UnsupportedHeader</Code></Error>")
    async with served(refusal, answer("201 Created")) as (server, meter, http):
        writer = FilesWriter(http, "s")
        for _ in range(2):
            await writer.create_file("f", 3, b"abc", PROPERTIES, NO_HEADERS, [("k", "v")])
    assert dict(meter.files_requests) == {"create_file": 3, "put_range": 2, "set_properties": 2}
    first, *others = server.requests
    assert first.endswith(b"abc")
    assert [request.endswith(b"abc") for request in others] == [False, True, False] * 2
    assert b"x-ms-meta-k: v" in others[0]


async def test_a_version_refused_during_a_creation_does_not_lose_the_content():
    refusal = answer("400 Bad", b"<Error><Code>InvalidHeaderValue</Code><HeaderName>x-ms-version</HeaderName></Error>")
    async with served(refusal, refusal, answer("201 Created")) as (server, _, http):
        await FilesWriter(http, "s").create_file("f", 3, b"abc", PROPERTIES, NO_HEADERS, [])
    assert any(b"comp=range" in request and request.endswith(b"abc") for request in server.requests)


async def test_metadata_in_many_headers_and_in_latin_1_is_read():
    many = [f"x-ms-meta-a{number}: {number}" for number in range(500)]
    response = answer("200 OK", b"hello", *FILE_HEADERS, *many, "x-ms-meta-u: gr@").replace(b"gr@", b"gr\xfc\xdf")
    async with served(response) as (_, _, http):
        properties, _ = await FilesReader(http, "s", None).read_file("f", 5)
    assert (properties.metadata[0], properties.metadata[-1]) == (("a0", "0"), ("u", "grüß"))
    assert len(properties.metadata) == 501


async def test_a_view_counts_on_its_own_meter_and_does_not_close_the_connections():
    async with served(OK) as (_, meter, http):
        mine = Meter()
        async with http.metered(mine) as view:
            await FilesReader(view, "s", None).read_file("f", 5)
        await FilesReader(http, "s", None).read_file("f", 5)
    assert (dict(mine.files_requests), dict(meter.files_requests)) == ({"get_file": 1}, {"get_file": 1})


async def test_a_cancelled_call_stops_at_once():
    async with served(10.0, budget_s=30) as (_, _, http):
        task = asyncio.create_task(FilesReader(http, "s", None).read_file("f", 5))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("path", ["", "/a", "a/", "a//b", "a/../b", ".", "\ud800"])
async def test_a_path_that_would_name_another_node_is_refused(path):
    async with served(OK) as (server, _, http):
        with pytest.raises(InvalidInput):
            await FilesReader(http, "s", None).read_file(path, 5)
        assert not server.requests


@pytest.mark.parametrize("url", ["ftp://x", "nonsense", "https://", "https://x/?sv=1&sig=2"])
def test_an_account_url_that_is_none_is_refused_without_showing_a_sas(url):
    with pytest.raises(InvalidInput, match="account URL") as caught:
        FilesHttp(url, AccountKey("QUJD", "a"), meter=Meter())
    assert "sig" not in str(caught.value)


def ranged(body, of, *headers):
    """The answer to a range that was asked for with its MD5."""
    digest = b64encode(hashlib.md5(b"hello").digest()).decode()
    return answer(
        "206 Partial",
        body,
        *FILE_HEADERS,
        f"Content-Range: bytes 0-{len(body) - 1}/{of}",
        f"Content-MD5: {digest}",
        *headers,
    )


async def test_a_body_that_is_not_what_its_md5_says_is_asked_for_again():
    stored = b64encode(bytes(16)).decode()
    async with served(ranged(b"hellp", 5), ranged(b"hello", 5, f"x-ms-content-md5: {stored}")) as (server, _, http):
        properties, body = await FilesReader(http, "s", None).read_file("f", 5)
    assert (body, len(server.requests)) == (b"hello", 2)
    assert properties.headers.md5 == bytes(16)
    assert all(b"x-ms-range-get-content-md5: true" in request for request in server.requests)
    async with served(ranged(b"hellp", 5), budget_s=0.3) as (_, _, http):
        with pytest.raises(Unavailable, match="what arrived has the MD5"):
            await FilesReader(http, "s", None).read_file("f", 5)


async def test_the_md5_of_a_range_is_not_taken_for_one_that_was_stored():
    async with served(ranged(b"hello", 5)) as (_, _, http):
        properties, _ = await FilesReader(http, "s", None).read_file("f", 5)
    assert properties.headers.md5 == b""


async def test_a_file_that_has_grown_is_not_read_in_part():
    async with served(ranged(b"hello", 6)) as (_, _, http):
        with pytest.raises(Unavailable, match="6 bytes, expected 5"):
            await FilesReader(http, "s", None).read_file("f", 5)
        assert await FilesReader(http, "s", None).read_range("f", 0, 5) == b"hello"


async def test_content_that_was_damaged_on_its_way_to_the_share_is_sent_again():
    refusal = answer("400 Bad", b"<Error><Code>Md5Mismatch</Code></Error>")
    async with served(refusal, answer("201 Created")) as (server, _, http):
        await FilesWriter(http, "s").create_file("f", 5, b"hello", PROPERTIES, NO_HEADERS, [])
    digest = b64encode(hashlib.md5(b"hello").digest())
    assert [b"Content-MD5: " + digest in request for request in server.requests[:2]] == [True, True]


NO_ENTRY = answer("403 No", b"<Error><Code>AuthorizationFailure</Code></Error>")


async def test_a_refusal_of_the_account_is_asked_for_again_if_it_let_us_in_before(monkeypatch):
    monkeypatch.setattr(storage_http, "DOUBT_S", (0.01, 0.01))
    async with served(OK, NO_ENTRY, NO_ENTRY, OK) as (server, _, http):
        reader = FilesReader(http, "s", None)
        for _ in range(2):
            await reader.read_file("f", 5)
    assert len(server.requests) == 4
    async with served(OK, NO_ENTRY) as (server, _, http):
        reader = FilesReader(http, "s", None)
        await reader.read_file("f", 5)
        with pytest.raises(NoAccess):
            await reader.read_file("f", 5)
        with pytest.raises(NoAccess):
            await reader.read_file("f", 5)
    assert len(server.requests) == 1 + 3 + 1


async def test_one_503_costs_well_under_a_second():
    took = []
    for _ in range(9):
        async with served(BUSY, OK) as (_, _, http):
            started = time.monotonic()
            await FilesReader(http, "s", None).read_file("f", 5)
            took.append(time.monotonic() - started)
    assert sorted(took)[4] < 0.2


async def test_calls_of_one_activity_do_not_add_up_their_budgets_while_nothing_answers(monkeypatch):
    monkeypatch.setattr(backoff, "LEAST_S", 0.1)
    async with served(BUSY, budget_s=0.6) as (_, _, http), http.metered(Meter()) as view:
        started = time.monotonic()
        for _ in range(5):
            with pytest.raises(Throttled):
                await FilesReader(view, "s", None).read_file("f", 5)
        assert time.monotonic() - started < 1.5


async def test_calls_stop_trying_when_the_time_of_their_activity_is_over(monkeypatch):
    monkeypatch.setattr(backoff, "LEAST_S", 0.1)
    async with served(BUSY, budget_s=60) as (_, _, http):
        until = asyncio.get_running_loop().time() + 0.3
        async with http.metered(Meter(), until=until) as view:
            started = time.monotonic()
            for _ in range(3):
                with pytest.raises(Throttled):
                    await FilesReader(view, "s", None).read_file("f", 5)
        assert time.monotonic() - started < 1.0


class Slow:
    """A pace at which whoever failed has to wait for its turn."""

    def __init__(self):
        self.asked = []

    def admit(self, size_bytes, *, again):
        self.asked.append((size_bytes, again))
        return asyncio.sleep(0.5) if again else None

    def moved(self, size_bytes):
        self.asked.append(size_bytes)

    def throttled(self, retry_after_s):
        self.asked.append("throttled")


async def test_waiting_for_a_turn_is_not_taken_from_the_budget_and_every_try_and_byte_is_charged():
    pace = Slow()
    async with served(BUSY, BUSY, OK, budget_s=0.8) as (_, _, http), http.metered(Meter(), pace) as view:
        reader = FilesReader(view, "s", None)
        await reader.read_file("f", 5)
        await reader.list_page("d")
    assert pace.asked == [(5, False), "throttled", (5, True), "throttled", (5, True), (0, False), 5]
