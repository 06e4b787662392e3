"""Install a wheel in empty environments, predict an example in each, and print their sizes as a table.

    python tools/try_wheel.py dist/affekt-0.2.0-py3-none-any.whl [--extra train] [--extra app] ...

Without ``--extra``, every Python of 3.11 to 3.14 that is found is tried; with it, the Python that runs this
script. pip fetches the libraries from its index, and obeys ``PIP_CONSTRAINT``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MINORS = range(11, 15)
# The answer to the example is checked too.
CHECK = """
import affekt, pathlib
example = pathlib.Path(affekt.__file__).parent / "examples" / "angry.flac"
assert "site-packages" in affekt.__file__, affekt.__file__
assert affekt.predict(example).emotion == "angry", affekt.predict(example)
"""


def main() -> None:
    """Print a row for each environment."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("wheel", type=Path)
    parser.add_argument("--extra", action="append", default=[], help="an extra, or several: train,app")
    given = parser.parse_args()
    wheel = given.wheel.resolve()
    print("| Python | extra | libraries | MB | installed in, s | first answer in, s |\n" + "|---" * 6 + "|")
    pythons = [sys.executable] if given.extra else find_pythons()
    if not pythons:
        sys.exit("there is no python3.11 or newer")
    for python in pythons:
        for extra in given.extra or [""]:
            print(try_wheel(wheel, python, extra), flush=True)


def find_pythons() -> list[str]:
    """Return the interpreters that start, by the names ``python3.11`` to ``python3.14``."""
    names = [f"python3.{minor}" for minor in MINORS]
    return [name for name in names if _starts(name)]


def _starts(name: str) -> bool:
    try:
        return subprocess.run([name, "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def try_wheel(wheel: Path, python: str, extra: str) -> str:
    """Install the wheel with an extra in a new environment, predict, and return the row of the table."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([python, "-m", "venv", folder], check=True)
        own = Path(folder, "Scripts" if os.name == "nt" else "bin", "python")
        packages = Path(_output(own, "import sysconfig; print(sysconfig.get_path('purelib'))"))
        empty, started = _size(packages), time.monotonic()
        wanted = f"{wheel}[{extra}]" if extra else str(wheel)
        subprocess.run([own, "-m", "pip", "install", "--quiet", "--no-compile", wanted], check=True)
        installed_s, started = time.monotonic() - started, time.monotonic()
        _output(own, CHECK)
        answer_s = time.monotonic() - started
        count = len(list(packages.glob("*.dist-info"))) - 1  # without pip
        version = _output(own, "import platform; print(platform.python_version())")
        size = (_size(packages) - empty) / 1e6
    return f"| {version} | {extra or '-'} | {count} | {size:.0f} | {installed_s:.0f} | {answer_s:.1f} |"


def _output(python: Path, program: str) -> str:
    words = [str(python), "-I", "-c", program]  # without PYTHONPATH
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True, cwd=python.parent)
    return str(done.stdout).strip()


def _size(folder: Path) -> int:
    """Bytes of the files, without compiled modules."""
    return sum(
        path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )


if __name__ == "__main__":
    main()
