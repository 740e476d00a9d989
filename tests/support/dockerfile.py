"""infra/k8s/Dockerfile, read: its stages, their instructions, and the files that it puts into the image."""

import re
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.kustomize import K8S
from tests.support.nested import REPOSITORY

DOCKERFILE = K8S / "Dockerfile"


@dataclass
class Stage:
    """From one FROM to the next."""

    name: str
    base: str
    instructions: list[tuple[str, str]] = field(default_factory=list)

    def all_of(self, keyword: str) -> list[str]:
        return [argument for word, argument in self.instructions if word == keyword]


def arguments() -> dict[str, str]:
    """What ``ARG`` before the first stage says unless told otherwise."""
    return dict(re.findall(r"^ARG (\w+)=(\S+)$", DOCKERFILE.read_text().partition("\nFROM ")[0], re.MULTILINE))


def stages() -> list[Stage]:
    found: list[Stage] = []
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    for line in filter(None, map(str.strip, text.splitlines())):
        keyword, _, argument = line.partition(" ")
        if keyword == "FROM":
            base, _, name = argument.partition(" AS ")
            for known, value in arguments().items():
                base = base.replace("${" + known + "}", value)
            found.append(Stage(name or "last", base))
        elif found:
            found[-1].instructions.append((keyword, argument))
    return found


def put_together(into: Path) -> None:
    """The application's directory of the image: what is copied from the repository, where it is copied to."""
    for argument in stages()[0].all_of("COPY"):
        source, target = argument.split()
        if Path(target).is_absolute():
            continue
        assert (REPOSITORY / source).is_dir()
        shutil.copytree(REPOSITORY / source, into / target, ignore=shutil.ignore_patterns("__pycache__"))
