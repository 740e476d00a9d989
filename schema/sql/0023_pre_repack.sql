-- Repacking (docs/adr/0016). A sweep notes here which pages have files in bundles that are worth leaving; the next backup compares these pages and
-- writes those files into bundles of its own. A row per page and bundle, not per file, and not more than one sweep may note. Old code does not look.
CREATE TABLE repack (
    share_id    int NOT NULL,
    page_id     bigint NOT NULL,
    run_no      int NOT NULL,           -- with the next two: the bundle
    batch_no    int NOT NULL,
    part        int NOT NULL,
    live_bytes  bigint NOT NULL,        -- what the page has in it
    done_run    int,                    -- the backup that has done it; null: none yet
    CONSTRAINT repack_pk PRIMARY KEY (share_id, page_id, run_no, batch_no, part)
);

SELECT protect_rows('repack', 'share_id IN (SELECT share_id FROM share)', 'SELECT');
