"""A clip may be a part of its file: it is read, resampled and checked as a whole file is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt.audio.loading import fingerprint
from affekt.corpora.base import Clip
from affekt.corpora.check import check_corpus
from affekt.corpora.clips import load_whole
from affekt.corpora.registry import load_corpus
from affekt.errors import AudioContentError, AudioFormatError, AudioNotFoundError

RATE = 16_000
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:c6f94b25\nsize 72862\n"


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A recording of 3 s: a second of 200 Hz, a second of 400 Hz, a second of silence."""
    time_s = np.arange(RATE) / RATE
    tones = [0.5 * np.sin(2 * np.pi * pitch * time_s) for pitch in (200, 400)]
    soundfile.write(tmp_path / "long.wav", np.concatenate([*tones, np.zeros(RATE)]), RATE)
    return tmp_path / "long.wav"


def part(path: Path, start_s: float | None, end_s: float | None) -> Clip:
    return Clip(path=path, emotion="sad", speaker="ann", corpus="mine", start_s=start_s, end_s=end_s)


@pytest.mark.parametrize(
    ("start_s", "end_s", "seconds"),
    [(None, None, 3.0), (0.0, 1.0, 1.0), (1.25, 1.75, 0.5), (None, 2.0, 2.0), (0.5, None, 2.5)],
)
def test_the_part_is_read(
    recording: Path, start_s: float | None, end_s: float | None, seconds: float
) -> None:
    assert load_whole(part(recording, start_s, end_s)).duration_s == seconds


def test_the_part_is_resampled(recording: Path) -> None:
    waveform = load_whole(part(recording, 0.5, 1.5), 8_000)
    assert (waveform.sample_rate, waveform.duration_s) == (8_000, 1.0)


def test_two_parts_have_their_own_sound(recording: Path) -> None:
    first, second = (load_whole(part(recording, start, start + 1)) for start in (0.0, 1.0))
    pitches = [int(np.abs(np.fft.rfft(one.samples)).argmax()) for one in (first, second)]
    assert (pitches, fingerprint(first) == fingerprint(second)) == ([200, 400], False)


@pytest.mark.parametrize(("start_s", "end_s"), [(2.5, 3.5), (3.0, 3.005), (7.0, None)])
def test_a_part_beyond_the_file_is_refused(recording: Path, start_s: float, end_s: float | None) -> None:
    with pytest.raises(AudioContentError, match=r"long\.wav#t=.* is not within the file.* 3\.00 s"):
        load_whole(part(recording, start_s, end_s))


@pytest.mark.parametrize(
    ("start_s", "end_s", "reason"), [(2.0, 3.0, "is silent"), (1.0, 1.05, "is too short")]
)
def test_a_part_that_cannot_be_used_is_refused_by_its_name(
    recording: Path, start_s: float, end_s: float, reason: str
) -> None:
    with pytest.raises(AudioContentError, match=rf"long\.wav#t={start_s:g},{end_s:g} {reason}"):
        load_whole(part(recording, start_s, end_s))


def test_a_file_that_changes_between_two_parts_is_read_again(recording: Path) -> None:
    load_whole(part(recording, 0.0, 1.0))
    soundfile.write(recording, np.full(RATE * 4, 0.25) * np.resize([1, -1], RATE * 4), RATE)
    assert load_whole(part(recording, 3.0, 4.0)).duration_s == 1.0


@pytest.mark.parametrize("end_s", [None, 1.0])
def test_a_file_that_does_not_exist_is_not_found(end_s: float | None, tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError):
        load_whole(part(tmp_path / "gone.wav", None, end_s))


@pytest.mark.parametrize("end_s", [None, 1.0])
def test_a_pointer_of_git_lfs_is_explained(end_s: float | None, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text(POINTER, encoding="ascii")
    with pytest.raises(AudioFormatError, match=r"a\.wav is a pointer of Git LFS .* 'git lfs pull'"):
        load_whole(part(tmp_path / "a.wav", None, end_s))


def test_parts_of_a_recording_are_clips_of_a_manifest(recording: Path) -> None:
    rows = ["long.wav,happy,ann,0,1", "long.wav,sad,ann,1,2", "long.wav,sad,bob,2,3"]
    manifest = recording.with_name("mine.csv")
    manifest.write_text("\n".join(["path,emotion,speaker,start,end", *rows]), encoding="utf-8")
    check = check_corpus(load_corpus(manifest))
    assert [path.name for path, _ in check.recordings] == ["long.wav#t=0,1", "long.wav#t=1,2"]
    assert [path.name for path, _ in check.unusable] == ["long.wav#t=2,3"]
    assert (check.identical, check.corpus.doubled) == ((), 0)
