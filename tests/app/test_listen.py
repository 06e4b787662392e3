"""The page *Listen*."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt.audio.loading import load_audio
from affekt.inference.prediction import Prediction, predict
from affekt.inference.timeline_reader import timeline
from affekt.model.bundle import load
from affekt.notes import Note, NoteKind

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Page, expect

from affekt.app.listen import EXAMPLES, STYLE, answer_card, count_utterances
from affekt.app.timeline import join_examples

Open = Callable[..., Page]
Shares = dict[str, str]


def test_an_uploaded_file_gets_the_probabilities_of_predict(
    open_page: Open,
    predict_upload: Callable[[Page, Path], Shares],
    expected_shares: Callable[..., Shares],
    voice_file: Path,
) -> None:
    page = open_page()
    assert predict_upload(page, voice_file) == expected_shares(voice_file)
    expect(page.get_by_test_id("stAudio")).to_be_visible()


def test_a_real_clip_gets_the_probabilities_of_predict(
    open_page: Open,
    predict_upload: Callable[[Page, Path], Shares],
    expected_shares: Callable[..., Shares],
    ravdess: Path,
) -> None:
    clip = sorted(ravdess.rglob("*.flac"))[100]
    page = open_page()
    assert predict_upload(page, clip) == expected_shares(clip)
    prediction = predict(clip)
    answer = page.get_by_role("region", name="answer")
    expect(answer).to_contain_text(f"{prediction.emotion} {prediction.confidence:.0%}")
    expect(answer).to_contain_text(f"ne of: {', '.join(prediction.prediction_set)}")


def test_a_recording_from_the_microphone_is_predicted(
    open_page: Open, shares: Callable[[Page], Shares]
) -> None:
    page = open_page()
    page.get_by_role("button", name="Record").first.click()
    page.wait_for_timeout(3000)
    page.get_by_role("button", name=re.compile("Stop")).first.click()
    assert set(shares(page)) == set(load().contract.emotions)


@pytest.mark.parametrize("example", ["angry", "sad"])
def test_an_example_is_answered_with_one_click(
    open_page: Open,
    shares: Callable[[Page], Shares],
    expected_shares: Callable[..., Shares],
    example: str,
) -> None:
    page = open_page()
    page.get_by_role("button", name=example).click()
    file = EXAMPLES / f"{example}.flac"
    found = shares(page)
    assert found == expected_shares(file)
    percents = [int(share[:-1]) for share in found.values()]
    assert percents == sorted(percents, reverse=True)
    words = predict(file).in_words
    expect(page.get_by_role("region", name="answer")).to_contain_text(words[1:])


def test_a_phone_shows_every_way_to_begin_and_then_the_answer_without_scrolling(open_page: Open) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    ways = [
        page.get_by_role("button", name="Record"),
        page.get_by_test_id("stFileUploaderDropzone").get_by_role("button", name="Upload").last,
        *[page.get_by_role("button", name=path.stem) for path in EXAMPLES.glob("*.flac")],
    ]
    assert len(ways) == 6
    for way in ways:
        expect(way).to_be_in_viewport(ratio=1)
    page.get_by_role("button", name="happy").click()
    expect(page.get_by_role("heading", name="happy")).to_be_in_viewport(ratio=1)


def test_removing_the_upload_removes_its_prediction(
    open_page: Open, predict_upload: Callable[[Page, Path], Shares], voice_file: Path
) -> None:
    page = open_page()
    predict_upload(page, voice_file)
    page.get_by_role("button", name=re.compile("^Remove")).first.click()
    expect(page.get_by_role("table")).to_have_count(0)
    expect(page.get_by_test_id("stAudio")).to_have_count(0)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"", "it is empty (0 bytes)."), (b"this is a shopping list", "it is not audio that can be read")],
)
def test_a_file_that_cannot_be_read_gets_a_sentence_that_says_why(
    open_page: Open, upload: Callable[..., None], tmp_path: Path, content: bytes, reason: str
) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(content)
    page = open_page()
    upload(page, broken)
    alert = page.get_by_role("alert").filter(has_text=f"This file cannot be read: {reason}")
    expect(alert).to_be_visible()
    assert "Traceback" not in page.content()


def test_a_zip_archive_is_referred_to_the_page_for_many_files(
    open_page: Open, upload: Callable[..., None], tmp_path: Path, voice_file: Path
) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        archive.write(voice_file, voice_file.name)
    page = open_page()
    upload(page, tmp_path / "all.zip")
    expect(page.get_by_role("alert").filter(has_text="drop it on the page Many files")).to_be_visible()
    expect(page.get_by_role("link", name="Many files")).to_have_count(2)


def test_a_quiet_short_clip_is_predicted_with_warnings(
    open_page: Open, predict_upload: Callable[[Page, Path], Shares], tmp_path: Path
) -> None:
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, 0.001 * np.sin(np.arange(8000) * 0.05), 16000)
    page = open_page()
    predict_upload(page, quiet)
    answer = page.get_by_role("region", name="answer")
    for warning in ("quiet", "Short"):
        expect(answer).to_contain_text(warning)


def test_a_long_recording_is_predicted_as_a_whole_with_a_warning(
    open_page: Open,
    predict_upload: Callable[[Page, Path], Shares],
    expected_shares: Callable[..., Shares],
    tmp_path: Path,
    write_voice: Callable[..., Path],
) -> None:
    file = write_voice(tmp_path / "long.wav", seconds=31)
    page = open_page()
    assert predict_upload(page, file) == expected_shares(file)
    expect(page.get_by_text("gets one answer for its whole length")).to_be_visible()
    expect(page.get_by_text("pooled over")).to_be_visible()
    expect(page.get_by_role("link", name="What is expressed when?")).to_be_visible()


def test_a_recording_that_is_too_long_for_one_answer_is_referred_to_the_timeline(
    open_page: Open, upload: Callable[..., None], tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "lecture.flac", np.zeros(8000 * 660), 8000)
    page = open_page()
    upload(page, tmp_path / "lecture.flac")
    expect(page.get_by_text("This recording has 11 minutes")).to_be_visible()
    expect(page.get_by_role("link", name="Open the timeline")).to_be_visible()


def make_prediction(
    confidence: float = 0.62, more: tuple[str, ...] = (), notes: tuple[Note, ...] = ()
) -> Prediction:
    shares = {"sad": 0.01, "calm": confidence, "<bliss>": 0.37 - (confidence - 0.62)}
    return Prediction("calm", confidence, shares, ("calm", "<bliss>", *more), 1.0, notes)


def test_a_card_has_the_words_the_prediction_set_and_a_sorted_bar_for_each_emotion() -> None:
    card = answer_card(make_prediction(), [])
    assert "Probably calm" in card
    assert "one of: <strong>calm, &lt;bliss&gt;</strong>" in card
    assert re.findall("width:([0-9.]+)%", card) == ["62.0", "37.0", "1.0"]
    assert "<bliss>" not in card
    assert "caveat" not in card


@pytest.mark.parametrize(
    ("prediction", "first", "size"),
    [
        (make_prediction(more=("sad", "angry")), "The model is unsure", "unsure"),
        (make_prediction(notes=(Note(NoteKind.OUT_OF_DISTRIBUTION, ""),)), "Do not rely on", "unlike"),
    ],
)
def test_what_limits_an_answer_comes_before_a_smaller_word(
    prediction: Prediction, first: str, size: str
) -> None:
    card = answer_card(prediction, ["Very quiet."])
    assert card.index(first) < card.index("Very quiet.") < card.index(f'class="word {size}"')
    assert 'class="word sure"' not in card


def test_the_sizes_of_the_word_shrink() -> None:
    rems = [
        float(re.search(rf"[.]answer [.]{size} {{ font-size: ([0-9.]+)rem", STYLE)[1])  # type: ignore[index]
        for size in ("sure", "unsure", "unlike")
    ]
    assert rems == sorted(rems, reverse=True)
    assert len(set(rems)) == 3


def test_utterances_are_counted_without_answering_them() -> None:
    assert count_utterances(load_audio(EXAMPLES / "angry.flac")) == 1
    assert count_utterances(load_audio(join_examples())) == len(timeline(join_examples()).utterances)
