"""Threads for synchronous functions, and why not the standard pool.

A function that exceeds its time limit cannot be stopped: its thread is abandoned and its place
goes to another.  The standard executor never gives that place back, and waits for such a thread
when the process ends.  These threads are daemons, and there is always an idle one or a new one;
how many run at once is for the caller to bound.
"""

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: An idle thread ends after this long; keeps bursts cheap and idle hosts small.
IDLE_SECONDS = 30.0


class Threads:
    """Runs blocking calls beside the event loop."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._idle: list[_Worker] = []
        self._lock = threading.Lock()

    async def run(self, call: Callable[[], T]) -> T:
        """Await ``call()`` in a thread.  Cancelling the wait abandons the call, it does not stop it."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        context = contextvars.copy_context()

        def deliver(result: T | None, error: Exception | None) -> None:
            if future.done():
                return
            if error is not None:
                future.set_exception(error)
            else:
                future.set_result(result)  # type: ignore[arg-type]  # None only when T allows it

        def work() -> None:
            result: T | None = None
            error: Exception | None = None
            try:
                result = context.run(call)
            except Exception as raised:
                error = RuntimeError(f"function raised {raised!r}") if isinstance(raised, StopIteration) else raised
            except BaseException as raised:  # an exit or a cancellation is the function's, not the host's
                error = RuntimeError(f"function raised {raised!r}")
            if not loop.is_closed():
                loop.call_soon_threadsafe(deliver, result, error)

        self._take().give(work)
        return await future

    def _take(self) -> "_Worker":
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return _Worker(self._name, self._put_back, self._leave)

    def _put_back(self, worker: "_Worker") -> None:
        with self._lock:
            self._idle.append(worker)

    def _leave(self, worker: "_Worker") -> bool:
        """Say whether ``worker`` may end: nobody has taken it."""
        with self._lock:
            if worker in self._idle:
                self._idle.remove(worker)
                return True
            return False


class _Worker:
    def __init__(self, name: str, put_back: Callable[["_Worker"], None], leave: Callable[["_Worker"], bool]) -> None:
        self._jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._put_back = put_back
        self._leave = leave
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def give(self, job: Callable[[], None]) -> None:
        self._jobs.put(job)

    def _run(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=IDLE_SECONDS)
            except queue.Empty:
                if self._leave(self):
                    return
                continue
            job()
            self._put_back(self)
