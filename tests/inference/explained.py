"""An explanation that tests show."""

from __future__ import annotations

import numpy as np

from affekt.audio.loading import Waveform
from affekt.inference.cues import Cue
from affekt.inference.explanation import BandEffect, Explanation, SegmentEffect
from affekt.inference.neighbours import Neighbour
from affekt.inference.prediction import Prediction
from affekt.inference.what_ifs import AlteredRecording

RATE = 16_000


def tone(hz: float, level: float = 0.3, seconds: float = 3.0, rate: int = RATE) -> Waveform:
    samples = level * np.sin(2 * np.pi * hz / rate * np.arange(round(seconds * rate)))
    return Waveform(samples.astype(np.float32), rate)


FOUND = Explanation(
    source="clip.wav",
    audio_channel="left",
    emotion="sad",
    prediction=Prediction("angry", 0.7, {"sad": 0.3, "angry": 0.7}, ("angry",), 3.0),
    segments=(SegmentEffect(0, 1, 1.0, 0.1), SegmentEffect(1, 2, 0, 0.1), SegmentEffect(2, 3, -0.5, 0.1)),
    bands=(BandEffect(0, 500, 0.5, 0.2), BandEffect(500, 8000, -1.0, 0.25)),
    cues=(Cue("tempo", 3.0, "3.0 voiced stretches a second", {"sad": 80, "angry": 45}),),
    masks=300,
    fidelity=0.6,
    masked_out_of_distribution=0.1,
    convincing=AlteredRecording(
        name="supporting parts only", probabilities={"sad": 0.8, "angry": 0.2}, sound=tone(300)
    ),
    rest=AlteredRecording(
        name="everything else", probabilities={"sad": 0.1, "angry": 0.9}, sound=tone(2000, 0.01)
    ),
    what_ifs=(
        AlteredRecording(name="slower", probabilities={"sad": 0.9, "angry": 0.1}, sound=tone(200, 0.9, 4)),
        AlteredRecording(
            name="faster", probabilities={"sad": 0.2, "angry": 0.8}, reliable=False, sound=tone(200, 0.1, 2)
        ),
    ),
    neighbours=(
        Neighbour("AB_sad_1", "nemo", "AB", "sad", 0.2),
        Neighbour("03-01", "ravdess", "05", "angry", 0.4),
        Neighbour("03-02", "ravdess", "06", "angry", 0.5),
    ),
    recording=tone(220),
)
