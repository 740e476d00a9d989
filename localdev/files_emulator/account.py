"""The account: everything one emulator serves."""

from dataclasses import replace
from itertools import count

from localdev.files_emulator.blocks import Blocks, MemoryBlocks
from localdev.files_emulator.copies import Copies
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.journal import Journal, NoJournal
from localdev.files_emulator.permissions import Permissions
from localdev.files_emulator.posix import DIRECTORY_DEFAULT
from localdev.files_emulator.retention import DeletedShares
from localdev.files_emulator.service_properties import ServiceProperties
from localdev.files_emulator.share import NFS, Share, ShareProperties
from localdev.files_emulator.smb import DIRECTORY
from localdev.files_emulator.times import Clock
from localdev.files_emulator.tree import ROOT_NUMBER, Directory

DEVELOPMENT_ACCOUNT = "devstoreaccount1"
DEVELOPMENT_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


class Account:
    """Shares by name, permissions by key, one clock for all of them."""

    def __init__(
        self,
        name: str = DEVELOPMENT_ACCOUNT,
        key: str = DEVELOPMENT_KEY,
        *,
        blocks: Blocks | None = None,
        journal: Journal | None = None,
    ) -> None:
        self.name = name
        self.key = key
        self.blocks: Blocks = blocks or MemoryBlocks()
        self.journal: Journal = journal or NoJournal()
        self.clock = Clock()
        self.permissions = Permissions(name, self.journal)
        self.shares: dict[str, Share] = {}
        self.deleted = DeletedShares(self.journal)
        self.service = ServiceProperties()
        self.copies = Copies(self.clock.tick, self.blocks.keep)
        self._numbers = count(1)
        self._serials = count(1)

    def take_number(self) -> int:
        """Return a node number that no node of the account has or had."""
        return next(self._numbers)

    def continue_after(self, number: int, serial: int) -> None:
        """Go on counting after what a store has seen used."""
        self._numbers, self._serials = count(number + 1), count(serial + 1)

    def share(self, name: str) -> Share:
        """Return the share called ``name``."""
        found = self.shares.get(name)
        if found is None:
            raise ServiceError("ShareNotFound")
        return found

    def create_share(self, name: str, properties: ShareProperties) -> Share:
        """Add an empty share."""
        if name in self.shares:
            raise ServiceError("ShareAlreadyExists")
        now = self.clock.tick()
        described = replace(properties, modified=now)
        share = Share(
            name,
            next(self._serials),
            described,
            self.new_root(now, is_nfs=described.protocol == NFS),
            self.journal,
            self.take_number,
        )
        self.shares[name] = share
        self.journal.share(share)
        self.journal.node(share, share.root)
        return share

    def new_root(self, now: int, *, is_nfs: bool = False) -> Directory:
        """Return the root directory of a new share."""
        key, posix = ("", DIRECTORY_DEFAULT) if is_nfs else (self.permissions.root_default, None)
        return Directory(ROOT_NUMBER, ROOT_NUMBER, "", 0, DIRECTORY, key, now, now, now, now, posix=posix)

    def delete_share(self, share: Share) -> None:
        """Remove ``share`` and its snapshots, for good unless the service is set to keep what is deleted."""
        self.copies.fail_in(share)
        del self.shares[share.name]
        if self.service.retention_days:
            self.deleted.keep(share, self.clock.tick(), self.service.retention_days)
        else:
            self.journal.share_gone(share)

    def restore_share(self, name: str, version: str) -> Share:
        """Bring back a deleted share under its name, with its snapshots."""
        if name in self.shares:
            raise ServiceError("ShareAlreadyExists")
        share = self.shares[name] = self.deleted.take(name, version, self.clock.tick())
        return share

    def set_service(self, properties: ServiceProperties) -> None:
        """Replace the settings of the service."""
        self.service = properties
        self.journal.service(properties)
