-- How fast Azure shares may be asked, while that is limited: shared/core/pace.py says by which rules.
--
-- Unlogged: rows are rewritten every second and worth nothing after a crash, which empties the tables; workers find out again.

CREATE UNLOGGED TABLE pace (
    subject    text COLLATE "C" PRIMARY KEY,   -- the Azure share: shared/db/shares.py
    top        float8,                         -- the brake; all of it or nothing. Times are Unix seconds
    factor     float8,
    lowered_at float8,
    began_at   float8,
    peak       float8,
    CONSTRAINT pace_brake_whole CHECK (num_nonnulls(top, factor, lowered_at, began_at, peak) IN (0, 5))
) WITH (fillfactor = 50);

-- Infinity: no limit, or more than it gets.
CREATE UNLOGGED TABLE pace_part (
    subject        text COLLATE "C" NOT NULL REFERENCES pace ON DELETE CASCADE,
    worker         text COLLATE "C" NOT NULL,  -- a process
    requests       float8 NOT NULL,            -- a second, as all that follow but the time
    bytes          float8 NOT NULL,
    used_requests  float8 NOT NULL,
    used_bytes     float8 NOT NULL,
    wants_requests float8 NOT NULL,
    wants_bytes    float8 NOT NULL,
    ends_at        float8 NOT NULL,
    PRIMARY KEY (subject, worker)
) WITH (fillfactor = 50);

-- The settings that count for an Azure share, whoever protects it.
CREATE INDEX share_subject ON share ((lower(rtrim(account_url, '/')) || '/' || share_name));
