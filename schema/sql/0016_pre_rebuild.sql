-- Rebuilding the catalogue from the vault. Old code does not know the kind of run, as with scans (0010). (The kinds of runs and batches that
-- other migrations of this release add are among them, so that their order does not matter.)

ALTER TABLE run
    DROP CONSTRAINT run_kind,
    ADD CONSTRAINT run_kind CHECK (kind IN ('backup', 'restore', 'scan', 'verify', 'prune', 'rebuild')),
    ADD COLUMN rebuild_order jsonb,   -- what a rebuild was asked to do
    ADD CONSTRAINT run_rebuild_order CHECK ((kind = 'rebuild') = (rebuild_order IS NOT NULL));

-- 8: tombstones on their way to the vault; 9: work on a rebuild.
ALTER TABLE batch
    DROP CONSTRAINT batch_kind,
    ADD CONSTRAINT batch_kind CHECK (kind BETWEEN 0 AND 15) NOT VALID;
ALTER TABLE batch VALIDATE CONSTRAINT batch_kind;

-- Tombstones that no segment notes yet: of directories that a closing deleted. A row goes when its segment is written, which is before the
-- commit record, or after the next run's walk if the run that deleted them made none. Those of old code are not here; a rebuild
-- derives them.
CREATE TABLE tombstone (
    share_id  int NOT NULL,
    page_id   bigint NOT NULL,
    CONSTRAINT tombstone_pk PRIMARY KEY (share_id, page_id)
);

-- What a rebuild has to do: segments to be read, then (planned when they are) ranges of directories to be put together, then indexes.
-- Rows go when they are done, at the latest when the run ends. What was read is kept meanwhile in a schema of the share's own,
-- rebuild_<share_id> (shared/db/rebuilds.py).
CREATE TABLE rebuild_item (
    run_id    bigint NOT NULL,
    kind      smallint NOT NULL CONSTRAINT rebuild_item_kind CHECK (kind IN (0, 1, 2, 3)),  -- segment, plan, range, index
    item_no   bigint NOT NULL,     -- segment: -(run_no << 32 | batch_no), the newest first; range: its first page; index: which
    bytes     bigint NOT NULL,     -- segment: size of the object, -1 if it is not there
    bundles   int[] NOT NULL DEFAULT '{}',  -- segment: sizes of the batch's bundles
    batch_no  int,
    state     smallint NOT NULL,   -- 0 pending, 1 claimed; what is done goes
    CONSTRAINT rebuild_item_pk PRIMARY KEY (run_id, kind, item_no),
    CONSTRAINT rebuild_item_state CHECK (state IN (0, 1) AND (state = 1) = (batch_no IS NOT NULL))
);

CREATE INDEX rebuild_item_pending ON rebuild_item (run_id, kind, item_no) WHERE state = 0;
CREATE INDEX rebuild_item_claimed ON rebuild_item (run_id, batch_no) WHERE state = 1;
