"""Text from files on a page."""

from __future__ import annotations

import ast
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import ArrayLike

from affekt.audio.loading import load_audio
from affekt.errors import AffektError, AudioError, MissingExtraError

pytest.importorskip("streamlit")
from affekt.app.display import fill, named_file, plain, playable, read_failure, sentence

PAGES = Path(__file__).parents[2] / "src" / "affekt" / "app"
ESCAPED = {"plain", "summarise"}  # functions that escape what they are given
# Streamlit's functions whose first argument is rendered as Markdown
MARKDOWN = re.compile(
    "audio_input|badge|button|caption|checkbox|download_button|error|expander|file_uploader|header|info|"
    "link_button|markdown|metric|pills|radio|selectbox|spinner|status|subheader|success|text_input|title|"
    "toast|warning|write"
)
NAME = "my clip.wav"
TONE = np.sin(np.arange(16_000) * 0.05)


def wav(samples: ArrayLike, **settings: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, 16_000, format="WAV", **settings)
    return file.getvalue()


BAD_FILES = {
    "empty": b"",
    "text": b"this is a shopping list",
    "header alone": wav(TONE)[:30],
    "no samples": wav(np.zeros(0)),
    "cut off": wav(TONE)[:8_000],
    "too short": wav(TONE[:100]),
    "too long": wav(np.tile(TONE, 3)),
    "silent": wav(np.zeros(16_000)),
    "NaN": wav(np.full(16_000, np.nan), subtype="FLOAT"),
    "not scaled": wav(TONE * 1e6, subtype="FLOAT"),
    "not an m4a": b"\0\0\0\x20ftypM4A " + bytes(100),
}


@pytest.mark.parametrize("content", BAD_FILES.values(), ids=BAD_FILES)
def test_every_error_of_a_file_becomes_one_grammatical_sentence(content: bytes) -> None:
    with pytest.raises(AffektError) as caught:
        load_audio(named_file(content, NAME), max_duration_s=2)
    text = read_failure(caught.value, NAME).replace("\\", "")
    start = "This file cannot be read: "
    assert text.startswith(
        (f"{start}it is ", f"{start}it has ", f"{start}it holds ", f"{start}the file is ")
    )
    assert NAME not in text
    assert text.endswith((".", "?", "!"))
    assert not text.endswith("..")


def test_a_missing_extra_becomes_one_grammatical_sentence() -> None:
    error = MissingExtraError(f"{NAME}: reading m4a, webm and the like", "formats")
    text = read_failure(error, NAME).replace("\\", "")
    assert text.startswith("This file cannot be read: reading m4a, webm and the like needs an extra")


@pytest.mark.parametrize(
    ("kind", "subtype", "media_type"),
    [
        ("WAV", "PCM_16", "audio/wav"),
        ("WAV", "FLOAT", "audio/wav"),
        ("FLAC", "PCM_16", "audio/flac"),
        ("MP3", "MPEG_LAYER_III", "audio/mpeg"),
    ],
)
def test_a_recording_that_every_browser_plays_is_played_as_it_is(
    kind: str, subtype: str, media_type: str
) -> None:
    file = io.BytesIO()
    soundfile.write(file, TONE, 16_000, format=kind, subtype=subtype)
    assert playable(file.getvalue(), NAME) == (file.getvalue(), media_type)


@pytest.mark.parametrize(("kind", "subtype"), [("WAV", "ULAW"), ("AIFF", "PCM_16"), ("OGG", "VORBIS")])
def test_other_recordings_are_played_as_flac(kind: str, subtype: str) -> None:
    file = io.BytesIO()
    soundfile.write(file, np.stack([TONE, TONE], axis=1) / 2, 16_000, format=kind, subtype=subtype)
    content, media_type = playable(file.getvalue(), NAME)
    samples, rate = soundfile.read(io.BytesIO(content))
    assert media_type == "audio/flac"
    assert rate == 16_000
    np.testing.assert_allclose(samples, TONE / 2, atol=0.03)


def test_what_cannot_be_read_cannot_be_played() -> None:
    with pytest.raises(AudioError):
        playable(BAD_FILES["text"], NAME)


def test_markdown_from_a_file_is_shown_as_it_is() -> None:
    assert plain("![x](http://a.b)") == r"\!\[x\]\(http\:\/\/a\.b\)"
    assert plain(" # a\n\n1. b ") == r"\# a 1\. b"


def test_what_is_filled_into_a_template_is_shown_as_it_is() -> None:
    assert fill("**{}**: {:.1%} of {}", "*x*", 0.5, ["![]"]) == r"**\*x\***: 50\.0\% of \[\'\!\[\]\'\]"


def escapes(text: ast.expr) -> bool:
    """Whether the expression is made of literals, constants and what ``display`` returns."""
    if isinstance(text, ast.BinOp):
        return escapes(text.left) and escapes(text.right)
    if isinstance(text, ast.IfExp):
        return escapes(text.body) and escapes(text.orelse)
    if isinstance(text, ast.Subscript):
        return escapes(text.value)
    name = ast.unparse(text.func if isinstance(text, ast.Call) else text)
    return (
        isinstance(text, ast.Constant) or name.isupper() or name.startswith("display.") or name in ESCAPED
    )


@pytest.mark.parametrize("module", sorted(PAGES.glob("*.py")), ids=lambda path: path.stem)
def test_no_page_shows_markdown_that_is_not_escaped(module: Path) -> None:
    bare = [
        f"{module.name}:{text.lineno} {ast.unparse(text)}"
        for call in ast.walk(ast.parse(module.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        for text in texts_of(call)
        if not escapes(text)
    ]
    assert bare == []


def texts_of(call: ast.Call) -> list[ast.expr]:
    """What a call of Streamlit renders as Markdown: the first argument, or the one that is named."""
    module, _, function = ast.unparse(call.func).rpartition(".")
    if module in ("soundfile", "sound_file"):
        return []
    named = [one.value for one in call.keywords if one.arg in ("label", "text", "body", "help", "caption")]
    if function == "progress":
        return [*named, *call.args[1:2]]
    return [*named, *call.args[:1]] if MARKDOWN.fullmatch(function) else []


def test_the_check_of_the_pages_sees_what_is_not_escaped() -> None:
    page = 'st.caption(f"seed {seed}"); st.button(label=name); bar.progress(0.5, name); badge(name)'
    calls = [call for call in ast.walk(ast.parse(page)) if isinstance(call, ast.Call)]
    bare = [text for call in calls for text in texts_of(call)]
    assert len(bare) == 4
    assert not any(map(escapes, bare))


def test_a_sentence_starts_with_a_capital_and_ends_with_one_full_stop() -> None:
    assert sentence("very quiet") == r"Very quiet\."
    assert sentence("Done.") == r"Done\."
    assert sentence("are these integers?") == r"Are these integers\?"
