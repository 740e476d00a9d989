"""What is asked of the analytics page of a share."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from http_api.models.base import Query


class Measure(StrEnum):
    """What areas are in proportion to."""

    BYTES = "bytes"
    FILES = "files"


class Section(StrEnum):
    """What takes longer than a page may, and so is fetched by itself."""

    FOLDERS = "folders"
    """Of a directory below the top: summed up by looking."""
    CHANGES = "changes"
    """Of the top folders: where most changes."""
    FILES = "files"
    """By ending, age and size."""
    DUPLICATES = "duplicates"


class Effort(StrEnum):
    """How long it may take."""

    QUICK = "quick"
    LONG = "long"


class AnalyticsQuery(Query):
    """Of which directory, and in which way."""

    path: Annotated[
        str, Field(max_length=2_048, pattern=r"^[^\x00]*$", description="A directory; empty: the whole share.")
    ] = ""
    by: Measure = Measure.BYTES
    show: Annotated[Section | None, Field(description="This, too, or for htmx this alone.")] = None
    effort: Effort = Effort.QUICK
