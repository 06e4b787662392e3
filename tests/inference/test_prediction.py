"""From audio to predictions, for one recording and for many."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

import affekt
from affekt.audio.activity import voice_activity
from affekt.audio.loading import Waveform, find_audio, load_audio
from affekt.audio.sources import expand_folders
from affekt.errors import (
    AudioContentError,
    AudioError,
    AudioNotFoundError,
    BundleError,
    UnknownNameError,
    VoiceError,
)
from affekt.features.feature_sets import extract
from affekt.inference.adaptation import adapt
from affekt.inference.prediction import Answer, Prediction, predict, predict_many
from affekt.model.bundle import load
from affekt.model.speaker_normalisation import normalise_speaker
from affekt.notes import QUALITY, Note, NoteKind

EMOTIONS = load().contract.emotions


@pytest.fixture
def clip(tmp_path: Path, write_voice: Callable[..., Path]) -> Path:
    return write_voice(tmp_path / "clip.wav")


def kinds(prediction: Prediction) -> list[NoteKind]:
    return [note.kind for note in prediction.notes]


def test_probabilities_sum_to_one_and_the_emotion_is_the_most_probable(clip: Path) -> None:
    found = predict(clip)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.confidence == max(found.probabilities.values()) == found.probabilities[found.emotion]
    assert tuple(found.probabilities) == load().contract.emotions
    assert found.duration_s == pytest.approx(0.6, abs=0.001)


def test_the_prediction_is_the_models_on_the_features_of_training(clip: Path) -> None:
    bundle = load()
    contract = bundle.contract
    features = extract(load_audio(clip, contract.sample_rate), contract.features)
    normalised = normalise_speaker(
        features, None, contract.average_speaker, bundle.feature_set.relative_columns
    )
    row = bundle.run(normalised[None])[0]
    expected = contract.calibration.calibrate(row, bundle.distance([features]))
    np.testing.assert_allclose(list(predict(clip, bundle).probabilities.values()), expected, rtol=1e-5)


def test_path_bytes_file_array_and_waveform_give_the_same_prediction(clip: Path) -> None:
    samples, rate = soundfile.read(clip)
    expected = predict(clip).probabilities
    sources = (
        str(clip), clip.read_bytes(), io.BytesIO(clip.read_bytes()), (samples, rate), load_audio(clip)
    )  # fmt: skip
    for source in sources:
        assert predict(source).probabilities == pytest.approx(expected, abs=1e-5)


def test_a_loaded_model_and_its_file_give_the_same_prediction(clip: Path) -> None:
    assert predict(clip, load()) == predict(clip, load().name) == predict(clip)


def test_a_broken_input_raises_when_it_is_the_only_one(tmp_path: Path) -> None:
    with pytest.raises(AudioNotFoundError):
        predict(tmp_path / "none.wav")


def test_a_broken_model_raises_before_any_audio_is_read(tmp_path: Path, clip: Path) -> None:
    with pytest.raises(BundleError):
        predict_many([clip], tmp_path / "none.onnx")


@pytest.mark.parametrize("jobs", [1, 2])
def test_many_are_predicted_in_order_and_a_broken_one_stops_no_other(
    tmp_path: Path, write_voice: Callable[..., Path], jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.support.parallel.MANY", 2)
    good = [write_voice(tmp_path / f"{i}.wav", seed=i, pitch_hz=90 + 30 * i) for i in range(6)]
    (tmp_path / "bad.wav").write_text("no sound")
    sources = [*good[:3], tmp_path / "bad.wav", *good[3:]]
    answers = list(predict_many(sources, jobs=jobs))
    assert [answer.source for answer in answers] == [str(source) for source in sources]
    assert [bool(answer.error) for answer in answers] == [False, False, False, True, False, False, False]
    assert isinstance(answers[3].error, AudioError)
    for source, answer in zip(sources, answers, strict=True):
        if answer.prediction:
            assert answer.prediction == predict(source)


def test_an_error_among_many_holds_no_traceback(tmp_path: Path) -> None:
    """It would keep all that was decoded in memory."""
    (tmp_path / "bad.wav").write_text("no sound")
    (answer,) = predict_many(tmp_path / "bad.wav")
    assert answer.error is not None
    assert (answer.error.__traceback__, answer.error.__cause__, answer.error.__context__) == (None,) * 3


def test_a_folder_stands_for_its_audio_files(tmp_path: Path, write_voice: Callable[..., Path]) -> None:
    inside = [write_voice(tmp_path / "a" / "1.wav"), write_voice(tmp_path / "b" / "2.wav")]
    (tmp_path / "notes.txt").write_text("not audio by its name")
    assert expand_folders([tmp_path]) == inside
    assert [answer.source for answer in predict_many(tmp_path)] == [str(path) for path in inside]


def test_a_folder_without_audio_is_an_error_of_its_own(tmp_path: Path) -> None:
    (answer,) = predict_many([tmp_path])
    assert "is a folder" in str(answer.error)


def test_predict_is_a_public_name() -> None:
    assert affekt.predict is predict
    assert set(affekt.__all__) <= set(dir(affekt))
    for name in affekt.__all__:
        assert getattr(affekt, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'predicts'"):
        _ = affekt.predicts


@pytest.mark.parametrize("name", ["train", "evaluate", "enrolment", "robustness", "reproduce"])
def test_training_without_its_libraries_names_the_extra(name: str) -> None:
    program = f"import sys; sys.modules['sklearn'] = None; import affekt; affekt.{name}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    if name == "explore":  # scikit-learn is imported when it is used
        assert not done.stderr or "affekt[train]" in done.stderr
    else:
        assert (
            f"MissingExtraError: affekt.{name} needs an extra: pip install 'affekt[train]'" in done.stderr
        )


# --- only some emotions ------------------------------------------------------------------------------


def uncertain(threshold: float) -> Any:
    """The bundled model with another threshold of prediction sets."""
    contract = load().contract
    calibration = replace(contract.calibration, threshold=threshold)
    return replace(load(), contract=replace(contract, calibration=calibration))


@pytest.mark.parametrize("wanted", [["sad", "happy"], ["surprised", "neutral", "angry"], EMOTIONS])
def test_allowed_emotions_are_in_the_models_order_and_their_probabilities_sum_to_one(
    clip: Path, wanted: list[str]
) -> None:
    found = predict(clip, emotions=wanted)
    assert tuple(found.probabilities) == tuple(name for name in EMOTIONS if name in wanted)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.emotion == max(found.probabilities, key=found.probabilities.__getitem__)
    assert found.confidence == found.probabilities[found.emotion]
    assert found == predict(clip, emotions=list(reversed(wanted)))


@pytest.mark.parametrize("threshold", [0.0, 0.02, 0.1, 0.3, 1.0])
@pytest.mark.parametrize("wanted", [("happy", "sad"), ("neutral", "angry", "disgust"), EMOTIONS])
def test_it_is_the_full_prediction_restricted_and_renormalised(
    clip: Path, wanted: tuple[str, ...], threshold: float
) -> None:
    model = uncertain(threshold)
    full, found = predict(clip, model), predict(clip, model, emotions=wanted)
    total = sum(full.probabilities[name] for name in wanted)
    for name, share in found.probabilities.items():
        assert share == pytest.approx(full.probabilities[name] / total)
    kept = tuple(name for name in full.prediction_set if name in wanted)
    if not kept:  # those that are probable among the allowed ones
        order = sorted(wanted, key=lambda name: -found.probabilities[name])
        kept = tuple(name for name in order if found.probabilities[name] >= threshold) or (found.emotion,)
    assert found.prediction_set == kept
    assert set(found.prediction_set) <= set(wanted)
    assert found.prediction_set[0] == found.emotion
    assert (found.duration_s, found.notes) == (full.duration_s, full.notes)


def test_of_allowed_emotions_that_are_all_improbable_none_is_taken_for_certain(clip: Path) -> None:
    full = predict(clip).probabilities
    model, wanted = uncertain(0.5), sorted(full, key=full.__getitem__)[-3:-1]  # the second and third
    assert max(full[name] for name in wanted) < 0.5
    assert max(predict(clip, emotions=wanted).probabilities.values()) < 0.9
    model = uncertain(min(predict(clip, uncertain(0.5), emotions=wanted).probabilities.values()))
    assert not {*wanted} & {*predict(clip, model).prediction_set}
    assert {*predict(clip, model, emotions=wanted).prediction_set} == {*wanted}


def test_all_emotions_of_the_model_are_the_full_prediction(clip: Path) -> None:
    found, full = predict(clip, emotions=EMOTIONS), predict(clip)
    assert found.prediction_set == full.prediction_set
    assert found.probabilities == pytest.approx(full.probabilities)


def test_an_emotion_may_be_given_by_another_word_for_it(clip: Path) -> None:
    expected = predict(clip, emotions=["fearful", "happy", "sad"])
    assert predict(clip, emotions=["fear", "Joy", "sadness"]) == expected
    assert predict(clip, emotions=["fear", "fearful", "happiness", "sad"]) == expected


@pytest.mark.parametrize("call", [predict, predict_many])
def test_emotions_that_cannot_be_chosen_from_are_refused_at_once(
    clip: Path, call: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.inference.prediction.load_audio", lambda *_: pytest.fail("it was read"))
    with pytest.raises(UnknownNameError, match=r"emotion of this model is called 'bliss'.*neutral"):
        call(clip, emotions=["happy", "bliss"])
    with pytest.raises(UnknownNameError, match=r"Did you mean 'happy'\?"):
        call(clip, emotions=["hapy", "sad"])
    with pytest.raises(ValueError, match=r"two emotions or more .* not \['fearful'\]"):
        call(clip, emotions=["fear", "fearful"])
    with pytest.raises(ValueError, match=r"two emotions or more .* not none"):
        call(clip, emotions=[])
    with pytest.raises(TypeError, match=r"a list of names, such as \['happy', 'sad'\], not 'happy'"):
        call(clip, emotions="happy")


def test_many_are_predicted_among_the_same_emotions(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    clips = [write_voice(tmp_path / f"{i}.wav", seed=i) for i in range(3)]
    answers = list(predict_many(clips, emotions=["fear", "angry"]))
    assert [one.prediction for one in answers] == [
        predict(one, emotions=["fear", "angry"]) for one in clips
    ]


# --- notes -------------------------------------------------------------------------------------------


def test_what_was_done_to_the_audio_is_noted(tmp_path: Path) -> None:
    stereo = np.random.default_rng(0).standard_normal((8000, 2)) * 0.1
    soundfile.write(tmp_path / "s.wav", stereo, 24000)
    notes = {note.kind: note.text for note in predict(tmp_path / "s.wav").notes}
    assert "mixed 2 channels" in notes[NoteKind.MIXED_TO_MONO]
    assert "24000 to 16000" in notes[NoteKind.RESAMPLED]


def test_a_sample_rate_that_a_model_of_any_rate_was_not_trained_on_is_a_note(clip: Path) -> None:
    _, rate = soundfile.read(clip)
    for trained, expected in (((8000, 8000, 8000), True), ((8000, rate, rate), False)):
        contract = replace(load().contract, sample_rate=None, recordings={"sample_rate": trained})
        found = predict(clip, replace(load(), contract=contract))
        assert (NoteKind.UNSEEN_SAMPLE_RATE in kinds(found)) == expected
        assert any(f"{rate} Hz" in str(note) and "8000 Hz" in str(note) for note in found.notes) == expected
    assert NoteKind.UNSEEN_SAMPLE_RATE not in kinds(predict(clip))


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda sound: 0.01 * sound, NoteKind.QUIET),
        (lambda sound: np.clip(100 * sound, -1, 1), NoteKind.CLIPPED),
        (lambda sound: sound[:8000], NoteKind.SHORT),
        (lambda sound: np.append(sound, np.zeros(10 * len(sound))), NoteKind.LITTLE_SPEECH),
        (lambda sound: np.sin(0.1 * np.arange(len(sound))) / 2, NoteKind.NO_VOICE),
    ],
    ids=["quiet", "clipped", "short", "silent", "tone"],
)
def test_the_quality_of_a_recording_is_noted(change: Callable[[Any], Any], kind: NoteKind) -> None:
    samples, rate = soundfile.read(Path(__file__).parents[1] / "synthetic_voices" / "low-plain.flac")
    noted = [note.kind for note in predict((change(samples), rate)).notes if note.kind in QUALITY]
    assert noted == [kind]
    assert not {*kinds(predict((samples, rate)))} & QUALITY


def test_features_are_given_the_activity_that_the_notes_are_made_from(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def extract_and_keep(waveform: Waveform, features: str) -> Any:
        given.append(waveform)
        return extract(waveform, features)

    monkeypatch.setattr("affekt.inference.prediction.extract", extract_and_keep)
    predict(clip)
    (waveform,) = given
    assert waveform.activity is not None
    np.testing.assert_array_equal(waveform.activity, voice_activity(replace(waveform, activity=None)))


def test_a_recording_at_8_khz_is_noted_and_its_rate_is_that_before_resampling(tmp_path: Path) -> None:
    time_s = np.arange(16_000) / 8000
    found = predict((0.1 * np.sin(2 * np.pi * 200 * time_s), 8000))
    assert NoteKind.NARROW_BAND in kinds(found)


def test_a_dc_offset_changes_no_prediction(ravdess: Path) -> None:
    for path in find_audio(ravdess)[::123]:
        samples, rate = soundfile.read(path)
        expected, found = predict((samples, rate)), predict((samples + 0.001, rate))
        # the encoder rounds its inputs to 8 bits
        assert found.probabilities == pytest.approx(expected.probabilities, abs=0.01)
        assert found.out_of_distribution == expected.out_of_distribution


@pytest.fixture
def two_voices(tmp_path: Path, write_voice: Callable[..., Path]) -> tuple[Path, Path, Path]:
    """A recording with a loud high voice on the left and a quiet low one on the right, and each alone."""
    left = write_voice(tmp_path / "left.wav", pitch_hz=280, loudness=0.2, seconds=2)
    right = write_voice(tmp_path / "right.wav", pitch_hz=90, loudness=0.02, seed=1, seconds=2)
    both = tmp_path / "both.wav"
    soundfile.write(both, np.stack([soundfile.read(left)[0], soundfile.read(right)[0]], axis=1), 16_000)
    return both, left, right


def test_each_channel_has_the_prediction_of_its_voice(two_voices: tuple[Path, Path, Path]) -> None:
    both, left, right = two_voices
    answers = list(predict_many([both, left], audio_channel="each"))
    assert [(answer.source, answer.audio_channel) for answer in answers] == [
        (str(both), "left"),
        (str(both), "right"),
        (str(left), "mono"),
    ]
    predictions = [answer.prediction for answer in answers]
    for found, alone in zip(predictions, (left, right, left), strict=True):
        assert found is not None
        assert found.probabilities == pytest.approx(predict(alone).probabilities, abs=1e-6)
    for channel, alone in (("left", left), ("right", right)):
        one = predict(both, audio_channel=channel)
        assert one.probabilities == pytest.approx(predict(alone).probabilities, abs=1e-6)
        (answer,) = predict_many(both, audio_channel=channel)
        assert (answer.audio_channel, answer.prediction) == (channel, one)


def test_an_angry_and_a_calm_speaker_are_told_apart(ravdess: Path) -> None:
    angry = next(path for path in find_audio(ravdess) if path.stem == "03-01-05-02-01-01-03")
    calm = next(path for path in find_audio(ravdess) if path.stem == "03-01-02-02-01-01-14")
    (left, rate), (right, _) = soundfile.read(angry), soundfile.read(calm)
    length = min(len(left), len(right))
    both = np.stack([left[:length], right[:length]], axis=1)
    answers = predict_many((both, rate), audio_channel="each")
    assert [one.prediction.emotion for one in answers if one.prediction] == ["angry", "calm"]


def test_channels_that_cannot_be_chosen_are_refused_at_once(clip: Path) -> None:
    for call in (predict, predict_many):
        with pytest.raises(UnknownNameError, match="no audio channel is called 'middle'"):
            call(clip, audio_channel="middle")


def test_a_failed_file_costs_one_answer_whatever_the_channel(tmp_path: Path, clip: Path) -> None:
    answers = list(predict_many([tmp_path / "none.wav", clip], audio_channel="each"))
    assert [(bool(answer.error), answer.audio_channel) for answer in answers] == [
        (True, "each"),
        (False, "mono"),
    ]


def test_a_long_recording_is_pooled_over_windows(tmp_path: Path, write_voice: Callable[..., Path]) -> None:
    bundle = load()
    length = int(bundle.contract.window_s * 16000)
    parts = [
        write_voice(tmp_path / f"{i}.wav", pitch_hz=hz, seconds=6) for i, hz in enumerate((110, 250, 180))
    ]
    samples = np.concatenate([soundfile.read(part)[0] for part in parts])
    found = predict((samples, 16000), bundle)
    (text,) = (note.text for note in found.notes if note.kind == NoteKind.WINDOWS)
    assert text.startswith("pooled over 7 windows of ")
    starts = np.linspace(0, len(samples) - length, 7).astype(int)
    windows = [
        extract(load_audio((samples[at : at + length], 16000)), bundle.contract.features) for at in starts
    ]
    rows = [bundle.predict_proba([window]) for window in windows]
    distance = np.median([bundle.distance([window]) for window in windows])
    expected = bundle.contract.calibration.calibrate(np.mean(rows, axis=0), distance)
    np.testing.assert_allclose(list(found.probabilities.values()), expected, atol=2e-3)
    assert NoteKind.WINDOWS not in kinds(predict(parts[0], bundle))


def test_sounds_that_are_no_voice_are_out_of_distribution() -> None:
    rng = np.random.default_rng(0)
    chord = sum(np.sin(2 * np.pi * hz * np.arange(48000) / 16000) for hz in (220, 277, 330, 440))
    for sound in (rng.standard_normal(48000), np.cumsum(rng.standard_normal(48000)), np.asarray(chord)):
        found = predict((0.1 * sound / np.abs(sound).max(), 16000))
        assert found.out_of_distribution
        assert NoteKind.OUT_OF_DISTRIBUTION in kinds(found)


def test_the_flag_depends_on_the_distance_and_the_probability_before_calibration(clip: Path) -> None:
    bundle = load()
    contract = bundle.contract
    features = [extract(load_audio(clip, contract.sample_rate), contract.features)]
    distance, largest = bundle.distance(features), bundle.predict_proba(features).max()
    for weight, weighted in ((0.0, distance), (1.0, distance * (2 - largest))):
        for factor, flagged in ((0.999, True), (1.001, False)):
            changed = replace(contract, uncertainty_weight=weight, distance_threshold=weighted * factor)
            assert predict(clip, replace(bundle, contract=changed)).out_of_distribution == flagged


def test_noise_stays_out_of_distribution_for_a_model_adapted_to_noise() -> None:
    rng = np.random.default_rng(0)  # less than a second: it is not said to have no voice
    noises = [(0.1 * rng.standard_normal(15000), 16000) for _ in range(3)]
    assert predict(noises[0], voice=adapt(noises[1:])).out_of_distribution


def test_real_voices_are_hardly_ever_out_of_distribution(ravdess: Path) -> None:
    clips = sorted(ravdess.rglob("*.flac"))[::200]
    assert sum(predict(clip).out_of_distribution for clip in clips) <= 1


def test_silence_around_a_voice_changes_little(ravdess: Path) -> None:
    for clip in sorted(ravdess.rglob("*.flac"))[::350]:
        samples, rate = soundfile.read(clip)
        silence = np.zeros(rate)
        plain, padded = (
            predict((samples, rate)),
            predict((np.concatenate([silence, samples, silence]), rate)),
        )
        moved = max(
            abs(plain.probabilities[name] - padded.probabilities[name]) for name in plain.probabilities
        )
        assert moved < max(1 - plain.confidence, 0.05)


# --- how a prediction is shown -----------------------------------------------------------------------


def make_prediction(
    confidence: float = 0.45, prediction_set: str = "happy angry", **changes: Any
) -> Prediction:
    values: dict[str, Any] = {
        "emotion": "happy",
        "confidence": confidence,
        "probabilities": {"happy": confidence, "angry": 1 - confidence},
        "prediction_set": tuple(prediction_set.split()),
        "duration_s": 1.25,
    }
    return Prediction(**{**values, **changes})


@pytest.mark.parametrize(
    ("confidence", "prediction_set", "words"),
    [
        (0.85, "happy", "clearly happy"),
        (0.65, "happy sad", "probably happy"),
        (0.55, "happy", "probably happy"),
        (0.45, "happy angry", "leans happy, could be angry"),
        (0.45, "happy angry sad", "leans happy, could be angry or sad"),
        (0.38, "happy angry sad calm", "unsure: happy, angry, sad or calm"),
    ],
)
def test_a_prediction_is_put_in_words_as_certain_as_it_is(
    confidence: float, prediction_set: str, words: str
) -> None:
    found = make_prediction(confidence, prediction_set)
    assert found.in_words == words
    assert found.unsure == words.startswith("unsure")


def test_the_prediction_set_is_what_the_contract_says(clip: Path) -> None:
    for threshold in (0.0, 0.1, 0.3, 1.0):
        found = predict(clip, uncertain(threshold))
        expected = {name for name, share in found.probabilities.items() if share >= threshold}
        assert set(found.prediction_set) == expected | {found.emotion}
        assert found.prediction_set[0] == found.emotion
        shares = [found.probabilities[name] for name in found.prediction_set]
        assert shares == sorted(shares, reverse=True)


STRANGE = Note(NoteKind.OUT_OF_DISTRIBUTION, "out of distribution: <b>unlike</b> & odd")


def test_a_prediction_is_shown_in_one_line() -> None:
    assert repr(make_prediction()) == "<Prediction happy 0.450, 90 % set: happy, angry; 1.2 s>"
    flagged = repr(make_prediction(notes=(STRANGE,)))
    assert flagged == "<Prediction happy 0.450, 90 % set: happy, angry; 1.2 s, out of distribution>"


def test_a_flag_depends_on_the_kind_of_a_note_and_not_on_its_text() -> None:
    assert make_prediction(notes=(STRANGE,)).out_of_distribution
    assert not make_prediction(notes=(replace(STRANGE, kind=NoteKind.RESAMPLED),)).out_of_distribution


def test_probabilities_are_printed_with_three_digits(clip: Path) -> None:
    probabilities = predict(clip, emotions=["happy", "sad"]).probabilities
    expected = ", ".join(f"{name!r}: {share:.3f}" for name, share in probabilities.items())
    assert repr(probabilities) == f"{{{expected}}}"
    assert isinstance(probabilities, dict)


def test_a_prediction_is_a_table_in_a_notebook_with_all_texts_escaped() -> None:
    table = make_prediction(notes=(STRANGE,))._repr_html_()
    for text in ("leans happy, could be angry", "0.450", "0.550", "90 % set", "✓"):
        assert text in table
    assert "<b>" not in table
    assert "&lt;b&gt;unlike&lt;/b&gt; &amp; odd" in table


def test_emotions_of_a_foreign_model_are_escaped_in_a_notebook() -> None:
    evil = "<script>alert(1)</script>"  # a name without blanks
    table = make_prediction(0.45, evil, emotion=evil, probabilities={evil: 0.45, "sad": 0.55})._repr_html_()
    assert "<script" not in table
    assert "&lt;script&gt;" in table


def test_a_prediction_is_plain_values_for_json(clip: Path) -> None:
    found = predict(clip)
    values = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert values["emotion"] == found.emotion
    assert values["probabilities"] == dict(found.probabilities)
    assert values["prediction_set"] == list(found.prediction_set)
    assert values["notes"] == [{"kind": str(note.kind), "text": note.text} for note in found.notes]
    assert [NoteKind(note["kind"]) for note in values["notes"]] == kinds(found)
    assert values.keys() == {*Prediction.__slots__, "unsure", "out_of_distribution"}


def test_an_answer_is_plain_values_for_json() -> None:
    found = make_prediction()
    good = json.loads(json.dumps(Answer("a.wav", prediction=found).to_dict()))
    assert good == {"source": "a.wav", "audio_channel": "mix", **json.loads(json.dumps(found.to_dict()))}
    bad = json.loads(json.dumps(Answer("b.wav", error=AudioContentError("it is silent")).to_dict()))
    assert bad == {"source": "b.wav", "audio_channel": "mix", "error": "it is silent"}


def test_a_voice_of_another_model_is_refused_before_any_audio_is_read(
    clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = replace(adapt(clip), model="0" * 64)
    monkeypatch.setattr("affekt.inference.prediction.load_audio", lambda *_: pytest.fail("it was read"))
    for call in (predict, predict_many):
        with pytest.raises(VoiceError, match="another model"):
            call(clip, voice=voice)
