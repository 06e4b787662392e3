"""The commands for long recordings and for a microphone: timeline, live."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

import rich_click as click
from click.exceptions import Exit
from rich.markup import escape

from affekt.cli.completion import complete_paths
from affekt.cli.console import FAILED_INPUT, hand_over, json_text, print_json, say, show, stdout, write_json
from affekt.cli.inference import SHOWN_ROWS, read_sources
from affekt.cli.options import (
    existing_file,
    json_options,
    model_option,
    predicted_emotions_option,
    voice_option,
)
from affekt.cli.parameters import OutputFile
from affekt.support.terminal import clock, one_line, plural
from affekt.support.writing import kept_beside, whole_file

if TYPE_CHECKING:
    from affekt.audio.microphone import Sound
    from affekt.inference.events import Event
    from affekt.inference.timeline import Timeline
    from affekt.model.bundle import Bundle


class _TimelineFile(OutputFile):
    """A file in one of the formats of timelines."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Check suffix, place, and whether a library that is needed is installed."""
        from affekt.inference.writers import SUFFIXES, find_format

        self.suffixes = tuple(SUFFIXES)
        path = super().convert(value, param, ctx)
        find_format(path)
        return path


@dataclass
class _Results:
    """What was found so far: timelines, and the errors of files that cannot be read."""

    timelines: list[Timeline] = field(default_factory=list)
    values: list[Mapping[str, Any]] = field(default_factory=list)
    failed: int = 0

    def add(self, found: Sequence[Timeline]) -> None:
        """Add the timelines of a file."""
        self.timelines += found
        self.values += [one.to_dict() for one in found]

    def fail(self, source: str, error: Exception) -> None:
        """Add the error of a file."""
        self.failed += 1
        self.values.append({"source": source, "error": str(error)})

    def write(self, out: Path) -> None:
        """Write the timelines in the format of ``--out``."""
        from affekt.inference.writers import write_timelines

        write_timelines(self.timelines, out)

    def write_page(self, out: Path) -> None:
        """Write a page with the sound of each file in it."""
        from affekt.inference.writers import html

        sounds = {}
        for source in {one.source for one in self.timelines}:
            if Path(source).is_file():
                with open(source, "rb") as file:
                    sounds[source] = file.read(html.MOST_SOUND_BYTES + 1)  # more is left out
        with whole_file(out) as page:
            html.write(self.timelines, cast(TextIO, page), sounds)

    def write_json(self, json_file: Path) -> None:
        """Write timelines and errors as JSON."""
        write_json(self.values, json_file)


@click.command(epilog="Example: affekt timeline interview.mp3 --out interview.TextGrid")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", shell_complete=complete_paths)
@click.option(
    "--out",
    type=_TimelineFile(),
    metavar="FILE",
    help="Write the timelines to this file: .json, .csv, .parquet, .TextGrid (Praat), .eaf (ELAN), .txt "
    "(Audacity), .rttm, .srt, .vtt, .emotionml or .html.",
)
@click.option(
    "--embed", is_flag=True, help="Put the recording into the page of --out FILE.html, up to 5 MB."
)
@model_option
@predicted_emotions_option
@voice_option
@click.option("--adapt", is_flag=True, help="Adapt to the voice of each recording itself.")
@click.option(
    "--speakers",
    type=existing_file,
    metavar="FILE.rttm",
    help="Who speaks when, found by another program; each speaker is adapted to their own voice.",
)
@click.option(
    "--audio-channel",
    type=click.Choice(["mix", "left", "right", "each"]),
    default="mix",
    show_default=True,
    help="The channel that is read: the mean of all, one, or each with a timeline of its own.",
)
@json_options
def timeline(
    paths: tuple[str, ...],
    out: Path | None,
    embed: bool,
    model: Path | None,
    emotions: tuple[str, ...] | None,
    voice: Path | None,
    adapt: bool,
    speakers: Path | None,
    audio_channel: str,
    as_json: bool,
    json_file: Path | None,
) -> None:
    """Find the utterances of long recordings, and predict the emotion of each.

    PATH is an audio file of any length, a folder, a zip archive, or - for standard input.
    """
    from affekt.audio.loading import source_name
    from affekt.errors import AffektError
    from affekt.inference.adaptation import ready_voice
    from affekt.inference.diarisation import read_rttm
    from affekt.inference.prediction import allowed_emotions
    from affekt.inference.timeline_reader import TimelineReader
    from affekt.model.bundle import load

    if voice and (adapt or speakers):
        raise click.UsageError("give --voice, or --adapt or --speakers, which make voices of the recording")
    bundle, sources = load(model), read_sources(paths)
    _check_out(out, len(sources), embed=embed)
    settings: dict[str, Any] = {
        "voice": ready_voice(voice, bundle),
        "emotions": allowed_emotions(bundle.contract, emotions),
        "audio_channel": audio_channel,
        "adapt": adapt,
        "speakers": read_rttm(speakers) if speakers else None,
    }
    results = _Results()
    try:
        for source in sources:
            reader = None
            try:
                reader = TimelineReader(source, bundle, **settings)
                reader.read(progress=True)
            except AffektError as error:
                results.fail(source_name(source), error)
                say(f"[red]✗ {escape(one_line(source_name(source)))}[/]: {escape(str(error))}")
                continue
            except KeyboardInterrupt:
                found = [one for one in (reader.timelines() if reader else ()) if one.duration_s]
                _add(results, found, out or json_file, printed=not as_json)
                raise
            _add(results, reader.timelines(), out or json_file, printed=not as_json)
    except KeyboardInterrupt as error:
        if as_json:
            print_json(results.values)
        _keep(results, out, json_file, error)
        raise
    place = out if results.timelines else None
    write = results.write_page if embed else results.write
    hand_over(results.values, lambda: None, json_file, (place, write), printed=as_json)
    if results.failed:
        raise Exit(FAILED_INPUT)


@click.command(epilog="Example: affekt live --from interview.wav")
@click.option(
    "--from",
    "file",
    type=existing_file,
    metavar="FILE",
    help="Play this recording without sound, as fast as it was spoken, in place of a microphone.",
)
@click.option("--device", metavar="NAME", help="The number of the microphone, or part of its name.")
@model_option
@predicted_emotions_option
@voice_option
@click.option(
    "--json", "as_json", is_flag=True, help="Print each event as a line of JSON, and nothing else."
)
def live(
    file: Path | None,
    device: str | None,
    model: Path | None,
    emotions: tuple[str, ...] | None,
    voice: Path | None,
    as_json: bool,
) -> None:
    """Listen to a microphone, and predict the emotion of each utterance. Ctrl-C ends it.

    It needs the extra affekt[live].
    """
    from affekt.audio.microphone import open_microphone, play
    from affekt.inference.prediction import allowed_emotions
    from affekt.model.bundle import load

    if file and device:
        raise click.UsageError("give --from or --device, not both")
    bundle = load(model)
    allowed = allowed_emotions(bundle.contract, emotions)
    with play(file) if file else open_microphone(device) as sound:
        listen(sound, bundle, voice, allowed, as_json=as_json)


def listen(
    sound: Sound, bundle: Bundle, voice: Path | None, emotions: tuple[str, ...], *, as_json: bool
) -> None:
    """Print what is known of a sound as its blocks come; after Ctrl-C, what is known until then."""
    from rich.live import Live

    from affekt.inference.stream import Stream
    from affekt.reports.terminal import Meter

    stream = Stream(sound.sample_rate, bundle, voice=voice, emotions=emotions)
    terminal = stdout.is_terminal and not as_json
    meter = Meter(emotions, stdout.width if terminal else None)

    def tell(events: Sequence[Event]) -> None:
        for event in events:
            row = meter.take(event)
            if as_json:
                print(json_text(event.to_dict(), encoding=sys.stdout.encoding), flush=True)
            elif row:
                show(row)

    if not as_json:
        show(meter.table.header())
    shown = Live(meter, console=stdout, transient=True, redirect_stdout=False, redirect_stderr=False)
    try:
        with shown if terminal else nullcontext():
            try:
                for block in sound.blocks:
                    meter.add(block, sound.sample_rate)
                    tell(stream.push(block))
            finally:
                tell(stream.close())
    finally:
        if not as_json and (legend := meter.table.legend()):
            show(legend)
        if sound.lost_s:
            say(
                f"[yellow]{sound.lost_s:.1f} s of sound were lost[/]: this computer was too busy. There is "
                "silence in their place, so all times are right"
            )


def _check_out(out: Path | None, count: int, *, embed: bool) -> None:
    from affekt.inference.writers import find_format

    if embed and (out is None or find_format(out).name != "HTML"):
        raise click.UsageError("--embed puts a recording into a page: give --out FILE.html")
    if out and count > 1 and not find_format(out).several:
        raise click.UsageError(
            f"a {out.suffix} file holds one recording, and {count} are given: give one, or write .json, "
            ".csv, .parquet, .rttm, .emotionml or .html"
        )


def _add(results: _Results, found: Sequence[Timeline], place: Path | None, *, printed: bool) -> None:
    """Add the timelines of a file, and print them: of many that are also written, only summaries."""
    from affekt.reports import terminal

    results.add(found)
    for one in found if printed else ():
        summarised = place is not None and len(one.utterances) > SHOWN_ROWS
        width = stdout.width if stdout.is_terminal else None
        show(terminal.timeline(one, width, summarised=summarised))


def _keep(results: _Results, out: Path | None, json_file: Path | None, error: BaseException) -> None:
    """Keep what was finished before an interruption beside the files that were asked for."""
    for place, write in ((out, results.write), (json_file, results.write_json)):
        if place and results.timelines:
            try:
                with kept_beside(place, _kept(results.timelines), error) as kept:
                    write(kept)
            except OSError as failed:  # the other file may be kept
                error.add_note(str(failed))


def _kept(timelines: Sequence[Timeline]) -> str:
    """Return which timelines are kept: those that are whole, and how far the last was read."""
    whole = sum(one.complete for one in timelines)
    parts = [plural(whole, "finished timeline")] if whole else []
    if stopped := [one for one in timelines if not one.complete]:  # the channels of the last recording
        name = one_line(Path(stopped[0].source).name)
        utterances = plural(sum(len(one.utterances) for one in stopped), "utterance")
        parts.append(f"{name} up to {clock(stopped[0].duration_s)} ({utterances})")
    return f"{' and '.join(parts)} {'is' if len(parts) == 1 and whole < 2 else 'are'}"
