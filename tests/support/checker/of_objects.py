"""DESIGN 6, sentence 4: whose the objects are that nothing refers to. And that ended runs leave nothing half-way."""

import re

from tests.support.checker.catalogued import COMMITTED, OPEN, WORK

_BUNDLE = re.compile(r"bundle/(\d+)/(\d+)(?:-(\d+))?\.tar\.zst")
_SEGMENT = re.compile(r"segment/(\d+)/(\d+)\.fb")
_NODE = re.compile(r"(\d+)/(\d+)")
_CHUNK = re.compile(r"chunk/([0-9a-f]{2})/\1[0-9a-f]{62}")
_OTHER = re.compile(
    r"restore/\d+\.jsonl\.zst|point/\d+\.expired|keep/\d+/\d+\.json|ledger/\d+\.fb|dropped/\d+/\d+\.fb|deletion/\d+\.json|marks/\d+/\d+"
)
_POINT = re.compile(r"point/(\d+)\.fb")
_PERMISSION = re.compile(r"permission/(.+)")


def object_problems(catalogued, stored, records, contents, commits):
    """Objects that nobody can account for; ``commits`` are the commit records."""
    referred = {
        name for record in records.by_ref.values() for one in record.entries for name in contents.names(one.content)
    }
    for _, _, _, digests in catalogued.spans:
        for at in range(0, len(digests or b""), 32):
            digits = digests[at : at + 32].hex()
            referred.add(f"chunk/{digits[:2]}/{digits}")
    roots = {record.root.permission_key for record in commits.values()} - {""}
    referred |= {f"permission/{key.replace('*', '-')}" for key in roots}
    torn = {run.run_no for run in catalogued.backups() if _left_something(catalogued, run)}
    if catalogued.expired:  # what they needed goes when a sweep comes, piece by piece
        torn |= {run_no for run_no, _ in catalogued.batches}
    problems = []
    for name, data in sorted(stored.objects.items()):
        problem = _problem(catalogued, name, len(data), referred, torn)
        if problem:
            problems.append(f"{name}: {problem}")
    for key in sorted(catalogued.permissions):
        if f"permission/{key.replace('*', '-')}" not in stored.objects:
            problems.append(f"permission {key} is known to the catalogue and not in the vault")
    return problems


def _left_something(catalogued, run):
    """Whether a run is at work, was given up, lost files or had batches taken from it: it may leave what nothing refers to."""
    batches = [b for b in catalogued.batches.values() if b.run_no == run.run_no and b.kind in WORK]
    return (
        run.is_active or run.run_no not in catalogued.points or run.errors or any(b.state != COMMITTED for b in batches)
    )


def _problem(catalogued, name, size, referred, torn):
    if match := _SEGMENT.fullmatch(name) or _BUNDLE.fullmatch(name):
        run_no, batch_no = int(match[1]), int(match[2])
        batch, run = catalogued.batches.get((run_no, batch_no)), catalogued.runs.get(run_no)
        if batch is None:
            # Claimed since the catalogue was read, or nobody knows where it comes from.
            return "" if run is not None and run.is_active and batch_no >= run.next_batch_no else "of no batch"
        if batch.state != COMMITTED:
            return ""  # nothing refers to it: for the sweeper
        if match.re is _SEGMENT:
            if batch.segment_swept:
                return ""  # about to be deleted
            return "" if batch.segment_bytes == size else f"{size} bytes, its batch says {batch.segment_bytes}"
        part = int(match[3] or 0)
        if part < len(batch.bundle_bytes) and batch.bundle_bytes[part] == -size:
            return ""  # about to be deleted
        if part >= len(batch.bundle_bytes) or batch.bundle_bytes[part] != size:
            return f"{size} bytes, its committed batch says {batch.bundle_bytes}"
        return "" if name in referred or run_no in torn else "its batch is committed and nothing refers to it"
    if match := _NODE.fullmatch(name):
        return (
            "" if name in referred or int(match[2]) in torn else "nothing refers to it, and nothing of its run was torn"
        )
    if _CHUNK.fullmatch(name):
        return "" if name in referred or torn else "nothing refers to it, and no run was torn"
    if _OTHER.fullmatch(name):
        return ""
    if match := _POINT.fullmatch(name):
        return ""  # of_points
    if match := _PERMISSION.fullmatch(name):
        known = match[1].replace("-", "*") in catalogued.permissions or name in referred
        return "" if known or torn else "the catalogue does not know it, and no run was torn"
    return "no object is called like this"


def tidy_problems(catalogued):
    """What ended runs must have taken with them, and what claims must agree about."""
    active = {run.run_id: run for run in catalogued.runs.values() if run.is_active}
    failed = {run.run_id for run in catalogued.runs.values() if run.state in ("failed", "cancelled")}
    problems = []
    open_batches = {(b.run_no, b.batch_no) for b in catalogued.batches.values() if b.state == OPEN}
    numbers = {run.run_no for run in active.values()}
    problems += [f"batch {key} is open, and its run has ended" for key in sorted(open_batches) if key[0] not in numbers]
    for table in ("frontier", "spans", "large_files"):
        for run_id in sorted({row[0] for row in getattr(catalogued, table)} - active.keys()):
            problems.append(f"run {run_id} has ended and has rows in {table}")
    for run_id in sorted({row[0] for row in catalogued.missing} - active.keys() - failed):
        problems.append(f"run {run_id} has ended well and has rows in missing")
    claimed = [(run_id, batch_no) for run_id, _, state, batch_no in catalogued.frontier if state == 1]
    claimed += [(run_id, batch_no) for run_id, state, batch_no, _ in catalogued.spans if state == 1]
    for run_id, batch_no in sorted(set(claimed)):
        if run_id in active and (active[run_id].run_no, batch_no) not in open_batches:
            problems.append(f"something is claimed by batch {batch_no} of run {run_id}, which is not open")
    live = catalogued.live()
    for run_id, node_id, _, _ in catalogued.frontier:
        if node_id not in live:
            problems.append(f"the frontier of run {run_id} has {node_id}, which is no live directory")
    if sum(run.is_active for run in catalogued.backups()) > 1:
        problems.append("two backups are active")
    return problems
