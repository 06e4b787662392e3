"""The page *Timeline*: what the voice expresses when, to look at, hear and download."""

from __future__ import annotations

import io
import math
from functools import lru_cache, partial
from pathlib import PurePath

import numpy as np
import soundfile
import streamlit as st

from affekt.app import display, session
from affekt.app.limits import limits
from affekt.app.listen import EXAMPLES, show_error
from affekt.app.session import Recording
from affekt.audio.loading import load_audio
from affekt.inference.timeline import Timeline
from affekt.inference.timeline_reader import TimelineReader
from affekt.inference.writers import FORMATS, Format, encode_timelines
from affekt.inference.writers.html import STYLE, overview, utterance_list
from affekt.inference.writers.html import write as write_html

A_PAGE = 50  # utterances
PAUSE_S = 0.8  # between the examples
FORMAT_LABELS = {
    "JSON": "JSON",
    "CSV": "CSV (Excel)",
    "Parquet": "Parquet",
    "TextGrid": "TextGrid (Praat)",
    "EAF": "EAF (ELAN)",
    "Audacity labels": "Labels (Audacity)",
    "RTTM": "RTTM",
    "SRT": "SRT (subtitles)",
    "WebVTT": "WebVTT (subtitles)",
    "EmotionML": "EmotionML",
    "HTML": "Web page",
}


def page() -> None:
    """Show the timeline of the recording, or ask for one."""
    st.title("What does the voice express, and when?")
    chosen = session.recording()
    if chosen is None:
        st.markdown("Each utterance between two pauses gets an answer of its own.")
        _inputs()
        return
    st.markdown(display.fill("**{}**: click an utterance or the waveform to hear it.", chosen.name))
    with st.container(key=display.PLAYER):
        player = st.empty()
    place = st.empty()  # so that nothing of the last recording is shown while this one is read
    found = session.find("timeline", read_timeline, "Reading the recording")
    if isinstance(found, Timeline):
        sound = session.find("sound", lambda one: display.playable(one.content, one.name))
        if isinstance(sound, tuple):
            player.audio(sound[0], format=sound[1])
        with place.container():
            _show(found)
            _downloads(chosen, found)
    elif found is not None:
        show_error(chosen, found)
    st.divider()
    _inputs()


def _inputs() -> None:
    st.file_uploader(
        display.fill("**Drop** a file: {}", display.FORMATS),
        key="long recording",
        on_change=session.take,
        args=("long recording",),
    )
    st.button(
        "Try four sentences of German actors, one after another",
        icon=":material/play_circle:",
        on_click=_take_examples,
    )


def _take_examples() -> None:
    session.choose(Recording("four examples.flac", join_examples(), "example"))


@lru_cache(maxsize=1)
def join_examples() -> bytes:
    """Return a FLAC file of the examples with pauses between them."""
    clips = [load_audio(path) for path in sorted(EXAMPLES.glob("*.flac"))]
    rate = clips[0].sample_rate
    pause = np.zeros(round(PAUSE_S * rate), np.float32)
    file = io.BytesIO()
    samples = [part for clip in clips for part in (clip.samples, pause)]
    soundfile.write(file, np.concatenate(samples), rate, format="FLAC")
    return file.getvalue()


def read_timeline(chosen: Recording) -> Timeline:
    """Return the timeline of a recording, as ``affekt.timeline`` finds it."""
    file = display.named_file(chosen.content, chosen.name)
    if math.isfinite(longest_s := limits().timeline_s):
        load_audio(file, max_duration_s=longest_s)  # it refuses what is longer, whatever the header says
        file.seek(0)
    reader = TimelineReader(file, session.bundle(), voice=session.voice(), audio_channel="mix")
    reader.read(progress=True)
    (found,) = reader.timelines()
    return found


def _show(found: Timeline) -> None:
    style = STYLE.read_text(encoding="utf-8")
    pages = -(-len(found.utterances) // A_PAGE)
    display.show_html("".join(overview(found)), style, led_player=True, key="overview")
    first = 0
    if pages > 1:
        number = st.number_input(
            display.fill("Page, of {}", pages), min_value=1, max_value=pages, key=f"page of {found.source}"
        )
        first = A_PAGE * (number - 1)
    items = utterance_list(found.utterances[first : first + A_PAGE], with_player=True)
    display.show_html("".join(items), style, led_player=True, key="utterances")


def _downloads(chosen: Recording, found: Timeline) -> None:
    st.subheader("Download")
    st.markdown("With the times, the answers and all probabilities, in the format of your program.")
    with st.container(horizontal=True, gap="small", key="downloads"):
        for kind in FORMATS.values():
            st.download_button(
                FORMAT_LABELS[kind.name],
                partial(_encode, found, kind, chosen),
                f"{PurePath(chosen.name).stem}{kind.suffixes[0]}",
                kind.media_type,
                on_click="ignore",
            )


def _encode(found: Timeline, kind: Format, chosen: Recording) -> bytes:
    if kind.name != "HTML":
        return encode_timelines([found], kind)
    text = io.StringIO()
    write_html([found], text, {found.source: chosen.content})  # with its sound
    return text.getvalue().encode()
