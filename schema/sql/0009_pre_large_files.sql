-- Large files: only what is allocated, or changed since the last restore point, is read; and the share snapshot of a restore
-- point can be kept for that.

-- The share snapshot that was kept as a base for range diffs; null when none was.
ALTER TABLE restore_point ADD COLUMN share_snapshot text;

-- What tells this catalogue's own share snapshots of the share from those of anybody else, another installation included.
ALTER TABLE share ADD COLUMN snapshot_mark text NOT NULL DEFAULT replace(gen_random_uuid()::text, '-', '');

-- "changed" is negated in rows that have spans for a part of the file only. A program from before does not find its file
-- in them, and waits for one that does: of the digests it would make the list of another file.
ALTER TABLE large_file
    ADD COLUMN base_run_no int,      -- with base_node_id, the content list that has what is not read; null: holes
    ADD COLUMN base_node_id bigint,
    ADD COLUMN cleared bytea;        -- stretches that are holes: first chunk and number of chunks, 4 bytes each, big-endian

ALTER TABLE span
    ADD COLUMN chunks bigint,        -- bit i: chunk i of the span is to be read; null: all
    ADD COLUMN states bytea;         -- 20 bytes for each chunk read; null: a program from before read all of the span
