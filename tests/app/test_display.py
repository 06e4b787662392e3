"""Text from files on a page."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import ArrayLike

from affekt.audio.loading import load_audio
from affekt.errors import AffektError, MissingExtraError

pytest.importorskip("streamlit")
from affekt.app.display import named_file, plain, read_failure, sentence

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


def test_markdown_from_a_file_is_shown_as_it_is() -> None:
    assert plain("![x](http://a.b)") == r"\!\[x\]\(http\://a.b\)"


def test_a_sentence_starts_with_a_capital_and_ends_with_one_full_stop() -> None:
    assert sentence("very quiet") == "Very quiet."
    assert sentence("Done.") == "Done."
    assert sentence("are these integers?") == "Are these integers?"
