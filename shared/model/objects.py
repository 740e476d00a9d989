"""Names of vault objects, relative to the tenant's container.

Names come from ids and digests, never from file names. The layout is docs/FORMAT.md's first table.
"""


def bundle_name(share_id: int, run_no: int, batch_no: int, part: int) -> str:
    """A TAR of small files; ``part`` counts a batch's bundles from 0 and is left out for the first."""
    suffix = f"-{part}" if part else ""
    return f"{share_id}/bundle/{run_no}/{batch_no}{suffix}.tar.zst"


def segment_name(share_id: int, run_no: int, batch_no: int) -> str:
    """The manifests of one batch."""
    return f"{share_id}/segment/{run_no}/{batch_no}.fb"


def chunk_name(share_id: int, digest: bytes) -> str:
    """A chunk, by its per-share BLAKE3 digest."""
    digits = digest.hex()
    return f"{share_id}/chunk/{digits[:2]}/{digits}"


def node_object_name(share_id: int, node_id: int, run_no: int) -> str:
    """A small file that was not worth bundling, or the content list of a large one."""
    return f"{share_id}/{node_id}/{run_no}"


def is_bulk(name: str) -> bool:
    """Whether an object is one of those that nearly all bytes are in, and that only restores, deep verifies and repacks read: bundles, chunks."""
    return name.partition("/")[2].startswith(("bundle/", "chunk/"))


def permission_name(share_id: int, permission_key: str) -> str:
    """A security descriptor (SDDL, UTF-8). Azure's key is two integers joined by ``*``; the name has ``-`` instead."""
    return f"{share_id}/permission/{permission_key.replace('*', '-')}"


def restore_report_name(share_id: int, run_no: int) -> str:
    """What a restore came to."""
    return f"{share_id}/restore/{run_no}.jsonl.zst"


def point_name(share_id: int, run_no: int) -> str:
    """The commit record of a restore point."""
    return f"{share_id}/point/{run_no}.fb"


def expired_name(share_id: int, run_no: int) -> str:
    """Says that a restore point is gone."""
    return f"{share_id}/point/{run_no}.expired"


def keep_event_name(share_id: int, run_no: int, event_no: int) -> str:
    """Something that somebody said about a restore point: a pin, a legal hold, or the end of one."""
    return f"{share_id}/keep/{run_no}/{event_no}.json"


def deletion_folder(share_id: int | None) -> str:
    """Where it is said that a share, or (None) the tenant whose container it is, was deleted, brought back, or is being purged."""
    return "deletion/" if share_id is None else f"{share_id}/deletion/"


def deletion_event_name(share_id: int | None, event_no: int) -> str:
    """One thing that is said there."""
    return f"{deletion_folder(share_id)}{event_no}.json"


def policy_name(share_id: int, number: int) -> str:
    """Which policy the share has since something about that changed for the ``number``-th time."""
    return f"{share_id}/policy/{number}.json"


def ledger_name(share_id: int, run_no: int) -> str:
    """Which segments a sweep has left; a folder of its own, so that the newest is found without looking at anything else."""
    return f"{share_id}/ledger/{run_no}.fb"


def dropped_name(share_id: int, run_no: int, batch_no: int) -> str:
    """Pages that one piece of a sweep has found that nobody needs."""
    return f"{share_id}/dropped/{run_no}/{batch_no}.fb"


def marks_name(share_id: int, run_no: int, batch_no: int) -> str:
    """What one piece of a sweep has found to be needed; there while the sweep lasts."""
    return f"{share_id}/marks/{run_no}/{batch_no}"


def tally_name(share_id: int, run_no: int, batch_no: int) -> str:
    """What one piece of a sweep has found of the bundles in use; there while the sweep lasts."""
    return f"{share_id}/marks/{run_no}/{batch_no}.bundles"
