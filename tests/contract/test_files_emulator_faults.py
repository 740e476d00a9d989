"""Every kind of fault, as a client at a socket and the SDK meet it."""

import http.client
import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ServiceRequestError, ServiceResponseError
from azure.storage.fileshare import LinearRetry, ShareServiceClient

from tests.support.files_emulator import KEY, RawClient, running
from tests.support.files_wire import Wire, until

BIG = bytes(range(256)) * 4096 * 3  # 3 MiB: an answer that is sent in pieces


@pytest.fixture(scope="module")
def emulator():
    with running() as found:
        yield found


@pytest.fixture
def share(emulator):
    name = f"s-{uuid.uuid4().hex}"
    emulator.raw.create_share(name)
    assert emulator.raw.put(f"{name}/small", b"x" * 1000).status == 201
    assert emulator.raw.put(f"{name}/big", BIG).status == 201
    yield name
    emulator.control.clear()
    emulator.control.unlimit()


@pytest.fixture
def raw(emulator):
    client = RawClient(emulator.port)
    yield client
    client.close()


@pytest.fixture
def sdk(emulator, share):
    retry = LinearRetry(backoff=0, retry_total=2, random_jitter_range=0)
    with ShareServiceClient(emulator.url, credential=KEY, retry_policy=retry) as service:
        yield service.get_share_client(share)


CREATE = {"x-ms-type": "file", "x-ms-content-length": "5"}


def test_a_refusal_did_nothing_and_the_sdk_tries_again(emulator, share, raw, sdk):
    rule = emulator.control.fault(operation="file_create", status=503, retry_after_s=0, count=2)
    assert raw.put(f"{share}/f", b"hello").headers["retry-after"] == "0"
    assert raw.get(f"{share}/f").status == 404
    sdk.get_file_client("f").create_file(5)
    assert emulator.control.ask("GET", f"/faults/{rule['id']}")["hits"] == 2


def test_a_refusal_for_ever_reaches_the_caller(emulator, sdk):
    emulator.control.fault(operation="file_download", code="SharingViolation", status=409, count=0)
    with pytest.raises(HttpResponseError) as caught:
        sdk.get_file_client("small").download_file()
    assert (caught.value.status_code, caught.value.error_code) == (409, "SharingViolation")


def test_a_reset_before_did_nothing(emulator, share, raw):
    emulator.control.fault(operation="file_create", reset="before")
    with pytest.raises(ConnectionResetError):
        raw.put(f"{share}/f", b"hello")
    assert emulator.raw.get(f"{share}/f").status == 404


def test_a_reset_after_did_it_all_and_lost_the_answer(emulator, share, raw):
    emulator.control.fault(operation="file_create", reset="after")
    with pytest.raises(ConnectionResetError):
        raw.put(f"{share}/f", b"hello")
    assert emulator.raw.get(f"{share}/f").body == b"hello"
    assert emulator.control.counters(share)["operations"]["file_create"]["by_status"] == {"2xx": 2, "lost": 1}


def test_a_lost_answer_makes_the_sdk_s_own_retry_fail(emulator, sdk):
    emulator.control.fault(operation="directory_create", reset="after")
    with pytest.raises(ResourceExistsError):
        sdk.create_directory("d")
    assert sdk.get_directory_client("d").exists()


def test_the_sdk_gives_up_on_resets_without_end(emulator, sdk):
    emulator.control.fault(operation="file_get_properties", reset="before", count=0)
    with pytest.raises((ServiceRequestError, ServiceResponseError)):
        sdk.get_file_client("small").get_file_properties()
    assert emulator.control.rules()[0]["hits"] == 3


def test_a_delayed_request_has_not_acted_yet(emulator, share):
    emulator.control.fault(operation="file_create", delay_s=60)
    with Wire(emulator, "PUT", f"{share}/f", None, CREATE, b"hello") as wire:
        until(lambda: emulator.control.rules()[0]["hits"])
        assert emulator.raw.get(f"{share}/f").status == 404
        assert wire.is_silent()


def test_a_delayed_request_acts_even_if_its_client_has_gone(emulator, share):
    emulator.control.fault(operation="file_create", delay_s=0.2)
    with Wire(emulator, "PUT", f"{share}/f", None, CREATE, b"hello"):
        until(lambda: emulator.control.rules()[0]["hits"])
    until(lambda: emulator.raw.get(f"{share}/f").status == 200)


def test_a_delayed_answer_comes_after_the_act(emulator, share):
    emulator.control.fault(operation="file_create", delay_after_s=60)
    with Wire(emulator, "PUT", f"{share}/f", None, CREATE, b"hello") as wire:
        until(lambda: emulator.raw.get(f"{share}/f").status == 200)
        assert wire.is_silent()


def test_delays_end(emulator, share, raw):
    emulator.control.fault(operation="file_download", delay_s=0.05, delay_after_s=0.05, count=2)
    assert raw.get(f"{share}/small").body == b"x" * 1000
    assert raw.get(f"{share}/big").body == BIG
    emulator.control.fault(operation="file_download", delay_s=0.05, code="InternalError")
    assert raw.get(f"{share}/small").code == "InternalError"
    emulator.control.fault(operation="file_download", delay_s=0.05, reset="before")
    with pytest.raises(ConnectionResetError):
        raw.get(f"{share}/small")


@pytest.mark.parametrize(
    ("file", "fields", "arrives"),
    [
        ("small", {"truncate_bytes": 0}, 0),
        ("small", {"truncate_bytes": 10}, 10),
        ("small", {"truncate_fraction": 0.5}, 500),
        ("big", {"truncate_bytes": 1_500_000}, 1_500_000),
        ("big", {"truncate_fraction": 0.75}, len(BIG) * 3 // 4),
    ],
)
def test_a_truncated_answer_promises_all_and_ends_early(emulator, share, raw, file, fields, arrives):
    emulator.control.fault(operation="file_download", **fields)
    with pytest.raises(http.client.IncompleteRead) as caught:
        raw.get(f"{share}/{file}")
    assert len(caught.value.partial) == arrives
    assert arrives + caught.value.expected == (1000 if file == "small" else len(BIG))


def test_an_answer_without_body_is_truncated_in_its_head(emulator, share):
    emulator.control.fault(operation="file_create", truncate_fraction=0.5)
    with Wire(emulator, "PUT", f"{share}/f", None, CREATE, b"hello") as wire:
        answer = wire.read_to_end()
    assert answer.startswith(b"HTTP/1.1 201 Created\r\n")
    assert b"\r\n\r\n" not in answer
    assert emulator.raw.get(f"{share}/f").body == b"hello"


def test_a_refusal_is_truncated_too(emulator, share, raw):
    emulator.control.fault(operation="file_download", path="/nothing$", truncate_bytes=7)
    with pytest.raises(http.client.IncompleteRead) as caught:
        raw.get(f"{share}/nothing")
    assert len(caught.value.partial) == 7


def test_the_sdk_notices_a_truncated_answer(emulator, sdk):
    emulator.control.fault(operation="file_download", path="/big$", truncate_fraction=0.5)
    with pytest.raises(HttpResponseError, match="Download stream interrupted"):
        sdk.get_file_client("big").download_file()
    assert sdk.get_file_client("big").download_file().readall() == BIG


def test_a_corrupted_answer_differs_in_one_bit(emulator, share, raw):
    for name, whole in (("small", b"x" * 1000), ("big", BIG)):
        emulator.control.fault(operation="file_download", corrupt="answer", seed=3)
        answer = raw.get(f"{share}/{name}")
        assert (answer.status, len(answer.body)) == (200, len(whole))
        wrong = [(a, b) for a, b in zip(answer.body, whole, strict=True) if a != b]
        assert len(wrong) == 1
        assert (wrong[0][0] ^ wrong[0][1]).bit_count() == 1
        assert raw.get(f"{share}/{name}").body == whole


def test_the_sdk_s_checksum_finds_a_corrupted_answer(emulator, sdk):
    emulator.control.fault(operation="file_download", corrupt="answer", count=0)
    file = sdk.get_file_client("small")
    assert len(file.download_file(offset=0, length=1000).readall()) == 1000, "nobody looked"
    with pytest.raises(Exception, match=r"(?i)MD5"):
        file.download_file(offset=0, length=1000, validate_content=True).readall()


def test_a_duplicate_is_carried_out_twice(emulator, share, raw):
    emulator.control.keep_log(10)
    emulator.control.fault(operation="directory_create", duplicate="second", id="twice")
    assert raw.send("PUT", f"{share}/d", {"restype": "directory"}).code == "ResourceAlreadyExists"
    entries = emulator.control.log(operation="directory_create")
    assert [(entry["status"], entry["fault"]) for entry in entries] == [(201, "twice"), (409, "twice")]
    emulator.control.keep_log(0)


def test_a_duplicate_whose_first_answer_arrives_looks_like_any_answer(emulator, share, sdk):
    emulator.control.fault(operation="directory_create", duplicate="first")
    emulator.control.fault(operation="file_download", path="/big$", duplicate="first")
    sdk.create_directory("d")
    assert sdk.get_file_client("big").download_file().readall() == BIG
    counted = emulator.control.counters(share)["operations"]
    assert counted["directory_create"]["by_status"] == {"2xx": 1, "4xx": 1}


@pytest.mark.parametrize(("file", "size"), [("small", 1000), ("big", len(BIG))])
def test_a_stalled_answer_stops_half_way(emulator, share, file, size):
    emulator.control.fault(operation="file_download", stall_s=60)
    with Wire(emulator, "GET", f"{share}/{file}") as wire:
        assert f"Content-Length: {size}\r\n".encode() in wire.read_head()
        assert len(wire.read(size // 2)) == size // 2
        assert wire.is_silent()


def test_a_stall_that_ends_delivers_the_rest(emulator, share, raw):
    emulator.control.fault(operation="file_download", stall_s=0.1, stall_fraction=0.25, count=2)
    assert raw.get(f"{share}/small").body == b"x" * 1000
    assert raw.get(f"{share}/big").body == BIG
    emulator.control.fault(operation="file_create", stall_s=0.1)
    assert raw.put(f"{share}/f", b"hello").status == 201
    assert raw.get(f"{share}/f").body == b"hello", "the connection goes on"


def test_random_faults_are_the_same_again_with_the_same_seed(emulator, share):
    def outcomes(seed):
        """What 120 requests in a row meet when two kinds of fault strike at random."""
        emulator.control.clear()
        emulator.control.fault(operation="file_download", probability=0.1, seed=seed, reset="after")
        emulator.control.fault(operation="file_download", probability=0.2, seed=seed + 1, code="ServerBusy")
        emulator.control.fault(operation="file_download", probability=0.2, seed=seed + 2, corrupt="answer")
        found = []
        for _ in range(120):
            client = RawClient(emulator.port)
            try:
                answer = client.get(f"{share}/small")
                found.append((answer.status, answer.body if answer.status == 200 else b""))
            except ConnectionResetError:
                found.append("reset")
            finally:
                client.close()
        return found

    first = outcomes(11)
    assert first == outcomes(11)
    assert first != outcomes(12)
    kinds = {"reset" if o == "reset" else "whole" if o[1] == b"x" * 1000 else o[0] for o in first}
    assert kinds == {"reset", "whole", 200, 503}


def test_rules_have_ids_are_counted_and_go_one_by_one(emulator, share, raw):
    first = emulator.control.fault(operation="file_download", code="ServerBusy", id="busy", count=0)
    second = emulator.control.fault(operation="file_create", code="InternalError", count=0)
    assert (first["id"], first["hits"]) == ("busy", 0)
    assert second["id"].startswith("fault-")
    raw.get(f"{share}/small")
    raw.get(f"{share}/small")
    assert [(rule["id"], rule["hits"]) for rule in emulator.control.rules()] == [("busy", 2), (second["id"], 0)]
    emulator.control.ask("DELETE", "/faults/busy")
    assert raw.get(f"{share}/small").status == 200
    with emulator.control.faults({"code": "InternalError", "count": 0}, {"status": 503, "id": "a/b c"}):
        assert raw.get(f"{share}/small").status == 500
    assert raw.get(f"{share}/small").status == 200
    assert [rule["id"] for rule in emulator.control.rules()] == [second["id"]]


def test_a_share_at_its_limit_answers_like_one(emulator, share, raw):
    emulator.control.limit(share, iops=0.001, burst_s=3000, retry_after=True)
    assert [raw.get(f"{share}/small").status for _ in range(4)] == [200, 200, 200, 503]
    refused = raw.get(f"{share}/small")
    assert refused.reason == "Operations per second is over the account limit."
    assert int(refused.headers["retry-after"]) > 900
    assert emulator.control.counters(share)["operations"]["file_download"]["throttled"] == 2
    assert emulator.control.ask("GET", f"/shares/{share}/limits")["iops"] == 0.001
    assert emulator.control.ask("DELETE", f"/shares/{share}/limits") is None
    assert raw.get(f"{share}/small").status == 200


def test_an_answer_waits_for_its_latency(emulator, share, raw):
    emulator.control.keep_log(10)
    emulator.control.limit(data_ms=30, metadata_ms=10, jitter_ms=5)
    assert raw.get(f"{share}/big").body == BIG
    assert raw.send("HEAD", f"{share}/big").status == 200
    data, metadata = emulator.control.log()
    assert data["duration_ms"] >= 30
    assert metadata["duration_ms"] >= 10
    emulator.control.keep_log(0)
