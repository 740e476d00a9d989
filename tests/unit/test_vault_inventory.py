"""What the vault listed is found again, in memory that does not grow with it."""

import asyncio
import random
import subprocess
import sys

import pytest

from shared.usecases.vault_inventory import ABSENT, InventoryWriter, take_inventory
from tests.support.memory import peak_mib


class Listed:
    """A vault of nothing but names."""

    def __init__(self, sizes):
        self.sizes = sizes
        self.asked = []

    async def names(self, prefix):
        self.asked.append(prefix)
        for name in sorted(self.sizes):
            if name.startswith(prefix):
                yield name, self.sizes[name]


def objects(count):
    rng = random.Random(count)
    folders = [lambda n: f"chunk/{n % 256:02x}/{n:064x}", lambda n: f"bundle/1/{n}.tar.zst", lambda n: f"{n}/1"]
    return {f"7/{folders[n % 3](n + 1)}": rng.randrange(1 << 40) for n in range(count)}


@pytest.mark.parametrize("run_objects", [1, 7, 1_000, 1 << 20])
def test_every_object_is_found_with_its_size_and_no_other(run_objects):
    there = objects(3_000) | {"7/point/1.fb": 5, "7/segment/1/1.fb": 0, "7/permission/1-2": 9}
    vault = Listed(there | {"70/chunk/00/00": 1, "8/point/1.fb": 1})
    inventory = asyncio.run(take_inventory(vault, 7, run_objects))
    assert len(inventory) == len(there)
    assert inventory.sizes(list(there)) == list(there.values())
    assert inventory.sizes([f"{name}x" for name in there]) == [ABSENT] * len(there)
    assert inventory.sizes([]) == []


def test_an_empty_vault_has_nothing():
    inventory = asyncio.run(take_inventory(Listed({}), 7))
    assert (len(inventory), inventory.sizes(["7/point/1.fb"])) == (0, [ABSENT])


def fill(count):
    """List ``count`` chunks; print the memory that took beyond what is mapped from a file."""
    writer = InventoryWriter(50_000)
    before = peak_mib()
    for n in range(count):
        writer.add(f"7/chunk/{n:x}", n)
    grown = peak_mib() - before
    inventory = writer.finish()
    assert inventory.sizes(["7/chunk/0", f"7/chunk/{count - 1:x}", "x"]) == [0, count - 1, ABSENT]
    print(grown)


@pytest.mark.slow
def test_ten_times_the_objects_take_no_more_memory_while_they_are_listed():
    """What follows is merged and looked up in mapped files, which the kernel takes back when it needs room."""

    def grown(count):
        command = [sys.executable, "-c", f"from tests.unit.test_vault_inventory import fill; fill({count})"]
        return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout)

    assert grown(2_000_000) < grown(200_000) + 8
