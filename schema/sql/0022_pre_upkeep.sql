-- Prunes and sweeps come round by themselves, as kinds of schedules; and programs that do not know of sweeps are kept away from shares that were swept.

ALTER TABLE schedule
    DROP CONSTRAINT schedule_what,
    ADD CONSTRAINT schedule_what CHECK (what IN ('backup', 'scan', 'verify', 'drill', 'prune', 'sweep'));

-- What the program knows that claimed it: 0 are releases from before sweeps, which do not look whether a chunk that they found is about to be
-- deleted, and read records that a sweep takes away (docs/adr/0015).
ALTER TABLE batch ADD COLUMN knows smallint NOT NULL DEFAULT 0;
-- What a program has to know that works on the share.
ALTER TABLE share ADD COLUMN demands smallint NOT NULL DEFAULT 0;

CREATE FUNCTION refuse_older_program() RETURNS trigger
    LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
    demanded smallint;
BEGIN
    -- The lock waits for a sweep that is being opened, which locks the share too: it sees this batch, or this sees what it demands.
    SELECT demands INTO demanded FROM share WHERE share_id = NEW.share_id FOR SHARE;
    IF demanded > NEW.knows THEN
        RAISE EXCEPTION 'share % was swept, and this program is of a release from before sweeps', NEW.share_id
            USING HINT = 'bring this program up to date', ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    RETURN NEW;
END
$$;

-- Whoever knows all there is to know does not pay for it.
CREATE TRIGGER batch_by_older_program BEFORE INSERT ON batch
    FOR EACH ROW WHEN (NEW.state = 0 AND NEW.knows < 1) EXECUTE FUNCTION refuse_older_program();

-- Which policy a share has is in the vault too: an object for each time that changes. How often it has, and up to which of them the vault was told.
ALTER TABLE share
    ADD COLUMN policy_no int NOT NULL DEFAULT 0,
    ADD COLUMN policy_told int NOT NULL DEFAULT 0;
UPDATE share SET policy_no = 1 WHERE policy_id IS NOT NULL;
CREATE INDEX share_policy_untold ON share (share_id) WHERE policy_no > policy_told;
