"""What the signature of each kind of SAS covers, from parsed parameters: clients spell and order them as they like."""

from localdev.files_emulator.delegation import Delegation

_OVERRIDES = ("rscc", "rscd", "rsce", "rscl", "rsct")
_USER = ("skoid", "sktid", "skt", "ske", "sks", "skv", "skdutid", "sduoid")


def account_text(query: dict[str, str], account: str) -> str:
    """Return the string to sign of an account SAS."""
    fields = [account, *_values(query, ("sp", "ss", "srt", "st", "se", "sip", "spr", "sv"))]
    if query.get("sv", "") >= "2020-12-06":
        fields.append(query.get("ses", ""))
    return "\n".join(fields) + "\n"


def service_texts(query: dict[str, str], account: str, share: str, path: str) -> list[str]:
    """Return the string to sign of a SAS of a share or file, without and with two lines some clients insert."""
    head, resource = _values(query, ("sp", "st", "se")), _resource(query, account, share, path)
    middle, tail = _values(query, ("si", "sip", "spr", "sv")), _values(query, _OVERRIDES)
    inserted = _values(query, ("sr", "sharesnapshot"))
    return ["\n".join([*head, resource, *middle, *tail]), "\n".join([*head, resource, *middle, *inserted, *tail])]


def delegation_text(query: dict[str, str], account: str, share: str, path: str) -> str:
    """Return the string to sign of a SAS of a share or file that a user's delegation key signs."""
    head, resource = _values(query, ("sp", "st", "se")), _resource(query, account, share, path)
    return "\n".join([*head, resource, *_values(query, (*_USER, "sip", "spr", "sv", *_OVERRIDES))])


def delegation_of(query: dict[str, str]) -> Delegation:
    """Return what a SAS says of the user's delegation key that signed it."""
    return Delegation(*_values(query, _USER[:7]))


def _resource(query: dict[str, str], account: str, share: str, path: str) -> str:
    return f"/file/{account}/{share}" + (f"/{path}" if query.get("sr") == "f" else "")


def _values(query: dict[str, str], names: tuple[str, ...]) -> list[str]:
    return [query.get(name, "") for name in names]
