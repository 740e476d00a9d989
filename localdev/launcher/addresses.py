"""The ports of one stack."""

from dataclasses import asdict, dataclass, fields
from typing import Self

from localdev.services import ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """One port per endpoint.  The defaults are those of ``local.settings.json.example``."""

    blob: int = 10_000
    queue: int = 10_001
    table: int = 10_002
    files: int = 10_004
    files_control: int = 10_005
    postgres: int = 5_432
    host: int = 7_071
    downloads: int = 7_080

    @classmethod
    def defaults_where_free(cls) -> Self:
        """Choose the well-known ports, and others for those that are taken."""
        return cls(**{field.name: ports.choose(getattr(cls(), field.name)) for field in fields(cls)})

    @classmethod
    def anywhere(cls) -> Self:
        """Choose free ports that nobody expects anything of."""
        return cls(**{field.name: ports.choose() for field in fields(cls)})

    def to_wire(self) -> dict[str, int]:
        """Name every port."""
        return asdict(self)
