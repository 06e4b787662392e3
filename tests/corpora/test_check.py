"""The check of a corpus lists every file that is missing, misnamed, unusable or a duplicate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt.audio.loading import load_audio
from affekt.corpora.base import Corpus, CorpusCard, join
from affekt.corpora.check import CorpusCheck, check_corpus
from affekt.corpora.readers.ravdess import CARD
from affekt.corpora.registry import READERS, load_corpus
from affekt.features.recording import measure_quality

RATE = 16_000
STEMS = [f"03-01-{emotion}-01-01-01-01" for emotion in ("01", "02", "03", "04", "05", "06")]
SONG = "03-02-03-01-01-01-01"


def write(folder: Path, name: str, samples: np.ndarray) -> Path:
    soundfile.write(folder / name, samples, RATE, format="WAV", subtype="FLOAT")
    return folder / name


def noise(seed: int) -> np.ndarray:
    return 0.1 * np.random.default_rng(seed).standard_normal(RATE // 4)


def load_expecting(folder: Path, **stems: list[str]) -> Corpus:
    """Load a corpus with a card that expects these names by vocal channel, instead of all 2452."""
    return replace(load_corpus(folder), cards=(replace(CARD, expected_stems=lambda: stems),))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six valid clips of one actor."""
    for seed, stem in enumerate(STEMS):
        write(tmp_path, f"{stem}.wav", noise(seed))
    return tmp_path


def check(folder: Path) -> CorpusCheck:
    return check_corpus(load_expecting(folder, speech=STEMS))


def test_a_complete_corpus_passes(folder: Path) -> None:
    result = check(folder)
    assert result.passed
    assert (result.missing, result.absent_vocal_channels, result.misnamed) == ((), (), ())
    assert (result.unusable, result.identical) == ((), ())


def test_a_missing_file_is_listed(folder: Path) -> None:
    (folder / f"{STEMS[2]}.wav").unlink()
    result = check(folder)
    assert (result.missing, result.absent_vocal_channels) == ((STEMS[2],), ())
    assert not result.passed


def test_a_vocal_channel_without_clips_is_listed_once(folder: Path) -> None:
    result = check_corpus(load_expecting(folder, speech=STEMS, song=[SONG]))
    assert (result.missing, result.absent_vocal_channels) == ((), ("song",))
    assert result.passed


def test_the_names_of_the_real_ravdess_are_expected(folder: Path) -> None:
    result = check_corpus(load_corpus(folder))
    assert len(result.missing) == 1440 - len(STEMS)
    assert result.absent_vocal_channels == ("song",)


def test_a_misnamed_file_is_listed(folder: Path) -> None:
    misnamed = write(folder, "03-01-99-01-01-01-01.wav", noise(99))
    result = check(folder)
    assert result.misnamed == (misnamed,)
    assert not result.passed


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.write_bytes(b"dear diary, " * 99), "is not audio that can be read"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_bytes(path.read_bytes()[:900]), "the file is cut off"),
        (lambda path: write(path.parent, path.name, noise(0) * np.nan), "has NaN or infinite values"),
        (lambda path: write(path.parent, path.name, noise(0) * 0), "is silent throughout"),
        (lambda path: write(path.parent, path.name, noise(0)[:99]), "is too short"),
    ],
    ids=["not audio", "empty", "cut off", "NaN", "silent", "short"],
)
def test_an_unusable_file_is_listed_with_its_reason(
    folder: Path, damage: Callable[[Path], object], reason: str
) -> None:
    damage(folder / f"{STEMS[3]}.wav")
    result = check(folder)
    assert [path for path, _ in result.unusable] == [folder / f"{STEMS[3]}.wav"]
    assert reason in result.unusable[0][1]
    assert (result.missing, result.passed) == ((), False)


def test_identical_audio_is_listed_and_passes(folder: Path) -> None:
    write(folder, f"{STEMS[4]}.wav", noise(1))
    result = check(folder)
    assert result.identical == ((folder / f"{STEMS[1]}.wav", folder / f"{STEMS[4]}.wav"),)
    assert result.passed


def test_all_problems_are_found_at_once(folder: Path) -> None:
    (folder / f"{STEMS[0]}.wav").unlink()
    (folder / f"{STEMS[1]}.wav").write_bytes(b"dear diary")
    write(folder, f"{STEMS[2]}.wav", noise(0) * 0)
    write(folder, f"{STEMS[3]}.wav", noise(4))
    misnamed = write(folder, "happy.wav", noise(99))
    result = check(folder)
    assert (result.missing, result.misnamed) == ((STEMS[0],), (misnamed,))
    assert [path.stem for path, _ in result.unusable] == STEMS[1:3]
    assert result.identical == ((folder / f"{STEMS[3]}.wav", folder / f"{STEMS[4]}.wav"),)


def test_a_missing_file_of_a_manifest_is_listed_by_its_path(folder: Path) -> None:
    rows = [f"{STEMS[0]}.wav,neutral,01", "gone.wav,sad,01"]
    (folder / "mine.csv").write_text("\n".join(["path,emotion,speaker", *rows]), encoding="utf-8")
    result = check_corpus(load_corpus(folder / "mine.csv"))
    assert (result.missing, result.unusable) == ((str(folder / "gone.wav"),), ())
    assert not result.passed


def counting(name: str, speech: int) -> CorpusCard:
    """Return a card that expects so many clips without listing their names."""
    counts = {"speech": speech} if speech else {}
    return CorpusCard(name=name, title="", licence="", citation="", address="", counts=counts)


@pytest.mark.parametrize(
    ("expected", "missing"), [(0, []), (6, []), (9, ["3 of 9 clips of speech (names unknown)"])]
)
def test_a_card_without_names_compares_counts(folder: Path, expected: int, missing: list[str]) -> None:
    corpus = replace(load_corpus(folder), cards=(counting("ravdess", expected),))
    assert list(check_corpus(corpus).missing) == missing


def test_joined_corpora_are_counted_separately(folder: Path) -> None:
    first = replace(load_corpus(folder), cards=(counting("ravdess", 6),))
    write(folder, "03a01Fa.wav", noise(99))
    clips = tuple(READERS["emodb"].read(folder))
    second = replace(first, name="emodb", clips=clips, cards=(counting("emodb", 2),))
    result = check_corpus(join([first, second]))
    assert result.missing == ("1 of 2 clips of speech (names unknown)",)


def test_the_real_ravdess_passes_with_one_pair_of_identical_clips(ravdess: Path) -> None:
    result = check_corpus(load_corpus(ravdess))
    assert (result.missing, result.absent_vocal_channels, result.misnamed, result.unusable) == (
        (),
        (),
        (),
        (),
    )
    assert [[path.stem for path in group] for group in result.identical] == [
        ["03-01-03-01-02-01-07", "03-01-03-01-02-02-07"]
    ]


def test_a_check_that_passes_is_shown_in_one_line(folder: Path) -> None:
    result = check(folder)
    assert (repr(result), result.problems) == ("<CorpusCheck ravdess: 6 clips, passed>", "")


def test_a_check_with_problems_is_shown_with_their_numbers(folder: Path) -> None:
    (folder / f"{STEMS[0]}.wav").unlink()
    (folder / f"{STEMS[1]}.wav").write_bytes(b"not audio")
    result = check(folder)
    assert result.problems == "1 missing, 1 unusable"
    assert repr(result) == "<CorpusCheck ravdess: 5 clips, 1 missing, 1 unusable>"


def test_more_clips_than_expected_are_surplus(folder: Path) -> None:
    corpus = replace(load_corpus(folder), cards=(counting("ravdess", 4),))
    result = check_corpus(corpus)
    assert (result.surplus, result.passed) == (("6 clips of speech, where 4 are expected",), False)


# Recordings, doubles, parts of a corpus


def test_rates_channels_lengths_and_levels_are_measured(folder: Path) -> None:
    time_s = np.arange(48_000) / 48_000
    tone = 0.5 * np.sin(2 * np.pi * 200 * time_s)
    soundfile.write(folder / f"{STEMS[0]}.wav", np.stack([tone, tone], axis=1), 48_000, subtype="FLOAT")
    path, found = check(folder).recordings[0]
    assert (path.stem, found.sample_rate, found.channels, found.duration_s) == (STEMS[0], 48_000, 2, 1.0)
    assert (found.peak_db, found.level_db) == pytest.approx(
        (20 * np.log10(0.5), 10 * np.log10(0.125)), abs=0.01
    )
    assert {one.channels for _, one in check(folder).recordings[1:]} == {1}


def test_clipped_and_very_quiet_files_are_named(folder: Path) -> None:
    write(folder, f"{STEMS[0]}.wav", np.clip(50 * noise(0), -1, 1))
    write(folder, f"{STEMS[1]}.wav", noise(1) / 100)
    result = check(folder)
    assert [path.stem for path in result.clipped] == [STEMS[0]]
    assert [path.stem for path in result.quiet] == [STEMS[1]]


def test_clipping_is_measured_as_by_predict_with_the_offset_of_the_recording(folder: Path) -> None:
    time_s = np.arange(RATE) / RATE
    path = write(folder, f"{STEMS[0]}.wav", np.clip(np.sin(2 * np.pi * 200 * time_s) + 0.019, -1, 1))
    expected = measure_quality(load_audio(path))
    assert expected.clipped > 0.02
    (found,) = (one for name, one in check(folder).recordings if name == path)
    measured = (found.clipped, found.peak_db, found.level_db, found.duration_s, found.sample_rate)
    assert measured == (
        expected.clipped, expected.peak_db, expected.level_db, expected.duration_s, expected.sample_rate,
    )  # fmt: skip


def test_the_channels_of_a_file_that_libsndfile_cannot_open_are_known(folder: Path) -> None:
    av = pytest.importorskip("av", reason="writes m4a")
    tone = 0.5 * np.sin(np.arange(RATE) * 0.1)
    with av.open(folder / f"{STEMS[0]}.wav", "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=RATE, layout="stereo")
        samples = np.stack([tone, tone]).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout="stereo")
        frame.sample_rate = RATE
        file.mux([*stream.encode(frame), *stream.encode(None)])
    (found,) = (one for path, one in check(folder).recordings if path.stem == STEMS[0])
    assert found.channels == 2


def test_the_parts_of_a_stereo_file_have_its_channels(folder: Path) -> None:
    tone = 0.5 * np.sin(np.arange(RATE) * 0.1)
    soundfile.write(folder / "long.wav", np.stack([tone, 0 * tone], axis=1), RATE)
    rows = ["path,emotion,speaker,start,end", "long.wav,sad,ann,0,0.5", "long.wav,sad,ann,0.5,1"]
    (folder / "mine.csv").write_text("\n".join(rows), encoding="utf-8")
    assert [one.channels for _, one in check_corpus(folder / "mine.csv").recordings] == [2, 2]


def test_a_corpus_that_is_held_twice_is_neither_surplus_nor_identical_but_doubled(folder: Path) -> None:
    (folder / "again").mkdir()
    for stem in STEMS:
        (folder / "again" / f"{stem}.wav").write_bytes((folder / f"{stem}.wav").read_bytes())
    card = replace(CARD, expected_stems=lambda: {"speech": STEMS}, counts={"speech": 6})
    result = check_corpus(replace(load_corpus(folder), cards=(card,)))
    assert (result.surplus, result.identical, result.corpus.doubled) == ((), (), 6)
    assert result.passed


@pytest.mark.parametrize(
    ("name", "emotions", "speakers"),
    [("03-01-01-01-01-01-01", 8, 24), ("03-02-01-01-01-01-01", 6, 23)],
    ids=["speech", "song"],
)
def test_emotions_and_speakers_are_expected_of_the_vocal_channel_that_is_there(
    tmp_path: Path, name: str, emotions: int, speakers: int
) -> None:
    write(tmp_path, f"{name}.wav", noise(0))
    expected = check_corpus(tmp_path).expected
    assert (len(expected.emotions), expected.emotions["neutral"], expected.speakers) == (
        emotions,
        4 * speakers,
        speakers,
    )
    assert expected.clips == 2452


def test_the_whole_card_is_expected_where_both_vocal_channels_are_there(folder: Path) -> None:
    write(folder, f"{SONG}.wav", noise(9))
    assert check_corpus(folder).expected.emotions == CARD.emotions


def test_a_file_that_was_published_broken_is_a_known_fault(tmp_path: Path) -> None:
    write(tmp_path, "1076_MTI_SAD_XX.wav", noise(0) * 0)
    result = check_corpus(tmp_path)
    assert [(path.stem, why) for path, why in result.known_faults] == [
        ("1076_MTI_SAD_XX", "has no sound as it was published")
    ]
    assert result.unusable == ()


def test_a_pointer_of_git_lfs_costs_its_own_row(folder: Path) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:c6f94b25\nsize 72862\n"
    (folder / f"{STEMS[0]}.wav").write_text(pointer, encoding="ascii")
    result = check(folder)
    assert [("Git LFS" in why) for _, why in result.unusable] == [True]
    assert len(result.recordings) == len(STEMS) - 1
