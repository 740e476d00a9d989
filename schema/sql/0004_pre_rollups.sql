-- Roll-ups: directories, files and bytes of every top folder (a directory right below the root, and the root for what lies
-- right in it), and what each run changed there.
--
-- No row is hot: a batch of a run in progress inserts differences of its own, and the end of the run, which one worker does,
-- adds them up. So the numbers are those of the tree at every commit: a total and the differences not yet added to it.
--
-- A share whose root has no row here has no roll-ups yet. A batch that is committed and not "rolled_up" is that of a program
-- from before, which keeps none. Either way the share is counted anew from the tree when the next run starts or this one ends
-- (shared/db/rollups.py). No foreign key to share: a program from before would fail to delete one.

ALTER TABLE batch ADD COLUMN rolled_up boolean NOT NULL DEFAULT false;

CREATE TABLE rollup (
    share_id     int NOT NULL,
    top_id       bigint NOT NULL,
    directories  bigint NOT NULL,
    files        bigint NOT NULL,
    bytes        bigint NOT NULL,
    CONSTRAINT rollup_pk PRIMARY KEY (share_id, top_id)
);

CREATE TABLE rollup_change (
    share_id       int NOT NULL,
    run_no         int NOT NULL,
    -- Of a run in progress: the batch, 0 its closing. -1: all of a run that ended; its differences are in the totals.
    batch_no       int NOT NULL CONSTRAINT rollup_change_batch CHECK (batch_no >= -1),
    top_id         bigint NOT NULL,
    directories    bigint NOT NULL,
    files          bigint NOT NULL,
    bytes          bigint NOT NULL,
    new_files      bigint NOT NULL,
    changed_files  bigint NOT NULL,
    deleted_files  bigint NOT NULL,
    CONSTRAINT rollup_change_pk PRIMARY KEY (share_id, run_no, batch_no, top_id)
);

-- Top folders as they are now: the tree of each in directories (itself included), files and bytes. The root stands for itself
-- and the files right in it, so that all rows together are the share.
CREATE FUNCTION top_folders()
RETURNS TABLE (node_id bigint, name text, directories bigint, files bigint, bytes bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT t.top_id, d.name, sum(t.directories)::bigint, sum(t.files)::bigint, sum(t.bytes)::bigint
  FROM (
           SELECT top_id, directories, files, bytes FROM rollup
            WHERE share_id = current_setting('afb.share_id')::int
           UNION ALL
           SELECT top_id, directories, files, bytes FROM rollup_change
            WHERE share_id = current_setting('afb.share_id')::int AND batch_no >= 0
       ) AS t
 CROSS JOIN LATERAL (
           SELECT p.name FROM page AS p
            WHERE p.share_id = current_setting('afb.share_id')::int AND p.page_id = t.top_id
            LIMIT 1
       ) AS d
 GROUP BY t.top_id, d.name
HAVING sum(t.directories) > 0
$$;

-- What happened between two restore points, run "after" and run "up_to", per top folder: files that came, changed and went
-- (each counted once per run that saw it do so), and by how much directories, files and bytes differ. A directory that moves from one top
-- folder to another makes a difference to both, and its files are neither new nor deleted.
CREATE FUNCTION changes_between(after int, up_to int)
RETURNS TABLE (
    node_id bigint, name text, new_files bigint, changed_files bigint, deleted_files bigint,
    directories bigint, files bigint, bytes bigint
)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT c.top_id, d.name, c.new_files, c.changed_files, c.deleted_files, c.directories, c.files, c.bytes
  FROM (
           SELECT top_id,
                  sum(new_files)::bigint AS new_files, sum(changed_files)::bigint AS changed_files,
                  sum(deleted_files)::bigint AS deleted_files, sum(directories)::bigint AS directories,
                  sum(files)::bigint AS files, sum(bytes)::bigint AS bytes
             FROM rollup_change
            WHERE share_id = current_setting('afb.share_id')::int AND run_no > after AND run_no <= up_to
            GROUP BY top_id
       ) AS c
  LEFT JOIN LATERAL (
           SELECT p.name FROM page AS p
            WHERE p.share_id = current_setting('afb.share_id')::int AND p.page_id = c.top_id
            LIMIT 1
       ) AS d ON true
 ORDER BY c.new_files + c.changed_files + c.deleted_files DESC, c.top_id
$$;
