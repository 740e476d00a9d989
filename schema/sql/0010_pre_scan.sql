-- Scans: runs that list and compare and move no content. Old code does not know the kind: it can neither start such a run nor
-- read one, so none is started before the old code is gone.

ALTER TABLE run
    DROP CONSTRAINT run_kind,
    ADD CONSTRAINT run_kind CHECK (kind IN ('backup', 'restore', 'scan')),
    -- The share's settings when the run was queued: what is left out must not change under a run. NULL: queued by old code.
    ADD COLUMN settings jsonb,
    -- What a scan found, and what a backup of it would take: shared/core/cost.py.
    ADD COLUMN report jsonb;
