"""What is to be written to a share, as values.

Paths are relative to the share's root and separated by ``/``.  Times are texts as the service spells them, with seven
digits; an empty one is left to the service.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from localdev.demo.content import NOTHING, Content

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a directory or file has besides its content.  An empty ``sddl`` leaves the permission to the service."""

    attributes: str = ""
    created: str = ""
    written: str = ""
    sddl: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


PLAIN = Facts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Headers:
    """The content headers of a file; an empty one is not set.  ``md5`` is in base64."""

    content_type: str = ""
    encoding: str = ""
    language: str = ""
    cache_control: str = ""
    disposition: str = ""
    md5: str = ""


NO_HEADERS = Headers()


@dataclass(frozen=True, slots=True)
class PlannedDirectory:
    """A directory to make; under the empty path the root, which only needs its facts set."""

    path: str
    facts: Facts = PLAIN


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file to write."""

    path: str
    content: Content = NOTHING
    facts: Facts = PLAIN
    headers: Headers = NO_HEADERS


@dataclass(frozen=True, slots=True)
class Plan:
    """Directories and files to write.  Directories stand after the ones they are in."""

    directories: tuple[PlannedDirectory, ...]
    files: tuple[PlannedFile, ...]

    @property
    def size_bytes(self) -> int:
        """All content together."""
        return sum(file.content.size_bytes for file in self.files)

    @classmethod
    def joined(cls, plans: Iterable["Plan"]) -> "Plan":
        """Return several plans as one."""
        together = list(plans)
        return cls(
            tuple(directory for plan in together for directory in plan.directories),
            tuple(file for plan in together for file in plan.files),
        )


def time_text(unix_ns: int) -> str:
    """Spell a Unix time in nanoseconds as the service does, cut to its 100 ns."""
    seconds, rest_ns = divmod(unix_ns, 1_000_000_000)
    return f"{_EPOCH + dt.timedelta(seconds=seconds):%Y-%m-%dT%H:%M:%S}.{rest_ns // 100:07d}Z"
