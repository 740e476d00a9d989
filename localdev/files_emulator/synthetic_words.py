"""Names for synthetic shares, made so that their order by key is the order of their numbers.

A directory of *n* files cuts a space of *s* possible stems (s >= n, in key order) into n equal strata and takes one stem
from each, so the i-th name is known without any other, and the files before a key are found by bisection. A stem is
followed by a space or a dot, which sort before every character of a stem: ``a b 017`` may be followed by
`` (renamed 1).pdf`` without leaving its place among the stems.
"""

from bisect import bisect_left
from collections.abc import Callable
from datetime import date

from localdev.files_emulator.mixing import derived, mix
from localdev.files_emulator.names import key_of
from localdev.files_emulator.synthetic_shape import Shape

_HEADS = [
    "bra",
    "cle",
    "do",
    "fen",
    "gra",
    "hol",
    "jun",
    "kar",
    "lin",
    "mar",
    "nor",
    "pel",
    "qui",
    "ros",
    "sal",
    "tor",
    "ul",
    "ver",
    "wes",
    "yor",
    "zan",
    "ö",
    "må",
    "né",
]
_MIDDLES = ["da", "be", "ci", "fo", "gu", "la", "mi", "no", "ra", "se", "ti", "vo", "ke", "ly", "pe", "xa", "si", "ru"]
_TAILS = ["n", "r", "s", "t", "ng", "rd", "st", "ck", "l", "m", "ne", "ta", "ria", "lo"]
_WORDS = 4_000
_FIRST_DAY = date(1995, 1, 1).toordinal()
_DAYS = 365 * 30
_DAY_SECONDS = 86_400

#: What comes out of a camera, as weights.
_CAMERA = (("jpg", 90), ("heic", 4), ("mp4", 4), ("png", 2))

Stems = Callable[[int, int], str]  # number within the directory, 64 random bits -> stem


class Words:
    """The vocabulary of one seed, and the names made of it."""

    def __init__(self, shape: Shape) -> None:
        seed = derived("words", shape.seed)
        words: set[str] = set()
        at = 0
        while len(words) < _WORDS:
            drawn = mix(seed + at)
            at += 1
            word = _HEADS[drawn % len(_HEADS)] + _MIDDLES[(drawn >> 16) % len(_MIDDLES)]
            if drawn >> 24 & 3 == 0:
                word += _MIDDLES[(drawn >> 32) % len(_MIDDLES)]
            words.add(word + (_TAILS[(drawn >> 40) % len(_TAILS)] if drawn >> 26 & 3 else ""))
        self._words = sorted(words, key=key_of)
        self._days = [date.fromordinal(_FIRST_DAY + day).strftime("%Y%m%d") for day in range(_DAYS)]
        self._clocks = [f"{minute // 60:02d}{minute % 60:02d}" for minute in range(1440)]
        self._styles = shape.styles
        self._name_chars = shape.name_chars
        self._mixed, self._camera = _dealt(shape.extensions), _dealt(_CAMERA)

    def style(self, drawn: int) -> str:
        """Return the style of a directory from its random bits."""
        return self._styles[drawn % len(self._styles)]

    def extensions(self, style: str) -> list[str]:
        """Return 256 extensions, with their dots, to choose from."""
        return self._camera if style == "camera" else self._mixed

    def stems(self, style: str, count: int, drawn: int) -> Stems:
        """Return the stems of a directory's ``count`` files; ``drawn`` are its random bits."""
        made: Stems
        if style == "camera":
            width = _DAYS * _DAY_SECONDS // count
            days, clocks = self._days, self._clocks

            def made(i: int, bits: int) -> str:
                day, second = divmod(i * width + bits % width, _DAY_SECONDS)
                return f"IMG_{days[day]}_{clocks[second // 60]}{second % 60:02d}"

        elif style == "numbered":
            first = drawn % 90_000
            head = f"Invoice-{2010 + drawn % 16}-"
            digits = max(6, len(str(first + count)))

            def made(i: int, _bits: int) -> str:
                return f"{head}{first + i:0{digits}d}"

        elif style == "hex":
            space = 40
            while 1 << space < count << 12:
                space += 4
            width, digits = (1 << space) // count, space // 4

            def made(i: int, bits: int) -> str:
                return f"{i * width + bits % width:0{digits}x}"

        else:
            words = self._words
            width = _WORDS * _WORDS * 1000 // count

            def made(i: int, bits: int) -> str:
                pair, number = divmod(i * width + bits % width, 1000)
                return f"{words[pair // _WORDS]} {words[pair % _WORDS]} {number:03d}"

        return self._lengthened(made) if self._name_chars else made

    def _lengthened(self, made: Stems) -> Stems:
        words, mean = self._words, self._name_chars

        def longer(i: int, bits: int) -> str:
            stem = made(i, bits)
            goal = mean // 2 + (bits >> 40) % (mean + 1) - 4  # an extension is about four characters
            while len(stem) < goal:
                bits = mix(bits)
                stem += f" {words[bits % _WORDS]}"[: goal - len(stem)] if goal - len(stem) > 1 else "0"
            return stem

        return longer

    def directory(self, i: int, count: int, bits: int) -> str:
        """Return the name of the i-th of ``count`` directories in one; without a dot, so no file has it."""
        if count <= _WORDS * 50:
            width = _WORDS * 100 // count
            word, number = divmod(i * width + bits % width, 100)
            return f"{self._words[word]}{number:02d}"
        width = _WORDS * _WORDS * 100 // count
        pair, number = divmod(i * width + bits % width, 100)
        return f"{self._words[pair // _WORDS]} {self._words[pair % _WORDS]}{number:02d}"


def before(stem_at: Callable[[int], str], count: int, key: str) -> int:
    """Return how many of ``count`` names in key order come before ``key``."""
    return bisect_left(range(count), key, key=lambda i: key_of(stem_at(i)))


def _dealt(weights: tuple[tuple[str, int], ...]) -> list[str]:
    """Return 256 extensions in the proportion of their weights."""
    total = sum(weight for _, weight in weights)
    found: list[str] = []
    given = 0
    for extension, weight in weights:
        given += weight
        found += [f".{extension}"] * (round(256 * given / total) - len(found))
    return found
