"""DESIGN 6, sentences 1, 3 and 6: what restore points reach."""

from shared.errors import IntegrityError
from shared.formats import point
from tests.support.checker.records import walk


def point_records(stored):
    """Commit records by run number, and what is wrong with them."""
    found, problems = {}, []
    for name, data in stored.objects.items():
        if name.startswith("point/") and name.endswith(".fb"):
            number = int(name.removeprefix("point/").removesuffix(".fb"))
            try:
                found[number] = point.decode(data)
            except IntegrityError as error:
                problems.append(f"{name} cannot be read: {error}")
    return found, problems


def commit_problems(catalogued, found, swept):
    """Whether commit records and the catalogue's restore points are the same ones, of runs that ended well."""
    problems = []
    for run_no in sorted(catalogued.points.keys() | found.keys()):
        row, record, run = catalogued.points.get(run_no), found.get(run_no), catalogued.runs.get(run_no)
        state = run.state if run is not None else "unknown"
        if record is None:
            problems.append(f"restore point {run_no} has no commit record in the vault")
            continue
        if row is None and run_no in catalogued.expired:
            continue
        if row is None:
            if state != "running":  # closing: the record is written, the row is not yet
                problems.append(
                    f"point/{run_no}.fb is in the vault and no restore point in the catalogue (run is {state})"
                )
            continue
        if state not in ("succeeded", "completed_with_errors"):
            problems.append(f"restore point {run_no} is of a run that is {state}")
        numbers = (record.directories, record.files, record.bytes, record.errors)
        if numbers != tuple(row):
            problems.append(f"restore point {run_no}: the vault says {numbers}, the catalogue {tuple(row)}")
        if (record.tenant_id, record.share_id, record.run_no) != (catalogued.tenant_id, catalogued.share_id, run_no):
            problems.append(f"point/{run_no}.fb says it is {record.tenant_id}/{record.share_id}/{record.run_no}")
        every = catalogued.points.keys() | catalogued.expired.keys()
        before = max((number for number in every if number < run_no), default=None)
        if record.previous_run_no != before:
            problems.append(f"restore point {run_no} says it follows {record.previous_run_no}; it follows {before}")
        after = before or 0
        expected = {key for key in catalogued.committed_segments(run_no) if key[0] > after and swept.counts(key)}
        named = {key for key in record.segments if swept.counts(key)}
        if named != expected:
            odd = sorted(named ^ expected)
            problems.append(f"restore point {run_no} and the catalogue disagree about segments {odd[:5]}")
    return problems


def segments_of(found, run_no, swept):
    """Every segment that a restore point counts, by its commit record and those before it, and what sweeps left: the vault alone."""
    segments = []
    number = run_no
    while number is not None and number in found:
        segments += found[number].segments
        number = found[number].previous_run_no
    return [key for key in segments if swept.counts(key)]


def reach_problems(catalogued, stored, records, contents, run_no, record, tree):
    """Whether one restore point is whole: manifests, content, permissions, numbers; and found by the catalogue's way too."""
    where = f"restore point {run_no}"
    problems = [f"{where}: {problem}" for problem in tree.problems]
    numbers = (tree.directories, tree.files, tree.bytes)
    if numbers != (record.directories, record.files, record.bytes) and not record.errors:
        problems.append(f"{where} has (directories, files, bytes) {numbers}, its record says otherwise: {record}"[:300])
    if tree.unsafe and not record.errors:
        problems.append(f"{where} has no errors, but these are not saved: {sorted(tree.unsafe)[:5]}")
    keys = {saved.entry.permission_key for saved in tree.nodes.values()} | {record.root.permission_key}
    for key in sorted(keys - {""}):
        if f"permission/{key.replace('*', '-')}" not in stored.objects and not record.errors:
            problems.append(f"{where}: permission {key} is not in the vault")
    for path, saved in tree.nodes.items():
        problem = contents.problem(saved)
        if problem:
            problems.append(f"{where}: content of {path!r}: {problem}")
    for (directory_id, page_no), ref in tree.pages.items():
        row = catalogued.pages.get((directory_id, page_no))
        found = _at(records, row.manifest, run_no) if row is not None and row.manifest is not None else None
        if found != ref:
            problems.append(
                f"{where}: page {page_no} of {directory_id} is {ref} by the vault, {found} by its row in the catalogue"
            )
    return problems


def _at(records, ref, run_no):
    """The newest record of a page that is not newer than a run, as docs/FORMAT.md says to find it: of the others some may be gone."""
    while ref is not None and ref.run_no > run_no:
        record = records.by_ref.get(ref)
        if record is None or not record.ancestors:
            return None
        newer = [a for a in record.ancestors if a.ref.run_no > run_no]
        older = [a for a in record.ancestors if a.ref.run_no <= run_no]
        last = newer[-1].depth if newer else record.depth
        if older and (not newer or older[0].depth == last - 1):
            return older[0].ref
        ref = newer[-1].ref if last else None
    return ref


def tree_at(records, found, run_no, swept):
    """The tree of a restore point by the vault alone, and what could not be read on the way."""
    segments = segments_of(found, run_no, swept)
    problems = records.load(segments)
    return walk(records.newest(segments)), problems
