"""What carries an emotion: summaries of explanations over clips."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.inference.explained import FOUND

from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError, EncoderError
from affekt.experiments.explanations import TIMES, explain_corpus, find_carriers
from affekt.inference.cues import Cue
from affekt.inference.explanation import SegmentEffect
from affekt.inference.prediction import Prediction


def test_effects_are_added_up_in_each_fifth_of_a_clip() -> None:
    segments = tuple(SegmentEffect(i / 10, (i + 1) / 10, i // 2, 0.1) for i in range(10))
    other = tuple(SegmentEffect(float(i), i + 1.0, 2.0, 0.1) for i in range(5))
    found = find_carriers([replace(FOUND, segments=segments), replace(FOUND, segments=other)], "sad")
    assert found.clips == 2
    assert found.times == pytest.approx([1, 2, 3, 4, 5])


def test_a_segment_in_two_fifths_is_divided() -> None:
    found = find_carriers([replace(FOUND, segments=(SegmentEffect(0, 2, 5.0, 0.1),))], "sad")
    assert found.times == pytest.approx([1] * TIMES)


def test_changes_are_of_the_probability_of_the_emotion() -> None:
    found = find_carriers([FOUND, replace(FOUND, emotion="angry")], "sad")
    assert found.changes == pytest.approx({"slower": 0.6, "faster": -0.1})


def test_cues_are_compared_with_the_log_odds_over_the_clips_of_all_emotions() -> None:
    clips = [
        replace(
            FOUND,
            emotion=emotion,
            prediction=Prediction("sad", share, {"sad": share, "angry": 1 - share}, ("sad",), 3.0),
            cues=(Cue("tempo", tempo, "", {}),),
        )
        for emotion, share, tempo in (("sad", 0.9, 1.0), ("sad", 0.6, 2.0), ("angry", 0.2, 5.0))
    ]
    assert find_carriers(clips, "sad").cues == pytest.approx({"tempo": -1})
    assert find_carriers(clips, "angry").cues == pytest.approx({"tempo": 1})


def test_clips_of_each_emotion_of_a_corpus_are_explained(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    for seed, place in enumerate(("angry/a", "angry/b", "happy/c", "bliss/d")):
        write_voice(tmp_path / f"{place}.wav", pitch_hz=100 + 40 * seed, seed=seed)
    happy, angry = explain_corpus(tmp_path, clips=1, masks=20)
    assert (happy.emotion, happy.clips) == ("happy", 1)
    assert (angry.emotion, angry.clips) == ("angry", 1)
    assert "slower" in happy.changes


def test_the_first_error_is_named_where_no_clip_can_be_explained(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    clip = write_voice(tmp_path / "happy" / "a.wav")
    corpus = load_corpus(tmp_path)
    clip.write_text("this is not sound")
    with pytest.raises(CorpusError, match=r"can be explained: .*a\.wav"):
        explain_corpus(corpus)


def test_an_encoder_that_is_missing_is_no_fault_of_the_clips(
    tmp_path: Path, write_voice: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise EncoderError("the encoder is not on this machine")

    write_voice(tmp_path / "happy" / "a.wav")
    monkeypatch.setattr("affekt.experiments.explanations.explain_waveform", fail)
    with pytest.raises(EncoderError, match="not on this machine"):
        explain_corpus(tmp_path)


def test_a_corpus_without_an_emotion_of_the_model_is_refused(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    write_voice(tmp_path / "happy" / "a.wav")
    corpus = load_corpus(tmp_path)
    with pytest.raises(CorpusError, match="can be explained: the model knows neutral, "):
        explain_corpus(replace(corpus, clips=(replace(corpus.clips[0], emotion="bliss"),)))
