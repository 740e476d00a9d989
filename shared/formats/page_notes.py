"""The notes of a segment's index: columns with a number for each note, or for each that has a flag."""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, TypeVar

from shared.formats import flat
from shared.formats._generated.vault.SegmentIndex import SegmentIndex
from shared.model.node import SLOT_MAX
from shared.model.note import PageNote, Place

_FINGERPRINT: Final = 1
_PAGE_FINGERPRINT: Final = 2
_DELETED: Final = 4
_NEXT_SLOT: Final = 8
_ELSEWHERE: Final = 16
_PLACE: Final = 32
_U64: Final = (1 << 64) - 1

T = TypeVar("T")


def fields(notes: Sequence[PageNote]) -> list[flat.Field]:
    """Return the fields of ``notes``, in the order of the schema; all absent when there are none.

    :raises ValueError: a name holds ``/``.
    """
    names = [note.place.name if note.place else note.lower for note in notes if _is_named(note)]
    joined = "/".join(names)
    if joined.count("/") != max(len(names) - 1, 0):
        raise ValueError("a name holds '/', which separates names")
    places = [note.place for note in notes if note.place]
    return [
        flat.vector("Q", [note.page_id for note in notes]),
        flat.octets(bytes([_flags(note) for note in notes])),
        flat.column("Q", [note.mtime & _U64 for note in notes]),
        flat.vector("Q", [note.fingerprint for note in notes if note.fingerprint is not None]),
        flat.vector("Q", [note.page_fingerprint for note in notes if note.page_fingerprint is not None]),
        flat.vector("I", [note.deleted_run for note in notes if note.deleted_run is not None]),
        flat.vector("I", [note.next_slot for note in notes if note.next_slot is not None]),
        flat.vector("I", list(chain.from_iterable(note.record for note in notes if note.record is not None))),
        flat.vector("Q", [place.parent_id for place in places]),
        flat.vector("Q", [place.file_id for place in places]),
        flat.string(joined),
    ]


def read(table: SegmentIndex) -> list[PageNote]:
    """Return the notes; none of a segment written before there were any.

    :raises ValueError: the columns do not fit each other.
    """
    numbers = flat.numbers
    page_ids = numbers(table.NotesAsNumpy())
    flags = flat.raw(table.NoteFlagsAsNumpy())
    if len(flags) != len(page_ids):
        raise ValueError(f"{len(flags)} flags of {len(page_ids)} notes")
    times = numbers(table.NoteTimesAsNumpy(), len(page_ids))
    fingerprints = iter(numbers(table.FingerprintsAsNumpy()))
    page_fingerprints = iter(numbers(table.PageFingerprintsAsNumpy()))
    deleted_runs = iter(numbers(table.DeletedRunsAsNumpy()))
    next_slots = iter(numbers(table.NextSlotsAsNumpy()))
    records = iter(numbers(table.RecordsAsNumpy()))
    parents = iter(numbers(table.PlaceParentsAsNumpy()))
    file_ids = iter(numbers(table.PlaceFileIdsAsNumpy()))
    names = iter((table.Names() or b"").decode().split("/"))
    found: list[PageNote] = []
    for page_id, flag, time in zip(page_ids, flags, times, strict=True):
        name = _next(names) if page_id & SLOT_MAX or flag & _PLACE else ""
        found.append(
            PageNote(
                page_id=page_id,
                mtime=time - (time >> 63 << 64),
                fingerprint=_next(fingerprints) if flag & _FINGERPRINT else None,
                page_fingerprint=_next(page_fingerprints) if flag & _PAGE_FINGERPRINT else None,
                deleted_run=_next(deleted_runs) if flag & _DELETED else None,
                next_slot=_next(next_slots) if flag & _NEXT_SLOT else None,
                record=(_next(records), _next(records)) if flag & _ELSEWHERE else None,
                lower="" if flag & _PLACE else name,
                place=Place(_next(parents), _next(file_ids), name) if flag & _PLACE else None,
            )
        )
    return found


def _next(values: Iterator[T]) -> T:
    for value in values:
        return value
    raise ValueError("fewer values than flags that announce them")


def _is_named(note: PageNote) -> bool:
    return note.place is not None or bool(note.page_id & SLOT_MAX)


def _flags(note: PageNote) -> int:
    return (
        _FINGERPRINT * (note.fingerprint is not None)
        | _PAGE_FINGERPRINT * (note.page_fingerprint is not None)
        | _DELETED * (note.deleted_run is not None)
        | _NEXT_SLOT * (note.next_slot is not None)
        | _ELSEWHERE * (note.record is not None)
        | _PLACE * (note.place is not None)
    )
