"""A model's card, made from its contract and from scores in JSON, and from nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from affekt.bundle import Contract
from affekt.confidence import COVERAGE, Reliability
from affekt.metrics import METRIC_TITLES, Score
from affekt.novelty import FLAGGED_SHARE

Scores = Mapping[str, Mapping[str, Any]]
"""What a row is about -> an evaluation's JSON."""

_USE = """## What it is for

It names the emotion that a voice plays or shows, of {count}: {emotions}. It is meant for research, for
teaching, for art, and for people who are curious about their own voice. Its answer is about how something
sounds, not about what somebody feels.

## What it is not for

- **Judging people.** In the European Union, Regulation (EU) 2024/1689 (the AI Act), Article 5 (1) (f),
  forbids systems that infer emotions of people at work and in education, but for medical and safety
  reasons; elsewhere such systems are high-risk (Annex III) and people must be told (Article 50).
- Decisions about anybody: hiring, insurance, police, credit, health, love.
- Listening to people who do not know of it, or have not agreed.
- Voices unlike those that it learned from, which stand below: of another age, language or culture,
  spontaneous where these are acted, ill, or recorded elsewhere. Score it on labelled ones first.
"""
_LIMITS = """## How it says that it does not know

- **Confidence** is fitted on answers about {held_out}: probabilities are raised to the power
  {power:.2f}. {ece}
- **Likely emotions**: all that are at least {threshold:.1%} probable. In {promised:.0%} of cases like those
  that were scored, the right one should be among them{measured}. Nothing is promised for other voices,
  rooms or languages, nor where the model got used to a voice. With four or more it is called unsure.
- **Like no voice that it learned from**: a note on clips that are further from the average training voice
  than all but {flagged:.1%} of the clips of {held_out} were (mean distance over {novel_from:.2f}
  deviations).
- **Long recordings** are read in windows of {window_s:.1f} s, which overlap by half, and pooled.
"""


def render(name: str, contract: Contract, more: Mapping[str, Scores] | None = None) -> str:
    """Markdown.

    Parameters
    ----------
    name
        Of the model.
    contract
        What it promises.
    more
        Further scores by their title, each a table of evaluations.
    """
    return "\n".join(
        [*_describe(name, contract), *_scores(contract), *_further(more or {}), _how_sure(contract)]
    )


def _describe(name: str, contract: Contract) -> Iterator[str]:
    yield f"# Model card: {name}\n"
    yield f"Made by `affekt model --card` from the model's contract, sha256 `{contract.sha256}`.\n"
    yield "| | |\n|---|---|"
    yield f"| recipe | `{contract.recipe}`, seed {contract.seed} |"
    rate = f"{contract.sample_rate} Hz" if contract.sample_rate else "the clip's own rate"
    yield f"| features | `{contract.features}`, from {rate} |"
    yield f"| graph against estimator | differ by {contract.parity:.0e} at most |"
    yield f"| made with | {', '.join(f'{what} {version}' for what, version in contract.versions.items())} |"
    yield ""
    yield _USE.format(count=len(contract.emotions), emotions=", ".join(contract.emotions))
    yield "## What it learned from\n"
    for corpus in contract.corpora:
        unknown = ", and unknown ones" if corpus.unknown_speakers else ""
        yield f"- **{corpus.name}**: {corpus.clips} clips of {len(corpus.speakers)} speakers{unknown}."
        yield f"  Licence of the recordings: {corpus.licence}. {corpus.citation}".rstrip()
    described = {name: values for name, values in contract.recordings.items() if name in _RECORDINGS}
    if described:
        yield "\nHow they were recorded, 5th, 50th and 95th percentile:\n"
        yield "| | 5 % | 50 % | 95 % |\n|---|---|---|---|"
        for what, values in described.items():
            yield f"| {_RECORDINGS[what]} | " + " | ".join(f"{value:.5g}" for value in values) + " |"
    yield ""


_RECORDINGS = {
    "duration_s": "length, s",
    "sample_rate": "sample rate, Hz",
    "level_db": "level, dB of full scale",
    "pitch_hz": "pitch, Hz",
    "brightness_hz": "brightness, Hz",
}


def _scores(contract: Contract) -> Iterator[str]:
    scores = contract.scores
    yield "## How good it is\n"
    yield (
        f"The recipe, cross-validated: **{scores.protocol_label}**, {scores.n} clips, "
        f"{len(contract.emotions)} emotions, chance {scores.chance:.1%}. The model itself has heard all of "
        "these speakers.\n"
    )
    yield "| metric | score | 95 % interval over speakers |\n|---|---|---|"
    for name, score in scores.headlines.items():
        yield f"| {METRIC_TITLES[name]} | {score.value:.1%} | {_interval(score)} |"
    bins = {name: np.array(values) for name, values in scores.reliability.items()}
    yield f"| expected calibration error | {Reliability(**bins).ece:.1%} | - |"
    yield "\n| emotion | recall |\n|---|---|"
    for emotion, recall in scores.recall.items():
        yield f"| {emotion} | {'-' if recall is None else f'{recall:.1%}'} |"
    yield "\nWhat was taken for what, clips, the right emotion in front:\n"
    yield f"| | {' | '.join(contract.emotions)} |\n|---|" + "---|" * len(contract.emotions)
    for emotion, row in zip(contract.emotions, scores.confusion_matrix, strict=True):
        yield f"| **{emotion}** | {' | '.join(map(str, row))} |"
    yield ""


def _interval(score: Score) -> str:
    return f"{score.low:.1%} - {score.high:.1%}" if score.low == score.low else "-"


def _further(more: Mapping[str, Scores]) -> Iterator[str]:
    for title, scores in more.items():
        yield f"### {title}\n"
        yield "| | accuracy | UAR | ECE | clips | protocol |\n|---|---|---|---|---|---|"
        for name, one in scores.items():
            cells = [_with_interval(one, metric) for metric in ("accuracy", "uar")]
            cells += [f"{one['ece']:.1%}", str(one["n"]), one["protocol_label"]]
            yield f"| {name} | {' | '.join(cells)} |"
        yield ""


def _with_interval(one: Mapping[str, Any], metric: str) -> str:
    low, high = one["intervals"][metric]
    return f"{one[metric]:.1%}" + (f" ({low:.1%} - {high:.1%})" if low is not None else "")


def _how_sure(contract: Contract) -> str:
    scores = contract.scores
    measured, ece = "", "The calibration error in the table above is from before that."
    if scores.coverage is not None:
        measured = f", and was in {scores.coverage:.1%}, with {scores.likely_count:.1f} emotions on average"
        ece = "The calibration error in the table above is what is left after that."
    return _LIMITS.format(
        held_out="voices that it knew" if scores.leaky else "unheard voices",
        power=1 / contract.trust.temperature,
        ece=ece,
        threshold=contract.trust.threshold,
        promised=COVERAGE,
        measured=measured,
        flagged=FLAGGED_SHARE,
        novel_from=contract.novel_from,
        window_s=contract.window_s,
    )
