"""Functions that the real worker would not load are refused here too."""

from typing import Any, Dict, Optional  # noqa: UP035

import azure.functions as func
import pytest

from localdev.functions_host.host_json import AppError
from localdev.functions_host.signatures import check

ACTIVITY = {"payload": "activityTrigger"}
HTTP = {"req": "httpTrigger", "$return": "http"}


def plain(payload):
    return payload


def typed(payload: dict) -> dict[str, Any]:  # what it returns is not looked at
    return payload


def old_generic(payload: Dict[str, Any]):  # noqa: UP006
    return payload


def anything(payload: Any):
    return payload


def new_generic(payload: dict[str, Any]):
    return payload


def optional(payload: Optional[str]):  # noqa: UP045
    return payload


def union(payload: str | None):
    return payload


def unreadable(payload: "NoSuchType"):  # noqa: F821
    return payload


def another_name(ticket):
    return ticket


@pytest.mark.parametrize("function", [plain, typed, old_generic, anything])
def test_what_the_worker_takes_is_taken(function):
    check("f", function, ACTIVITY)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (new_generic, r"parameter 'payload' has the annotation dict\[str, typing.Any\]"),
        (optional, "does not take for a type"),
        (union, "does not take for a type"),
        (unreadable, "NoSuchType"),
        (another_name, r"parameters are \['ticket'\], its bindings \['payload'\]"),
    ],
)
def test_what_it_refuses_is_refused_by_name(function, reason):
    with pytest.raises(AppError, match=reason):
        check("f", function, ACTIVITY)


def test_http_functions_take_requests_and_return_responses():
    def answers(req: func.HttpRequest, context: func.Context) -> func.HttpResponse: ...

    def takes_a_timer(req: func.TimerRequest) -> str: ...

    def returns_a_list(req) -> list[str]: ...

    check("f", answers, HTTP)
    with pytest.raises(AppError, match="does not fit its binding 'httpTrigger'"):
        check("f", takes_a_timer, HTTP)
    with pytest.raises(AppError, match="what it returns"):
        check("f", returns_a_list, HTTP)
