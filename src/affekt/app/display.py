"""What several pages show: players, progress, links, parts of HTML pages, text from files.

Streamlit renders nearly every text as Markdown, and a browser fetches the images in it. So a page gives
Streamlit texts of its own and what ``plain``, ``fill`` and the like return, nothing else.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from string import Formatter
from typing import Any, BinaryIO

import soundfile
import streamlit as st

from affekt.audio.loading import open_audio
from affekt.audio.parts import is_mp3
from affekt.emotions import emotion_style
from affekt.inference.writers.html import SCRIPT
from affekt.support.progress import reported_to

FORMATS = "WAV, FLAC, MP3, m4a, video"  # the usual ones, with the extra ``formats``, which the app needs
LEAST_ADVANCE = 0.01  # a bar that moves more often delays what is computed
PLAYER = "player"  # the key of the container of the player that ``show_html`` leads
# WAV files of these kinds are played by every browser.
_PLAYABLE_WAV = {"PCM_U8", "PCM_16", "PCM_24", "FLOAT"}
# The colours of affekt's HTML pages are those of the app's theme. Texts of "warn" are dark on light and
# light on dark.
_THEME = """
:host { --paper: var(--st-background-color); --panel: var(--st-secondary-background-color);
  --ink: var(--st-text-color); --quiet: color-mix(in srgb, var(--ink) 78%, var(--paper));
  --line: color-mix(in srgb, var(--ink) 18%, var(--paper)); --accent: var(--st-link-color);
  --warn: color-mix(in srgb, #e0702f 70%, var(--ink));
  --none: color-mix(in srgb, var(--ink) 30%, var(--paper));
  --against: color-mix(in srgb, var(--ink) 50%, var(--paper));
  color: var(--ink); font: 16px/1.55 var(--st-font); overflow-wrap: anywhere; }
:host([data-dark]) { --picture: invert(1); }
section:first-of-type h2 { margin-top: 0; }
@media (min-width: 48rem) { .rows:not(.cues) li { grid-template-columns: 9rem 14rem minmax(0, 1fr) 10rem; }
  .cues li { grid-template-columns: 16rem minmax(0, 1fr) 14rem; } }
"""
# The content is replaced where it changed; its list and waveform then lead the player, once that is there.
_MOUNT = """
const shown = new WeakMap();
export default function ({parentElement, data}) {
  const root = parentElement.querySelector("div"), last = shown.get(root);
  root.getRootNode().host.toggleAttribute("data-dark", data.dark);
  if (last?.data === data.html) return;
  last?.ended.abort();
  root.innerHTML = data.html;
  const ended = new AbortController();
  shown.set(root, {data: data.html, ended});
  if (!data.player) return;
  const waiting = setInterval(() => {
    const player = document.querySelector(`.st-key-${data.player} audio`);
    if (!player && !ended.signal.aborted && root.isConnected) return;
    clearInterval(waiting);
    if (player) connect(root, player, {signal: ended.signal});
  }, 50);
}
"""
_PART = st.components.v2.component(
    "affekt_part", html="<div></div>", js=SCRIPT.read_text(encoding="utf-8") + _MOUNT
)


def playable(content: bytes, name: str) -> tuple[bytes, str]:
    """Return the bytes of a file that every browser plays, and their media type.

    They are those of the recording if it is FLAC, MP3 or a usual kind of WAV; other recordings are decoded,
    mixed to mono, and written as FLAC.

    Raises
    ------
    AudioError
        The recording cannot be read.
    """
    if content.startswith(b"fLaC"):
        return content, "audio/flac"
    if is_mp3(content[:16]):
        return content, "audio/mpeg"
    if content.startswith(b"RIFF"):
        try:
            usual = soundfile.info(io.BytesIO(content)).subtype in _PLAYABLE_WAV
        except soundfile.LibsndfileError:
            usual = False
        if usual:
            return content, "audio/wav"
    file = io.BytesIO()
    with open_audio(named_file(content, name)) as audio:
        settings = {"format": "FLAC", "subtype": "PCM_16"}
        with soundfile.SoundFile(file, "w", audio.sample_rate, 1, **settings) as sound_file:
            for block in audio:
                sound_file.write(block)
    return file.getvalue(), "audio/flac"


@contextmanager
def progress(*doing: str) -> Iterator[None]:
    """Show a bar for what affekt computes in the block.

    Parameters
    ----------
    *doing
        What is done while affekt reports its first bar, its second, and so on; each takes as long.
    """
    bar, titles, shown = st.progress(0.0, plain(doing[0])), [], 0.0

    def report(title: str, share: float) -> None:
        nonlocal shown
        if title not in titles:
            titles.append(title)
        step = min(len(titles), len(doing)) - 1
        done = (step + share) / len(doing)
        if done >= min(shown + LEAST_ADVANCE, 1.0):
            bar.progress(done, plain(doing[step]))
            shown = done

    with reported_to(report):
        yield
    bar.empty()


def show_html(html: str, style: str, *, led_player: bool = False, key: str) -> None:
    """Show a part of one of affekt's HTML pages, in the colours of the theme.

    Parameters
    ----------
    html
        Made by affekt, which escapes texts of others.
    style
        The style sheet of the page.
    led_player
        Whether its list of utterances and its waveform lead the player in the container ``PLAYER``.
    key
        Of the element.
    """
    data = {
        "html": f"<style>{style}{_THEME}</style>{html}",
        "dark": st.context.theme.type == "dark",
        "player": PLAYER if led_player else "",
    }
    _PART(data=data, key=key)


def link(slug: str, label: str, icon: str) -> None:
    """Show a link to another page, which keeps the visitor's session; ``main`` keeps the list of pages."""
    st.page_link(st.session_state["pages"][slug], label=label, icon=icon)


def plain(text: str) -> str:
    """Escape Markdown, so that text from a file is shown as it is, in one line, and loads no image."""
    return re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", " ".join(text.split()))


class _PlainFields(Formatter):
    """``str.format``, with Markdown escaped in what is filled in."""

    def format_field(self, value: Any, format_spec: str) -> str:
        return plain(format(value, format_spec))


def fill(template: str, *values: object) -> str:
    """Return a Markdown template whose fields ``{}``, ``{:.1%}`` are filled in as by ``plain``."""
    return _PlainFields().format(template, *values)


def sentence(text: str) -> str:
    """Return the text, Markdown escaped, with a capital letter and a full stop."""
    return plain(f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '?', '!')) else '.'}")


def read_failure(error: Exception, name: str) -> str:
    """Return a sentence that says why the file of this name cannot be read, with Markdown escaped.

    Messages of ``load_audio`` start with the name of the file, which the page shows already.
    """
    reason = str(error)
    if reason.startswith(f"{name} "):
        reason = f"it {reason.removeprefix(name).lstrip()}"
    return sentence(f"this file cannot be read: {reason.removeprefix(f'{name}: ')}")


def emotion_label(name: str) -> str:
    """Return an emotion's emoji and name, with Markdown escaped."""
    return f"{emotion_style(name).emoji} {plain(name)}"


def emotion_labels(names: Iterable[str]) -> str:
    """Return the labels of several emotions, with a dot between them."""
    return " · ".join(map(emotion_label, names))


def named_file(content: bytes, name: str) -> BinaryIO:
    """Return an open file with a name, which error messages mention."""
    file = io.BytesIO(content)
    file.name = name
    return file
