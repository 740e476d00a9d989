-- Access: who may do what, and row-level security as the second wall behind the checks of the API (docs/adr/0014, docs/SECURITY.md).
--
-- Two roles that cannot log in. The API's transactions take one on, with SET LOCAL ROLE: afb_api sees the rows of the tenants that
-- afb.tenant_id names (ids with commas between them; none if it is not set), afb_platform those of all. Workers and activities go on as
-- the tables' owner, to whom row-level security does not apply: their plans are what they were.
--
-- Old code knows nothing of all this and works as the owner.

-- Roles are the cluster's, and other databases of it may be migrated at this moment: whoever comes second finds them made.
DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['afb_api', 'afb_platform'] LOOP
        FOR attempt IN 1..20 LOOP
            BEGIN
                IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
                    EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
                END IF;
                -- Who makes a role may give it, from Postgres 16 on, but not take it on before it is given to them.
                IF NOT EXISTS (
                    SELECT FROM pg_auth_members AS m
                     WHERE m.roleid = wanted::regrole AND m.member = quote_ident(current_user)::regrole
                       AND coalesce((to_jsonb(m)->>'set_option')::boolean, true)
                ) AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN
                    EXECUTE format('GRANT %I TO CURRENT_USER', wanted);
                END IF;
                EXIT;
            EXCEPTION WHEN duplicate_object OR unique_violation OR internal_error THEN
                -- Somebody else was at it; "tuple concurrently updated" is an internal error.
                IF attempt = 20 THEN
                    RAISE;
                END IF;
                PERFORM pg_sleep(0.05);
            END;
        END LOOP;
    END LOOP;
END
$$;

GRANT USAGE ON SCHEMA public TO afb_api, afb_platform;

-- The tenants that this transaction is for.
CREATE FUNCTION chosen_tenants()
RETURNS text[]
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT string_to_array(current_setting('afb.tenant_id', true), ',')
$$;

-- Put a table behind the wall. "rows" is what is true of the chosen tenants' rows: a table with a tenant_id has
-- 'tenant_id = ANY (chosen_tenants())', one with a share_id 'share_id IN (SELECT share_id FROM share)', for that table is behind the
-- wall itself. "granted": what afb_api may do with those rows. Every table needs this or stays out of reach of the API: a test looks.
CREATE FUNCTION protect_rows(relation regclass, "rows" text, granted text DEFAULT 'SELECT, INSERT, UPDATE, DELETE')
RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    -- As a subquery it is asked once for each statement, and not for each row.
    condition text := replace("rows", 'chosen_tenants()', '(SELECT chosen_tenants())::text[]');
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', relation);
    EXECUTE format('CREATE POLICY of_tenant ON %s TO afb_api USING (%s)', relation, condition);
    EXECUTE format('CREATE POLICY of_platform ON %s TO afb_platform USING (true)', relation);
    EXECUTE format('GRANT %s ON %s TO afb_api', granted, relation);
    EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO afb_platform', relation);
END
$$;

SELECT protect_rows('tenant', 'tenant_id = ANY (chosen_tenants())', 'SELECT, UPDATE');
SELECT protect_rows('share', 'tenant_id = ANY (chosen_tenants())', 'SELECT, INSERT, UPDATE');
SELECT protect_rows('run', 'tenant_id = ANY (chosen_tenants())', 'SELECT, INSERT, UPDATE');
SELECT protect_rows('batch', 'share_id IN (SELECT share_id FROM share)', 'SELECT');
SELECT protect_rows('restore_point', 'share_id IN (SELECT share_id FROM share)', 'SELECT, UPDATE');
SELECT protect_rows('permission', 'share_id IN (SELECT share_id FROM share)', 'SELECT');
SELECT protect_rows('rollup', 'share_id IN (SELECT share_id FROM share)', 'SELECT');
SELECT protect_rows('rollup_change', 'share_id IN (SELECT share_id FROM share)', 'SELECT');
SELECT protect_rows('damaged', 'share_id IN (SELECT share_id FROM share)', 'SELECT');
SELECT protect_rows('tombstone', 'share_id IN (SELECT share_id FROM share)', 'SELECT');
-- Trees by way of the table above them. A partition is a table of its own, with no rows for anybody but its owner: nothing is granted.
SELECT protect_rows('page', 'share_id IN (SELECT share_id FROM share)', 'SELECT');

-- What runs in progress work through. Its rows are many and the active runs are few, so these are sought, and not every row's run.
DO $$
DECLARE
    relation regclass;
BEGIN
    FOREACH relation IN ARRAY ARRAY[
        'frontier', 'missing', 'large_file', 'span', 'restore_frontier', 'restore_link', 'restore_made', 'verify_item',
        'verify_finding', 'rebuild_item'
    ]::regclass[] LOOP
        PERFORM protect_rows(
            relation,
            $rows$run_id IN (SELECT run_id FROM run WHERE state IN ('queued', 'running', 'paused', 'cancelling'))$rows$,
            'SELECT'
        );
    END LOOP;
END
$$;

GRANT SELECT ON schema_migration TO afb_platform;

-- Its functions read "page" with the rights of whoever asks; so does it.
ALTER VIEW node SET (security_invoker = true);
GRANT SELECT ON node TO afb_api, afb_platform;

-- Trees, one share at a time. Policies do not do for these: the indexes are on expressions, and Postgres looks nothing up by an expression
-- before it has seen that the row may be shown, which would be to read the whole tree. What may be shown is the same for all rows of a
-- tree, so it is asked once for each query, and in front of it: these views yield nothing at all, or everything.
--
-- They lie in a schema that has them in place of share_<id>'s view and of the partition itself, for whoever has it in front of
-- the search path. They are views of share_<id>.page, so that a program from before which drops that drops them.
CREATE FUNCTION sees_share(share int)
RETURNS boolean
LANGUAGE sql STABLE PARALLEL SAFE AS $$
SELECT EXISTS (SELECT FROM public.share AS s WHERE s.share_id = $1)
$$;

CREATE FUNCTION show_share_to_api(share int)
RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE SCHEMA IF NOT EXISTS share_%s_api', share);
    EXECUTE format('CREATE OR REPLACE VIEW share_%1$s_api.page_%1$s AS SELECT * FROM share_%1$s.page WHERE (SELECT public.sees_share(%1$s))', share);
    EXECUTE format('CREATE OR REPLACE VIEW share_%1$s_api.page AS SELECT * FROM share_%1$s.page WHERE (SELECT public.sees_share(%1$s))', share);
    EXECUTE format('GRANT USAGE ON SCHEMA share_%s_api TO afb_api, afb_platform', share);
    EXECUTE format('GRANT SELECT ON share_%1$s_api.page_%1$s, share_%1$s_api.page TO afb_api, afb_platform', share);
END
$$;

-- As in 0006, and for the API's roles the schema with what they may see.
CREATE OR REPLACE FUNCTION choose_share(share int, for_transaction boolean DEFAULT false)
RETURNS void
LANGUAGE sql AS $$
SELECT set_config('afb.share_id', share::text, for_transaction),
       set_config(
           'search_path',
           format(
               CASE WHEN current_user IN ('afb_api', 'afb_platform') THEN 'share_%s_api, public' ELSE 'share_%s, public' END,
               share
           ),
           for_transaction
       )
$$;

DO $$
DECLARE
    share int;
BEGIN
    FOR share IN
        SELECT substring(c.relname FROM 6)::int
          FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid WHERE i.inhparent = 'page'::regclass
    LOOP
        PERFORM show_share_to_api(share);
    END LOOP;
END
$$;

-- Whether an Azure share is in use is asked of all runs, whoever's: two tenants' restores into each other would be as bad as one's.
-- Told is what a conflict says, which does not include whose run it is.
CREATE FUNCTION runs_active_on(place text)
RETURNS TABLE (kind text, run_no int, share_id int, state text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
SELECT r.kind, r.run_no, r.share_id, r.state FROM run AS r
 WHERE r.subject = place AND r.state IN ('queued', 'running', 'paused', 'cancelling')
$$;

CREATE FUNCTION runs_active_in(place text)
RETURNS TABLE (run_no int, share_id int, state text, subject text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
SELECT r.run_no, r.share_id, r.state, r.subject FROM run AS r
 WHERE starts_with(r.subject, place) AND r.state IN ('queued', 'running', 'paused', 'cancelling')
$$;

REVOKE ALL ON FUNCTION runs_active_on(text), runs_active_in(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION runs_active_on(text), runs_active_in(text) TO afb_api, afb_platform;

-- People, and groups of them, by their object ids in Entra ID. Without a tenant: on the whole platform. No foreign keys here and below, as
-- of roll-ups (0004): a program from before would fail to delete a tenant or a share. Triggers take away what is left of them.
CREATE TABLE member (
    member_id   bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT member_pk PRIMARY KEY,
    tenant_id   text COLLATE "C",
    share_id    int,
    object_id   text COLLATE "C" NOT NULL CONSTRAINT member_object_id CHECK (
        object_id ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$'
    ),
    kind        text NOT NULL CONSTRAINT member_kind CHECK (kind IN ('person', 'group')),
    name        text NOT NULL CONSTRAINT member_name_not_empty CHECK (name <> ''),
    role        text NOT NULL CONSTRAINT member_role CHECK (role IN ('platform_admin', 'tenant_admin', 'operator', 'viewer')),
    created_at  timestamptz NOT NULL DEFAULT now(),
    created_by  text NOT NULL,
    CONSTRAINT member_unique UNIQUE NULLS NOT DISTINCT (object_id, tenant_id, share_id),
    CONSTRAINT member_scope CHECK (
        (share_id IS NULL OR tenant_id IS NOT NULL) AND (role <> 'platform_admin' OR tenant_id IS NULL)
    )
);

CREATE INDEX member_of ON member (tenant_id, member_id);

-- Keys of programs. Of the secret only its SHA-256 is kept: it has 256 random bits, which nobody tries out, so a slow hash would only
-- slow down every request.
CREATE TABLE api_key (
    key_id        text COLLATE "C" CONSTRAINT api_key_pk PRIMARY KEY,   -- the part of a key that is no secret
    tenant_id     text COLLATE "C",
    share_id      int,
    name          text NOT NULL CONSTRAINT api_key_name_not_empty CHECK (name <> ''),
    role          text NOT NULL CONSTRAINT api_key_role CHECK (role IN ('platform_admin', 'tenant_admin', 'operator', 'viewer')),
    digest        bytea NOT NULL CONSTRAINT api_key_digest CHECK (octet_length(digest) = 32),
    created_at    timestamptz NOT NULL DEFAULT now(),
    created_by    text NOT NULL,
    expires_at    timestamptz NOT NULL,
    revoked_at    timestamptz,
    last_used_at  timestamptz,
    CONSTRAINT api_key_scope CHECK (
        (share_id IS NULL OR tenant_id IS NOT NULL) AND (role <> 'platform_admin' OR tenant_id IS NULL)
    )
);

CREATE INDEX api_key_of ON api_key (tenant_id, key_id);

-- Which storage accounts a tenant may name, and with which credentials ('': the app's identity). Credentials are the app's, and reach the
-- accounts of all tenants: a tenant that could name any would back up another's share as its own.
CREATE TABLE tenant_account (
    account_id   bigint GENERATED ALWAYS AS IDENTITY CONSTRAINT tenant_account_pk PRIMARY KEY,
    tenant_id    text COLLATE "C" NOT NULL,
    account_url  text COLLATE "C" NOT NULL,   -- as shares.subject compares it: in lower case, without a slash at the end
    credential   text COLLATE "C" NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT now(),
    created_by   text NOT NULL,
    CONSTRAINT tenant_account_unique UNIQUE (tenant_id, account_url, credential)
);

CREATE FUNCTION forget_access()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF TG_TABLE_NAME = 'share' THEN
        DELETE FROM member WHERE tenant_id = OLD.tenant_id AND share_id = OLD.share_id;
        DELETE FROM api_key WHERE tenant_id = OLD.tenant_id AND share_id = OLD.share_id;
    ELSE
        DELETE FROM member WHERE tenant_id = OLD.tenant_id;
        DELETE FROM api_key WHERE tenant_id = OLD.tenant_id;
        DELETE FROM tenant_account WHERE tenant_id = OLD.tenant_id;
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER share_forget_access AFTER DELETE ON share FOR EACH ROW EXECUTE FUNCTION forget_access();
CREATE TRIGGER tenant_forget_access AFTER DELETE ON tenant FOR EACH ROW EXECUTE FUNCTION forget_access();

SELECT protect_rows('member', 'tenant_id = ANY (chosen_tenants())');
SELECT protect_rows('api_key', 'tenant_id = ANY (chosen_tenants())', 'SELECT, INSERT, UPDATE');
SELECT protect_rows('tenant_account', 'tenant_id = ANY (chosen_tenants())');

-- What requests each principal and each tenant have left, shared by all processes: shared/core/rate.py. Unlogged: after a crash all have
-- all. Nothing is granted: processes keep it as the owner.
CREATE UNLOGGED TABLE request_budget (
    subject    text COLLATE "C" CONSTRAINT request_budget_pk PRIMARY KEY,
    rate       float8 NOT NULL,   -- a second
    burst      float8 NOT NULL,   -- at most
    tokens     float8 NOT NULL,   -- left; less than none, if processes gave out more than there was
    filled_at  timestamptz NOT NULL
) WITH (fillfactor = 50);
