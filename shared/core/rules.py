"""What of a share is left out on purpose: gitignore patterns, decided name by name on the way down.

*Exclude* patterns are those of a ``.gitignore`` file at the share's root: of the patterns that match an entry itself the last one
decides, ``!`` takes an entry in again, and below a directory that is left out nothing is looked at. *Include* patterns
narrow a backup to what they match: a directory with everything below it, or single files; the directories on the way are
kept. Without include patterns everything is included.

:mod:`pathspec` says what a pattern means (how it becomes a regular expression). It is not asked entry by entry: it matches whole
paths against one pattern after the other, which takes longer than all else that is done with a changed entry. Here a pattern
without a slash is a question about the name alone, and most of those need one look into a set; patterns with a slash are
dropped beforehand in directories where they cannot match. Tests hold this to pathspec's own answers and to ``git check-ignore``.
Where the two differ (``a[!b]`` matches ``a/`` in pathspec) it is git that counts.

A directory that is unchanged by its listing is not compared, so its fingerprint has to tell under which rules it was compared:
:attr:`Within.digest` is over the patterns that can decide something in that directory, and over its path if the path has a part in
that. So a rule about one place has one place compared again, and a directory that moves from a place where less was left out, or
more, is compared too.
"""

import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import xxhash
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

RULES_MAX: Final = 1_000
"""Patterns per list. All of them are looked at in every directory that has changed."""

RULE_CHARACTERS_MAX: Final = 1_024
"""Half of the longest path that a share can have."""

CHARACTERS_MAX: Final = 64 * 1024
"""All lines together: every run keeps a copy, and every activity reads it."""

ANY_DEPTH_MAX: Final = 3
"""``**`` in one pattern: each multiplies the ways in which a long path can fail to match."""

_OWN_END: Final = "(?:(?P<ps_d>/)|$)"
"""How pathspec ends a pattern that matches an entry itself, or what is below it."""
_ANYWHERE: Final = "^(?:.+/)?"
"""How it begins one without a slash."""
_STAR: Final = "[^/]*"
_WILD: Final = re.compile(r"[*?\[\\]")
_TOKEN: Final = re.compile(r"\\.|\[\^/\]|(\[\^?\]?[^\]]*\])", re.DOTALL)
"""In a regular expression of pathspec's: a character, anything but a slash, or a set of characters of the pattern's own."""


class BadRule(ValueError):
    """A line that is no pattern; the message says which line and what was expected."""


def fold(text: str) -> str:
    """``text`` as it is compared where case does not count: one character stays one character, as on a Windows volume."""
    if text.isascii():
        return text.lower()
    return "".join([low if len(low := c.lower()) == 1 else c for c in text])


@dataclass(frozen=True, slots=True)
class Pattern:
    """One line, ready to be asked. At most one of the last five is set; none of them: it matches everything."""

    line: str
    negated: bool
    directories_only: bool
    name: str = ""
    """The whole name, spelled out."""
    extension: str = ""
    """The end of the name from its last dot on."""
    name_regex: str = ""
    path: str = ""
    """The whole path, spelled out."""
    path_regex: re.Pattern[str] | None = None
    parts: tuple[str, ...] = ()
    """Of a pattern with ``path_regex``: what is between its slashes."""

    @property
    def by_path(self) -> bool:
        """Whether where an entry is has a part in the answer."""
        return bool(self.path) or self.path_regex is not None

    def may_match_in(self, directory: Sequence[str]) -> bool:
        """Whether an entry of a directory, given by the names on the way to it, can match; True if in doubt."""
        if "**" not in self.parts:
            return len(self.parts) == len(directory) + 1 and self._begins(directory)
        least = sum(part != "**" for part in self.parts) + (self.parts[-1] == "**")
        return least <= len(directory) + 1 and self._begins(directory)

    def may_match_below(self, directory: Sequence[str]) -> bool:
        """The same of anything below the directory, however deep."""
        if not self.by_path:
            return True
        if self.path:
            return self.path.startswith("/".join(directory) + "/") if directory else True
        return self._begins(directory) and ("**" in self.parts or len(self.parts) > len(directory))

    def _begins(self, directory: Sequence[str]) -> bool:
        """Whether the directory agrees with the parts before the first ``**``, as far as both go."""
        for part, name in zip(self.parts, directory, strict=False):
            if part == "**":
                return True
            if part != name and not _WILD.search(part):
                return False
        return True


def parse(lines: Iterable[str], *, ignore_case: bool = False, negation: bool = True) -> list[Pattern]:
    """Read patterns; blank lines and comments say nothing.

    :param negation: whether a line may begin with ``!``.
    :raises BadRule: a line is no pattern, or too long, or there are too many.
    """
    found: list[Pattern] = []
    characters = 0
    for number, line in enumerate(lines, start=1):
        if number > RULES_MAX:
            raise BadRule(f"expected up to {RULES_MAX:,} lines")
        characters += len(line)
        if characters > CHARACTERS_MAX:
            raise BadRule(f"line {number}: expected up to {CHARACTERS_MAX:,} characters in all lines together")
        try:
            pattern = _parse(line, ignore_case)
        except BadRule as error:
            raise BadRule(f"line {number}, {line[:80]!r}: {error}") from None
        if pattern is None:
            continue
        if pattern.negated and not negation:
            raise BadRule(
                f"line {number}, {line[:80]!r}: expected no '!' here; hint: what is left out is said by exclude"
            )
        found.append(pattern)
    return found


def _parse(line: str, ignore_case: bool) -> Pattern | None:
    if len(line) > RULE_CHARACTERS_MAX:
        raise BadRule(f"expected up to {RULE_CHARACTERS_MAX:,} characters, not {len(line):,}")
    if "\n" in line or "\r" in line or "\0" in line:
        raise BadRule("expected one pattern, without line ends")
    text = line if line.endswith("\\ ") else line.rstrip()
    if not text or text.startswith("#"):
        return None
    negated = text.startswith("!")
    body = fold(text[negated:]) if ignore_case else text[negated:]
    directories_only = body.endswith("/")
    body = body.removesuffix("/")
    parts = body.removeprefix("/").split("/")
    if not all(parts):
        raise BadRule("expected something between, before or after the slashes")
    if parts.count("**") > ANY_DEPTH_MAX:
        raise BadRule(f"expected '**' at most {ANY_DEPTH_MAX} times")
    regex = _regex("\\" + body if body[0] in "#!" else body)
    if regex is None:
        return Pattern(line, negated, directories_only)
    anywhere = not body.startswith("/") and len(parts) == 1
    if parts[0] == "**" and set(parts[:-1]) == {"**"} and parts[-1] != "**":
        anywhere, parts = True, parts[-1:]
    if not anywhere:
        if not any(map(_WILD.search, parts)):
            return Pattern(line, negated, directories_only, path="/".join(parts))
        compiled = re.compile(regex, re.DOTALL)
        return Pattern(line, negated, directories_only, path_regex=compiled, parts=tuple(parts))
    name = parts[0]
    if not _WILD.search(name):
        return Pattern(line, negated, directories_only, name=name)
    if name.startswith("*.") and not _WILD.search(name[2:]) and "." not in name[2:]:
        return Pattern(line, negated, directories_only, extension=name[1:])
    assert regex.startswith(_ANYWHERE)
    return Pattern(line, negated, directories_only, name_regex=regex.removeprefix(_ANYWHERE))


def _regex(body: str) -> str | None:
    """What a pattern without ``!`` and a slash at its end matches, of whole paths without one; None for everything."""
    try:
        regex, _ = GitIgnoreSpecPattern.pattern_to_regex(body)
    except ValueError:
        raise BadRule("expected something after '\\'") from None
    if regex is None:
        raise BadRule("expected a ']' for each '['")
    if regex == ".":
        return None
    if regex.endswith(_OWN_END):
        regex = regex.removesuffix(_OWN_END) + r"\Z"
    elif not regex.endswith("/"):
        raise BadRule("expected a pattern as in .gitignore")
    regex = _without_backtracking(_TOKEN.sub(lambda token: f"(?!/){token[0]}" if token[1] else token[0], regex))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "error"
            )  # Python's: a set that may one day be read in another way, such as [[:alpha:]]
            re.compile(regex)
    except (re.error, FutureWarning):
        raise BadRule("expected a set of characters like [abc], [a-z] or [!0-9]") from None
    return regex


def _without_backtracking(regex: str) -> str:
    """Have all stars but the last of each part settle for the first place where what follows fits.

    Any other place is no better, and trying them all takes hours where a pattern has ten stars.
    """
    parts = []
    for part in re.split(r"(?<!\^)/", regex):  # not within a set of characters: a pattern's have no slash
        first, *others = part.split(_STAR)
        *middle, last = others or [""]
        parts.append(first + "".join(f"(?>{_STAR}?{chunk})" for chunk in middle) + (_STAR + last if others else ""))
    return "/".join(parts)


@dataclass(frozen=True, slots=True)
class _Names:
    """Patterns that are about names alone, of one block, for one kind of entry."""

    everything: bool
    names: frozenset[str]
    extensions: frozenset[str]
    regex: re.Pattern[str] | None

    @classmethod
    def of(cls, patterns: Sequence[Pattern]) -> "_Names":
        regexes = [p.name_regex for p in patterns if p.name_regex]
        return cls(
            any(not (p.by_path or p.name or p.extension or p.name_regex) for p in patterns),
            frozenset(p.name for p in patterns if p.name),
            frozenset(p.extension for p in patterns if p.extension),
            re.compile("|".join(f"(?:{regex})" for regex in regexes), re.DOTALL) if regexes else None,
        )

    def match(self, name: str) -> bool:
        """Whether any matches."""
        if self.everything or name in self.names:
            return True
        if self.extensions:
            dot = name.rfind(".")
            if dot >= 0 and name[dot:] in self.extensions:
                return True
        return self.regex is not None and self.regex.match(name) is not None


@dataclass(frozen=True, slots=True)
class _Block:
    """Neighbouring patterns of one sign: if any of them matches, the block does."""

    negated: bool
    patterns: tuple[Pattern, ...]
    of_files: _Names
    of_directories: _Names
    paths: frozenset[str]
    directory_paths: frozenset[str]
    """With those for directories only."""

    @classmethod
    def of(cls, negated: bool, patterns: Sequence[Pattern]) -> "_Block":
        for_all = [p for p in patterns if not p.directories_only]
        return cls(
            negated,
            tuple(patterns),
            _Names.of(for_all),
            _Names.of(patterns),
            frozenset(p.path for p in for_all if p.path),
            frozenset(p.path for p in patterns if p.path),
        )

    def match(self, name: str, path: str, is_directory: bool, regexes: Sequence[Pattern]) -> bool:
        """Whether an entry matches; ``regexes`` are the block's patterns by path that are worth trying."""
        if (self.of_directories if is_directory else self.of_files).match(name):
            return True
        if path in (self.directory_paths if is_directory else self.paths):
            return True
        for p in regexes:
            if (is_directory or not p.directories_only) and p.path_regex is not None and p.path_regex.search(path):
                return True
        return False


def _blocks(patterns: Sequence[Pattern]) -> tuple[_Block, ...]:
    """In order; neighbours have different signs."""
    runs: list[list[Pattern]] = []
    for pattern in patterns:
        if runs and runs[-1][0].negated == pattern.negated:
            runs[-1].append(pattern)
        else:
            runs.append([pattern])
    return tuple(_Block.of(run[0].negated, run) for run in runs)


Asked = tuple[tuple[_Block, tuple[Pattern, ...]], ...]
"""Blocks, each with those of its patterns by path that are worth trying, in the order in which they are asked."""


@dataclass(frozen=True, slots=True)
class Within:
    """The rules as far as they have a say in one directory."""

    digest: int
    """Unsigned 64 bits; 0: everything in the directory is kept, whatever its name."""
    prefix: str = ""
    """What comes before a name in a path."""
    ignore_case: bool = False
    exclude: Asked = ()
    include: Asked | None = None
    """None: everything is included."""
    ways: tuple[Pattern, ...] = ()
    """Include patterns that may match somewhere below."""

    def keeps(self, name: str, is_directory: bool) -> bool:
        """Whether an entry of the directory is backed up: for a directory, whether it is looked into."""
        if self.ignore_case:
            name = fold(name)
        path = self.prefix + name
        for block, regexes in self.exclude:
            if block.match(name, path, is_directory, regexes):
                if not block.negated:
                    return False
                break
        if self.include is None or any(block.match(name, path, is_directory, r) for block, r in self.include):
            return True
        return is_directory and any(pattern.may_match_below(path.split("/")) for pattern in self.ways)


EVERYTHING: Final = Within(0)


class Rules:
    """The rules of a share. Make them once and ask :meth:`within` for each directory that is listed.

    :raises BadRule: the lines are not what :func:`parse` takes.
    """

    def __init__(self, exclude: Iterable[str] = (), include: Iterable[str] = (), *, ignore_case: bool = False) -> None:
        self._ignore_case = ignore_case
        self._exclude = parse(exclude, ignore_case=ignore_case)
        self._include = parse(include, ignore_case=ignore_case, negation=False)
        self._blocks = _blocks(self._exclude)[::-1]
        self._included = tuple((b, tuple(p for p in b.patterns if p.path_regex)) for b in _blocks(self._include))
        self._parents = {p.path.rpartition("/")[0] for p in self._exclude if p.path}
        self._regexes = [p for p in self._exclude if p.path_regex is not None]
        by_name = [p for p in self._exclude if not p.by_path]
        self._by_name = EVERYTHING
        if by_name:
            asked = tuple((block, ()) for block in _blocks(by_name)[::-1])  # they are asked without a path
            self._by_name = Within(self._digest(by_name), ignore_case=ignore_case, exclude=asked)

    def within(self, directory: str) -> Within:
        """What to leave out in a directory that is itself kept; the root's path is empty."""
        at = fold(directory) if self._ignore_case else directory
        names = at.split("/") if at else []
        regexes = [p for p in self._regexes if p.may_match_in(names)]
        narrowed = bool(self._include) and not self._is_included(names)
        if not regexes and not narrowed and at not in self._parents:
            return self._by_name
        prefix = f"{at}/" if at else ""
        chosen = set(regexes)
        exclude = tuple((block, tuple(p for p in block.patterns if p in chosen)) for block in self._blocks)
        about = [
            p for p in self._exclude if not p.by_path or p in chosen or (p.path and p.path.rpartition("/")[0] == at)
        ]
        if narrowed:  # all of it: a directory may be kept for what is below
            digest = self._digest(about, self._include, prefix)
            return Within(digest, prefix, self._ignore_case, exclude, self._included, tuple(self._include))
        return Within(self._digest(about, (), prefix), prefix, self._ignore_case, exclude)

    def _is_included(self, names: Sequence[str]) -> bool:
        """Whether a directory, or one above it, matches an include pattern."""
        for depth, name in enumerate(names, start=1):
            path = "/".join(names[:depth])
            if any(block.match(name, path, True, regexes) for block, regexes in self._included):
                return True
        return False

    def _digest(self, exclude: Sequence[Pattern], include: Sequence[Pattern] = (), prefix: str = "") -> int:
        """Of patterns in their order, and of where they are applied if that has a part in what they say."""
        place = prefix if any(p.by_path for p in (*exclude, *include)) else ""
        words = [str(self._ignore_case), place, *(p.line for p in exclude), "\0", *(p.line for p in include)]
        return xxhash.xxh3_64_intdigest("\n".join(words).encode("utf-8", "surrogatepass")) or 1


@lru_cache(maxsize=256)
def rules_of(exclude: tuple[str, ...], include: tuple[str, ...], ignore_case: bool) -> Rules:
    """The same, kept: many runs and batches of one share ask for the same rules."""
    return Rules(exclude, include, ignore_case=ignore_case)
