"""Timelines of recordings: those of a stream, for every format, channel and speaker."""

from __future__ import annotations

import io
import json
import signal
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from affekt.audio.loading import load_audio
from affekt.errors import AudioContentError, AudioNotFoundError, DiarisationError, UnknownNameError
from affekt.inference import timeline_reader, utterance_stream
from affekt.inference.adaptation import adapt
from affekt.inference.diarisation import Turn
from affekt.inference.events import Event, Measurement, UtteranceEnd
from affekt.inference.prediction import predict
from affekt.inference.stream import Stream
from affekt.inference.timeline import Timeline
from affekt.inference.timeline_reader import TimelineReader, timeline, timeline_channels
from affekt.model.bundle import load
from affekt.notes import NoteKind

EXAMPLES = sorted((Path(__file__).parents[1] / "synthetic_voices").glob("*.flac"))
RATE = 16_000
Samples = NDArray[Any]


@pytest.fixture(scope="module")
def spoken() -> Samples:
    """Four examples with pauses between, at 16 kHz, as 16-bit files hold them."""
    parts: list[Samples] = [np.zeros(RATE // 2)]
    for path in EXAMPLES[:4]:
        parts += [load_audio(path, RATE).samples, np.zeros(round(0.7 * RATE))]
    return np.round(np.concatenate(parts) * 32767).astype(np.int16)


@pytest.fixture(scope="module")
def found(spoken: Samples) -> Timeline:
    return timeline((spoken, RATE))


def bounds(one: Timeline) -> list[tuple[float, float]]:
    return [(utterance.start_s, utterance.end_s) for utterance in one.utterances]


def test_a_timeline_is_what_a_stream_of_the_recording_returns(spoken: Samples, found: Timeline) -> None:
    stream = Stream(RATE)
    events = [event for at in range(0, len(spoken), 777) for event in stream.push(spoken[at : at + 777])]
    events += stream.close()
    ends = [event for event in events if isinstance(event, UtteranceEnd)]
    assert [(one.start_s, one.end_s) for one in ends] == bounds(found)
    for one, utterance in zip(ends, found.utterances, strict=True):
        assert one.prediction and utterance.prediction
        assert one.prediction.probabilities == utterance.prediction.probabilities
    steps = {round(event.start_s / 0.5): event for event in events if isinstance(event, Measurement)}
    rows = found.track.probabilities
    assert set(np.flatnonzero(~np.isnan(rows[:, 0]))) == set(steps)
    for step, measured in steps.items():
        np.testing.assert_allclose(rows[step], list(measured.probabilities.values()), rtol=1e-6)


def test_length_track_and_envelope_cover_the_recording(spoken: Samples, found: Timeline) -> None:
    assert found.duration_s == len(spoken) / RATE
    assert found.complete
    assert found.emotions == load().contract.emotions
    assert found.track.probabilities.shape == (int(np.ceil(found.duration_s / 0.5)), len(found.emotions))
    part = RATE // 20
    padded = np.abs(np.pad(spoken / 32768, (0, -len(spoken) % part))).reshape(-1, part)
    np.testing.assert_allclose(found.envelope, padded.max(axis=1), atol=1e-6)


@pytest.mark.parametrize("size", [100, 1000, 3000])
def test_the_envelope_does_not_depend_on_blocks_or_rate(size: int) -> None:
    rate, samples = 11_025, np.random.default_rng(0).standard_normal(5000).astype(np.float32)
    envelope = timeline_reader._Envelope(rate)
    for at in range(0, len(samples), size):
        envelope.push(samples[at : at + size])
    places = (np.arange(len(samples)) * 20 // rate).astype(int)
    expected = [np.abs(samples[places == place]).max() for place in range(places[-1] + 1)]
    np.testing.assert_array_equal(envelope.values(), expected)


def test_an_envelope_of_many_small_blocks_is_small() -> None:
    envelope, block = timeline_reader._Envelope(44_100), np.ones(1024, np.float32)
    tracemalloc.start()
    for _ in range(10_000):
        envelope.push(block)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(envelope.values()) == np.ceil(10_000 * 1024 / 44_100 * 20)
    assert most < 200_000


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_files_are_read_in_blocks_of_any_format(
    tmp_path: Path, spoken: Samples, found: Timeline, suffix: str
) -> None:
    path = tmp_path / f"spoken.{suffix}"
    soundfile.write(path, spoken, RATE)
    several = timeline(path)
    assert several.source == str(path)
    np.testing.assert_allclose(bounds(several), bounds(found), atol=0.1)
    if suffix in ("wav", "flac"):
        assert bounds(several) == bounds(found)
        np.testing.assert_array_equal(several.track.probabilities, found.track.probabilities)


def test_what_ffmpeg_reads_is_read_in_blocks_too(tmp_path: Path, spoken: Samples, found: Timeline) -> None:
    av = pytest.importorskip("av")
    path = tmp_path / "spoken.m4a"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(spoken[None], "s16", "mono")
        frame.sample_rate = RATE
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            container.mux(packet)
    np.testing.assert_allclose(bounds(timeline(path)), bounds(found), atol=0.15)


def test_bytes_and_open_files_are_read(spoken: Samples, found: Timeline) -> None:
    content = io.BytesIO()
    soundfile.write(content, spoken, RATE, format="WAV")
    assert bounds(timeline(content.getvalue())) == bounds(found)
    content.seek(0)
    assert len(timeline(content, adapt=True).utterances) == len(found.utterances)


def test_each_channel_has_a_timeline_of_its_own(tmp_path: Path, spoken: Samples, found: Timeline) -> None:
    later = np.roll(spoken, RATE // 4)
    path = tmp_path / "call.wav"
    soundfile.write(path, np.stack([spoken, later, 0 * spoken], axis=1), RATE)
    left, right, third = timeline_channels(path)
    assert [one.audio_channel for one in (left, right, third)] == ["left", "right", "3"]
    assert bounds(left) == bounds(found)
    assert bounds(right) == bounds(timeline((later, RATE)))
    assert third.utterances == ()
    assert bounds(timeline(path, audio_channel="left")) == bounds(found)
    (mono,) = timeline_channels((spoken, RATE))
    assert mono.audio_channel == "mono"
    mixed = timeline(path)
    assert (mixed.audio_channel, mixed.notes[0].kind) == ("mix", NoteKind.MIXED_TO_MONO)
    with pytest.raises(ValueError, match="timeline_channels"):
        timeline(path, audio_channel="each")
    with pytest.raises(UnknownNameError, match="audio channel"):
        timeline(path, audio_channel="top")


def test_the_recordings_own_voice_is_adapted_to(spoken: Samples, found: Timeline) -> None:
    clips = [spoken[round(start * RATE) : round(end * RATE)] for start, end in bounds(found)]
    voice = adapt([(clip, RATE) for clip in clips])
    adapted = timeline((spoken, RATE), adapt=True)
    assert bounds(adapted) == bounds(found)
    for clip, utterance in zip(clips, adapted.utterances, strict=True):
        assert utterance.prediction
        expected = predict((clip, RATE), voice=voice)
        assert utterance.prediction.probabilities == pytest.approx(expected.probabilities)
        assert NoteKind.ADAPTED in [note.kind for note in utterance.prediction.notes]
    again = timeline((spoken, RATE), voice=voice)
    np.testing.assert_allclose(again.track.probabilities, adapted.track.probabilities, atol=1e-5)
    with pytest.raises(ValueError, match="give voice or adapt"):
        timeline((spoken, RATE), voice=voice, adapt=True)


def test_few_utterances_of_a_long_recording_are_kept_to_adapt_to(spoken: Samples) -> None:
    enrolment = timeline_reader._Enrolment(RATE, load())
    for _ in range(200):
        enrolment.answer(spoken[: 2 * RATE])
        assert len(enrolment.rows) <= timeline_reader.MAX_ENROLLED
    voice = enrolment.voice()
    assert voice
    assert timeline_reader.MAX_ENROLLED / 2 <= voice.clips <= timeline_reader.MAX_ENROLLED


def test_each_speaker_of_a_diarisation_is_adapted_to_their_own_voice(
    tmp_path: Path, spoken: Samples, found: Timeline
) -> None:
    turns = [
        Turn("a", 1, start, end, name)
        for (start, end), name in zip(bounds(found), ["anna", "bob"] * 2, strict=True)
    ]
    answered = timeline((spoken, RATE), speakers=turns)
    assert [one.speaker for one in answered.utterances] == ["anna", "bob"] * 2
    assert bounds(answered) == bounds(found)
    for speaker in ("anna", "bob"):
        own = [one for one in answered.utterances if one.speaker == speaker]
        clips = [spoken[round(one.start_s * RATE) : round(one.end_s * RATE)] for one in own]
        voice = adapt([(clip, RATE) for clip in clips])
        for clip, one in zip(clips, own, strict=True):
            assert one.prediction
            expected = predict((clip, RATE), voice=voice).probabilities
            assert one.prediction.probabilities == pytest.approx(expected)
    path = tmp_path / "turns.rttm"
    path.write_text(
        "".join(
            f"SPEAKER a 1 {one.start_s} {one.end_s - one.start_s} <NA> <NA> {one.speaker} <NA> <NA>\n"
            for one in turns
        )
    )
    np.testing.assert_allclose(bounds(timeline((spoken, RATE), speakers=path)), bounds(found))
    with pytest.raises(DiarisationError, match="none of waveform"):
        timeline((spoken, RATE), speakers=[*turns, Turn("b", 1, 0, 1, "carl")])


def test_speakers_may_overlap_and_a_turn_of_a_channel_is_of_that_one(spoken: Samples) -> None:
    turns = [Turn("a", 1, 0.5, 3, "anna"), Turn("a", 2, 1, 2.5, "bob"), Turn("a", 2, 500, 501, "bob")]
    assert [one.speaker for one in timeline((spoken, RATE), speakers=turns).utterances] == ["anna", "bob"]
    both = np.stack([spoken, spoken], axis=1)
    left, right = timeline_channels((both, RATE), speakers=turns)
    assert [[one.speaker for one in side.utterances] for side in (left, right)] == [["anna"], ["bob"]]


def test_a_turn_of_silence_has_no_prediction(spoken: Samples) -> None:
    answered = timeline((0 * spoken, RATE), speakers=[Turn("a", 1, 1, 3, "anna")])
    assert [one.prediction for one in answered.utterances] == [None]
    assert np.isnan(answered.track.probabilities).all()


def test_a_silent_recording_has_no_utterances() -> None:
    silent = timeline((np.zeros(3 * RATE), RATE))
    assert (silent.utterances, silent.duration_s) == ((), 3.0)
    assert np.isnan(silent.track.probabilities).all()


def test_what_cannot_be_read_is_an_error(tmp_path: Path, spoken: Samples) -> None:
    with pytest.raises(AudioNotFoundError):
        timeline(tmp_path / "none.wav")
    with pytest.raises(AudioContentError, match="no samples"):
        timeline((np.zeros(0), RATE))
    broken = spoken / 32768
    broken[40_000] = np.nan
    with pytest.raises(AudioContentError, match="NaN"):
        timeline((broken, RATE))


def test_a_file_that_is_cut_off_is_read_as_far_as_it_goes(tmp_path: Path, spoken: Samples) -> None:
    path = tmp_path / "cut.wav"
    soundfile.write(path, spoken, RATE)
    path.write_bytes(path.read_bytes()[: len(spoken) // 2])  # a quarter
    found = timeline(path)
    assert found.duration_s == pytest.approx(len(spoken) / RATE / 4, abs=0.01)
    assert [note.kind for note in found.notes] == [NoteKind.CUT_OFF]


def test_memory_does_not_grow_with_the_file(
    tmp_path: Path, spoken: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    for what in ("answer", "measure"):  # these take the same memory for each utterance
        monkeypatch.setattr(utterance_stream.Answerer, what, lambda self, samples: None)
    path, most = tmp_path / "long.wav", []
    for times in (4, 16):  # as many answers wait in both
        soundfile.write(path, np.tile(spoken, (2, times)).T, RATE)
        tracemalloc.start()
        found = timeline(path)
        most.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len(found.utterances) == 4 * times
    assert most[1] < 1.5 * most[0] < 10e6  # as float32, the longer file is 25 MB


def test_every_utterance_that_ended_before_ctrl_c_is_kept(
    spoken: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = np.tile(spoken, 3)
    whole = timeline((long, RATE))
    usual = timeline_reader._Found.push

    def interrupted(self: Any, samples: NDArray[np.float32]) -> None:
        if self._frames > len(spoken):
            signal.raise_signal(signal.SIGINT)  # while a block is read
        usual(self, samples)

    monkeypatch.setattr(timeline_reader._Found, "push", interrupted)
    reader = TimelineReader((long, RATE), audio_channel="mix")
    with pytest.raises(KeyboardInterrupt):
        reader.read()
    (kept,) = reader.timelines()
    assert not kept.complete
    assert len(spoken) / RATE < kept.duration_s < 2.5 * len(spoken) / RATE
    ended = [one for one in whole.utterances if one.end_s + 0.5 < kept.duration_s]
    assert len(ended) >= 4
    assert kept.utterances[: len(ended)] == tuple(ended)


@pytest.mark.parametrize("by_signal", [True, False])
def test_utterances_whose_answers_are_waited_for_at_the_end_are_kept_after_ctrl_c(
    spoken: Samples, found: Timeline, monkeypatch: pytest.MonkeyPatch, by_signal: bool
) -> None:
    usual, calls = utterance_stream.UtteranceStream.wait, []

    def interrupted(self: utterance_stream.UtteranceStream) -> list[Event]:
        calls.append(self)
        if len(calls) == 1 and by_signal:
            signal.raise_signal(signal.SIGINT)
        elif len(calls) == 1:
            raise KeyboardInterrupt
        return usual(self)

    monkeypatch.setattr(utterance_stream.UtteranceStream, "wait", interrupted)
    reader = TimelineReader((spoken, RATE), audio_channel="mix")
    with pytest.raises(KeyboardInterrupt):
        reader.read()
    (kept,) = reader.timelines()
    assert not kept.complete
    assert kept.utterances == found.utterances


def test_an_option_that_does_not_exist_is_an_error(spoken: Samples) -> None:
    with pytest.raises(
        TypeError, match=r"no option is called voices\. There are: progress, voice, emotions"
    ):
        timeline((spoken, RATE), voices=None)  # type: ignore[call-arg]


def test_it_can_be_written_as_json(found: Timeline) -> None:
    values = json.loads(json.dumps(found.to_dict()))
    assert values["duration_s"] == found.duration_s
    assert len(values["utterances"]) == len(found.utterances)
    assert values["track"]["probabilities"][0] is None
    assert values["complete"] is True
