"""``/api/openapi.json``: the OpenAPI 3.1 document, made of the declarations of endpoints and the schemas of their models."""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from http_api.call import Answer, Call
from http_api.conditions import has_it, tag_of
from http_api.endpoint import WORD_PATTERN, Endpoint, all_endpoints
from http_api.idempotency import HEADER, KEY_PATTERN
from http_api.models.base import NUMBER_MAX, NoBody, NoQuery, Problem
from http_api.problems import KINDS, MEDIA
from http_api.routes import Routes

VERSION: Final = "1"
_JSON: Final = "application/json"
_REF: Final = "#/components/schemas/{model}"
_ETAG: Final = {"schema": {"type": "string"}, "description": "Of the present state."}
_STATUS_TEXT: Final = {
    200: "It is so.",
    201: "It was made.",
    202: "It was begun, or noted.",
    204: "It is done.",
    206: "A part of it.",
    303: "It is to be had over there.",
    304: "As it was: nothing new.",
    409: "In conflict with something else.",
    503: "Not all that is needed is there.",
}

Models = Mapping[tuple[Any, JsonSchemaMode], dict[str, Any]]


async def openapi(call: Call) -> Answer:
    """The OpenAPI document of all of the API."""
    text = _text()
    etag = tag_of(text)
    headers = {"ETag": etag, "Cache-Control": "no-cache"}
    if has_it(call.headers.get("if-none-match", ""), etag):
        return Answer(status=304, headers=headers)
    return Answer(body=text, media=_JSON, headers=headers)


@cache
def _text() -> bytes:
    return json.dumps(document([endpoint for endpoint in all_endpoints() if endpoint.shown])).encode("utf-8")


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """The document of these endpoints."""
    wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {(Problem, "serialization"): None}
    for endpoint in endpoints:
        if endpoint.body is not NoBody:
            wanted[endpoint.body, "validation"] = None
        for content in endpoint.answers.values():
            if isinstance(content, type):
                wanted[content, "serialization"] = None
    models, definitions = models_json_schema(list(wanted), ref_template=_REF)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in endpoints:
        path = endpoint.path.replace(":int}", "}")
        paths.setdefault(path, {})[endpoint.method.lower()] = _operation(endpoint, models)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Azure Files Backup",
            "version": VERSION,
            "description": "Back up, browse, restore and verify Azure Files shares. docs/API.md says what all of it has in common.",
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": tag} for tag in sorted({endpoint.tag for endpoint in endpoints})],
        "paths": paths,
        "components": {
            "schemas": definitions.get("$defs", {}),
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key, `afb_...`."},
            },
        },
    }


def _operation(endpoint: Endpoint, models: Models) -> dict[str, Any]:
    summary, _, rest = endpoint.description.partition("\n\n")
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": " ".join(summary.split()),
        "responses": _responses(endpoint, models),
        "security": [{"key": []}] if endpoint.action is not None else [],
    }
    if rest:
        operation["description"] = rest
    if endpoint.action is not None:
        operation["x-action"] = endpoint.action.value
    if endpoint.plan is not None:
        operation["x-action-of-dry-run"] = endpoint.plan.value
    if parameters := _parameters(endpoint):
        operation["parameters"] = parameters
    if endpoint.body is not NoBody:
        schema = models[endpoint.body, "validation"]
        required = any(field.is_required() for field in endpoint.body.model_fields.values())
        operation["requestBody"] = {"required": required, "content": {_JSON: {"schema": schema}}}
    return operation


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for name, is_number in endpoint.parameters.items():
        schema: dict[str, Any] = {"type": "string", "pattern": WORD_PATTERN}
        if is_number:
            schema = {"type": "integer", "minimum": 1, "maximum": NUMBER_MAX}
        found.append({"name": name, "in": "path", "required": True, "schema": schema})
    if endpoint.query is not NoQuery:
        found += _query_parameters(endpoint)
    if endpoint.idempotent:
        schema = {"type": "string", "pattern": KEY_PATTERN, "minLength": 1, "maxLength": 255}
        told = "The same request with the same key is answered the same for a day, and done once."
        found.append({"name": HEADER, "in": "header", "required": False, "schema": schema, "description": told})
    if endpoint.current is not None:
        found.append(_header("If-Match", "ETag of the state that is to be changed."))
    if endpoint.etag and endpoint.method == "GET":
        found.append(_header("If-None-Match", "ETag of what one has already."))
    return found


def _query_parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    schema = endpoint.query.model_json_schema(ref_template=_REF)
    required = schema.get("required", [])
    found: list[dict[str, Any]] = []
    for name, described in schema["properties"].items():
        one = {"name": name, "in": "query", "required": name in required, "schema": _inlined(described, schema)}
        if told := one["schema"].pop("description", ""):
            one["description"] = told
        found.append(one)
    return found


def _inlined(described: Any, schema: Mapping[str, Any]) -> Any:
    """Without references and null: a query string has neither objects nor null, and leaving out is how nothing is said."""
    if not isinstance(described, dict):
        return described
    if "$ref" in described:
        named = schema["$defs"][described["$ref"].rpartition("/")[2]]
        return _inlined({**named, **{name: value for name, value in described.items() if name != "$ref"}}, schema)
    if "anyOf" in described:
        (only,) = [one for one in described["anyOf"] if one.get("type") != "null"]
        others = {name: value for name, value in described.items() if name not in ("anyOf", "default")}
        return _inlined({**only, **others}, schema)
    return {name: value for name, value in described.items() if name != "title"}


def _header(name: str, told: str) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "schema": {"type": "string"}, "description": told}


def _responses(endpoint: Endpoint, models: Models) -> dict[str, Any]:
    responses: dict[str, Any] = {}
    answers = dict(endpoint.answers)
    if endpoint.etag and endpoint.method == "GET":
        answers[304] = None
    for status, content in answers.items():
        described: dict[str, Any] = {"description": _STATUS_TEXT.get(status, "Done.")}
        responses[str(status)] = described
        if isinstance(content, str):
            described["content"] = {media: {"schema": {}} for media in content.split()}
        elif content is not None:
            described["content"] = {_JSON: {"schema": models[content, "serialization"]}}
        if headers := _sent_headers(endpoint, status):
            described["headers"] = headers
    problem = models[Problem, "serialization"]
    for status in sorted(problems_of(endpoint)):
        titles = [kind.title for kind in KINDS if kind.status == status]
        one = responses.setdefault(str(status), {"description": f"{'; or '.join(titles)}."})
        one.setdefault("content", {})[MEDIA] = {"schema": problem}
        if status in (429, 503):
            one["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
    return responses


def _sent_headers(endpoint: Endpoint, status: int) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if endpoint.etag and status in (200, 201):
        headers["ETag"] = _ETAG
    if status in (201, 202, 303):
        headers["Location"] = {"schema": {"type": "string"}}
    return headers


def problems_of(endpoint: Endpoint) -> set[int]:
    """Statuses of the problems that an endpoint may have."""
    found = {400, 500, 503, *endpoint.refuses}
    if endpoint.action is not None:
        found |= {401, 403, 429}
    if endpoint.parameters:
        found.add(404)
    if "tenant_id" in endpoint.parameters and endpoint.transaction and endpoint.loads and not endpoint.purging:
        found.add(409)
    if endpoint.body is not NoBody:
        found.add(413)
    if endpoint.idempotent:
        found |= {409, 422}
    if endpoint.current is not None:
        found.add(412)
    return found


routes = Routes("about")
routes.get("/api/openapi.json", openapi, None, {200: _JSON, 304: None}, transaction=False)
bp = routes.blueprint
