"""Shares and their snapshots, through Azure's SDK.

Our share snapshots carry the tag of the run that took them in metadata, so that a run that lost the answer, or was started
again, finds its own instead of taking a second, and that what a run left behind is known for ours. Finding needs List Shares, which
a SAS may not allow (an account SAS without ``srt=s``): then a repeated call takes another snapshot, and the first stays behind
until someone deletes it. A SAS for one share can take none at all.

Two may have one tag all the same: aiohttp, below the SDK, sends a PUT again when a connection ends without an answer. The next run's
opening deletes the other as left behind.
"""

from collections.abc import Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Final, Self

from shared.adapters import sdk
from shared.adapters.backoff import Retry
from shared.adapters.credentials import Bearer, Secret
from shared.adapters.metering import Meter
from shared.adapters.translate import translated
from shared.errors import Conflict, NoAccess, Retryable, ShareGone
from shared.model.share import ShareSnapshot

if TYPE_CHECKING:
    from azure.storage.fileshare.aio import ShareClient, ShareServiceClient

VERSION: Final = "2025-05-05"
"""Older than what the lean client speaks: everything here exists since 2024-11-04, and every region answers to it."""
TAG: Final = "afbrun"


class FilesAdmin:
    """A :class:`shared.ports.share_admin.ShareAdmin`."""

    def __init__(
        self,
        account_url: str,
        share_name: str,
        secret: Secret,
        *,
        meter: Meter | None = None,
        retry_budget_s: float = 60.0,
    ) -> None:
        """With a ``meter``, requests are counted as ``share``.

        :raises InvalidInput: a token for an account without https.
        """
        self._account_url = account_url
        self._share_name = share_name
        self._credential = sdk.credential(secret, account_url)
        self._options = sdk.options()
        if isinstance(secret, Bearer):
            self._options |= {"token_intent": "backup"}
        if meter is not None:
            self._options["raw_request_hook"] = lambda _request: meter.files_request("share")
        self._budget_s = retry_budget_s

    @cached_property
    def _service(self) -> "ShareServiceClient":
        """Made when first needed, its library imported then: both take a while, and most activities leave the share alone."""
        from azure.storage.fileshare.aio import ShareServiceClient

        return ShareServiceClient(self._account_url, self._credential, api_version=VERSION, **self._options)

    @property
    def _share(self) -> "ShareClient":
        return self._service.get_share_client(self._share_name)

    async def snapshots(self) -> list[ShareSnapshot]:
        """All share snapshots of the share, oldest first: one request per 5,000 shares and snapshots whose name begins like it."""
        return await sdk.repeated(f"list the snapshots of share {self._share_name!r}", self._snapshots, self._budget_s)

    async def _snapshots(self) -> list[ShareSnapshot]:
        shares = self._service.list_shares(
            name_starts_with=self._share_name, include_metadata=True, include_snapshots=True
        )
        found: list[ShareSnapshot] = []
        async for share in shares:
            if share.name == self._share_name and share.snapshot:
                metadata = {name.lower(): value for name, value in (share.metadata or {}).items()}
                found.append(ShareSnapshot(str(share.snapshot), str(metadata.get(TAG, ""))))
        return sorted(found, key=lambda snapshot: snapshot.snapshot)

    async def take_snapshot(self, tag: str, *, is_new: bool = False) -> str:
        """Id of the share snapshot tagged ``tag``, taken now if there is none."""
        what = f"take a snapshot of share {self._share_name!r}"
        retry = Retry(self._budget_s)
        while True:
            try:
                with translated(what):
                    # Looked for again in every further try: the one that failed may have taken it.
                    found = None if is_new and not retry.tries else await self._tagged(tag)
                    return found or str((await self._share.create_snapshot(metadata={TAG: tag}))["snapshot"])
            except Retryable as failure:
                await retry.wait(failure)

    async def _tagged(self, tag: str) -> str | None:
        try:
            with translated("list shares"):
                return next((found.snapshot for found in await self._snapshots() if found.tag == tag), None)
        except NoAccess:
            return None  # not allowed to look; see the module's docstring

    async def delete_snapshot(self, snapshot: str) -> None:
        """Delete a share snapshot, if it is there."""
        share = self._service.get_share_client(self._share_name, snapshot=snapshot)
        try:
            await sdk.repeated(
                f"delete snapshot {snapshot} of share {self._share_name!r}", share.delete_share, self._budget_s
            )
        except ShareGone:
            return

    async def properties(self) -> Mapping[str, str]:
        """Quota, tier, protocols, what is provisioned, and metadata (names after ``metadata.``); only what the service tells."""
        found = await sdk.repeated(
            f"read the properties of share {self._share_name!r}", self._share.get_share_properties, self._budget_s
        )
        described = {
            "quota_gib": found.quota,
            "access_tier": found.access_tier,
            "protocols": ",".join(found.protocols or ["SMB"]),
            "root_squash": found.root_squash,
            "snapshot_directory": found.enable_snapshot_virtual_directory_access,
            "provisioned_iops": found.provisioned_iops,
            "provisioned_mibps": found.provisioned_bandwidth,
            "provisioned_ingress_mbps": found.provisioned_ingress_mbps,
            "provisioned_egress_mbps": found.provisioned_egress_mbps,
            "included_burst_iops": found.included_burst_iops,
            "max_burst_credits_for_iops": found.max_burst_credits_for_iops,
            "paid_bursting": found.paid_bursting_enabled,
            "paid_bursting_iops": found.paid_bursting_iops,
            "paid_bursting_mibps": found.paid_bursting_bandwidth_mibps,
        }
        metadata = {f"metadata.{name}": str(value) for name, value in (found.metadata or {}).items()}
        return {name: _text(value) for name, value in described.items() if value not in (None, "")} | metadata

    async def create(self, protocol: str = "SMB", tag: str = "", quota_gib: int = 0) -> None:
        """Make the share, if it is not there. One for NFS keeps the owners that it is told, root included."""
        options: dict[str, Any] = {"protocols": "NFS", "root_squash": "NoRootSquash"} if protocol == "NFS" else {}
        if tag:
            options["metadata"] = {TAG: tag}
        if quota_gib:
            options["quota"] = quota_gib
        try:
            await sdk.repeated(
                f"create share {self._share_name!r}", partial(self._share.create_share, **options), self._budget_s
            )
        except Conflict as error:
            if error.code != "ShareAlreadyExists":
                raise
            if tag:
                await self._check_tag(tag)

    async def delete(self, tag: str) -> None:
        """Delete the share, with snapshots that anybody took of it, if it has ``tag``."""
        delete = partial(self._share.delete_share, delete_snapshots="include")
        try:
            await self._check_tag(tag)
            await sdk.repeated(f"delete share {self._share_name!r}", delete, self._budget_s)
        except ShareGone:
            return
        except Conflict as error:
            if error.code != "ShareBeingDeleted":
                raise

    async def _check_tag(self, tag: str) -> None:
        """:raises Conflict: the share is not the one that was made with ``tag``."""
        found = {name.lower(): value for name, value in (await self.properties()).items()}
        if found.get(f"metadata.{TAG}") != tag:
            raise Conflict(
                f"share {self._share_name!r} was not made by this run: it is left alone", "ShareAlreadyExists"
            )

    async def aclose(self) -> None:
        """Close all connections."""
        if "_service" in self.__dict__:
            await self._service.close()

    async def __aenter__(self) -> Self:
        """Itself."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()


def _text(value: object) -> str:
    """A property as text, for the commit record."""
    return str(value).lower() if isinstance(value, bool) else str(value)
