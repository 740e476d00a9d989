-- Deletion of shares and tenants, bringing them back, and purging them (docs/RETENTION.md). Old code does not know the kind of run: it can neither
-- start a purge nor read one, so none is started before the old code is gone. What is only marked deleted it goes on with, as it did.

ALTER TABLE run
    DROP CONSTRAINT run_kind,
    ADD CONSTRAINT run_kind CHECK (kind IN ('backup', 'restore', 'scan', 'verify', 'prune', 'sweep', 'rebuild', 'purge')),
    DROP CONSTRAINT run_retention_order,
    ADD CONSTRAINT run_retention_order CHECK ((kind IN ('prune', 'sweep', 'purge')) = (retention_order IS NOT NULL));

-- Beside deleted_at (0020): who and why, and from when on it may be purged, which is decided when it is deleted. Once a purge has begun there is no way
-- back: purging_at stays until the row goes. What happened to it is numbered; the vault is told of the last of it, after the catalogue.
ALTER TABLE share
    ADD COLUMN deleted_by     text NOT NULL DEFAULT '',
    ADD COLUMN delete_reason  text NOT NULL DEFAULT '',
    ADD COLUMN purge_after    timestamptz,
    ADD COLUMN purging_at     timestamptz,
    ADD COLUMN deletion_no    int NOT NULL DEFAULT 0,
    ADD COLUMN deletion_told  int NOT NULL DEFAULT 0,
    ADD CONSTRAINT share_purging CHECK (purging_at IS NULL OR deleted_at IS NOT NULL);
ALTER TABLE tenant
    ADD COLUMN deleted_by     text NOT NULL DEFAULT '',
    ADD COLUMN delete_reason  text NOT NULL DEFAULT '',
    ADD COLUMN purge_after    timestamptz,
    ADD COLUMN purging_at     timestamptz,
    -- Who ordered the purge, for the audit; and why it has not come to its end, for people.
    ADD COLUMN purge_order    jsonb,
    ADD COLUMN purge_trouble  text NOT NULL DEFAULT '',
    ADD COLUMN deletion_no    int NOT NULL DEFAULT 0,
    ADD COLUMN deletion_told  int NOT NULL DEFAULT 0,
    ADD CONSTRAINT tenant_purging CHECK (purging_at IS NULL OR deleted_at IS NOT NULL);

-- What the vault is yet to be told of, and tenants that are being purged: few, as a rule none.
CREATE INDEX share_deletion_untold ON share (share_id) WHERE deletion_told < deletion_no;
