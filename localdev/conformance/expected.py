"""What is written down about what a host gave: ``expected/*.json``, one file per app.

Who gave it is in the file.  What a real host gave stays until a real host gives something else; what localdev's host gave only tells
whether it has changed.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from localdev.conformance.programs import Program
from localdev.conformance.seen import Seen

DIRECTORY = Path(__file__).parent / "expected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one host gave for one app."""

    host: str
    real: bool
    version: str
    on: str
    """The day, as in 2031-02-28."""
    seen: Mapping[str, Seen]

    @property
    def name(self) -> str:
        """Who gave it, in a few words."""
        return f"what {'the real host' if self.real else self.host} gave on {self.on}"

    @classmethod
    def of(cls, program: Program, version: str, on: str, found: Mapping[str, Seen]) -> Self:
        """What ``program`` has given."""
        return cls(host=program.name, real=program.real, version=version, on=on, seen=found)

    @classmethod
    def read(cls, app: str, directory: Path = DIRECTORY) -> Self | None:
        """What is written down about an app; ``None`` if nothing is."""
        file = directory / f"{app}.json"
        if not file.exists():
            return None
        wire: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return cls(**wire)

    def write(self, app: str, directory: Path = DIRECTORY) -> Path:
        """Replace what is written down about an app."""
        file = directory / f"{app}.json"
        directory.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        return file
