"""``frames-and-utterance@1`` is a log-mel spectrum of the speech, with utterance features in every row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pytest

from affekt.audio.loading import Waveform, load_audio
from affekt.features.frame_and_utterance import (
    BANDS,
    COLUMNS,
    LEVEL,
    MARGIN_FRAMES,
    describe_frames_and_utterance,
)
from affekt.features.voice import describe_voice

RATE = 16_000


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> Waveform:
    return load_audio(write_voice(tmp_path_factory.mktemp("voice") / "v.wav", seconds=1.0), RATE)


def test_spectra_are_means_of_two_of_librosas_frames(voice: Waveform) -> None:
    power = librosa.feature.melspectrogram(
        y=voice.samples, sr=RATE, n_fft=512, hop_length=160, n_mels=BANDS
    )
    decibels = librosa.power_to_db(power / np.abs(voice.samples).max() ** 2).T
    expected = decibels[:100].reshape(50, 2, BANDS).mean(axis=1) - decibels.max()
    np.testing.assert_allclose(describe_frames_and_utterance(voice)[:, :BANDS], expected, atol=2e-3)


def test_every_row_has_the_features_of_the_utterance(voice: Waveform) -> None:
    rows = describe_frames_and_utterance(voice)
    assert rows.shape[1] == len(COLUMNS)
    assert (rows[:, BANDS:] == rows[0, BANDS:]).all()
    np.testing.assert_allclose(rows[0, BANDS:-1], describe_voice(voice), rtol=1e-3, atol=1e-3)
    assert COLUMNS[-1] == LEVEL


def test_gain_changes_only_the_level(voice: Waveform) -> None:
    loud = describe_frames_and_utterance(voice)
    for gain in (1e-1, 1e-3):
        quiet = describe_frames_and_utterance(Waveform((voice.samples * gain).astype(np.float32), RATE))
        np.testing.assert_allclose(loud[:, -1] - quiet[:, -1], -20 * np.log10(gain), atol=0.01)
        np.testing.assert_allclose(loud[:, :-1], quiet[:, :-1], rtol=1e-3, atol=2e-2)


def test_silence_around_speech_is_removed_except_for_a_margin(voice: Waveform) -> None:
    silence = np.zeros(RATE, np.float32)
    padded = describe_frames_and_utterance(
        Waveform(np.concatenate([silence, voice.samples, silence]), RATE)
    )
    alone = describe_frames_and_utterance(voice)
    assert 0 <= len(padded) - len(alone) <= MARGIN_FRAMES + 2
    assert padded[0, -1] == pytest.approx(alone[0, -1], abs=0.5)


def test_the_shortest_clip_has_a_row() -> None:
    click = np.zeros(160, np.float32)
    click[80] = 0.5
    assert len(describe_frames_and_utterance(Waveform(click, RATE))) >= 1
