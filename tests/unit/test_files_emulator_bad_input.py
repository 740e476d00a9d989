"""Whatever a client sends is answered with a documented 4xx at worst, and what is refused changes nothing.

Requests are made from the table of operations: a valid one for each, with one thing broken, so that what is wrong is
found deep inside and not by the first check. They are signed after they were broken, except where that is the breakage.
"""

import re
from dataclasses import replace
from itertools import pairwise
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchmarks.emulator.signing import account_sas
from localdev.files_emulator.account import Account
from localdev.files_emulator.errors import CODES
from localdev.files_emulator.operations import rows
from localdev.files_emulator.store_sqlite import SqliteStore
from tests.support.files_emulator import parse
from tests.support.files_emulator_breaking import BODIES, PARAMETERS, broken
from tests.support.files_emulator_requests import Stocked, expected_status, valid
from tests.support.files_emulator_state import state

FACTOR = 1  # 20 to look harder, by hand


def tries(count):
    return settings(
        max_examples=count * FACTOR,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
    )


#: What a refusal names, by its code: the service's documentation has these elements in the body.
NAMED = {
    "InvalidHeaderValue": "HeaderName",
    "MissingRequiredHeader": "HeaderName",
    "UnsupportedHeader": "HeaderName",
    "InvalidQueryParameterValue": "QueryParameterName",
    "OutOfRangeQueryParameterValue": "QueryParameterName",
    "MissingRequiredQueryParameter": "QueryParameterName",
    "InvalidXmlNodeValue": "XmlNodeName",
    "MissingRequiredXmlNode": "XmlNodeName",
    "UnsupportedXmlNode": "XmlNodeName",
}


class Watched:
    """A stocked emulator and what it was before; a new one after anything changed."""

    def __init__(self, make):
        self._make = make
        self.renew()

    def renew(self):
        self.emulator, self._written = self._make()
        self.before, self.written_before = state(self.emulator.account), self._written()

    def check(self, was_refused):
        is_same = state(self.emulator.account) == self.before and self._written() == self.written_before
        if was_refused:
            assert state(self.emulator.account) == self.before
            assert self._written() == self.written_before
        if not is_same:
            self.renew()


def in_memory():
    return Stocked(), lambda: 0


@pytest.fixture(scope="module")
def watched():
    return Watched(in_memory)


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    opened = []

    def make():
        for store in opened:
            store.close()
        opened[:] = [SqliteStore(tmp_path_factory.mktemp("data"))]
        store = opened[0]
        account = Account(blocks=store, journal=store)
        return Stocked(account, store), lambda: store.db.total_changes

    yield Watched(make)
    opened[0].close()


def check_refusal(answer, method):
    """Refused in the words of the service: a known code with its status, and a body that says the same."""
    assert 400 <= answer.status < 500, answer
    assert answer.code in CODES, answer
    assert CODES[answer.code][0] == answer.status, answer
    if method == "HEAD":
        assert answer.body == b""
        return
    body = ElementTree.fromstring(answer.body.decode("utf-8-sig"))
    assert (body.tag, body.findtext("Code")) == ("Error", answer.code)
    if answer.code in NAMED:
        assert body.findtext(NAMED[answer.code]), answer


def check(watched, request, **how):
    answer = watched.emulator.ask(request, **how)
    if answer.status >= 400:
        check_refusal(answer, request.method)
    watched.check(answer.status >= 400)
    return answer


def test_every_operation_has_a_valid_request(watched):
    """One that is missing, or fails, belongs in tests/support/files_emulator_requests.py."""
    assert {request.name for request in valid()} == {row[4].name for row in rows()}
    for request in valid():
        answer = check(watched, request)
        assert answer.status == expected_status(request) or 200 <= answer.status < 300, (request, answer)


#: Headers and parameters that may say anything.
FREE = {"x-ms-content-type", "x-ms-content-language", "x-ms-link-text", "prefix"}


@pytest.mark.parametrize("junk", ["junk!", "\x01", "\uff11", "-"])
def test_no_value_is_taken_for_another(watched, junk):
    for request in valid():
        for part in ("headers", "query"):
            for name, _ in getattr(request, part):
                if name in FREE or name.startswith("x-ms-meta-"):
                    continue
                changed = tuple((n, junk if n == name else value) for n, value in getattr(request, part))
                answer = check(watched, replace(request, **{part: changed}))
                assert answer.status >= 400, (request.name, name)


def test_no_body_is_taken_for_another(watched):
    for request in valid():
        if request.body.startswith((b"<", b"{")):
            for body in BODIES:
                if body or request.name != "share_set_access_policy":  # no body at all: no policies
                    assert check(watched, replace(request, body=body)).status >= 400, (request.name, body[:80])


@tries(500)
@given(broken())
def test_a_broken_request_is_refused_in_words_and_changes_nothing(watched, request):
    check(watched, request)


@tries(400)
@given(broken())
def test_what_is_refused_writes_nothing_to_disk(stored, request):
    check(stored, request)


@tries(200)
@given(broken())
def test_a_request_without_a_signature_does_nothing(watched, request):
    assert check(watched, request, sign=False).status >= 400


PLACES = st.integers(0, 1000)  # in thousandths of the whole, whose length differs from run to run
FIELD = st.sampled_from(["sp", "ss", "srt", "st", "se", "sip", "spr", "sv", "sig"])
SAS_VALUES = st.one_of(
    st.sampled_from(
        ["", "r", "rwdl", "f", "b", "o", "2020-01-01", "2099-01-01T00:00:00Z", "https", "127.0.0.1", "é", "%00"]
    ),
    st.sampled_from(["AAAA", "A" * 43 + "=", "x" * 8000, "\ufffe", "0.0.0.0-255.255.255.255", "2018-03-28", "9999"]),
    st.text(st.characters(exclude_categories=("Cs",)), max_size=10),
)


@tries(400)
@given(st.sampled_from(valid()), FIELD, SAS_VALUES)
def test_a_sas_with_one_field_changed_opens_nothing(watched, request, field, value):
    fields = dict(item.split("=", 1) for item in account_sas().split("&"))
    before = fields.get(field, "")
    if value:
        fields[field] = quote_all(value)
    else:
        fields.pop(field, None)
    if unquote(fields.get(field, "")) == unquote(before):
        return
    sas = "&".join(f"{name}={text}" for name, text in fields.items())
    answer = check(watched, request, sas=sas)
    assert answer.status >= 400, answer
    assert answer.code == "AuthenticationFailed" or answer.code.startswith("Authorization"), answer


def quote_all(text):
    return "".join(f"%{byte:02X}" for byte in text.encode())


PARTS = [
    "%",
    "%F",
    "%FF",
    "%ED%A0%80",
    "%00",
    "%0A",
    "%zz",
    "&",
    "=",
    "+",
    ";",
    "é",
    "a",
    "1",
    "%26",
    "%3D",
    "%2C",
    ",",
]


@tries(300)
@given(
    st.sampled_from([request for request in valid() if request.method == "GET"]),
    st.sampled_from(["", *(f"{name}=" for name in PARAMETERS)]),
    st.lists(st.sampled_from(PARTS), max_size=5).map("".join),
)
def test_a_query_of_any_bytes_is_answered(watched, request, name, text):
    """With a SAS, which does not cover the rest of the query."""
    check(watched, request, sas=f"{name}{text}&{account_sas()}")


@tries(400)
@given(st.sampled_from(valid()), st.data())
def test_what_was_changed_after_it_was_signed_is_refused(watched, request, data):
    signed = watched.emulator.bytes_of(request)
    head, _, body = signed.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    covered = [
        n for n, line in enumerate(lines) if n and line.lower().startswith((b"x-ms-", b"authorization", b"range"))
    ]
    number = data.draw(st.sampled_from([0, *covered]))
    if number == 0:
        method, target, version = lines[0].split(b" ")
        extra = data.draw(st.sampled_from([b"x", b"?timeout=5", b"&timeout=5", b"/", b"%2F", b"."]))
        lines[0] = b" ".join([method, target + extra, version])
    else:
        name, _, value = lines[number].partition(b": ")
        at = data.draw(PLACES) * len(value) // 1000
        value = value[:at] + data.draw(st.sampled_from([b"x", b"0", b":", b"\xff", b"==", b" x"])) + value[at:]
        lines[number] = name + b": " + value
    answer = parse(b"\r\n".join(lines) + b"\r\n\r\n" + body, watched.emulator.bytes)
    check_refusal(answer, request.method)
    watched.check(was_refused=True)


STATUS = re.compile(rb"HTTP/1\.1 (\d\d\d) ")


@tries(400)
@given(st.sampled_from([request for request in valid() if request.method == "PUT"]), st.data())
def test_a_body_that_is_not_as_announced_does_no_harm(watched, request, data):
    """With a SAS, which does not cover the length: half of it, more of it, another length, broken chunks."""
    sent = watched.emulator.bytes_of(request, sas=account_sas())
    head, _, body = sent.partition(b"\r\n\r\n")
    how = data.draw(st.sampled_from(["half", "longer", "length", "twice", "both", "chunks", "half a head"]))
    if how == "half a head":
        sent = head[: data.draw(PLACES) * len(head) // 1000]
    elif how == "half":
        sent = head.replace(b"Content-Length: ", b"Content-Length: 1") + b"\r\n\r\n" + body
    elif how == "longer":
        sent += data.draw(st.sampled_from([b"x", b"GET", b"\r\n", b"\0" * 100, body * 2, b"GET / HTTP/1.1\r\n\r\n"]))
    elif how == "length":
        length = data.draw(st.sampled_from([b"-1", b"x", b"", b"0x5", b"5 5", b"99999999999", b"1" * 30, b"\xb2"]))
        sent = re.sub(rb"Content-Length: \d+", b"Content-Length: " + length, head) + b"\r\n\r\n" + body
    elif how == "twice":
        sent = head + b"\r\nContent-Length: 3\r\n\r\n" + body
    elif how == "both":
        sent = head + b"\r\nTransfer-Encoding: chunked\r\n\r\n" + body
    else:
        head = re.sub(rb"Content-Length: \d+", b"Transfer-Encoding: chunked", head)
        size = data.draw(st.sampled_from([b"zz", b"-1", b"", b"5;x=y", b"fffffffffffffffff", b"2", b"ffff", b" 5 "]))
        sent = (
            head
            + b"\r\n\r\n"
            + size
            + b"\r\n"
            + b"hello\r\n0\r\n"
            + data.draw(st.sampled_from([b"", b"\r\n", b"x\r\n"]))
        )
    cuts = sorted(place * len(sent) // 1000 for place in data.draw(st.lists(PLACES, max_size=4)))
    answer = watched.emulator.bytes(*(sent[a:b] for a, b in pairwise([0, *cuts, len(sent)])))
    statuses = [int(found) for found in STATUS.findall(answer)]
    assert all(status < 500 for status in statuses), answer
    if how == "half" or how == "half a head":
        assert statuses in ([], [400]), answer
    watched.check(was_refused=not any(200 <= status < 300 for status in statuses))


@tries(200)
@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=4))
@example(b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", [])
@example(b"PUT /%FF HTTP/1.1\r\n\r\n", [])
@example(b"OPTIONS * HTTP/1.1\r\n\r\n", [])
@example(b"GET http://[::1]:x/devstoreaccount1 HTTP/1.1\r\n\r\n", [])
@example(b"GET //devstoreaccount1//share?comp=list&comp=list HTTP/1.1\r\n\r\n", [])
@example(b"GET /devstoreaccount1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", [])
@example(b"GET /%ff%fe/x HTTP/1.1\r\nAuthorization: SharedKey a:b\r\n\r\n", [])
@example(b"GET /devstoreaccount1/a?sig=%ff&sv=1&ss=f HTTP/1.1\r\n\r\n", [])
@example(b"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", [])
@example(
    b"GET /devstoreaccount1/a HTTP/1.1\r\nHost: \xff\r\nAuthorization: SharedKey devstoreaccount1:\xff\r\n\r\n", []
)
def test_any_bytes_are_answered_with_a_refusal_or_awaited(watched, data, cuts):
    edges = [0, *sorted(cut for cut in cuts if cut < len(data)), len(data)]
    answer = watched.emulator.bytes(*(data[a:b] for a, b in pairwise(edges)))
    assert answer == b"" or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 100"))
    watched.check(was_refused=True)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("share/a%5Cb", "InvalidResourceName"),
        ("share/a%3Ab", "InvalidResourceName"),
        ("share/%2E%2E", "InvalidResourceName"),
        ("share/dir//x", "InvalidResourceName"),
        ("share/a%00", "InvalidResourceName"),
        ("share/con", "InvalidResourceName"),
        ("share/LPT1", "InvalidResourceName"),
        ("share/...", "InvalidResourceName"),
        ("share/" + "a" * 256, "InvalidFileOrDirectoryPathName"),
        ("share/" + "a" * 5000, "InvalidFileOrDirectoryPathName"),
        ("share/" + "/".join(["a"] * 251), "InvalidFileOrDirectoryPathName"),
        ("share/" + "/".join(["a" * 250] * 9), "InvalidFileOrDirectoryPathName"),
        ("share/%FF", "InvalidUri"),
        ("share/%ED%A0%80", "InvalidUri"),
        ("share/none/x", "ParentNotFound"),
        ("share/dir/file/x", "ParentNotFound"),
        ("share/dir", "ResourceTypeMismatch"),
        ("other/x", "ShareNotFound"),
    ],
)
def test_a_file_cannot_be_created_there(watched, path, code):
    assert watched.emulator.put(path).code == code
    watched.check(was_refused=True)
