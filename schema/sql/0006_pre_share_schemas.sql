-- A schema for each share, in which "page" is that share's tree.
--
-- The functions and the view say "page" and which share they want by a setting. Against the partitioned table that is one plan
-- over the trees of all shares, of which the executor then leaves out all but one: with 500 shares a quarter of a second and 2,500 locks
-- to ask for a path, and with some thousands the server is out of room for locks. A function's text is read when it is planned, by the
-- search path of that moment. So with the share's schema in front of it the same text is about one table, and costs the same however many
-- shares there are (docs/adr/0004).

-- For a session, or for the transaction.
CREATE FUNCTION choose_share(share int, for_transaction boolean DEFAULT false)
RETURNS void
LANGUAGE sql AS $$
SELECT set_config('afb.share_id', share::text, for_transaction),
       set_config('search_path', format('share_%s, public', share), for_transaction)
$$;

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
    END LOOP;
END
$$;
