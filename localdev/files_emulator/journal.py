"""What one request changed, for a store to make durable before the request is answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from localdev.files_emulator.leases import Lease
    from localdev.files_emulator.service_properties import ServiceProperties
    from localdev.files_emulator.share import Holder, Share
    from localdev.files_emulator.tree import Entry


class Journal(Protocol):
    """Takes note of changes; reporting the same thing twice in a request is the same as once."""

    def node(self, share: Share, node: Entry) -> None:
        """``node`` is new or changed."""

    def node_gone(self, share: Share, node: Entry) -> None:
        """``node`` is no longer in the live tree; snapshots may still have it."""

    def share(self, share: Share) -> None:
        """``share`` is new, was deleted to be kept, or its properties, policies or snapshots changed."""

    def share_gone(self, share: Share) -> None:
        """``share`` is gone for good with all its snapshots."""

    def service(self, properties: ServiceProperties) -> None:
        """The settings of the service are now ``properties``."""

    def lease(self, share: Share, holder: Holder, lease: Lease | None) -> None:
        """The lease of ``holder`` is now ``lease``."""

    def permission(self, key: str, sddl: str) -> None:
        """``sddl`` is now filed under ``key``."""


class NoJournal:
    """The journal of an account that lives in memory only."""

    def node(self, share: Share, node: Entry) -> None:
        """Forget it."""

    def node_gone(self, share: Share, node: Entry) -> None:
        """Forget it."""

    def share(self, share: Share) -> None:
        """Forget it."""

    def share_gone(self, share: Share) -> None:
        """Forget it."""

    def service(self, properties: ServiceProperties) -> None:
        """Forget it."""

    def lease(self, share: Share, holder: Holder, lease: Lease | None) -> None:
        """Forget it."""

    def permission(self, key: str, sddl: str) -> None:
        """Forget it."""
