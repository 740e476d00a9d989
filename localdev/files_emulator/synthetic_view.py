"""The present state of a synthetic share's files: a pure function of its plan and its layers.

Numbers of computed nodes are in a range of their own::

    1 << 60 | group << 32 | ordinal        group 0: directories, 1: files, 2 + n: files that layer n added

so a number says what it is the number of, and where to find it.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import NamedTuple

from localdev.files_emulator import content, smb
from localdev.files_emulator.content import Extents
from localdev.files_emulator.mixing import derived, mix
from localdev.files_emulator.names import key_of
from localdev.files_emulator.synthetic_content import ComputedBlock, computed_id, whole
from localdev.files_emulator.synthetic_layers import (
    ADDED,
    ATTRIBUTES,
    CONTENT,
    DELETED,
    METADATA,
    MOVED,
    RENAMED,
    STRUCTURAL,
    Layer,
)
from localdev.files_emulator.synthetic_plan import Facts, Plan
from localdev.files_emulator.tree import FIRST_COMPUTED_NUMBER as FIRST_NUMBER
from localdev.files_emulator.tree import ROOT_NUMBER, File

_GROUP_BITS = 32
_ORDINAL = (1 << _GROUP_BITS) - 1
_DIRECTORIES, _FILES, _ADDED = 0, 1, 2
_MANY_SLOTS = 20_000  # of a directory: among them is a whole block, so everything a layer does was done to one of them
_CACHED_BLOCKS = 32
_FEW_SLOTS = 64  # of a directory: its files are computed together and kept for a while, in 700 bytes each
_CACHED_DIRECTORIES = 128
_RUN = 1_000
_APPEND_BYTES = _PATCH_BYTES = 64 * 1024


class Event(NamedTuple):
    """What layer number ``layer`` did to a file, and in whose place the file was before and after."""

    layer: int
    kind: str
    before: int
    after: int


@dataclass(slots=True)
class Life:
    """A file from its beginning in slot ``home``; ``host`` is the slot in whose place it is now."""

    number: int
    home: int
    host: int
    born: int  # the layer that added it, -1 if it was there at first
    tag: str = ""  # what its name has between stem and extension
    is_alive: bool = True
    events: list[Event] = field(default_factory=list)


def directory_number(directory: int) -> int:
    """Return the node number of a computed directory."""
    return FIRST_NUMBER | directory if directory else ROOT_NUMBER


def is_computed_number(number: int) -> bool:
    """Return whether a node began as a computed one; the root does not tell."""
    return number >= FIRST_NUMBER


def directory_ordinal(number: int) -> int | None:
    """Return which directory a node number stands for, ``None`` for a file's."""
    if number == ROOT_NUMBER:
        return 0
    return number & _ORDINAL if (number - FIRST_NUMBER) >> _GROUP_BITS == _DIRECTORIES else None


class View:
    """A plan under the first so many of a share's layers; never changes."""

    def __init__(self, plan: Plan, keys: tuple[str, ...], layers: tuple[Layer, ...] = ()) -> None:
        self.plan = plan
        self.keys = keys
        self.layers = layers
        self._touched_slots: OrderedDict[int, list[int]] = OrderedDict()
        self._seeds = [derived("event", layer.seed, index) for index, layer in enumerate(layers)]
        # Who lists a directory reads its files next: each looked up by itself takes 50 us.
        self.few_files = lru_cache(maxsize=_CACHED_DIRECTORIES)(self._few_files)

    def with_layers(self, layers: tuple[Layer, ...]) -> "View":
        """Return the same share under other layers."""
        return View(self.plan, self.keys, layers)

    def until(self, epoch: int) -> "View":
        """Return the share as it was in an epoch."""
        layers = tuple(layer for layer in self.layers if layer.epoch <= epoch)
        return self if len(layers) == len(self.layers) else self.with_layers(layers)

    # -- where files are

    def lives(self, slot: int) -> list[Life]:
        """Return the files that began in a slot, oldest first."""
        found = [Life(FIRST_NUMBER | _FILES << _GROUP_BITS | slot, slot, slot, -1)]
        for index, layer in enumerate(self.layers):
            kind = layer.kind(slot)
            if kind is None:
                continue
            if kind == ADDED:
                if directory_number(self.plan.directory_of(slot)) not in layer.excluded:
                    number = FIRST_NUMBER | (_ADDED + index) << _GROUP_BITS | slot
                    born = Life(number, slot, slot, index, f" (added {index + 1})")
                    born.events.append(Event(index, ADDED, slot, slot))
                    found.append(born)
                continue
            life = next((life for life in reversed(found) if life.is_alive), None)
            if life is not None and life.number not in layer.excluded:
                self._happen(life, index, kind)
        return found

    def _happen(self, life: Life, index: int, kind: str) -> None:
        before = life.host
        if kind == MOVED:
            layer = self.layers[index]
            goal = layer.goal(life.home)
            directory = -1 if goal is None else self.plan.directory_of(goal)
            if (
                goal is None
                or directory == self.plan.directory_of(before)
                or directory_number(directory) in layer.excluded
            ):
                kind = RENAMED  # there is nowhere to go
            else:
                life.host, life.tag = goal, f" (moved {index + 1})"
        if kind == RENAMED:
            guest = "" if life.host == life.home else f" {life.home:x}"
            life.tag = f" (renamed {index + 1}{guest})"
        if kind == DELETED:
            life.is_alive = False
        life.events.append(Event(index, kind, before, life.host))

    def guests(self, slot: int) -> list[Life]:
        """Return the files from elsewhere that are or were in a slot's place."""
        found = []
        for layer in self.layers:
            origin = layer.origin(slot)
            if origin is not None:
                found += [life for life in self.lives(origin) if any(event.after == slot for event in life.events)]
        return list({life.number: life for life in found}.values())

    def life(self, number: int) -> Life | None:
        """Return the file with a node number, if there is or was one."""
        group, slot = (number - FIRST_NUMBER) >> _GROUP_BITS, number & _ORDINAL
        if group == _DIRECTORIES or slot >= self.plan.files:
            return None
        return next((life for life in self.lives(slot) if life.number == number), None)

    def touched(self, low: int, high: int) -> list[int]:
        """Return those slots of a range, in order, in which a layer does something, or which one may move to."""
        if not self.layers:
            return []
        found: list[int] = []
        size = self.layers[0].shuffle.size  # follows from the number of files, so it is that of all
        for block in range(low // size, -(-high // size)):
            slots = self._touched_slots.get(block)
            if slots is None:
                slots = sorted({s for layer in self.layers for s in (*layer.selected(block), *layer.goals(block))})
                self._touched_slots[block] = slots
                if len(self._touched_slots) > _CACHED_BLOCKS:
                    self._touched_slots.popitem(last=False)
            found += slots[bisect_left(slots, low) : bisect_left(slots, high)]
        return found

    # -- what they are

    def _few_files(self, directory: int) -> dict[str, File] | None:
        """Return the files of a directory by key, in listing order; ``None`` if they are too many to do that at once.

        Callers must not change what they get.
        """
        low, high = self.plan.slots(directory)
        if high - low > _FEW_SLOTS:
            return None
        return {key_of(file.name): file for files in self.runs(directory) for file in files}

    def runs(
        self, directory: int, first: int = 0, count: int = _RUN, *, with_content: bool = True
    ) -> Iterator[list[File]]:
        """Yield the files of a directory from its ``first`` slot on in listing order, in runs of about ``count``."""
        low, high = self.plan.slots(directory)
        at = low + first
        while at < high:
            end = min(high, at + count + 1)
            found: list[File] = []
            for slot in self.touched(at, end):
                found += self.plain(range(at, slot), directory, with_content=with_content)
                found += sorted(self.present(slot, directory), key=lambda node: key_of(node.name))
                at = slot + 1
            found += self.plain(range(at, end), directory, with_content=with_content)
            yield found
            at = end

    def plain(self, slots: range, directory: int, *, with_content: bool = True) -> list[File]:
        """Return the files of consecutive slots that no layer touched, all of one directory."""
        parent, keys = directory_number(directory), self.keys
        first = FIRST_NUMBER | _FILES << _GROUP_BITS
        rows = zip(slots, self.plan.facts(slots, directory, with_block=with_content), strict=True)
        return [
            File(
                first | slot, parent, stem + extension, -1, attributes, keys[permission],
                created, created, written, written, (), None, size, whole(size, block) if with_content else (),
            )
            for slot, (stem, size, block, created, written, attributes, permission, extension) in rows
        ]  # fmt: skip

    def present(self, slot: int, directory: int) -> list[File]:
        """Return the files in the place of a slot that may be touched, in no order."""
        lives = [*self.lives(slot), *self.guests(slot)]
        return [self.file(life, directory) for life in lives if life.is_alive and life.host == slot]

    def file(self, life: Life, directory: int | None = None) -> File:
        """Return a file as it is now, or was before it was deleted; ``directory`` is the one it is in, if known."""
        plan = self.plan
        inside = plan.directory_of(life.host) if directory is None else directory
        home = inside if life.host == life.home else plan.directory_of(life.home)
        facts = Facts(*plan.facts(range(life.home, life.home + 1), home)[0])
        stem = facts.stem
        if life.host != life.home:
            stem = plan.facts(range(life.host, life.host + 1), inside)[0][0]
        if life.born >= 0:
            facts = self._added_facts(life, facts)
        file = File(
            life.number, directory_number(inside), stem + life.tag + facts.extension, -1, facts.attributes,
            self.keys[facts.permission], facts.created, facts.created, facts.written, facts.written,
            size=facts.size, extents=whole(facts.size, facts.block),
        )  # fmt: skip
        for event in life.events:
            file.changed = self.layers[event.layer].time
            bits = self._bits(life, event)
            if event.kind == CONTENT:
                file.written = file.changed
                file.size, file.extents = rewritten(file.size, file.extents, bits, facts.extension)
            elif event.kind == METADATA:
                file.metadata = (("mutation", str(event.layer + 1)),)
            elif event.kind == ATTRIBUTES:
                file.attributes ^= 0x2  # hidden
        return file

    def _added_facts(self, life: Life, facts: Facts) -> Facts:
        bits = mix(self._bits(life, life.events[0]))
        time = self.layers[life.born].time
        block = computed_id(mix(bits), facts.extension)
        size = self.plan.some_size(bits)
        return Facts(facts.stem, size, block, time, time, smb.ARCHIVE, facts.permission, facts.extension)

    def _bits(self, life: Life, event: Event) -> int:
        return mix(life.number ^ self._seeds[event.layer])

    # -- directories

    def changed(self, directory: int, since: int = 0) -> int | None:
        """Return the newest layer's time, from number ``since`` on, that changed what a directory holds."""
        if len(self.layers) <= since:
            return None
        low, high = self.plan.slots(directory)
        if high - low > _MANY_SLOTS:
            hits = (layer.time for layer in reversed(self.layers[since:]) if not STRUCTURAL.isdisjoint(layer.kinds))
            return next(hits, None)
        newest = -1
        for slot in self.touched(low, high):
            for life in (*self.lives(slot), *self.guests(slot)):
                for event in life.events:
                    inside = low <= event.before < high or low <= event.after < high
                    if event.kind in STRUCTURAL and inside and event.layer > newest:
                        newest = event.layer
        return self.layers[newest].time if newest >= since else None

    def effect(self, slot: int) -> tuple[str, int] | None:
        """Return what the newest layer did in a slot and by how much the bytes stored grew, ``None`` if nothing."""
        newest = len(self.layers) - 1
        for life in self.lives(slot):
            if life.events and life.events[-1].layer == newest:
                kind = life.events[-1].kind
                if kind not in (CONTENT, DELETED, ADDED):
                    return kind, 0
                size = self.file(life).size
                if kind == CONTENT:
                    life.events.pop()
                    return kind, size - self.file(life).size
                return kind, size if kind == ADDED else -size
        return None

    def total_bytes(self) -> int:
        """Return how many bytes all computed files have, those that somebody changed since as they were before."""
        return self.plan.total_bytes() + sum(self._grown(index) for index in range(len(self.layers)))

    def _grown(self, index: int) -> int:
        layer = self.layers[index]
        if layer.delta_bytes is None:  # the process that was counting ended before it was done
            view = self.with_layers(self.layers[: index + 1])
            slots = (slot for block in range(layer.blocks()) for slot in layer.selected(block))
            layer.delta_bytes = sum(effect[1] for slot in slots if (effect := view.effect(slot)) is not None)
        return layer.delta_bytes


def rewritten(size: int, extents: Extents, bits: int, extension: str) -> tuple[int, Extents]:
    """Return a file's size and extents after a change: a third each written anew, written in one place, grown."""
    block = computed_id(mix(bits), extension)
    how, amount = bits % 3, bits >> 8
    if how == 0 and size:
        new = max(1, size // 2 + amount % (size + 1))
        return new, whole(new, block)
    if how == 1 and size:
        start = amount % size
        end = min(size, start + 1 + (amount >> 24) % _PATCH_BYTES)
        return size, content.write(extents, start, end, ComputedBlock(block))
    grown = size + 1 + amount % _APPEND_BYTES
    return grown, content.write(extents, size, grown, ComputedBlock(block))
