"""What documents tell a reader to run."""

from __future__ import annotations

import re


def commands_of(text: str) -> list[str]:
    """Return the commands of a document in Markdown."""
    return [
        line.removeprefix("$ ").split("  ")[0].strip()
        for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL)
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def programs_of(text: str) -> list[str]:
    """Return the Python programs of a document in Markdown."""
    return re.findall(r"```python\n(.*?)```", text, re.DOTALL)
