"""What is controlled and observed from outside: fault rules, limits, counters, the request log.

``service`` asks ``watches`` before a request acts, which is all that a request costs while nothing is set, and calls
``note`` when it was answered.
"""

import time
from collections.abc import Callable

from localdev.files_emulator.counters import Counters
from localdev.files_emulator.faults import Rule
from localdev.files_emulator.limits import Limits, Settings
from localdev.files_emulator.messages import Effect, Reply, Request
from localdev.files_emulator.request_log import RequestLog, decoded_path


class Control:
    """The controls of one emulator; ``clock`` gives the seconds its limits go by."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.watches = False
        self.counters = Counters()
        self.log = RequestLog()
        self.rules: list[Rule] = []
        self.account_limits: Limits | None = None
        self.share_limits: dict[str, Limits] = {}
        self._clock = clock

    def set_rules(self, rules: list[Rule]) -> None:
        """Replace the fault rules."""
        self.rules = rules
        self._look()

    def limit(self, settings: Settings | None, share: str | None = None) -> None:
        """Set or lift (``None``) the limits of the account or of one share; buckets begin full."""
        limits = None if settings is None else Limits(settings, self._clock)
        if share is None:
            self.account_limits = limits
        elif limits is not None:
            self.share_limits[share] = limits
        else:
            self.share_limits.pop(share, None)
        self._look()

    def admit(self, request: Request) -> None:
        """Let an authorised request in: take it from the limits, then see whether a rule strikes it (``strike``).

        The first rule that strikes has it; rules after that one, and all rules if it is throttled, do not see it.

        :raises ServiceError: a limit refuses it.
        """
        limits = self._limits_of(request)
        for limit in limits:
            refusal = limit.over(request)
            if refusal is not None:
                request.throttled, error = refusal
                raise error
        for limit in limits:
            limit.take(request)
        if self.rules:
            path = decoded_path(request.path)
            for rule in self.rules:
                request.strike = rule.strike(request, path)
                if request.strike is not None:
                    break

    def note(self, request: Request, reply: Reply) -> None:
        """Count and log an answered request, and let its answer wait for as long as the limits' latency says."""
        length = len(reply.body) if reply.content_length is None else reply.content_length
        bytes_out = 0 if request.method == "HEAD" else length
        self.counters.note(request, reply, bytes_out)
        delay_s = 0.0
        if self.watches and not request.throttled:
            delay_s = sum(limit.answered(request, bytes_out) for limit in self._limits_of(request))
            if delay_s:
                reply.effect = reply.effect or Effect()
                reply.effect.delay_s += delay_s
        if self.log.is_on:
            strike = request.strike
            self.log.note(request, reply, bytes_out, delay_s + (strike.effects.delay_after_s if strike else 0.0))

    def _limits_of(self, request: Request) -> list[Limits]:
        found = (self.account_limits, self.share_limits.get(request.share))
        return [limits for limits in found if limits is not None]

    def _look(self) -> None:
        self.watches = bool(self.rules or self.share_limits or self.account_limits)
