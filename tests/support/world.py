"""A whole product in one process on the real services, without the Functions host: use cases driven by the same decisions."""

import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from azure.storage.fileshare import ShareClient

from shared import wiring
from shared.core.rounds import Phase, RoundState
from shared.db import policies, restore_points, runs, shares, tenants
from shared.model.restore import RestoreOrder
from shared.model.retention import PruneOrder, RetentionPolicy
from shared.model.run import Driver, Run, RunKind, RunState
from shared.model.share import Share, ShareSettings
from shared.model.sweep import SweepOrder
from shared.model.tickets import RunTicket
from shared.model.verify_order import VerifyLevel, VerifyOrder
from shared.ports.journal import EVENT
from shared.settings import Settings
from shared.usecases.runs import close_run, open_run, work_on
from shared.usecases.scope import RunScope
from tests.support.files_control import ControlClient
from tests.support.share_tree import service

CREDENTIAL = "devstore"


@dataclass
class World:
    """One tenant, one protected share, and what a test does with them."""

    app: wiring.App
    share: Share
    emulator: object
    wrap: Callable[[RunScope], RunScope] = lambda scope: scope
    """Put something between the use cases and the world, such as faults."""

    @property
    def control(self) -> ControlClient:
        """Faults, limits, counters and the log of the emulator."""
        return ControlClient(self.emulator.control_url)

    def client(self, name: str | None = None, snapshot: str | None = None) -> ShareClient:
        return service(self.emulator).get_share_client(name or self.share.share_name, snapshot=snapshot)

    async def queue_backup(self, driver: Driver = Driver.DURABLE) -> Run:
        async with self.app.transaction() as conn:
            return await runs.create(conn, self.share.tenant_id, self.share.share_id, RunKind.BACKUP, driver=driver)

    async def queue_restore(self, restore_point: int, share_name: str, driver: Driver = Driver.DURABLE, **order) -> Run:
        async with self.app.transaction() as conn:
            wanted = RestoreOrder(
                restore_point=restore_point,
                account_url=self.share.account_url,
                share_name=share_name,
                credential=CREDENTIAL,
                **order,
            )
            return await runs.create(
                conn, self.share.tenant_id, self.share.share_id, RunKind.RESTORE, wanted, driver=driver
            )

    async def backup(self) -> Run:
        return await self.drive(await self.queue_backup())

    async def scan(self) -> Run:
        async with self.app.transaction() as conn:
            run = await runs.create(conn, self.share.tenant_id, self.share.share_id, RunKind.SCAN)
        return await self.drive(run)

    async def queue_verify(
        self,
        level: VerifyLevel = VerifyLevel.QUICK,
        point: int | None = None,
        driver: Driver = Driver.DURABLE,
        **order,
    ) -> Run:
        """Of the newest restore point unless another one is named."""
        async with self.app.transaction() as conn:
            if point is None:
                point = (await restore_points.last(conn, self.share.share_id)).run_no
            wanted = VerifyOrder(level=level, restore_point=point, **order)
            return await runs.create(
                conn, self.share.tenant_id, self.share.share_id, RunKind.VERIFY, driver=driver, verify=wanted
            )

    async def verify(self, level: VerifyLevel = VerifyLevel.QUICK, point: int | None = None, **order) -> Run:
        return await self.drive(await self.queue_verify(level, point, **order))

    async def nothing_is_damaged(self) -> None:
        """A verify of all there is says so, at any level."""
        for level in (VerifyLevel.QUICK, VerifyLevel.FULL):
            run = await self.verify(level, all_points=True)
            assert (run.state, await self.journal(run)) == (RunState.SUCCEEDED, []), run.report

    async def queue_retention(self, order: PruneOrder | SweepOrder, driver: Driver = Driver.DURABLE) -> Run:
        kind = RunKind.SWEEP if isinstance(order, SweepOrder) else RunKind.PRUNE
        async with self.app.transaction() as conn:
            return await runs.create(
                conn, self.share.tenant_id, self.share.share_id, kind, driver=driver, retention=order
            )

    async def let_go(self, *run_nos: int) -> Run:
        """Delete restore points."""
        return await self.drive(await self.queue_retention(PruneOrder(by="test", run_nos=run_nos)))

    async def prune(self, policy: RetentionPolicy | None = None) -> Run:
        """By the share's policy, which is this one from now on if it is given."""
        if policy is not None:
            async with self.app.transaction() as conn:
                made = await policies.create(conn, self.share.tenant_id, secrets.token_hex(4), policy)
                await policies.give(conn, self.share.tenant_id, self.share.share_id, made.policy_id)
        return await self.drive(await self.queue_retention(PruneOrder(by="test")))

    async def sweep(self, margin_s: int = 0) -> Run:
        """With no margin unless one is given: what nobody needs goes at once."""
        return await self.drive(await self.queue_retention(SweepOrder(by="test", margin_s=margin_s)))

    async def restore(self, restore_point: int, share_name: str, **order) -> Run:
        return await self.drive(await self.queue_restore(restore_point, share_name, **order))

    async def step(self, run: Run, state: RoundState) -> RoundState:
        """One step of a run, as the orchestrator would take it with one worker."""
        usecase = {Phase.OPENING: open_run, Phase.WORKING: work_on, Phase.CLOSING: close_run}[state.phase]
        ticket = RunTicket(
            run_id=run.run_id,
            worker="worker-0",
            error=state.error if state.phase is Phase.CLOSING else "",
            epoch=state.epoch,
        )
        async with self.app.run_scope(run.run_id) as scope:
            return state.after([await usecase(ticket, self.wrap(scope))])

    async def drive(self, run: Run) -> Run:
        """Take a run to its end; returns it as it then is."""
        return await self.drive_on(run, RoundState(run.run_id, 1, epoch=run.epoch))

    async def drive_on(self, run: Run, state: RoundState) -> Run:
        """The same from where it is."""
        while state.phase is not Phase.ENDED:
            state = await self.step(run, state)
            assert state.barren < 5, state.error
        return await self.reload(run)

    async def reload(self, run: Run) -> Run:
        async with self.app.transaction() as conn:
            return await runs.get(conn, run.run_id)

    async def journal(self, run: Run) -> list:
        """What went wrong with nodes."""
        return [line async for line in self.app.journal.read(run.key) if line.kind != EVENT]

    async def events(self, run: Run) -> list[str]:
        """What happened to the run itself."""
        lines, _ = await self.app.journal.page(run.key, kind=EVENT)
        return [line.details["event"] for line in lines]


@asynccontextmanager
async def world(postgres_url: str, azurite, emulator, protocol: str = "SMB", **settings: int) -> AsyncIterator[World]:
    """A fresh tenant with a fresh, empty share; small limits, so that a small tree takes several batches."""
    app = await wiring.make_app(
        Settings(
            postgres_url=postgres_url,
            vault_connection=azurite.connection_string,
            journal_connection=azurite.connection_string,
            credentials={CREDENTIAL.upper(): emulator.key},
            migrate="all",
            lease_seconds=30,
        )
    )
    try:
        app.limits = replace(
            app.limits,
            batch_directories=6,
            claim_directories=2,
            wave_directories=3,
            page_entries=5,
            wide_entries=16,
            piece_entries=11,
            verify_pages=7,
            verify_read_pages=5,
            sweep_pages=7,
        )
        name = f"share-{secrets.token_hex(6)}"
        service(emulator).create_share(name, **({"protocols": protocol} if protocol != "SMB" else {}))
        async with app.transaction() as conn:
            tenant = await tenants.create(conn, f"t{secrets.token_hex(8)}", "Test")
            share = await shares.create(
                conn,
                tenant.tenant_id,
                name="files",
                account_url=emulator.url,
                share_name=name,
                credential=CREDENTIAL,
                settings=replace(
                    ShareSettings(),
                    **({"bundle_file_max_bytes": 65536, "large_file_bytes": 4 * 1024 * 1024} | settings),
                ),
            )
        yield World(app, share, emulator)
    finally:
        await app.aclose()
