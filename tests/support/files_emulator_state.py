"""Everything an account is, as one value that can be compared: no list of its parts, so that new ones are in it too."""

from localdev.files_emulator.account import Account
from localdev.files_emulator.blocks import MemoryBlock
from localdev.files_emulator.store_sqlite import SqliteBlock
from localdev.files_emulator.synthetic_view import View

# What holds no state of the account: who is told of changes, what counts and never goes back, what is computed anew.
_NOT_STATE = {"journal", "_journal", "take_number", "blocks", "clock", "_numbers", "_serials", "_order", "_inherited"}
_NOT_STATE |= {"_merged", "_keys", "view"}


def state(account: Account):
    """Return the state of ``account``."""
    return _state(account, set())


def _state(value, above):
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    if isinstance(value, (list, tuple)):
        return tuple(_state(item, above) for item in value)
    if isinstance(value, (set, frozenset)):
        return tuple(sorted(map(repr, value)))
    assert id(value) not in above, f"{type(value)} contains itself"
    above = above | {id(value)}
    if isinstance(value, dict):
        return tuple(
            sorted(((repr(key), _state(item, above)) for key, item in value.items()), key=lambda pair: pair[0])
        )
    if isinstance(value, (MemoryBlock, SqliteBlock)):  # it never changes
        return ("block", value.id)
    if isinstance(value, View):  # nor does what is computed, but for what is laid over it
        return ("view", len(value.layers))
    names = [name for kind in type(value).__mro__ for name in getattr(kind, "__slots__", ())]
    names += getattr(value, "__dict__", {}).keys()
    return (
        type(value).__name__,
        *((name, _state(getattr(value, name), above)) for name in names if name not in _NOT_STATE),
    )
