"""Utterances: stretches of voice between pauses, found while the sound arrives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from affekt.audio.activity import FRAME_S, SHORTEST_VOICE_S, VOICE_PROBABILITY

OFFSET_PROBABILITY = 0.35  # a voice begins at VOICE_PROBABILITY, and goes on down to this
PAUSE_FRAMES = 10  # 0.32 s; shorter pauses are part of an utterance
MARGIN_FRAMES = PAUSE_FRAMES // 2  # kept before and after: those of two utterances never overlap
SHORTEST_VOICE_FRAMES = round(SHORTEST_VOICE_S / FRAME_S)
LONGEST_UTTERANCE_S = 20.0
LONGEST_FRAMES = round(LONGEST_UTTERANCE_S / FRAME_S)
SMOOTHED_FRAMES = 5  # over which the weakest voice is looked for


@dataclass(frozen=True)
class Edges:
    """What a frame has made known.

    Attributes
    ----------
    start, cut, end
        Frames at which an utterance starts or ends, or at which a long one is cut; None for nothing.
    """

    start: int | None = None
    cut: int | None = None
    end: int | None = None


class UtteranceDetector:
    """Finds utterances in probabilities of a voice, a frame at a time.

    A voice begins with a probability above 0.5 and goes on down to 0.35. Pauses of less than 0.32 s are
    part of an utterance. One with less than 0.25 s of voice is none. 0.16 s are kept before and after. One
    that reaches 20 s is cut where the voice is weakest in its second half, so that memory and delay are
    bounded.
    """

    def __init__(self) -> None:
        self.frames = 0  # seen so far
        self.start: int | None = None  # of the utterance, or of what may become one
        self.started = False  # whether enough voice was found
        self._active = False
        self._voiced: list[bool] = []  # of each frame since the start of the voice
        self._probabilities: list[float] = []
        self._first = self._last = 0  # frames with a voice
        self._end = 0  # of the last utterance

    @property
    def reached(self) -> int:
        """The frame that the current utterance reaches at least; 0 where there is none."""
        return min(self._last + 1 + MARGIN_FRAMES, self.frames) if self.started else 0

    @property
    def needed(self) -> int:
        """The first frame that an utterance may still need."""
        start = self.frames - MARGIN_FRAMES if self.start is None else self.start
        return max(0, start)

    def add(self, probability: float) -> Edges:
        """Take the probability of the next frame, and return what is known now."""
        self._active = probability >= (OFFSET_PROBABILITY if self._active else VOICE_PROBABILITY)
        frame, self.frames = self.frames, self.frames + 1
        if self.start is None:
            if not self._active:
                return Edges()
            self.start, self._first = max(self._end, frame - MARGIN_FRAMES), frame
        self._voiced.append(self._active)
        self._probabilities.append(probability)
        if self._active:
            self._last = frame
        elif frame - self._last >= PAUSE_FRAMES:
            return self.close()
        start = None
        if not self.started and sum(self._voiced) >= SHORTEST_VOICE_FRAMES:
            self.started, start = True, self.start
        if self.started and frame + 1 - self.start >= LONGEST_FRAMES:
            return Edges(start, cut=self._cut())
        return Edges(start)

    def close(self) -> Edges:
        """End the utterance that is open: the sound has ended, or a pause."""
        end = self._end = min(self._last + 1 + MARGIN_FRAMES, self.frames)
        started = self.started
        self.start, self.started, self._voiced, self._probabilities = None, False, [], []
        return Edges(end=end) if started else Edges()

    def _cut(self) -> int:
        """Cut where the voice is weakest, and go on from there."""
        smoothed = np.convolve(self._probabilities, np.ones(SMOOTHED_FRAMES), "same")
        earliest = len(smoothed) // 2
        latest = max(earliest + 1, self._last - self._first - SHORTEST_VOICE_FRAMES)
        kept = earliest + int(np.argmin(smoothed[earliest:latest]))
        cut = self._first + kept
        self._voiced, self._probabilities = self._voiced[kept:], self._probabilities[kept:]
        self.start = self._first = self._end = cut
        return cut
