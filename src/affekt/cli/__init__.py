"""The command line."""

from affekt.cli.command_line import main

__all__ = ["main"]
