"""What is saved without a restore: ``cat`` a file, ``get`` a file or a selection as an archive, ``export`` the tree as a table."""

import sys
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from typing import IO, Any, Final

import click
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from cli.address import clean
from cli.app import Context, afb, pass_context
from cli.client import Json
from cli.errors import UNREACHABLE, USAGE, CliError, Refused
from cli.names import Share, find_share

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
@click.option("--path", "more", multiple=True, metavar="PATH", help="Archive: another one; may be repeated.")
@click.option("--include", multiple=True, metavar="PATTERN", help="Archive: only what matches; may be repeated.")
@click.option("--exclude", multiple=True, metavar="PATTERN", help="Archive: not what matches; may be repeated.")
@click.option("--ext", "extensions", multiple=True, metavar=".EXT", help="Archive: only such files; may be repeated.")
@click.option("--force", is_flag=True, help="Replace a FILE that is there.")
@pass_context
def get(
    ctx: Context,
    /,
    address: str,
    output: Path | None,
    at: str | None,
    archive: str | None,
    force: bool,
    more: tuple[str, ...],
    **chosen: tuple[str, ...],
) -> None:
    """Download a saved file, or with --archive a directory or what is chosen of it.

    \b
    Examples:
      afb get contoso/finance:/2026/budget.xlsx@41
      afb get contoso/finance:/2026@41 2026.zip --archive zip
      afb get contoso/finance:/2026@41 --archive tar --ext .docx --exclude '~$*'
    """
    selection = {name: list(values) for name, values in chosen.items() if values}
    if (selection or more) and not archive:
        raise click.UsageError("--path, --include, --exclude and --ext choose what goes into an archive: say --archive")
    share, path, point = ctx.place(address, at)
    name = path.rpartition("/")[2] or share.name

    def write(file: IO[bytes]) -> None:
        if not archive:
            _copy_file(ctx, share, path, point, file)
            return
        url = f"{share.path}/restore-points/{point}/archive"
        paths = [found for found in (path, *map(clean, more)) if found]
        body: Json = {"format": archive, "selection": {"paths": paths, **selection}}
        simple = not selection and not more
        opened = ctx.client.open(url, path=path, format=archive) if simple else ctx.client.open_for(url, body)
        with closing(opened) as answer:
            _copy(ctx, answer, file, name)

    _save(ctx, f"{name}.{archive}" if archive else name, output, force, write)


@afb.command()
@click.argument("address", metavar="SHARE[:/PATH]")
@click.argument("output", required=False, metavar="[FILE]", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["parquet", "csv"]), default="parquet", show_default=True)
@click.option("--force", is_flag=True, help="Replace a FILE that is there.")
@pass_context
def export(ctx: Context, address: str, output: Path | None, form: str, force: bool) -> None:
    """Write the latest tree of a share, or of a directory, to a table of node_id, parent_id, name, size, mtime, hash.

    \b
    Example:
      afb export contoso/finance:/2026 tree.csv --format csv
    """
    typed = ctx.address(address)
    if typed.point is not None:
        raise CliError("export is of the latest tree; expected no @POINT", USAGE)
    share = find_share(ctx.client, typed, ctx.tenant)

    def write(file: IO[bytes]) -> None:
        with closing(ctx.client.open(f"{share.path}/exports", path=typed.path, format=form)) as answer:
            _copy(ctx, answer, file, share.name)

    _save(ctx, f"{share.name}.{form}", output, force, write)


def _save(ctx: Context, name: str, output: Path | None, force: bool, write: Callable[[IO[bytes]], None]) -> None:
    """Have ``write`` make the file ``output``, or ``name`` in that directory or here; say where it is.

    :raises CliError: it is there already, and is not to be replaced.
    """
    target = output or Path(name)
    if target.is_dir():
        target = target / name
    if target.exists() and not force:
        raise CliError(f"{target} is there already", hint="--force replaces it")
    # Beside its place first: an interrupted download leaves nothing that looks whole.
    part = target.with_name(target.name + ".part")
    try:
        with part.open("wb") as file:
            write(file)
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
