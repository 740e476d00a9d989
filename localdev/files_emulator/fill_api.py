"""The control API's routes that fill shares: import, synthetic, mutate, plant. The commands do the same on a stopped emulator."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from localdev.files_emulator.account import Account
from localdev.files_emulator.errors import ServiceError
from localdev.files_emulator.fields import Fields, Unexpected
from localdev.files_emulator.filling import Counts, carry_out
from localdev.files_emulator.importing import ImportRefused, import_tree
from localdev.files_emulator.mutating import mutate
from localdev.files_emulator.names import check_share
from localdev.files_emulator.planting import PlantRefused, plant
from localdev.files_emulator.routes import Ask, Json, Refused, Routes
from localdev.files_emulator.share import Share, ShareProperties
from localdev.files_emulator.store import Store
from localdev.files_emulator.synthetic import make
from localdev.files_emulator.synthetic_layers import layer_records
from localdev.files_emulator.synthetic_plan import Plan
from localdev.files_emulator.synthetic_shape import Shape, ShapeError, parse_recipe, shape_from
from localdev.files_emulator.synthetic_view import View

_MAX_SKIPPED_TOLD = 100


class FillApi:
    """Fills the shares of one account, one at a time each; ``work`` says which now, and how far."""

    def __init__(self, account: Account, store: Store) -> None:
        self._account = account
        self._store = store
        self.work: dict[str, Counts] = {}

    def add_to(self, routes: Routes) -> None:
        """Add the routes to a table."""
        routes.add(
            "POST",
            "/shares/{name}/import",
            self._import,
            "a tree of this machine, into a share; {directory: absolute path}",
        )
        routes.add(
            "POST",
            "/shares/{name}/synthetic",
            self._synthetic,
            "make a synthetic share; {recipe: 'PROFILE:FILES:SEED'} or {profile, files, seed, ...fields of a shape}",
        )
        routes.add(
            "POST",
            "/shares/{name}/mutate",
            self._mutate,
            "change a part of the files; {percent: 1, seed: 1}; tells what",
        )
        routes.add(
            "POST",
            "/shares/{name}/plant",
            self._plant,
            "make a node that REST cannot name, in a directory that is there; {path: list of names, content: text, or none for a directory}",
        )
        routes.add("GET", "/shares/{name}/synthetic", self._shape, "the shape of a synthetic share and its mutations")
        routes.add("GET", "/work", self._shown, "what is being filled, and how far")

    async def import_(self, name: str, directory: Path) -> dict[str, object]:
        """Import a tree into a share, which is made if there is none.

        :raises Refused: the share cannot be, or there is no such directory.
        """
        if not await asyncio.to_thread(directory.is_dir):
            raise Refused(400, f"{directory} is not a directory")
        share = self._account.shares.get(name)
        if share is None:
            share = self._new(name)
            self._store.commit()
        skipped: list[str] = []
        try:
            counts = await self._carry_out(share, import_tree(self._account, share, directory, skipped))
        except ImportRefused as error:
            raise Refused(409, str(error)) from None
        return {"share": name, **counts, "left_out": skipped[:_MAX_SKIPPED_TOLD]}

    async def synthetic(self, name: str, shape: Shape, *, unless_there: bool = False) -> dict[str, object]:
        """Make a synthetic share; with ``unless_there``, one of that name and shape is as good.

        :raises Refused: there is a share of that name, or there cannot be one.
        """
        there = self._account.shares.get(name)
        if unless_there and there is not None and there.synthetic is not None and there.synthetic.plan.shape == shape:
            return {"share": name}
        self._check(name)
        plan = await asyncio.to_thread(Plan, shape)  # up to half a second
        self._check(name)
        make(self._account, name, plan)
        self._store.commit()
        return {"share": name, "files": plan.files, "directories": plan.directories - 1, "bytes": plan.total_bytes()}

    async def mutate(self, name: str, percent: float, seed: int) -> dict[str, object]:
        """Change ``percent`` of a share's files.

        :raises Refused: there is no such share, or it was mutated too often.
        """
        share = self._account.shares.get(name)
        if share is None:
            raise Refused(404, f"there is no share {name}")
        try:
            counts = await self._carry_out(share, mutate(self._account, share, percent, seed))
        except ShapeError as error:
            raise Refused(409, str(error)) from None
        changed = sum(counts.values()) - counts["skipped"]
        return {"share": name, "percent": percent, "seed": seed, "changed": changed, **counts}

    async def _carry_out(self, share: Share, steps: Iterator[Counts]) -> Counts:
        if share.name in self.work:
            raise Refused(409, f"{share.name} is being filled already")
        told: Counts = {}
        self.work[share.name] = told
        try:
            await carry_out(steps, self._store, told)
        finally:
            del self.work[share.name]
        return told

    def _new(self, name: str) -> Share:
        self._check(name)
        return self._account.create_share(name, ShareProperties())

    def _check(self, name: str) -> None:
        try:
            check_share(name)
        except ServiceError:
            raise Refused(400, f"{name!r} cannot be the name of a share") from None
        if name in self._account.shares:
            raise Refused(409, f"there is a share {name} already")

    # -- routes

    async def _import(self, ask: Ask) -> Json:
        fields = Fields(ask.body)
        directory = fields.text("directory", "")
        fields.done()
        if not Path(directory).is_absolute():
            raise Unexpected("directory", "an absolute path", directory)
        return await self.import_(ask.params["name"], Path(directory))

    async def _synthetic(self, ask: Ask) -> Json:
        try:
            match ask.body:
                case {"recipe": str(recipe), **more} if not more:
                    shape = parse_recipe(recipe)
                case dict(record):
                    shape = shape_from(record)
                case _:
                    raise Unexpected("", "a recipe or a shape", ask.body)
        except ShapeError as error:
            raise Refused(400, str(error)) from None
        return await self.synthetic(ask.params["name"], shape)

    async def _mutate(self, ask: Ask) -> Json:
        fields = Fields(ask.body if ask.body is not None else {})
        percent, seed = fields.number("percent", 1.0, high=100), fields.integer("seed", 1)
        fields.done()
        return await self.mutate(ask.params["name"], percent, seed)

    async def _plant(self, ask: Ask) -> Json:
        match ask.body:
            case {"path": [*parts], **more} if all(isinstance(part, str) for part in parts):
                text = more.pop("content", None)
            case _:
                raise Unexpected("path", "a list of names", ask.body)
        if more or not isinstance(text, str | None):
            raise Unexpected("content", "a text and nothing else", ask.body)
        share = self._account.shares.get(ask.params["name"])
        if share is None:
            raise Refused(404, f"there is no share {ask.params['name']}")
        try:
            plant(self._account, share, tuple(parts), None if text is None else text.encode())
        except PlantRefused as error:
            raise Refused(409, str(error)) from None
        self._store.commit()
        return {"share": share.name}

    async def _shape(self, ask: Ask) -> Json:
        share = self._account.shares.get(ask.params["name"])
        view: View | None = None if share is None else share.synthetic
        if view is None:
            raise Refused(404, f"there is no synthetic share {ask.params['name']}")
        mutations = [{"seed": r[0], "percent": r[1], "time": r[2]} for r in layer_records(view.layers)]
        return {"shape": view.plan.shape.record(), "mutations": mutations}

    async def _shown(self, _ask: Ask) -> Json:
        return self.work
