-- A program that keeps no roll-ups may have changed trees until now: every share is counted anew when its next run starts or
-- its present one ends. Trees that it made in between get the index on names.

TRUNCATE rollup, rollup_change;

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
