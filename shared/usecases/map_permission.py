"""Give the target share the security descriptors of the source: Azure's keys belong to one account."""

import asyncio

from shared.errors import NoRight, NotFound, Rejected
from shared.model.objects import permission_name
from shared.usecases.scope import RunScope


class PermissionMap:
    """Source permission key to the target's key; each is asked for once, however many batches share the map."""

    def __init__(self, scope: RunScope) -> None:
        self._scope = scope
        self._keys: dict[str, asyncio.Task[str]] = {}
        self.lost: dict[str, str] = {}
        """Keys that could not be carried over, with the reason; nodes with them inherit instead."""

    def told(self) -> None:
        """What is in :attr:`lost` has been journalled for good."""
        self.lost.clear()

    async def target_key(self, source_key: str) -> str:
        """Key on the target share; empty (inherit) when there is none or it could not be carried over."""
        if not source_key:
            return ""
        task = self._keys.get(source_key)
        if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
            task = self._keys[source_key] = asyncio.create_task(self._carry_over(source_key))
        return await asyncio.shield(task)

    async def _carry_over(self, source_key: str) -> str:
        assert self._scope.writer is not None
        try:
            sddl = await self._scope.vault.get(permission_name(self._scope.share.share_id, source_key))
            return await self._scope.writer.create_permission(sddl.decode())
        except NotFound:
            self.lost[source_key] = "the vault has no descriptor for it: the backup could not read it"
        except (NoRight, Rejected) as error:
            self.lost[source_key] = f"the target share refuses it: {error}"
        return ""
