"""A dry run of a restore or an undo is asked for as one: who may plan need not be allowed to restore, and the audit says which it was."""

import json
from urllib.parse import urlencode

import azure.functions as func
import pytest

import function_app
from http_api import serving
from http_api.endpoint import all_endpoints
from shared.core import access
from shared.model.access import Action, Grant, Principal, PrincipalKind, Role
from tests.support.world import world

assert function_app.app, "every endpoint is declared when it is imported"
PLANNED = [endpoint for endpoint in all_endpoints() if endpoint.plan is not None]
BODIES = {
    "start_restore": {"restore_point": 99, "target": {"share_name": "elsewhere"}},
    "undo_restore": {},
}
BODIES |= {"restore_form": BODIES["start_restore"], "undo_form": BODIES["undo_restore"]}
FORMS = {"restore_form": {"restore_point": "99", "target.share_name": "elsewhere"}, "undo_form": {}}


@pytest.mark.parametrize("endpoint", PLANNED, ids=lambda endpoint: endpoint.name)
def test_whoever_may_do_it_may_plan_it_and_its_body_says_which(endpoint):
    assert access.ALLOWED[endpoint.action] <= access.ALLOWED[endpoint.plan]
    body = BODIES[endpoint.name]
    assert endpoint.action_of(endpoint.body.model_validate(body)) is endpoint.action
    assert endpoint.action_of(endpoint.body.model_validate(body | {"dry_run": False})) is endpoint.action
    assert endpoint.action_of(endpoint.body.model_validate(body | {"dry_run": True})) is endpoint.plan


def test_every_endpoint_that_knows_dry_runs_asks_less_for_them():
    assert {e.name for e in all_endpoints() if "dry_run" in e.body.model_fields} == {e.name for e in PLANNED}
    assert {e.name for e in PLANNED} == BODIES.keys()


@pytest.fixture
async def ask(postgres_url, azurite, files_emulator, monkeypatch):
    """Ask as somebody of a role, for what is not there: 404 says "may"."""
    async with world(postgres_url, azurite, files_emulator) as files:
        share = files.share

        async def asked(role, endpoint, **fields):
            grant = Grant(role, share.tenant_id, share.share_id)
            one = Principal(kind=PrincipalKind.LOCAL, id="i", name="jo", grants=frozenset({grant}))

            async def app():
                return files.app

            async def identify(*_):
                return one

            monkeypatch.setattr(serving.wiring, "app", app)
            monkeypatch.setattr(serving, "identify", identify)
            route = {"tenant_id": share.tenant_id, "share_id": str(share.share_id), "run_no": "99"}
            body = json.dumps(BODIES[endpoint.name] | fields)
            if endpoint.fields is not None:
                body = urlencode(FORMS[endpoint.name] | {name: str(value).lower() for name, value in fields.items()})
            request = func.HttpRequest(
                "POST",
                "https://x" + endpoint.path,
                headers={"Content-Type": "application/json"},
                params={},
                route_params={name: route[name] for name in endpoint.parameters},
                body=body.encode(),
            )
            return (await serving.serve(endpoint, request)).status_code

        asked.tenant_id, asked.audit = share.tenant_id, files.app.audit
        yield asked


@pytest.mark.parametrize("endpoint", PLANNED, ids=lambda endpoint: endpoint.name)
async def test_who_may_only_plan_can_plan_and_no_more(ask, endpoint, monkeypatch):
    wider = access.ALLOWED[Action.RESTORES_PLAN] | {Role.VIEWER}
    monkeypatch.setattr(access, "ALLOWED", {**access.ALLOWED, Action.RESTORES_PLAN: wider})
    assert await ask(Role.VIEWER, endpoint, dry_run=True) == 404
    assert await ask(Role.VIEWER, endpoint, dry_run=False) == 403
    assert await ask(Role.VIEWER, endpoint) == 403
    assert await ask(Role.OPERATOR, endpoint) == 404
    entries, _ = await ask.audit.page(ask.tenant_id, limit=50)
    told = [(one.action, one.status) for one in entries if one.status]
    plan, real = endpoint.plan.value, endpoint.action.value
    assert sorted(told) == sorted([(plan, 404), (real, 403), (real, 403), (real, 404)])


@pytest.mark.parametrize("endpoint", PLANNED, ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize("dry_run", [True, False])
async def test_as_the_table_is_viewers_can_neither_plan_nor_restore(ask, endpoint, dry_run):
    assert await ask(Role.VIEWER, endpoint, dry_run=dry_run) == 403
    assert await ask(Role.OPERATOR, endpoint, dry_run=dry_run) == 404
