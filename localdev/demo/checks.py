"""The numbers this product promises, checked against what was counted.

Everything here is a pure function of what the runs counted and of what the shares look like.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localdev.demo.reading import Reading

FILES_PER_VAULT_WRITE = 300
REQUESTS_BESIDES = 20
"""Files requests of a backup that do not depend on the share: its properties, its snapshot, new permissions."""
WRITES_BESIDES = 20
"""Vault writes of a backup that do not depend on what changed: the commit record, segments of batches."""
COUNTING_TOLERANCE = 0.01
"""Share of requests by which the product's own count may differ from the service's."""


@dataclass(frozen=True, slots=True)
class Check:
    """A promise, and whether it held."""

    promise: str
    found: str
    holds: bool

    def __str__(self) -> str:
        """Say it in one sentence."""
        return f"{'holds' if self.holds else 'BROKEN'}: {self.promise} ({self.found})"


@dataclass(frozen=True, slots=True)
class Touched:
    """How a share came from one state to a later one.

    A node is touched if no node of the earlier state has its FileId and ETag; so one is by every change of its own,
    a move included, but not by a move of a directory above it.
    """

    files: int
    directories: int
    listings: int
    """Directories of which a listing shows something else than before; those that are new or gone included."""
    carried_files: int
    """Untouched files that are at another path, because a directory above them moved."""


def touched(before: Reading, after: Reading) -> Touched:
    """Tell what changed between two readings of the same share."""
    known = set(before.versions.values())
    nodes = [path for path in after.nodes if path]
    changed = [path for path in nodes if after.versions[path] not in known]
    files = sum(after.nodes[path].kind == "file" for path in changed)
    carried = sum(
        after.nodes[path].kind == "file" and before.versions.get(path) != version
        for path, version in after.versions.items()
        if version in known
    )
    listings = _listings(before).items() ^ _listings(after).items()
    return Touched(files, len(changed) - files, len({file_id for file_id, _ in listings}), carried)


def _listings(reading: Reading) -> dict[str, frozenset[tuple[str, tuple[str, str]]]]:
    """Give the names and versions in each directory, by its FileId."""
    children: dict[str, set[tuple[str, tuple[str, str]]]] = {
        path: set() for path, node in reading.nodes.items() if node.kind == "directory"
    }
    for path, version in reading.versions.items():
        if path:
            parent, _, name = path.rpartition("/")
            children[parent].add((name, version))
    return {reading.versions[path][0]: frozenset(entries) for path, entries in children.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What was counted in one backup."""

    counters: Mapping[str, int]
    service_requests: int
    """Requests that the emulator counted in the meantime."""


def check_backup(backup: Backup, reading: Reading) -> Iterator[Check]:
    """Check what holds for every backup of what ``reading`` shows."""
    files = sum(node.kind == "file" for node in reading.nodes.values())
    directories = len(reading.nodes) - files
    size = sum(node.size_bytes for node in reading.nodes.values())
    counted = backup.counters
    seen = (counted["files"], counted["directories"], counted["bytes"])
    yield Check(
        "the run counts every file, directory and byte of the share",
        f"{seen[0]:,} files, {seen[1]:,} directories, {seen[2]:,} bytes; there are {files:,}, {directories:,}, {size:,}",
        seen == (files, directories, size),
    )
    sent, arrived = counted["files_requests"], backup.service_requests
    yield Check(
        f"the run's count of Files requests is the service's, give or take {COUNTING_TOLERANCE:.0%}",
        f"{sent:,} counted, {arrived:,} arrived",
        abs(sent - arrived) <= max(REQUESTS_BESIDES, arrived * COUNTING_TOLERANCE),
    )


def check_first(backup: Backup) -> Iterator[Check]:
    """Check the first backup of a share of ten thousands of files."""
    counted = backup.counters
    writes = counted["vault_writes"] - counted["vault_chunk_writes"]
    allowed = counted["files"] // FILES_PER_VAULT_WRITE
    yield Check(
        f"the first backup writes the vault at most once per {FILES_PER_VAULT_WRITE} files, chunks aside",
        f"{writes:,} writes, {allowed:,} allowed",
        writes <= allowed,
    )


def check_second(backup: Backup, change: Touched, after: Reading) -> Iterator[Check]:
    """Check that an incremental backup costs what changed, and no more."""
    counted = backup.counters
    nodes = change.files + change.directories
    yield Check(
        f"the second backup writes the vault at most {WRITES_BESIDES} times and once per changed file or directory",
        f"{counted['vault_writes']:,} writes, {WRITES_BESIDES + nodes:,} allowed",
        counted["vault_writes"] <= WRITES_BESIDES + nodes,
    )
    directories = sum(node.kind == "directory" for node in after.nodes.values())
    further_pages = after.list_pages - directories
    allowed = directories + further_pages + nodes + REQUESTS_BESIDES
    yield Check(
        "the second backup sends one Files request per directory (and per further 5,000 entries), "
        f"per changed file or directory, and {REQUESTS_BESIDES}",
        f"{counted['files_requests']:,} requests, {allowed:,} allowed: "
        f"{directories:,} + {further_pages:,} + {nodes:,} + {REQUESTS_BESIDES}",
        counted["files_requests"] <= allowed,
    )
    yield Check(
        "exactly the changed files are read again, and none of those whose directory was only renamed",
        f"{counted['changed_files']:,} read, {change.files:,} changed, {change.carried_files:,} renamed along",
        counted["changed_files"] == change.files and change.carried_files > 0,
    )
    rows = 2 * change.listings + change.directories
    yield Check(
        "rows of the catalogue are written for changed directories only",
        f"{counted['pages_written']:,} rows, {change.listings:,} listings changed",
        0 < counted["pages_written"] <= rows,
    )


def check_rename(backup: Backup) -> Iterator[Check]:
    """Check a backup before which a directory was renamed, and nothing else done."""
    counted = backup.counters
    yield Check(
        "renaming a directory with all that is below it writes its row, and that of the directory it is in, "
        "and reads no file again",
        f"{counted['moved_directories']:,} renamed, {counted['pages_written']:,} rows, {counted['changed_files']:,} read",
        (counted["moved_directories"], counted["pages_written"], counted["changed_files"]) == (1, 2, 0),
    )
