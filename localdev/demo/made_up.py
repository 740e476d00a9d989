"""What a library directory lacks: permissions, attributes, strange names, empty things, large files, a crowded directory.

Everything is derived from constants; two demos write the same, but for the names of the versions of Python.
"""

import datetime as dt
import gzip
import hashlib
from base64 import b64encode
from collections.abc import Iterator
from random import Random

from localdev.demo.content import MIB, NOTHING, Given, Made
from localdev.demo.plan import Facts, Headers, Plan, PlannedDirectory, PlannedFile, time_text

CROWD = "measurements/2024/readings"
CROWD_FILES = 20_000

LARGE = "media/recording.raw"
LARGE_BYTES = 212 * MIB
LARGE_ZEROS_BYTES = 40 * MIB

_MEDIUM_MIB = (2, 3, 5, 9, 17, 33)

_DOMAIN = "S-1-5-21-2127521184-1604012920-1887927527"
SDDLS = (
    f"O:{_DOMAIN}-1013G:{_DOMAIN}-513D:(A;;FA;;;SY)(A;;FA;;;BA)(A;;0x1200a9;;;{_DOMAIN}-1013)",
    f"O:BAG:SYD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(D;;FA;;;{_DOMAIN}-1101)",
    f"O:{_DOMAIN}-1101G:BUD:AI(A;ID;FA;;;SY)(A;ID;0x1301bf;;;AU)",
    f"O:{_DOMAIN}-500G:{_DOMAIN}-512D:PAI(A;OICI;0x1301bf;;;{_DOMAIN}-1107)(A;;FR;;;WD)",
    "O:SYG:SYD:" + "".join(f"(A;;0x1200a9;;;{_DOMAIN}-{rid})" for rid in range(2000, 2150)),
)
"""Distinct permissions; the last is of a size that only goes by key."""

OTHER_SDDL = f"O:BAG:BAD:P(A;;FA;;;BA)(A;;FR;;;{_DOMAIN}-1500)"

STRANGE_NAMES = (
    "日本語のファイル名.txt",
    "한국어 파일.txt",
    "emoji 🎉👩‍👩‍👧.txt",
    "cafe\u0301 combining.txt",
    "caf\u00e9 composed.txt",
    "\u00df and \u1e9e, \u0130 and \u0131.txt",
    "percent 100%.txt",
    "percent %2F encoded %41.txt",
    "plus + and & and ; and =.txt",
    "hash # sign.txt",
    "it's quoted, `twice`.txt",
    "trailing dot.",
    "trailing dots...",
    "trailing space ",
    " leading space.txt",
    ".hidden the Unix way",
    "brackets [x] {y} (z) ~ ^ $ ! @.txt",
    "x" * 251 + ".txt",
    "right \u200fto left שלום.txt",
    "comma, no extension",
)


def made_up(*, crowd: int = CROWD_FILES, large_bytes: int = LARGE_BYTES) -> Plan:
    """Plan everything.

    :param crowd: files in the crowded directory.
    :param large_bytes: size of the large file.
    """
    return Plan.joined([_media(large_bytes), _crowd(crowd), _office(), _names(), _empty()])


def _time(year: int, fraction: int = 0) -> str:
    moment = dt.datetime(year, 2, 28, 23, 59, 58, tzinfo=dt.UTC)
    return time_text(round(moment.timestamp()) * 1_000_000_000 + fraction * 100)


def _media(large_bytes: int) -> Plan:
    zeros_at = large_bytes // 2 // MIB * MIB
    large = Made(1, large_bytes, zeros_at=zeros_at, zeros_bytes=min(LARGE_ZEROS_BYTES, large_bytes // 4))
    files = [
        PlannedFile(LARGE, large, Facts(created=_time(2019, 1), written=_time(2020, 1_234_567))),
        *(
            PlannedFile(
                f"media/take {size:02d}.mov", Made(size, size * MIB + 7 * size), Facts(written=_time(2021, size))
            )
            for size in _MEDIUM_MIB
        ),
    ]
    return Plan((PlannedDirectory("media", Facts(metadata={"Studio": "B"})),), tuple(files))


def _crowd(count: int) -> Plan:
    random = Random(CROWD)  # noqa: S311  nothing secret about it
    start_ns = round(dt.datetime(2024, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000_000
    files = []
    for number in range(count):
        lines = "".join(f"{number},{n},{random.random():.6f}\n" for n in range(random.randrange(1, 40)))
        written = time_text(start_ns + number * 1_000_000_100)
        files.append(PlannedFile(f"{CROWD}/reading {number:05d}.csv", Given(lines.encode()), Facts(written=written)))
    directories = [PlannedDirectory(path) for path in ("measurements", "measurements/2024", CROWD)]
    return Plan(tuple(directories), tuple(files))


def _office() -> Plan:
    """Plan what differs in attributes, permissions, metadata, headers and times."""
    directories = [
        PlannedDirectory("", Facts(sddl=SDDLS[0], written=_time(2014, 77), metadata={"Root": "of all"})),
        PlannedDirectory("office", Facts(sddl=SDDLS[1], written=_time(2015))),
    ]
    files: list[PlannedFile] = []
    attributes = (
        "ReadOnly",
        "Hidden",
        "ReadOnly | Hidden | System",
        "Archive",
        "None",
        "Hidden | Archive",
        "Temporary",
    )
    for number, attribute in enumerate(attributes):
        facts = Facts(attributes=attribute, sddl=SDDLS[number % len(SDDLS)], written=_time(2001 + number, number))
        files.append(PlannedFile(f"office/attributes {number}.doc", Given(attribute.encode()), facts))
    for number, attribute in enumerate(("Hidden | Directory", "ReadOnly | Directory", "System | Directory")):
        facts = Facts(attributes=attribute, sddl=SDDLS[-1 - number], created=_time(1999), written=_time(2004, number))
        directories.append(PlannedDirectory(f"office/kept {number}", facts))
        files.append(PlannedFile(f"office/kept {number}/note.txt", Given(b"inside\n" * (number + 1))))
    for number, sddl in enumerate(SDDLS):
        directories.append(PlannedDirectory(f"office/team {number}", Facts(sddl=sddl)))
        for report in range(12):
            text = f"report {report} of team {number}\n".encode() * (report * 40 + 1)
            facts = Facts(sddl=SDDLS[(number + report) % len(SDDLS)] if report % 3 == 0 else "", written=_time(2010))
            files.append(PlannedFile(f"office/team {number}/report {report:02d}.txt", Given(text), facts))
    body = b"<!doctype html><title>A page</title>\n" * 30
    headers = Headers(
        content_type="text/html; charset=utf-8",
        encoding="identity",
        language="de-CH, en",
        cache_control="max-age=3600, must-revalidate",
        disposition='attachment; filename="page.html"',
        md5=b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode(),
    )
    metadata = {"Author": "somebody", "reviewed_by": "nobody, yet; 100% sure", "CamelCase": "kept"}
    files += [
        PlannedFile("office/page.html", Given(body), Facts(metadata=metadata, written=_time(2012, 5)), headers),
        PlannedFile("office/packed.txt", Given(gzip.compress(body, mtime=0)), headers=Headers(encoding="gzip")),
        PlannedFile("office/not packed.txt", Given(body), headers=Headers(encoding="gzip")),
        PlannedFile("office/typed.json", Given(b"{}"), headers=Headers(content_type="application/json")),
        PlannedFile("office/summed.bin", Given(body), headers=Headers(md5=headers.md5)),
        PlannedFile("office/oldest.txt", Given(b"old"), Facts(created=_time(1601, 1), written=_time(1980, 9_999_999))),
        PlannedFile("office/from the future.txt", Given(b"new"), Facts(created=_time(2099), written=_time(2107, 3))),
    ]
    directories.append(PlannedDirectory("office/described", Facts(metadata=metadata, created=_time(1995, 42))))
    return Plan(tuple(directories), tuple(files))


def _names() -> Plan:
    directories = [PlannedDirectory("names")]
    files: list[PlannedFile] = []
    for number, name in enumerate(STRANGE_NAMES):
        files.append(PlannedFile(f"names/{name}", Given(name.encode() * (number + 1))))
        if len(name) < 100:
            directory = f"names/in {name}"
            directories.append(PlannedDirectory(directory))
            files.append(PlannedFile(f"{directory}/{name}", Given(b"inside")))
    deep = "names"
    for level in range(30):
        deep = f"{deep}/level {level:02d}"
        directories.append(PlannedDirectory(deep))
    files.append(PlannedFile(f"{deep}/bottom.txt", Given(b"deep down\n")))
    return Plan(tuple(directories), tuple(files))


def _empty() -> Plan:
    return Plan(tuple(_empty_directories()), tuple(_empty_files()))


def _empty_directories() -> Iterator[PlannedDirectory]:
    yield PlannedDirectory("empty")
    for number in range(20):
        yield PlannedDirectory(f"empty/directory {number:02d}", Facts(written=_time(2000 + number)))


def _empty_files() -> Iterator[PlannedFile]:
    for number in range(20):
        metadata = {"why": "kept for its name"} if number % 2 else {}
        yield PlannedFile(f"empty/file {number:02d}", NOTHING, Facts(metadata=metadata, written=_time(2000 + number)))
