"""One step of a backup, or of the next one, in a database that two releases work in at once.

Run by path with the code of either release on PYTHONPATH: ``python -P shared_work.py STEP URL``. Prints, in two lines of
JSON, what this release sees before its step and after. Uses nothing of the code that only one of the two has.
"""

import asyncio
import datetime as dt
import json
import sys

from shared.db import pages, runs, shares, tenants
from shared.db.catalogue import PostgresCatalogue
from shared.db.pool import make_pool
from shared.model.manifest import ManifestRef
from shared.model.page import DirectoryHead, FileRow, Page
from shared.model.run import Counters, RestorePoint, RunKind, RunState
from shared.model.work import BatchCommit, Claim, FoundDirectory

SHARE = 1
ROOT = 1 << 24
DIRECTORIES = [n << 24 for n in range(1, 9)]
LEASE_S = 300.0
ENDED_S = -1.0


def page(directory_id: int, count: int, *, page_no: int = 0, run_no: int = 1, **fields) -> Page:
    """A directory right below the root, or a later page of one; its files are called alike, and differ in all else."""
    number = directory_id >> 24
    first = page_no * 1000 + 1
    files = tuple(
        FileRow(f"page {page_no} of {number}, é {i:04}.txt", first + 3 * i, i * 7**run_no, 10**9 - i, 2**64 - 1 - i)
        for i in range(count)
    )
    given = {"name": files[0].name if page_no else f"d{number}", "manifest": ManifestRef(run_no, 1, 2, 3)}
    if page_no == 0:
        given |= {
            "parent_id": ROOT,
            "file_id": 2**64 - number,
            "mtime": number,
            "fingerprint": run_no,
            "next_slot": 9000,
        }
    return Page(directory_id=directory_id, page_no=page_no, files=files, **(given | fields))


class Work:
    """What the steps have in common."""

    def __init__(self, catalogue: PostgresCatalogue) -> None:
        self.catalogue = catalogue

    async def begin(self) -> None:
        """Tenant, share, run; the root done, seven directories in the frontier, one of them with a worker that vanished."""
        async with self.catalogue.transaction() as conn:
            await tenants.create(conn, "acme", "Acme")
            await shares.create(conn, "acme", name="f", account_url="https://a", share_name="f", credential="c")
        found = [FoundDirectory(node_id=d, mtime=1) for d in DIRECTORIES[1:]]
        claim = await self.new_run()
        await self.commit(claim, pages=[page(d, 0, next_slot=1) for d in DIRECTORIES[1:]], found=found)
        await self.catalogue.claim(1, "vanished", limit=1, lease_s=ENDED_S)

    async def work(self) -> bool:
        """Save up to three directories of the frontier."""
        claim = await self.catalogue.claim(1, "worker", limit=3, lease_s=LEASE_S)
        if claim is None:
            return False
        written = [page(d.head.node_id, 20) for d in claim.directories]
        more = [page(d.head.node_id, 30, page_no=1) for d in claim.directories if d.head.node_id == DIRECTORIES[4]]
        await self.commit(claim, pages=[*written, *more], permissions=["1*2"], segment_bytes=10)
        return True

    async def end(self) -> None:
        """The rest of the run."""
        while await self.work():
            pass
        await self.finish(1)

    async def change(self) -> None:
        """A run of its own: a directory each renamed, deleted, grown and shrunk, and a new one."""
        run_no = (await self.last()).run_no + 1
        claim = await self.new_run()
        renamed = DirectoryHead(
            node_id=DIRECTORIES[1], parent_id=ROOT, name=f"renamed in {run_no}", file_id=1, mtime=1, fingerprint=1
        )
        grown, shrunk = (
            page(DIRECTORIES[2], 20 + run_no, run_no=run_no),
            page(DIRECTORIES[3], 20 - run_no, run_no=run_no),
        )
        dissolved = Page(
            directory_id=DIRECTORIES[4], page_no=1, name="p", deleted_run=run_no, manifest=ManifestRef(1, 1, 2, 3)
        )
        new = page((100 + run_no) << 24, 5, run_no=run_no)
        missing = [(DIRECTORIES[3 + run_no], ROOT)]
        await self.commit(
            claim, pages=[grown, shrunk, dissolved, new], placed=[renamed], missing=missing, segment_bytes=9
        )
        await self.finish(run_no)

    async def read(self) -> None:
        """Only look."""

    async def new_run(self) -> Claim:
        async with self.catalogue.transaction() as conn:
            run = await runs.create(conn, "acme", SHARE, RunKind.BACKUP, None)
        await self.catalogue.start_run(run.run_id)
        await self.catalogue.seed(run.run_id, SHARE, [(ROOT, 5)])
        claim = await self.catalogue.claim(run.run_id, "worker", limit=1, lease_s=LEASE_S)
        assert claim is not None
        return claim

    async def commit(self, claim: Claim, **fields) -> None:
        done = [d.head.node_id for d in claim.directories]
        # The only share, and the runs are its own: their ids are their numbers.
        ids = {"run_id": claim.run_id, "run_no": claim.run_id, "batch_no": claim.batch_no, "share_id": SHARE}
        await self.catalogue.commit(BatchCommit(**ids, done=done, counters=Counters(directories=len(done)), **fields))

    async def finish(self, run_id: int) -> None:
        while await self.catalogue.take_missing(run_id, 100):
            pass
        at = dt.datetime(2026, 1, run_id, tzinfo=dt.UTC)
        directories, files, size = await self.catalogue.totals(SHARE)
        point = RestorePoint(
            run_no=run_id, taken_at=at, committed_at=at, directories=directories, files=files, bytes=size, errors=0
        )
        await self.catalogue.finish_run(run_id, RunState.SUCCEEDED, counters=Counters(), point=point)

    async def last(self) -> RestorePoint:
        point = await self.catalogue.last_restore_point(SHARE)
        assert point is not None
        return point

    async def seen(self) -> dict[str, object]:
        """Everything, by every way there is to it; not totals, which a release may keep that the other does not know of."""
        async with self.catalogue.transaction() as conn:
            listed = await runs.of_share(conn, SHARE)
            if not listed:
                return {}
            await pages.choose_share(conn, SHARE)
            nodes = await (await conn.execute("SELECT * FROM node ORDER BY node_id")).fetchall()
        known = [*DIRECTORIES, *((100 + run.run_no) << 24 for run in listed)]
        rows = await self.catalogue.pages(SHARE, known)
        heads = await self.catalogue.child_heads(SHARE, [ROOT])
        moved = await self.catalogue.heads_by_file_id(SHARE, [2**64 - (d >> 24) for d in known])
        point = await self.catalogue.last_restore_point(SHARE)
        return {
            "runs": [
                [
                    r.run_no,
                    r.state,
                    r.counters.directories,
                    r.counters.deleted_files,
                    await self.catalogue.left(r.run_id),
                ]
                for r in listed
            ],
            "nodes": nodes,
            "pages": [[str(p.directory_id), p.page_no, _plain(p)] for of in rows.values() for p in of],
            "children": [[h.node_id, h.parent_id, h.name, h.file_id, h.mtime, h.fingerprint] for h in heads[ROOT]],
            "by FileId": sorted([file_id, h.node_id, h.name] for file_id, h in moved.items()),
            "permissions": sorted(await self.catalogue.known_permissions(SHARE)),
            "segments": await self.catalogue.committed_batches(SHARE, 0, 100),
            "point": point and [point.run_no, point.directories, point.files, point.bytes],
        }


def _plain(p: Page) -> list[object]:
    manifest = p.manifest and [p.manifest.run_no, p.manifest.batch_no, p.manifest.offset, p.manifest.length]
    files = [[f.name, f.slot, f.size_bytes, f.mtime, f.hash] for f in p.files]
    return [p.name, p.parent_id, p.file_id, p.mtime, p.fingerprint, manifest, p.next_slot, p.deleted_run, files]


async def main(step: str, url: str) -> None:
    async with make_pool(url) as pool:
        work = Work(PostgresCatalogue(pool))
        print(json.dumps(await work.seen()))
        await getattr(work, step)()
        print(json.dumps(await work.seen()))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
