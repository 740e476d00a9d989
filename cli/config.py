"""Which app to talk to, and as whom: from the environment, or what ``afb login`` has written down.

The file is ``config.json`` in the platform's configuration directory, readable by its owner only::

    {"version": 1, "url": "https://...", "key": "afb_...", "tenant": "contoso"}

``AFB_URL``, ``AFB_API_KEY`` and ``AFB_TENANT`` go before it, ``AFB_CONFIG`` names another file. A key that is in the file is sent to the
address that is in the file and to no other.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from platformdirs import user_config_path

from cli.errors import DENIED, USAGE, CliError

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Config:
    """Where and who."""

    url: str
    key: str = field(default="", repr=False)
    tenant: str = ""
    """The tenant of shares that are named without one."""


def config_path(environ: Mapping[str, str]) -> Path:
    """Where it is written down."""
    chosen = environ.get("AFB_CONFIG", "")
    return Path(chosen) if chosen else user_config_path("afb", appauthor=False) / "config.json"


def load(environ: Mapping[str, str]) -> Config:
    """What counts now.

    :raises CliError: nobody has signed in, or the file cannot be read.
    """
    saved = _read(config_path(environ))
    url = check_url(environ.get("AFB_URL", "") or saved.get("url", ""))
    if not url:
        raise CliError("not signed in", DENIED, hint="afb login URL, or set AFB_URL and AFB_API_KEY")
    own = saved.get("key", "") if url == saved.get("url", "").rstrip("/") else ""
    return Config(
        url=url,
        key=check_key(environ.get("AFB_API_KEY", "") or own),
        tenant=environ.get("AFB_TENANT", "") or saved.get("tenant", ""),
    )


def save(environ: Mapping[str, str], config: Config) -> Path:
    """Write it down for its owner only, from the first byte on."""
    path = config_path(environ)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    written = path.with_suffix(".new")
    written.unlink(missing_ok=True)
    text = json.dumps({"version": VERSION, "url": config.url, "key": config.key, "tenant": config.tenant}, indent=2)
    handle = os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    written.replace(path)
    return path


def forget(environ: Mapping[str, str]) -> bool:
    """Delete what was written down; whether there was anything."""
    path = config_path(environ)
    known = path.exists()
    path.unlink(missing_ok=True)
    return known


def check_url(url: str) -> str:
    """An address without a slash at its end.

    :raises CliError: it is none, or would send a key over plain HTTP to another machine.
    """
    parts = urlsplit(url)
    if url and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise CliError(f"the address is {url!r}; expected one like https://backup.contoso.com", USAGE)
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise CliError(f"{url} is plain HTTP: a key would travel readable; expected https", USAGE)
    return url.rstrip("/")


def check_key(key: str) -> str:
    """A key of this product, or none.

    :raises CliError: it is something else, which is not to be sent anywhere.
    """
    if key and not (key.startswith("afb_") and key.isascii() and key.isprintable() and " " not in key):
        raise CliError(
            "the API key is none; expected one that begins with afb_", USAGE, hint="afb keys add, or ask an admin"
        )
    return key


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise CliError(f"{path} cannot be read: {error}", hint="afb login writes it anew") from error
    if not isinstance(found, dict) or found.get("version") != VERSION:
        raise CliError(f"{path} is of another version of afb", hint="afb login writes it anew")
    return {name: str(found.get(name) or "") for name in ("url", "key", "tenant")}
