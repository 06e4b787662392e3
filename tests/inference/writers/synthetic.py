"""Synthetic timelines: what every format must be able to hold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from affekt.inference.prediction import Prediction
from affekt.inference.timeline import ENVELOPE_PER_STEP, Timeline, Track, Utterance
from affekt.notes import Note, NoteKind

STEP_S = 0.5
ENVELOPE_S = STEP_S / ENVELOPE_PER_STEP
EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
UNLIKE = Note(NoteKind.OUT_OF_DISTRIBUTION, "out of distribution: do not rely on it")


def make_prediction(
    emotion: str,
    confidence: float,
    emotions: Sequence[str] = EMOTIONS,
    notes: tuple[Note, ...] = (),
    likely: int = 2,
) -> Prediction:
    """A prediction that shares what is left equally among the other emotions."""
    rest = (1 - confidence) / (len(emotions) - 1)
    others = tuple(name for name in emotions if name != emotion)
    return Prediction(
        emotion=emotion,
        confidence=confidence,
        probabilities={name: confidence if name == emotion else rest for name in emotions},
        prediction_set=(emotion, *others)[:likely],
        duration_s=1.5,
        notes=notes,
    )


def make_timeline(
    *utterances: tuple[float, float, Prediction | None, str],
    source: str = "call.wav",
    duration_s: float = 12.0,
    emotions: tuple[str, ...] = EMOTIONS,
    audio_channel: str = "mix",
    complete: bool = True,
    notes: tuple[Note, ...] = (),
) -> Timeline:
    """A timeline of ``(start, end, prediction, speaker)``, whose track has the same predictions."""
    rng = np.random.default_rng(0)
    envelope = np.full(int(duration_s / ENVELOPE_S), 0.01, np.float32)
    steps = np.full((int(np.ceil(duration_s / STEP_S)), len(emotions)), np.nan, np.float32)
    for start_s, end_s, found, _ in utterances:
        part = slice(int(start_s / ENVELOPE_S), int(end_s / ENVELOPE_S))
        envelope[part] = rng.uniform(0.1, 0.8, len(envelope[part]))
        if found:
            row = np.array([found.probabilities[name] for name in emotions])
            for step in range(int(start_s / STEP_S), min(int(np.ceil(end_s / STEP_S)), len(steps))):
                moved = row * rng.uniform(0.6, 1.4, len(row))
                steps[step] = moved / moved.sum()
    return Timeline(
        source=source,
        audio_channel=audio_channel,
        duration_s=duration_s,
        emotions=emotions,
        utterances=tuple(
            Utterance(start_s=start_s, end_s=end_s, prediction=found, speaker=speaker)
            for start_s, end_s, found, speaker in utterances
        ),
        track=Track(step_s=STEP_S, probabilities=steps),
        envelope=envelope,
        notes=notes,
        complete=complete,
    )


HAPPY = make_prediction("happy", 0.83)
CALM = make_prediction("calm", 0.5, likely=3)
UNSURE = make_prediction("sad", 0.3, likely=5, notes=(UNLIKE,))
SIMPLE = make_timeline(
    (0.5, 2.25, HAPPY, ""),
    (2.25, 4.0, CALM, ""),
    (6.1234, 6.5, None, ""),
    (8.0, 12.0, UNSURE, ""),
)
TWO_SPEAKERS = make_timeline(
    (0.5, 4.0, HAPPY, "A"),
    (3.0, 5.5, CALM, 'B "the boss" <&>'),
    (6.0, 7.0, UNSURE, "A"),
)
TWO_CHANNELS = (
    make_timeline((1.0, 2.0, HAPPY, ""), audio_channel="left"),
    make_timeline((1.5, 3.0, None, ""), (4.0, 5.0, CALM, ""), audio_channel="right"),
)
SILENT = make_timeline(source="silent.wav")

# A name with all that a format may take for its own, and a byte that is no Unicode.
ODD_NAME = "=a b\t\"<&'>\n\x1b-->,;\ufffe" + b"\xff".decode("utf-8", "surrogateescape") + "é.wav"
ODD_EMOTIONS = ('=1+1 "<x>\n&', "-bad  mood", "злость", "-bad--mood")
ODD = make_timeline(
    (0.0, 1.0, make_prediction(ODD_EMOTIONS[0], 0.6, ODD_EMOTIONS), "@speaker\n-->  x\x00"),
    (1.0, 2.0, make_prediction(ODD_EMOTIONS[1], 0.6, ODD_EMOTIONS), "злая <v>"),
    (2.0, 3.0, make_prediction(ODD_EMOTIONS[3], 0.6, ODD_EMOTIONS), ""),
    source=ODD_NAME,
    emotions=ODD_EMOTIONS,
    notes=(UNLIKE,),
)
ALL = {
    "simple": [SIMPLE],
    "two speakers": [TWO_SPEAKERS],
    "two channels": [*TWO_CHANNELS],
    "silent": [SILENT],
    "odd": [ODD],
}
