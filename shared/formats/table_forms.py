"""The forms in which a tree is given out as a table, with their media types."""

from collections.abc import Mapping
from typing import Final

from shared.formats.node_table import CsvEncoder, Encoder

MEDIA: Final[Mapping[str, str]] = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


def encoder(form: str) -> Encoder:
    """A new encoder of one of :data:`MEDIA`."""
    if form == "csv":
        return CsvEncoder()
    from shared.formats.node_parquet import ParquetEncoder  # Arrow takes a while to load, and few need it

    return ParquetEncoder()
