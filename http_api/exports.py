"""``.../shares/{share_id}/exports``: the latest tree as a table for other programs, one row per node."""

from http_api.call import Answer, Call
from http_api.downloads import PART_BYTES, sent_on
from http_api.endpoint import SHARE
from http_api.models.exports import ExportQuery
from http_api.routes import Routes
from shared.core.content_request import attachment
from shared.core.download_link import Form
from shared.db import export
from shared.errors import Rejected
from shared.formats.table_forms import MEDIA, encoder
from shared.model.access import Action
from shared.model.restore import Selection


async def get_export(call: Call[ExportQuery]) -> Answer:
    """The latest tree, or what is below a directory, as a table: `node_id`, `parent_id`, `name`, `size`, `mtime`, `hash`.

    All of one moment, in no order. It comes from the download server (303), whatever its size. Where there is none, 422 if it is more
    than one answer holds: ask for directories one by one, or have `python -m localdev export` write a file where the catalogue can be reached.
    """
    share, form, path = call.share, call.query.format, call.query.path
    await call.release()
    if call.app.settings.downloads_url:
        async with call.app.transaction() as conn:
            await call.app.enter_share(conn, share)
            await export.directory(conn, share.share_id, path)
        return sent_on(call, Form(form), Selection(paths=(path,) if path else ()), run_no=0)
    body = bytearray()
    async with call.app.tree_table(share, path, encoder(form)) as stream:
        async for piece in stream:
            body += piece
            if len(body) > PART_BYTES:
                raise Rejected(
                    f"the export has more than the {PART_BYTES} bytes of one answer; hint: set AFB_DOWNLOADS_URL, by which exports"
                    " of any size are streamed, ask for directories one by one, as parquet, or run python -m localdev export"
                )
    return Answer(body=bytes(body), media=MEDIA[form], headers=attachment(f"{share.share_name}.{form}"))


routes = Routes("exports")
routes.get(
    SHARE + "/exports", get_export, Action.EXPORTS_READ, {200: " ".join(MEDIA.values()), 303: None}, refuses={422}
)
bp = routes.blueprint
