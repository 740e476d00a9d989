-- Scans: runs that list and compare and move no content. Old code does not know the kind: it can neither start such a run nor
-- read one, so none is started before the old code is gone.

ALTER TABLE run
    DROP CONSTRAINT run_kind,
    ADD CONSTRAINT run_kind CHECK (kind IN ('backup', 'restore', 'scan')),
    -- The share's settings when the run was queued: what is left out must not change under a run. NULL: queued by old code.
    ADD COLUMN settings jsonb,
    -- What a scan found, and what a backup of it would take: shared/core/cost.py.
    ADD COLUMN report jsonb;

-- A file with hash 0 was never read: a scan saw it, or a backup could not read it. Sizes alone say nothing.
CREATE OR REPLACE FUNCTION duplicate_files(least_size bigint DEFAULT 1, most int DEFAULT 100)
RETURNS TABLE (hash bigint, size bigint, copies bigint, wasted_bytes bigint, some_node_ids bigint[])
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT n.hash, n.size, count(*), ((count(*) - 1) * n.size)::bigint, (array_agg(n.node_id ORDER BY n.node_id))[1:10]
  FROM node AS n WHERE n.size >= least_size AND n.hash <> 0
 GROUP BY n.hash, n.size HAVING count(*) > 1 ORDER BY 4 DESC, 1 LIMIT most
$$;
