"""What can be seen of requests from outside: the counters and the request log."""

import json
import re

from localdev.files_emulator.counters import MAX_SHARES, OTHER_SHARES, Counters
from localdev.files_emulator.messages import Reply, Request
from localdev.files_emulator.request_log import RequestLog, without_signature
from tests.support.files_emulator import InProcess

ANY = re.compile(".*")


def stocked():
    emulator = InProcess()
    emulator.create_share("share")
    emulator.put("share/f", b"hello")
    return emulator


def log_of(emulator, size=100):
    emulator.control.log.keep(size)
    return lambda since=0, operation=ANY, limit=1000: emulator.control.log.page(since, operation, limit)


def test_requests_are_counted_by_operation_share_status_and_bytes():
    emulator = stocked()
    emulator.create_share("other")
    emulator.control.counters.clear()
    emulator.get("share/f")
    emulator.get("share/f", headers={"Range": "bytes=1-2"})
    emulator.send("HEAD", "share/f")
    missing = emulator.get("other/nothing")
    emulator.put("other/g", bytes(7))
    emulator.send("GET", "share/f", sign=False)
    counters = emulator.control.counters
    total = counters.total()
    assert (total.requests, total.by_class[2], total.by_class[4], total.bytes_in) == (6, 4, 2, 7)
    share = counters.operations("share")
    assert set(share) == {"file_download", "file_get_properties"}
    assert share["file_download"].shown()["by_status"] == {"2xx": 2, "4xx": 1}
    assert share["file_get_properties"].bytes_out == 0, "a HEAD's answer has no body"
    assert counters.operations("other")["file_download"].bytes_out == len(missing.body)
    assert counters.operations()["file_download"].requests == 4
    assert counters.shares() == ["other", "share"]


def test_what_is_no_operation_is_counted_too():
    emulator = stocked()
    emulator.control.counters.clear()
    assert emulator.send("GET", "share", {"comp": "nonsense"}).status == 400
    assert list(emulator.control.counters.operations()) == ["unrecognised"]


def test_made_up_share_names_do_not_fill_the_memory():
    counters = Counters()
    for n in range(MAX_SHARES + 50):
        counters.note(Request("GET", "/", "", {}, [], operation="o", share=f"s{n}"), Reply(404), 3)
    assert counters.total().requests == MAX_SHARES + 50
    assert len(counters.shares()) == MAX_SHARES + 1
    assert counters.total(OTHER_SHARES).requests == 50


def test_the_log_is_off_until_asked_for_and_then_keeps_the_last():
    emulator = stocked()
    assert emulator.control.log.page(0, ANY, 10) == {"entries": [], "last": 0, "more": False, "missed": 0}
    log = log_of(emulator, 3)
    for n in range(5):
        emulator.get(f"share/f{n}")
    page = log()
    assert [entry["seq"] for entry in page["entries"]] == [3, 4, 5]
    assert [entry["path"] for entry in page["entries"]] == [f"/devstoreaccount1/share/f{n}" for n in (2, 3, 4)]
    assert (page["last"], page["more"], page["missed"]) == (5, False, 2)


def test_the_log_is_read_page_by_page():
    emulator = stocked()
    log = log_of(emulator)
    for n in range(10):
        emulator.get(f"share/f{n}")
        emulator.send("HEAD", "share/f")
    seen, since, pages = [], 0, 0
    while True:
        page = log(since, re.compile("file_download"), 4)
        seen += [entry["path"][-2:] for entry in page["entries"]]
        since, pages = page["last"], pages + 1
        if not page["more"]:
            break
    assert seen == [f"f{n}" for n in range(10)]
    assert pages == 3
    emulator.get("share/late")
    assert [entry["path"] for entry in log(since)["entries"]] == ["/devstoreaccount1/share/late"]


def test_an_entry_says_what_was_asked_and_answered():
    emulator = stocked()
    log = log_of(emulator)
    emulator.get("share/a%20b", {"timeout": "30"}, {"x-ms-client-request-id": "abc", "User-Agent": "me/1"})
    [entry] = log()["entries"]
    assert entry["duration_ms"] > 0
    wanted = {
        "operation": "file_download",
        "method": "GET",
        "path": "/devstoreaccount1/share/a b",
        "query": "timeout=30",
        "share": "share",
        "status": 404,
        "code": "ResourceNotFound",
        "client_request_id": "abc",
        "user_agent": "me/1",
        "fault": "",
        "throttled": "",
    }
    assert {name: entry[name] for name in wanted} == wanted


def test_no_secret_is_logged(tmp_path):
    emulator = stocked()
    log = log_of(emulator)
    emulator.control.log.write_to(tmp_path / "requests.jsonl")
    emulator.get("share/f")
    emulator.send("GET", "share/f", {"sv": "2026-02-06", "sr": "s", "sp": "r", "SiG": "Secret+1/="}, sign=False)
    for query in (
        "sp=r&%73ig=Secret%2B1%2F%3D",
        "sig=Secret1&sig=Secret2",
        "&sig=Secret=Secret",
        "SIG=Secret",
        "+sig=Secret",
    ):
        head = f"GET /devstoreaccount1/share/f?{query} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer Secret\r\n\r\n"
        emulator.bytes(head.encode())
    emulator.control.log.close()
    text = json.dumps(log()) + (tmp_path / "requests.jsonl").read_text()
    assert len(log()["entries"]) == 7
    assert "Secret" not in text
    assert "SharedKey" not in text
    assert "sr=s&sp=r&SiG=REDACTED" in text


def test_a_query_without_signature_stays_as_it_was():
    query = "restype=directory&comp=list&prefix=a%2Bb&&x&=&sign=1&marker=a=b"
    assert without_signature(query) == query


def test_the_log_file_has_every_request_on_a_line_of_its_own(tmp_path):
    emulator = stocked()
    emulator.control.log.write_to(tmp_path / "requests.jsonl")
    for n in range(3):
        emulator.put(f"share/new%0Aline{n}", b"x")
    lines = (tmp_path / "requests.jsonl").read_text().splitlines()
    assert [json.loads(line)["path"] for line in lines] == [f"/devstoreaccount1/share/new\nline{n}" for n in range(3)]
    assert emulator.control.log.page(0, ANY, 10)["entries"] == [], "in the file only"
    emulator.control.log.close()
    emulator.get("share/f")
    assert len((tmp_path / "requests.jsonl").read_text().splitlines()) == 3


def test_forgetting_the_log_does_not_number_entries_twice():
    log = RequestLog()
    log.keep(2)
    request = Request("GET", "/", "", {}, [])
    log.note(request, Reply(200), 0, 0.0)
    log.keep(0)
    log.keep(2)
    log.note(request, Reply(200), 0, 0.0)
    page = log.page(0, ANY, 10)
    assert ([entry["seq"] for entry in page["entries"]], page["missed"]) == ([2], 1)
