"""Cues: their values, and where these lie among clips of each emotion."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from affekt.audio.loading import Waveform, load_audio
from affekt.features.feature_sets import extract
from affekt.features.voice import COLUMNS
from affekt.inference import cues
from affekt.inference.cues import (
    CUES,
    PERCENTS,
    Cue,
    describe_cues,
    measure_cues,
    percentile_table,
    read_table,
)

EXAMPLE = Path(__file__).parents[1] / "synthetic_voices" / "high-fast-loud.flac"


def rows_with(column: str, values: np.ndarray) -> np.ndarray:
    rows = np.zeros((len(values), len(COLUMNS)), np.float32)
    rows[:, COLUMNS.index("voiced_ratio")] = 0.5
    rows[:, COLUMNS.index(column)] = values
    return rows


def test_each_cue_is_a_column_of_the_feature_set() -> None:
    assert all(column in COLUMNS for column, _ in CUES.values())


def test_the_table_has_percentiles_of_each_emotion() -> None:
    values = np.random.default_rng(0).standard_normal(400)
    emotions = ["happy", "sad"] * 200
    found = percentile_table(rows_with("jitter", values.astype(np.float32)), emotions)["jitter"]
    for i, emotion in enumerate(("happy", "sad")):
        np.testing.assert_allclose(found[emotion], np.percentile(values[i::2], PERCENTS), rtol=1e-3)


def test_clips_without_a_voice_do_not_count_for_pitch() -> None:
    rows = rows_with("f0_semitones_p50", np.array([10, 10, 0], np.float32))
    rows[2, COLUMNS.index("voiced_ratio")] = 0
    table = percentile_table(rows, ["sad"] * 3)
    assert set(table["pitch height"]["sad"]) == {10}
    assert len(table["tempo"]["sad"]) == len(PERCENTS)


def test_a_value_lies_where_it_does_among_the_clips_of_an_emotion() -> None:
    value = float(describe_cues(load_audio(EXAMPLE))[COLUMNS.index("f0_semitones_span")])
    steps = np.array(PERCENTS)
    table = {"pitch range": {"sad": list(value - 75 + steps), "happy": list(value - 40 + steps)}}
    (cue,) = measure_cues(load_audio(EXAMPLE), table)
    assert cue.value == value
    assert cue.percentiles == pytest.approx({"sad": 75, "happy": 40}, abs=1e-3)
    assert cue.typical_of == "happy"
    assert cue.in_words("sad") == (
        f"pitch range: {value:.1f} semitones, 75th percentile of sad clips; nearest to the median of happy"
    )


def test_an_emotion_without_clips_is_left_out_of_the_words() -> None:
    cue = Cue("tempo", 2.0, "2.0", {"sad": 50.0})
    assert cue.in_words("bored") == "tempo: 2.0; nearest to the median of sad"
    assert cue.to_dict()["typical_of"] == "sad"


def test_a_value_beyond_the_clips_of_all_emotions_is_typical_of_none() -> None:
    high = Cue("tempo", 9.0, "9.0", {"sad": 100.0, "happy": 97.0})
    assert high.typical_of is None
    assert high.in_words("sad") == "tempo: 9.0, higher than nearly all sad clips; typical of no emotion"
    assert "lower than nearly all sad clips" in Cue("tempo", 0.0, "0.0", {"sad": 0.0}).in_words("sad")


def test_silence_around_the_voice_is_no_pause() -> None:
    waveform = load_audio(EXAMPLE, 16_000)
    rng = np.random.default_rng(0)
    silence = (1e-4 * rng.standard_normal(16_000)).astype(np.float32)
    surrounded = Waveform(np.concatenate([silence, waveform.samples, silence]), 16_000)
    column = COLUMNS.index("active_ratio")
    # 0.1 s of silence is kept on each side
    assert describe_cues(surrounded)[column] == pytest.approx(describe_cues(waveform)[column], abs=0.1)
    assert extract(surrounded, "voice@1")[column] < 0.6 * extract(waveform, "voice@1")[column]


def test_a_recording_without_a_voice_has_no_cues_of_pitch() -> None:
    noise = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    waveform = Waveform(0.1 * noise, 16_000)
    assert extract(waveform, "voice@1")[COLUMNS.index("voiced_ratio")] == 0
    table = {name: {"sad": list(range(len(PERCENTS)))} for name in CUES}
    found = {cue.name for cue in measure_cues(waveform, table)}
    assert found == {"tempo", "time without pauses", "brightness"}


def test_a_table_is_read_from_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cues, "TABLE", tmp_path / "table.json")
    read_table.cache_clear()
    try:
        assert measure_cues(load_audio(EXAMPLE)) == ()
        read_table.cache_clear()
        table = percentile_table(np.stack([describe_cues(load_audio(EXAMPLE))]), ["happy"])
        (tmp_path / "table.json").write_text(json.dumps({"cues": table}))
        assert [cue.name for cue in measure_cues(load_audio(EXAMPLE))] == list(CUES)
    finally:
        read_table.cache_clear()
