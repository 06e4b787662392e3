"""Results of a reproduction that nothing was computed for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from affekt.evaluation.results import Scores
from affekt.evaluation.scores import EmotionScore, SliceScore
from affekt.experiments.published_systems import Claim
from affekt.experiments.reproduction_result import Reproduction, TrialResult
from affekt.metrics import Score

METRICS = ("accuracy", "uar", "macro_f1", "weighted_f1", "weighted_f2")
SYSTEMS = {
    "000": Claim(number="000", name="stacked-ensemble", claim="79.18 %", audit="A random split."),
    "004": Claim(number="004", name="se-cnn", claim="92.20 % accuracy", audit="Augmented first."),
}


def make_scores(protocol: str, accuracy: float, *, seeds: int = 1) -> Scores:
    leaky = not protocol.startswith("by-actor")
    return Scores(
        protocol_label=f"{protocol} (LEAKY: said)" if leaky else protocol,
        leaky=leaky,
        n=452,
        emotions=("happy", "sad"),
        chance=0.5,
        majority=0.5,
        headlines={
            name: Score(value=accuracy - 0.01 * i, low=accuracy - 0.05, high=accuracy + 0.05, spread=0.023)
            for i, name in enumerate(METRICS)
        },
        per_emotion={
            name: EmotionScore(precision=0.5, recall=recall, f1=0.5, support=10)
            for name, recall in (("happy", 0.714), ("sad", 0.333))
        },
        confusion_matrix=np.eye(2, dtype=np.int64),
        by_seed={seed: SliceScore(n=452, accuracy=accuracy, uar=accuracy) for seed in range(seeds)},
    )


def make_trial(protocol: str, accuracy: float, *, seeds: int = 1, **changes: Any) -> TrialResult:
    scores = make_scores(protocol, accuracy, seeds=seeds)
    trial = TrialResult(
        system="004",
        recipe="se-cnn",
        protocol=protocol,
        material="speech + song",
        reading="as claimed" if scores.leaky else "unseen actors",
        claims={"accuracy": 0.922, "weighted_f1": 0.92} if scores.leaky else {},
        seconds=90 if scores.leaky else 1800,
        evaluation=scores,
    )
    return replace(trial, **changes)


def make_results(*, quick: bool = False, trials: tuple[TrialResult, ...] = ()) -> Reproduction:
    return Reproduction(
        quick=quick,
        corpus="ravdess",
        clips=2452,
        systems=SYSTEMS,
        trials=trials
        or (
            make_trial("random-80-20", 0.8123, seeds=5),
            make_trial("by-actor-5", 0.4567),
            make_trial("by-actor-5", 0.3456, material="speech", reading="the comparison"),
        ),
    )
