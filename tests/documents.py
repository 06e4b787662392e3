"""What documents tell a reader to run, and the figures that they state."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rich_click as click
import soundfile

from affekt.audio.loading import load_audio
from affekt.cli.command_line import affekt

ROOT = Path(__file__).parents[1]
FIGURE = re.compile(r"(?<![\w.,-])\d{1,3}\.\d(?![\d.]|\d* ?(?:s|ms|dB|MB|kB|kHz|points of)\b)")
WITH_INTERVAL = re.compile(r"\d{1,3}\.\d \(\d{1,3}\.\d - \d{1,3}\.\d\)")
SOURCE = re.compile(r"<!-- figures: ([^>]*?) -->")
NOT_STATED = {
    *("slices", "by_speaker", "folds", "reliability", "confusion_matrix", "seeds", "per_emotion"),
    *("by_emotion", "recall", "coverage_by_emotion", "spread", "calibration", "enrolled_calibration"),
    *("distance_threshold", "seconds", "macro_f1", "weighted_f1", "weighted_f2"),
}
RATE = 16_000


@dataclass(frozen=True)
class Block:
    """A block of code in a document, and its language."""

    language: str
    text: str


def blocks_of(text: str) -> list[Block]:
    """Return the blocks of code of a document in Markdown."""
    return [Block(*found) for found in re.findall(r"^```(\w*)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)]


def commands_of(text: str) -> list[str]:
    """Return the commands of a document in Markdown."""
    return [
        line.removeprefix("$ ").split("  ")[0].strip()
        for block in blocks_of(text)
        for line in block.text.splitlines()
        if block.language == "console" and line.startswith("$ ")
    ]


def programs_of(text: str) -> list[str]:
    """Return the Python programs of a document in Markdown."""
    return [block.text for block in blocks_of(text) if block.language == "python"]


def without_code(text: str) -> str:
    """Return a document without its blocks of code, and without code within a line."""
    return re.sub(r"`[^`\n]*`", "", re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE))


def unknown_options(command: str) -> str:
    """Return what a command line has that affekt does not know, empty if there is nothing."""
    words = shlex.split(command, comments=True)[1:]
    found: click.Command = affekt
    while isinstance(found, click.Group) and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name not in found.commands:
            return name
        found = found.commands[name]
    options = {name: one for one in found.params for name in (*one.opts, *one.secondary_opts)}
    return " ".join(word for word in words if word.startswith("-") and word != "-" and word not in options)


def sections_with_figures(text: str) -> Iterator[tuple[list[str], str]]:
    """Yield the parts of a document: the files that its figures are from, empty for none, and its text.

    A comment ``<!-- figures: NAME NAME -->`` names files of docs/scores, and ``results`` is
    docs/results.json. It is for what follows, up to the next such comment or heading.
    """
    sources: list[str] = []
    for part in re.split(r"(^#+ .*$|<!-- figures: .*? -->)", without_code(text), flags=re.MULTILINE):
        if part.startswith("#"):
            sources = []
        elif named := SOURCE.fullmatch(part):
            sources = named[1].split()
        else:
            yield sources, part


def file_of_figures(name: str) -> Path:
    """Return the file that a comment in a document names."""
    docs = ROOT / "docs"
    return docs / f"{name}.json" if name in ("results", "comparison") else docs / "scores" / f"{name}.json"


def figures_in(file: Path) -> set[str]:
    """Return all figures of a file of results, as documents write them: 78.3, and 78.3 (74.2 - 82.5)."""
    return set(_figures(json.loads(file.read_text(encoding="utf-8"))))


def _figures(values: Any) -> Iterator[str]:
    if isinstance(values, list):
        for one in values:
            yield from _figures(one)
    if not isinstance(values, dict):
        return
    intervals = values.get("intervals", {})
    if "low" in values:
        intervals = {"value": (values["low"], values["high"])}
    for name, value in values.items():
        if name in NOT_STATED:
            continue
        if isinstance(value, dict | list):
            yield from _figures(value)
        elif isinstance(value, float):
            yield f"{value:.1f}"  # the size of a set
            yield f"{100 * value:.1f}"
            if None not in (low_high := intervals.get(name, (None, None))):
                low, high = low_high
                yield f"{100 * value:.1f} ({100 * low:.1f} - {100 * high:.1f})"


def write_reader_folder(folder: Path, small_ravdess: Path, write_voice: Callable[..., Path]) -> None:
    """Write what documents speak of: clip.wav, folder/, interview.wav, RAVDESS/, mine.csv, m.onnx, ..."""
    for name in ("clip", "a", "b", "talk", "calls/1", "calls/2"):
        write_voice(folder / f"{name}.wav")
    _write_interview(folder)
    shutil.make_archive(str(folder / "archive"), "zip", folder / "folder")
    shutil.copytree(small_ravdess, folder / "RAVDESS")
    for number in range(100):  # the emotions that the small corpus lacks
        actor, code = number % 10 + 1, ["02", "04", "06", "07", "08"][number // 10 % 5]
        name = f"03-01-{code}-01-0{number // 50 + 1}-01-{actor:02}.wav"
        write_voice(folder / "RAVDESS" / f"Actor_{actor:02}" / name, seed=1000 + number)
    for number, emotion in enumerate("WFNT" * 2):
        speaker = ["03", "08"][number // 4]
        write_voice(folder / "EMODB" / f"{speaker}a01{emotion}a.wav", seed=number)
    emotions = {"01": "neutral", "03": "happy", "05": "angry"}
    rows = ["path,emotion,speaker"]
    for clip in sorted(small_ravdess.rglob("*.wav")):
        emotion, speaker = emotions[clip.name[6:8]], clip.stem[18:]
        copy = folder / "corpus" / emotion / speaker / clip.name[12:]
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, copy)
        if speaker == "01":
            rows.append(f"{copy.relative_to(folder)},{emotion},{speaker}")
    (folder / "mine.csv").write_text("\n".join(rows), encoding="utf-8")
    train = ["affekt", "train", "RAVDESS", "--recipe", "svm", "--out", "m.onnx"]
    subprocess.run([sys.executable, "-m", *train], cwd=folder, check=True, capture_output=True)


def _write_interview(folder: Path) -> None:
    """Write a recording of two utterances, what is known about it, and the utterances as clips."""
    voices = sorted((Path(__file__).parent / "synthetic_voices").glob("*.flac"))
    first, second = (load_audio(path, RATE).samples for path in voices[:2])
    pause = np.zeros(RATE // 2, np.float32)
    spoken = np.concatenate([pause, first, pause, second, pause])
    soundfile.write(folder / "interview.wav", spoken, RATE)
    soundfile.write(folder / "lecture.flac", spoken, RATE)
    soundfile.write(folder / "call.wav", np.stack([spoken, np.roll(spoken, RATE)], axis=1), RATE)
    (folder / "folder").mkdir()
    for number, clip in enumerate((first, second)):
        soundfile.write(folder / "folder" / f"{number}.wav", clip, RATE)
    (folder / "interview.rttm").write_text(
        "SPEAKER interview 1 0.5 2 <NA> <NA> anna <NA> <NA>\n"
        "SPEAKER interview 1 3.0 2 <NA> <NA> bob <NA> <NA>\n"
    )
    (folder / "segments.csv").write_text(
        "path,emotion,speaker,start,end\ninterview.wav,angry,anna,0.5,2.5\ninterview.wav,sad,bob,3,5\n"
    )
