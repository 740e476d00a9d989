"""``/api/tenants/{tenant_id}/accounts``: which storage accounts a tenant may use, and with which credentials."""

from http_api.call import Answer, Call
from http_api.endpoint import TENANT
from http_api.members import made_by
from http_api.models.access import Account, AccountPage, NewAccount
from http_api.models.base import NoQuery, Paged
from http_api.routes import Routes
from shared.db import tenant_accounts
from shared.model.access import Action


async def list_accounts(call: Call[Paged]) -> AccountPage:
    """The storage accounts that were given to a tenant."""
    place = call.place(int)
    limit = call.query.limit
    found = await tenant_accounts.listed(
        call.conn, call.tenant.tenant_id, after=place[0] if place else 0, limit=limit + 1
    )
    shown = found[:limit]
    return AccountPage(
        accounts=[Account.model_validate(one) for one in shown],
        **call.part_after(found, shown, lambda one: (one.account_id,)),
    )


async def add_account(call: Call[NoQuery, NewAccount]) -> Answer:
    """Let a tenant use a storage account with a credential."""
    body = call.body
    call.app.credentials.resolve(body.credential)  # an unknown name is refused before anything is stored
    added = await tenant_accounts.add(
        call.conn, call.tenant.tenant_id, body.account_url, body.credential, made_by(call.principal)
    )
    where = f"/api/tenants/{added.tenant_id}/accounts/{added.account_id}"
    return Answer(body=Account.model_validate(added), location=where)


async def remove_account(call: Call) -> Answer:
    """Take a storage account from a tenant: no more shares in it. Those that are there stay."""
    await tenant_accounts.remove(call.conn, call.tenant.tenant_id, call.number("account_id"))
    return Answer(status=204)


routes = Routes("accounts")
_PATH = TENANT + "/accounts"
routes.get(_PATH, list_accounts, Action.ACCOUNTS_READ, {200: AccountPage})
routes.post(_PATH, add_account, Action.ACCOUNTS_CHANGE, {201: Account}, refuses={409})
routes.delete(_PATH + "/{account_id:int}", remove_account, Action.ACCOUNTS_CHANGE, {204: None})
bp = routes.blueprint
