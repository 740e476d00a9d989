-- A sort above "files_within" carried the whole packed page along with each of its files, because the planner puts off
-- what a row costs to make until after the sort: 97 MB for 3,000 files. OFFSET 0 has the six fields made first.
CREATE OR REPLACE FUNCTION files_within(first_page bigint, last_page bigint)
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

CREATE OR REPLACE FUNCTION directories_within(first_page bigint, last_page bigint)
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
