"""``.../restore-points/{restore_point}/content`` and ``/archive``: saved content for whoever asks, without a restore.

An answer of an Azure Function written with ``azure.functions`` is whole in memory before its first byte leaves, so it is small: a part of a
file, or an archive of at most :data:`PART_BYTES`. Everything else is the download server's (``worker/downloads.py``), which streams, and
to which the caller is sent on with a signed link. See docs/adr/0013.
"""

from contextlib import aclosing
from dataclasses import replace
from typing import Final

from http_api.call import Answer, AnyCall, Call
from http_api.endpoint import SHARE
from http_api.models.base import NoQuery
from http_api.models.checks import relative
from http_api.models.downloads import ArchiveQuery, ContentQuery, NewArchive
from http_api.models.restores import selection_of
from http_api.problems import RANGE, Refusal
from http_api.routes import Routes
from shared.core.content_request import answer_to, attachment
from shared.core.download_link import LIFE, DownloadLink, Form, sign
from shared.core.hashing import ShareHasher
from shared.db import restore_points
from shared.errors import InvalidInput, Rejected
from shared.model.access import Action
from shared.model.restore import Selection
from shared.usecases.download import Download
from shared.usecases.download_file import open_file
from shared.usecases.download_forms import WRITERS
from shared.usecases.download_walk import Source

PART_BYTES: Final = 32 * 1024 * 1024
"""The most that one answer of the app holds. It is in memory twice, in the worker and in the host."""


async def get_content(call: Call[ContentQuery]) -> Answer:
    """A file or a part of it. Larger ones are had in parts, or from the download server (303)."""
    path, run_no = relative(call.query.path, "path"), call.number("restore_point")
    if not path:
        raise InvalidInput("path is missing; expected that of a file, from the share's root", field="path")
    await call.release()
    found = await open_file(_source(call), run_no, path)
    content = answer_to(call.headers, etag=found.etag, size_bytes=found.size_bytes, part_bytes=PART_BYTES)
    if content.status == 416:
        raise Refusal(
            RANGE, f"the file has {found.size_bytes} bytes, none of them in this range", headers=content.headers
        )
    if content.end - content.start > PART_BYTES:
        if call.app.settings.downloads_url:
            return sent_on(call, Form.FILE, Selection(paths=(path,)), run_no=run_no)
        raise Rejected(
            f"{'/' + path!r} has {found.size_bytes} bytes, more than the {PART_BYTES} of one answer; hint: ask for it in parts, with"
            " 'Range: bytes=0-' and then from where Content-Range says that the answer ended, or set AFB_DOWNLOADS_URL"
        )
    async with aclosing(found.read(content.start, content.end)) as pieces:
        body = b"".join([piece async for piece in pieces])
    kind = found.saved.headers.content_type or "application/octet-stream"
    headers = {**content.headers, **attachment(found.name), "Content-Type": kind}
    return Answer(body=body, status=content.status, headers=headers)


async def get_archive(call: Call[ArchiveQuery]) -> Answer:
    """A file or a directory with all below it as an archive. 422 if it is too large for one answer."""
    path = relative(call.query.path, "path")
    await call.release()
    return await _archive(call, call.query.format, Selection(paths=(path,) if path else ()))


async def post_archive(call: Call[NoQuery, NewArchive]) -> Answer:
    """The same of a selection as a restore takes it."""
    paths = tuple(relative(path, "selection.paths") for path in call.body.selection.paths)
    newest = await restore_points.last(call.conn, call.share.share_id)
    await call.release()
    selection = selection_of(call.body.selection, newest.run_no if newest is not None else 1)
    return await _archive(call, call.body.format, replace(selection, paths=paths))


async def _archive(call: AnyCall, asked: str, selection: Selection) -> Answer:
    run_no = call.number("restore_point")
    form = Form(asked)
    writer, kind = WRITERS[form]
    download = Download(_source(call), run_no, selection, writer())
    await download.begin()
    if call.app.settings.downloads_url:
        return sent_on(call, form, selection, run_no=run_no)
    body = bytearray()
    async with aclosing(download.stream()) as blocks:
        async for block in blocks:
            body += block
            if len(body) > PART_BYTES:
                raise Rejected(
                    f"the archive has more than the {PART_BYTES} bytes of one answer; hint: select less, restore to a share,"
                    " or set AFB_DOWNLOADS_URL"
                )
    return Answer(body=bytes(body), media=kind, headers=attachment(f"{call.share.share_name}-{run_no}.{form}"))


def _source(call: AnyCall) -> Source:
    share = call.share
    hasher = ShareHasher(share.tenant_id, share.share_id)
    return Source(share, call.app.catalogue_of(share), call.app.vault(share.tenant_id), hasher)


def sent_on(call: AnyCall, form: Form, selection: Selection, *, run_no: int) -> Answer:
    """To the download server, with a link that is good for a while."""
    link = DownloadLink(
        tenant_id=call.share.tenant_id,
        share_id=call.share.share_id,
        run_no=run_no,
        form=form,
        selection=selection,
        until=call.now + LIFE,
    )
    settings = call.app.settings
    url = f"{settings.downloads_url}/download/{sign(link, settings.downloads_key)}"
    return Answer(status=303, location=url, headers={"Cache-Control": "no-store"})


_POINT = SHARE + "/restore-points/{restore_point:int}"
_ARCHIVES = {200: "application/zip application/x-tar", 303: None}
routes = Routes("downloads")
routes.get(
    _POINT + "/content",
    get_content,
    Action.CONTENT_READ,
    {200: "*/*", 206: "*/*", 303: None, 304: None},
    refuses={416, 422},
)
routes.get(_POINT + "/archive", get_archive, Action.CONTENT_READ, _ARCHIVES, refuses={422})
routes.post(_POINT + "/archive", post_archive, Action.CONTENT_READ, _ARCHIVES, refuses={422}, idempotent=False)
bp = routes.blueprint
