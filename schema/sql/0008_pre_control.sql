-- Control of runs: pause, resume and cancel; worker processes that drive runs without Durable.

ALTER TABLE run
    -- Who opens and closes the run: an orchestration, or the worker processes.
    ADD COLUMN driver text NOT NULL DEFAULT 'durable' CONSTRAINT run_driver CHECK (driver IN ('durable', 'workers')),
    -- How often it was taken up anew. Names the orchestration; one of an earlier epoch leaves the run alone.
    ADD COLUMN epoch int NOT NULL DEFAULT 0,
    -- Rates and estimates leave pauses out: those that are over, and since when the present one lasts.
    ADD COLUMN paused_seconds double precision NOT NULL DEFAULT 0,
    ADD COLUMN paused_at timestamptz CONSTRAINT run_paused CHECK ((state = 'paused') = (paused_at IS NOT NULL)),
    DROP CONSTRAINT run_state,
    ADD CONSTRAINT run_state CHECK (
        state IN (
            'queued', 'running', 'paused', 'cancelling', 'succeeded', 'completed_with_errors', 'failed', 'cancelled'
        )
    ),
    DROP CONSTRAINT run_finished,
    ADD CONSTRAINT run_finished CHECK (
        (state IN ('queued', 'running', 'paused', 'cancelling')) = (finished_at IS NULL)
    );

-- A paused run keeps its share: what it has saved so far is half of what it was asked for.
DROP INDEX run_active_subject;
CREATE UNIQUE INDEX run_active_subject ON run (subject) WHERE state IN ('queued', 'running', 'paused', 'cancelling');
-- What there is to do for workers, and what the timer may have to start.
CREATE INDEX run_at_work ON run (requested_at) WHERE state IN ('queued', 'running', 'cancelling');
DROP INDEX run_queued;

-- 3: opening or closing a run.
ALTER TABLE batch
    DROP CONSTRAINT batch_kind,
    ADD CONSTRAINT batch_kind CHECK (kind IN (0, 1, 2, 3)) NOT VALID;
ALTER TABLE batch VALIDATE CONSTRAINT batch_kind;
