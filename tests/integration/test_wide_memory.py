"""However many entries a directory has, listing, sorting and comparing it takes the same memory."""

import asyncio
import subprocess
import sys
from types import SimpleNamespace

import pytest

from shared.core.fingerprint import entries_fingerprint
from shared.core.paging import cut
from shared.model.manifest import ManifestRef
from shared.model.page import DirectoryPages, Page, PageHead
from shared.usecases.changed_directory import Visit
from shared.usecases.list_directory import list_directory
from shared.usecases.scope import Limits
from shared.usecases.sort_entries import SortedEntries
from shared.usecases.wide_directory import Progress
from tests.support.entries import entry
from tests.support.listings import HEAD, element
from tests.support.memory import peak_mib

LIST_PAGE = 5_000
TEMPLATE = element(entry("NAME", file_id=123456789, size=5))


class Reader:
    """Lists a directory in an order that is not that of names; every ``changed``-th file is said to have grown."""

    def __init__(self, count, changed):
        self.count, self.changed = count, changed

    async def list_page(self, path, marker=""):
        start = int(marker or 0)
        end = min(start + LIST_PAGE, self.count)
        parts = [self.element(n * 7919 % self.count) for n in range(start, end)]
        marker = f"<NextMarker>{end}</NextMarker>" if end < self.count else "<NextMarker />"
        return f"{HEAD}<Entries>{''.join(parts)}</Entries>{marker}</EnumerationResults>".encode()

    def element(self, number):
        text = TEMPLATE.replace("NAME", f"IMG_{number:08d}.jpg").replace("123456789", str(10**18 + number))
        if self.changed and number % self.changed == 0:
            text = text.replace("<Content-Length>5<", "<Content-Length>6<")
        return text


def listed(count, changed=0):
    return asyncio.run(list_directory(Reader(count, changed), "flat", 1 << 26))


def saved(count):
    """The pages of a directory whose files are all saved."""
    listing = listed(count)
    entries = SortedEntries.of(listing)
    heads = [
        PageHead(s.page_no, s.lower, entries_fingerprint(s.entries), ManifestRef(1, 1, 1, 1), None)
        for s in cut(entries, [], next_page_no=0)
    ]
    entries.close()
    listing.close()
    return DirectoryPages(Page(directory_id=2 << 24, name="flat", parent_id=1 << 24), tuple(heads))


def compare(count):
    """Back up a directory of which a few files changed, but for reading them; print the sizes of pieces and peak memory."""
    pages = saved(count)
    listing = listed(count, changed=count // 20)
    entries = SortedEntries.of(listing)
    scope = SimpleNamespace(
        limits=Limits(piece_entries=10 * Limits().page_entries),
        run=SimpleNamespace(run_no=2),
        share=SimpleNamespace(settings=SimpleNamespace(large_file_bytes=1 << 26)),
    )
    visit = Visit(SimpleNamespace(node_id=2 << 24), "flat", 0, is_new=False, claimed=True)
    progress = Progress(visit, pages, [], iter(entries), scope)
    changed = []
    more = True
    while more:
        piece = progress.gather()
        c = progress.changed(piece, listing.fingerprint)
        changed.append(len(c.changed_slices))
        more = not c.is_last
    print(len(pages.heads), sum(changed), max(changed), round(peak_mib()))


def in_a_process_of_its_own(count):
    code = f"from tests.integration.test_wide_memory import compare; compare({count})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return map(int, done.stdout.split())


@pytest.mark.slow
def test_memory_does_not_grow_with_the_directory():
    few_pages, few_changed, _, few_mb = in_a_process_of_its_own(20_000)
    many_pages, many_changed, largest_piece, many_mb = in_a_process_of_its_own(100_000)
    assert many_pages > 3.9 * few_pages
    assert (few_changed, many_changed, largest_piece) == (20, 20, 10)
    assert many_mb < few_mb + 15, f"{few_mb} MB for 20,000 entries, {many_mb} MB for 100,000"
