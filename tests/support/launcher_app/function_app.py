"""The smallest app that shows what the launcher gave it."""

import json
import os

import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)


@app.route(route="ping")
def ping(req: func.HttpRequest) -> func.HttpResponse:
    seen = {"greeting": os.environ.get("AFB_GREETING"), "postgres": os.environ["AFB_POSTGRES_URL"]}
    return func.HttpResponse(json.dumps(seen))


@app.route(route="guarded", auth_level=func.AuthLevel.FUNCTION)
def guarded(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse("in")
