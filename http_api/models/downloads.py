"""Downloads: which content, in which form."""

from typing import Annotated, Literal

from pydantic import Field

from http_api.models.base import Body, Query
from http_api.models.restores import Selected

_PATH = {"max_length": 2_048, "pattern": r"^[^\x00]*$"}
ArchiveForm = Literal["zip", "tar"]


class ContentQuery(Query):
    """Which file."""

    path: Annotated[
        str,
        Field(min_length=1, **_PATH, description="Of the file, from the share's root.", examples=["2026/plan.docx"]),
    ]


class ArchiveQuery(Query):
    """What goes into an archive, and of which form it is."""

    path: Annotated[str, Field(**_PATH, description="A file, or a directory with all below it; empty: all.")] = ""
    format: ArchiveForm = "zip"


class NewArchive(Body):
    """A selection, as a restore takes it, as an archive."""

    format: ArchiveForm = "zip"
    selection: Annotated[Selected, Field(default_factory=Selected)]
