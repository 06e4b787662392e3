"""The command line."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line; Ctrl-C is no traceback while it is imported either."""
    try:
        from affekt.cli.command_line import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    run()
