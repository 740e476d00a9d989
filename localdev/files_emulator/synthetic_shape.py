"""The shape of a synthetic share: how many files, how they lie in directories, what they look like. With profiles."""

import json
from dataclasses import asdict, dataclass, fields, replace

MAX_FILES = 500_000_000
MAX_NAME_CHARS = 200  # leaves room for what a mutation adds to a name
MAX_DEPTH = 100  # 250 levels of 20 characters would exceed the longest path

STYLES = ("camera", "numbered", "words", "hex")

_OFFICE: tuple[tuple[str, int], ...] = (
    ("pdf", 22),
    ("docx", 18),
    ("xlsx", 14),
    ("jpg", 14),
    ("png", 8),
    ("txt", 6),
    ("csv", 4),
    ("msg", 4),
)
_OFFICE += (("dwg", 2), ("zip", 2), ("pptx", 3), ("log", 1), ("xml", 1), ("json", 1))


class ShapeError(ValueError):
    """A shape that cannot be, with the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a synthetic share looks like; equal shapes are equal shares, to the byte.

    * ``files_per_directory``: the mean; 0 puts all files into the root. ``tail``: the exponent of a Pareto distribution
      (1.25: most directories have few files and some have thousands); 0: between half and one and a half of the mean.
    * ``depth``: levels of directories below the root, or a few less; how many directories a directory holds follows from it.
    * ``styles``: the kinds of names, one to a directory; ``name_chars``: lengthens names to this mean (0: as they are).
    * ``extensions``: how often each, out of the sum of all; camera names have those of pictures and films.
    * Sizes are log-normal (``median_bytes``, ``sigma``) up to ``max_bytes``, except for ``empty`` (that share of files
      has no bytes) and ``large`` (that share has ``large_bytes`` or up to 16 times as many).
    * ``years``: files were made in the years before 2025. ``permissions``: how many permission keys.
    * ``duplicates``: the share of the files that have the content of another one.
    """

    files: int
    seed: int = 1
    files_per_directory: float = 10.4
    tail: float = 1.25
    depth: int = 8
    styles: tuple[str, ...] = STYLES
    name_chars: int = 0
    extensions: tuple[tuple[str, int], ...] = _OFFICE
    median_bytes: int = 22_000
    sigma: float = 2.5
    max_bytes: int = 1 << 30
    empty: float = 0.01
    large: float = 0.0001
    large_bytes: int = 256 << 20
    years: int = 10
    permissions: int = 5
    duplicates: float = 0.08

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name, low, high in (
            ("files", 1, MAX_FILES), ("seed", 0, 1 << 63), ("files_per_directory", 0, MAX_FILES), ("tail", 0, 10),
            ("depth", 0, MAX_DEPTH), ("name_chars", 0, MAX_NAME_CHARS), ("median_bytes", 1, 1 << 40), ("sigma", 0, 6),
            ("max_bytes", 1, 4 << 40), ("empty", 0, 1), ("large", 0, 1), ("large_bytes", 1, 1 << 38), ("years", 1, 40),
            ("permissions", 1, 1000), ("duplicates", 0, 1),
        ):  # fmt: skip
            value = getattr(self, name)
            if not isinstance(value, int | float) or isinstance(value, bool) or not low <= value <= high:
                raise ShapeError(f"{name} is {value!r}: it must be a number from {low} to {high}")
        if 0 < self.files_per_directory < 1:
            raise ShapeError("files_per_directory must be 0 or at least 1")
        if 0 < self.tail <= 1:
            raise ShapeError("tail must be 0 or more than 1: below that there is no mean")
        if not self.styles or not set(self.styles) <= set(STYLES):
            raise ShapeError(f"styles must be some of {', '.join(STYLES)}")
        if not self.extensions or not all(e.isalnum() and len(e) < 16 and 0 < n < 1000 for e, n in self.extensions):
            raise ShapeError("extensions must be pairs of letters or digits and a weight from 1 to 999")

    def record(self) -> dict[str, object]:
        """Return it as JSON can hold it."""
        return asdict(self)


PROFILES: dict[str, dict[str, object]] = {
    "office": {},
    "photos": {
        "files_per_directory": 120,
        "tail": 0,
        "depth": 3,
        "styles": ("camera",),
        "median_bytes": 3_000_000,
        "sigma": 0.6,
        "empty": 0.0005,
        "large": 0.002,
        "duplicates": 0.02,
        "permissions": 2,
    },
    "deep": {"files_per_directory": 2, "tail": 0, "depth": 40, "median_bytes": 4_000, "sigma": 2.0},
    "flat": {"files_per_directory": 0, "depth": 0, "styles": ("hex",), "median_bytes": 4_000, "sigma": 2.0},
}


def shape_from(record: dict[str, object]) -> Shape:
    """Return the shape that a record (of JSON) describes: fields of ``Shape``, and ``profile`` for those not given.

    :raises ShapeError: it has an unknown field, or a value that cannot be.
    """
    given = dict(record)
    profile = given.pop("profile", "office")
    if profile not in PROFILES:
        raise ShapeError(f"there is no profile {profile!r}: {', '.join(PROFILES)}")
    unknown = given.keys() - {field.name for field in fields(Shape)}
    if unknown:
        raise ShapeError(f"a shape has no field {min(unknown)!r}")
    if "files" not in given:
        raise ShapeError("a shape needs the number of files")
    values = {**PROFILES[str(profile)], **given}
    try:
        if "styles" in values:
            values["styles"] = tuple(values["styles"])  # type: ignore[arg-type]
        if "extensions" in values:
            values["extensions"] = tuple((str(e), int(n)) for e, n in values["extensions"])  # type: ignore[attr-defined]
        return Shape(**values)  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise ShapeError(str(error)) from None


def parse_recipe(text: str) -> Shape:
    """Read ``PROFILE:FILES[:SEED]``, e.g. ``office:1000000:7``; FILES may end in k or m.

    :raises ShapeError: it is something else.
    """
    profile, _, rest = text.partition(":")
    number, _, seed = rest.partition(":")
    factor = {"k": 1_000, "m": 1_000_000}.get(number[-1:].lower(), 1)
    number = number[:-1] if factor > 1 else number
    if not number.isdecimal() or (seed and not seed.isdecimal()):
        raise ShapeError(f"{text!r} is not PROFILE:FILES:SEED")
    return shape_from({"profile": profile, "files": int(number) * factor, "seed": int(seed or 1)})


def resized(shape: Shape, files: int) -> Shape:
    """Return the same shape with another number of files."""
    return replace(shape, files=files)


def shape_text(shape: Shape) -> str:
    """Return it as JSON."""
    return json.dumps(shape.record())
