"""Saved content without a restore: ``cat`` a file, ``get`` a file or a directory as an archive."""

import sys
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Final

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from cli.app import Context, afb, pass_context
from cli.errors import UNREACHABLE, CliError, Refused
from cli.names import Share

BLOCK: Final = 256 * 1024


@afb.command()
@click.argument("address", metavar="SHARE:/PATH[@POINT]")
@click.option("--at", metavar="POINT", help="The restore point, instead of behind @.")
@pass_context
def cat(ctx: Context, address: str, at: str | None) -> None:
    """Write a saved file to standard output."""
    share, path, point = ctx.place(address, at)
    _copy_file(ctx, share, path, point, sys.stdout.buffer)
    sys.stdout.buffer.flush()


@afb.command()
@click.argument("address", metavar="SHARE:/PATH[@POINT]")
@click.argument("output", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@click.option("--at", metavar="POINT", help="The restore point, instead of behind @.")
@click.option(
    "--archive", type=click.Choice(["zip", "tar"]), help="A directory, or a file with its times, as an archive."
)
@click.option("--force", is_flag=True, help="Replace a FILE that is there.")
@pass_context
def get(ctx: Context, address: str, output: Path | None, at: str | None, archive: str | None, force: bool) -> None:
    """Download a saved file, or with --archive a directory.

    \b
    Examples:
      afb get contoso/finance:/2026/budget.xlsx@41
      afb get contoso/finance:/2026@41 2026.zip --archive zip
    """
    share, path, point = ctx.place(address, at)
    name = path.rpartition("/")[2] or share.name
    target = output or Path(f"{name}.{archive}" if archive else name)
    if target.is_dir():
        target = target / (f"{name}.{archive}" if archive else name)
    if target.exists() and not force:
        raise CliError(f"{target} is there already", hint="--force replaces it")
    # Beside its place first: an interrupted download leaves nothing that looks whole.
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            if archive:
                url = f"{share.path}/restore-points/{point}/archive"
                with closing(ctx.client.open(url, path=path, format=archive)) as answer:
                    _copy(ctx, answer, file, name)
            else:
                _copy_file(ctx, share, path, point, file)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    ctx.output.one({"file": str(target), "bytes": target.stat().st_size}) if ctx.as_json else ctx.output.text(
        str(target)
    )


def _copy_file(ctx: Context, share: Share, path: str, point: int, file: IO[bytes]) -> None:
    """A file, in as many parts as the app makes of it."""
    url = f"{share.path}/restore-points/{point}/content"
    at, etag = 0, ""
    while True:
        headers = {"Range": f"bytes={at}-", **({"If-Range": etag} if etag else {})}
        try:
            answer = ctx.client.open(url, headers, path=path)
        except Refused as refused:
            if refused.status == 416 and not at:
                return  # there is no byte in an empty file
            raise
        with closing(answer):
            if at and answer.status != 206:
                raise CliError("the file's content is another one than when the download began")
            etag = answer.headers.get("ETag", "")
            whole = answer.headers.get("Content-Range", "").rpartition("/")[2]
            at += _copy(ctx, answer, file, path.rpartition("/")[2])
        if not whole.isdigit() or at >= int(whole):
            return


def _copy(ctx: Context, answer: Any, file: IO[bytes], name: str) -> int:
    length = answer.headers.get("Content-Length", "")
    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    copied = 0
    shown = ctx.output.err.is_terminal and not ctx.as_json
    with Progress(*columns, console=ctx.output.err, transient=True, disable=not shown) as progress:
        task = progress.add_task(name, total=int(length) if length.isdigit() else None)
        try:
            while block := answer.read(BLOCK):
                file.write(block)
                copied += len(block)
                progress.advance(task, len(block))
        except (OSError, HTTPException) as error:
            raise CliError(f"the download was cut off after {copied:,} bytes: {error}", UNREACHABLE) from error
    if length.isdigit() and copied != int(length):
        raise CliError(f"the download was cut off after {copied:,} of {int(length):,} bytes", UNREACHABLE)
    return copied
