"""How a share stands, and why, in words: what the overview says of each.

Decided from what the catalogue knows at a glance: the age of the newest restore point, how the last backup ended, which alerts are open,
and whether somebody deleted the share. What a verify found is an open alert until a later one finds it mended. An alert that somebody has
acknowledged is one that is being seen to: it does not call for attention, but neither does it make bad good.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from shared.core.spans import span
from shared.model.alert import Condition
from shared.model.run import RunState

UNWATCHED_S: Final = 35 * 86_400
"""The age from which a restore point is remarked on where no objective is set: nobody backs up less often than once a month on purpose."""
ERROR_CHARS: Final = 300
_WENT_WRONG: Final = frozenset({RunState.FAILED, RunState.COMPLETED_WITH_ERRORS})


class Level(StrEnum):
    """How a share stands, in the order in which somebody should look."""

    BAD = "bad"
    """What is promised is not kept, or may not be: a restore point is missing, damaged or unusual."""
    ATTENTION = "attention"
    """Something went wrong, and what is promised is still kept."""
    NONE = "none"
    """It has no restore point yet, and could not have one."""
    GOOD = "good"
    OFF = "off"
    """It is deleted, and nothing is done for it."""


ORDER: Final = tuple(Level)


class OpenAlert(NamedTuple):
    """What of an open alert matters here."""

    condition: Condition
    about: str
    acknowledged: bool
    title: str = ""


class Standing(NamedTuple):
    """What is known of a share. A tuple: a thousand are made for a page."""

    since: dt.datetime
    """When it was put under protection."""
    taken_at: dt.datetime | None
    """Of its newest restore point."""
    objective_s: int | None
    backup_no: int | None = None
    """The run of the last backup that has ended, cancelled ones left out: they tell nothing."""
    backup_state: RunState | None = None
    """How that ended."""
    backup_error: str = ""
    """Why it failed. It changes no level, only the words."""
    alerts: Sequence[OpenAlert] = ()
    active: str = ""
    """The kind of the run that is active; empty if none is."""
    deleted_at: dt.datetime | None = None
    """When the share was deleted, or its tenant."""
    purging: bool = False


Finding = tuple[Level, Callable[[], str]]
"""Something to be told, and how grave it is. Of a thousand shares that are ranked few are shown, so it is not put into words before."""


class Health(NamedTuple):
    """How a share stands, and why. A tuple: a thousand are made for a page."""

    level: Level
    standing: Standing
    now: dt.datetime

    @property
    def reasons(self) -> list[str]:
        """Why, the gravest first: at least one."""
        standing = self.standing
        if self.level is Level.OFF:
            return [_deleted(standing)]
        found = sorted(_findings(standing, self.now), key=lambda finding: ORDER.index(finding[0]))
        return list(dict.fromkeys(told() for _, told in found)) or [_untroubled(standing)]


def health(standing: Standing, now: dt.datetime) -> Health:
    """Judge it."""
    if standing.deleted_at is not None:
        return Health(Level.OFF, standing, now)
    if found := _findings(standing, now):
        return Health(min((level for level, _ in found), key=ORDER.index), standing, now)
    return Health(Level.NONE if standing.taken_at is None else Level.GOOD, standing, now)


def _findings(standing: Standing, now: dt.datetime) -> list[Finding]:
    found: list[Finding] = []
    age_s = _age_s(standing, now)
    late = standing.objective_s is not None and age_s > standing.objective_s
    if late:
        found.append((Level.BAD, lambda: _too_old(standing, now)))
    elif standing.objective_s is None and standing.taken_at is not None and age_s > UNWATCHED_S:
        found.append((Level.ATTENTION, lambda: _unwatched(standing, now)))
    if standing.backup_state in _WENT_WRONG:
        found += _of_backup(standing, late=late)
    if standing.alerts:
        found += _of_alerts(standing.alerts)
    return found


def _age_s(standing: Standing, now: dt.datetime) -> float:
    """Of the newest restore point; where there is none, since when there could be one."""
    return (now - (standing.taken_at or standing.since)).total_seconds()


def _deleted(standing: Standing) -> str:
    return "it is being purged" if standing.purging else "deleted; what was backed up can still be restored"


def _untroubled(standing: Standing) -> str:
    if standing.taken_at is None:
        under_way = standing.active == "backup"
        return "the first backup is on its way" if under_way else "there is none yet; the first backup makes it"
    if standing.objective_s is None:
        return "no objective is set: nobody is told when its newest restore point gets old"
    return f"within its objective of {span(standing.objective_s)}"


def _too_old(standing: Standing, now: dt.datetime) -> str:
    age, objective = span(_age_s(standing, now)), span(standing.objective_s or 0)
    has = (
        f"the newest restore point is {age} old" if standing.taken_at else f"no restore point in {age} under protection"
    )
    return f"{has}; the objective is one every {objective}"


def _unwatched(standing: Standing, now: dt.datetime) -> str:
    return f"the newest restore point is {span(_age_s(standing, now))} old, and no objective is set"


def _of_backup(standing: Standing, *, late: bool) -> Iterator[Finding]:
    if standing.backup_state is RunState.FAILED:
        kept = standing.objective_s is not None and standing.taken_at is not None and not late
        level = Level.ATTENTION if kept or _seen(standing, Condition.RUN_FAILED) else Level.BAD
        yield level, lambda: _failed(standing, kept=kept)
    elif not _seen(standing, Condition.COMPLETED_WITH_ERRORS):
        yield Level.ATTENTION, lambda: _not_everything(standing)


def _failed(standing: Standing, *, kept: bool) -> str:
    why = " ".join(standing.backup_error.partition("; hint: ")[0].split())[:ERROR_CHARS]
    still = ", and the objective is still met" if kept else ""
    return f"backup {standing.backup_no} failed{still}{': ' if why else ''}{why}"


def _not_everything(standing: Standing) -> str:
    return f"backup {standing.backup_no} could not save everything; its journal says what and why"


def _seen(standing: Standing, condition: Condition) -> bool:
    return any(
        alert.condition is condition and alert.about == "backup" and alert.acknowledged for alert in standing.alerts
    )


def _of_alerts(alerts: Iterable[OpenAlert]) -> Iterator[Finding]:
    """What is told of the last backup and of its restore point's age is seen from these themselves."""
    for alert in alerts:
        match alert.condition:
            case Condition.DAMAGE:
                yield Level.BAD, partial(_title, alert, "a verify found damage")
            case Condition.UNUSUAL_CHANGE if not alert.acknowledged:
                yield Level.BAD, partial(_title, alert, "unusually much has changed")
            case Condition.RUN_FAILED | Condition.COMPLETED_WITH_ERRORS if _wants_attention(alert):
                failed = "failed" if alert.condition is Condition.RUN_FAILED else "completed with errors"
                yield Level.ATTENTION, partial(_title, alert, f"the last {alert.about} {failed}")


def _wants_attention(alert: OpenAlert) -> bool:
    return alert.about != "backup" and not alert.acknowledged


def _title(alert: OpenAlert, otherwise: str) -> str:
    return alert.title or otherwise
