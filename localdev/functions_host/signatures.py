"""What the real Python worker refuses to load, refused here too: it would fail in Azure only, and with it the whole app.

The worker compares a function's parameters with its bindings, and looks at every annotation
(``azure_functions_worker/functions.py``).  From Python 3.11 on it does not take ``dict[str, Any]`` for a type, while
``typing.Dict[str, Any]`` it does.
"""

import inspect
import typing
from collections.abc import Callable, Mapping
from typing import Any

from azure.functions import meta

from localdev.functions_host.host_json import AppError

RETURN = "$return"


def check(name: str, call: Callable[..., Any], bindings: Mapping[str, str]) -> None:
    """Look at one function.

    :param bindings: type of each binding, by its name.
    :raises AppError: the worker would not load it; says why.
    """
    try:
        hints = typing.get_type_hints(call)
    except NameError as error:
        raise AppError(f"function {name!r}: an annotation cannot be read: {error}") from error
    bound = {binding for binding in bindings if binding != RETURN}
    parameters = set(inspect.signature(call).parameters) - ({"context"} - bound)
    if parameters != bound:
        raise AppError(f"function {name!r}: its parameters are {sorted(parameters)}, its bindings {sorted(bound)}")
    for parameter in sorted(parameters & hints.keys()):
        _check_annotation(f"function {name!r}: parameter {parameter!r}", hints[parameter], bindings[parameter])
    if RETURN in bindings and "return" in hints:
        answer = hints["return"]
        if not isinstance(answer, type) or not _converter(bindings[RETURN]).check_output_type_annotation(answer):
            raise AppError(f"function {name!r}: the worker does not take {answer!r} for what it returns")


def _check_annotation(what: str, hint: Any, binding: str) -> None:
    if not isinstance(hint, type) and not _is_old_generic(hint):
        raise AppError(
            f"{what} has the annotation {hint!r}, which the worker does not take for a type; "
            "hint: typing.Dict[str, Any] and Any will do"
        )
    converter = _converter(binding)
    if hint in (str, bytes) and not converter.has_implicit_output():
        return  # whatever the binding, it can be had as the text that it is
    if not converter.check_input_type_annotation(hint):
        raise AppError(f"{what} has the annotation {hint!r}, which does not fit its binding {binding!r}")


def _is_old_generic(hint: Any) -> bool:
    """As the worker's copy of typing_inspect has it, which knows the aliases of ``typing`` only."""
    return type(hint).__module__ == "typing" and typing.get_origin(hint) not in (None, typing.Union, tuple, Callable)


def _converter(binding: str) -> Any:
    return meta.get_binding_registry().get(binding)
