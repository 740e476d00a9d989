"""How the files of one directory differ before and after: what a commit adds to the roll-ups."""

from collections.abc import Iterable

from shared.model.page import FileRow
from shared.model.rollup import FolderChange


def files_changed(before: Iterable[FileRow], after: Iterable[FileRow]) -> FolderChange:
    """Compare files of one directory by slot.

    :param before: of all pages that are written anew; the files of pages that stay need not be here, nor in ``after``.
    :param after: of the same pages. A file that went from one to another of them is the same file.
    """
    old = {file.slot: file for file in before}
    change = FolderChange(files=-len(old), bytes=-sum([file.size_bytes for file in old.values()]))
    for file in after:
        change.files += 1
        change.bytes += file.size_bytes
        previous = old.pop(file.slot, None)
        if previous is None:
            change.new_files += 1
        elif previous != file:
            change.changed_files += 1
    change.deleted_files = len(old)
    return change
