-- The tree gets smaller, and answers questions.
--
-- Smaller, on the office profile (docs/adr/0005): a page writes once what all its names begin and end with, 3.5 bytes per
-- file, and the view reads pages of both kinds; the indexes on parent and FileId are on groups of them, which a B-tree keeps
-- in a fraction of the space, 2.7 bytes. The ones they replace go in the next file, which is for when no program is left that
-- reads through them.
--
-- Questions: what people ask of the tree, in plain SQL. Every function is about the share that SET afb.share_id names (docs/adr/0004),
-- reads pages through their indexes, and unpacks only the pages that can hold an answer; the view would unpack all of them.
--
-- The two that unpack are so that Postgres inlines them: the view is made of them, and stays as fast as it was.

-- The tree as everyone should see it: one row per live node of the share chosen by SET afb.share_id. Directories have no
-- size; their hash is the fingerprint of their listing, NULL until everything it names is safe. Offsets are those of the
-- grammar in shared/formats/packed.py, which also is the specification: tests compare the two on invented pages.
--
-- OFFSET 0 keeps the planner from merging a step with the next: "packed" is fetched and decompressed once per page there,
-- and merged it would be once per file and field. Names and numbers come from two set-returning functions in lockstep: as a
-- LATERAL join the planner puts a Memoize of all names above it. "'/' || names" makes the empty list and one empty name
-- differ; file number -1 is what is before that slash. What all names of a page begin and end with is written once, in two
-- more elements before them.
--
-- Each ends in an OFFSET 0 too: a sort above it would otherwise carry the whole packed page along with each of its files,
-- because the planner puts off what a row costs to make until after the sort (97 MB for 3,000 files).

CREATE FUNCTION directories_within(first_page bigint, last_page bigint)
RETURNS TABLE (node_id bigint, parent_id bigint, name text, size bigint, mtime bigint, hash bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT
    d.page_id,
    d.parent_id,
    d.name,
    NULL::bigint,
    ('x' || lpad(encode(substring(d.head FROM 5 FOR d.time_width), 'hex'), 16, '0'))::bit(64)::bigint,
    CASE WHEN d.flags & 1 = 1
        THEN ('x' || encode(substring(d.head FROM 5 + d.time_width FOR 8), 'hex'))::bit(64)::bigint
    END
FROM (
    SELECT h.page_id, h.parent_id, h.name, h.head, get_byte(h.head, 1) AS flags,
           4 + (get_byte(h.head, 1) >> 6 & 1) * 4 AS time_width
    FROM (
        SELECT page_id, parent_id, name, substring(packed FOR 20) AS head
        FROM page
        WHERE share_id = current_setting('afb.share_id')::int AND page_id BETWEEN first_page AND last_page
          AND page_id & 16777215 = 0
        OFFSET 0
    ) AS h
    OFFSET 0
) AS d
WHERE d.flags & 8 = 0
OFFSET 0
$$;

CREATE FUNCTION files_within(first_page bigint, last_page bigint)
RETURNS TABLE (node_id bigint, parent_id bigint, name text, size bigint, mtime bigint, hash bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT
    p.directory_id | CASE WHEN p.slot_width = 0 THEN p.first_slot + p.i ELSE
        ('x' || lpad(encode(substring(p.b FROM p.slots_at + p.i * p.slot_width FOR p.slot_width), 'hex'), 16, '0'))::bit(64)::bigint
    END,
    p.directory_id,
    CASE WHEN p.factored = 0 THEN p.part ELSE p.prefix || p.part || p.suffix END,
    ('x' || lpad(encode(substring(p.b FROM p.sizes_at + p.i * p.size_width FOR p.size_width), 'hex'), 16, '0'))::bit(64)::bigint,
    p.base
        + ('x' || lpad(encode(substring(p.b FROM p.mtimes_at + p.i * p.mtime_width FOR p.mtime_width), 'hex'), 16, '0'))::bit(64)::bigint,
    ('x' || encode(substring(p.b FROM p.hashes_at + p.i * 8 FOR 8), 'hex'))::bit(64)::bigint
FROM (
    SELECT
        string_to_table('/' || c.names, '/') AS part,
        generate_series(-1 - c.factored, c.files - 1) AS i,
        c.factored,
        c.prefix,
        c.suffix,
        c.page_id & ~16777215::bigint AS directory_id,
        c.b,
        c.size_width,
        c.mtime_width,
        c.slot_width,
        c.header + 1 AS sizes_at,
        c.header + 1 + c.files * c.size_width AS mtimes_at,
        c.header + 1 + c.files * (c.size_width + c.mtime_width) AS slots_at,
        c.header + 1 + c.files * (c.size_width + c.mtime_width + c.slot_width) AS hashes_at,
        c.base,
        c.first_slot
    FROM (
        SELECT
            w.*,
            CASE WHEN w.factored > 0 THEN split_part(w.names, '/', 1) END AS prefix,
            CASE WHEN w.factored > 0 THEN split_part(w.names, '/', 2) END AS suffix,
            (octet_length(w.b) - w.header) / (w.size_width + w.mtime_width + w.slot_width + 8) AS files,
            ('x' || lpad(encode(substring(w.b FROM w.header - w.time_width + 1 FOR w.time_width), 'hex'), 16, '0')
            )::bit(64)::bigint AS base,
            CASE WHEN w.flags & 32 = 0 THEN 1 ELSE
                ('x' || lpad(encode(substring(w.b FROM w.header - w.time_width - 2 FOR 3), 'hex'), 16, '0'))::bit(64)::bigint
            END AS first_slot
        FROM (
            SELECT r.page_id, r.names, r.b, get_byte(r.b, 1) AS flags, get_byte(r.b, 3) AS header,
                   get_byte(r.b, 1) >> 7 << 1 AS factored,
                   4 + (get_byte(r.b, 1) >> 6 & 1) * 4 AS time_width,
                   get_byte(r.b, 0) & 15 AS size_width,
                   get_byte(r.b, 2) >> 4 AS mtime_width,
                   get_byte(r.b, 2) & 15 AS slot_width
            FROM (
                SELECT page_id, names, packed || ''::bytea AS b
                FROM page
                WHERE share_id = current_setting('afb.share_id')::int AND page_id BETWEEN first_page AND last_page
                OFFSET 0
            ) AS r
            OFFSET 0
        ) AS w
        WHERE w.flags & 8 = 0
        OFFSET 0
    ) AS c
    WHERE c.files > 0
    OFFSET 0
) AS p
WHERE p.i >= 0
OFFSET 0
$$;

CREATE OR REPLACE VIEW node (node_id, parent_id, name, size, mtime, hash) AS
SELECT node_id, parent_id, name COLLATE "C", size, mtime, hash FROM directories_within(0, 9223372036854775807)
UNION ALL
SELECT node_id, parent_id, name COLLATE "C", size, mtime, hash FROM files_within(0, 9223372036854775807);

-- Live pages of one directory that hold names, each with the least name that belongs to it. "first_slot" is that of its
-- first file if the slots of a page count up from there, as its header then says, and NULL if they come in any order.
CREATE FUNCTION pages_of(directory bigint)
RETURNS TABLE (page_id bigint, lower_name text, files bigint, first_slot bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT h.page_id, h.lower_name,
       (h.bytes - get_byte(h.head, 3))
       / ((get_byte(h.head, 0) & 15) + (get_byte(h.head, 2) >> 4) + (get_byte(h.head, 2) & 15) + 8)::bigint,
       CASE
           WHEN get_byte(h.head, 2) & 15 > 0 THEN NULL
           WHEN get_byte(h.head, 1) & 32 = 0 THEN 1
           ELSE ('x' || lpad(encode(substring(
                    h.head FROM get_byte(h.head, 3) - (4 + (get_byte(h.head, 1) >> 6 & 1) * 4) - 2 FOR 3
                ), 'hex'), 16, '0'))::bit(64)::bigint
       END
  FROM (
           SELECT p.page_id, CASE WHEN p.page_id = directory THEN '' ELSE p.name END COLLATE "C" AS lower_name,
                  substring(p.packed FOR 72) AS head, octet_length(p.packed) AS bytes
             FROM page AS p
            WHERE p.share_id = current_setting('afb.share_id')::int
              AND p.page_id BETWEEN directory AND directory | 16777215
           OFFSET 0
       ) AS h
 WHERE get_byte(h.head, 1) & 8 = 0 AND h.bytes > get_byte(h.head, 3)
$$;

-- One node's names from the root down, '/' between them; '' for the root, NULL for a node that is not live.
--
-- A file's page is not in its id. Of a directory with many pages only those are unpacked whose slots can include it: a page
-- whose slots count up says so in its header.
CREATE FUNCTION node_path(node bigint)
RETURNS text
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
),
file (name) AS (
    SELECT f.name
      FROM pages_of(node & ~16777215::bigint) AS p
     CROSS JOIN LATERAL files_within(p.page_id, p.page_id) AS f
     WHERE node & 16777215 > 0 AND f.node_id = node
       AND (p.first_slot IS NULL OR (node & 16777215) - p.first_slot BETWEEN 0 AND p.files - 1)
)
SELECT CASE
           WHEN node & 16777215 = 0 THEN directory.path
           ELSE (SELECT CASE directory.path WHEN '' THEN file.name ELSE directory.path || '/' || file.name END FROM file)
       END
  FROM (
           SELECT string_agg(up.name, '/' ORDER BY up.depth DESC) FILTER (WHERE up.parent_id IS NOT NULL) AS path,
                  bool_or(up.parent_id IS NULL) AS whole
             FROM up
       ) AS found
 CROSS JOIN LATERAL (SELECT coalesce(found.path, '') AS path) AS directory
 WHERE found.whole
$$;

-- Live child directories of one directory.
CREATE FUNCTION directories_in(directory bigint)
RETURNS TABLE (node_id bigint, parent_id bigint, name text, size bigint, mtime bigint, hash bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT d.node_id, d.parent_id, d.name, d.size, d.mtime, d.hash
  FROM (
           SELECT p.page_id
             FROM page AS p
            WHERE p.share_id = current_setting('afb.share_id')::int
              AND p.parent_id >> 28 = directory >> 28 AND p.parent_id = directory
           OFFSET 0
       ) AS child
 CROSS JOIN LATERAL directories_within(child.page_id, child.page_id) AS d
$$;

-- Up to "most" children of a directory whose names come after "after", directories and files in one order (by code point).
-- The next page of a listing begins after the last name of this one. Unpacks only the pages that these names are on.
CREATE FUNCTION node_children(directory bigint, after text DEFAULT '', most int DEFAULT 1000)
RETURNS TABLE (node_id bigint, parent_id bigint, name text, size bigint, mtime bigint, hash bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH ordered AS (
    SELECT p.page_id, p.files, lead(p.lower_name) OVER (ORDER BY p.lower_name) AS next_name, p.lower_name
      FROM pages_of(directory) AS p
),
ahead AS (
    -- The first of these may have few names left after "after", so it is not counted.
    SELECT o.page_id, o.lower_name,
           sum(CASE WHEN o.lower_name > after COLLATE "C" THEN o.files ELSE 0 END) OVER (ORDER BY o.lower_name) - o.files AS before
      FROM ordered AS o
     WHERE o.next_name IS NULL OR o.next_name > after COLLATE "C"
)
SELECT c.node_id, c.parent_id, c.name, c.size, c.mtime, c.hash
  FROM (
           (
               SELECT d.* FROM directories_in(directory) AS d
                WHERE d.name > after COLLATE "C" ORDER BY d.name COLLATE "C" LIMIT most
           )
           UNION ALL
           (
               SELECT f.*
                 FROM (SELECT a.page_id FROM ahead AS a WHERE a.before < most OFFSET 0) AS p
                CROSS JOIN LATERAL files_within(p.page_id, p.page_id) AS f
                WHERE f.name > after COLLATE "C" ORDER BY f.name COLLATE "C" LIMIT most
           )
       ) AS c
 ORDER BY c.name COLLATE "C"
 LIMIT most
$$;

-- The live node at a path, names exactly as they are spelled; NULL if there is none.
CREATE FUNCTION node_at(path text)
RETURNS bigint
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
SELECT CASE
           WHEN d.wanted = d.depth THEN d.node_id
           WHEN d.wanted = d.depth + 1 THEN (
               SELECT f.node_id
                 FROM (
                          SELECT p.page_id FROM pages_of(d.node_id) AS p
                           WHERE p.lower_name <= d.names[d.wanted] COLLATE "C"
                           ORDER BY p.lower_name DESC LIMIT 1
                      ) AS p
                CROSS JOIN LATERAL files_within(p.page_id, p.page_id) AS f
                WHERE f.name = d.names[d.wanted] COLLATE "C"
                LIMIT 1
           )
       END
  FROM deepest AS d
$$;

-- A directory and all directories below it.
CREATE FUNCTION directories_below(directory bigint)
RETURNS TABLE (node_id bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
WITH RECURSIVE below (node_id) AS (
    SELECT d.node_id FROM directories_within(directory, directory) AS d
    UNION ALL
    SELECT d.node_id FROM below CROSS JOIN LATERAL directories_in(below.node_id) AS d
)
SELECT below.node_id FROM below
$$;

-- Every live node of a subtree, the directory it begins with included. The whole share is cheaper through the view.
CREATE FUNCTION nodes_below(directory bigint)
RETURNS TABLE (node_id bigint, parent_id bigint, name text, size bigint, mtime bigint, hash bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT n.*
  FROM directories_below(directory) AS below
 CROSS JOIN LATERAL (
           SELECT * FROM directories_within(below.node_id, below.node_id)
           UNION ALL
           SELECT * FROM files_within(below.node_id, below.node_id | 16777215)
       ) AS n
$$;

-- Directories (itself not counted), files and bytes of a subtree.
CREATE FUNCTION node_totals(directory bigint)
RETURNS TABLE (directories bigint, files bigint, bytes bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT count(*) - count(n.size) - 1, count(n.size), coalesce(sum(n.size), 0)::bigint FROM nodes_below(directory) AS n
$$;

CREATE FUNCTION largest_files(most int DEFAULT 100)
RETURNS TABLE (node_id bigint, parent_id bigint, name text, size bigint, mtime bigint, hash bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT * FROM node AS n WHERE n.size IS NOT NULL ORDER BY n.size DESC, n.node_id LIMIT most
$$;

CREATE FUNCTION oldest_files(most int DEFAULT 100)
RETURNS TABLE (node_id bigint, parent_id bigint, name text, size bigint, mtime bigint, hash bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT * FROM node AS n WHERE n.size IS NOT NULL ORDER BY n.mtime, n.node_id LIMIT most
$$;

-- Extensions in lower case without the dot; '' for names without one and for those that begin with their only dot.
CREATE FUNCTION files_by_extension()
RETURNS TABLE (extension text, files bigint, bytes bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT lower(coalesce(substring(n.name FROM '^.+\.([^.]*)$'), '')), count(*), sum(n.size)::bigint
  FROM node AS n WHERE n.size IS NOT NULL GROUP BY 1 ORDER BY 3 DESC, 1
$$;

-- By whole years since the last write, counted from "at" in Unix seconds; -1 for times to come.
CREATE FUNCTION files_by_age(at bigint)
RETURNS TABLE (years int, files bigint, bytes bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT floor((at - n.mtime) / 31557600.0)::int, count(*), sum(n.size)::bigint
  FROM (SELECT n.size, least(n.mtime, at + 1) AS mtime FROM node AS n WHERE n.size IS NOT NULL) AS n
 GROUP BY 1 ORDER BY 1
$$;

-- By powers of ten: class 0 is empty files, class k files of 10^(k-1) up to 10^k - 1 bytes.
CREATE FUNCTION files_by_size_class()
RETURNS TABLE (class int, files bigint, bytes bigint)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT CASE WHEN n.size = 0 THEN 0 ELSE length(n.size::text) END, count(*), sum(n.size)::bigint
  FROM node AS n WHERE n.size IS NOT NULL GROUP BY 1 ORDER BY 1
$$;

-- Files that agree in hash and size: very likely the same content (the hash is 64 bits, and not a proof).
CREATE FUNCTION duplicate_files(least_size bigint DEFAULT 1, most int DEFAULT 100)
RETURNS TABLE (hash bigint, size bigint, copies bigint, wasted_bytes bigint, some_node_ids bigint[])
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT n.hash, n.size, count(*), ((count(*) - 1) * n.size)::bigint, (array_agg(n.node_id ORDER BY n.node_id))[1:10]
  FROM node AS n WHERE n.size >= least_size
 GROUP BY n.hash, n.size HAVING count(*) > 1 ORDER BY 4 DESC, 1 LIMIT most
$$;

DO $$
DECLARE
    partition text;
BEGIN
    FOR partition IN SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'page'::regclass LOOP
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON %s ((parent_id >> 28)) WHERE parent_id IS NOT NULL',
            partition || '_by_parent_group', partition
        );
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS %I ON %s ((file_id & 36028797018963967)) WHERE file_id IS NOT NULL',
            partition || '_by_file_group', partition
        );
    END LOOP;
END
$$;
