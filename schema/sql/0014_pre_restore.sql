-- Restores of selections, onto what is there already.

ALTER TABLE restore_frontier
    ADD COLUMN parent_id  bigint,                           -- null: where the restore begins
    ADD COLUMN fresh      boolean NOT NULL DEFAULT false,   -- nothing was in its place on the target
    ADD COLUMN lazy       boolean NOT NULL DEFAULT false,   -- made when something in it is restored, and finished only then
    ADD COLUMN only_names text[] COLLATE "C",               -- these of its files; null: all
    ADD COLUMN next_page  int NOT NULL DEFAULT 0,           -- so many of its pages are done
    ADD COLUMN begun      boolean NOT NULL DEFAULT false;   -- some worker had it: something of it may be written

-- Directories that a restore is about to make. Only of such, and only where it may not change what was there, it has to know which
-- are its own, also when a worker died between making them and saying so. Rows go when the run ends.
CREATE TABLE restore_made (
    run_id   bigint NOT NULL,
    node_id  bigint NOT NULL,
    CONSTRAINT restore_made_pk PRIMARY KEY (run_id, node_id)
);

-- How many files and directories a restore may still delete. Null: it may delete nothing.
ALTER TABLE run ADD COLUMN deletes_left bigint;

CREATE INDEX run_undoable ON run (finished_at) WHERE kind = 'restore' AND share_snapshot IS NOT NULL;
