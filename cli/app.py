"""What all commands have in common: global options, the context they work in, and errors as messages and exit codes."""

import datetime as dt
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from typing import Any

import click

from cli import config
from cli.address import Address, parse_address
from cli.client import Client
from cli.errors import FAILED, INTERRUPTED, OK, CliError, Refused
from cli.names import Share, find_point, find_share
from cli.output import Output


@dataclass
class Context:
    """What a command works with."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)  # noqa: TID251 - of this program
    as_json: bool = False
    color: bool = True
    tenant: str = ""

    @cached_property
    def client(self) -> Client:
        """The app. Raises ``CliError`` when nobody has signed in."""
        return Client(config.load(self.environ))

    @cached_property
    def output(self) -> Output:
        """Where answers go."""
        return Output(as_json=self.as_json, color=self.color)

    def address(self, text: str, at: str | None = None) -> Address:
        """What was typed."""
        return parse_address(text, self.now(), at)

    def share(self, text: str) -> Share:
        """The share that was typed, with nothing behind it."""
        address = self.address(text)
        if address.path or address.point:
            raise click.UsageError(f"{text!r}: expected a share, TENANT/SHARE, without a path or a restore point")
        return find_share(self.client, address, self.tenant)

    def place(self, text: str, at: str | None = None) -> tuple[Share, str, int]:
        """Share, path and number of the restore point that were typed; without one the newest."""
        address = self.address(text, at)
        share = find_share(self.client, address, self.tenant)
        if address.point is not None and address.point.number is not None:
            return share, address.path, address.point.number
        return share, address.path, int(find_point(self.client, share, address.point)["restore_point"])

    def confirm(self, question: str, yes: bool) -> None:
        """Ask whoever sits there, unless they have said yes.

        :raises CliError: they say no, or nobody sits there.
        """
        if yes:
            return
        if not sys.stdin.isatty():
            raise CliError("this needs a yes, and there is nobody to ask", FAILED, hint="--yes")
        if not click.confirm(question, err=True):
            raise CliError("nothing was done")

    @staticmethod
    def now() -> dt.datetime:
        """Now, in this machine's time zone."""
        return dt.datetime.now().astimezone()  # noqa: TID251 - of whoever types


pass_context = click.make_pass_decorator(Context, ensure=True)


def _set(name: str) -> Any:
    def set_it(ctx: click.Context, param: click.Parameter, value: Any) -> None:  # noqa: ARG001
        if value:
            setattr(ctx.ensure_object(Context), name, value)

    return set_it


def version() -> str:
    """Of the installed package; of a work tree that is none."""
    try:
        return metadata.version("azure-files-backup")
    except metadata.PackageNotFoundError:
        return "from its sources"


class Command(click.Command):
    """A command with the options that every command has."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [
            click.Option(
                ["--json"],
                is_flag=True,
                expose_value=False,
                callback=_set("as_json"),
                help="One JSON object per line, as the API gives them.",
            ),
            click.Option(
                ["--tenant", "chosen_tenant"],
                metavar="NAME",
                expose_value=False,
                callback=_set("tenant"),
                help="The tenant of shares that are named without one.",
            ),
        ]


class Group(click.Group):
    """A group of such commands, listed in the order in which they were written down."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """In order."""
        return list(self.commands)


Group.group_class = Group


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--no-color", is_flag=True, help="No colour, on terminals too (NO_COLOR does the same).")
@click.version_option(version(), prog_name="afb")
@click.pass_context
def afb(ctx: click.Context, no_color: bool) -> None:
    """Back up, browse, restore and verify Azure Files shares.

    \b
    A share, a path in it and a restore point are typed as
      contoso/finance                          a share: its tenant's name, and its own
      contoso/finance:/2026/invoices           a path in it
      contoso/finance:/2026/invoices@41        at restore point 41
      contoso/finance:/2026@2026-11-27T14:05   the newest one of then or before; also @2d, @6h, @latest
    The tenant may be left out when there is one, or when --tenant, AFB_TENANT or 'afb login --tenant' says which.

    \b
    Exit codes: 0 ok, 1 failed, 2 wrong usage, 3 not signed in or not allowed, 4 not found, 5 conflict,
    6 completed with errors, 7 the app cannot be reached, 130 interrupted.
    """
    context = ctx.ensure_object(Context)
    context.color = not no_color and not context.environ.get("NO_COLOR")


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Run one command; the exit code."""
    context = Context(environ=environ)
    try:
        found = afb.main(args=list(arguments), prog_name="afb", standalone_mode=False, obj=context)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        context.output.err.print("interrupted")
        return INTERRUPTED
    except CliError as error:
        _tell(context, error)
        return error.code
    except BrokenPipeError:  # whoever reads has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    return found if isinstance(found, int) else OK


def _tell(context: Context, error: CliError) -> None:
    if context.as_json:
        import json

        sys.stderr.write(json.dumps(error.as_json(), ensure_ascii=False) + "\n")
        return
    err = context.output.err
    err.print(f"[bold red]error:[/bold red] {_safe(str(error))}")
    if isinstance(error, Refused):
        for name, expected in error.fields:
            if expected != str(error):
                err.print(f"  [bold]{_safe(name)}[/bold]: {_safe(expected)}")
            elif name:
                err.print(f"  field: [bold]{_safe(name)}[/bold]")
    if error.hint:
        err.print(f"[cyan]hint:[/cyan] {_safe(error.hint)}")


def _safe(text: str) -> str:
    from rich.markup import escape

    return escape(text)
