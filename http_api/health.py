"""``/api/health`` and ``/api/ready``: whether the app can do its work."""

from http_api.call import Answer, Call
from http_api.models.health import Check, Health, Readiness
from http_api.routes import Routes
from shared.db.migrate import pending
from shared.errors import Conflict
from shared.model.access import Action
from shared.model.run import RunKey
from shared.usecases.readiness import Probe, readiness
from shared.wiring import App


async def health(call: Call) -> Health:
    """Whether settings are complete and the catalogue answers. For load balancers: nobody has to be known."""
    async with call.app.transaction() as conn:
        await conn.execute("SELECT 1")
    return Health(status="ok")


async def ready(call: Call) -> Answer:
    """Whether all that the app needs is there: catalogue, schema, vault and journal, each by name. 503 if something is not."""
    found = await readiness(_probes(call.app), call.app.clock)
    shown = Readiness(ready=all(one.ok for one in found), checks=[Check.model_validate(one) for one in found])
    return Answer(body=shown, status=200 if shown.ready else 503)


def _probes(app: App) -> list[Probe]:
    async def catalogue() -> str:
        async with app.transaction() as conn:
            row = await (await conn.execute("SHOW server_version")).fetchone()
        return f"Postgres {row[0] if row else ''}"

    async def schema() -> str:
        async with app.transaction() as conn:
            waiting = await pending(conn)
        if waiting:
            raise Conflict(f"{len(waiting)} migrations are not applied, the first is {waiting[0]}")
        return "all migrations are applied"

    async def vault() -> str:
        async for _ in app.vaults.tenants():
            break
        return "it answers"

    async def journal() -> str:
        await app.journal.page(RunKey("nobody", 1, 1), limit=1)
        return "it answers"

    return [
        Probe(name="catalogue", attempt=catalogue, hint="AFB_POSTGRES_URL, the server's firewall, and whether it runs"),
        Probe(name="schema", attempt=schema, hint="apply them as the deployment does, or set AFB_MIGRATE"),
        Probe(
            name="vault", attempt=vault, hint="AFB_VAULT_...: the identity needs Storage Blob Data Contributor there"
        ),
        Probe(name="journal", attempt=journal, hint="AFB_JOURNAL_...: it needs Storage Table Data Contributor there"),
    ]


routes = Routes("health")
routes.get("/api/health", health, None, {200: Health}, transaction=False)
routes.get("/api/ready", ready, Action.HEALTH_READ, {200: Readiness, 503: Readiness}, transaction=False)
bp = routes.blueprint
