"""What if the voice were different: a recording with a changed voice, and what the model answers then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from affekt.audio.loading import Waveform
from affekt.inference.prediction import Probabilities
from affekt.inference.resynthesis import Change, resynthesise

CHANGES: Mapping[str, Change] = {
    "flatter pitch": Change(pitch_range=0.4),
    "livelier pitch": Change(pitch_range=1.8),
    "lower pitch": Change(pitch_shift=-4),
    "higher pitch": Change(pitch_shift=4),
    "slower": Change(length=1.3),
    "faster": Change(length=1 / 1.3),
    "softer timbre": Change(tilt_db=-4),
    "brighter timbre": Change(tilt_db=4),
}

Answer = Callable[[Waveform], Probabilities]
"""What a model answers for a recording."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AlteredRecording:
    """An altered recording, and what the model answers for it.

    Attributes
    ----------
    name : str
        What was changed or kept, such as ``flatter pitch``.
    probabilities : mapping of str to float
        Of every emotion that could be predicted.
    reliable : bool
        Whether the answer is that of the recording again once the change is undone. If it is not, the
        answer may be due to traces of the resynthesis.
    sound : Waveform
        What it sounds like.
    """

    name: str
    probabilities: Mapping[str, float]
    reliable: bool = True
    sound: Waveform = field(repr=False, compare=False)

    @property
    def emotion(self) -> str:
        """The most probable emotion."""
        return max(self.probabilities, key=self.probabilities.__getitem__)

    def in_words(self, explained: str) -> str:
        """Return the answer: ``angry 83%``, or ``sad 61%, angry 12%`` where another is most probable."""
        names = dict.fromkeys([self.emotion, explained])
        words = ", ".join(f"{name} {self.probabilities[name]:.0%}" for name in names)
        return words if self.reliable else f"{words} (unreliable)"

    def to_dict(self) -> dict[str, Any]:
        """Return all but the sound as plain values."""
        return {
            "name": self.name,
            "emotion": self.emotion,
            "probabilities": dict(self.probabilities),
            "reliable": self.reliable,
        }


def change_voice(recorded: Waveform, name: str, answer: Answer, emotion: str) -> AlteredRecording:
    """Answer the recording with one of ``CHANGES``, and check the change by undoing it.

    Parameters
    ----------
    recorded
        A recording.
    name
        Of the change.
    answer
        Returns the probabilities of a recording.
    emotion
        What the model answers for the recording as it is.
    """
    change = CHANGES[name]
    changed = resynthesise(recorded, change)
    undone = answer(resynthesise(changed, change.inverse))
    return AlteredRecording(
        name=name,
        probabilities=answer(changed),
        reliable=max(undone, key=undone.__getitem__) == emotion,
        sound=changed,
    )
