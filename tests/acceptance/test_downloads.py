"""Downloads over HTTP, by the app alone and with the server that streams, as curl and a browser ask for them."""

import asyncio
import http.client
import io
import json
import secrets
import tarfile
import time
import urllib.error
import urllib.request
import zipfile
from urllib.parse import quote

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from localdev.services import ports
from localdev.services.downloads import DownloadServer
from localdev.services.host import FunctionsHost
from localdev.services.service import ROOT
from shared.db.pool import make_pool
from tests.support import wide_table
from tests.support.api import Api
from tests.support.share_tree import fill, put, read_tree, service

KEY = secrets.token_hex(20)
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def saved(product):
    """A share with a restore point: its path in the API, and what is in it."""
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    client = service(product.files).get_share_client(name)
    fill(client)
    put(client, "media/noise.bin", secrets.token_bytes(40 * MIB))
    api = Api(product.host_url, product.host_key)
    share = api.new_share(product.files_url, name)
    api("POST", f"{share}/backups")
    assert api.finished(f"{share}/runs/1")["state"] == "succeeded"
    return f"{share}/restore-points/1", read_tree(client)


@pytest.fixture(scope="module")
def wide(product):
    """The path of a share whose tree makes more of a table than one answer of the app holds."""
    api = Api(product.host_url, product.host_key)
    share = api.new_share(product.files_url, f"share-{secrets.token_hex(5)}")
    share_id = int(share.rpartition("/")[2])

    async def fill():
        async with make_pool(product.settings["AFB_POSTGRES_URL"]) as pool, pool.connection() as conn:
            await wide_table.fill(conn, share_id)

    asyncio.run(fill())
    return share


@pytest.fixture(scope="module")
def streaming(product, tmp_path_factory):
    """Addresses of a host that knows of a download server, and of that server."""
    logs, port = tmp_path_factory.mktemp("logs"), ports.choose()
    settings = {**product.settings, "AFB_DOWNLOADS_KEY": KEY, "AFB_DOWNLOADS_URL": f"http://127.0.0.1:{port}"}
    server = DownloadServer(port=port, settings=settings, log=logs / "downloads")
    host = FunctionsHost(
        ROOT,
        port=ports.choose(),
        postgres_url=product.host.postgres_url,
        key=product.host_key,
        settings=settings,
        log=logs / "host",
    )
    with server, host:
        yield host.url, server.url
    assert server.exit_code == 0, server.log.read_text()


def ask(url, key="", method="GET", body=None, **headers):
    """Status, headers and body; a redirect is followed as curl -L does."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, method=method, data=data, headers={"x-functions-key": key, **headers})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


def where(host, point, what, **query):
    asked = "&".join(f"{name}={quote(value)}" for name, value in query.items())
    return f"{host}{point}/{what}?{asked}"


def test_a_file_and_its_parts(product, saved):
    point, tree = saved
    path = "docs/日本語/ファイル %41 + # & 'x'.txt"
    url = where(product.host_url, point, "content", path=path)
    status, headers, body = ask(url, product.host_key)
    assert (status, body) == (200, tree[path].content)
    assert headers["Content-Disposition"].endswith(quote("ファイル %41 + # & 'x'.txt", safe=""))
    etag = headers["ETag"]
    assert ask(url, product.host_key, **{"If-None-Match": etag})[0] == 304
    status, headers, body = ask(url, product.host_key, Range="bytes=3-")
    assert (status, body, headers["Content-Range"]) == (206, tree[path].content[3:], "bytes 3-5/6")
    assert ask(url, product.host_key, Range="bytes=6-")[0] == 416
    status, headers, _ = ask(where(product.host_url, point, "content", path="readme.txt"), product.host_key)
    assert (status, headers["Content-Type"]) == (200, "text/plain")


@pytest.mark.parametrize(
    ("what", "query", "status", "field"),
    [
        ("content", {}, 400, "path"),
        ("content", {"path": "docs"}, 400, "path"),
        ("content", {"path": "a/../b"}, 400, "path"),
        ("content", {"path": "docs/nothing"}, 404, "path"),
        ("archive", {"path": "nothing"}, 404, "path"),
        ("archive", {"format": "rar"}, 400, "format"),
        ("archive", {"format": "file"}, 400, "format"),
    ],
)
def test_what_cannot_be_downloaded_is_said_and_the_field_named(product, saved, what, query, status, field):
    answer = ask(where(product.host_url, saved[0], what, **query), product.host_key)
    problem = json.loads(answer[2])
    assert (answer[0], problem["status"]) == (status, status)
    assert [e["field"] for e in problem.get("errors", [])] == ([field] if field else [])
    through = {"X-Forwarded-For": "10.0.0.1"}
    assert ask(where(product.host_url, saved[0], what, path="readme.txt"), product.host_key, **through)[0] == 401


def test_a_large_file_comes_in_parts_from_the_app_alone(product, saved):
    point, tree = saved
    url = where(product.host_url, point, "content", path="media/noise.bin")
    status, _, body = ask(url, product.host_key)
    assert (status, "Range: bytes=0-" in json.loads(body)["detail"]) == (422, True)
    found, total = b"", None
    while total is None or len(found) < total:
        status, headers, body = ask(url, product.host_key, Range=f"bytes={len(found)}-")
        assert status == 206
        found, total = found + body, int(headers["Content-Range"].partition("/")[2])
    assert found == tree["media/noise.bin"].content


def test_a_small_archive_comes_from_the_app_alone_and_a_large_one_is_refused(product, saved):
    point, tree = saved
    status, headers, body = ask(where(product.host_url, point, "archive", path="docs", format="tar"), product.host_key)
    assert (status, headers["Content-Type"]) == (200, "application/x-tar")
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert set(archive.getnames()) == {path for path in tree if path.startswith("docs")}
    wanted = {"selection": {"extensions": [".csv"], "paths": ["docs"]}}
    status, headers, body = ask(where(product.host_url, point, "archive"), product.host_key, "POST", wanted)
    assert (status, headers["Content-Type"]) == (200, "application/zip")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            path: node.content for path, node in tree.items() if path.endswith(".csv")
        }
    status, _, body = ask(where(product.host_url, point, "archive"), product.host_key)
    assert (status, "AFB_DOWNLOADS_URL" in json.loads(body)["detail"]) == (422, True)


def test_everything_is_streamed_by_the_server_the_app_sends_one_to(product, saved, streaming):
    point, tree = saved
    host, server_url = streaming
    contents = {path: node.content for path, node in tree.items() if node.kind == "file"}
    status, headers, body = ask(where(host, point, "archive"), product.host_key)
    assert (status, headers["Transfer-Encoding"]) == (200, "chunked")
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert {i.filename: archive.read(i) for i in archive.infolist() if not i.is_dir()} == contents
    wanted = {"format": "tar", "selection": {"paths": ["media"]}}
    status, _, body = ask(where(host, point, "archive"), product.host_key, "POST", wanted)
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        assert archive.extractfile("media/noise.bin").read() == contents["media/noise.bin"]
    status, headers, body = ask(where(host, point, "content", path="media/noise.bin"), product.host_key)
    assert (status, body == contents["media/noise.bin"]) == (200, True)
    assert headers["Content-Length"] == str(40 * MIB)
    assert ask(f"{server_url}/download/abc.def")[0] == 403
    assert ask(where(host, point, "archive", path="nothing"), product.host_key)[0] == 404


def test_a_table_of_any_size_is_streamed_and_the_app_alone_says_what_to_do(product, wide, streaming):
    host, server_url = streaming
    status, _, body = ask(where(product.host_url, wide, "exports", format="csv"), product.host_key)
    told = json.loads(body)
    assert (status, told["type"], "AFB_DOWNLOADS_URL" in told["detail"]) == (422, "/problems/cannot-be-done", True)
    status, headers, body = ask(where(host, wide, "exports", format="csv"), product.host_key)
    assert (status, headers["Content-Type"], headers["Transfer-Encoding"]) == (200, "text/csv", "chunked")
    assert len(body) > 32 * MIB
    assert sum(line.split(b",")[3] != b"" for line in body.splitlines()[1:]) == wide_table.FILES
    status, headers, body = ask(where(host, wide, "exports"), product.host_key)
    table = pq.read_table(pa.BufferReader(body))
    assert len(table) - table["size"].null_count == wide_table.FILES
    assert headers["Content-Disposition"].startswith("attachment; filename=")
    status, _, body = ask(where(host, wide, "exports", path="nothing"), product.host_key)
    assert (status, "nothing at 'nothing'" in json.loads(body)["detail"]) == (404, True)
    assert json.loads(urllib.request.urlopen(f"{server_url}/healthz").read())["downloads"] == 0


def test_whoever_reads_slowly_slows_the_server_down_and_whoever_goes_frees_it(product, saved, streaming):
    point, _ = saved
    host, server_url = streaming
    connection = http.client.HTTPConnection(host.removeprefix("http://"))
    connection.request("GET", f"{point}/archive?format=tar", headers={"x-functions-key": product.host_key})
    link = connection.getresponse().headers["Location"].removeprefix(server_url)
    connection.close()
    slow = http.client.HTTPConnection(server_url.removeprefix("http://"))
    slow.request("GET", link)
    answer = slow.getresponse()
    answer.read(1000)
    time.sleep(1)
    assert json.loads(urllib.request.urlopen(f"{server_url}/healthz").read())["downloads"] == 1
    answer.close()
    slow.close()
    for _ in range(100):
        if json.loads(urllib.request.urlopen(f"{server_url}/healthz").read())["downloads"] == 0:
            return
        time.sleep(0.1)
    raise AssertionError("the server still sends to somebody who has gone")
