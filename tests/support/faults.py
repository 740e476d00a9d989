"""Fail the n-th effect, wherever it happens to be.

A fault lands either *before* the effect (the request never arrived) or *after* it (the effect happened, the reply was lost). The
second is the one retries get wrong.
"""

import dataclasses
import inspect
from enum import Enum

import pytest

from shared.errors import Unavailable

PURE = {"monotonic", "now"}


class When(Enum):
    BEFORE = "before"
    AFTER = "after"


class Killed(BaseException):
    """The worker is gone: nothing after this runs, no handler of errors included."""


WAYS = [(when, fault) for when in When for fault in (Unavailable, Killed)]


def everywhere(step):
    """``(when, fault, first, step)`` of a test that breaks the effects ``first``, ``first + step`` and so on.

    In the suite the four ways share every ``step``-th effect; in the torture each of them breaks all there are.
    """
    shared = [(*way, 1 + step * place, step * len(WAYS)) for place, way in enumerate(WAYS)]
    return [*shared, *(pytest.param(*way, 1, 1, marks=pytest.mark.torture) for way in WAYS)]


class Tripwire:
    """Counts effects across every port of a scope; trips once, at number ``at``."""

    def __init__(self, at, when, fault=Unavailable):
        self.at, self.when, self.fault = at, when, fault
        self.count, self.tripped, self.where = 0, False, ""

    def wrap(self, scope):
        """The scope with every door wired."""
        doors = {
            name: _Door(getattr(scope, name), name, self)
            for name in (
                "catalogue",
                "vault",
                "journal",
                "reader",
                "writer",
                "admin",
                "rebuilds",
                "verifies",
                "sweeps",
                "retentions",
                "purges",
                "audit",
            )
            if getattr(scope, name) is not None
        }
        return dataclasses.replace(scope, **doors)

    def due(self, where):
        self.count += 1
        if self.count != self.at:
            return False
        self.tripped, self.where = True, where
        return True

    def error(self):
        return self.fault(f"fault {self.at} {self.when.value} {self.where}")


class _Door:
    def __init__(self, target, name, wire):
        self._target, self._name, self._wire = target, name, wire

    def __getattr__(self, name):
        effect = getattr(self._target, name)
        where = f"{self._name}.{name}"
        if inspect.isasyncgenfunction(effect):

            async def stream(*args, **kwargs):
                due = self._wire.due(where)
                if due and self._wire.when is When.BEFORE:
                    raise self._wire.error()
                async for item in effect(*args, **kwargs):
                    yield item
                if due:
                    raise self._wire.error()

            return stream

        async def call(*args, **kwargs):
            due = self._wire.due(where)
            if due and self._wire.when is When.BEFORE:
                raise self._wire.error()
            result = await effect(*args, **kwargs)
            if due:
                raise self._wire.error()
            return result

        return call
