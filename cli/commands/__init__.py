"""The commands, by what they are about; each module adds its own to the group when it is imported."""

from importlib import import_module
from typing import Final

MODULES: Final = (
    "login",
    "tenants",
    "shares",
    "windows",
    "starting",
    "deletion",
    "restores",
    "browse",
    "downloads",
    "runs",
    "points",
    "retention",
    "schedules",
    "channels",
    "glance",
    "estimating",
    "access",
)
"""In the order in which help lists them."""


def register() -> None:
    """Have all commands there."""
    for name in MODULES:
        import_module(f"cli.commands.{name}")
