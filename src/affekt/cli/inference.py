"""The commands that need a model or features, and no training: predict, adapt, features, model."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit
from rich.markup import escape

from affekt.cli.console import FAILED_INPUT, json_text, say, say_written, stdout
from affekt.cli.options import existing_file, jobs_option, model_option
from affekt.cli.parameters import OutputFile, parse_emotions
from affekt.emotions import sort_emotions
from affekt.support.parallel import core_count
from affekt.support.progress import track
from affekt.support.terminal import printable
from affekt.support.writing import check_place, whole_file

if TYPE_CHECKING:
    from affekt.features.feature_table import Description
    from affekt.inference.prediction import Answer

FEW_CLIPS = 8
SHOWN_ROWS = 50  # of more predictions that are also written to a CSV file, only a summary is printed

_paths_argument = click.argument("paths", nargs=-1, required=True, metavar="PATH...")


@click.command()
@_paths_argument
@model_option
@click.option("--emotions", callback=parse_emotions, metavar="A,B,...", help="Predict only these emotions.")
@click.option("--voice", type=existing_file, help="The speaker: a file that 'affekt adapt' wrote.")
@click.option(
    "--csv",
    "csv_file",
    type=OutputFile(".csv"),
    metavar="FILE.csv",
    help="Write a row for each file to this CSV file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@jobs_option
def predict(
    paths: tuple[str, ...],
    model: Path | None,
    emotions: tuple[str, ...] | str | None,
    voice: Path | None,
    csv_file: Path | None,
    as_json: bool,
    jobs: int | None,
) -> None:
    """Predict the emotion in audio files, and in all audio files of folders."""
    from affekt.audio.loading import expand_folders
    from affekt.inference.answer_table import into_csv
    from affekt.inference.prediction import allowed_emotions, predict_many
    from affekt.model.bundle import load

    bundle, sources = load(model), expand_folders(paths)
    allowed = allowed_emotions(bundle.contract, None if emotions == "all" else emotions)
    passing = predict_many(sources, bundle, voice=voice, emotions=allowed, jobs=jobs or core_count())
    passing = track(passing, "predicting", len(sources))
    answers: list[Answer] = []
    try:
        with whole_file(csv_file, keep_on_interrupt=True) if csv_file else nullcontext() as file:
            passing = into_csv(passing, file, allowed) if file else passing
            for answer in _print_json(passing) if as_json else passing:
                answers.append(answer)
    except KeyboardInterrupt:
        say(f"[yellow]{len(answers)} of {len(sources)} inputs are predicted")
        raise
    finally:
        if not as_json:
            _print_table(answers, summarised=csv_file is not None)
    if csv_file:
        say(f"wrote {len(answers)} row{'s' * (len(answers) != 1)} to {escape(str(csv_file))}")
    if any(answer.error for answer in answers):
        raise Exit(FAILED_INPUT)


def _print_json(answers: Iterable[Answer]) -> Iterator[Answer]:
    """Print a JSON list, an element for each answer as it passes; the list is closed after an error too."""
    before = "[\n"
    try:
        for answer in answers:
            print(before + json_text(answer.to_dict(), encoding=sys.stdout.encoding), end="", flush=True)
            before = ",\n"
            yield answer
    finally:
        print("[]" if before == "[\n" else "\n]", flush=True)


def _print_table(answers: list[Answer], *, summarised: bool) -> None:
    from affekt.reports import terminal

    shown = answers
    if summarised and len(answers) > SHOWN_ROWS:
        counts = Counter(answer.prediction.emotion for answer in answers if answer.prediction)
        stdout.print(", ".join(f"{emotion} {counts[emotion]}" for emotion in sort_emotions(counts)))
        shown = [answer for answer in answers if answer.error]
    if shown:
        stdout.print(terminal.predictions(shown))


@click.command()
@_paths_argument
@click.option(
    "--out",
    type=OutputFile(".voice"),
    required=True,
    metavar="FILE.voice",
    help="Write the speaker's statistics to this file.",
)
@model_option
def adapt(paths: tuple[str, ...], out: Path, model: Path | None) -> None:
    """Enrol a speaker from unlabelled clips, and write a file for 'predict --voice'."""
    from affekt.inference.adaptation import adapt

    check_place(out)
    voice = adapt(paths, model, progress=True)
    for source, reason in voice.skipped:
        say(f"[red]✗ {escape(source)}[/]: {escape(reason)}")
    voice.save(out)
    place = escape(str(out))
    stdout.print(
        f"wrote {place} from {voice.clips} clip{'s' * (voice.clips != 1)}, {voice.duration_s:.0f} s. Try: "
        f"affekt predict --voice {place} FILE",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if voice.clips < FEW_CLIPS:
        say(f"[yellow]adaptation is more accurate with {FEW_CLIPS} clips or more")
    if voice.skipped:
        raise Exit(FAILED_INPUT)


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option(
    "--set",
    "name",
    metavar="NAME",
    help="The feature set. Without PATH and --set, the feature sets are listed.",
)
@click.option(
    "--out",
    type=OutputFile(".csv", ".parquet", ".npz"),
    metavar="FILE",
    help="Write the table to this .csv, .parquet or .npz file.",
)
@jobs_option
def features(paths: tuple[str, ...], name: str | None, out: Path | None, jobs: int | None) -> None:
    """Write acoustic features of audio files and folders to a table with a row for each file."""
    from affekt.audio.loading import expand_folders
    from affekt.features.feature_sets import FEATURE_SETS, find_feature_set
    from affekt.features.feature_table import check_table, extract_many, write_table
    from affekt.reports import terminal

    if not name and not paths and not out:
        stdout.print(terminal.feature_sets(FEATURE_SETS.values()))
        return
    if not name:
        raise click.UsageError("give --set NAME; 'affekt features' lists the feature sets")
    if not (paths and out):
        raise click.UsageError("give files or folders, and --out FILE.csv, .parquet or .npz")
    feature_set = find_feature_set(name)
    check_table(out, feature_set)
    sources = expand_folders(paths)
    passing = track(extract_many(sources, name, jobs=jobs or core_count()), name, len(sources))
    counts: Counter[str] = Counter()
    write_table(out, feature_set, _print_failures(passing, counts))
    stdout.print(
        f"{counts.total()} of {len(sources)} files are in {escape(printable(str(out)))}, "
        f"{counts['failed']} of them failed",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if counts["failed"]:
        raise Exit(FAILED_INPUT)


def _print_failures(described: Iterable[Description], counts: Counter[str]) -> Iterator[Description]:
    """Print each error, and count what was written, as the descriptions pass."""
    for one in described:
        yield one
        counts["failed" if one.error else "extracted"] += 1
        if one.error:
            say(f"[red]✗ {escape(one.source)}[/]: {escape(str(one.error))}")


@click.command()
@click.argument("file", type=existing_file, required=False)
@click.option(
    "--card",
    type=OutputFile(".md"),
    metavar="FILE.md",
    help="Write its model card to this file: intended use, limits, scores.",
)
def model(file: Path | None, card: Path | None) -> None:
    """Show what a model was trained on, and its scores; without FILE, of the bundled model."""
    from affekt.model.bundle import load
    from affekt.reports import terminal

    bundle = load(file)
    stdout.print(terminal.model(bundle))
    if card:
        from affekt.reports.model_card import render

        with whole_file(card) as opened:
            opened.write(render(Path(bundle.name).name, bundle.contract))
        say_written(card)
