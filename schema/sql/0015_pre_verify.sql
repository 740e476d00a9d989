-- Verifies: runs that prove that what restore points refer to is in the vault and is what it was. Old code does not know the kind: it
-- can neither start such a run nor read one, so none is started before the old code is gone.

ALTER TABLE run
    DROP CONSTRAINT run_kind,
    ADD CONSTRAINT run_kind CHECK (kind IN ('backup', 'restore', 'scan', 'verify')),
    ADD COLUMN verify_order jsonb,
    ADD CONSTRAINT run_verify_order CHECK ((kind = 'verify') = (verify_order IS NOT NULL));

-- 4: a piece of a verify.
ALTER TABLE batch
    DROP CONSTRAINT batch_kind,
    ADD CONSTRAINT batch_kind CHECK (kind IN (0, 1, 2, 3, 4)) NOT VALID;
ALTER TABLE batch VALIDATE CONSTRAINT batch_kind;

-- What a verify still has to look at: a row per piece, not per directory. The rows of the tree that nobody has claimed yet are one
-- piece, of which a claim takes the beginning.
CREATE TABLE verify_item (
    run_id    bigint NOT NULL,
    item_no   bigint GENERATED ALWAYS AS IDENTITY,
    kind      smallint NOT NULL,           -- shared/model/verify.py
    low       bigint NOT NULL,             -- pages: from this page_id ...
    high      bigint NOT NULL,             -- ... to below this one
    details   jsonb NOT NULL DEFAULT '{}',
    batch_no  int,                         -- claimed; null: pending
    CONSTRAINT verify_item_pk PRIMARY KEY (run_id, item_no)
);

CREATE INDEX verify_item_pending ON verify_item (run_id, kind, item_no) WHERE batch_no IS NULL;

-- What a verify found, one row per damaged object however many workers meet it; told to the journal when the run ends.
CREATE TABLE verify_finding (
    run_id    bigint NOT NULL,
    object    text COLLATE "C" NOT NULL,
    kind      text NOT NULL,
    reason    text NOT NULL,
    current   boolean NOT NULL,            -- the newest state of something is among what is concerned
    files     bigint NOT NULL,
    bytes     bigint NOT NULL,
    paths     text[] NOT NULL,             -- some of them
    points    int[] NOT NULL,              -- restore points concerned
    node_id   bigint NOT NULL,
    CONSTRAINT verify_finding_pk PRIMARY KEY (run_id, object)
);

-- Nothing in a security descriptor's object says whether it is as it was saved. XXH3-64 of it; null: saved by old code, and no verify
-- has read it yet.
ALTER TABLE permission ADD COLUMN checksum bigint;

-- What a verify found damaged of the newest state of a share: the next backup saves it again, although nothing in the share has changed.
-- No foreign key to share, as of roll-ups: a program from before does not know the table.
CREATE TABLE damaged (
    share_id   int NOT NULL,
    page_id    bigint NOT NULL,            -- the page that is to be compared
    node_id    bigint NOT NULL,            -- the file; 0: the page itself
    saved_run  int NOT NULL,               -- which version of it; of a page 0: its record, -1: its row
    CONSTRAINT damaged_pk PRIMARY KEY (share_id, page_id, node_id)
);
