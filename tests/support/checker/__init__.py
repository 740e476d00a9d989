"""An independent checker of DESIGN 6, "what is true at every instant": one share's catalogue and vault against the six sentences.

It reads Postgres through plain SQL and the vault through Azure's SDK; of the product it uses the decoders of bytes
(``shared/formats``) and the hashes, and no use case, adapter or query. It may look at any moment, workers at work or killed:

1. a committed restore point reaches only manifests that exist, and those only content that exists and is what its hashes
   say (:mod:`of_points`, :mod:`contents`);
2. an object never changes (:mod:`stored`, which remembers between checks);
3. what the vault says of every page is what the catalogue says (:mod:`of_tree`, :mod:`records`);
4. what nothing refers to belongs to a run in progress, or to one of which something was torn (:mod:`of_objects`);
5. fingerprints are stored only where everything is safe (:mod:`of_tree`);
6. only the commit record makes a restore point (:mod:`of_points`).

Besides: roll-ups are sums of the rows, node ids are unique, names are on the pages they belong to, ended runs left nothing.

As a command: ``python -m tests.support.checker --share 1`` with the settings of the app in the environment.
"""

from tests.support.checker import catalogued, of_objects, of_points, swept
from tests.support.checker.contents import Contents
from tests.support.checker.of_tree import TreeLaws
from tests.support.checker.records import Records, Tree
from tests.support.checker.stored import Stored


class Checker:
    """Checks one share again and again; keep it, because only then it sees objects change."""

    def __init__(self, postgres_url, vault_connection, share_id):
        self._url, self._share_id = postgres_url, share_id
        self.catalogued = catalogued.read(postgres_url, share_id)
        tenant_id = self.catalogued.tenant_id
        self._stored = Stored(vault_connection, tenant_id, share_id)
        self._records = Records(self._stored)
        self.contents = Contents(self._stored, tenant_id, share_id)
        self.trees: dict[int, Tree] = {}
        """By run number, what the restore points were at the last check."""

    def remember(self, seen):
        """Begin with what another look at the same vault saw."""
        self._stored.remember(seen)

    def check(self, *, full=False):
        """What is wrong; nothing if all is well. ``full``: read every object again, not only what is new."""
        # The catalogue first: whatever it refers to must be in the vault by then.
        self.catalogued = found = catalogued.read(self._url, self._share_id)
        problems = self._stored.refresh(full=full)
        self._swept = gone = swept.read(self._stored)
        if gone.by:  # what nobody needs may go, and what somebody needs is missed below
            problems = [problem for problem in problems if not _may_go(problem)]
        if full or gone.by:
            self.contents.forget()
            self._records = Records(self._stored)
        problems += self._records.load([key for key in found.committed_segments() if gone.counts(key)])
        problems += self._records.history_problems(gone)
        commits, told = of_points.point_records(self._stored)
        problems += told + of_points.commit_problems(found, commits, gone)
        self.trees = {}
        for run_no in sorted(found.points.keys() & commits.keys()):
            self.trees[run_no], told = of_points.tree_at(self._records, commits, run_no, gone)
            problems += told
            problems += of_points.reach_problems(
                found, self._stored, self._records, self.contents, run_no, commits[run_no], self.trees[run_no]
            )
        problems += self._live_content()
        problems += TreeLaws(found, self._records, gone).problems()
        problems += of_objects.object_problems(found, self._stored, self._records, self.contents, commits)
        problems += of_objects.tidy_problems(found)
        return problems

    def content(self, run_no, path):
        """The bytes of a file at a restore point of the last check."""
        return self.contents.read(self.trees[run_no].nodes[path])

    def _live_content(self):
        """A manifest that no restore point reaches yet is as good as any other (6): its content is there.

        Once a sweep has been, of those that it looked at the ones that are the newest of a live page.
        """
        problems = []
        live = {page.manifest for page in self.catalogued.pages.values() if page.deleted_run is None}
        for ref, record in self._records.by_ref.items():
            if ref.run_no <= self._swept.horizon and ref not in live:
                continue
            for one in record.entries:
                problem = self.contents.problem(one)
                if problem:
                    problems.append(f"content of {one.entry.name!r} in the manifest at {ref}: {problem}")
        return problems


def _may_go(problem):
    """Whether it is that something is gone which sweeps delete: anything but what is told for ever."""
    name = problem.removeprefix("object ").removesuffix(" is gone").partition("/")[2]
    return problem.endswith(" is gone") and name.split("/")[0] not in (
        "point",
        "keep",
        "policy",
        "permission",
        "ledger",
        "dropped",
        "deletion",
    )
