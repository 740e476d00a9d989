"""Load ``function_app.py`` and sort its functions by trigger.

Only this module looks inside the SDK's function objects; everything else sees the dataclasses below.
"""

import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import azure.functions as func

from localdev.functions_host import signatures
from localdev.functions_host.host_json import AppError, resolve_settings

MODULE = "function_app"


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFunction:
    """One function and how to call it.

    ``parameter`` receives the trigger's value, each of ``clients`` a durable client binding, and
    ``context`` (when wanted) the invocation context.
    """

    name: str
    call: Callable[..., Any]
    is_async: bool
    parameter: str
    clients: tuple[str, ...]
    wants_context: bool


@dataclass(frozen=True, slots=True)
class HttpFunction:
    """An HTTP trigger; ``methods`` None means every method."""

    function: AppFunction
    route: str
    methods: frozenset[str] | None
    auth_level: str


@dataclass(frozen=True, slots=True)
class TimerFunction:
    """A timer trigger; ``schedule`` is an NCRONTAB expression, settings resolved."""

    function: AppFunction
    schedule: str
    run_on_startup: bool
    use_monitor: bool


@dataclass(frozen=True, slots=True)
class App:
    """Everything the host can call.  Activities and orchestrators by the name callers use."""

    directory: Path
    http: tuple[HttpFunction, ...]
    timers: tuple[TimerFunction, ...]
    activities: Mapping[str, AppFunction]
    orchestrators: Mapping[str, AppFunction]


def load_app(directory: Path, *, hub: str, environ: Mapping[str, str]) -> App:
    """Import the app once and index it.

    :raises AppError: there is no such file, it does not hold exactly one function app, or a
        function uses a trigger or binding this host does not have.
    """
    module = _import(directory)
    registers = [value for value in vars(module).values() if isinstance(value, func.FunctionRegister)]
    distinct = list({id(register): register for register in registers}.values())
    if len(distinct) != 1:
        raise AppError(f"{MODULE}.py: expected exactly one function app at module level, found {len(distinct)}")
    try:
        functions = distinct[0].get_functions()
    except ValueError as error:
        raise AppError(f"{MODULE}.py: {error}") from error
    return _index(directory, functions, hub=hub, environ=environ)


def _import(directory: Path) -> ModuleType:
    path = directory / f"{MODULE}.py"
    if not path.is_file():
        raise AppError(f"no {MODULE}.py in {directory}; hint: --app names the directory of a Python v2 app")
    if str(directory) not in sys.path:
        sys.path.insert(0, str(directory))
    spec = importlib.util.spec_from_file_location(MODULE, path)
    if spec is None or spec.loader is None:
        raise AppError(f"cannot import {path}")
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE] = module
    spec.loader.exec_module(module)
    return module


def _index(directory: Path, functions: list[Any], *, hub: str, environ: Mapping[str, str]) -> App:
    http: list[HttpFunction] = []
    timers: list[TimerFunction] = []
    activities: dict[str, AppFunction] = {}
    orchestrators: dict[str, AppFunction] = {}
    for function in functions:
        name = function.get_function_name()
        bindings = [binding.get_dict_repr() for binding in function.get_bindings()]
        trigger = _trigger(name, bindings)
        described = _describe(name, function.get_user_function(), trigger, bindings, hub=hub, environ=environ)
        match trigger["type"]:
            case "httpTrigger":
                methods = trigger.get("methods")
                http.append(
                    HttpFunction(
                        described,
                        str(trigger.get("route") or name),
                        frozenset(str(_plain(method)).upper() for method in methods) if methods else None,
                        str(_plain(trigger.get("authLevel") or "FUNCTION")).upper(),
                    )
                )
            case "timerTrigger":
                timers.append(
                    TimerFunction(
                        described,
                        resolve_settings(str(trigger["schedule"]), environ),
                        bool(trigger.get("runOnStartup")),
                        trigger.get("useMonitor") is not False,
                    )
                )
            case "activityTrigger":
                activities[str(trigger.get("activity") or name)] = described
            case "orchestrationTrigger":
                orchestrators[str(trigger.get("orchestration") or name)] = described
            case other:
                raise AppError(
                    f"function {name!r}: trigger {other!r} is not supported; this host has HTTP, timer, "
                    "activity and orchestration triggers"
                )
        signatures.check(name, described.call, {str(one["name"]): str(one["type"]) for one in bindings})
    return App(directory, tuple(http), tuple(timers), activities, orchestrators)


def _trigger(name: str, bindings: list[dict[str, Any]]) -> dict[str, Any]:
    triggers = [binding for binding in bindings if str(binding["type"]).endswith("Trigger")]
    if len(triggers) != 1:
        raise AppError(f"function {name!r}: expected exactly one trigger, found {len(triggers)}")
    return triggers[0]


def _describe(
    name: str,
    call: Callable[..., Any],
    trigger: dict[str, Any],
    bindings: list[dict[str, Any]],
    *,
    hub: str,
    environ: Mapping[str, str],
) -> AppFunction:
    clients: list[str] = []
    for binding in bindings:
        if binding is trigger or binding["type"] == "http":
            continue
        if binding["type"] != "durableClient":
            raise AppError(f"function {name!r}: binding {binding['type']!r} is not supported by this host")
        asked = binding.get("taskHub")
        if asked and resolve_settings(str(asked), environ) != hub:
            raise AppError(f"function {name!r}: asks for task hub {asked!r}, but this host serves {hub!r}")
        clients.append(str(binding["name"]))
    bound = {str(binding["name"]) for binding in bindings}
    return AppFunction(
        name=name,
        call=call,
        is_async=inspect.iscoroutinefunction(call),
        parameter=str(trigger["name"]),
        clients=tuple(clients),
        wants_context="context" in inspect.signature(call).parameters and "context" not in bound,
    )


def _plain(value: object) -> object:
    """Read the wire text that enum members carry in ``value``."""
    return getattr(value, "value", value)
