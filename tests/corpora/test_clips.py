"""Clips are read whole, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt.corpora.base import Clip
from affekt.corpora.clips import load_whole
from affekt.errors import AudioContentError


def test_a_clip_of_which_part_is_missing_is_refused(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    whole = write_voice(tmp_path / "a.wav")
    clip = Clip(path=whole, emotion="happy", speaker="1", corpus="x")
    assert load_whole(clip).duration_s == pytest.approx(0.6)
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) * 8 // 10])
    with pytest.raises(AudioContentError, match="the file is cut off"):
        load_whole(clip)
    soundfile.write(tmp_path / "b.wav", 0.1 * np.random.default_rng(0).standard_normal(8000), 8000)
    whole.write_bytes(content + (tmp_path / "b.wav").read_bytes())
    with pytest.raises(AudioContentError, match="only the first of 2 joined files is read"):
        load_whole(clip)
