"""Mean and standard deviation over the rows of clips, and their speaker normalisation without the rows.

Speaker normalisation shifts and scales the columns of all rows, so the statistics of normalised rows follow
from those of the rows. A network's table of rows is large, and is read once for them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.estimators.linear import draw_enrolled, draw_others
from affekt.model.speaker_normalisation import SpeakerStatistics, draw_to_average, scale_to_average

Values = NDArray[np.float64]


@dataclass(frozen=True)
class RowStatistics:
    """Statistics of the rows of clips.

    Attributes
    ----------
    counts
        Number of rows of each clip, (clips,).
    means, deviations
        Of each column over the rows of each clip, (clips, columns). The last columns have one value in each
        clip, and the deviation 0.
    constant
        The number of these columns.
    """

    counts: NDArray[np.intp]
    means: Values
    deviations: Values
    constant: int

    @classmethod
    def of(cls, X: Iterable[NDArray[Any]], constant: int) -> RowStatistics:
        """Compute from the features of each clip, (rows, columns), of which the last are ``constant``."""
        counts, means, deviations = [], [], []
        for clip in X:
            outputs, voice = clip[:, :-constant], clip[0, -constant:]
            counts.append(len(clip))
            means.append(np.concatenate([outputs.mean(axis=0, dtype=np.float64), voice]))
            deviations.append(np.append(outputs.std(axis=0, dtype=np.float64), np.zeros(constant)))
        return cls(np.array(counts), np.array(means), np.array(deviations), constant)

    def features(self) -> NDArray[np.float32]:
        """Return the means, then the deviations, then the constant columns: (clips, features)."""
        return self._arrange(self.means, self.deviations)

    def normalise_by_session(
        self, sessions: NDArray[Any], average: SpeakerStatistics, rng: np.random.Generator
    ) -> NDArray[np.float32]:
        """Return ``features`` of rows that are normalised by some other clips of the same session.

        Parameters
        ----------
        sessions
            The speaker and vocal channel of each clip; a clip that is alone in its session stays as it is.
        average
            The average training speaker, of rows.
        rng
            Draws the other clips.
        """
        means, deviations = self.means.copy(), self.deviations.copy()
        for i, enrolled in draw_enrolled(sessions, rng):
            scale, shift = self.scale_and_shift(enrolled, average)
            means[i] = means[i] * scale + shift
            deviations[i] *= scale
        return self._arrange(means, deviations)

    def scale_and_shift(self, clips: NDArray[np.intp], average: SpeakerStatistics) -> tuple[Values, Values]:
        """Return by what ``normalise`` multiplies rows of a speaker, and what it adds: (columns,) each.

        Parameters
        ----------
        clips
            Positions of the clips by which the speaker is enrolled.
        average
            The average training speaker, of rows.
        """
        speaker = self.speaker(clips, average)
        scale = scale_to_average(speaker, average)
        return scale, np.array(average.mean) - np.array(speaker.mean) * scale

    def speaker(self, clips: NDArray[np.intp], average: SpeakerStatistics) -> SpeakerStatistics:
        """Return what ``speaker_statistics`` estimates from the rows of the clips at these positions."""
        shares = self.counts[clips] / self.counts[clips].sum()
        means, deviations = self.means[clips], self.deviations[clips]
        mean = shares @ means
        variance = shares @ (np.square(deviations) + np.square(means - mean))
        return draw_to_average(len(clips), mean, variance, (deviations == 0).all(axis=0), average)

    def _arrange(self, means: Values, deviations: Values) -> NDArray[np.float32]:
        return np.hstack([means[:, : -self.constant], deviations[:, : -self.constant],
                          means[:, -self.constant :]]).astype(np.float32)  # fmt: skip


@dataclass(frozen=True, eq=False)
class SessionNormalisation:
    """Speaker normalisation of the rows of training clips, by other clips of their sessions.

    Attributes
    ----------
    statistics
        Of the rows of all clips.
    sessions
        The speaker and vocal channel of each clip.
    average
        The average training speaker, of rows.
    """

    statistics: RowStatistics
    sessions: NDArray[Any]
    average: SpeakerStatistics

    def draw(self, clip: int, rng: np.random.Generator) -> tuple[Values, Values] | None:
        """Return scale and shift by 1 to 16 other clips drawn at random; None for a clip that is alone."""
        session = np.flatnonzero(self.sessions == self.sessions[clip])
        if len(session) < 2:
            return None
        return self.statistics.scale_and_shift(draw_others(session, clip, rng), self.average)
