"""How fast each stage of a run was over time.

A batch says what it did, when it was claimed and when it was committed; it is taken to have done it evenly in between. So what is
told is as fine as batches are short, costs nothing while a run works, and is there for runs of any age.
"""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from shared.model.run import RunKind
from shared.model.verify_order import VerifyLevel

BUCKETS: Final = 60
"""The most points of a series: as many as a phone can show, and as a person reads in a table."""
LEAST_S: Final = 0.25
"""The shortest time that one point is about."""
LEAST_BUCKETS: Final = 4
"""With fewer there is no course to speak of."""
STRETCHES: Final = 600
"""Batches that are looked at; of a run with more, every n-th."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was done in a time."""

    began: dt.datetime
    ended: dt.datetime
    counters: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Stage:
    """Something that a run does to many things, one after the other."""

    name: str
    counter: str
    unit: str
    """What is counted: ``files``, ``bytes`` ..."""


@dataclass(frozen=True, slots=True)
class Course:
    """How fast one stage was."""

    stage: Stage
    rates: tuple[float, ...]
    """Per second, one for each part of the time."""

    @property
    def peak(self) -> float:
        """The highest."""
        return max(self.rates)

    @property
    def mean(self) -> float:
        """Over all the time."""
        return sum(self.rates) / len(self.rates)


@dataclass(frozen=True, slots=True)
class Throughput:
    """The courses of a run's stages, all over the same time."""

    since: dt.datetime
    step_s: float
    """How long one part of the time is."""
    courses: tuple[Course, ...]

    def at(self, index: int) -> dt.datetime:
        """When a part begins."""
        return self.since + dt.timedelta(seconds=index * self.step_s)


_LISTED: Final = Stage("Listed", "directories", "directories")
_REQUESTS: Final = Stage("Requests to Azure Files", "files_requests", "requests")
_VAULT_READS: Final = Stage("Read from the vault", "vault_reads", "requests")
_STAGES: Final[Mapping[RunKind, tuple[Stage, ...]]] = {
    RunKind.SCAN: (_LISTED, Stage("Files seen", "files", "files"), _REQUESTS),
    RunKind.BACKUP: (
        _LISTED,
        Stage("Files saved", "changed_files", "files"),
        Stage("Read from the share", "read_bytes", "bytes"),
        Stage("Written to the vault", "vault_bytes", "bytes"),
        _REQUESTS,
    ),
    RunKind.RESTORE: (
        Stage("Directories", "directories", "directories"),
        Stage("Files written", "files", "files"),
        Stage("Bytes written", "bytes", "bytes"),
        _REQUESTS,
    ),
    RunKind.VERIFY: (
        Stage("Records checked", "records", "records"),
        Stage("Files read again", "reread_files", "files"),
        Stage("Bytes read again", "reread_bytes", "bytes"),
        _VAULT_READS,
    ),
    RunKind.REBUILD: (_VAULT_READS,),
    RunKind.PRUNE: (),
    RunKind.SWEEP: (
        Stage("Objects deleted", "deleted_objects", "objects"),
        Stage("Bytes deleted", "deleted_bytes", "bytes"),
        _VAULT_READS,
    ),
    RunKind.PURGE: (
        Stage("Objects deleted", "deleted_objects", "objects"),
        Stage("Bytes deleted", "deleted_bytes", "bytes"),
    ),
}
_DRILL: Final = (
    Stage("Files restored", "files", "files"),
    Stage("Files compared", "reread_files", "files"),
    Stage("Bytes compared", "reread_bytes", "bytes"),
    _REQUESTS,
)


def stages_of(kind: RunKind, level: VerifyLevel | Literal[""] = "") -> tuple[Stage, ...]:
    """What a run of a kind does, in the order in which it does it; of a verify also by its level."""
    return _DRILL if level == VerifyLevel.DRILL else _STAGES[kind]


def throughput(
    stretches: Sequence[Stretch], stages: Sequence[Stage], since: dt.datetime, until: dt.datetime
) -> Throughput | None:
    """How fast each stage was between two times; None if that is too short to tell, or nothing was done.

    Stages that had nothing to do are left out.
    """
    seconds = (until - since).total_seconds()
    count = min(BUCKETS, int(seconds / LEAST_S))
    if count < LEAST_BUCKETS:
        return None
    step = seconds / count
    done = {stage.counter: [0.0] * count for stage in stages}
    for stretch in stretches:
        began = min(max((stretch.began - since).total_seconds(), 0.0), seconds)
        ended = min(max((stretch.ended - since).total_seconds(), began), seconds)
        first = min(int(began / step), count - 1)
        last = min(int(ended / step), count - 1)
        amounts = [(done[name], amount) for name, amount in stretch.counters.items() if amount and name in done]
        for index in range(first, last + 1):
            part = 1.0
            if ended > began:
                part = (min(ended, (index + 1) * step) - max(began, index * step)) / (ended - began)
            for sums, amount in amounts:
                sums[index] += amount * part
    courses = [
        Course(stage, tuple(amount / step for amount in done[stage.counter]))
        for stage in stages
        if any(done[stage.counter])
    ]
    return Throughput(since, step, tuple(courses)) if courses else None
