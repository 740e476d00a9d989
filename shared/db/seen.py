"""Which shares a question over many tenants is about, for whoever sees only some of them."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Seen:
    """All shares; or those of some tenants, and some others."""

    everything: bool
    tenants: Collection[str] = ()
    """All shares of these."""
    shares: Collection[int] = ()
    """These shares, whose they may be."""

    def args(self) -> dict[str, Any]:
        """Named ``all``, ``tenants`` and ``shares``."""
        return {"all": self.everything, "tenants": sorted(self.tenants), "shares": sorted(self.shares)}


ALL: Final = Seen(everything=True)
