"""The check of a corpus names every file that is missing, misnamed, unusable or there twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt import corpora
from affekt.corpora import emodb
from affekt.corpora.ravdess import CARD
from affekt.corpus import Corpus, CorpusCard, join
from affekt.corpus_check import CorpusCheck, check_corpus

RATE = 16_000
STEMS = [f"03-01-{emotion}-01-01-01-01" for emotion in ("01", "02", "03", "04", "05", "06")]
SONG = "03-02-03-01-01-01-01"


def write(folder: Path, name: str, samples: np.ndarray) -> Path:
    soundfile.write(folder / name, samples, RATE, format="WAV", subtype="FLOAT")
    return folder / name


def noise(seed: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(RATE // 4)


def load_expecting(folder: Path, **stems: list[str]) -> Corpus:
    """The corpus in a folder, whose card expects these stems by channel instead of all 2452."""
    return replace(corpora.load(folder), cards=(replace(CARD, expected_stems=lambda: stems),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six sound clips of one actor."""
    for seed, stem in enumerate(STEMS):
        write(tmp_path, f"{stem}.wav", noise(seed))
    return tmp_path


def check(folder: Path) -> CorpusCheck:
    return check_corpus(load_expecting(folder, speech=STEMS))


def test_a_whole_corpus_is_sound(folder: Path) -> None:
    result = check(folder)
    assert result.sound
    assert (result.missing, result.absent_channels, result.misnamed) == ((), (), ())
    assert (result.unusable, result.identical) == ((), ())


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / f"{STEMS[2]}.wav").unlink()
    result = check(folder)
    assert (result.missing, result.absent_channels) == ((STEMS[2],), ())
    assert not result.sound


def test_a_channel_that_is_not_there_at_all_is_named_once(folder: Path) -> None:
    result = check_corpus(load_expecting(folder, speech=STEMS, song=[SONG]))
    assert (result.missing, result.absent_channels) == ((), ("song",))
    assert result.sound


def test_real_ravdess_names_are_what_is_expected(folder: Path) -> None:
    result = check_corpus(corpora.load(folder))
    assert len(result.missing) == 1440 - len(STEMS)
    assert result.absent_channels == ("song",)


def test_a_misnamed_file_is_named(folder: Path) -> None:
    misnamed = write(folder, "03-01-99-01-01-01-01.wav", noise(99))
    result = check(folder)
    assert result.misnamed == (misnamed,)
    assert not result.sound


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b"dear diary, " * 99), "is not audio that can be read"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:900]), "the file is cut off"),
        (lambda path: write(path.parent, path.name, noise(0) * np.nan), "holds NaN or infinite values"),
        (lambda path: write(path.parent, path.name, noise(0) * 0), "is silent throughout"),
        (lambda path: write(path.parent, path.name, noise(0)[:99]), "is too short"),
    ],
    ids=["not audio", "empty", "cut off", "NaN", "silent", "short"],
)
def test_an_unusable_file_is_named_with_its_reason(
    folder: Path, damage: Callable[[Path], object], reason: str
) -> None:
    damage(folder / f"{STEMS[3]}.wav")
    result = check(folder)
    assert [path for path, _ in result.unusable] == [folder / f"{STEMS[3]}.wav"]
    assert reason in result.unusable[0][1]
    assert (result.missing, result.sound) == ((), False)


def test_identical_sound_is_named_and_is_no_fault(folder: Path) -> None:
    write(folder, f"{STEMS[4]}.wav", noise(1))
    result = check(folder)
    assert result.identical == ((folder / f"{STEMS[1]}.wav", folder / f"{STEMS[4]}.wav"),)
    assert result.sound


def test_every_fault_is_found_in_one_go(folder: Path) -> None:
    (folder / f"{STEMS[0]}.wav").unlink()
    (folder / f"{STEMS[1]}.wav").write_bytes(b"dear diary")
    write(folder, f"{STEMS[2]}.wav", noise(0) * 0)
    write(folder, f"{STEMS[3]}.wav", noise(4))
    misnamed = write(folder, "happy.wav", noise(99))
    result = check(folder)
    assert (result.missing, result.misnamed) == ((STEMS[0],), (misnamed,))
    assert [path.stem for path, _ in result.unusable] == STEMS[1:3]
    assert result.identical == ((folder / f"{STEMS[3]}.wav", folder / f"{STEMS[4]}.wav"),)


def test_a_file_that_a_manifest_promises_is_missing_by_its_path(folder: Path) -> None:
    rows = [f"{STEMS[0]}.wav,neutral,01", "gone.wav,sad,01"]
    (folder / "mine.csv").write_text("\n".join(["path,emotion,speaker", *rows]), encoding="utf-8")
    result = check_corpus(corpora.load(folder / "mine.csv"))
    assert (result.missing, result.unusable) == ((str(folder / "gone.wav"),), ())
    assert not result.sound


def counting(name: str, speech: int) -> CorpusCard:
    """A card that promises so many clips and cannot name them."""
    counts = {"speech": speech} if speech else {}
    return CorpusCard(name=name, title="", licence="", citation="", address="", counts=counts)


@pytest.mark.parametrize(
    ("promised", "missing"), [(0, []), (6, []), (9, ["3 of 9 clips of speech (the card cannot name them)"])]
)
def test_a_card_that_names_no_files_counts_them(folder: Path, promised: int, missing: list[str]) -> None:
    corpus = replace(corpora.load(folder), cards=(counting("ravdess", promised),))
    assert list(check_corpus(corpus).missing) == missing


def test_clips_of_one_corpus_do_not_stand_in_for_those_of_another(folder: Path) -> None:
    first = replace(corpora.load(folder), cards=(counting("ravdess", 6),))
    write(folder, "03a01Fa.wav", noise(99))
    clips = tuple(emodb.read(folder))
    second = replace(first, name="emodb", clips=clips, cards=(counting("emodb", 2),))
    result = check_corpus(join([first, second]))
    assert result.missing == ("1 of 2 clips of speech (the card cannot name them)",)


def test_the_real_ravdess_has_one_pair_of_identical_clips_and_no_fault(ravdess: Path) -> None:
    result = check_corpus(corpora.load(ravdess))
    assert (result.missing, result.absent_channels, result.misnamed, result.unusable) == ((), (), (), ())
    assert [[path.stem for path in group] for group in result.identical] == [
        ["03-01-03-01-02-01-07", "03-01-03-01-02-02-07"]
    ]
