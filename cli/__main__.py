"""``python -m cli``, installed as ``afb``."""

import os
import sys

from cli.app import run
from cli.commands import register


def main() -> None:
    """Run what was typed and end with its exit code."""
    register()
    sys.exit(run(sys.argv[1:], os.environ))  # noqa: TID251 - of this program


if __name__ == "__main__":
    main()
