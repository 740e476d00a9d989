"""What a verify found so far, one row per object."""

from collections.abc import Sequence
from typing import Final, LiteralString

from shared.db.pool import Connection
from shared.model.verify import PATHS_TOLD, Finding, FindingKind

# What it concerns is added up. Of several things that are wrong with one object the gravest is told.
_ADD: Final[LiteralString] = """
    INSERT INTO verify_finding AS f (run_id, object, kind, reason, current, files, bytes, paths, points, node_id)
    VALUES (
        %(run_id)s, %(object)s, %(kind)s, %(reason)s, %(current)s, %(files)s, %(bytes)s, %(paths)s, %(points)s, %(node_id)s
    )
    ON CONFLICT (run_id, object) DO UPDATE
            SET (kind, reason) = (
                    SELECT kind, reason
                      FROM (VALUES (f.kind, f.reason, 1), (EXCLUDED.kind, EXCLUDED.reason, 2)) AS told (kind, reason, nth)
                  ORDER BY array_position(%(gravest_first)s, kind), nth
                     LIMIT 1
                ),
                current = f.current OR EXCLUDED.current,
                files = f.files + EXCLUDED.files,
                bytes = f.bytes + EXCLUDED.bytes,
                paths = (f.paths || EXCLUDED.paths)[:%(paths_told)s],
                points = ARRAY(SELECT DISTINCT unnest(f.points || EXCLUDED.points) ORDER BY 1),
                node_id = CASE WHEN f.node_id = 0 THEN EXCLUDED.node_id ELSE f.node_id END
    RETURNING xmax = 0
"""
_PAGE: Final[LiteralString] = """
    SELECT kind, object, reason, current, files, bytes, paths, points, node_id
      FROM verify_finding
     WHERE run_id = %s AND object > %s
  ORDER BY object
     LIMIT %s
"""
_FORGET: Final[LiteralString] = "DELETE FROM verify_finding WHERE run_id = %s"


async def add(conn: Connection, run_id: int, findings: Sequence[Finding]) -> int:
    """Add findings to those of other batches; how many objects are new as damaged ones."""
    new = 0
    for finding in sorted(findings, key=lambda f: f.object):
        args = {
            "run_id": run_id,
            "object": finding.object,
            "kind": finding.kind.value,
            "reason": finding.reason.replace("\0", "?"),
            "current": finding.current,
            "files": finding.files,
            "bytes": finding.bytes,
            "paths": finding.paths[:PATHS_TOLD],
            "points": sorted(finding.points),
            "node_id": finding.node_id,
            "gravest_first": [kind.value for kind in FindingKind],
            "paths_told": PATHS_TOLD,
        }
        row = await (await conn.execute(_ADD, args)).fetchone()
        new += row is not None and row[0] and finding.kind.is_damage
    return new


async def page(conn: Connection, run_id: int, after: str, limit: int) -> list[Finding]:
    """Up to ``limit`` findings in order of object, those after one of them."""
    rows = await (await conn.execute(_PAGE, [run_id, after, limit])).fetchall()
    return [
        Finding(
            kind=FindingKind(kind),
            object=name,
            reason=reason,
            current=current,
            files=files,
            bytes=size,
            paths=paths,
            points=set(points),
            node_id=node_id,
        )
        for kind, name, reason, current, files, size, paths, points, node_id in rows
    ]


async def forget(conn: Connection, run_id: int) -> None:
    """Remove all rows of a run."""
    await conn.execute(_FORGET, [run_id])
