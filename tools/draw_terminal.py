"""Draw docs/pictures/terminal.svg: what affekt prints for the example clips.

python tools/draw_terminal.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from importlib.resources import files
from pathlib import Path

import numpy as np
import soundfile
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

PICTURE = Path(__file__).parents[1] / "docs" / "pictures" / "terminal.svg"
EXAMPLES = Path(str(files("affekt"))) / "examples"
WIDTH, PAUSE_S = 92, 0.8
COMMANDS = ("affekt predict examples", "affekt timeline talk.wav")
# Fonts of the reader's machine: a picture loads nothing.
FORMAT = re.sub(r"@font-face {{.*?}}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
FORMAT = FORMAT.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas")


def main() -> None:
    """Run the commands, and draw what they print."""
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: SIM115
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "examples").symlink_to(EXAMPLES)
        clips = [soundfile.read(path) for path in sorted(EXAMPLES.glob("*.flac"))]
        rate = clips[0][1]
        pause = np.zeros(round(PAUSE_S * rate))
        soundfile.write(
            Path(folder) / "talk.wav",
            np.concatenate([part for one, _ in clips for part in (one, pause)]),
            rate,
        )
        for command in COMMANDS:
            console.print(f"[bold]$[/] {command}", highlight=False)
            printed = subprocess.run(
                [sys.executable, "-m", *command.split()],
                cwd=folder, capture_output=True, text=True, check=True,
                env={**os.environ, "COLUMNS": str(WIDTH), "FORCE_COLOR": "1"},
            ).stdout  # fmt: skip
            console.print(Text.from_ansi(printed))
    PICTURE.write_text(console.export_svg(title="affekt", code_format=FORMAT), encoding="utf-8")


if __name__ == "__main__":
    main()
