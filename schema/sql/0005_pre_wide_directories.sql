-- Directories of many pages: one page is found among any number of them without looking at the others.
--
-- By name through an index of its own on the later pages, which have their least name in "name". Page 0 has the least of all and
-- the directory's own name, and is not in it.
--
-- By slot without an index: a first backup numbers pages and slots in the order of names, and later ones disturb that order
-- little, so the page is sought by halves, and all pages are looked at only if the file is not in the one that was found.

DO $$
DECLARE
    partition text;
BEGIN
    FOR partition IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'page'::regclass LOOP
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON %s ((page_id & -16777216), name) WHERE page_id & 16777215 > 0',
            partition || '_by_name', partition
        );
    END LOOP;
END
$$;

-- The live page of a directory that a name belongs to. The index has the order: with old statistics, Postgres 18, which plans for
-- the values of a call, rather takes all pages before the name and sorts them.
CREATE FUNCTION page_of_name(directory bigint, sought text)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE SET enable_sort = off AS $$
SELECT coalesce(
    (
        SELECT p.page_id
          FROM page AS p
         WHERE p.share_id = current_setting('afb.share_id')::int
           AND p.page_id & -16777216 = directory AND p.page_id & 16777215 > 0
           AND p.name <= sought COLLATE "C"
           AND get_byte(substring(p.packed FOR 4), 1) & 8 = 0
         ORDER BY p.name DESC
         LIMIT 1
    ),
    directory
)
$$;

-- Live pages of one directory that hold names. "first_slot" is that of the first file by name; the others count up from
-- there if "counting".
DROP FUNCTION pages_of(bigint);
CREATE FUNCTION pages_within(first_page bigint, last_page bigint)
RETURNS TABLE (page_id bigint, files bigint, first_slot bigint, counting boolean)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT h.page_id, h.files,
       CASE
           WHEN h.slot_width > 0 THEN ('x' || lpad(encode(substring(
                    h.packed FROM h.header + 1 + (h.files * (h.size_width + h.mtime_width))::int FOR h.slot_width
                ), 'hex'), 16, '0'))::bit(64)::bigint
           WHEN h.flags & 32 = 0 THEN 1
           ELSE ('x' || lpad(encode(substring(
                    h.packed FROM h.header - (4 + (h.flags >> 6 & 1) * 4) - 2 FOR 3
                ), 'hex'), 16, '0'))::bit(64)::bigint
       END,
       h.slot_width = 0
  FROM (
           SELECT w.*,
                  (w.bytes - w.header) / (w.size_width + w.mtime_width + w.slot_width + 8)::bigint AS files
             FROM (
                      SELECT r.page_id, r.packed, octet_length(r.packed) AS bytes,
                             get_byte(r.head, 1) AS flags, get_byte(r.head, 3) AS header, get_byte(r.head, 0) & 15 AS size_width,
                             get_byte(r.head, 2) >> 4 AS mtime_width, get_byte(r.head, 2) & 15 AS slot_width
                        FROM (
                                 SELECT p.page_id, p.packed, substring(p.packed FOR 4) AS head
                                   FROM page AS p
                                  WHERE p.share_id = current_setting('afb.share_id')::int
                                    AND p.page_id BETWEEN first_page AND last_page
                                 OFFSET 0
                             ) AS r
                      OFFSET 0
                  ) AS w
            WHERE w.flags & 8 = 0 AND w.bytes > w.header
           OFFSET 0
       ) AS h
$$;

-- The page that a file is on if slots grow from page to page: a guess. Nothing if the directory is not there.
CREATE FUNCTION page_of_slot(directory bigint, slot bigint)
RETURNS TABLE (page_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH RECURSIVE half (low, high) AS (
    (
        SELECT d.page_id, p.page_id
          FROM (SELECT directory AS page_id OFFSET 0) AS d
         CROSS JOIN LATERAL (
                   SELECT p.page_id
                     FROM page AS p
                    WHERE p.share_id = current_setting('afb.share_id')::int
                      AND p.page_id BETWEEN d.page_id AND d.page_id | 16777215
                    ORDER BY p.page_id DESC
                    LIMIT 1
               ) AS p
    )
    UNION ALL
    SELECT CASE WHEN p.first_slot <= slot THEN m.middle ELSE half.low END,
           CASE WHEN p.first_slot <= slot THEN half.high ELSE m.middle - 1 END
      FROM half
     CROSS JOIN LATERAL (SELECT (half.low + half.high + 1) / 2 AS middle) AS m
      LEFT JOIN LATERAL pages_within(m.middle, m.middle) AS p ON true
     WHERE half.low < half.high
)
SELECT half.low FROM half WHERE half.low >= half.high LIMIT 1
$$;

-- The name of a file, sought on all pages of its directory whose slots can include it. A function of its own, so that what it may cost
-- weighs with no query that hardly ever needs it.
CREATE FUNCTION file_name_anywhere(node bigint)
RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE COST 1 AS $$
SELECT f.name
  FROM pages_within(node & ~16777215::bigint, node | 16777215) AS p
 CROSS JOIN LATERAL files_within(p.page_id, p.page_id) AS f
 WHERE f.node_id = node
   AND (NOT p.counting OR (node & 16777215) - p.first_slot BETWEEN 0 AND p.files - 1)
$$;

-- One node's names from the root down, '/' between them; '' for the root, NULL for a node that is not live. Always one row. This
-- and node_at return tables because those, in FROM, become part of the query that asks, and a driver keeps the plan of that. It
-- is kept only if it looks no worse than one for the values of a call: hence values come from subqueries, which hide them (OFFSET 0).
DROP FUNCTION node_path(bigint);
CREATE FUNCTION node_path(node bigint)
RETURNS TABLE (path text)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH RECURSIVE up (page_id, parent_id, name, depth) AS (
    SELECT p.page_id, p.parent_id, p.name, 1
      FROM page AS p
     WHERE p.share_id = current_setting('afb.share_id')::int AND p.page_id = node & ~16777215::bigint
       AND get_byte(substring(p.packed FOR 20), 1) & 8 = 0
    UNION ALL
    SELECT p.page_id, p.parent_id, p.name, up.depth + 1
      FROM up
     CROSS JOIN LATERAL (
               SELECT * FROM page AS p
                WHERE p.share_id = current_setting('afb.share_id')::int AND p.page_id = up.parent_id
                LIMIT 1
           ) AS p
     WHERE up.depth < 1000
)
SELECT (
    SELECT CASE
               WHEN asked.slot = 0 THEN directory.path
               ELSE (CASE directory.path WHEN '' THEN '' ELSE directory.path || '/' END) || coalesce(
                   (
                       SELECT f.name
                         FROM (SELECT node & ~16777215::bigint AS page_id OFFSET 0) AS p
                        CROSS JOIN LATERAL files_within(p.page_id, p.page_id) AS f
                        WHERE f.node_id = node
                   ),
                   (
                       SELECT f.name
                         FROM page_of_slot(node & ~16777215::bigint, node & 16777215) AS p
                        CROSS JOIN LATERAL files_within(p.page_id, p.page_id) AS f
                        WHERE f.node_id = node
                   ),
                   file_name_anywhere(node)
               )
           END
      FROM (
               SELECT string_agg(up.name, '/' ORDER BY up.depth DESC) FILTER (WHERE up.parent_id IS NOT NULL) AS path,
                      bool_or(up.parent_id IS NULL) AS whole
                 FROM up
           ) AS found
     CROSS JOIN LATERAL (SELECT coalesce(found.path, '') AS path) AS directory
     CROSS JOIN (SELECT node & 16777215 AS slot OFFSET 0) AS asked
     WHERE found.whole
)
$$;

-- Live child directories of one directory, unpacked as directories_within does, from rows that were read to find them.
CREATE OR REPLACE FUNCTION directories_in(directory bigint)
RETURNS TABLE (node_id bigint, parent_id bigint, name text, size bigint, mtime bigint, hash bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT d.page_id, d.parent_id, d.name, NULL::bigint,
       ('x' || lpad(encode(substring(d.head FROM 5 FOR d.time_width), 'hex'), 16, '0'))::bit(64)::bigint,
       CASE WHEN d.flags & 1 = 1
           THEN ('x' || encode(substring(d.head FROM 5 + d.time_width FOR 8), 'hex'))::bit(64)::bigint
       END
  FROM (
           SELECT h.page_id, h.parent_id, h.name, h.head, get_byte(h.head, 1) AS flags,
                  4 + (get_byte(h.head, 1) >> 6 & 1) * 4 AS time_width
             FROM (
                      SELECT p.page_id, p.parent_id, p.name, substring(p.packed FOR 20) AS head
                        FROM page AS p
                       WHERE p.share_id = current_setting('afb.share_id')::int
                         AND p.parent_id >> 28 = directory >> 28 AND p.parent_id = directory
                      OFFSET 0
                  ) AS h
           OFFSET 0
       ) AS d
 WHERE d.flags & 8 = 0
OFFSET 0
$$;

-- Up to "most" children of a directory whose names come after "after", directories and files in one order (by code point).
-- The next page of a listing begins after the last name of this one. Unpacks only the pages that these names are on: the join
-- takes them one after the other, in order, and stops.
CREATE OR REPLACE FUNCTION node_children(directory bigint, after text DEFAULT '', most int DEFAULT 500)
RETURNS TABLE (node_id bigint, parent_id bigint, name text, size bigint, mtime bigint, hash bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT c.node_id, c.parent_id, c.name, c.size, c.mtime, c.hash
  FROM (
           (
               SELECT d.* FROM directories_in(directory) AS d
                WHERE d.name > after COLLATE "C" ORDER BY d.name COLLATE "C" LIMIT most
           )
           UNION ALL
           (
               SELECT f.*
                 FROM (
                          SELECT page_of_name(directory, after) AS page_id
                          UNION ALL
                          (
                              SELECT p.page_id
                                FROM page AS p
                               WHERE p.share_id = current_setting('afb.share_id')::int
                                 AND p.page_id & -16777216 = directory AND p.page_id & 16777215 > 0
                                 AND p.name > after COLLATE "C"
                                 AND get_byte(substring(p.packed FOR 4), 1) & 8 = 0
                               ORDER BY p.name
                          )
                      ) AS p
                CROSS JOIN LATERAL files_within(p.page_id, p.page_id) AS f
                WHERE f.name > after COLLATE "C" LIMIT most
           )
       ) AS c
 ORDER BY c.name COLLATE "C"
 LIMIT most
$$;

-- The live node at a path, names exactly as they are spelled; NULL if there is none.
DROP FUNCTION node_at(text);
CREATE FUNCTION node_at(path text)
RETURNS TABLE (node_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH RECURSIVE part AS (
    SELECT string_to_array(path, '/') AS names
),
down (node_id, depth) AS (
    SELECT 16777216::bigint, 0
    UNION ALL
    SELECT d.node_id, down.depth + 1
      FROM down
     CROSS JOIN part
     CROSS JOIN LATERAL (
               SELECT c.node_id FROM directories_in(down.node_id) AS c WHERE c.name = part.names[down.depth + 1] LIMIT 1
           ) AS d
     WHERE down.depth < cardinality(part.names)
),
deepest AS (
    SELECT down.node_id, down.depth, part.names, cardinality(part.names) AS wanted
      FROM down CROSS JOIN part ORDER BY down.depth DESC LIMIT 1
)
SELECT (
    SELECT CASE
               WHEN d.wanted = d.depth THEN d.node_id
               WHEN d.wanted = d.depth + 1 THEN (
                   SELECT f.node_id
                     FROM (SELECT page_of_name(d.node_id, d.names[d.wanted]) AS page_id OFFSET 0) AS p
                    CROSS JOIN LATERAL files_within(p.page_id, p.page_id) AS f
                    WHERE f.name = d.names[d.wanted] COLLATE "C"
                    LIMIT 1
               )
           END
      FROM deepest AS d
)
$$;
