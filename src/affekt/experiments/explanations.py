"""``explain_corpus``: which times, changes and cues of voices carry each emotion, for a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from affekt.corpora.base import Clip
from affekt.corpora.clips import load_whole
from affekt.corpora.registry import CorpusLike
from affekt.errors import AudioError, CorpusError
from affekt.evaluation.terms import read_corpus
from affekt.inference.explanation import MAX_EXPLAINED_S, Explanation, explain_waveform, log_odds
from affekt.inference.what_ifs import CHANGES
from affekt.model.bundle import ModelLike, load
from affekt.support.progress import track

CLIPS, MASKS = 4, 100
TIMES = 5  # parts of a clip, equally long


@dataclass(frozen=True, slots=True, kw_only=True)
class Carriers:
    """What carries an emotion over several clips.

    Attributes
    ----------
    emotion : str
        The label of the clips, which is explained.
    clips : int
        How many were explained.
    times : tuple of float
        Mean over clips of the effects in each fifth of a clip, added up; from its beginning to its end.
    changes : mapping of str to float
        Change of the voice -> mean change of the probability of the emotion.
    cues : mapping of str to float
        Cue -> Spearman's rank correlation with the log-odds of the emotion, over the clips of all emotions.
    """

    emotion: str
    clips: int
    times: tuple[float, ...]
    changes: Mapping[str, float]
    cues: Mapping[str, float]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values."""
        return asdict(self)


def explain_corpus(
    corpus: CorpusLike,
    model: ModelLike = None,
    *,
    clips: int = CLIPS,
    masks: int = MASKS,
    seed: int = 0,
    progress: bool = False,
) -> tuple[Carriers, ...]:
    """Explain some clips of each emotion that a model knows.

    Parameters
    ----------
    corpus
        A path, several, or a loaded corpus.
    model
        A model file or bundle; None for the bundled model.
    clips
        How many clips of each emotion, drawn from ``seed``; clips of more than 30 s are left out.
    masks
        As for ``explain``.
    progress
        Whether to show a progress bar.

    Raises
    ------
    CorpusError
        No clip with an emotion of the model can be explained.
    """
    bundle, selected = load(model), read_corpus(corpus)
    allowed = bundle.contract.emotions
    drawn = _draw([clip for clip in selected.clips if clip.emotion in allowed], clips, seed)
    found, first_error = [], None
    for clip in track(drawn, "explaining", len(drawn), shown=progress):
        try:
            recorded = load_whole(clip)
            if recorded.duration_s <= MAX_EXPLAINED_S:
                found.append(
                    explain_waveform(
                        recorded,
                        bundle,
                        name=clip.name,
                        allowed=allowed,
                        emotion=clip.emotion,
                        masks=masks,
                        seed=seed,
                    )
                )
        except AudioError as error:  # explore lists what cannot be read
            first_error = first_error or error
    if not found:
        why = first_error or f"the model knows {', '.join(allowed)}"
        raise CorpusError(f"no clip of {selected.name} can be explained: {why}") from first_error
    explained = {one.emotion for one in found}
    return tuple(find_carriers(found, emotion) for emotion in allowed if emotion in explained)


def find_carriers(found: Sequence[Explanation], emotion: str) -> Carriers:
    """Summarise the explanations of an emotion; cues are compared over those of all emotions."""
    own = [one for one in found if one.emotion == emotion]
    changes = {
        name: [
            changed.probabilities[emotion] - one.prediction.probabilities[emotion]
            for one in own
            for changed in one.what_ifs
            if changed.name == name
        ]
        for name in CHANGES
    }
    odds = [log_odds(one.prediction.probabilities, emotion) for one in found]
    values: dict[str, dict[int, float]] = {}
    for i, one in enumerate(found):
        for cue in one.cues:
            values.setdefault(cue.name, {})[i] = cue.value
    return Carriers(
        emotion=emotion,
        clips=len(own),
        times=tuple(np.mean([_effects_over_time(one) for one in own], axis=0).tolist()),
        changes={name: float(np.mean(one)) for name, one in changes.items() if one},
        cues={
            name: float(spearmanr(list(by_clip.values()), [odds[i] for i in by_clip]).statistic)
            for name, by_clip in values.items()
            if len(by_clip) > 2 and np.ptp(list(by_clip.values())) > 0
        },
    )


def _effects_over_time(one: Explanation) -> list[float]:
    """Return the sum of the effects in each fifth of a recording; segments may lie in two."""
    edges = np.array([one.segments[0].start_s, *(segment.end_s for segment in one.segments)])
    sums = np.concatenate([[0.0], np.cumsum([segment.effect for segment in one.segments])])
    parts = np.interp(np.linspace(edges[0], edges[-1], TIMES + 1), edges, sums)
    return [float(effect) for effect in np.diff(parts)]


def _draw(clips: Sequence[Clip], count: int, seed: int) -> list[Clip]:
    """Draw so many clips of each emotion."""
    order = np.random.default_rng(seed).permutation(len(clips))
    drawn: dict[str, list[Clip]] = {}
    for i in order:
        own = drawn.setdefault(clips[i].emotion, [])
        if len(own) < count:
            own.append(clips[i])
    return [clip for own in drawn.values() for clip in own]
