"""Who talks to which app: ``login``, ``logout``, ``whoami``, ``completion``."""

import sys
from typing import IO

import click
from click.shell_completion import get_completion_class

from cli import config
from cli.app import Context, afb, pass_context
from cli.client import Client, Json
from cli.config import Config, check_key, check_url
from cli.errors import CliError
from cli.names import find_tenant
from cli.output import Column, field

SHOWN: tuple[Column, ...] = (
    ("app", field("url")),
    ("you are", lambda me: f"{me['name']} ({me['kind']} {me['id']})"),
    ("tenant", field("tenant")),
    ("roles", lambda me: ", ".join(_role(grant) for grant in me["grants"]) or "none"),
)


def _role(grant: Json) -> str:
    where = grant["tenant_id"] or "the platform"
    return f"{grant['role']} of {where}" + (f"/{grant['share_id']}" if grant["share_id"] else "")


@afb.command()
@click.argument("url")
@click.option(
    "--key", "key_file", metavar="FILE", type=click.File(), help="File with the API key; - for standard input."
)
@click.option("--check", is_flag=True, help="Only see whether this address and key work; write nothing down.")
@pass_context
def login(ctx: Context, url: str, key_file: IO[str] | None, check: bool) -> None:
    """Write down the address of the app and an API key, for you only; and --tenant, if it is given.

    The key is asked for, or read from a file or standard input: on a command line others could read it. An empty key is for an app that
    asks for none, as on a developer's machine.

    \b
    Examples:
      afb login https://backup.contoso.com
      printf %s "$KEY" | afb login https://backup.contoso.com --key - --tenant contoso
    """
    if key_file is not None:
        key = key_file.read().strip()
    elif sys.stdin.isatty():
        key = click.prompt("API key", hide_input=True, default="", show_default=False, err=True).strip()
    else:
        key = ctx.environ.get("AFB_API_KEY", "")
    known = Config(url=check_url(url), key=check_key(key), tenant=ctx.tenant)
    if not known.url:
        raise click.UsageError("URL is empty; expected an address like https://backup.contoso.com")
    client = Client(known)
    me = client.get("/api/me")
    if ctx.tenant:
        find_tenant(client, ctx.tenant)
    if check:
        ctx.output.text(f"{known.url} answers, and knows you as {me['name']} ({me['kind']})")
        return
    path = config.save(ctx.environ, known)
    ctx.output.text(f"signed in to {known.url} as {me['name']} ({me['kind']}); written to {path}")


@afb.command()
@pass_context
def logout(ctx: Context) -> None:
    """Forget address and key. The key itself stays valid until it is revoked."""
    known = config.forget(ctx.environ)
    ctx.output.text("forgotten" if known else "nobody was signed in")


@afb.command()
@pass_context
def whoami(ctx: Context) -> None:
    """Show which app is talked to, as whom, and with which roles."""
    me = ctx.client.get("/api/me")
    known = ctx.client.config
    ctx.output.one({"url": known.url, "tenant": known.tenant or None, **me}, SHOWN)


@afb.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a script that completes afb's commands and options.

    \b
    bash:  eval "$(afb completion bash)"      in ~/.bashrc
    zsh:   eval "$(afb completion zsh)"       in ~/.zshrc
    fish:  afb completion fish > ~/.config/fish/completions/afb.fish
    """
    found = get_completion_class(shell)
    if found is None:
        raise CliError(f"there is no completion for {shell}")
    click.echo(found(afb, {}, "afb", "_AFB_COMPLETE").source())
