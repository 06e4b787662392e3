"""The command line: every command is a few lines around a function that Python users call too.

Exit code 0: all went well; 1: an input failed, all others were answered; 2: wrong usage;
130: stopped with Ctrl-C, what was finished is kept.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import rich_click as click
from click.exceptions import Exit
from rich.console import Console
from rich.markup import escape

from affekt import tables
from affekt.emotions import canonical_emotion, sort_emotions
from affekt.errors import AffektError, UnknownNameError, explain_import
from affekt.parallel import core_count
from affekt.progress import track
from affekt.writing import check_place, whole_file

if TYPE_CHECKING:
    from affekt.evaluation import Evaluation
    from affekt.prediction import Answer

FAILED_INPUT, WRONG_USAGE, INTERRUPTED = 1, 2, 130
FEW_CLIPS = 8
WIDE = 160
SHOWN_ROWS = 50  # more than this, and a written CSV, and the table is a summary

# Where nobody looks at a terminal's width, lines are as long as they need to be.
stdout, stderr = (
    Console(stderr=error, width=None if (sys.stderr if error else sys.stdout).isatty() else WIDE)
    for error in (False, True)
)

click.rich_click.STYLE_OPTION = "bold cyan"
click.rich_click.STYLE_COMMAND = "bold cyan"


def main() -> None:
    """Run the command line; every expected failure ends in one line, never in a traceback."""
    for stream in (sys.stdout, sys.stderr):  # a file's name may hold what a terminal cannot show
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        code = cli.main(standalone_mode=False)
    except Exit as stop:
        code = stop.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        stderr.print("[yellow]stopped[/]; what was finished is kept where --csv or --checkpoints was given")
        code = INTERRUPTED
    except BrokenPipeError:  # | head
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = FAILED_INPUT
    except UnknownNameError as error:
        code = _fail(error, WRONG_USAGE)
    except ModuleNotFoundError as error:
        code = _fail(explain_import(error, "this command"), FAILED_INPUT)
    except (AffektError, OSError) as error:
        code = _fail(error, FAILED_INPUT)
    sys.exit(code or 0)


def _fail(error: BaseException, code: int) -> int:
    stderr.print(f"[bold red]error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
    return code


def _emotions(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> tuple[str, ...] | str:
    if value == "all":
        return value
    return sort_emotions(canonical_emotion(word) for word in (value or "").split(",") if word.strip())


class OutputFile(click.Path):
    """A file to be written. Its ending must fit, so that no recording is overwritten by a slip."""

    def __init__(self, *suffixes: str) -> None:
        super().__init__(dir_okay=False, path_type=Path)
        self.suffixes = suffixes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check the ending; ``-`` is the terminal."""
        path = super().convert(value, param, ctx)
        if str(path) != "-" and Path(str(path)).suffix.lower() not in self.suffixes:
            self.fail(f"{str(path)!r} does not end in {' or '.join(self.suffixes)}", param, ctx)
        return path


_checkpoints_option = click.option(
    "--checkpoints",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep each finished fold there, and go on from those that are there already.",
)
_existing_file = click.Path(exists=True, dir_okay=False, path_type=Path)
_emotions_option = click.option(
    "--emotions",
    callback=_emotions,
    metavar="A,B,...",
    help="Only clips of these emotions, or 'all'; by default those that the recipe is made for.",
)
_channel_option = click.option(
    "--channel", type=click.Choice(["speech", "song"]), help="Only spoken, or only sung clips."
)
_seeds_option = click.option(
    "--seeds", type=click.IntRange(1), default=1, show_default=True, help="Train so many times."
)
_json_option = click.option(
    "--json", "json_file", type=OutputFile(".json"), help="Write all figures to this file."
)
_tested_channel_option = click.option(
    "--test-channel", "tested_channel", type=click.Choice(["speech", "song"]),
    help="Learn from all clips, and score only the spoken or the sung ones.",
)  # fmt: skip


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="affekt")
def cli() -> None:
    """Hear which emotion a voice carries, in speech and in song, and how far to trust the answer."""


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--model", type=_existing_file, help="A model file; by default the one that comes along.")
@click.option(
    "--csv", "csv_file", type=OutputFile(".csv"), help="Write a row for each file to this CSV file."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
@click.option("--voice", type=_existing_file, help="Whose voice it is: a file that affekt adapt made.")
@click.option("--jobs", type=click.IntRange(1), help="Processes; by default one for each core.")
def predict(
    paths: tuple[str, ...],
    model: Path | None,
    csv_file: Path | None,
    as_json: bool,
    voice: Path | None,
    jobs: int | None,
) -> None:
    """Say which emotion is heard in files, and in all audio files of folders."""
    from affekt.answer_table import into_csv
    from affekt.audio import expand_folders
    from affekt.bundle import load
    from affekt.prediction import predict_many

    bundle = load(model)
    sources = expand_folders(paths)
    answers: list[Answer] = []
    heard = predict_many(sources, bundle, voice=voice, jobs=jobs or core_count())
    heard = track(heard, "listening", len(sources))
    try:
        with whole_file(csv_file, keep_on_interrupt=True) if csv_file else nullcontext() as file:
            heard = into_csv(heard, file, bundle.contract.emotions) if file else heard
            for answer in _into_json(heard) if as_json else heard:
                answers.append(answer)
    except KeyboardInterrupt:
        kept = f", and kept in {escape(str(csv_file))}" if csv_file else ""
        stderr.print(f"[yellow]{len(answers)} of {len(sources)} are answered{kept}", highlight=False)
        raise
    finally:
        if not as_json:
            _show(answers, summarised=csv_file is not None)
    if csv_file:
        stderr.print(
            f"wrote {len(answers)} row{'s' * (len(answers) != 1)} to {escape(str(csv_file))}",
            highlight=False,
        )
    if any(answer.error for answer in answers):
        raise Exit(FAILED_INPUT)


def _into_json(answers: Iterable[Answer]) -> Iterator[Answer]:
    """Print a JSON list, an element for each answer as it passes by; it is closed whatever happens."""
    before = "[\n"
    try:
        for answer in answers:
            print(before + json.dumps(_plain_answer(answer), ensure_ascii=False), end="", flush=True)
            before = ",\n"
            yield answer
    finally:
        print("[]" if before == "[\n" else "\n]", flush=True)


def _plain_answer(answer: Answer) -> dict[str, Any]:
    if answer.prediction is None:
        return {"source": answer.source, "error": str(answer.error)}
    heard = answer.prediction
    return {
        "source": answer.source,
        "emotion": heard.emotion,
        "confidence": heard.confidence,
        "probabilities": dict(heard.probabilities),
        "likely": list(heard.likely),
        "duration_s": heard.duration_s,
        "notes": list(heard.notes),
    }


def _show(answers: list[Answer], *, summarised: bool) -> None:
    shown = answers
    if summarised and len(answers) > SHOWN_ROWS:
        counts = Counter(answer.prediction.emotion for answer in answers if answer.prediction)
        stdout.print(", ".join(f"{emotion} {counts[emotion]}" for emotion in sort_emotions(counts)))
        shown = [answer for answer in answers if answer.error]
    if shown:
        stdout.print(tables.predictions(shown))


@cli.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--out", type=OutputFile(".voice"), required=True, help="Where to write it: ME.voice.")
@click.option("--model", type=_existing_file, help="For this model; by default the one that comes along.")
def adapt(paths: tuple[str, ...], out: Path, model: Path | None) -> None:
    """Get used to a voice: clips of one speaker, unlabelled, make a file for predict --voice."""
    from affekt.adaptation import adapt as learn_voice

    check_place(out)
    voice = learn_voice(paths, model, progress=True)
    for source, reason in voice.skipped:
        stderr.print(f"[red]✗ {escape(source)}[/]: {escape(reason)}", highlight=False)
    voice.save(out)
    heard = f"{voice.clips} clip{'s' * (voice.clips != 1)}, {voice.duration_s:.0f} s"
    stdout.print(
        f"wrote {escape(str(out))} from {heard}. Try: affekt predict --voice {escape(str(out))} FILE",
        highlight=False, soft_wrap=True,
    )  # fmt: skip
    if voice.clips < FEW_CLIPS:
        stderr.print(f"[yellow]{FEW_CLIPS} clips or more say much more about a voice[/]", highlight=False)
    if voice.skipped:
        raise Exit(FAILED_INPUT)


@cli.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option("--set", "name", help="Which features; without it, the sets are listed.")
@click.option(
    "--out",
    type=OutputFile(".csv", ".parquet", ".npz"),
    help="Where to write them: FILE.csv, .parquet or .npz.",
)
@click.option("--jobs", type=click.IntRange(1), help="How many at once; by default one for each core.")
def features(paths: tuple[str, ...], name: str | None, out: Path | None, jobs: int | None) -> None:
    """Write acoustic features of files and folders to a table, one row a file."""
    from affekt.audio import expand_folders
    from affekt.feature_table import Description, check_table, extract_many, write_table
    from affekt.features import FEATURE_SETS, find_feature_set

    if not name:
        stdout.print(tables.feature_sets(FEATURE_SETS.values()))
        return
    if not (paths and out):
        raise click.UsageError("give files or folders, and --out FILE.csv, .parquet or .npz")
    feature_set = find_feature_set(name)
    check_table(out, feature_set)
    sources = expand_folders(paths)
    done = failed = 0

    def counted(described: Iterable[Description]) -> Iterator[Description]:
        nonlocal done, failed
        for one in described:
            yield one
            done += 1
            if one.error:
                failed += 1
                stderr.print(f"[red]✗ {escape(one.source)}[/]: {escape(str(one.error))}", highlight=False)

    try:
        described = extract_many(sources, name, jobs=jobs or core_count())
        write_table(out, feature_set, counted(track(described, name, len(sources))))
    finally:
        summary = f"{done} of {len(sources)} files are in {escape(str(out))}, {failed} of them failed"
        stdout.print(summary, highlight=False, soft_wrap=True)
    if failed:
        raise Exit(FAILED_INPUT)


@cli.command()
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...")
@click.option(
    "--recipe", default="voice-svm", show_default=True, help="How to train: see 'affekt recipes'."
)
@click.option("--protocol", default="by-actor-5", show_default=True, help="How to score it.")
@_emotions_option
@_channel_option
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="Of everything random.",
)
@click.option("--out", type=OutputFile(".onnx"), help="The model file; by default RECIPE.onnx.")
@_checkpoints_option
def train(
    corpus: tuple[str, ...],
    recipe: str,
    protocol: str,
    emotions: tuple[str, ...],
    channel: str | None,
    seed: int,
    out: Path | None,
    checkpoints: Path | None,
) -> None:
    """Score a recipe on a corpus, then train it on all of it and save it as one file."""
    from affekt.training import train

    out = out or Path(f"{recipe}.onnx")
    bundle, evaluation = train(
        corpus,
        recipe,
        protocol=protocol,
        emotions=emotions,
        channel=channel,
        seed=seed,
        out=out,
        checkpoints=checkpoints,
        jobs=core_count(),
        progress=True,
    )
    stdout.print(tables.evaluation(evaluation))
    stdout.print(
        f"\nwrote {escape(str(out))} ({out.stat().st_size / 1e6:.1f} MB, parity "
        f"{bundle.contract.parity:.0e}). Try: affekt predict --model {escape(str(out))} FILE",
        highlight=False,
        soft_wrap=True,
    )


@cli.command()
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...")
@click.option("--recipe", help="Cross-validate this recipe: see 'affekt recipes'.")
@click.option("--model", type=_existing_file, help="Score this model on voices it never heard.")
@click.option("--protocol", help="Who is tested, for a recipe; by default by-actor-5.")
@_emotions_option
@_channel_option
@_tested_channel_option
@_seeds_option
@click.option(
    "--json",
    "json_file",
    type=OutputFile(".json"),
    help="Write all figures to this file, - for the terminal.",
)
@click.option(
    "--report",
    "report_file",
    type=OutputFile(".html"),
    help="Draw a page about it; a recipe is scored under the other kind of protocol too.",
)
@_checkpoints_option
def evaluate(
    corpus: tuple[str, ...],
    recipe: str | None,
    model: Path | None,
    protocol: str | None,
    emotions: tuple[str, ...],
    channel: str | None,
    tested_channel: str | None,
    seeds: int,
    json_file: Path | None,
    report_file: Path | None,
    checkpoints: Path | None,
) -> None:
    """Say how good a recipe or a model is on a corpus, and on whom.

    With neither --recipe nor --model, the model that comes along is scored.
    """
    from affekt.scoring import evaluate

    if recipe and model:
        raise click.UsageError("give --recipe or --model, not both")
    if not recipe and (protocol or seeds != 1 or checkpoints or tested_channel):
        raise click.UsageError(
            "--protocol, --test-channel, --seeds and --checkpoints are for a --recipe, not for a finished "
            "model"
        )
    if report_file:
        from affekt.report import write_report

        check_place(report_file)
    to_terminal = str(json_file) == "-"
    # The file is opened first: what cannot be written must fail before hours of training, not after.
    with nullcontext() if json_file is None or to_terminal else whole_file(json_file) as file:
        result = evaluate(
            corpus,
            recipe=recipe,
            model=model,
            protocol=protocol,
            emotions=emotions,
            channel=channel,
            tested_channel=tested_channel,
            seeds=seeds,
            checkpoints=checkpoints,
            for_report=report_file is not None and recipe is not None,
            jobs=core_count(),
            progress=True,
        )
        text = json.dumps(result.to_json(), indent=2, ensure_ascii=False)
        if file:
            file.write(text + "\n")
    if report_file:
        write_report(result, report_file, progress=True)
    if to_terminal:
        print(text)
        return
    stdout.print(tables.evaluation(result))
    for written in filter(None, (json_file, report_file)):
        stderr.print(f"wrote {escape(str(written))}", highlight=False)


@cli.command()
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...")
@click.option("--recipe", help="Cross-validate this recipe: see 'affekt recipes'.")
@click.option("--model", type=_existing_file, help="This model, on voices it never heard.")
@click.option("--protocol", default="by-actor-5", show_default=True, help="Who is tested, for a recipe.")
@_emotions_option
@_channel_option
@_tested_channel_option
@click.option("--enrol", "enrolled_emotion", metavar="EMOTION", help="Only from clips of it, as neutral.")
@_json_option
def enrolment(
    corpus: tuple[str, ...],
    recipe: str | None,
    model: Path | None,
    protocol: str,
    emotions: tuple[str, ...],
    channel: str | None,
    tested_channel: str | None,
    enrolled_emotion: str | None,
    json_file: Path | None,
) -> None:
    """Say what it is worth to get used to a voice first, by the number of unlabelled clips.

    With neither --recipe nor --model, for the model that comes along.
    """
    from affekt.enrolment import enrolment_curve

    if recipe and model:
        raise click.UsageError("give --recipe or --model, not both")
    with whole_file(json_file) if json_file else nullcontext() as file:
        curve = enrolment_curve(
            corpus, recipe, model=model, protocol=protocol, emotions=emotions, channel=channel,
            tested_channel=tested_channel, enrolled_emotion=enrolled_emotion, jobs=core_count(),
            progress=True,
        )  # fmt: skip
        _write_scores(file, {str(count): one for count, one in curve.items()})
    stdout.print(tables.scores("enrolled clips", curve, "draw"))
    if json_file:
        stderr.print(f"wrote {escape(str(json_file))}", highlight=False)


@cli.command()
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...")
@click.option("--recipe", required=True, help="Which recipe: see 'affekt recipes'.")
@click.option("--protocol", default="by-actor-5", show_default=True, help="Who is tested.")
@_emotions_option
@_channel_option
@_tested_channel_option
@_seeds_option
@_json_option
def robustness(
    corpus: tuple[str, ...],
    recipe: str,
    protocol: str,
    emotions: tuple[str, ...],
    channel: str | None,
    tested_channel: str | None,
    seeds: int,
    json_file: Path | None,
) -> None:
    """Say what is left through noise, a telephone, MP3 and a room, on unseen voices.

    Some recipes, as affekt-net, have learned from noise, rooms and narrow lines of this kind.
    """
    from affekt.robustness import robustness

    with whole_file(json_file) if json_file else nullcontext() as file:
        found = robustness(
            corpus, recipe, protocol=protocol, emotions=emotions, channel=channel,
            tested_channel=tested_channel, seeds=seeds, jobs=core_count(), progress=True,
        )  # fmt: skip
        _write_scores(file, found)
    stdout.print(tables.scores("clips", found, "seed"))
    if json_file:
        stderr.print(f"wrote {escape(str(json_file))}", highlight=False)


def _write_scores(file: IO[str] | None, scores: Mapping[str, Evaluation]) -> None:
    if file:
        plain = {name: one.to_json() for name, one in scores.items()}
        file.write(json.dumps(plain, ensure_ascii=False) + "\n")


@cli.command()
@click.argument("results", nargs=-1, required=True, metavar="A.json B.json...", type=_existing_file)
@click.option("--report", "report_file", type=OutputFile(".html"), help="Draw a page about it.")
def compare(results: tuple[Path, ...], report_file: Path | None) -> None:
    """Say whether recipes differ, from what 'affekt evaluate --json' wrote of the same clips."""
    from affekt.comparison import compare
    from affekt.report import write_report

    found = compare(results)
    stdout.print(tables.comparison(found))
    if report_file:
        write_report(found, report_file, progress=True)
        stderr.print(f"wrote {escape(str(report_file))}", highlight=False)


@cli.command()
@click.argument("corpus", nargs=-1, required=True, metavar="CORPUS...")
@click.option(
    "--report", "report_file", type=OutputFile(".html"), required=True, help="Where to write the page."
)
@click.option(
    "--set", "features", default="spectral-120@1", show_default=True, help="Which features to look at."
)
def explore(corpus: tuple[str, ...], report_file: Path, features: str) -> None:
    """Draw a page about a corpus: what is in it, how it sounds, and what its features tell."""
    from affekt.exploration import explore
    from affekt.report import write_report

    check_place(report_file)
    found = explore(corpus, features=features, jobs=core_count(), progress=True)
    write_report(found, report_file, progress=True)
    stdout.print(tables.corpus_check(found.check), soft_wrap=True)
    stderr.print(f"wrote {escape(str(report_file))}", highlight=False)


@cli.command()
@click.argument("corpus", default="ravdess")
@click.option("--seed-system", metavar="NAME", help="Only this one: its number or its recipe.")
@click.option(
    "--quick", is_flag=True, help="Hardly train at all: to see that everything runs, not to score it."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="docs",
    show_default=True,
    help="Folder for results.json and results.md; results that are there are kept.",
)
@_checkpoints_option
def reproduce(
    corpus: str, seed_system: str | None, quick: bool, out: Path, checkpoints: Path | None
) -> None:
    """Put what five published systems claim beside what comes out, for known voices and unseen ones."""
    from affekt.reproduction import reproduce

    results = reproduce(
        corpus,
        seed_system=seed_system,
        quick=quick,
        out=out,
        checkpoints=checkpoints,
        jobs=core_count(),
        progress=True,
    )
    stdout.print(tables.reproduction(results))
    if quick:
        stderr.print("[yellow]a quick run: these figures show that all of it runs, and mean nothing else")
    stderr.print(f"wrote {escape(str(out))}/results{'-quick' * quick}.md and .json", highlight=False)


@cli.command()
@click.option("--corpus", metavar="PATH", help="Show the pictures of this corpus too.")
@click.option(
    "--model", type=_existing_file, help="The model that answers; by default the one that comes along."
)
@click.option("--port", type=click.IntRange(1, 65535), default=8501, show_default=True)
def app(corpus: str | None, model: Path | None, port: int) -> None:
    """Open the web app in a browser; it listens to this machine alone."""
    import streamlit  # noqa: F401 - whoever lacks it is told so before anything starts

    from affekt.bundle import load
    from affekt.corpora import load as load_corpus

    load(model)
    given = ["--model", str(model)] if model else []
    if corpus:
        load_corpus(corpus)
        given += ["--corpus", corpus]
    script = Path(__file__).parent / "app" / "main.py"
    served = ["--server.address", "127.0.0.1", "--server.port", str(port)]
    raise Exit(
        subprocess.call(  # noqa: S603 - a list of words, and no shell
            [sys.executable, "-m", "streamlit", "run", str(script), *served, "--", *given]
        )
    )


@cli.group(invoke_without_command=True)
@click.pass_context
def corpora(context: click.Context) -> None:
    """List the corpora that can be read; check or download one."""
    if context.invoked_subcommand is None:
        from affekt.corpora import READERS

        stdout.print(tables.corpora(reader.card for reader in READERS.values()))


@corpora.command()
@click.argument("path")
def check(path: str) -> None:
    """Open every file of a corpus, count it against its card, and name every problem."""
    from affekt.corpora import load
    from affekt.corpus_check import check_corpus

    result = check_corpus(load(path), jobs=core_count(), progress=True)
    stdout.print(tables.corpus_check(result), soft_wrap=True)
    if not result.sound:
        raise Exit(FAILED_INPUT)


@corpora.command()
@click.argument("name")
@click.option("--to", "folder", type=click.Path(file_okay=False, path_type=Path), required=True)
def download(name: str, folder: Path) -> None:
    """Fetch a corpus: continued where it broke off, verified, unpacked."""
    from affekt.corpora import find_card
    from affekt.corpus_download import download_corpus

    card = find_card(name)
    stdout.print(f"[bold]{card.title}[/]\nlicence: {card.licence}\ncite: {card.citation}\n{card.address}")
    download_corpus(card, folder, progress=True)
    place = escape(str(folder))
    stdout.print(f"{card.name} is in {place}. Try: affekt corpora check {place}", highlight=False)


@cli.command()
def recipes() -> None:
    """List the ways to train."""
    from affekt.recipes import RECIPES

    stdout.print(tables.recipes(RECIPES.values()))


@cli.command()
@click.argument("file", type=_existing_file, required=False)
@click.option("--card", type=OutputFile(".md"), help="Write its model card: intended use, limits, scores.")
def model(file: Path | None, card: Path | None) -> None:
    """Show what a model was made of and what it scored; the one that comes along by default."""
    from affekt.bundle import load

    bundle = load(file)
    stdout.print(tables.model(bundle))
    if card:
        from affekt.model_card import render

        with whole_file(card) as written:
            written.write(render(Path(bundle.name).name, bundle.contract))
        stderr.print(f"wrote {escape(str(card))}", highlight=False)
