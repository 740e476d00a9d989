"""Paths of nodes: names joined by ``/``, from the root, which is the empty one."""

from collections.abc import Iterable


def below(path: str, name: str) -> str:
    """The path of ``name`` in the directory at ``path``."""
    return f"{path}/{name}" if path else name


def outermost(paths: Iterable[str]) -> list[str]:
    """Paths without those that are in others."""
    kept: list[str] = []
    for path in sorted({path.strip("/") for path in paths}, key=lambda path: path.split("/")):
        if not kept or not is_within(path, kept[-1]):
            kept.append(path)
    return kept


def is_within(path: str, directory: str) -> bool:
    """Whether ``path`` is ``directory`` or below it, whatever the case."""
    folded = directory.casefold()
    return not directory or path.casefold() == folded or path.casefold().startswith(folded + "/")


def ending(name: str) -> str:
    """What follows the last dot of a name, in lower case; empty if it has none, or only at its beginning."""
    stem, dot, rest = name.rpartition(".")
    return rest.casefold() if dot and stem else ""
