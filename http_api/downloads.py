"""``.../restore-points/{run_no}/content`` and ``/archive``: saved content for whoever asks, without a restore.

An answer of an Azure Function written with ``azure.functions`` is whole in memory before its first byte leaves, so it is small: a part of a
file, or an archive of at most :data:`PART_BYTES`. Everything else is the download server's (``worker/downloads.py``), which streams, and
to which the caller is sent on with a signed link. See docs/adr/0013.
"""

from contextlib import aclosing
from dataclasses import replace
from typing import Annotated, Final

import azure.functions as func
from pydantic import BaseModel, ConfigDict, Field

from http_api.problems import answered, body_as
from http_api.requested import requested_share
from http_api.restores import Selected, relative, selection_of
from shared import wiring
from shared.core.content_request import answer_to, attachment
from shared.core.download_link import LIFE, DownloadLink, Form, sign
from shared.core.hashing import ShareHasher
from shared.db import restore_points
from shared.errors import InvalidInput, Rejected
from shared.model.restore import Selection
from shared.model.share import Share
from shared.usecases.download import Download
from shared.usecases.download_file import open_file
from shared.usecases.download_forms import WRITERS
from shared.usecases.download_walk import Source

bp = func.Blueprint()

PART_BYTES: Final = 32 * 1024 * 1024
"""The most that one answer of the app holds. It is in memory twice, in the worker and in the host."""


class NewArchive(BaseModel):
    """Body of ``POST .../archive``."""

    model_config = ConfigDict(extra="forbid")

    format: Form = Form.ZIP
    selection: Annotated[Selected, Field(default_factory=Selected)]


@answered
async def get_content(req: func.HttpRequest) -> func.HttpResponse:
    """A file or a part of it: 200, 206, 304, 303 to the download server, 404, 416."""
    path, run_no = relative(req.params.get("path", ""), "path"), int(req.route_params["run_no"])
    if not path:
        raise InvalidInput("path is missing; expected that of a file, from the share's root", field="path")
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
    found = await open_file(_source(app, share), run_no, path)
    asked = {name.lower(): value for name, value in req.headers.items()}
    content = answer_to(asked, etag=found.etag, size_bytes=found.size_bytes, part_bytes=PART_BYTES)
    if content.end - content.start > PART_BYTES:
        if app.settings.downloads_url:
            return _sent_on(app, share, run_no, Form.FILE, Selection(paths=(path,)))
        raise Rejected(
            f"{'/' + path!r} has {found.size_bytes} bytes, more than the {PART_BYTES} of one answer; hint: ask for it in parts, with"
            " 'Range: bytes=0-' and then from where Content-Range says that the answer ended, or set AFB_DOWNLOADS_URL"
        )
    async with aclosing(found.read(content.start, content.end)) as pieces:
        body = b"".join([piece async for piece in pieces])
    kind = found.saved.headers.content_type or "application/octet-stream"
    headers = {**content.headers, **attachment(found.name), "Content-Type": kind}
    return func.HttpResponse(body, status_code=content.status, headers=headers)


@answered
async def get_archive(req: func.HttpRequest) -> func.HttpResponse:
    """A file or a directory with all below it as an archive: 200, 303 to the download server, 404, 422 if it is too large."""
    path = relative(req.params.get("path", ""), "path")
    return await _archive(req, req.params.get("format") or Form.ZIP, Selection(paths=(path,) if path else ()))


@answered
async def post_archive(req: func.HttpRequest) -> func.HttpResponse:
    """The same of a selection as a restore takes it."""
    body = body_as(req, NewArchive)
    paths = tuple(relative(path, "selection.paths") for path in body.selection.paths)
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
        newest = await restore_points.last(conn, share.share_id)
    selection = selection_of(body.selection, newest.run_no if newest is not None else 1)
    return await _archive(req, body.format, replace(selection, paths=paths))


async def _archive(req: func.HttpRequest, asked: str, selection: Selection) -> func.HttpResponse:
    form = next((form for form in WRITERS if form == asked), None)
    if form is None:
        raise InvalidInput(f"format is {asked!r}; expected {' or '.join(WRITERS)}", field="format")
    run_no = int(req.route_params["run_no"])
    app = await wiring.app()
    async with app.transaction() as conn:
        share = await requested_share(conn, req)
    writer, kind = WRITERS[form]
    download = Download(_source(app, share), run_no, selection, writer())
    await download.begin()
    if app.settings.downloads_url:
        return _sent_on(app, share, run_no, form, selection)
    body = bytearray()
    async with aclosing(download.stream()) as blocks:
        async for block in blocks:
            body += block
            if len(body) > PART_BYTES:
                raise Rejected(
                    f"the archive has more than the {PART_BYTES} bytes of one answer; hint: select less, restore to a share,"
                    " or set AFB_DOWNLOADS_URL"
                )
    headers = attachment(f"{share.share_name}-{run_no}.{form}")
    return func.HttpResponse(bytes(body), mimetype=kind, headers=headers)


def _source(app: wiring.App, share: Share) -> Source:
    hasher = ShareHasher(share.tenant_id, share.share_id)
    return Source(share, app.catalogue_of(share), app.vault(share.tenant_id), hasher)


def _sent_on(app: wiring.App, share: Share, run_no: int, form: Form, selection: Selection) -> func.HttpResponse:
    link = DownloadLink(
        tenant_id=share.tenant_id,
        share_id=share.share_id,
        run_no=run_no,
        form=form,
        selection=selection,
        until=app.clock.now() + LIFE,
    )
    url = f"{app.settings.downloads_url}/download/{sign(link, app.settings.downloads_key)}"
    return func.HttpResponse(status_code=303, headers={"Location": url, "Cache-Control": "no-store"})


_POINT = "api/tenants/{tenant_id}/shares/{share_id:int}/restore-points/{run_no:int}"
bp.route(route=_POINT + "/content", methods=["GET"])(get_content)
bp.route(route=_POINT + "/archive", methods=["GET"])(get_archive)
bp.route(route=_POINT + "/archive", methods=["POST"])(post_archive)
