"""The terminal output of a corpus check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.reports.synthetic import make_clips
from tests.reports.terminal.printing import cells, printed

from affekt.corpora.base import Corpus, CorpusCard
from affekt.corpora.check import Expected, Recording, compare_with_cards
from affekt.reports import terminal

CARD = CorpusCard(
    name="own", title="My [own] corpus", licence="[mine]", citation="Me (2001)", address="",
    counts={"speech": 120}, emotions={"neutral": 30, "happy": 30, "sad": 30, "angry": 31}, speakers=6,
)  # fmt: skip
CORPUS = Corpus(name="own", clips=tuple(make_clips()), cards=(CARD,))
CHECK = compare_with_cards(CORPUS, [(clip, Recording(str(clip.path))) for clip in CORPUS.clips])


def test_counts_are_beside_those_on_the_card() -> None:
    text = printed(terminal.corpus_check(CHECK))
    assert text.startswith("My [own] corpus\nlicence: [mine]\ncite: Me (2001)\n")
    assert cells(text, "vocal channel") == ["clips", "expected"]
    assert cells(text, "speech") == ["120", "120", "✓"]
    assert cells(text, "happy") == ["30", "30", "✓"]
    assert cells(text, "angry") == ["30", "31", "!"]
    assert "6 speakers of 6 expected ✓" in text


def test_without_problems_every_clip_can_be_used() -> None:
    text = printed(terminal.corpus_check(CHECK))
    assert text.endswith("✓ every clip can be used")
    for problem in ("missing", "surplus", "misnamed", "unusable"):
        assert f"✓ {problem}: none" in text


def test_every_problem_is_listed_with_its_files() -> None:
    check = replace(
        CHECK,
        missing=("gone.wav",),
        absent_vocal_channels=("song",),
        surplus=("3 clips of speech, where 2 are expected",),
        misnamed=(Path("odd.wav"),),
        unusable=((Path("bad.wav"), "bad.wav is silent"),),
        identical=((Path("a.wav"), Path("[b].wav")),),
    )
    text = printed(terminal.corpus_check(check))
    for part in (
        "no clip of song is there",
        "✗ missing: 1\n  gone.wav",
        "✗ surplus: 1\n  3 clips of speech, where 2 are expected",
        "✗ misnamed: 1\n  odd.wav",
        "✗ unusable: 1\n  is silent (1 file)\n    bad.wav",
        "! identical audio under different names: 1\n  a.wav = [b].wav",
    ):
        assert part in text
    assert text.endswith("✗ 1 missing, 1 surplus, 1 misnamed, 1 unusable, see above")


def test_joined_corpora_have_no_expected_counts() -> None:
    corpus = replace(CORPUS, cards=(CARD, replace(CARD, name="other")))
    text = printed(terminal.corpus_check(replace(CHECK, corpus=corpus)))
    assert "clips" in cells(text, "emotion")
    assert "expected" not in cells(text, "emotion")


def test_clips_of_unknown_speakers_are_counted() -> None:
    corpus = replace(CORPUS, clips=tuple(make_clips(speakers=("01", ""))))
    text = printed(terminal.corpus_check(replace(CHECK, corpus=corpus)))
    assert "1 speaker of 6 expected\n" in text
    assert "20 clips of unknown speakers" in text


def test_how_clips_were_recorded_takes_five_lines() -> None:
    recordings = [
        (Path("a.wav"), Recording("a", 1.0, 16_000, 1, -3.0, -20.0)),
        (Path("b.wav"), Recording("b", 2.5, 16_000, 2, -60.0, -80.0)),
        (Path("c.wav"), Recording("c", 4.0, 48_000, 0, -0.001, -9.5, 0.01)),
    ]
    text = printed(terminal.corpus_check(replace(CHECK, recordings=tuple(recordings))))
    assert (
        "sample rate  16000 Hz: 2, 48000 Hz: 1\n"
        "channels     1: 1, 2: 1, unknown: 1\n"
        "length       1.0 to 4.0 s, median 2.5 s\n"
        "peak         -60.0 to 0.0 dB of full scale\n"
        "level (RMS)  -80.0 to -9.5 dB of full scale\n"
        "! clipped: 1, such as c.wav\n"
        "! very quiet: 1, such as b.wav\n"
    ) in text


def test_a_corpus_of_one_vocal_channel_is_said_to_be_that() -> None:
    expected = Expected(
        clips=240, emotions={"neutral": 30, "happy": 30, "sad": 30, "angry": 30}, speakers=6
    )
    card = replace(CARD, counts={"speech": 120, "song": 120})
    check = replace(
        CHECK,
        corpus=replace(CORPUS, cards=(card,)),
        expected=expected,
        absent_vocal_channels=("song",),
    )
    text = printed(terminal.corpus_check(check))
    assert "\nspeech alone: no clip of song is there\n" in text
    assert cells(text, "song") == ["0", "120", "absent"]
    assert cells(text, "angry") == ["30", "30", "✓"]


def test_where_most_clips_are_missing_their_number_takes_the_place_of_their_names() -> None:
    check = replace(CHECK, expected=Expected(clips=2452), missing=tuple(f"{i}.wav" for i in range(1438)))
    text = printed(terminal.corpus_check(check))
    assert "120 of 2,452 clips are here" in text
    assert "✗ missing: 1438\n  names are not shown: 'affekt corpora check --all' lists them\n" in text
    assert "0.wav" not in text
    assert len(text.splitlines()) < 40


def test_a_long_list_is_cut_unless_all_is_asked_for() -> None:
    files = tuple(Path(f"odd-{i}.wav") for i in range(14))
    unusable = tuple((Path(f"bad-{i}.wav"), f"bad-{i}.wav is silent") for i in range(14))
    check = replace(CHECK, misnamed=files, unusable=unusable)
    cut, whole = (printed(terminal.corpus_check(check, show_all=every)) for every in (False, True))
    assert "✗ misnamed: 14\n  odd-0.wav\n" in cut
    assert cut.count("and 4 more: 'affekt corpora check --all' lists them") == 2
    assert ("odd-9.wav" in cut, "odd-10.wav" in cut, "bad-10.wav" in cut) == (True, False, False)
    assert ("odd-13.wav" in whole, "bad-13.wav" in whole, "--all" in whole) == (True, True, False)


def test_a_double_is_not_one_of_the_clips_that_are_here() -> None:
    again = [replace(clip, path=Path("again") / clip.path.name) for clip in CORPUS.clips]
    corpus = replace(CORPUS, clips=(*CORPUS.clips, *again))
    check = replace(CHECK, corpus=corpus, expected=Expected(clips=2452), missing=("gone.wav",))
    assert "120 of 2,452 clips are here" in printed(terminal.corpus_check(check))


def test_doubled_clips_are_counted() -> None:
    again = [replace(clip, path=Path("again") / clip.path.name) for clip in CORPUS.clips]
    corpus = replace(CORPUS, clips=(*CORPUS.clips, *again))
    text = printed(terminal.corpus_check(replace(CHECK, corpus=corpus)))
    assert f"! doubled clips (same name and labels in another folder): {len(again)}\n" in text
    assert "and 117 more: 'affekt corpora check --all' lists them" in text


def test_faults_of_published_files_do_not_fail_the_check() -> None:
    check = replace(CHECK, known_faults=((Path("a.wav"), "has no sound as it was published"),))
    text = printed(terminal.corpus_check(check))
    assert "! unusable as they were published: 1\n  a.wav has no sound" in text
    assert text.endswith("✓ every clip can be used")


def test_an_emotion_that_is_probably_misspelt_is_mentioned() -> None:
    clips = [replace(clip, emotion="angery") for clip in make_clips()]
    text = printed(terminal.corpus_check(replace(CHECK, corpus=replace(CORPUS, clips=tuple(clips)))))
    assert "! not known: angery (did you mean angry?)" in text
