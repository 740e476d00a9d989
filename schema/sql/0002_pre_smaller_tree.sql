-- Two things that make the tree smaller, with what they save on the office profile (docs/adr/0005):
--
-- * A page writes once what all its names begin and end with: 3.5 bytes per file. The view reads pages of both kinds.
-- * The indexes on parent and FileId are on groups of them, which a B-tree keeps in a fraction of the space: 2.7 bytes. The
--   ones they replace go in the next file, which is for when no program is left that reads through them.

-- The tree as everyone should see it: one row per live node of the share chosen by SET afb.share_id. Directories have no
-- size; their hash is the fingerprint of their listing, NULL until everything it names is safe. Offsets are those of the
-- grammar in shared/formats/packed.py, which also is the specification: tests compare the two on invented pages.
--
-- OFFSET 0 keeps the planner from merging a step with the next: "packed" is fetched and decompressed once per page there,
-- and merged it would be once per file and field. Names and numbers come from two set-returning functions in lockstep: as a
-- LATERAL join the planner puts a Memoize of all names above it. "'/' || names" makes the empty list and one empty name
-- differ; file number -1 is what is before that slash. What all names of a page begin and end with is written once, in two
-- more elements before them.
CREATE OR REPLACE VIEW node (node_id, parent_id, name, size, mtime, hash) AS
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
        WHERE share_id = current_setting('afb.share_id')::int AND page_id & 16777215 = 0
        OFFSET 0
    ) AS h
    OFFSET 0
) AS d
WHERE d.flags & 8 = 0
UNION ALL
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
                WHERE share_id = current_setting('afb.share_id')::int
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
WHERE p.i >= 0;

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
