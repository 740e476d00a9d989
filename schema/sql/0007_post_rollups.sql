-- A program that keeps no roll-ups may have changed trees until now: every share is counted anew when its next run starts or
-- its present one ends. Trees that it made in between get the index on
-- names, and their schemas.

TRUNCATE rollup, rollup_change;

DO $$
DECLARE
    share int;
BEGIN
    FOR share IN
        SELECT substring(c.relname FROM 6)::int
          FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'page'::regclass
    LOOP
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS share_%s', share);
        EXECUTE format('CREATE OR REPLACE VIEW share_%s.page AS SELECT * FROM page_%s', share, share);
        EXECUTE format(
            'CREATE INDEX IF NOT EXISTS page_%s_by_name ON page_%s ((page_id & -16777216), name) WHERE page_id & 16777215 > 0',
            share, share
        );
    END LOOP;
END
$$;
