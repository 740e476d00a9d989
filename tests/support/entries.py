"""Entries for tests that do not care about most of their fields."""

from shared.model import ticks
from shared.model.entry import Attributes, Entry


def entry(name, *, file_id=None, changed=0, size=0, is_directory=False, **kwargs):
    when = ticks.from_text("2026-01-02T03:04:05.1234567Z")
    values = {
        "created": when,
        "accessed": when,
        "written": when,
        "modified": when // ticks.PER_SECOND * ticks.PER_SECOND,
        "attributes": int(Attributes.DIRECTORY if is_directory else Attributes.ARCHIVE),
        "permission_key": "1*2",
    } | kwargs
    return Entry(
        name=name,
        is_directory=is_directory,
        file_id=hash(name) & (2**64 - 1) if file_id is None else file_id,
        size_bytes=size,
        changed=when + changed,
        **values,
    )
