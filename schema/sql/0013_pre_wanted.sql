-- A worker found nothing to claim, and none has claimed since: whoever has more than they can list at once hands some of it over.
-- Old code neither sets it nor looks at it; workers of both then wait for the end of a batch, as they did.

ALTER TABLE run ADD COLUMN wanted boolean NOT NULL DEFAULT false;
