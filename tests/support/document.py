"""The API as its document describes it: a server that answers everything with an example, and keeps what was asked and what was wrong with it."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs

import function_app
from http_api.endpoint import all_endpoints
from http_api.openapi import document
from shared.model.run import COUNTERS

assert function_app  # declares them
DOCUMENT = document([endpoint for endpoint in all_endpoints() if endpoint.shown])
METHODS = ("get", "post", "put", "patch", "delete")
ROUTES = {
    (method.upper(), path): operation
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
    if method in METHODS
}
CHOSEN = {"more": False, "next": None, "active": False, "deletion": None, "counters": dict.fromkeys(COUNTERS, 1)}
"""Fields whose example is to be this one: lists have one page, and nothing is deleted."""
ENDED = ("succeeded", "sent")
"""States that are to be the example of those there are."""


def example(schema, name=""):
    """Something that a schema describes, with all its fields."""
    if "$ref" in schema:
        return example(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]], name)
    if name in CHOSEN:
        return CHOSEN[name]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return next((one for one in schema["enum"] if one in ENDED), schema["enum"][0])
    if "anyOf" in schema:
        return example(next(one for one in schema["anyOf"] if one.get("type") != "null"), name)
    match schema.get("type"):
        case "object":
            return {field: example(described, field) for field, described in schema.get("properties", {}).items()}
        case "array":
            return [example(schema.get("items", {}))]
        case "integer" | "number":
            return max(1, schema.get("minimum", 1))
        case "boolean":
            return True
        case "string":
            return "2026-11-29T12:00:00Z" if schema.get("format") == "date-time" else "x"
    return {}


def route_of(method, path):
    """Method and path of the document that an address is of; the one with the fewest parameters."""
    found = []
    for known, template in ROUTES:
        pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
        if known == method and re.fullmatch(pattern, path):
            found.append((template.count("{"), template))
    return (method, min(found)[1]) if found else None


def wrong_with(operation, query, body):
    """What the document says against a request, None if nothing."""
    parameters = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "query"}
    if unknown := query.keys() - parameters.keys():
        return f"no such parameters: {unknown}"
    if missing := {name for name, one in parameters.items() if one["required"]} - query.keys():
        return f"missing: {missing}"
    for name, text in query.items():
        if (allowed := parameters[name]["schema"].get("enum")) and text not in allowed:
            return f"{name} is {text}, none of {allowed}"
    if "requestBody" not in operation:
        return f"it takes no body: {body}" if body not in (None, {}) else None
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    whole = {**schema, "components": DOCUMENT["components"]}
    return next((str(error) for error in jsonschema_rs.validator_for(whole).iter_errors(body or {})), None)


class Served:
    """What was asked: ``routes`` of the document, and ``wrong``, what it says against requests."""

    def __init__(self) -> None:
        self.routes, self.wrong, self.url = set(), [], ""

    def answer(self, method, target, body):
        """Status, media type and content."""
        address = urlsplit(target)
        route = route_of(method, address.path)
        if route is None:
            self.wrong.append(f"{method} {target}: no such route")
            return 404, "application/json", b"{}"
        self.routes.add(route)
        operation = ROUTES[route]
        query = dict(parse_qsl(address.query, keep_blank_values=True))
        if wrong := wrong_with(operation, query, json.loads(body) if body else None):
            self.wrong.append(f"{method} {target}: {wrong}")
        status = min(int(status) for status in operation["responses"] if status.startswith("2"))
        content = operation["responses"][str(status)].get("content", {})
        for media, described in content.items():
            found = json.dumps(example(described["schema"])) if media == "application/json" else "{}\n"
            return status, media.replace("*", "x"), found.encode()
        return status, "", b""


@contextmanager
def served() -> Iterator[Served]:
    """Serve it on a port of its own."""
    told = Served()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, media, content = told.answer(self.command, self.path, body)
            self.send_response(status)
            if media:
                self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
