"""The commands that need a model or features, and no training: predict, adapt, features, model."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import rich_click as click
from click.exceptions import Exit
from rich.markup import escape
from rich.text import Text

from affekt.cli.completion import complete_feature_sets, complete_paths
from affekt.cli.console import FAILED_INPUT, STDOUT, hand_over, json_text, say, show, stdout, write_text
from affekt.cli.options import (
    existing_file,
    jobs_option,
    json_options,
    model_option,
    predicted_emotions_option,
    voice_option,
)
from affekt.cli.parameters import OutputFile
from affekt.emotions import sort_emotions
from affekt.support.parallel import core_count
from affekt.support.progress import progress_bar, track
from affekt.support.terminal import one_line, plural
from affekt.support.writing import whole_file

if TYPE_CHECKING:
    from affekt.audio.sources import AudioSource
    from affekt.features.feature_table import Description
    from affekt.inference.prediction import Answer

FEW_CLIPS = 8
_SUFFIXES = {"mix": "", "left": " (left)", "right": " (right)", "each": " (right)"}  # the longest of names
SHOWN_ROWS = 50  # of more predictions that are also written to a CSV file, only a summary is printed

_END_OF_JSON = "\n]\n"

_NO_RECORDINGS = {
    ".onnx": "a model: give it as --model {path}, and recordings as PATH",
    ".voice": "a voice: give it as --voice {path} to affekt predict, and recordings as PATH",
    ".csv": "a table: to score a model on the clips that it lists, use affekt evaluate {path}",
}


def _check_paths(
    context: click.Context, parameter: click.Parameter, paths: tuple[str, ...]
) -> tuple[str, ...]:
    """Refuse other files of affekt in the place of recordings."""
    for path in paths:
        if what := _NO_RECORDINGS.get(Path(path).suffix.lower()):
            raise click.UsageError(f"{path} is {what.format(path=path)}")
    return paths


_paths_argument = click.argument(
    "paths",
    nargs=-1,
    required=True,
    metavar="PATH...",
    callback=_check_paths,
    shell_complete=complete_paths,
)


@click.command(epilog="Example: affekt predict clip.wav folder/ archive.zip --csv predictions.csv")
@_paths_argument
@model_option
@predicted_emotions_option
@voice_option
@click.option(
    "--audio-channel",
    type=click.Choice(["mix", "left", "right", "each"]),
    default="mix",
    show_default=True,
    help="The channel that is read: the mean of all, one, or each with an answer of its own.",
)
@click.option(
    "--csv",
    "csv_file",
    type=OutputFile(".csv"),
    metavar="FILE.csv",
    help="Write a row for each file to this CSV file.",
)
@json_options
@jobs_option
def predict(
    paths: tuple[str, ...],
    model: Path | None,
    emotions: tuple[str, ...] | None,
    voice: Path | None,
    audio_channel: str,
    csv_file: Path | None,
    as_json: bool,
    json_file: Path | None,
    jobs: int | None,
) -> None:
    """Predict the emotion in audio files, and in all audio files of folders and zip archives.

    PATH may be - for standard input. Marks in the table: ! the recording is unlike those that the model was
    trained on; ? unsure.
    """
    from affekt.audio.loading import source_name
    from affekt.inference.answer_table import into_csv
    from affekt.inference.prediction import allowed_emotions, predict_many
    from affekt.model.bundle import load

    bundle, sources = load(model), read_sources(paths)
    allowed = allowed_emotions(bundle.contract, emotions)
    passing = predict_many(
        sources,
        bundle,
        voice=voice,
        emotions=allowed,
        audio_channel=audio_channel,
        jobs=jobs or core_count(),
    )
    summarised = bool(csv_file or json_file) and len(sources) > SHOWN_ROWS
    rows_show_progress = stdout.is_terminal and not summarised
    passing = _tracked(passing, len(sources), shown=not rows_show_progress)
    counts: Counter[str] = Counter()
    try:
        with ExitStack() as opened:
            if csv_file:
                file = opened.enter_context(whole_file(csv_file, keep_on_interrupt=True))
                passing = into_csv(passing, file, allowed)
            if json_file:
                file = opened.enter_context(whole_file(json_file, keep_on_interrupt=True, end=_END_OF_JSON))
                passing = _into_json(passing, file)
            passing = opened.enter_context(closing(_counted(passing, counts)))
            if as_json:
                shown = _print_json(passing)
            elif summarised:
                shown = _print_summary(passing, allowed)
            else:
                names = [f"{source_name(source)}{_SUFFIXES[audio_channel]}" for source in sources]
                shown = _print_rows(passing, names, allowed)
            unprinted = _let_pass(shown, passing, written=bool(csv_file or json_file))
    except KeyboardInterrupt:
        say(f"[yellow]stopped after {plural(counts.total(), 'answer')}, of {plural(len(sources), 'input')}")
        raise
    for place in (csv_file, json_file):
        if place:
            say(f"wrote {plural(counts.total(), 'row')} to {escape(str(place))}")
    if voice:
        say(f"adapted to the speaker of {escape(str(voice))}")
    if unprinted:
        raise unprinted
    if counts["failed"]:
        raise Exit(FAILED_INPUT)


def read_sources(paths: Iterable[str]) -> list[AudioSource]:
    """Return what paths stand for: folders and archives for their audio files, - for standard input."""
    from affekt.audio.archives import expand_sources

    return expand_sources([_standard_input() if path == "-" else path for path in paths])


def _standard_input() -> AudioSource:
    from affekt.audio.sources import read_whole

    return read_whole(sys.stdin.buffer, "standard input")


def _tracked(answers: Iterable[Answer], sources: int, *, shown: bool) -> Generator[Answer]:
    """Show a bar that advances with each source, which may have several answers."""
    with progress_bar("predicting", sources, shown=shown) as advance:
        before = None
        for answer in answers:
            yield answer
            advance(steps=answer.source != before)
            before = answer.source


def _counted(answers: Iterable[Answer], counts: Counter[str]) -> Generator[Answer]:
    for answer in answers:
        counts["failed" if answer.error else "predicted"] += 1
        yield answer


def _let_pass(shown: Generator[Answer], answers: Iterable[Answer], *, written: bool) -> OSError | None:
    """Let all answers pass. If they cannot be printed, the rest of them is written all the same."""
    try:
        with closing(shown):
            for _ in shown:
                pass
    except OSError as error:
        if not written or error.filename != STDOUT:
            raise
        for _ in answers:
            pass
        return error
    return None


def _into_json(answers: Iterable[Answer], file: IO[str], encoding: str = "utf-8") -> Generator[Answer]:
    """Write the start of a JSON list, and an element for each answer as it passes."""
    print("[", file=file)
    before = ""
    for answer in answers:
        print(before + json_text(answer.to_dict(), encoding=encoding), end="", file=file, flush=True)
        before = ",\n"
        yield answer


def _print_json(answers: Iterable[Answer]) -> Generator[Answer]:
    """Print a JSON list, an element for each answer as it passes; the list is closed after an error too."""
    try:
        yield from _into_json(answers, sys.stdout, sys.stdout.encoding)
    finally:
        print(_END_OF_JSON, end="", flush=True)


def _print_rows(
    answers: Iterable[Answer], sources: Sequence[str], emotions: Sequence[str]
) -> Generator[Answer]:
    """Print the row of each answer as it passes, and what its marks mean at the end."""
    from affekt.reports.terminal import PredictionTable

    table = PredictionTable(sources, emotions, stdout.width if stdout.is_terminal else None)
    show(table.header())
    try:
        for answer in answers:
            show(table.row(answer))
            yield answer
    finally:
        if legend := table.legend():
            show(legend)


def _print_summary(answers: Iterable[Answer], emotions: Sequence[str]) -> Generator[Answer]:
    """Print how often each emotion was predicted, and the errors, when all answers have passed."""
    counts: Counter[str] = Counter()
    failed = []
    try:
        for answer in answers:
            counts.update([answer.prediction.emotion] if answer.prediction else [])
            failed += [answer] if answer.error else []
            yield answer
    finally:
        show(Text(", ".join(f"{emotion} {counts[emotion]}" for emotion in sort_emotions(counts))))
        if failed:
            for _ in _print_rows(failed, [answer.source for answer in failed], emotions):
                pass


@click.command(epilog="Example: affekt adapt my-clips/ --out me.voice")
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

    voice = adapt(read_sources(paths), model, progress=True)
    for source, reason in voice.skipped:
        say(f"[red]✗ {escape(source)}[/]: {escape(reason)}")
    voice.save(out)
    place = escape(str(out))
    stdout.print(
        f"wrote {place} from {plural(voice.clips, 'clip')}, {voice.duration_s:.0f} s. Try: "
        f"affekt predict --voice {place} FILE",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if voice.clips < FEW_CLIPS:
        say(f"[yellow]adaptation is more accurate with {FEW_CLIPS} clips or more")
    if voice.skipped:
        raise Exit(FAILED_INPUT)


@click.command(epilog="Example: affekt features folder/ --set spectral-120@1 --out features.csv")
@click.argument(
    "paths", nargs=-1, metavar="[PATH]...", callback=_check_paths, shell_complete=complete_paths
)
@click.option(
    "--set",
    "name",
    metavar="NAME",
    shell_complete=complete_feature_sets,
    help="The feature set. Without PATH and --set, the feature sets are listed.",
)
@click.option(
    "--out",
    type=OutputFile(".csv", ".parquet", ".npz"),
    metavar="FILE",
    help="Write the table to this .csv, .parquet or .npz file.",
)
@json_options
@jobs_option
def features(
    paths: tuple[str, ...],
    name: str | None,
    out: Path | None,
    as_json: bool,
    json_file: Path | None,
    jobs: int | None,
) -> None:
    """Write acoustic features of audio files, folders and zip archives to a table, a row for each file.

    Without PATH, list the feature sets.
    """
    from affekt.features.feature_sets import FEATURE_SETS, find_feature_set
    from affekt.features.feature_table import check_table, extract_many, write_table
    from affekt.reports import terminal

    if not name and not paths and not out:
        sets = list(FEATURE_SETS.values())
        hand_over(sets, lambda: show(terminal.feature_sets(sets)), json_file, printed=as_json, indent=2)
        return
    if not name:
        raise click.UsageError(f"give --set NAME; the feature sets are {', '.join(FEATURE_SETS)}")
    if not paths:
        raise click.UsageError("give the audio files, folders or zip archives: PATH...")
    if not out:
        raise click.UsageError("give --out FILE.csv, FILE.parquet or FILE.npz, to write the table to")
    if as_json or json_file:
        raise click.UsageError("--json and --json-out list the feature sets: the table is written to --out")
    feature_set = find_feature_set(name)
    check_table(out, feature_set)
    sources = read_sources(paths)
    passing = track(extract_many(sources, name, jobs=jobs or core_count()), name, len(sources))
    counts: Counter[str] = Counter()
    write_table(out, feature_set, _print_failures(passing, counts))
    stdout.print(
        f"wrote {plural(counts.total(), 'row')} to {escape(one_line(str(out)))}"
        f"{', ' + plural(counts['failed'], 'file') + ' failed' if counts['failed'] else ''}",
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


@click.command(epilog="Example: affekt model voice-svm.onnx --card card.md")
@click.argument("file", type=existing_file, required=False)
@click.option(
    "--card",
    type=OutputFile(".md"),
    metavar="FILE.md",
    help="Write its model card to this file: intended use, limits, scores.",
)
@json_options
def model(file: Path | None, card: Path | None, as_json: bool, json_file: Path | None) -> None:
    """Show what a model was trained on, and its scores; without FILE, of the bundled model."""
    from affekt.model.bundle import load
    from affekt.reports import terminal

    bundle = load(file)

    def make_card() -> str:
        from affekt.reports.model_card import render

        return render(Path(bundle.name).name, bundle.contract)

    hand_over(
        bundle,
        lambda: show(terminal.model(bundle)),
        json_file,
        (card, partial(write_text, make_card)),
        printed=as_json,
        indent=2,
    )
