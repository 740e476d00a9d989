"""Verifies: what is to be proved."""

from typing import Annotated, Literal

from pydantic import Field

from http_api.models.base import Body, Number
from http_api.models.checks import ElsewhereOrHere


class NewVerification(Body):
    """A verify to be started."""

    level: Literal["quick", "sample", "full", "drill"] = "quick"
    restore_point: Number | Literal["latest", "all"] = "latest"
    over_runs: Annotated[
        int | None,
        Field(ge=1, le=10_000, description="Of a sample or a drill: after so many verifies everything has been read."),
    ] = None
    files: Annotated[
        int | None, Field(ge=1, le=10_000_000, description="Of a drill: so many files, or somewhat fewer.")
    ] = None
    percent: Annotated[float | None, Field(gt=0, le=100, description="Of a drill: so many of a hundred files.")] = None
    target: Annotated[ElsewhereOrHere | None, Field(description="Of a drill: where it makes its scratch share.")] = None
