"""Shares and their snapshots, through Azure's SDK.

Our share snapshots carry the tag of the run that took them in metadata, so that a run that lost the answer, or was started
again, finds its own instead of taking a second. Finding needs List Shares, which a SAS may not allow (an account SAS without
``srt=s``): then a repeated call takes another snapshot, and the first stays behind until someone deletes it. A SAS for one
share can take none at all.
"""

from collections.abc import Mapping
from functools import cached_property, partial
from typing import Final, Self

from azure.storage.fileshare.aio import ShareClient, ShareServiceClient

from shared.adapters import sdk
from shared.adapters.backoff import Retry
from shared.adapters.credentials import Bearer, Secret
from shared.adapters.metering import Meter
from shared.adapters.translate import translated
from shared.errors import Conflict, NoAccess, Retryable, ShareGone

VERSION: Final = "2025-05-05"
"""Older than what the lean client speaks: everything here exists since 2024-11-04, and every region answers to it."""
TAG: Final = "afbrun"


class FilesAdmin:
    """A :class:`shared.ports.ShareAdmin`."""

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
    def _service(self) -> ShareServiceClient:
        """Made when first needed: it takes milliseconds, and most activities leave the share alone."""
        return ShareServiceClient(self._account_url, self._credential, api_version=VERSION, **self._options)

    @property
    def _share(self) -> ShareClient:
        return self._service.get_share_client(self._share_name)

    async def take_snapshot(self, tag: str) -> str:
        """Id of the share snapshot tagged ``tag``, taken now if there is none."""
        what = f"take a snapshot of share {self._share_name!r}"
        retry = Retry(self._budget_s)
        while True:
            try:
                with translated(what):
                    # Looked for again in every try: the one that failed may have taken it.
                    return await self._tagged(tag) or str(
                        (await self._share.create_snapshot(metadata={TAG: tag}))["snapshot"]
                    )
            except Retryable as failure:
                await retry.wait(failure)

    async def _tagged(self, tag: str) -> str | None:
        found: str | None = None
        try:
            with translated("list shares"):
                shares = self._service.list_shares(
                    name_starts_with=self._share_name, include_metadata=True, include_snapshots=True
                )
                async for share in shares:
                    metadata = {name.lower(): value for name, value in (share.metadata or {}).items()}
                    if share.name == self._share_name and share.snapshot and metadata.get(TAG) == tag:
                        found = found or str(share.snapshot)
        except NoAccess:
            return None  # not allowed to look; see the module's docstring
        return found

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
        """Quota, tier, protocols and metadata (names after ``metadata.``)."""
        found = await sdk.repeated(
            f"read the properties of share {self._share_name!r}", self._share.get_share_properties, self._budget_s
        )
        described = {
            "quota_gib": str(found.quota or ""),
            "access_tier": str(found.access_tier or ""),
            "protocols": ",".join(found.protocols or ["SMB"]),
            "root_squash": str(found.root_squash or ""),
            "provisioned_iops": str(found.provisioned_iops or ""),
        }
        metadata = {f"metadata.{name}": str(value) for name, value in (found.metadata or {}).items()}
        return {name: value for name, value in described.items() if value} | metadata

    async def create(self, protocol: str = "SMB") -> None:
        """Make the share, if it is not there. One for NFS keeps the owners that it is told, root included."""
        options = {"protocols": "NFS", "root_squash": "NoRootSquash"} if protocol == "NFS" else {}
        try:
            await sdk.repeated(
                f"create share {self._share_name!r}", partial(self._share.create_share, **options), self._budget_s
            )
        except Conflict as error:
            if error.code != "ShareAlreadyExists":
                raise

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
