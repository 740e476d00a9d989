"""The demo's comparison sees every kind of difference that there can be between two shares, and no other.

Two shares of the emulator are written alike; then one thing is changed in one of them.
"""

import asyncio
import dataclasses
import gzip
import hashlib
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from localdev.demo.account import Account
from localdev.demo.compare import compare
from localdev.demo.content import Given
from localdev.demo.fill import fill
from localdev.demo.plan import Facts, Headers, Plan, PlannedDirectory, PlannedFile
from localdev.demo.reading import read_share

CREATED, WRITTEN, CHANGED = (f"20{year}-01-02T03:04:05.1234567Z" for year in (19, 20, 21))
SDDL = "O:BAG:SYD:P(A;;FA;;;BA)"
FACTS = Facts(created=CREATED, written=WRITTEN, sddl=SDDL, metadata={"colour": "red"}, attributes="Archive")
DIRECTORY = PlannedDirectory("d", dataclasses.replace(FACTS, attributes="Directory | Hidden"))
FILE = PlannedFile(
    "d/日本 %.txt",
    Given(b"content"),
    FACTS,
    Headers(
        content_type="text/plain",
        encoding="identity",
        language="en",
        cache_control="no-cache",
        disposition="inline",
        md5="XrY7u+Ae7tCTyyK7j1rNww==",
    ),
)
EMPTY = PlannedFile("d/empty", facts=Facts(metadata={"size": "none"}))
PLAN = Plan((DIRECTORY, PlannedDirectory("d/inner")), (FILE, EMPTY, PlannedFile("top. ", Given(b"x" * 70_000))))

numbers = count()


@pytest.fixture
def account(files_emulator):
    return Account(url=files_emulator.url, name=files_emulator.account, key=files_emulator.key)


@pytest.fixture(scope="module")
def executor():
    with ThreadPoolExecutor(1) as executor:
        yield executor


@pytest.fixture
def two_shares(account):
    names = [f"demo-compare-{next(numbers)}" for _ in range(2)]
    for name in names:
        with account.share(name) as share:
            share.create_share()
        asyncio.run(fill(account, name, PLAN))
        settle(account, name)
    yield names
    for name in names:
        with account.share(name) as share:
            share.delete_share(delete_snapshots="include")


def settle(account, name):
    """Give everything the same times, those the service sets itself included."""
    with account.share(name) as share:
        for file in PLAN.files:
            client = share.get_file_client(file.path)
            client.set_http_headers(client.get_file_properties().content_settings, file_change_time=CHANGED)
            if not file.facts.created:
                client.set_http_headers(
                    client.get_file_properties().content_settings,
                    file_creation_time=CREATED,
                    file_last_write_time=WRITTEN,
                    file_change_time=CHANGED,
                )
        for path in ("d", "d/inner", ""):
            share.get_directory_client(path).set_http_headers(
                file_attributes="Directory | Hidden" if path == "d" else "Directory",
                file_creation_time=CREATED,
                file_last_write_time=WRITTEN,
                file_change_time=CHANGED,
            )


def differences(account, executor, names, **options):
    expected, found = (read_share(account, name, executor=executor) for name in names)
    return {(d.path, d.what) for d in compare(expected, found, **options)}


def test_nothing_is_found_in_equal_shares(account, executor, two_shares):
    assert differences(account, executor, two_shares) == set()


def set_headers(share, path, **changes):
    """Change content headers or SMB properties, and nothing else."""
    client = share.get_file_client(path)
    settings = client.get_file_properties().content_settings
    options = {}
    for name, value in changes.items():
        if hasattr(settings, name):
            setattr(settings, name, value)
        else:
            options[name] = value
    client.set_http_headers(settings, **{"file_change_time": CHANGED, **options})


def header(name, value):
    return lambda share: set_headers(share, FILE.path, **{name: value})


def overwrite(share):
    client = share.get_file_client(FILE.path)
    client.upload_range(b"C", 0, 1, file_last_write_mode="preserve")
    set_headers(share, FILE.path)


def metadata(value):
    def change(share):
        share.get_file_client(FILE.path).set_file_metadata(value)
        set_headers(share, FILE.path)

    return change


def directory_metadata(share):
    client = share.get_directory_client("d")
    client.set_directory_metadata({"colour": "blue"})
    client.set_http_headers(file_attributes="preserve", file_change_time=CHANGED)


def directory(**options):
    options = {"file_attributes": "preserve", "file_change_time": CHANGED, **options}
    return lambda share: share.get_directory_client("d").set_http_headers(**options)


def keeping_parent(change):
    """Do something that moves the times of ``d``, and put them back."""

    def wrapped(share):
        change(share)
        share.get_directory_client("d").set_http_headers(
            file_attributes="preserve",
            file_creation_time=CREATED,
            file_last_write_time=WRITTEN,
            file_change_time=CHANGED,
        )

    return wrapped


@keeping_parent
def remove(share):
    share.get_file_client("d/empty").delete_file()


@keeping_parent
def add(share):
    share.get_directory_client("d/more").create_directory()


@keeping_parent
def other_kind(share):
    share.get_file_client("d/empty").delete_file()
    share.get_directory_client("d/empty").create_directory()


@keeping_parent
def other_case(share):
    share.get_file_client("d/empty").rename_file("d/Empty")


def longer(share):
    client = share.get_file_client("d/empty")
    settings = client.get_file_properties().content_settings
    client.resize_file(3)  # which takes away what it does not mention, the type
    client.set_http_headers(settings, file_last_write_time=WRITTEN, file_change_time=CHANGED)


OTHER_TIME = "2020-01-02T03:04:05.1234568Z"  # by the last digit only, which the SDK's datetime does not have

CHANGES = {
    "one byte": (overwrite, {(FILE.path, "sha256")}),
    "length": (longer, {("d/empty", "size_bytes"), ("d/empty", "sha256")}),
    "last write time": (header("file_last_write_time", OTHER_TIME), {(FILE.path, "written")}),
    "creation time": (header("file_creation_time", OTHER_TIME), {(FILE.path, "created")}),
    "change time": (header("file_change_time", OTHER_TIME), {(FILE.path, "changed")}),
    "attribute": (header("file_attributes", "Archive | ReadOnly"), {(FILE.path, "attributes")}),
    "permission": (header("file_permission", "O:BAG:SYD:P(A;;FR;;;BA)"), {(FILE.path, "sddl")}),
    "metadata value": (metadata({"colour": "green"}), {(FILE.path, "metadata colour")}),
    "metadata name": (metadata({"Colour": "red"}), {(FILE.path, "metadata colour"), (FILE.path, "metadata Colour")}),
    "metadata missing": (metadata({}), {(FILE.path, "metadata colour")}),
    "type": (header("content_type", "text/html"), {(FILE.path, "header type")}),
    "encoding": (header("content_encoding", "gzip"), {(FILE.path, "header encoding")}),
    "language": (header("content_language", "de"), {(FILE.path, "header language")}),
    "cache control": (header("cache_control", None), {(FILE.path, "header cache-control")}),
    "disposition": (header("content_disposition", "attachment"), {(FILE.path, "header disposition")}),
    "MD5": (header("content_md5", bytearray(16)), {(FILE.path, "header md5")}),
    "missing file": (remove, {("d/empty", "existence")}),
    "extra directory": (add, {("d/more", "existence")}),
    "kind": (other_kind, {("d/empty", "kind")}),
    "case of a name": (other_case, {("d/empty", "existence"), ("d/Empty", "existence")}),
    "directory's last write time": (directory(file_last_write_time=OTHER_TIME), {("d", "written")}),
    "directory's creation time": (directory(file_creation_time=OTHER_TIME), {("d", "created")}),
    "directory's change time": (directory(file_change_time=OTHER_TIME), {("d", "changed")}),
    "directory's attribute": (directory(file_attributes="Directory"), {("d", "attributes")}),
    "directory's permission": (directory(file_permission="O:BAG:SYD:P(A;;FR;;;BA)"), {("d", "sddl")}),
    "directory's metadata": (directory_metadata, {("d", "metadata colour")}),
}


@pytest.mark.parametrize("what", CHANGES)
def test_one_change_is_found_and_nothing_else(what, account, executor, two_shares):
    change, expected = CHANGES[what]
    with account.share(two_shares[1]) as share:
        change(share)
    assert differences(account, executor, two_shares) == expected


def test_bytes_are_compared_as_they_are_stored_whatever_their_encoding(account, executor, two_shares):
    body = gzip.compress(b"packed " * 100)
    files = tuple(
        PlannedFile(name, Given(data), headers=Headers(encoding="gzip")) for name, data in (("a", body), ("b", b"b"))
    )
    asyncio.run(fill(account, two_shares[0], Plan((), files)))
    nodes = read_share(account, two_shares[0], executor=executor).nodes
    assert nodes["a"].content.sha256 == hashlib.sha256(body).hexdigest()
    assert nodes["b"].content.sha256 == hashlib.sha256(b"b").hexdigest()


def test_the_root_counts_only_when_asked(account, executor, two_shares):
    with account.share(two_shares[1]) as share:
        share.get_directory_client("").set_directory_metadata({"a": "b"})
    assert differences(account, executor, two_shares) == {("", "changed"), ("", "metadata a")}
    assert differences(account, executor, two_shares, with_root=False) == set()


def test_what_is_known_of_a_share_is_taken_over_only_while_it_is_unchanged(account, executor, two_shares):
    name = two_shares[0]
    first = read_share(account, name, executor=executor)
    with account.share(name) as share:
        share.get_file_client(FILE.path).upload_range(b"C", 0, 1, file_last_write_mode="preserve")
        snapshot = share.create_snapshot()["snapshot"]
        share.get_file_client(FILE.path).upload_range(b"X", 0, 1)
    read: list[int] = []
    known = {version: content._replace(sha256="taken over") for version, content in first.contents.items()}
    second = read_share(
        account, name, snapshot=snapshot, executor=executor, known=known, progress=lambda files, _: read.append(files)
    )
    assert sum(read) == len(PLAN.files)
    digests = {path: node.content.sha256 for path, node in second.nodes.items() if node.kind == "file"}
    assert {path for path, digest in digests.items() if digest == "taken over"} == {"d/empty", "top. "}
    assert digests[FILE.path] not in ("taken over", first.nodes[FILE.path].content.sha256)
