"""From a request to its reply: who may, which operation, what if it is refused.

This is the only place where a refusal becomes an answer, and where a bug does (500, with the traceback on stderr).
"""

import logging
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import count
from secrets import token_hex
from time import perf_counter
from typing import TypeVar

from localdev.files_emulator import errors, fault_effects, versions
from localdev.files_emulator.account import Account
from localdev.files_emulator.address import parse_address, parse_query
from localdev.files_emulator.auth import authorise
from localdev.files_emulator.call import Call
from localdev.files_emulator.control import Control
from localdev.files_emulator.errors import ServiceError, bad_header
from localdev.files_emulator.faults import Strike
from localdev.files_emulator.flags import is_set
from localdev.files_emulator.handles import Handles
from localdev.files_emulator.messages import Effect, Reply, Request
from localdev.files_emulator.names import check_path
from localdev.files_emulator.operations import operation_of
from localdev.files_emulator.store import Store
from localdev.files_emulator.times import now_ticks, rfc1123

SERVER = "Windows-Azure-File/1.0 Microsoft-HTTPAPI/2.0"
MAX_CLIENT_REQUEST_ID_CHARS = 1024
MAX_TIMEOUT_S = 2**31 - 1  # what is longer than an operation may take has no effect

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Service:
    """Answers requests to one account."""

    def __init__(
        self,
        account: Account,
        store: Store,
        control: Control,
        *,
        strict_versions: bool = False,
        handles: Handles | None = None,
    ) -> None:
        self._account = account
        self._store = store
        self._control = control
        self._strict_versions = strict_versions
        self._handles = handles or Handles()
        self._id_middle = "-".join(("", token_hex(2), token_hex(2), token_hex(2), ""))
        self._ids = count(1)
        account.copies.transact = self._carry_out
        store.commit()  # what every account has from the start
        account.permissions.keep()

    def handle(self, request: Request) -> Reply:
        """Answer ``request``; what it changed is durable when this returns. Never raises."""
        if self._control.log.is_on and not request.arrived_s:
            request.arrived_s = perf_counter()
        reply = self._once(request)
        strike, effect = request.strike, reply.effect
        if strike is None or (effect is not None and (effect.then is not None or effect.reset)):
            return reply
        if effect is not None and effect.later is not None:
            effect.later = self._struck(strike, effect.later, request)
            return reply
        return fault_effects.after(strike, reply, lambda: self._once(request))

    async def _struck(self, strike: Strike, later: Coroutine[None, None, Reply], request: Request) -> Reply:
        """Do to a reply that takes its time what is done to any other."""
        reply = second = await later
        if strike.effects.duplicate:
            second = self._once(request)
            if second.effect is not None and second.effect.later is not None:
                second = await second.effect.later
        return fault_effects.after(strike, reply, lambda: second)

    def _once(self, request: Request) -> Reply:
        request_id = self._request_id()
        try:
            reply = self._answer(request)
        except Exception as error:
            reply = _refused(error, request, request_id)
        if reply.effect is not None and reply.effect.then is not None:
            return reply
        if reply.effect is not None and reply.effect.later is not None:
            reply.effect.later = self._finish(reply.effect.later, request, request_id)
            return reply
        return self._signed_off(reply, request, request_id)

    async def _finish(self, later: Coroutine[None, None, Reply], request: Request, request_id: str) -> Reply:
        try:
            reply = await later
        except Exception as error:
            reply = _refused(error, request, request_id)
        return self._signed_off(reply, request, request_id)

    def _signed_off(self, reply: Reply, request: Request, request_id: str) -> Reply:
        """Add what every reply ends with, and have it logged."""
        headers = reply.headers
        headers.append(("Server", SERVER))
        headers.append(("x-ms-request-id", request_id))
        headers.append(("x-ms-version", _version(request.headers)))
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id and len(client_id) <= MAX_CLIENT_REQUEST_ID_CHARS:
            headers.append(("x-ms-client-request-id", client_id))
        headers.append(("Date", rfc1123(now_ticks())))
        self._control.note(request, reply)
        return reply

    def _answer(self, request: Request) -> Reply:
        account = self._account
        query = parse_query(request.query_text)
        dots = is_set(request.headers, "x-ms-allow-trailing-dot")
        address = parse_address(request.path, request.headers.get("host", ""), account.name, trailing_dots=dots)
        try:
            operation = operation_of(request.method, query, request.headers, address.share, has_path=bool(address.path))
        except ServiceError:  # whoever cannot prove who they are is not told either what there is
            authorise(account, request, query, address, "", None)
            raise
        request.operation, request.share = operation.name, address.share
        grant = authorise(account, request, query, address, operation.name, operation.need)
        if grant.scheme == "sas" and "x-ms-version" not in request.headers:
            request.headers["x-ms-version"] = query["sv"]
        check_path(address.path)
        if self._control.watches or request.strike is not None:
            instead = self._hindered(request)
            if instead is not None:
                return instead
        version = request.headers.get("x-ms-version")
        if version is not None and not versions.is_version(version, strict=self._strict_versions):
            raise bad_header("x-ms-version", version)
        if request.method == "PUT" and not {"content-length", "transfer-encoding"} & request.headers.keys():
            raise ServiceError("MissingContentLengthHeader")
        call = Call(account, request, query, address, grant, self._handles)
        if "timeout" in query:
            call.number("timeout", 0, 1, MAX_TIMEOUT_S)  # nothing here takes so long that it could matter
        self._handles.guard(call, operation.name)
        return self._carry_out(partial(operation.handler, call))

    def _hindered(self, request: Request) -> Reply | None:
        """Put limits and faults in the way of a request; return what takes the place of acting, if something does."""
        if request.strike is None:
            self._control.admit(request)
            if request.strike is None:
                return None
            delay_s = request.strike.effects.delay_s
            if delay_s:  # as if it arrived only then: everything is looked at anew, but for what happens to it
                return Reply(0, effect=Effect(delay_s=delay_s, then=lambda: self.handle(request)))
        return fault_effects.before(request.strike, request)

    def _carry_out(self, step: Callable[[], T], /) -> T:
        if self._account.permissions.keep():  # filed by who is no client: no refusal takes that back
            self._store.commit()
        try:
            result = step()
        except Exception:
            self._account.permissions.forget()
            self._store.forget()
            raise
        self._store.commit()
        self._account.permissions.keep()
        return result

    def _request_id(self) -> str:
        """Return an id shaped like the service's: a GUID that ends in zeros."""
        number = next(self._ids)
        return f"{number & 0xFFFFFFFF:08x}{self._id_middle}{number >> 32 & 0xFFFFFF:06x}000000"


def _refused(error: Exception, request: Request, request_id: str) -> Reply:
    if isinstance(error, ServiceError):
        return _refusal(error, request, request_id)
    _log.error("%s %s failed", request.method, request.path, exc_info=error)
    return _refusal(ServiceError("InternalError"), request, request_id)


def _refusal(error: ServiceError, request: Request, request_id: str) -> Reply:
    headers = [("x-ms-error-code", error.code), *error.headers]
    if request.method == "HEAD":
        return Reply(error.status, headers, reason=error.message)
    headers.append(("Content-Type", "application/xml"))
    return Reply(error.status, headers, errors.body(error, request_id), reason=error.message)


def _version(headers: dict[str, str]) -> str:
    version = headers.get("x-ms-version", versions.DEFAULT)
    return version if versions.is_version(version) else versions.DEFAULT
