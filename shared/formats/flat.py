"""FlatBuffers of one flat table: scalars, vectors of numbers, strings; no tables inside.

::

    buffer  = root identifier vtable padding table heap
    root    = u32, position of the table
    vtable  = u16 bytes of the vtable, u16 bytes of the table, then per field u16: where it is in the table, 0 if absent
              (up to the last that is there)
    table   = i32 back to the vtable, the 64-bit scalars, then 32-bit scalars and distances to the heap
    heap    = (padding, u32 count, numbers)*

All little-endian, every number aligned to its size. Any FlatBuffers library reads this; ours are the accessors flatc generated. It
is written here because the official builder takes 4 to 6 us per vector where this takes 1: for a page of ten files that is half of
everything.
"""

import struct
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import numpy as np
from flatbuffers import number_types
from flatbuffers.table import Table
from numpy.typing import NDArray

Field: TypeAlias = tuple[str, int, int | bytes] | None
"""Kind, bytes per number, value. None: absent."""

Array: TypeAlias = NDArray[Any] | int
"""What a generated ``...AsNumpy()`` returns: 0 for an absent vector."""

_NUMBER_BYTES: Final = {"I": 4, "Q": 8}


def u32(value: int) -> Field:
    """Return a 32-bit scalar."""
    return ("I", 4, value) if value else None


def u64(value: int) -> Field:
    """Return a 64-bit scalar."""
    return ("Q", 8, value) if value else None


def present_u32(value: int | None) -> Field:
    """Return an optional 32-bit scalar (``= null`` in the schema)."""
    return None if value is None else ("I", 4, value)


def vector(kind: str, values: Sequence[int]) -> Field:
    """Return a vector of ``I`` (32-bit) or ``Q`` (64-bit) numbers; absent when there are none."""
    return ("V", _NUMBER_BYTES[kind], struct.pack(f"<{len(values)}{kind}", *values)) if values else None


def column(kind: str, values: Sequence[int]) -> Field:
    """Return a vector of one number for each of something counted elsewhere; absent when all are 0."""
    return vector(kind, values) if any(values) else None


def octets(data: bytes) -> Field:
    """Return a vector of bytes; absent when there are none."""
    return ("V", 1, data) if data else None


def string(text: str) -> Field:
    """Return a string; absent when empty."""
    return ("S", 1, text.encode()) if text else None


def table(identifier: bytes, fields: Sequence[Field]) -> bytes:
    """The buffer of a table whose n-th field of the schema is ``fields[n]``."""
    while fields and fields[-1] is None:
        fields = fields[
            :-1
        ]  # what a vtable does not reach is absent: so a field that a schema gains costs old tables nothing
    start = 12 + 2 * len(fields)
    gap = (4 - start) % 8  # so that the table's first field, after 4 bytes, is aligned to 8
    start += gap
    wide_bytes = 8 * sum(1 for field in fields if field and field[0] == "Q")
    size = 4 + wide_bytes + 4 * sum(1 for field in fields if field and field[0] != "Q")
    places: list[int] = []
    wide: list[int] = []
    narrow: list[int] = []
    heap: list[bytes] = []
    end = start + size
    for field in fields:
        if field is None:
            places.append(0)
            continue
        kind, number_bytes, value = field
        if isinstance(value, int):
            if kind == "Q":
                places.append(4 + 8 * len(wide))
                wide.append(value)
                continue
            places.append(4 + wide_bytes + 4 * len(narrow))
            narrow.append(value)
            continue
        place = 4 + wide_bytes + 4 * len(narrow)
        padding = -end % 4 if number_bytes <= 4 else (4 - end) % 8
        narrow.append(end + padding - start - place)
        places.append(place)
        heap.append(b"%b%b%b" % (bytes(padding), (len(value) // number_bytes).to_bytes(4, "little"), value))
        end += padding + 4 + len(value)
        if kind == "S":
            heap.append(b"\0")
            end += 1
    head = struct.pack(f"<I4sHH{len(places)}H{gap}x", start, identifier, 4 + 2 * len(places), size, *places)
    return b"".join((head, struct.pack(f"<i{len(wide)}Q{len(narrow)}I", start - 8, *wide, *narrow), *heap))


_U16, _I32, _U32 = struct.Struct("<H"), struct.Struct("<i"), struct.Struct("<I")
_DTYPE: Final[dict[Any, np.dtype[Any]]] = {
    number_types.Uint8Flags: np.dtype("<u1"),
    number_types.Uint32Flags: np.dtype("<u4"),
    number_types.Uint64Flags: np.dtype("<u8"),
}


class QuickTable(Table):  # type: ignore[misc]
    """Finds fields as :class:`flatbuffers.table.Table` does, but looks the vtable up once, and not anew for each field.

    A manifest has forty fields: decoding one of twelve files takes 118 us instead of 195.
    """

    __slots__ = ("_places",)

    def __init__(self, table: Table) -> None:
        """:raises ValueError: where the vtable should be there is none."""
        super().__init__(table.Bytes, table.Pos)
        (back,) = _I32.unpack_from(table.Bytes, table.Pos)
        at = table.Pos - back
        if at < 0:
            raise ValueError(f"the vtable is at {at}")
        (size,) = _U16.unpack_from(table.Bytes, at)
        self._places: tuple[int, ...] = struct.unpack_from(f"<{size // 2}H", table.Bytes, at)

    def Offset(self, vtableOffset: int) -> int:
        """Where a field is, relative to the table; 0 if it is absent."""
        number = vtableOffset >> 1
        return self._places[number] if number < len(self._places) else 0

    def GetVectorAsNumpy(self, flags: Any, off: int) -> Any:
        """The numbers of the vector that the field at ``off`` leads to."""
        at = self.Pos + off
        at += _U32.unpack_from(self.Bytes, at)[0]
        (length,) = _U32.unpack_from(self.Bytes, at)
        return np.frombuffer(self.Bytes, dtype=_DTYPE[flags], count=length, offset=at + 4)


def numbers(array: Array, count: int | None = None) -> list[int]:
    """Return the numbers of a vector as its ``...AsNumpy()`` gave it; of an absent one, ``count`` zeros.

    :raises ValueError: it has another length than ``count``, where that is given.
    """
    if isinstance(array, int):
        return [0] * (count or 0)
    found: list[int] = array.tolist()
    if count is not None and len(found) != count:
        raise ValueError(f"vector of {len(found)} numbers, expected {count}")
    return found


def raw(array: Array) -> bytes:
    """Return the bytes of a vector of bytes as its ``...AsNumpy()`` gave it."""
    return b"" if isinstance(array, int) else bytes(array.data)


def pieces(data: bytes, size: int, count: int | None = None) -> list[bytes]:
    """Return ``data`` cut into pieces of ``size`` bytes.

    :raises ValueError: they are not whole, or not ``count``.
    """
    if len(data) % size or (count is not None and len(data) != count * size):
        raise ValueError(f"{len(data)} bytes of pieces of {size}, expected {'whole ones' if count is None else count}")
    return [data[at : at + size] for at in range(0, len(data), size)]
