"""Note in the vault which directories are gone, so that a catalogue made of the vault alone has the same tombstones.

In segments without manifests, a bounded number of pages in each; the run's commit record names them like any other. A crash between
segment and transaction leaves an object that nothing refers to: the next try takes another batch number.
"""

from typing import Final

from shared.formats.segment import SegmentWriter
from shared.model.note import note_of
from shared.model.objects import segment_name
from shared.usecases.scope import RunScope

TOMBSTONES_PER_SEGMENT: Final = 20_000
"""Some 15 MB of memory; a segment of 300 KB."""


async def note_tombstones(scope: RunScope) -> None:
    """Write segments until all is noted. Without deletions nothing is written."""
    catalogue, run = scope.catalogue, scope.run
    while noted := await catalogue.claim_tombstones(run.run_id, TOMBSTONES_PER_SEGMENT, lease_s=scope.limits.lease_s):
        segment = SegmentWriter()
        for page in noted.pages:
            segment.note(note_of(page, run.run_no, noted.batch_no))
        data = segment.finish()
        if noted.pages:
            await scope.vault.put(segment_name(scope.share.share_id, run.run_no, noted.batch_no), data)
        await catalogue.commit_tombstones(run.run_id, noted, len(data) if noted.pages else 0)
