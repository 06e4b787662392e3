"""The command explain."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import rich_click as click

from affekt.cli.completion import complete_emotions, complete_paths
from affekt.cli.console import hand_over, show, write_text
from affekt.cli.inference import read_sources
from affekt.cli.options import json_options, model_option, predicted_emotions_option, voice_option
from affekt.cli.parameters import OutputFile


@click.command(epilog="Example: affekt explain clip.wav --report why.html")
@click.argument("path", metavar="FILE", shell_complete=complete_paths)
@click.option(
    "--emotion",
    metavar="NAME",
    shell_complete=complete_emotions,
    help="The emotion to explain; by default the predicted one.",
)
@model_option
@predicted_emotions_option
@voice_option
@click.option(
    "--audio-channel",
    type=click.Choice(["mix", "left", "right"]),
    default="mix",
    show_default=True,
    help="The channel that is read: the mean of all, or one.",
)
@click.option(
    "--masks",
    type=click.IntRange(20),
    metavar="N",
    default=300,
    show_default=True,
    help="How many masked versions the model answers; more take longer and have smaller errors.",
)
@click.option(
    "--report",
    "report_file",
    type=OutputFile(".html"),
    metavar="FILE.html",
    help="Write a page with pictures and sounds to this file.",
)
@json_options
def explain(
    path: str,
    emotion: str | None,
    model: Path | None,
    emotions: tuple[str, ...] | None,
    voice: Path | None,
    audio_channel: str,
    masks: int,
    report_file: Path | None,
    as_json: bool,
    json_file: Path | None,
) -> None:
    """Show which parts of a recording, in time and in frequency, its prediction rests on.

    Parts are left out at random, and the model answers each version. It also answers the voice with another
    pitch, tempo and timbre. FILE is an audio file of at most 30 s,
    or - for standard input.
    """
    from affekt.audio.loading import load_audio, source_name
    from affekt.inference.adaptation import ready_voice
    from affekt.inference.explanation import MAX_EXPLAINED_S, check_emotion, explain_waveform
    from affekt.inference.explanation_page import explanation_page
    from affekt.inference.prediction import allowed_emotions
    from affekt.model.bundle import load
    from affekt.reports import terminal

    bundle = load(model)
    allowed = allowed_emotions(bundle.contract, emotions)
    asked, known = check_emotion(emotion, allowed), ready_voice(voice, bundle)
    sources = read_sources([path])
    if len(sources) != 1:
        raise click.UsageError(f"{path} holds {len(sources)} recordings: give one of them")
    found = explain_waveform(
        load_audio(sources[0], max_duration_s=MAX_EXPLAINED_S, audio_channel=audio_channel),
        bundle,
        name=source_name(sources[0]),
        audio_channel=audio_channel,
        emotion=asked,
        voice=known,
        allowed=allowed,
        masks=masks,
        progress=True,
    )
    hand_over(
        found,
        lambda: show(terminal.explanation(found)),
        json_file,
        (report_file, partial(write_text, lambda: explanation_page(found))),
        printed=as_json,
    )
