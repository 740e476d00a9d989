"""The catalogue as workers use it, told of: a span for each claim and each commit, and counts of what was committed and what came too late."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from shared.db.catalogue import PostgresCatalogue
from shared.db.pool import Pool
from shared.db.sweep_catalogue import PostgresRetentions, PostgresSweeps
from shared.db.verify_catalogue import PostgresVerifies
from shared.errors import Fenced
from shared.model.metric import BATCHES, LEASES_LOST
from shared.model.retention import Decision
from shared.model.sweep import SweepClaim, SweepCommit
from shared.model.verify import VerifyClaim, VerifyCommit
from shared.model.work import BatchCommit, Claim, Kept, RestoreClaim, RestoreCommit, SpanClaim, SpanResult
from shared.ports.telemetry import Span, Telemetry


@contextmanager
def _committing(telemetry: Telemetry, kind: str) -> Iterator[None]:
    with telemetry.span("commit"):
        try:
            yield
        except Fenced:
            telemetry.count(LEASES_LOST, kind)
            raise
    telemetry.count(BATCHES, kind)


def _claimed(span: Span, claim: Claim | SpanClaim | RestoreClaim | VerifyClaim | SweepClaim | None) -> None:
    """Nothing to claim is asked for several times a second, and is not worth a span."""
    if claim is None:
        span.drop()
    else:
        span.set(batch_no=claim.batch_no)


class ObservedCatalogue(PostgresCatalogue):
    """A :class:`shared.ports.catalogue.Catalogue`."""

    def __init__(self, pool: Pool, telemetry: Telemetry) -> None:
        super().__init__(pool)
        self._telemetry = telemetry

    async def claim(
        self, run_id: int, worker: str, *, limit: int, lease_s: float, only: int | None = None, part: int = 0
    ) -> Claim | None:
        """See the port."""
        with self._telemetry.span("claim") as span:
            claim = await super().claim(run_id, worker, limit=limit, lease_s=lease_s, only=only, part=part)
            _claimed(span, claim)
        return claim

    async def commit(self, batch: BatchCommit, *, lease_s: float = 0) -> Kept | None:
        """See the port."""
        with _committing(self._telemetry, "directories"):
            return await super().commit(batch, lease_s=lease_s)

    async def claim_span(self, run_id: int, worker: str, *, lease_s: float) -> SpanClaim | None:
        """See the port."""
        with self._telemetry.span("claim") as span:
            claim = await super().claim_span(run_id, worker, lease_s=lease_s)
            _claimed(span, claim)
        return claim

    async def commit_span(self, span: SpanClaim, result: SpanResult) -> None:
        """See the port."""
        with _committing(self._telemetry, "span"):
            await super().commit_span(span, result)

    async def claim_restore(self, run_id: int, worker: str, *, limit: int, lease_s: float) -> RestoreClaim | None:
        """See the port."""
        with self._telemetry.span("claim") as span:
            claim = await super().claim_restore(run_id, worker, limit=limit, lease_s=lease_s)
            _claimed(span, claim)
        return claim

    async def commit_restore(self, batch: RestoreCommit) -> None:
        """See the port."""
        with _committing(self._telemetry, "restore"):
            await super().commit_restore(batch)


class ObservedVerifies(PostgresVerifies):
    """A :class:`shared.ports.verifies.Verifies`."""

    def __init__(self, pool: Pool, telemetry: Telemetry) -> None:
        super().__init__(pool)
        self._telemetry = telemetry

    async def claim_verify(self, run_id: int, worker: str, *, most_pages: int, lease_s: float) -> VerifyClaim | None:
        """See the port."""
        with self._telemetry.span("claim") as span:
            claim = await super().claim_verify(run_id, worker, most_pages=most_pages, lease_s=lease_s)
            _claimed(span, claim)
        return claim

    async def commit_verify(self, batch: VerifyCommit) -> None:
        """See the port."""
        with _committing(self._telemetry, "verify"):
            await super().commit_verify(batch)


class ObservedRetentions(PostgresRetentions):
    """A :class:`shared.ports.retention.Retentions`."""

    def __init__(self, pool: Pool, telemetry: Telemetry) -> None:
        super().__init__(pool)
        self._telemetry = telemetry

    async def expire(self, run_id: int, share_id: int, decisions: Sequence[Decision], by: str) -> list[Decision]:
        """See the port."""
        with self._telemetry.span("expire") as span:
            outcome = await super().expire(run_id, share_id, decisions, by)
            kept = sum(decision.keep for decision in outcome)
            span.set(expired_points=len(outcome) - kept, kept_points=kept)
        return outcome


class ObservedSweeps(PostgresSweeps):
    """A :class:`shared.ports.sweeps.Sweeps`."""

    def __init__(self, pool: Pool, telemetry: Telemetry) -> None:
        super().__init__(pool)
        self._telemetry = telemetry

    async def claim_sweep(self, run_id: int, worker: str, *, most_pages: int, lease_s: float) -> SweepClaim | None:
        """See the port."""
        with self._telemetry.span("claim") as span:
            claim = await super().claim_sweep(run_id, worker, most_pages=most_pages, lease_s=lease_s)
            _claimed(span, claim)
        return claim

    async def commit_sweep(self, commit: SweepCommit) -> None:
        """See the port."""
        with _committing(self._telemetry, "sweep"):
            await super().commit_sweep(commit)
