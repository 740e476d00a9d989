"""What is said of runs by kind: what a cancelled one leaves, and which kinds and states one can choose from."""

from collections.abc import Mapping
from typing import Final, NamedTuple

from shared.model.run import RunKind, RunState
from shared.model.verify_order import VerifyLevel


class Ending(NamedTuple):
    """What a cancellation means, in sentences."""

    kept: str
    lost: str
    after: str
    """What to do then."""


_CANCELLED: Final[Mapping[RunKind, Ending]] = {
    RunKind.BACKUP: Ending(
        "All earlier restore points. What this run has saved so far stays in the vault, and the next backup does not read it again.",
        "The restore point that this run would have made. What workers have in hand is dropped, and the share snapshot that it reads"
        " from is deleted.",
        "Start another backup when you like: it goes on where this one was.",
    ),
    RunKind.SCAN: Ending(
        "All restore points; a scan saves nothing and deletes nothing.",
        "Its report: it says nothing of what it has not looked at.",
        "Start another scan when you like: it begins anew.",
    ),
    RunKind.RESTORE: Ending(
        "What it has written until now stays on the target, and so does the share snapshot by which it can be undone, if it took one. Its"
        " report will name every directory of which not all was written.",
        "What workers have in hand is dropped; half-written files are not left behind.",
        "Undo it, or start the same restore again with the choice to overwrite what is different: it writes only what is missing.",
    ),
    RunKind.VERIFY: Ending(
        "What it has found so far is told in its journal.",
        "The proof: what it was to look at does not count as looked at. A sample's part is read by the next one. The scratch share of a"
        " drill is deleted.",
        "Start another verify when you like.",
    ),
    RunKind.REBUILD: Ending(
        "The vault, as it is.",
        "The catalogue of this share that it has made so far: nothing of it stays, and the share cannot be browsed.",
        "Start the rebuild again.",
    ),
    RunKind.PRUNE: Ending(
        "Restore points that it has not let go of yet.",
        "Nothing that is not gone already: what it has let go of stays gone.",
        "The next prune goes on.",
    ),
    RunKind.SWEEP: Ending(
        "Everything that a restore point needs: a sweep deletes nothing else.",
        "Nothing: what it has deleted was needed by nobody, and the rest goes with the next sweep.",
        "The next sweep finds what is left.",
    ),
    RunKind.PURGE: Ending(
        "What it has not deleted yet; but that is of no use, for the share stays marked as being purged.",
        "What it has deleted is gone for good.",
        "Purge the share again to have the rest deleted.",
    ),
}
_DRY_RUN: Final = Ending("Everything: a dry run writes nothing.", "Its report.", "Start another dry run when you like.")

KINDS: Final = tuple((kind.value, f"{kind.value}s" if kind is not RunKind.VERIFY else "verifies") for kind in RunKind)
"""For a choice: value and text."""
STATES: Final = tuple((state.value, state.value.replace("_", " ")) for state in RunState)
LEVELS: Final = (
    (VerifyLevel.QUICK.value, "Quick: all that restore points need is there, and the catalogue agrees with the vault"),
    (VerifyLevel.SAMPLE.value, "Sample: that, and a part of the files is read and compared byte for byte"),
    (VerifyLevel.FULL.value, "Full: that, and every file is"),
)


def cancelled(kind: RunKind, *, dry_run: bool = False) -> Ending:
    """What cancelling a run means."""
    return _DRY_RUN if dry_run else _CANCELLED[kind]
