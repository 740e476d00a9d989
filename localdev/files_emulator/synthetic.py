"""Synthetic shares: how one is made, and how it goes over to a new layer."""

from collections.abc import Iterator

from localdev.files_emulator.account import Account
from localdev.files_emulator.mixing import derived
from localdev.files_emulator.permissions import Permissions
from localdev.files_emulator.share import DEFAULT_QUOTA_GIB, Share, ShareProperties
from localdev.files_emulator.synthetic_layers import MAX_LAYERS, Layer
from localdev.files_emulator.synthetic_plan import Plan
from localdev.files_emulator.synthetic_shape import Shape, ShapeError
from localdev.files_emulator.synthetic_tree import SyntheticDirectory, computed_directory, masked_numbers
from localdev.files_emulator.synthetic_view import View
from localdev.files_emulator.tree import Directory

_MAX_QUOTA_GIB = 102_400
_SLOTS_A_STEP = 250


def view_of(shape: Shape, permissions: Permissions, layers: tuple[Layer, ...] = ()) -> View:
    """Return what the nodes of a share of this shape are computed from; takes up to half a second."""
    return View(Plan(shape), _permission_keys(shape, permissions), layers)


def make(account: Account, name: str, plan: Plan) -> Share:
    """Add a synthetic share.

    :raises ServiceError: there is a share of that name.
    """
    view = View(plan, _permission_keys(plan.shape, account.permissions))
    gib = plan.total_bytes() >> 30
    quota = max(DEFAULT_QUOTA_GIB, min(_MAX_QUOTA_GIB, gib * 2))
    share = account.create_share(name, ShareProperties(quota_gib=quota))
    share.synthetic = view
    share.root = computed_directory(view, 0).clone(share.epoch)
    account.journal.share(share)
    account.journal.node(share, share.root)
    return share


def add_layer(share: Share, view: View, percent: float, seed: int, time: int) -> View:
    """Put a new layer on a synthetic share, all at once, and return the view with it.

    :raises ShapeError: it has as many as it can have.
    """
    if len(view.layers) >= MAX_LAYERS:
        raise ShapeError(f"a synthetic share can be mutated {MAX_LAYERS} times")
    layer = Layer(seed, percent, view.plan.files, time, share.epoch, frozenset(masked_numbers(share.root)))
    share.synthetic = view.with_layers((*view.layers, layer))
    _go_over(share, share.own_directory(()), share.synthetic)
    share.changed(share.root)
    share.journal.share(share)
    return share.synthetic


def effects(view: View) -> Iterator[dict[str, int]]:
    """Yield what the newest layer has done so far, file by file: the last one says all. Sets the layer's ``delta_bytes``."""
    counts: dict[str, int] = {}
    grown = done = 0
    layer = view.layers[-1]
    for block in range(layer.blocks()):
        for slot in layer.selected(block):
            effect = view.effect(slot)
            if effect is not None:
                counts[effect[0]] = counts.get(effect[0], 0) + 1
                grown += effect[1]
            done += 1
            if done % _SLOTS_A_STEP == 0:
                yield counts
    layer.delta_bytes = grown
    yield counts


def _go_over(share: Share, directory: Directory, view: View) -> None:
    """Bring an owned directory, and what is kept below it, under a view."""
    if isinstance(directory, SyntheticDirectory) and directory.under(view):
        share.changed(directory)
    for child in list(directory.kept()):
        if isinstance(child, Directory):
            if child.epoch != share.epoch:
                child = child.clone(share.epoch)
                directory.hang(child)
            _go_over(share, child, view)


def _permission_keys(shape: Shape, permissions: Permissions) -> tuple[str, ...]:
    """Return the keys of files, then as many of directories."""
    domain = "S-1-5-21-" + "-".join(str(derived("domain", shape.seed, n) & 0x7FFFFFFF) for n in range(3))
    texts = []
    for inherited in ("ID", "OICIID"):
        for n in range(shape.permissions):
            aces = "".join(
                f"(A;{inherited};{mask};;;{who})"
                for mask, who in (("FA", "BA"), ("FA", "SY"), ("0x1301bf", f"{domain}-{1100 + n}"))
            )
            texts.append(f"O:{domain}-{1000 + n}G:{domain}-513D:AI{aces}")
    return tuple(permissions.key(text) for text in texts)
