"""One side of the comparison: an app under a program, on services of its own, and what was seen of it."""

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from localdev.conformance import hazards
from localdev.conformance.management import Management
from localdev.conformance.product import SETTINGS, Product
from localdev.conformance.programs import KEY, AppHost, Program
from localdev.conformance.seen import Seen
from localdev.demo.account import Account
from localdev.launcher.stack import HOST_HISTORY, Stack
from localdev.services.service import ROOT

HAZARDS, PRODUCT = "hazards", "product"
APPS: Mapping[str, Path] = {HAZARDS: Path(__file__).parent / "apps" / "hazards", PRODUCT: ROOT}
PROBES: Mapping[str, str] = {HAZARDS: "/ping", PRODUCT: "/api/health"}

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """What an app needs besides a host."""

    settings: Mapping[str, str]
    """The app's, which say where everything is."""
    history_url: str
    """A database for localdev's host; a real one keeps its histories in the storage account."""
    account: Account
    """Azure Files."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of one app."""

    version: str
    seen: Mapping[str, Seen]


@contextmanager
def services(data: Path) -> Iterator[Services]:
    """Run Postgres, Azurite and the Azure Files emulator, all of them empty; stop them after.

    :raises ServiceFailed: one of them does not start.
    """
    stack = Stack(data, durable=False, with_host=False)
    stack.erase()
    with stack:
        yield Services(
            settings=stack.settings,
            history_url=stack.postgres.url(HOST_HISTORY),
            account=Account(url=stack.files.url, name=stack.files.account, key=stack.files.key),
        )


def play(
    app: str,
    program: Program,
    given: Services,
    *,
    out: Path,
    unit_s: float,
    only: Collection[str] = (),
    directory: Path | None = None,
    say: Say = lambda _: None,
) -> Played:
    """Run an app and do to it what there is to do.

    :param only: names of scenarios of the hazards; all if empty.
    :param directory: of another version of the app.
    :raises ServiceFailed: the host does not start.
    """
    settings = {
        **given.settings,
        **SETTINGS,
        "CONFORMANCE_UNIT_S": str(unit_s),
        KEY: secrets.token_urlsafe(24),
    }
    host = AppHost(
        program,
        app=directory or APPS[app],
        probe=PROBES[app],
        settings=settings,
        postgres_url=given.history_url,
        out=out,
    )
    say(f"{app}: start {program.name}")
    with host:
        management = Management(host.url, settings[KEY])
        if app == PRODUCT:
            found = Product(management, given.account).play(lambda step: say(f"{app}: {step}"))
        else:
            chosen = [scenario for scenario in hazards.SCENARIOS if not only or scenario.name in only]
            say(f"{app}: {len(chosen)} scenarios")
            found = hazards.play(management, chosen, unit_s=unit_s)
        return Played(host.version(), found)
