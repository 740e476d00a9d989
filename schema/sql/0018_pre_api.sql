-- Answers to requests with an idempotency key: who asks the same again within a day is answered the same, and nothing is done twice.
-- A row is written in the transaction of what its answer tells of, and deleted by a timer.

CREATE TABLE idempotency (
    principal     text COLLATE "C" NOT NULL,   -- who asked: kind and id, and in which tenant
    key           text COLLATE "C" NOT NULL,
    tenant_id     text COLLATE "C",            -- whose data it is about; null: the platform's
    request_hash  bytea NOT NULL,              -- of method, path, query and body
    status        smallint NOT NULL,
    body          bytea NOT NULL,
    media         text NOT NULL,
    location      text NOT NULL,
    etag          text NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT idempotency_pk PRIMARY KEY (principal, key)
);

CREATE INDEX idempotency_age ON idempotency (created_at);

SELECT protect_rows('idempotency', 'tenant_id = ANY (chosen_tenants())');

-- What runs took, per share, month and kind: asked for over a thousand shares at once, where adding up the counters of all runs would take
-- seconds. A trigger keeps it, so that it is right whichever release ends a run. No foreign key to share: what was used is told after a
-- share is gone, too.
CREATE TABLE usage_month (
    share_id        int NOT NULL,
    month           date NOT NULL,               -- its first day; runs count where they ended, in UTC
    kind            text COLLATE "C" NOT NULL,   -- of the runs
    tenant_id       text COLLATE "C" NOT NULL,
    runs            int NOT NULL,
    seconds         double precision NOT NULL,   -- of work, pauses left out
    files_requests  bigint NOT NULL,
    files_lists     bigint NOT NULL,
    files_reads     bigint NOT NULL,
    files_writes    bigint NOT NULL,
    vault_reads     bigint NOT NULL,
    vault_writes    bigint NOT NULL,
    vault_bytes     bigint NOT NULL,             -- written
    bytes           bigint NOT NULL,
    changed_bytes   bigint NOT NULL,
    reread_bytes    bigint NOT NULL,
    CONSTRAINT usage_month_pk PRIMARY KEY (share_id, month, kind)
) WITH (fillfactor = 50);   -- a row changes with each run of the month

CREATE INDEX usage_month_of_tenant ON usage_month (tenant_id, month);

-- With its owner's rights: nobody else writes to the table.
CREATE FUNCTION usage_of_run()
RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    c jsonb := NEW.final_counters;
BEGIN
    -- Counters are final once. A rebuild inserts runs that have ended; those that are there already it leaves alone.
    IF TG_OP = 'UPDATE' AND OLD.final_counters IS NOT NULL THEN
        RETURN NULL;
    END IF;
    INSERT INTO usage_month AS u
    VALUES (
        NEW.share_id,
        date_trunc('month', coalesce(NEW.finished_at, now()) AT TIME ZONE 'UTC')::date,
        NEW.kind,
        NEW.tenant_id,
        1,
        greatest(0, coalesce(extract(epoch FROM NEW.finished_at - NEW.started_at), 0) - NEW.paused_seconds),
        coalesce((c->>'files_requests')::bigint, 0),
        coalesce((c->>'files_lists')::bigint, 0),
        coalesce((c->>'files_reads')::bigint, 0),
        coalesce((c->>'files_writes')::bigint, 0),
        coalesce((c->>'vault_reads')::bigint, 0),
        coalesce((c->>'vault_writes')::bigint, 0),
        coalesce((c->>'vault_bytes')::bigint, 0),
        coalesce((c->>'bytes')::bigint, 0),
        coalesce((c->>'changed_bytes')::bigint, 0),
        coalesce((c->>'reread_bytes')::bigint, 0)
    )
    ON CONFLICT ON CONSTRAINT usage_month_pk DO UPDATE
       SET runs = u.runs + excluded.runs,
           seconds = u.seconds + excluded.seconds,
           files_requests = u.files_requests + excluded.files_requests,
           files_lists = u.files_lists + excluded.files_lists,
           files_reads = u.files_reads + excluded.files_reads,
           files_writes = u.files_writes + excluded.files_writes,
           vault_reads = u.vault_reads + excluded.vault_reads,
           vault_writes = u.vault_writes + excluded.vault_writes,
           vault_bytes = u.vault_bytes + excluded.vault_bytes,
           bytes = u.bytes + excluded.bytes,
           changed_bytes = u.changed_bytes + excluded.changed_bytes,
           reread_bytes = u.reread_bytes + excluded.reread_bytes;
    RETURN NULL;
END
$$;

CREATE TRIGGER run_usage AFTER INSERT OR UPDATE OF final_counters ON run
    FOR EACH ROW WHEN (NEW.final_counters IS NOT NULL) EXECUTE FUNCTION usage_of_run();

INSERT INTO usage_month
SELECT share_id, date_trunc('month', coalesce(finished_at, now()) AT TIME ZONE 'UTC')::date, kind, tenant_id, count(*),
       sum(greatest(0, coalesce(extract(epoch FROM finished_at - started_at), 0) - paused_seconds)),
       sum(coalesce((final_counters->>'files_requests')::bigint, 0)),
       sum(coalesce((final_counters->>'files_lists')::bigint, 0)),
       sum(coalesce((final_counters->>'files_reads')::bigint, 0)),
       sum(coalesce((final_counters->>'files_writes')::bigint, 0)),
       sum(coalesce((final_counters->>'vault_reads')::bigint, 0)),
       sum(coalesce((final_counters->>'vault_writes')::bigint, 0)),
       sum(coalesce((final_counters->>'vault_bytes')::bigint, 0)),
       sum(coalesce((final_counters->>'bytes')::bigint, 0)),
       sum(coalesce((final_counters->>'changed_bytes')::bigint, 0)),
       sum(coalesce((final_counters->>'reread_bytes')::bigint, 0))
  FROM run
 WHERE final_counters IS NOT NULL
 GROUP BY share_id, 2, kind, tenant_id;

SELECT protect_rows('usage_month', 'tenant_id = ANY (chosen_tenants())', 'SELECT');
