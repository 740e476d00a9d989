"""``.../shares/new``, ``.../shares/{share_id}/connection``: put a share under protection, and see at once whether backups of it can work."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from http_api import accounts, connection, shares
from http_api.call import Answer, AnyCall, Call
from http_api.fields import Fields
from http_api.models.access import Account
from http_api.models.base import NoQuery, Paged, Query
from http_api.models.shares import NewShare, Share
from http_api.pages.asking import asking
from http_api.pages.places import SHARE, TENANT, share_url
from http_api.rendering import page, see
from http_api.routes import Routes
from shared.core.access import may
from shared.model.access import Action

ACCOUNTS_SHOWN: Final = 1_000


class ConnectionQuery(Query):
    """How the page is come to."""

    now: bool = False
    """From adding the share: the test begins by itself."""


async def new_share_page(call: Call) -> Answer:
    """The form for a new share, with the storage accounts that the tenant may use."""
    found = await accounts_of(call)
    choices = [
        (f"{one.account_url} {one.credential}", one.account_url + (f" with {one.credential}" if one.credential else ""))
        for one in found
    ]
    return page(call, "share_new.html", tab="shares", accounts=found, choices=choices)


async def accounts_of(call: AnyCall) -> Sequence[Account]:
    """The storage accounts that a tenant may use, for those who may see them."""
    if not may(call.principal, Action.ACCOUNTS_READ, call.tenant.tenant_id):
        return ()
    return (await accounts.list_accounts(asking(call, query=Paged(limit=ACCOUNTS_SHOWN)))).accounts


async def add_share(call: Call[NoQuery, NewShare]) -> Answer:
    """Protect a share and go on with its connection test."""
    answer = await shares.create_share(call)
    assert isinstance(answer.body, Share)
    return see(f"{share_url(answer.body.tenant_id, answer.body.share_id)}/connection?now=true", answer)


async def connection_page(call: Call[ConnectionQuery]) -> Answer:
    """What a connection test tries, with a button that begins it."""
    return page(call, "connection.html", tab="settings", fragment="_connection.html", test=None, begins=call.query.now)


async def test_connection_form(call: Call) -> Answer:
    """Try the connection. What was found is nowhere kept, so it is this answer."""
    found = await connection.try_connection(call)
    answer = page(call, "connection.html", tab="settings", fragment="_connection.html", test=found, begins=False)
    return replace(answer, status=200)


def share_fields(fields: Fields) -> dict[str, Any]:
    """A new share as it was typed.

    What was chosen of the tenant's accounts is an address and, after a blank, a credential. An address may be that of the share, as it is
    copied from the portal. A share is called what the Azure share is called unless somebody says otherwise.
    """
    account_url, _, chosen = fields.text("account_url").partition(" ")
    share_name = fields.text("share_name")
    if not share_name and account_url.rstrip("/").count("/") >= 3:
        account_url, _, share_name = account_url.rstrip("/").rpartition("/")
    body: dict[str, Any] = {
        "name": fields.text("name") or share_name,
        "account_url": account_url,
        "share_name": share_name,
        "credential": fields.text("credential") or chosen,
    }
    if objective := fields.text("settings.objective_s"):
        body["settings"] = {"objective_s": objective}
    return body


routes = Routes("first share pages")
_new = routes.page(TENANT + "/shares/new", new_share_page, Action.SHARES_CREATE)
routes.form(TENANT + "/shares/new", add_share, Action.SHARES_CREATE, _new, fields=share_fields)
_connection = routes.page(SHARE + "/connection", connection_page, Action.SHARES_READ)
routes.form(SHARE + "/connection", test_connection_form, Action.SHARES_TEST, _connection)
bp = routes.blueprint
