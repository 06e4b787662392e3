"""Scores of timelines, on recordings whose truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from affekt.audio.loading import load_audio
from affekt.errors import CorpusError
from affekt.experiments.timelines import (
    AnnotatedRecording,
    TimelineScore,
    evaluate_timelines,
    read_annotations,
    score_spans,
)
from affekt.inference.timeline_reader import timeline

EXAMPLES = sorted((Path(__file__).parents[1] / "synthetic_voices").glob("*.flac"))
RATE = 16_000
SPANS = ((1.0, 3.0, "sad"), (5.0, 6.0, "happy"))
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    parts: list[Any] = [np.zeros(RATE // 2)]
    for path in EXAMPLES[:2]:
        parts += [load_audio(path, RATE).samples, np.zeros(RATE)]
    path = tmp_path / "talk.wav"
    soundfile.write(path, np.concatenate(parts), RATE)
    return path


def manifest(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["path,emotion,speaker,start,end", *rows]))
    return path


def test_a_span_is_missed_and_an_utterance_invented_by_half_of_its_length() -> None:
    truth = AnnotatedRecording(Path("a.wav"), SPANS)
    found = [(1.9, 3.2, "sad"), (5.6, 7.5, "happy"), (8.0, 9.0, "sad")]
    score = score_spans(truth, found, 10.0)
    assert (score.spans, score.missed, score.utterances, score.invented) == (2, 1, 3, 2)
    assert score.errors.confusion_s == 0
    assert score.errors.missed_s == pytest.approx(0.9 + 0.6)


def test_time_that_is_neutral_by_annotation_counts_as_such() -> None:
    truth = AnnotatedRecording(Path("a.wav"), ((2.0, 4.0, "sad"),), rest="neutral")
    right = score_spans(truth, [(2.0, 4.0, "sad")], 10.0)
    assert (right.errors.rate, right.errors.reference_s) == (0, 10)
    assert score_spans(truth, [(5.0, 7.0, "sad")], 10.0).errors.rate == pytest.approx(0.4)


def test_timelines_of_a_manifest_of_segments_are_scored(talk: Path, tmp_path: Path) -> None:
    found = timeline(talk, emotions=["happy", "sad"])
    rows = [
        f"talk.wav,{one.prediction.emotion},anna,{one.start_s},{one.end_s}"
        for one in found.utterances
        if one.prediction
    ]
    place = manifest(tmp_path / "segments.csv", *rows, "none.wav,sad,bob,0,1", "none.wav,happy,bob,1,2")
    score = evaluate_timelines(place)
    assert score.errors.rate == 0
    assert score.errors.right == 1
    assert (score.recordings, score.spans, score.missed, score.invented) == (1, 2, 0, 0)
    assert [path for path, _ in score.failed] == [str(tmp_path / "none.wav")]


def test_zed_has_an_emotion_within_neutral_speech(tmp_path: Path) -> None:
    entry = {
        "wav": "datafolder/clips/a.wav",
        "duration": 4.2,
        "emotion": [{"emo": "anger", "start": 1.5, "end": 3.25}],
        "transcription": "no",
    }
    place = tmp_path / "ZED.json"
    place.write_text(json.dumps({"a": entry}))
    assert read_annotations(place) == [
        AnnotatedRecording(tmp_path / "clips/a.wav", ((1.5, 3.25, "angry"),), rest="neutral")
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("z.json", "[", "is not JSON"),
        ("z.json", "[]", "is not ZED.json"),
        ("z.json", '{"a": {"wav": "x"}}', "the entry 'a'"),
        ("z.json", '{"a": {"wav": "x", "emotion": [{"emo": "sad"}]}}', "the entry 'a'"),
        ("s.csv", "path,emotion,speaker,start,end", "lists no segments"),
        ("s.csv", "path,emotion,speaker\na.wav,sad,anna", "has no start and end"),
        ("s.csv", "path,emotion\na.wav,sad", "no column speaker"),
    ],
)
def test_annotations_that_are_none_are_refused(tmp_path: Path, name: str, content: str, words: str) -> None:
    place = tmp_path / name
    place.write_text(content)
    with pytest.raises(CorpusError, match=words):
        read_annotations(place)
    with pytest.raises(CorpusError, match="cannot be read"):
        read_annotations(tmp_path / "none.csv")


def test_scores_are_plain_values() -> None:
    values = json.loads(json.dumps(score_spans(AnnotatedRecording(Path("a"), SPANS), [], 10.0).to_dict()))
    assert (values["rate"], values["right"], values["errors"]["missed_s"]) == (1, 0.7, 3)
    assert TimelineScore().to_dict()["recordings"] == 0
