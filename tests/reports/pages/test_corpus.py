"""The page about a corpus."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.reports.html_page import HtmlPage, write

from affekt.experiments.exploration import Exploration
from affekt.reports.pages.content import SHOWN_ROWS


def test_a_corpus_page_has_all_its_sections(corpus_page: HtmlPage) -> None:
    assert list(corpus_page.sections) == [
        "Contents",
        "Recording conditions",
        "Emotion or speaker?",
        "Features",
        "Examples",
    ]


def test_a_corpus_page_begins_with_the_counts(corpus_page: HtmlPage) -> None:
    for words in ("36usable clips", "3speakers", "3emotions", "22 sof audio"):
        assert words in corpus_page.text
    assert "CC BY-NC-SA 4.0" in corpus_page.text


def test_of_many_problems_the_first_are_named_and_all_counted(
    corpus_page: HtmlPage, explored: Exploration
) -> None:
    text = corpus_page.sections["Contents"]
    missing = explored.check.missing
    assert len(missing) == 1440 - 36
    assert all(f"missing: {name}" in text for name in missing[:SHOWN_ROWS])
    assert f"missing: {missing[SHOWN_ROWS]}" not in text
    assert f"Problems: {len(missing) + 1}" in text
    assert f"and {len(missing) + 1 - SHOWN_ROWS} more" in text


def test_every_feature_is_drawn(corpus_page: HtmlPage, explored: Exploration) -> None:
    histograms = " ".join(text for text in corpus_page.captions() if "Histograms" in text)
    assert all(column in histograms for column in explored.columns)


def most_typical(explored: Exploration, emotion: str) -> str:
    """File name of the clip nearest to the mean of its emotion, after standardising all columns."""
    scaled = (explored.features - explored.features.mean(axis=0)) / explored.features.std(axis=0)
    own = [i for i, clip in enumerate(explored.clips) if clip.emotion == emotion]
    centre = np.mean([scaled[i] for i in own], axis=0)
    return explored.clips[min(own, key=lambda i: float(np.linalg.norm(scaled[i] - centre)))].path.name


def test_the_example_of_each_emotion_is_its_most_typical_clip(
    corpus_page: HtmlPage, explored: Exploration
) -> None:
    named = re.findall(r"(neutral|happy|angry): (\S+\.wav)", corpus_page.sections["Examples"])
    assert named == [
        (emotion, most_typical(explored, emotion)) for emotion in ("neutral", "happy", "angry")
    ]
    for (_, name), (samples, rate) in zip(named, corpus_page.audio(), strict=True):
        (path,) = [clip.path for clip in explored.clips if clip.path.name == name]
        original, own_rate = soundfile.read(path)
        assert len(samples) / rate == pytest.approx(len(original) / own_rate, abs=0.1)
        assert samples.std() == pytest.approx(original.std(), rel=0.15)


@pytest.mark.usefixtures("few_figures")
def test_an_example_that_is_gone_has_a_message_in_its_place(explored: Exploration, tmp_path: Path) -> None:
    typical = most_typical(explored, "happy")
    clips = tuple(
        replace(clip, path=tmp_path / "gone" / typical) if clip.path.name == typical else clip
        for clip in explored.clips
    )
    found = write(replace(explored, clips=clips), tmp_path)
    assert re.search(rf"happy: {typical}\s*there is no file", found.sections["Examples"])
    assert len(found.all("audio")) == 2


@pytest.mark.usefixtures("few_figures")
def test_a_corpus_without_problems_says_so(explored: Exploration, tmp_path: Path) -> None:
    check = replace(explored.check, missing=(), absent_vocal_channels=())
    assert check.passed
    text = write(replace(explored, check=check), tmp_path).sections["Contents"]
    assert "none: every clip is usable, and no two are identical" in text


@pytest.mark.usefixtures("few_figures")
def test_doubled_clips_and_known_faults_are_problems(explored: Exploration, tmp_path: Path) -> None:
    clips = explored.corpus.clips
    again = replace(clips[0], path=tmp_path / "again" / clips[0].path.name)
    check = replace(
        explored.check,
        corpus=replace(explored.corpus, clips=(*clips, again)),
        missing=(),
        absent_vocal_channels=(),
        known_faults=((Path("broken.wav"), "has no sound as it was published"),),
    )
    text = write(replace(explored, check=check), tmp_path).sections["Contents"]
    assert "doubled clips (same name and labels in another folder): 1" in text
    assert "unusable as published: broken.wav has no sound" in text
