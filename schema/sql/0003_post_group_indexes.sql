-- Every partition reads through the indexes on groups now; one that a former program made in between gets them here.


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
        EXECUTE format('DROP INDEX IF EXISTS %I', partition || '_by_parent');
        EXECUTE format('DROP INDEX IF EXISTS %I', partition || '_by_file');
    END LOOP;
END
$$;
