"""A manifest record: one page of a directory at one run.

::

    record = sealed (envelope.py) FlatBuffer "AFBM", version 1, of schema/fbs/manifest.fbs

The schema is a struct of arrays: a number per entry in one vector per field. Both directions work column by column.
"""

from dataclasses import replace
from itertools import chain
from typing import Final, NamedTuple

from shared.formats import envelope, flat, texts
from shared.formats._generated.vault.Manifest import Manifest
from shared.model.content import NO_CONTENT, UNSAVED, Content, ContentKind
from shared.model.entry import Entry, Posix
from shared.model.manifest import NO_HEADERS, Ancestor, ContentHeaders, ManifestRef, PageRecord, SavedEntry

MAGIC: Final = b"AFBM"
VERSION: Final = 1

_DIRECTORY: Final = 1
_STALE: Final = 2
_DIGEST: Final = 4
_QUICKXOR: Final = 8
_MD5: Final = 16
_POSIX: Final = 32
_DIGEST_BYTES: Final = 32
_QUICKXOR_BYTES: Final = 20
_MD5_BYTES: Final = 16
_CHUNK_BYTES: Final = 32
_KINDS: Final = {kind.value: kind for kind in ContentKind}
_SHARED: Final = {(content.kind.value, 0, 0, 0, 0, 0, 0): content for content in (NO_CONTENT, UNSAVED)}


def encode(record: PageRecord, compress: envelope.Compress | None = None) -> bytes:
    """Return the bytes of ``record``. ``compress`` (:func:`envelope.compressor`) saves time over many.

    :raises ValueError: a name that holds ``/``, or a digest of another length than it should have.
    """
    return envelope.seal(MAGIC, VERSION, _buffer(record), compress)


def check(data: bytes) -> None:
    """Look whether a record is what was written. Raises ``IntegrityError``."""
    envelope.check(MAGIC, data, "manifest")


def decode(data: bytes) -> PageRecord:
    """Return the record whose bytes are exactly ``data``.

    :raises IntegrityError: not a manifest, damaged, cut short, or of an unknown version.
    """
    buffer = envelope.unseal(MAGIC, VERSION, data, "manifest")
    with envelope.reading("manifest"):
        table = Manifest.GetRootAs(buffer)
        table._tab = flat.QuickTable(table._tab)  # the generated class has no other door
        return _record(table)


class Subdirectory(NamedTuple):
    """A directory that a record names."""

    node_id: int
    file_id: int
    written: int
    """Ticks."""
    name: str


class File(NamedTuple):
    """A file that a record names."""

    name: str
    node_id: int
    size_bytes: int
    written: int
    """Ticks."""
    quickxor: bytes
    """20 bytes or none."""


class Outline(NamedTuple):
    """The part of a record that a row of the catalogue is made of."""

    directory_id: int
    page_no: int
    run_no: int
    depth: int
    page_nos: tuple[int, ...]
    first_name: str
    files: list[File]
    subdirectories: list[Subdirectory]


def outline(data: bytes) -> Outline:
    """Return what the record ``data`` comes to in the catalogue, in a third of the time that all of it takes.

    :raises IntegrityError: as :func:`decode`.
    """
    buffer = envelope.unseal(MAGIC, VERSION, data, "manifest")
    with envelope.reading("manifest"):
        table = Manifest.GetRootAs(buffer)
        numbers = flat.numbers
        flags = flat.raw(table.FlagsAsNumpy())
        count = len(flags)
        files: list[File] = []
        subdirectories: list[Subdirectory] = []
        names = (table.Names() or b"").decode().split("/") if count else []
        rows = zip(
            flags,
            names,
            numbers(table.NodeIdsAsNumpy(), count),
            numbers(table.FileIdsAsNumpy(), count),
            numbers(table.SizesAsNumpy(), count),
            numbers(table.WrittenAsNumpy(), count),
            _spread(flags, _QUICKXOR, flat.raw(table.QuickxorsAsNumpy()), _QUICKXOR_BYTES),
            strict=True,
        )
        for flag, name, node_id, file_id, size, written, quickxor in rows:
            if flag & _DIRECTORY:
                subdirectories.append(Subdirectory(node_id, file_id, written, name))
            else:
                files.append(File(name, node_id, size, written, quickxor))
        page_nos = tuple(numbers(table.PageNosAsNumpy()))
        head = (table.DirectoryId(), table.PageNo(), table.RunNo(), table.Depth(), page_nos)
        return Outline(*head, names[0] if names else "", files, subdirectories)


class References(NamedTuple):
    """The part of a record that says what else is needed to have what it shows."""

    directory_id: int
    page_no: int
    run_no: int
    depth: int
    ancestors: tuple[Ancestor, ...]
    bundles: dict[tuple[int, int, int], list[int]]
    """Run, batch and part: how many files are in it, and the bytes of their frames."""
    plain: set[tuple[int, int]]
    """Node and run."""
    listed: set[tuple[int, int]]
    """Of content lists: node and run."""
    chunks: bytes
    """Digests, 32 bytes each, holes among them."""


def references(data: bytes) -> References:
    """Return what the record ``data`` refers to, in a fifth of the time that all of it takes.

    :raises IntegrityError: as :func:`decode`.
    """
    buffer = envelope.unseal(MAGIC, VERSION, data, "manifest")
    with envelope.reading("manifest"):
        table = Manifest.GetRootAs(buffer)
        table._tab = flat.QuickTable(table._tab)
        numbers = flat.numbers
        ancestors = numbers(table.AncestorsAsNumpy())
        groups = zip(*(ancestors[at::5] for at in range(5)), strict=True)
        found = References(
            table.DirectoryId(),
            table.PageNo(),
            table.RunNo(),
            table.Depth(),
            tuple(Ancestor(depth, ManifestRef(*where)) for depth, *where in groups),
            {},
            set(),
            set(),
            flat.raw(table.ChunksAsNumpy()),
        )
        kinds = flat.raw(table.ContentKindsAsNumpy())
        runs, nodes = table.ContentRunsAsNumpy(), table.ContentNodesAsNumpy()
        if any(kind in kinds for kind in (ContentKind.BUNDLED, ContentKind.PLAIN, ContentKind.LISTED)):
            rows = zip(
                kinds,
                numbers(runs, len(kinds)),
                numbers(table.ContentBatchesAsNumpy(), len(kinds)),
                numbers(table.ContentPartsAsNumpy(), len(kinds)),
                numbers(nodes, len(kinds)),
                numbers(table.ContentLengthsAsNumpy(), len(kinds)),
                strict=True,
            )
            bundles = found.bundles
            for kind, run_no, batch_no, part, node_id, length in rows:
                if kind == ContentKind.BUNDLED:
                    held = bundles.get((run_no, batch_no, part))
                    if held is None:
                        bundles[run_no, batch_no, part] = [1, length]
                    else:
                        held[0] += 1
                        held[1] += length
                elif kind == ContentKind.PLAIN:
                    found.plain.add((node_id, run_no))
                elif kind == ContentKind.LISTED:
                    found.listed.add((node_id, run_no))
        if len(found.chunks) % _CHUNK_BYTES:
            raise ValueError(f"{len(found.chunks)} bytes of digests of {_CHUNK_BYTES}")
        return found


# ---------------------------------------------------------------------------------------------------------------------
# Writing


def _buffer(record: PageRecord) -> bytes:
    saved = record.entries
    entries = [one.entry for one in saved]
    contents = [one.content for one in saved]
    known = texts.Texts()
    column, number = flat.column, known.number
    ancestors = chain.from_iterable(
        (a.depth, a.ref.run_no, a.ref.batch_no, a.ref.offset, a.ref.length) for a in record.ancestors
    )
    fields: list[flat.Field] = [
        flat.u64(record.directory_id),
        flat.u32(record.page_no),
        flat.u32(record.run_no),
        flat.u32(record.depth),
        flat.vector("I", list(ancestors)),
        flat.vector("I", record.page_nos),
        flat.octets(bytes([_flags(one) for one in saved])),
        flat.string(_names(entries)),
        column("Q", [one.node_id for one in saved]),
        column("Q", [entry.file_id for entry in entries]),
        column("Q", [entry.size_bytes for entry in entries]),
        column("Q", [entry.created for entry in entries]),
        column("Q", [entry.accessed for entry in entries]),
        column("Q", [entry.written for entry in entries]),
        column("Q", [entry.changed for entry in entries]),
        column("Q", [entry.modified for entry in entries]),
        column("I", [entry.attributes for entry in entries]),
        column("I", [number(entry.permission_key) for entry in entries]),
        column("I", [one.saved_run for one in saved]),
        flat.octets(bytes([content.kind for content in contents])),
        column("I", [content.run_no for content in contents]),
        column("I", [content.batch_no for content in contents]),
        column("I", [content.part for content in contents]),
        column("Q", [content.node_id for content in contents]),
        column("Q", [content.offset for content in contents]),
        column("Q", [content.length for content in contents]),
        column("I", [len(content.chunks) for content in contents]),
        _octets("chunk digests", _CHUNK_BYTES, [chunk for content in contents for chunk in content.chunks]),
        _octets("digests", _DIGEST_BYTES, [one.digest for one in saved if one.digest]),
        _octets("QuickXorHashes", _QUICKXOR_BYTES, [one.quickxor for one in saved if one.quickxor]),
    ]
    fields += _headers([one.headers for one in saved], known)
    metadata: list[int] = []
    for at, one in enumerate(saved):
        for name, value in one.metadata:
            metadata += (at, number(name), number(value))
    fields.append(flat.vector("I", metadata))
    # Texts are complete only when every field that refers to them has been made.
    posix = _posix_fields([one.posix for one in saved], known)
    fields += known.fields()
    fields += posix
    return flat.table(MAGIC, fields)


def _flags(saved: SavedEntry) -> int:
    flags = _DIRECTORY if saved.entry.is_directory else 0
    if saved.stale:
        flags |= _STALE
    if saved.digest:
        flags |= _DIGEST
    if saved.quickxor:
        flags |= _QUICKXOR
    if saved.headers.md5:
        flags |= _MD5
    if saved.posix is not None:
        flags |= _POSIX
    return flags


def _names(entries: list[Entry]) -> str:
    joined = "/".join([entry.name for entry in entries])
    if joined.count("/") != max(len(entries) - 1, 0):
        raise ValueError("a name holds '/', which separates names")
    return joined


def _octets(what: str, size: int, values: list[bytes]) -> flat.Field:
    if any(len(value) != size for value in values):
        raise ValueError(f"{what} are {size} bytes each, not {sorted({len(value) for value in values})}")
    return flat.octets(b"".join(values))


def _headers(headers: list[ContentHeaders], known: texts.Texts) -> list[flat.Field]:
    if all(one is NO_HEADERS for one in headers):
        return [None] * 6
    number, column = known.number, flat.column
    return [
        _octets("MD5 hashes", _MD5_BYTES, [one.md5 for one in headers if one.md5]),
        column("I", [number(one.content_type) for one in headers]),
        column("I", [number(one.content_encoding) for one in headers]),
        column("I", [number(one.content_language) for one in headers]),
        column("I", [number(one.content_disposition) for one in headers]),
        column("I", [number(one.cache_control) for one in headers]),
    ]


def _posix_fields(found: list[Posix | None], known: texts.Texts) -> list[flat.Field]:
    if not any(found):
        return [None] * 5
    number, column = known.number, flat.column
    return [
        column("I", [one.mode if one else 0 for one in found]),
        column("I", [one.owner if one else 0 for one in found]),
        column("I", [one.group if one else 0 for one in found]),
        column("I", [one.links - 1 if one else 0 for one in found]),
        column("I", [number(one.link_text) if one else 0 for one in found]),
    ]


# ---------------------------------------------------------------------------------------------------------------------
# Reading


def _record(table: Manifest) -> PageRecord:
    numbers = flat.numbers
    ancestors = numbers(table.AncestorsAsNumpy())
    groups = zip(*(ancestors[at::5] for at in range(5)), strict=True)
    return PageRecord(
        directory_id=table.DirectoryId(),
        page_no=table.PageNo(),
        run_no=table.RunNo(),
        depth=table.Depth(),
        ancestors=tuple(Ancestor(depth, ManifestRef(*where)) for depth, *where in groups),
        entries=_entries(table),
        page_nos=tuple(numbers(table.PageNosAsNumpy())),
    )


def _entries(table: Manifest) -> tuple[SavedEntry, ...]:
    flags = flat.raw(table.FlagsAsNumpy())
    count = len(flags)
    if not count:
        return ()
    numbers = flat.numbers
    names = (table.Names() or b"").decode().split("/")
    known = texts.read(flat.raw(table.TextBytesAsNumpy()), numbers(table.TextEndsAsNumpy()))
    permissions = [known[number] for number in numbers(table.PermissionsAsNumpy(), count)]
    entries = map(
        Entry,
        names,
        [bool(flag & _DIRECTORY) for flag in flags],
        numbers(table.FileIdsAsNumpy(), count),
        numbers(table.SizesAsNumpy(), count),
        numbers(table.CreatedAsNumpy(), count),
        numbers(table.AccessedAsNumpy(), count),
        numbers(table.WrittenAsNumpy(), count),
        numbers(table.ChangedAsNumpy(), count),
        numbers(table.ModifiedAsNumpy(), count),
        numbers(table.AttributesAsNumpy(), count),
        permissions,
    )
    found = map(
        SavedEntry,
        entries,
        numbers(table.NodeIdsAsNumpy(), count),
        numbers(table.SavedRunsAsNumpy(), count),
        _contents(table, count),
        _spread(flags, _DIGEST, flat.raw(table.DigestsAsNumpy()), _DIGEST_BYTES),
        _spread(flags, _QUICKXOR, flat.raw(table.QuickxorsAsNumpy()), _QUICKXOR_BYTES),
        _metadata(numbers(table.MetadataAsNumpy()), known, count),
        _content_headers(table, flags, known),
        [bool(flag & _STALE) for flag in flags],
        _posix(table, flags, known),
    )
    if len(names) != count:
        raise ValueError(f"{len(names)} names for {count} entries")
    return tuple(found)


def _contents(table: Manifest, count: int) -> list[Content]:
    numbers = flat.numbers
    kinds = flat.raw(table.ContentKindsAsNumpy()) or bytes(count)
    chunk_counts = numbers(table.ChunkCountsAsNumpy(), count)
    chunks = flat.pieces(flat.raw(table.ChunksAsNumpy()), _CHUNK_BYTES, sum(chunk_counts))
    rows = zip(
        kinds,
        numbers(table.ContentRunsAsNumpy(), count),
        numbers(table.ContentBatchesAsNumpy(), count),
        numbers(table.ContentPartsAsNumpy(), count),
        numbers(table.ContentNodesAsNumpy(), count),
        numbers(table.ContentOffsetsAsNumpy(), count),
        numbers(table.ContentLengthsAsNumpy(), count),
        strict=True,
    )
    contents: list[Content] = []
    taken = 0
    for row, chunk_count in zip(rows, chunk_counts, strict=True):
        shared = _SHARED.get(row)
        if shared is not None and not chunk_count:
            contents.append(shared)
            continue
        kind, run_no, batch_no, part, node_id, offset, length = row
        own = tuple(chunks[taken : taken + chunk_count]) if chunk_count else ()
        taken += chunk_count
        contents.append(Content(_KINDS[kind], run_no, batch_no, part, node_id, offset, length, own))
    return contents


def _spread(flags: bytes, flag: int, data: bytes, size: int) -> list[bytes]:
    """Return for each entry its piece of ``data``, or nothing where ``flag`` is not set."""
    chosen = [value & flag for value in flags]
    if all(chosen):
        return flat.pieces(data, size, len(flags))
    found = iter(flat.pieces(data, size, sum(map(bool, chosen))))
    return [next(found) if one else b"" for one in chosen]


def _metadata(numbers: list[int], known: list[str], count: int) -> list[tuple[tuple[str, str], ...]]:
    found: list[tuple[tuple[str, str], ...]] = [()] * count
    for at, name, value in zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True):
        found[at] += ((known[name], known[value]),)
    return found


def _content_headers(table: Manifest, flags: bytes, known: list[str]) -> list[ContentHeaders]:
    count = len(flags)
    columns = [
        table.ContentTypesAsNumpy(),
        table.ContentEncodingsAsNumpy(),
        table.ContentLanguagesAsNumpy(),
        table.ContentDispositionsAsNumpy(),
        table.CacheControlsAsNumpy(),
    ]
    md5s = _spread(flags, _MD5, flat.raw(table.Md5sAsNumpy()), _MD5_BYTES)
    distinct: dict[tuple[int, ...], ContentHeaders] = {(0, 0, 0, 0, 0): NO_HEADERS}
    headers: list[ContentHeaders] = []
    for key, md5 in zip(zip(*(flat.numbers(column, count) for column in columns), strict=True), md5s, strict=True):
        one = distinct.get(key)
        if one is None:
            one = distinct[key] = ContentHeaders(*[known[number] for number in key])
        headers.append(replace(one, md5=md5) if md5 else one)
    return headers


def _posix(table: Manifest, flags: bytes, known: list[str]) -> list[Posix | None]:
    count = len(flags)
    if not any(flag & _POSIX for flag in flags):
        return [None] * count
    numbers = flat.numbers
    rows = zip(
        flags,
        numbers(table.OwnersAsNumpy(), count),
        numbers(table.GroupsAsNumpy(), count),
        numbers(table.ModesAsNumpy(), count),
        numbers(table.OtherNamesAsNumpy(), count),
        numbers(table.LinkTextsAsNumpy(), count),
        strict=True,
    )
    return [
        Posix(owner, group, mode, others + 1, known[text]) if flag & _POSIX else None
        for flag, owner, group, mode, others, text in rows
    ]
