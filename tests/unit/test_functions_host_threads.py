"""Threads for synchronous functions: reused when free, never waited for when stuck."""

import asyncio
import sys
import threading

import pytest

from localdev.functions_host.threads import Threads


async def test_a_free_thread_is_used_again():
    threads = Threads("t")
    used = set()
    for _ in range(20):
        used.add(await threads.run(threading.get_ident))
        await asyncio.sleep(0.005)  # a thread is free just after its result is out
    assert len(used) < 5


async def test_calls_run_side_by_side():
    threads, together = Threads("t"), threading.Barrier(8, timeout=5)
    await asyncio.gather(*[threads.run(together.wait) for _ in range(8)])


async def test_an_abandoned_call_keeps_nobody_waiting():
    threads, release = Threads("t"), threading.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.02):
            await threads.run(lambda: release.wait(5))
    assert await threads.run(lambda: 7) == 7
    release.set()


@pytest.mark.parametrize(
    ("raise_it", "seen"),
    [
        (lambda: sys.exit(3), r"function raised SystemExit\(3\)"),
        (lambda: next(iter(())), r"function raised StopIteration\(\)"),
        (lambda: (_ for _ in ()).throw(asyncio.CancelledError()), r"function raised CancelledError\(\)"),
    ],
)
async def test_what_would_end_the_host_is_only_the_functions_failure(raise_it, seen):
    with pytest.raises(RuntimeError, match=seen):
        await Threads("t").run(raise_it)
