-- How many worker processes there is something to do for: one number for whoever starts and ends them (infra/k8s asks every half minute).
--
-- A run that the workers drive is something to do for one, whatever is left of it; who holds something of one is needed until it is done;
-- and what nobody has claimed of any run that is open is for one more with each
--
--     1,000  directories to visit or to restore: as many as a batch has, seconds to a minute of work
--    16,384  directories of the tree of which a verify or a sweep has yet to read the rows; that is one row of theirs, of which claims
--            take a part, so it does not tell by the number of rows
--        16  spans of large files, a GiB at most; and 16 pieces of any other kind.
--
-- Less than that is done sooner by those who are there than a process starts. Queued runs that wait for their turn are for one, who admits
-- them; those that wait for their window, and paused ones, are for none.
--
-- Nothing is counted beyond what "at_most" workers are wanted for, and everything is walked by the indexes that claims walk, run by run: with
-- ten million rows in the frontier it costs what it costs with a hundred thousand. The planner is told so, because it knows nothing of tables
-- that are filled and emptied faster than they are analyzed; and a scalar subquery is not made a join, as EXISTS is.
--
-- A login that may do nothing but ask this is enough for the question, as it is answered with the owner's rights:
-- GRANT EXECUTE ON FUNCTION workers_wanted(int) TO ...
CREATE FUNCTION workers_wanted(at_most int DEFAULT 100)
RETURNS int
LANGUAGE sql STABLE STRICT SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off AS $$
WITH at_work AS MATERIALIZED (
    -- What a worker takes a turn on: worker/serve.py.
    SELECT r.run_id, r.share_id, r.driver = 'workers' AS is_theirs, r.state = 'running' AS is_open
      FROM run AS r
     WHERE r.state IN ('queued', 'running', 'cancelling')
       AND CASE
               WHEN r.driver = 'workers' THEN r.state <> 'queued' OR r.admitted_at IS NOT NULL
               ELSE r.state = 'running' AND r.seeded
           END
),
there (workers) AS (
    SELECT greatest(
               (SELECT count(*) FROM at_work WHERE is_theirs),
               (
                   SELECT count(DISTINCT held.worker)
                     FROM at_work AS r
                    CROSS JOIN LATERAL (
                              SELECT worker FROM batch WHERE run_id = r.run_id AND state = 0 AND lease_until >= now() OFFSET 0
                          ) AS held
                    WHERE r.is_theirs
               ),
               (
                   SELECT count(*)
                     FROM (
                              SELECT FROM run
                               WHERE state = 'queued' AND driver = 'workers' AND admitted_at IS NULL
                                 AND (held_until IS NULL OR held_until <= now())
                               LIMIT 1
                          ) AS waiting
               )
           )
),
unclaimed (workers) AS (
    SELECT count(*) / 1000.0
      FROM (
               SELECT
                 FROM at_work AS r
                CROSS JOIN LATERAL (SELECT FROM frontier WHERE run_id = r.run_id AND state = 0 LIMIT at_most * 1000) AS f
                WHERE r.is_open
                LIMIT at_most * 1000
           ) AS directories
 UNION ALL
    SELECT count(*) / 1000.0
      FROM (
               SELECT
                 FROM at_work AS r
                CROSS JOIN LATERAL (SELECT FROM restore_frontier WHERE run_id = r.run_id AND state = 0 LIMIT at_most * 1000) AS f
                WHERE r.is_open
                LIMIT at_most * 1000
           ) AS to_fill
 UNION ALL
    -- Directories that are full wait until all are.
    SELECT count(*) / 1000.0
      FROM (
               SELECT
                 FROM at_work AS r
                CROSS JOIN LATERAL (
                          SELECT
                            FROM restore_frontier
                           WHERE run_id = r.run_id AND state = 2
                             AND (SELECT state FROM restore_frontier WHERE run_id = r.run_id AND state = 0 LIMIT 1) IS NULL
                           LIMIT at_most * 1000
                      ) AS f
                WHERE r.is_open
                LIMIT at_most * 1000
           ) AS to_finish
 UNION ALL
    SELECT count(*) / 16.0
      FROM (
               SELECT
                 FROM at_work AS r
                CROSS JOIN LATERAL (SELECT FROM span WHERE run_id = r.run_id AND state = 0 LIMIT at_most * 16) AS s
                WHERE r.is_open
                LIMIT at_most * 16
           ) AS spans
 UNION ALL
    -- 3: pages.
    SELECT sum(
               CASE WHEN i.kind = 3 THEN greatest(0, least(i.high >> 24, s.next_directory_no) - (i.low >> 24)) / 16384.0 ELSE 1 / 16.0 END
           )
      FROM at_work AS r
      JOIN share AS s USING (share_id)
     CROSS JOIN LATERAL (
               SELECT kind, low, high
                 FROM verify_item
                WHERE run_id = r.run_id AND batch_no IS NULL
                LIMIT at_most * 16
           ) AS i
     WHERE r.is_open
 UNION ALL
    -- 0: mark. Of a sweep, as of a rebuild, the pieces of one kind are done before the next.
    SELECT sum(
               CASE WHEN i.kind = 0 THEN greatest(0, least(i.high >> 24, s.next_directory_no) - (i.low >> 24)) / 16384.0 ELSE 1 / 16.0 END
           )
      FROM at_work AS r
      JOIN share AS s USING (share_id)
     CROSS JOIN LATERAL (
               SELECT kind, low, high
                 FROM sweep_item
                WHERE run_id = r.run_id AND batch_no IS NULL
                  AND kind = (SELECT min(kind) FROM sweep_item WHERE run_id = r.run_id)
                LIMIT at_most * 16
           ) AS i
     WHERE r.is_open
 UNION ALL
    SELECT count(*) / 16.0
      FROM (
               SELECT
                 FROM at_work AS r
                CROSS JOIN LATERAL (
                          SELECT
                            FROM rebuild_item
                           WHERE run_id = r.run_id AND state = 0
                             AND kind = (SELECT min(kind) FROM rebuild_item WHERE run_id = r.run_id)
                           LIMIT at_most * 16
                      ) AS i
                WHERE r.is_open
                LIMIT at_most * 16
           ) AS pieces
)
SELECT least(at_most, there.workers + floor((SELECT coalesce(sum(workers), 0) FROM unclaimed)))::int FROM there
$$;

REVOKE ALL ON FUNCTION workers_wanted(int) FROM PUBLIC;
