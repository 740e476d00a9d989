"""Request bodies for aiohttp that neither warn nor block.

aiohttp warns of bytes longer than a megabyte, because it hands them to the socket in one piece. Slices keep the event loop
free between them and the socket's buffer small.
"""

from typing import Final

from aiohttp.abc import AbstractStreamWriter
from aiohttp.payload import Payload

SLICE_BYTES: Final = 256 * 1024


class SlicedBody(Payload):
    """Bytes, sent slice by slice; may be sent again."""

    _value: bytes | bytearray
    _autoclose = True  # nothing to close: only memory

    def __init__(self, value: bytes | bytearray) -> None:
        super().__init__(value)
        self._size = len(value)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """The bytes as text."""
        return self._value.decode(encoding, errors)

    async def as_bytes(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:  # noqa: ARG002 - aiohttp's signature
        """The bytes."""
        return bytes(self._value)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send everything."""
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: AbstractStreamWriter, content_length: int | None) -> None:
        """Send the first ``content_length`` bytes."""
        view = memoryview(self._value)[:content_length]
        for start in range(0, len(view), SLICE_BYTES):
            await writer.write(view[start : start + SLICE_BYTES])
            await writer.drain()


def outgoing(body: bytes | bytearray) -> bytes | bytearray | SlicedBody:
    """``body`` in the form to give to aiohttp."""
    return body if len(body) <= SLICE_BYTES else SlicedBody(body)
