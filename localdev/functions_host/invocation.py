"""Call one function of the app, whatever its colour, within the host's time limit."""

import asyncio
import threading
import uuid
from datetime import timedelta
from typing import Any

from localdev.functions_host.loading import AppFunction
from localdev.functions_host.threads import Threads


class FunctionTimeoutError(Exception):
    """The function ran longer than ``functionTimeout`` allows."""


class InvocationContext:
    """What a function receives as ``context``: the attributes of ``azure.functions.Context``."""

    def __init__(self, function_name: str, function_directory: str) -> None:
        self.invocation_id = str(uuid.uuid4())
        self.function_name = function_name
        self.function_directory = function_directory
        self.thread_local_storage = threading.local()
        self.thread_local_storage.invocation_id = self.invocation_id
        self.trace_context = None
        self.retry_context = None


class Invoker:
    """Calls functions: coroutines on the loop, the others in threads."""

    def __init__(self, *, timeout: timedelta | None, directory: str, client_binding: str) -> None:
        self._timeout = timeout
        self._directory = directory
        self._client_binding = client_binding
        self._threads = Threads("function")
        #: Threads of functions that ran into the limit; each may still be running.
        self.abandoned_threads = 0

    async def invoke(self, function: AppFunction, value: object) -> object:
        """Call ``function`` with ``value`` for its trigger.

        :raises FunctionTimeoutError: the limit passed.  A coroutine is cancelled; a thread cannot be, so it
            runs on unattended and its result is dropped.
        :raises Exception: whatever the function raised.
        """
        arguments: dict[str, Any] = {function.parameter: value}
        arguments.update(dict.fromkeys(function.clients, self._client_binding))
        if function.wants_context:
            arguments["context"] = InvocationContext(function.name, self._directory)

        if function.is_async:
            running = function.call(**arguments)
        else:
            running = self._threads.run(lambda: function.call(**arguments))
        limit = asyncio.timeout(None if self._timeout is None else self._timeout.total_seconds())
        try:
            async with limit:
                return await running
        except (SystemExit, KeyboardInterrupt) as error:  # would end the host, not the function
            raise RuntimeError(f"function raised {error!r}") from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():  # the host's: it is stopping
                raise
            raise RuntimeError(f"function raised {error!r}") from error
        except TimeoutError:
            if not limit.expired():  # the function's own
                raise
            if not function.is_async:
                self.abandoned_threads += 1
            raise FunctionTimeoutError(
                f"Timeout value of {self._timeout} was exceeded by function: Functions.{function.name}"
            ) from None
