"""schemathesis over the whole of the API: whatever is asked, no 500, no status that the document does not have, no answer that is not as it says.

Requests are made of the document, valid and not, most of them about a tenant, a share and runs that are there: about others there is
little to be said but that they are not.
"""

import secrets

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

import function_app
from http_api.endpoint import all_endpoints
from http_api.openapi import document
from tests.support.api import Api
from tests.support.share_tree import change, fill, service

assert function_app
ENDPOINTS = {endpoint.name: endpoint for endpoint in all_endpoints() if endpoint.shown}
SERVER_TAKES = 8_000
"""Characters of an address; what is longer no server hands on to an app."""
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]


def described():
    """The document, but for who may ask: on this machine nobody has to show anything, which is no mistake here."""
    found = document(list(ENDPOINTS.values()))
    del found["components"]["securitySchemes"]
    for path in found["paths"].values():
        for operation in path.values():
            del operation["security"]
    return found


OPERATIONS = {
    operation.definition.raw["operationId"]: operation
    for result in schemathesis.openapi.from_dict(described()).get_all_operations()
    if (operation := result.ok()) is not None
}


@pytest.fixture(scope="module")
def there(product):
    """Path parameters of what is there: two restore points, a dry run and a verify."""
    api = Api(product.host_url, product.host_key)
    name = f"share-{secrets.token_hex(5)}"
    service(product.files).create_share(name)
    files = service(product.files).get_share_client(name)
    path = api.new_share(product.files_url, name)
    tenant_id, share_id = path.split("/")[3], int(path.split("/")[5])
    for run_no, work in ((1, fill), (2, change)):
        work(files)
        assert api("POST", f"{path}/backups")[0] == 202
        assert api.finished(f"{path}/runs/{run_no}")["state"] == "succeeded"
    body = {"restore_point": 1, "target": {"share_name": f"target-{secrets.token_hex(5)}"}}
    assert api("POST", f"{path}/restores", body)[0] == 202
    assert api.finished(f"{path}/runs/3")["state"] == "succeeded"
    assert api("POST", f"{path}/verifications", {})[0] == 202
    assert api.finished(f"{path}/runs/4")["state"] == "succeeded"
    return {"tenant_id": [tenant_id], "share_id": [share_id], "run_no": [1, 2, 3, 4], "restore_point": [1, 2]}


@pytest.fixture(scope="module")
def session():
    with requests.Session() as session:
        yield session


def cases(operation, there):
    """Requests of all kinds; the real names of what is there where a path has some."""
    names = ENDPOINTS[operation.definition.raw["operationId"]].parameters
    known = st.fixed_dictionaries({name: st.sampled_from(there[name]) for name in names if name in there})

    def made(mode):
        return known.flatmap(lambda real: operation.as_strategy(mode, path_parameters=real))

    valid = made(GenerationMode.POSITIVE).map(about_what_is_there)
    return st.one_of(valid, valid, made(GenerationMode.NEGATIVE), operation.as_strategy(GenerationMode.POSITIVE))


def about_what_is_there(case):
    """Have a body name a restore point that there is."""
    if isinstance(case.body, dict) and isinstance(case.body.get("restore_point"), int):
        case.body["restore_point"] = 1 + case.body["restore_point"] % 2
    if isinstance(case.query, dict):
        for name in ("from", "to", "restore_point"):
            if name in case.query:
                case.query[name] = 1 if name == "from" else 2
    return case


def ask(product, session, there, operation, *, examples):
    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(cases(operation, there))
    def run(case):
        response = case.call(product.host_url, session=session, timeout=30, allow_redirects=False)
        if len(response.request.path_url) < SERVER_TAKES:
            case.validate_response(response, checks=CHECKS)

    run()
    if operation.definition.raw["operationId"] in ("delete_share", "delete_tenant"):  # the others are about it, too
        tenant = f"{product.host_url}/api/tenants/{there['tenant_id'][0]}"
        for path in (tenant, f"{tenant}/shares/{there['share_id'][0]}"):
            assert session.post(f"{path}/undelete", timeout=30).status_code == 200


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_answer_is_as_the_document_says(product, session, there, name):
    ask(product, session, there, OPERATIONS[name], examples=15)


@pytest.mark.torture
@pytest.mark.timeout(3_600)
@pytest.mark.parametrize("name", OPERATIONS)
def test_whatever_is_asked_an_answer_is_as_the_document_says(product, session, there, name):
    ask(product, session, there, OPERATIONS[name], examples=1_000)


def test_every_endpoint_is_asked():
    assert OPERATIONS.keys() == ENDPOINTS.keys()
