"""What an operation needs of whoever asks for it, and what a request was granted."""

from dataclasses import dataclass
from typing import Literal

#: Who may, narrowest first: a SAS of the file, of the share, of the account; nobody without the account's key or a
#: bearer token; nobody without a bearer token.
Scope = Literal["file", "share", "account", "key", "bearer"]


@dataclass(frozen=True, slots=True)
class Need:
    """What an operation needs of a SAS.

    ``letters``: any one of these permissions will do. ``level``: s(ervice), c(ontainer, the share) or o(bject), for an
    account SAS; more than one letter if either will do. ``scope``: the narrowest SAS that can ever do it.
    """

    letters: str
    level: str
    scope: Scope = "file"


@dataclass(frozen=True, slots=True)
class Token:
    """Who a bearer token speaks for: object id and tenant id."""

    oid: str
    tid: str


@dataclass(frozen=True, slots=True)
class Grant:
    """What a request may do: ``letters`` as in a SAS, all of them for whoever has the account's key or a token.

    ``scheme``: how it proved itself.
    """

    scheme: Literal["key", "sas", "bearer"]
    letters: str = "rwdlc"
    token: Token | None = None

    @property
    def may_replace(self) -> bool:
        """Tell whether what exists may be written over: permission to create is for new files alone."""
        return "w" in self.letters


BY_KEY = Grant("key")
