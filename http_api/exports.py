"""``.../shares/{share_id}/exports``: the latest tree as a table for other programs, one row per node."""

from collections.abc import Callable

from http_api.call import Answer, Call
from http_api.downloads import PART_BYTES
from http_api.endpoint import SHARE
from http_api.models.exports import ExportQuery
from http_api.routes import Routes
from shared.core.content_request import attachment
from shared.db import export
from shared.errors import Rejected
from shared.formats.node_table import CsvEncoder, Encoder
from shared.model.access import Action

_MEDIA = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}


async def get_export(call: Call[ExportQuery]) -> Answer:
    """The latest tree, or what is below a directory, as a table: `node_id`, `parent_id`, `name`, `size`, `mtime`, `hash`.

    All of one moment, in no order. 422 if it is more than one answer holds: ask for directories one by one, or have
    `python -m localdev export` write a file where the catalogue can be reached.
    """
    share, form = call.share, call.query.format
    await call.release()
    body = bytearray()
    # A transaction of its own, because it sees one moment, which must be said before anything is asked.
    async with call.app.transaction() as conn:
        await export.freeze(conn)
        await call.app.enter_share(conn, share)
        below = await export.directory(conn, share.share_id, call.query.path)
        async with export.nodes(conn, share.share_id, _encoder(form)(), below=below) as stream:
            async for piece in stream:
                body += piece
                if len(body) > PART_BYTES:
                    raise Rejected(
                        f"the export has more than the {PART_BYTES} bytes of one answer; hint: ask for directories one by one, as"
                        " parquet, or run python -m localdev export"
                    )
    return Answer(body=bytes(body), media=_MEDIA[form], headers=attachment(f"{share.share_name}.{form}"))


def _encoder(form: str) -> Callable[[], Encoder]:
    if form == "csv":
        return CsvEncoder
    from shared.formats.node_parquet import ParquetEncoder  # Arrow takes a while to load, and few need it

    return ParquetEncoder


routes = Routes("exports")
routes.get(SHARE + "/exports", get_export, Action.EXPORTS_READ, {200: " ".join(_MEDIA.values())}, refuses={422})
bp = routes.blueprint
