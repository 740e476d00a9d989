"""Copies from elsewhere: another emulator, any web server, a slow one, a broken one, none at all."""

import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
from azure.storage.blob import ContainerClient, generate_blob_sas
from azure.storage.blob import ContentSettings as BlobSettings
from azure.storage.fileshare import generate_account_sas

from tests.support.files_emulator import ACCOUNT, KEY, running
from tests.support.web_source import web_source

PIECE = 4 << 20  # what the emulator fetches at once
ABORT = {"x-ms-copy-action": "abort"}


@pytest.fixture(scope="module")
def emulator():
    with running() as emulator:
        emulator.raw.create_share("share")
        emulator.raw.make_directory("share/d")
        yield emulator


@pytest.fixture
def source():
    with web_source(bytes(range(256)) * 40_000) as source:
        yield source


def copy(emulator, path, url, **headers):
    return emulator.raw.send("PUT", path, {}, {"x-ms-copy-source": url, **headers})


def head(emulator, path):
    return emulator.raw.send("HEAD", path).headers


def ended(emulator, path):
    """Return a file's headers once no copy to it is pending any more."""
    for _ in range(400):
        headers = head(emulator, path)
        if headers["x-ms-copy-status"] != "pending":
            return headers
        time.sleep(0.02)
    raise AssertionError("the copy does not end")


def begun(emulator, source, path):
    """Begin a copy that stops after one piece and a half; return its id once that piece has arrived."""
    source.pause_at = PIECE * 3 // 2
    answer = copy(emulator, path, source.url)
    assert (answer.status, answer.headers["x-ms-copy-status"]) == (202, "pending")
    source.paused.wait(20)
    for _ in range(400):
        if head(emulator, path)["x-ms-copy-progress"].startswith(f"{PIECE}/"):
            return answer.headers["x-ms-copy-id"]
        time.sleep(0.02)
    raise AssertionError("the first piece does not arrive")


def test_a_copy_from_another_emulator_is_pending_then_done(emulator):
    sas = generate_account_sas(ACCOUNT, KEY, "o", "r", datetime.now(UTC) + timedelta(hours=1))
    data = bytes(range(251)) * 40_000
    with running() as other:
        other.raw.create_share("other")
        made = {
            "x-ms-meta-Key": "value",
            "x-ms-content-type": "text/plain",
            "x-ms-file-attributes": "Hidden",
            "x-ms-file-creation-time": "2001-02-03T04:05:06.1234567Z",
        }
        assert other.raw.put("other/f%20%C3%BC", b"", made, size=len(data)).status == 201
        for start in range(0, len(data), PIECE):
            part = data[start : start + PIECE]
            wanted = {"x-ms-range": f"bytes={start}-{start + len(part) - 1}", "x-ms-write": "update"}
            assert other.raw.send("PUT", "other/f%20%C3%BC", {"comp": "range"}, wanted, part).status == 201
        answer = copy(
            emulator,
            "share/d/from-other",
            f"{other.url}/other/f%20%C3%BC?{sas}",
            **{"x-ms-file-attributes": "source", "x-ms-file-creation-time": "source"},
        )
        assert (answer.status, answer.headers["x-ms-copy-status"]) == (202, "pending")
        headers = ended(emulator, "share/d/from-other")
        assert (headers["x-ms-copy-status"], headers["x-ms-copy-id"]) == ("success", answer.headers["x-ms-copy-id"])
        assert headers["x-ms-copy-progress"] == f"{len(data)}/{len(data)}"
        assert "x-ms-copy-completion-time" in headers
        assert headers["x-ms-meta-key"] == "value"
        assert (headers["content-type"], headers["x-ms-file-attributes"]) == ("text/plain", "Hidden | Archive")
        assert headers["x-ms-file-creation-time"] == made["x-ms-file-creation-time"]
        assert headers["etag"] != answer.headers["etag"]
        assert emulator.raw.get("share/d/from-other").body == data
        unsigned = copy(emulator, "share/d/unsigned", f"{other.url}/other/f%20%C3%BC")
        assert (unsigned.status, unsigned.code) == (403, "CannotVerifyCopySource")
        assert b"<CopySourceErrorCode>AuthenticationFailed</CopySourceErrorCode>" in unsigned.body
        assert emulator.raw.get("share/d/unsigned").status == 404


def test_the_source_may_be_a_blob(emulator, azurite):
    data = bytes(range(256)) * 400
    with ContainerClient.from_connection_string(azurite.connection_string, "copied-from") as container:
        container.create_container()
        settings = BlobSettings(content_type="text/plain", content_language="de")
        blob = container.upload_blob("a b/c", data, metadata={"k": "v"}, content_settings=settings)
        where = {"account_name": blob.account_name, "account_key": blob.credential.account_key}
        until = datetime.now(UTC) + timedelta(hours=1)
        sas = generate_blob_sas(container_name="copied-from", blob_name="a b/c", permission="r", expiry=until, **where)
        assert copy(emulator, "share/d/blob", f"{blob.url}?{sas}").status == 202
        headers = ended(emulator, "share/d/blob")
        assert (headers["x-ms-copy-status"], headers["x-ms-meta-k"]) == ("success", "v")
        assert (headers["content-type"], headers["content-language"]) == ("text/plain", "de")
        assert emulator.raw.get("share/d/blob").body == data
        wanted = {"x-ms-copy-source": f"{blob.url}?{sas}", "x-ms-write": "update"}
        wanted |= {"x-ms-range": "bytes=0-3", "x-ms-source-range": "bytes=10-13"}
        assert emulator.raw.send("PUT", "share/d/blob", {"comp": "range"}, wanted).status == 201
        assert emulator.raw.get("share/d/blob").body == data[10:14] + data[4:]
        assert copy(emulator, "share/d/unsigned", blob.url).code == "CannotVerifyCopySource"
        container.delete_container()


def test_the_source_may_be_the_emulator_itself_under_another_name(emulator):
    sas = generate_account_sas(ACCOUNT, KEY, "o", "r", datetime.now(UTC) + timedelta(hours=1))
    emulator.raw.put("share/d/own", b"mine")
    url = emulator.url.replace("127.0.0.1", "localhost") + f"/share/d/own?{sas}"
    assert copy(emulator, "share/d/own-copy", url).headers["x-ms-copy-status"] == "pending"
    assert ended(emulator, "share/d/own-copy")["x-ms-copy-status"] == "success"
    assert emulator.raw.get("share/d/own-copy").body == b"mine"


def test_while_a_copy_is_pending_its_file_can_be_read_and_not_changed(emulator, source):
    id_ = begun(emulator, source, "share/d/pending")
    headers = head(emulator, "share/d/pending")
    assert (headers["x-ms-copy-status"], headers["x-ms-copy-id"]) == ("pending", id_)
    assert headers["x-ms-copy-progress"] == f"{PIECE}/{len(source.body)}"
    assert "x-ms-copy-completion-time" not in headers
    assert emulator.raw.get("share/d/pending", {}, {"x-ms-range": "bytes=0-9"}).body == bytes(range(10))
    send = emulator.raw.send
    to = f"{emulator.url}/share/d/pending"
    for answer in (
        emulator.raw.put("share/d/pending", b"x"),
        copy(emulator, "share/d/pending", source.url),
        send("PUT", "share/d/pending", {"comp": "range"}, {"x-ms-range": "bytes=0-0", "x-ms-write": "update"}, b"x"),
        send("PUT", "share/d/pending", {"comp": "metadata"}, {"x-ms-meta-a": "b"}),
        send("PUT", "share/d/pending", {"comp": "properties"}, {"x-ms-content-length": "1"}),
        send("DELETE", "share/d/pending"),
        send("PUT", "share/d/moved", {"comp": "rename"}, {"x-ms-file-rename-source": to}),
        send(
            "PUT",
            "share/moved",
            {"restype": "directory", "comp": "rename"},
            {"x-ms-file-rename-source": f"{emulator.url}/share/D"},
        ),
    ):
        assert (answer.status, answer.code) == (409, "PendingCopyOperation")
    source.go_on.set()
    assert ended(emulator, "share/d/pending")["x-ms-copy-status"] == "success"
    assert emulator.raw.get("share/d/pending").body == source.body
    assert send("DELETE", "share/d/pending").status == 202


def test_an_aborted_copy_leaves_an_empty_file(emulator, source):
    def abort(id_, headers=ABORT):
        query = {"comp": "copy", "copyid": id_} if id_ else {"comp": "copy"}
        return emulator.raw.send("PUT", "share/d/aborted", query, headers)

    id_ = begun(emulator, source, "share/d/aborted")
    assert (abort("").status, abort("").code) == (400, "MissingRequiredQueryParameter")
    assert (abort(id_, {}).status, abort(id_, {}).code) == (400, "MissingRequiredHeader")
    assert abort("another").code == "CopyIdMismatch"
    answer = abort(id_)
    assert (answer.status, answer.body) == (204, b"")
    headers = head(emulator, "share/d/aborted")
    assert (headers["x-ms-copy-status"], headers["content-length"]) == ("aborted", "0")
    assert "x-ms-copy-completion-time" in headers
    assert (abort(id_).status, abort(id_).code) == (409, "NoPendingCopyOperation")
    assert emulator.raw.put("share/d/aborted", b"new").status == 201


def test_a_source_that_breaks_off_fails_the_copy_and_says_why(emulator, source):
    source.announced += 5
    assert copy(emulator, "share/d/broken", source.url).status == 202
    headers = ended(emulator, "share/d/broken")
    assert (headers["x-ms-copy-status"], headers["content-length"]) == ("failed", "0")
    assert headers["x-ms-copy-status-description"].startswith("500 InternalError")


@pytest.mark.parametrize(("status", "expected"), [(404, 404), (403, 403), (500, 500), (302, 400)])
def test_a_source_that_refuses_refuses_the_copy(emulator, source, status, expected):
    source.status = status
    answer = copy(emulator, "share/d/refused", source.url)
    assert (answer.status, answer.code) == (expected, "CannotVerifyCopySource")
    assert f"<CopySourceStatusCode>{status}</CopySourceStatusCode>".encode() in answer.body
    assert emulator.raw.get("share/d/refused").status == 404


def test_a_source_that_is_not_there_refuses_the_copy(emulator):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    answer = copy(emulator, "share/d/refused", f"http://127.0.0.1:{port}/x")
    assert (answer.status, answer.code) == (400, "CannotVerifyCopySource")
    answer = copy(emulator, "share/none/x", f"http://127.0.0.1:{port}/x")
    assert (answer.status, answer.code) == (404, "ParentNotFound")
    for url in ("ftp://127.0.0.1/x", "nonsense", "http://", "http://["):
        assert copy(emulator, "share/d/refused", url).code == "InvalidHeaderValue"


@pytest.mark.parametrize("takes_ranges", [True, False])
def test_a_range_comes_from_elsewhere(emulator, source, takes_ranges):
    source.takes_ranges = takes_ranges
    emulator.raw.put("share/d/part", bytes(10))

    def write(part, source_part, **headers):
        wanted = {"x-ms-copy-source": source.url, "x-ms-write": "update", "x-ms-range": part}
        return emulator.raw.send(
            "PUT", "share/d/part", {"comp": "range"}, {**wanted, "x-ms-source-range": source_part, **headers}
        )

    answer = write("bytes=2-4", "bytes=258-260", **{"x-ms-copy-source-authorization": "Bearer x"})
    assert answer.status == 201
    assert {"etag", "last-modified", "x-ms-file-last-write-time"} <= answer.headers.keys()
    assert emulator.raw.get("share/d/part").body == b"\0\0\2\3\4\0\0\0\0\0"
    assert source.asked[-1]["Authorization"] == "Bearer x"
    beyond = len(source.body)
    answer = write("bytes=0-4", f"bytes={beyond - 2}-{beyond + 2}")
    assert (answer.status, answer.code) == (416, "InvalidRange")
    assert write("bytes=8-12", "bytes=0-4").code == "InvalidRange"
    source.status = 403
    answer = write("bytes=0-4", "bytes=0-4")
    assert (answer.status, answer.code) == (403, "CannotVerifyCopySource")
    assert emulator.raw.get("share/d/part").body == b"\0\0\2\3\4\0\0\0\0\0"


def test_a_copy_from_elsewhere_can_be_delayed_and_counts(emulator, source):
    before = emulator.control.counters()
    emulator.control.fault(operation="file_start_copy", delay_s=0.05, delay_after_s=0.05)
    assert copy(emulator, "share/d/late", source.url).status == 202
    emulator.control.clear()
    assert ended(emulator, "share/d/late")["x-ms-copy-status"] == "success"
    counted = emulator.control.counters()["operations"]["file_start_copy"]
    assert counted["requests"] == before["operations"].get("file_start_copy", {"requests": 0})["requests"] + 1


def test_an_emulator_stops_in_the_middle_of_a_copy(source):
    with running() as emulator:
        emulator.raw.create_share("share")
        begun(emulator, source, "share/f")
    assert emulator.process.returncode == 0


def test_a_copy_into_a_deleted_share_ends(emulator, source):
    emulator.raw.create_share("short-lived")
    begun(emulator, source, "short-lived/f")
    assert emulator.raw.send("DELETE", "short-lived", {"restype": "share"}).status == 202
    source.go_on.set()
    emulator.raw.create_share("short-lived")
    assert emulator.raw.get("short-lived/f").status == 404


def test_a_pending_copy_is_found_failed_after_kill_9(tmp_path, source):
    with running("--data", str(tmp_path)) as emulator:
        emulator.raw.create_share("share")
        begun(emulator, source, "share/f")
        emulator.kill()
    with running("--data", str(tmp_path)) as emulator:
        headers = head(emulator, "share/f")
        assert (headers["x-ms-copy-status"], headers["content-length"]) == ("failed", "0")
        assert headers["x-ms-copy-status-description"].startswith("500 InternalError")
        assert emulator.raw.put("share/f", b"new").status == 201
        source.pause_at = None
        assert copy(emulator, "share/g", source.url).status == 202
        assert ended(emulator, "share/g")["x-ms-copy-status"] == "success"
        emulator.kill()
    with running("--data", str(tmp_path)) as emulator:
        assert head(emulator, "share/g")["x-ms-copy-status"] == "success"
        assert emulator.raw.get("share/g").body == source.body
