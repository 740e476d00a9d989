"""A database that demands a password of some roles, and passwords that are tokens of the process's identity.

Azure's server asks for the token in clear text over TLS and checks it with Entra; this one compares it with what it was told. For a client
that is the same: what is the password when a connection is opened.
"""

import asyncio
import secrets

import psycopg
import pytest

from shared.adapters.credentials import Credentials
from shared.adapters.system import SystemClock
from shared.adapters.tokens import POSTGRES, Tokens
from shared.db.migrate import migrate
from shared.db.pool import make_pool
from shared.db.translate import translation
from shared.errors import NoAccess, Unavailable
from shared.settings import Settings
from shared.wiring import make_app
from tests.support.identity import identity_endpoint
from tests.support.tokens import token

CLIENT = "6f9619ff-8b86-d011-b42d-00cf4fc964ff"


class Role:
    """A role that signs in with a password only."""

    def __init__(self, url, name):
        self.url, self.name = url, name

    @property
    def sign_in_url(self):
        host = psycopg.conninfo.conninfo_to_dict(self.url)
        return f"postgresql://{self.name}@{host['host']}:{host['port']}/{host['dbname']}"

    def expect(self, password):
        """What the server takes from now on."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            conn.execute(f"ALTER ROLE {self.name} PASSWORD '{password}'")


@pytest.fixture
def roles(postgres_server, request):
    """Makes roles that have to show a password: in clear text as Azure asks for it, unless told otherwise."""
    method = getattr(request, "param", "password")
    rules = postgres_server.server.data / "pg_hba.conf"
    before = rules.read_text()
    prefix = f"entra_{secrets.token_hex(4)}"
    with postgres_server.database() as url, psycopg.connect(url, autocommit=True) as admin:

        def reload(text):
            rules.write_text(text)
            admin.execute("SELECT pg_reload_conf()")

        made = []

        def make(options=""):
            name = f"{prefix}_{len(made)}"
            admin.execute(f"CREATE ROLE {name} LOGIN {options}")
            made.append(name)
            reload("".join(f"host all {one} 127.0.0.1/32 {method}\n" for one in [*made, f"{prefix}_no"]) + before)
            return Role(url, name)

        try:
            yield make
        finally:
            reload(before)
            for name in made:
                admin.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")


@pytest.fixture
async def endpoint(monkeypatch):
    async with identity_endpoint() as endpoint:
        for name, value in endpoint.environ.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AZURE_CLIENT_ID", CLIENT)
        yield endpoint


@pytest.fixture
async def password(endpoint):
    credentials = Credentials({})
    yield Tokens(credentials.identity(), POSTGRES, SystemClock()).token
    await credentials.aclose()


async def who(pool):
    async with pool.connection() as conn:
        row = await (await conn.execute("SELECT current_user::text")).fetchone()
    return row[0]


@pytest.mark.parametrize("roles", ["password", "scram-sha-256"], indirect=True)
async def test_connections_made_later_use_the_token_of_then(roles, endpoint, password):
    role = roles()
    endpoint.token, endpoint.seconds = token(aud="https://ossrdbms-aad.database.windows.net"), 0  # as good as over
    role.expect(endpoint.token)
    first = endpoint.token
    async with make_pool(role.sign_in_url, size=3, password=password) as pool:
        await pool.wait()  # or a second connection is made for whoever waits for the first
        assert endpoint.asked == [{"resource": "https://ossrdbms-aad.database.windows.net", "client_id": CLIENT}]
        endpoint.token, endpoint.seconds = token(jti="later"), 3600
        assert endpoint.token != first
        role.expect(endpoint.token)
        async with pool.connection() as early, pool.connection() as late, pool.connection() as third:
            assert len(endpoint.asked) == 2, "a token that is good is not asked for again"
            for conn in (early, late, third):  # the server looks at a token once
                assert await (await conn.execute("SELECT current_user::text")).fetchone() == (role.name,)


async def test_the_whole_app_signs_in_as_its_identity(roles, endpoint):
    """Migrations, the app's own connections, and those of the API under another role."""
    owner, web = roles("SUPERUSER"), roles("NOINHERIT")
    endpoint.token = token()
    owner.expect(endpoint.token)
    web.expect(endpoint.token)
    env = {
        "AFB_POSTGRES_URL": owner.sign_in_url,
        "AFB_API_POSTGRES_URL": web.sign_in_url,
        "AFB_POSTGRES_ENTRA": "true",
        "AFB_MIGRATE": "true",
        "AFB_VAULT_CONNECTION": "UseDevelopmentStorage=true",
    }
    app = await make_app(Settings.from_env(env))
    try:
        async with app.transaction() as conn:
            await conn.execute(f"GRANT afb_api, afb_platform TO {web.name}".encode())
            row = await (await conn.execute("SELECT session_user::text, count(*) > 0 FROM schema_migration")).fetchone()
            assert row == (owner.name, True)
        async with app.as_tenant("acme") as conn:
            row = await (await conn.execute("SELECT session_user::text, current_user::text")).fetchone()
            assert row == (web.name, "afb_api")
    finally:
        await app.aclose()
    assert len(endpoint.asked) == 1


async def test_a_token_that_is_refused_is_told_with_what_to_do(roles, endpoint, password):
    role = roles()
    endpoint.token = token()
    role.expect("something else")
    asked = rf"{role.name}.*hint: .*pgaadauth_create_principal\('{role.name}', false, false\)"
    async with make_pool(role.sign_in_url, password=password) as pool:
        pool.timeout = 0.5
        with pytest.raises(Unavailable, match=asked) as refused, translation():
            await who(pool)
        assert endpoint.token not in str(refused.value)
        role.expect(endpoint.token)
        pool.timeout = 15
        assert await who(pool) == role.name  # it was a matter of time
    role.expect("something else")
    with pytest.raises(Unavailable, match=asked):
        await migrate(role.sign_in_url, password=password)


async def test_a_role_that_is_missing_is_told_with_how_to_make_it(roles, endpoint, password):
    missing = Role(roles().url, "nobody")
    missing.name = f"{roles().name.rpartition('_')[0]}_no"
    endpoint.token = token()
    with pytest.raises(Unavailable, match=rf"pgaadauth_create_principal\('{missing.name}'"):
        await migrate(missing.sign_in_url, password=password)


async def test_no_identity_is_told_as_such(roles, endpoint, password):
    role = roles()
    with pytest.raises(NoAccess, match=r"get a token for https://ossrdbms-aad.database.windows.net.*No User Assigned"):
        await migrate(role.sign_in_url, password=password)
    async with make_pool(role.sign_in_url, password=password) as pool:
        pool.timeout = 0.5
        with pytest.raises(Unavailable, match="No User Assigned"), translation():
            await who(pool)


async def test_who_asks_at_once_gets_one_token(roles, endpoint, password):
    role = roles()
    endpoint.token = token()
    role.expect(endpoint.token)
    async with make_pool(role.sign_in_url, size=4, password=password) as pool:
        names = await asyncio.gather(*(who(pool) for _ in range(8)))
    assert set(names) == {role.name}
    assert len(endpoint.asked) == 1
