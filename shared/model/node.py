"""Node ids: 64-bit integers in which a file's directory is arithmetic.

::

    node_id = directory_no << 24 | slot        slot 0: the directory itself; 1..16,777,215: its files
    page_id = directory_no << 24 | page_no     the key of a page's row; page 0 holds the directory itself

``directory_no`` is 1 (the root) to 2**39 - 1, so that ids stay positive in a signed 64-bit column.
"""

from typing import Final

SLOT_BITS: Final = 24
SLOT_MAX: Final = (1 << SLOT_BITS) - 1
"""Most files a directory can hold; the catalogue has no number for the next one, so it is reported as an error."""

DIRECTORY_NO_MAX: Final = (1 << 39) - 1
ROOT_NO: Final = 1
ROOT_ID: Final = ROOT_NO << SLOT_BITS

PAGE_ENTRIES_MAX: Final = 64
"""Most entries in one page, which is what a change rewrites: 1.3 kB of row and 6 KiB of manifest. Fewer make the tree larger, more make it
grow: docs/adr/0006."""


def directory_id(directory_no: int) -> int:
    """Node id of directory ``directory_no``."""
    return directory_no << SLOT_BITS


def file_node_id(directory_node_id: int, slot: int) -> int:
    """Node id of the file in ``slot`` (1..SLOT_MAX) of a directory."""
    return directory_node_id | slot


def parent_of_file(node_id: int) -> int:
    """Node id of the directory that holds file ``node_id``."""
    return node_id & ~SLOT_MAX


def slot_of(node_id: int) -> int:
    """Slot of a node: 0 for a directory."""
    return node_id & SLOT_MAX


def is_directory(node_id: int) -> bool:
    """Whether ``node_id`` names a directory."""
    return not node_id & SLOT_MAX
