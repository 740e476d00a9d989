"""Begin with an empty database: queue rebuilds of what the vault has, for the workers (``python -m worker --rebuild``)."""

from shared.model.run import Driver, RebuildOrder
from shared.wiring import App
from worker.events import log

ALL = "all"


async def queue(app: App, what: str, restore_point: int | None, *, replace: bool, credential: str) -> None:
    """Queue rebuilds of ``all`` shares, of those of a ``TENANT``, or of one ``TENANT/SHARE``.

    :raises NotFound: the vault has nothing of it.
    """
    tenant_id, _, share_id = what.partition("/")
    queued, left_out = await app.queue_rebuilds(
        RebuildOrder(restore_point=restore_point, replace=replace),
        tenant_id=None if what == ALL else tenant_id,
        share_id=int(share_id) if share_id else None,
        credential=credential,
        driver=Driver.WORKERS,
    )
    for run in queued:
        log.info("rebuild_queued", extra={"run_id": run.run_id, "tenant_id": run.tenant_id, "share_id": run.share_id})
    for one in left_out:
        log.warning("left_out", extra={"tenant_id": one.tenant_id, "share_id": one.share_id, "reason": one.reason})
