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
