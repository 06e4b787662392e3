"""The terminal output of a corpus check."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.reports.synthetic import make_clips
from tests.reports.terminal.printing import cells, printed

from affekt.corpora.base import Corpus, CorpusCard
from affekt.corpora.check import compare_with_cards
from affekt.reports import terminal

CARD = CorpusCard(
    name="own", title="My [own] corpus", licence="[mine]", citation="Me (2001)", address="",
    counts={"speech": 120}, emotions={"neutral": 30, "happy": 30, "sad": 30, "angry": 31}, speakers=6,
)  # fmt: skip
CORPUS = Corpus(name="own", clips=tuple(make_clips()), cards=(CARD,))
CHECK = compare_with_cards(CORPUS, [(clip, str(clip.path)) for clip in CORPUS.clips])


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
    assert text.endswith("✗ 1 missing, 1 unusable, see above")


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
