"""HTTP triggers of every kind, under the default prefix ``api``."""

import asyncio
import json
import os
import sys
import threading
import time

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
bp = func.Blueprint()


def _json(value):
    return func.HttpResponse(json.dumps(value), mimetype="application/json")


@app.route(route="echo/{first}/{*rest}")
def echo(req: func.HttpRequest) -> func.HttpResponse:
    return _json(
        {
            "method": req.method,
            "url": req.url,
            "params": dict(req.params),
            "route": dict(req.route_params),
            "header": req.headers.get("X-Thing"),
            "body": req.get_body().decode("latin-1"),
        }
    )


@app.route(route="items/{id:int}", methods=["GET"])
def item(req):
    return f"item {req.route_params['id']}"


@app.route(route="items/{name}", methods=["GET", "HEAD"])
def named(req):
    return f"named {req.route_params['name']}"


@app.route(route="items/new", methods=["GET"])
def literal(req):
    return "literal"


@app.route(route="items/{id:int}", methods=["DELETE"])
def remove(req):
    return func.HttpResponse(status_code=204)


@app.route(route="pages/{page:int?}")
def pages(req):
    return f"page {req.route_params.get('page', 'none')}"


@app.route()
def named_after_the_function(req):
    return None


@app.route(route="shapes/{kind}")
async def shapes(req, context: func.Context):
    match req.route_params["kind"]:
        case "bytes":
            return func.HttpResponse(b"\x00\xff", mimetype="application/octet-stream")
        case "latin":
            return func.HttpResponse("café", charset="latin-1", mimetype="text/html")
        case "teapot":
            response = func.HttpResponse("short", status_code=418, headers={"X-Answer": "42", "Content-Type": "a/b"})
            response.headers.add("Set-Cookie", "a=1; Path=/")
            response.headers.add("Set-Cookie", "b=2")
            return response
        case "context":
            return _json(
                {"name": context.function_name, "dir": context.function_directory, "id": context.invocation_id}
            )
        case "json":
            return _json(req.get_json())
        case "raise":
            raise RuntimeError("a secret detail")
        case "exit":
            sys.exit(3)
        case "number":
            return 42
        case "hang":
            await asyncio.sleep(30)
        case "settings":
            return _json({name: os.environ.get(name) for name in ("FROM_FILE", "FROM_BOTH")})
    return None


@app.route(route="hang")
def hang(req):
    time.sleep(30)


@app.route(route="thread")
def thread(req):
    time.sleep(0.3)
    return _json(threading.current_thread() is threading.main_thread())


@bp.route(route="locked/function", auth_level=func.AuthLevel.FUNCTION)
def locked(req):
    return "open"


@bp.route(route="locked/admin", auth_level=func.AuthLevel.ADMIN)
def locked_admin(req):
    return "open"


app.register_functions(bp)
