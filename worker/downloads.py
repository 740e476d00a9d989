"""Serve downloads as a plain process: ``python -m worker.downloads``. Settings are those of the app (AFB_... in the environment).

Streams files, archives and tables of trees to whoever has a link that the API has signed. Who takes bytes slowly slows the reading down,
and closing the connection ends it. It is plain HTTP: TLS is the business of what is in front, an ingress or a gateway.

A table is of one moment, so it holds a transaction of the catalogue until its last byte: few at a time, and who takes nothing for a
while is cut off.
"""

import argparse
import asyncio
import signal
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Final

from aiohttp import web

from shared import settings as settings_module
from shared.adapters.system import keep_memory_low
from shared.core.content_request import answer_to, attachment
from shared.core.download_link import DownloadLink, Form, verify
from shared.core.hashing import ShareHasher
from shared.db import shares
from shared.errors import BackupError, Denied, InvalidInput, NotFound, Rejected, Retryable
from shared.formats.table_forms import MEDIA, encoder
from shared.settings import Settings
from shared.usecases.download import Download
from shared.usecases.download_file import open_file
from shared.usecases.download_forms import WRITERS
from shared.usecases.download_walk import Source
from shared.wiring import App, make_app
from worker import events
from worker.events import log

AT_ONCE: Final = 16
"""Downloads at a time: each may take some 60 MiB. More are asked to come again."""
TABLES_AT_ONCE: Final = 3
"""Each has a connection to the catalogue, of :data:`shared.wiring.POOL_SIZE`; all other downloads need one for a moment."""
STALL_S: Final = 60.0
"""So long somebody may take nothing of a table."""
RETRY_AFTER_S: Final = 15
LEAVE_S: Final = 60.0
"""When told to go, downloads that are under way have this long."""
_STATUS: Final = ((NotFound, 404), (Denied, 403), (InvalidInput, 400), (Rejected, 422), (Retryable, 503))


class DownloadServer:
    """The routes: ``GET /download/{link}`` and ``GET /healthz``."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._busy = 0
        self._tables = 0

    def routes(self) -> web.Application:
        """As an application of aiohttp."""
        routes = web.Application(handler_args={"max_line_size": 16 * 1024})
        routes.router.add_get("/download/{link}", self.download)  # HEAD too
        routes.router.add_get("/healthz", self.health)
        return routes

    async def health(self, request: web.Request) -> web.Response:  # noqa: ARG002
        """200 while the process serves."""
        return web.json_response({"downloads": self._busy, "at_most": AT_ONCE})

    async def download(self, request: web.Request) -> web.StreamResponse:
        """What the link is for. Errors before the first byte are problem documents; later ones cut the connection."""
        if self._busy >= AT_ONCE:
            return _too_many("downloads")
        self._busy += 1
        response: web.StreamResponse | None = None
        told: dict[str, object] = {}
        sent = 0
        try:
            link = verify(request.match_info["link"], self._app.settings.downloads_key, self._app.clock.now())
            told = {
                "tenant_id": link.tenant_id,
                "share_id": link.share_id,
                "run_no": link.run_no,
                "form": link.form.value,
            }
            source = await self._source(link)
            stall_s = None
            if link.form is Form.FILE:
                response, body = await self._file(request, link, source)
            elif link.form in (Form.ZIP, Form.TAR):
                response, body = await self._archive(link, source)
            elif self._tables >= TABLES_AT_ONCE:
                return _too_many("tables")
            else:
                response, body = await self._table(link, source)
                stall_s = STALL_S
            async with aclosing(body):
                await response.prepare(request)
                if request.method == "HEAD":
                    return response
                async for block in body:
                    async with asyncio.timeout(stall_s):
                        await response.write(block)
                    sent += len(block)
            await response.write_eof()
            log.info("downloaded", extra={**told, "bytes": sent})
        except (BackupError, TimeoutError) as error:
            if response is not None and response.prepared:
                reason = str(error) or f"nothing was taken for {STALL_S:.0f} seconds"
                log.error("download_cut_off", extra={**told, "bytes": sent, "reason": reason})
                if request.transport is not None:
                    request.transport.abort()
                return response
            status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
            return _problem(status, str(error))
        except ConnectionError:  # whoever asked has gone
            log.info("download_left", extra={**told, "bytes": sent})
            return web.Response(status=499)
        finally:
            self._busy -= 1
        return response

    async def _source(self, link: DownloadLink) -> Source:
        async with self._app.transaction() as conn:
            share = await shares.get(conn, link.share_id, link.tenant_id)
        hasher = ShareHasher(share.tenant_id, share.share_id)
        return Source(share, self._app.catalogue_of(share), self._app.vault(share.tenant_id), hasher)

    async def _file(
        self, request: web.Request, link: DownloadLink, source: Source
    ) -> tuple[web.StreamResponse, AsyncGenerator[bytes, None]]:
        found = await open_file(source, link.run_no, *link.selection.paths)
        asked = {name.lower(): value for name, value in request.headers.items()}
        content = answer_to(asked, etag=found.etag, size_bytes=found.size_bytes)
        kind = found.saved.headers.content_type or "application/octet-stream"
        headers = {**content.headers, **attachment(found.name), "Content-Type": kind}
        response = web.StreamResponse(status=content.status, headers=headers)
        if content.status != 304:
            response.content_length = content.end - content.start
        return response, found.read(content.start, content.end)

    async def _archive(
        self, link: DownloadLink, source: Source
    ) -> tuple[web.StreamResponse, AsyncGenerator[bytes, None]]:
        writer, kind = WRITERS[link.form]
        download = Download(source, link.run_no, link.selection, writer())
        await download.begin()
        name = f"{source.share.share_name}-{link.run_no}.{link.form}"
        # No length: a damaged file, which is left out, would make it wrong. The last chunk says that the archive is whole.
        return web.StreamResponse(headers={**attachment(name), "Content-Type": kind}), download.stream()

    async def _table(
        self, link: DownloadLink, source: Source
    ) -> tuple[web.StreamResponse, AsyncGenerator[bytes, None]]:
        form = link.form.value
        rows = self._rows(link, source)
        first = await anext(rows)  # what may be refused is, before the first byte

        async def all_rows() -> AsyncGenerator[bytes, None]:
            async with aclosing(rows):
                yield first
                async for piece in rows:
                    yield piece

        headers = {**attachment(f"{source.share.share_name}.{form}"), "Content-Type": MEDIA[form]}
        return web.StreamResponse(headers=headers), all_rows()

    async def _rows(self, link: DownloadLink, source: Source) -> AsyncGenerator[bytes, None]:
        path = link.selection.paths[0] if link.selection.paths else ""
        self._tables += 1
        try:
            async with self._app.tree_table(source.share, path, encoder(link.form.value)) as stream:
                async for piece in stream:
                    yield piece
        finally:
            self._tables -= 1


def _too_many(what: str) -> web.Response:
    return _problem(503, f"too many {what} at once", {"Retry-After": str(RETRY_AFTER_S)})


def _problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> web.Response:
    body = {"type": "about:blank", "title": "cannot be downloaded", "status": status, "detail": detail}
    return web.json_response(body, status=status, content_type="application/problem+json", headers=headers)


async def _serve(options: argparse.Namespace, settings: Settings) -> None:
    if not settings.downloads_key:
        raise InvalidInput("setting AFB_DOWNLOADS_KEY is not set; expected at least 32 random characters")
    app = await make_app(settings)
    keep_memory_low()
    runner = web.AppRunner(DownloadServer(app).routes(), handle_signals=False, shutdown_timeout=LEAVE_S)
    try:
        await runner.setup()
        await web.TCPSite(runner, options.host, options.port).start()
        told = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, told.set)
        log.info("downloads_served", extra={"host": options.host, "port": options.port})
        await told.wait()
    finally:
        await runner.cleanup()
        await app.aclose()


def main(arguments: Sequence[str]) -> int:
    """0 after an orderly end; 2 when settings or options cannot be used, 1 for trouble at the start."""
    parser = argparse.ArgumentParser(prog="worker.downloads", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen at (default: this machine only)")
    parser.add_argument("--port", type=int, default=7080)
    parser.add_argument(
        "--log-level", choices=["DEBUG", "INFO", "WARNING", "ERROR"], help="default: AFB_LOG_LEVEL, or INFO"
    )
    options = parser.parse_args(arguments)
    events.configure(options.log_level or "INFO")  # until the settings are known
    try:
        settings = settings_module.from_process()
        events.configure(options.log_level or settings.log_level, settings.log_format)
        asyncio.run(_serve(options, settings))
    except InvalidInput as error:
        log.error("cannot_start", extra={"reason": str(error)})
        return 2
    except (BackupError, OSError) as error:
        log.error("cannot_start", extra={"reason": str(error)})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
