"""The one place that knows who implements what.

An :class:`App` lives as long as its event loop: the Functions worker has one, tests have many. A :class:`RunScope` lives as
long as one activity.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from weakref import WeakKeyDictionary

from shared import logs
from shared import settings as settings_module
from shared.adapters import log_scrubbing
from shared.adapters.audit_table import TableAudit
from shared.adapters.credentials import KIND_OF_SECRET, Credentials
from shared.adapters.files_admin import FilesAdmin
from shared.adapters.files_http import FilesHttp
from shared.adapters.files_reader import FilesReader
from shared.adapters.files_writer import FilesWriter
from shared.adapters.journal_table import TableJournal
from shared.adapters.mail_smtp import NoMail, SmtpMail, server_of
from shared.adapters.measures import LocalTelemetry
from shared.adapters.metering import Meter, Traffic
from shared.adapters.pace import Paces
from shared.adapters.signing_secrets import SigningSecrets
from shared.adapters.system import SystemClock, SystemIds, keep_memory_low
from shared.adapters.telemetry import make_telemetry
from shared.adapters.tokens import POSTGRES, Tokens
from shared.adapters.vault_blob import BlobAccount
from shared.adapters.webhook_http import HttpWebhooks
from shared.core import cost
from shared.core.basis import Basis, read_basis
from shared.core.cost import Prices
from shared.core.hashing import ShareHasher
from shared.core.queueing import Place
from shared.db import admission, export
from shared.db.catalogue import PostgresCatalogue
from shared.db.dispatch import PostgresSchedules
from shared.db.export import Stream
from shared.db.judging import PostgresAlerts
from shared.db.metrics import CatalogueMetrics
from shared.db.migrate import SchemaUpkeep, migrate, program_name
from shared.db.observed import ObservedCatalogue, ObservedRetentions, ObservedSweeps, ObservedVerifies
from shared.db.pace import PostgresPaceBook
from shared.db.pool import Connection, Pool, make_pool
from shared.db.purges import PostgresPurges
from shared.db.rebuilds import PostgresRebuilds
from shared.db.request_budgets import PostgresRequestBook
from shared.db.shares import subject
from shared.db.sweep_catalogue import PostgresRetentions, PostgresSweeps
from shared.db.tenancy import ShareConnections, TenantConnections, enter_share
from shared.db.translate import translation
from shared.db.verify_catalogue import PostgresVerifies
from shared.errors import BackupError, NotFound, Unavailable
from shared.formats.node_table import Encoder
from shared.model.rebuild import LeftOut
from shared.model.retention import KeepKind
from shared.model.run import Driver, RebuildOrder, Run, RunKind, RunState
from shared.model.share import Share
from shared.model.tickets import Receipt, RunTicket
from shared.model.verify_order import VerifyLevel, scratch_order
from shared.ports.audit import Audit
from shared.ports.journal import Journal
from shared.ports.senders import MailSender, Secrets, WebhookSender
from shared.ports.system import Clock, Ids
from shared.ports.vault import Vault
from shared.settings import Settings
from shared.usecases import upkeep
from shared.usecases.connection_test import Parts
from shared.usecases.deliver_alerts import deliver_alerts
from shared.usecases.finish_tenants import finish_tenants
from shared.usecases.index_cache import IndexCache
from shared.usecases.keep_point import keep_point
from shared.usecases.pace_limits import within_pace
from shared.usecases.past import Past
from shared.usecases.queue_rebuilds import queue_rebuilds
from shared.usecases.request_rates import RequestRates
from shared.usecases.scope import Limits, RunScope
from shared.usecases.share_snapshots import snapshot_tag
from shared.usecases.stopping import StopSignal
from shared.usecases.tell_deletions import tell_deletions
from shared.usecases.tell_policies import tell_policies
from shared.usecases.tell_step import tell_step
from shared.usecases.verdict import verdict
from shared.usecases.verify_state import VerifyStates

UseCase = Callable[[RunTicket, RunScope], Awaitable[Receipt]]

PRICES = Path(cost.__file__).with_name("prices.toml")
POOL_SIZE = 10
"""Connections per process: a few per activity at work, and some for pages."""
SCRATCH_S = 10.0
"""How long a verify tries to delete what an earlier one has left behind; the next one tries again."""
TRIED_S = 15.0
"""How long a connection test asks again where a service does not answer."""


@dataclass(slots=True)
class App:
    """What a process shares between invocations."""

    settings: Settings
    catalogue: PostgresCatalogue
    verifies: PostgresVerifies
    retentions: PostgresRetentions
    sweeps: PostgresSweeps
    purges: PostgresPurges
    schema: SchemaUpkeep
    vaults: BlobAccount
    journal: Journal
    credentials: Credentials
    clock: Clock
    ids: Ids
    limits: Limits
    prices: Prices
    sizing: Basis
    """What installations are reckoned with; the prices are in it."""
    paces: Paces
    schedules: PostgresSchedules
    alerts: PostgresAlerts
    webhooks: WebhookSender
    mails: MailSender
    signing: Secrets
    process: str
    """Names this process among others: 32 hexadecimal digits."""
    telemetry: LocalTelemetry
    metrics: CatalogueMetrics
    """What the catalogue says of all shares and runs."""
    api_pool: Pool
    """Connections for what the API asks on behalf of others: of the API's own login, if it has one."""
    owner_pool: Pool
    audit: Audit
    rates: RequestRates
    stack: AsyncExitStack
    accounts: dict[tuple[str, str], FilesHttp] = field(default_factory=dict)
    """Connections to Azure Files accounts by address and credential, opened when first needed."""
    indexes: IndexCache = field(default_factory=IndexCache)
    verify_states: VerifyStates = field(default_factory=VerifyStates)
    leaving: StopSignal = field(default_factory=StopSignal)
    """Asked when this process is to go: all that it does stops early."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A connection in a transaction that commits when the block ends well; raises our errors, not the driver's."""
        async with self.catalogue.transaction() as conn:
            yield conn

    @asynccontextmanager
    async def as_tenants(self, tenant_ids: Collection[str] | None) -> AsyncIterator[Connection]:
        """The same for the API: whatever is asked in it sees and changes the rows of these tenants only; None: of all.

        Trees are read through :meth:`catalogue_of`.
        """
        with translation():
            async with TenantConnections(self.api_pool, tenant_ids).connection() as conn:
                yield conn

    @asynccontextmanager
    async def as_tenant(self, tenant_id: str | None) -> AsyncIterator[Connection]:
        """The same for one tenant; None: for all."""
        async with self.as_tenants(None if tenant_id is None else (tenant_id,)) as conn:
            yield conn

    def catalogue_of(self, share: Share) -> PostgresCatalogue:
        """The catalogue for whoever asks about one share from outside: the rows of its tenant, and its own tree. To read from."""
        return PostgresCatalogue(ShareConnections(self.api_pool, self.owner_pool, share))

    async def enter_share(self, conn: Connection, share: Share) -> None:
        """The same for a transaction that has begun."""
        await enter_share(conn, share, self.owner_pool)

    @asynccontextmanager
    async def tree_table(self, share: Share, path: str, encoder: Encoder) -> AsyncIterator[Stream]:
        """A share's latest tree, or what is below a directory, as a table of one moment, for whoever asks from outside.

        :raises NotFound: there is no such directory.
        """
        async with self.transaction() as conn:
            await export.freeze(conn)  # before anything is asked
            await self.enter_share(conn, share)
            below = await export.directory(conn, share.share_id, path)
            async with export.nodes(conn, share.share_id, encoder, below=below) as stream:
                yield stream

    def vault(self, tenant_id: str) -> Vault:
        """A tenant's vault, for what is no run's work."""
        return self.vaults.vault(tenant_id, Meter())

    @asynccontextmanager
    async def run_scope(self, run_id: int) -> AsyncIterator[RunScope]:
        """The world of one activity of a run. Raises ``NotFound``; ``InvalidInput`` for an unknown credential."""
        run, share = await self.catalogue.run(run_id)
        meter = Meter()
        if run.kind is RunKind.REBUILD:
            yield self._scope(run, share, meter, rebuilds=PostgresRebuilds(self.catalogue))
            return
        if run.verify is not None and run.verify.level is VerifyLevel.DRILL:
            run = replace(run, order=scratch_order(run_id, run.verify))
        elif run.kind in (
            RunKind.VERIFY,
            RunKind.PRUNE,
            RunKind.SWEEP,
            RunKind.PURGE,
        ):  # needs neither the share nor a credential that still works
            yield self._scope(run, share, meter)
            return
        if run.order is None:
            account_url, share_name, credential = share.account_url, share.share_name, share.credential
        else:
            account_url, share_name, credential = run.order.account_url, run.order.share_name, run.order.credential
        account = self._account(account_url, credential)
        until = asyncio.get_running_loop().time() + max(
            self.limits.activity_s + self.limits.batch_s, self.limits.wide_s
        )
        reads, writes = run.kind is not RunKind.RESTORE, run.order is not None
        async with (
            self.paces.of(subject(account_url, share_name)) as pace,
            FilesAdmin(account_url, share_name, self.credentials.resolve(credential), meter=meter) as admin,
        ):
            http = account.metered(meter, pace, until)
            yield replace(
                self._scope(run, share, meter),
                limits=within_pace(self.limits, pace.outlook),
                reader=FilesReader(http, share_name, run.share_snapshot, md5=self.settings.content_md5)
                if reads
                else None,
                writer=FilesWriter(http, share_name) if writes else None,
                admin=admin,
            )

    def _scratch(self, run: Run) -> FilesAdmin:
        """For the scratch share of an earlier drill, which is looked for in vain as a rule: nobody waits long for that."""
        assert run.verify is not None
        order = scratch_order(run.run_id, run.verify)
        secret = self.credentials.resolve(order.credential)
        return FilesAdmin(order.account_url, order.share_name, secret, retry_budget_s=SCRATCH_S)

    def _protected(self, share: Share) -> FilesAdmin:
        """For what a purge leaves at an Azure share that need not be there any more."""
        secret = self.credentials.resolve(share.credential)
        return FilesAdmin(share.account_url, share.share_name, secret, retry_budget_s=SCRATCH_S)

    @asynccontextmanager
    async def connection(self, share: Share) -> AsyncIterator[Parts]:
        """What a connection test tries of a share. Nothing is tried, nor its credential looked for, before the test asks for it."""
        meter, until = Meter(), asyncio.get_running_loop().time() + TRIED_S
        made: list[FilesAdmin] = []

        def credential() -> str:
            return KIND_OF_SECRET[type(self.credentials.resolve(share.credential))]

        def admin() -> FilesAdmin:
            if not made:
                secret = self.credentials.resolve(share.credential)
                made.append(
                    FilesAdmin(share.account_url, share.share_name, secret, meter=meter, retry_budget_s=SCRATCH_S)
                )
            return made[0]

        def reader() -> FilesReader:
            http = self._account(share.account_url, share.credential).metered(meter, until=until)
            return FilesReader(http, share.share_name, None)

        try:
            yield Parts(
                credential=credential,
                admin=admin,
                reader=reader,
                vault=self.vaults.vault(share.tenant_id, meter),
                snapshot_tag=snapshot_tag(share, 0),
            )
        finally:
            for one in made:
                await one.aclose()

    def past(self, share: Share) -> Past:
        """For one question about a share's past."""
        vault = self.vaults.vault(share.tenant_id, Meter())
        return Past(self.catalogue_of(share), vault, share.share_id, indexes=self.indexes)

    def _scope(self, run: Run, share: Share, meter: Meter, rebuilds: PostgresRebuilds | None = None) -> RunScope:
        """The world of an activity without a share to speak to."""
        return RunScope(
            run=run,
            share=share,
            catalogue=self.catalogue,
            verifies=self.verifies,
            retentions=self.retentions,
            sweeps=self.sweeps,
            vault=self.vaults.vault(run.tenant_id, meter),
            journal=self.journal,
            clock=self.clock,
            hasher=ShareHasher(share.tenant_id, share.share_id),
            limits=self.limits,
            prices=self.prices,
            take_requests=meter.take,
            verify_states=self.verify_states,
            stop=StopSignal(self.leaving),
            scratch=self._scratch,
            rebuilds=rebuilds,
            purges=self.purges,
            audit=self.audit,
            protected=self._protected,
            telemetry=self.telemetry,
        )

    async def queue_rebuilds(
        self,
        order: RebuildOrder,
        *,
        tenant_id: str | None = None,
        share_id: int | None = None,
        credential: str = "",
        driver: Driver | None = None,
    ) -> tuple[list[Run], list[LeftOut]]:
        """See :func:`shared.usecases.queue_rebuilds.queue_rebuilds`; the runs are for whoever this app queues for, unless told."""
        return await queue_rebuilds(
            self.vaults,
            PostgresRebuilds(self.catalogue),
            self.journal,
            order,
            driver or self.settings.driver,
            tenant_id=tenant_id,
            share_id=share_id,
            credential=credential,
        )

    async def admit(self, driver: Driver = Driver.DURABLE, *, wait: bool = True) -> list[Run]:
        """A driver's queued runs for which there is room now; they are yet to be opened. See :mod:`shared.db.admission`."""
        return await self.schedules.admit(self.clock.now(), driver, wait=wait)

    async def place_of(self, run: Run) -> Place | None:
        """Where a run is in the queue; None if it is not, or not any more. Asked of the runs of all tenants: it tells how many, not whose."""
        if run.state is not RunState.QUEUED or run.admitted_at is not None:
            return None
        async with self.transaction() as conn:
            return await admission.place_of(conn, run.run_id, self.clock.now(), self.settings.runs_at_once or None)

    async def begin_due(self, driver: Driver = Driver.DURABLE) -> list[Run]:
        """Start what is due by schedule, within its windows; the runs of a driver that are yet to be opened."""
        return await upkeep.begin_due(self.schedules, self.journal, self.clock.now(), driver)

    async def look_after(self) -> None:
        """Raise alerts, forget what is old, and apply the migrations that had to wait for programs of the release before."""
        await upkeep.look_after(self.schedules, self.alerts, self._pin, self.clock.now())
        await self.tell_deletions()
        await self.finish_tenants()
        if self.settings.migrate == "auto":
            await self.schema.go_on()

    async def tell_deletions(self, tenant_id: str | None = None, share_id: int | None = None) -> None:
        """Tell the vault of what was deleted, brought back or is being purged: of a share, of a tenant and its shares, or of some of all."""
        await tell_deletions(self.purges, self.vaults.of, tenant_id=tenant_id, share_id=share_id)

    async def finish_tenants(self, tenant_id: str | None = None) -> None:
        """Take tenants out of which all shares were purged: some, or this one if it is such a tenant."""
        await finish_tenants(self.purges, self.vaults.of, self.audit, tenant_id)
        await self.tell_policies()

    async def tell_policies(self, share_id: int | None = None) -> None:
        """Tell the vault of policies that have changed; of one share only if it is named."""
        await tell_policies(self.retentions, self.vault, share_id)

    async def _pin(self, tenant_id: str, share_id: int, run_no: int, reason: str) -> None:
        """Keep a restore point until somebody unpins it; one that somebody has pinned stays as it is."""
        said, _ = await self.retentions.next_event(share_id, run_no)
        if said.pin is None or said.pin.until is not None:
            vault = self.vault(tenant_id)
            await keep_point(
                self.retentions, vault, self.clock, share_id, run_no, KeepKind.PIN, by="alert", reason=reason
            )

    async def deliver(self) -> tuple[int, int]:
        """Tell of alerts whoever is to be told; how many deliveries were made, and how many were not."""
        return await deliver_alerts(self.alerts, self.webhooks, self.mails, self.signing, self.clock)

    async def perform(self, ticket: RunTicket, usecase: UseCase) -> Receipt:
        """The verdict of a use case in the world of its run, also when that world cannot be made: its credential may be gone."""
        try:
            async with self.run_scope(ticket.run_id) as scope:
                return await tell_step(ticket, scope, usecase)
        except BackupError as error:
            return verdict(error)

    async def close(self, ticket: RunTicket, usecase: UseCase) -> Receipt:
        """The same for the closing of a run: one that is given up ends even if not so much as its share can be spoken to."""
        receipt = await self.perform(ticket, usecase)
        if receipt.error and not await self._is_there(ticket.run_id):
            return Receipt(left=0)  # a purge that is done: there is no run
        if receipt.error and ticket.error and not receipt.retryable:
            # Let go of it, or no other run could ever start.
            await self.catalogue.abandon_run(ticket.run_id, f"{ticket.error}; closing it: {receipt.error}")
            return Receipt()
        return receipt

    async def _is_there(self, run_id: int) -> bool:
        """Whether there is such a run, as far as that can be told now."""
        try:
            await self.catalogue.state_now(run_id)
        except NotFound:
            return False
        except BackupError:
            return True
        return True

    def _account(self, account_url: str, credential: str) -> FilesHttp:
        http = self.accounts.get((account_url, credential))
        if http is None:
            http = FilesHttp(
                account_url,
                self.credentials.resolve(credential),
                meter=Meter(),
                clock=self.clock,
                traffic=Traffic(self.telemetry, "files"),
            )
            self.stack.push_async_callback(http.aclose)
            self.accounts[account_url, credential] = http
        return http

    async def aclose(self) -> None:
        """Close every connection."""
        await self.verify_states.aclose()
        await self.stack.aclose()


async def make_app(settings: Settings) -> App:
    """Open what a process needs; the caller closes it."""
    log_scrubbing.install(settings.secrets())
    async with AsyncExitStack() as stack:
        clock, ids = SystemClock(), SystemIds()
        credentials = Credentials(settings.credentials)
        stack.push_async_callback(credentials.aclose)
        password = Tokens(credentials.identity(), POSTGRES, clock).token if settings.postgres_entra else None
        schema = SchemaUpkeep(settings.postgres_url, password=password)
        if settings.migrate == "auto":
            await schema.go_on()
        elif settings.migrate != "no":
            await migrate(settings.postgres_url, before_post=settings.migrate == "pre", password=password)
        process = ids.new()
        telemetry = make_telemetry(settings, process, clock)
        stack.push_async_callback(telemetry.aclose)
        pooled = partial(make_pool, size=POOL_SIZE, password=password, name=program_name())
        pool = await stack.enter_async_context(pooled(settings.postgres_url))
        api_pool = pool
        if settings.api_postgres_url:
            api_pool = await stack.enter_async_context(pooled(settings.api_postgres_url))
        bulk_tier = "" if settings.vault_content_tier == "hot" else settings.vault_content_tier.capitalize()
        traffic = Traffic(telemetry, "blob")
        if settings.vault_connection:
            vaults = BlobAccount.from_connection_string(settings.vault_connection, traffic=traffic, bulk_tier=bulk_tier)
        else:
            identity = credentials.identity()
            vaults = BlobAccount(settings.vault_account_url, identity, traffic=traffic, bulk_tier=bulk_tier)
        stack.push_async_callback(vaults.aclose)
        if settings.journal_connection:
            journal = TableJournal.from_connection_string(settings.journal_connection)
            audit = TableAudit.from_connection_string(settings.journal_connection)
        else:
            journal = TableJournal.from_account_url(settings.journal_account_url, credentials.identity())
            audit = TableAudit.from_account_url(settings.journal_account_url, credentials.identity())
        stack.push_async_callback(journal.aclose)
        stack.push_async_callback(audit.aclose)
        catalogue = ObservedCatalogue(pool, telemetry)
        basis = read_basis(PRICES.read_text(encoding="utf-8"))
        mails = SmtpMail(server_of(settings.smtp_url), settings.mail_from, clock) if settings.smtp_url else NoMail()
        return App(
            settings=settings,
            catalogue=catalogue,
            verifies=ObservedVerifies(pool, telemetry),
            purges=PostgresPurges(pool),
            schema=schema,
            retentions=ObservedRetentions(pool, telemetry),
            sweeps=ObservedSweeps(pool, telemetry),
            vaults=vaults,
            journal=journal,
            credentials=credentials,
            clock=clock,
            ids=ids,
            limits=Limits(workers=settings.width, activity_s=settings.activity_seconds, lease_s=settings.lease_seconds),
            prices=basis.prices,
            sizing=basis,
            paces=Paces(PostgresPaceBook(pool), process, clock),
            schedules=PostgresSchedules(catalogue, settings.driver, ids.new, settings.runs_at_once or None),
            alerts=PostgresAlerts(catalogue),
            webhooks=HttpWebhooks(private=settings.private_webhooks),
            mails=mails,
            signing=SigningSecrets(settings.credentials),
            process=process,
            telemetry=telemetry,
            metrics=CatalogueMetrics(per_share=settings.metrics_per_share),
            api_pool=api_pool,
            owner_pool=pool,
            audit=audit,
            rates=RequestRates(PostgresRequestBook(pool), clock),
            stack=stack.pop_all(),
        )


async def _only_app(settings: Settings) -> App:
    logs.dress_handlers(settings.log_level, settings.log_format)
    found = await make_app(settings)
    keep_memory_low()
    return found


_apps: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[App]] = WeakKeyDictionary()


async def app(load: Callable[[], Settings] = settings_module.from_process) -> App:
    """The app of this event loop, made when first asked for.

    :raises InvalidInput: a setting is missing or malformed.
    """
    loop = asyncio.get_running_loop()
    task = _apps.get(loop)
    if task is None or (task.done() and (task.cancelled() or task.exception() is not None)):
        task = _apps[loop] = loop.create_task(_only_app(load()))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        if task.cancelled():
            raise Unavailable("the app was stopped while it started") from None
        raise
