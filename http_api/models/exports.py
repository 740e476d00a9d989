"""Exports of the tree."""

from typing import Annotated, Literal

from pydantic import Field

from http_api.models.base import Query


class ExportQuery(Query):
    """What is exported, and in which form."""

    format: Literal["csv", "parquet"] = "parquet"
    path: Annotated[
        str,
        Field(max_length=2_048, pattern=r"^[^\x00]*$", description="A directory; empty: the whole share."),
    ] = ""
