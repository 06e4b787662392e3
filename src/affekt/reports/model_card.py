"""A model's card in Markdown, made from its contract and from further evaluations."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from affekt.features.feature_sets import find_feature_set
from affekt.inference.prediction import UNSURE_FROM
from affekt.metrics import INTERVAL_RULE, METRIC_TITLES
from affekt.model.calibration import COVERAGE, UNSEEN_CORPORA, Reliability
from affekt.model.intended_use import LONG
from affekt.model.out_of_distribution import FLAGGED_SHARE
from affekt.model.speaker_normalisation import MAX_ENROLLED
from affekt.reports.model_index import front_matter
from affekt.reports.score_rows import corpus_rows, mean_size, percentage, pooled_score

if TYPE_CHECKING:
    from affekt.evaluation.results import Evaluation
    from affekt.evaluation.scores import CorpusScore
    from affekt.model.calibration import Calibration
    from affekt.model.contract import Contract, ContractScores

RECORDINGS = {
    "duration_s": "duration, s",
    "sample_rate": "sample rate, Hz",
    "level_db": "level, dB of full scale",
    "pitch_hz": "pitch, Hz",
    "brightness_hz": "spectral centroid, Hz",
}
LIMITS = """## Confidence and its limits

- **Confidence.** Probabilities are calibrated by temperature scaling, fitted on out-of-fold predictions for
  {held_out}: they are raised to the power {power}. The calibration error of the cross-validation
  above was measured {when} calibration.
- **Prediction set.** It contains all emotions with a probability of at least {threshold:.1%}. {condition} it contains the true emotion in
  {coverage:.0%} of the cases{measured}.
  This does not hold for {others}{or_adapted}.
  A prediction whose set has {unsure} or more emotions is reported as unsure.
{enrolled}- **Out of distribution.** A recording is flagged if the mean distance of its features from the average
  training speaker{uncertainty} exceeds {distance:.2f} standard deviations, as it does for {flagged:.1%} of the clips of
  {flagged_on}.
- **Long recordings** are predicted {windows}.
"""  # noqa: E501

ENROLLED = """\
- **Enrolled speakers.** Predictions with a voice have a calibration of their own, fitted on out-of-fold
  predictions with 1 to {clips} other clips of the speaker enrolled. Probabilities are raised to the power
  {power}, and the prediction set contains all emotions with a probability of at least
  {threshold:.1%}. It contains the true emotion as often, on average over
  {averaged_over}.
"""


def render(
    name: str, contract: Contract, further: Mapping[str, Mapping[str, Evaluation]] | None = None
) -> str:
    """Return a model's card as Markdown, with its metadata at the top.

    Parameters
    ----------
    name
        Of the model.
    contract
        Its contract.
    further
        Further scores: title of a table -> name of a row -> evaluation.
    """
    lines = [
        front_matter(name, contract, further),
        f"# Model card: {name}\n",
        f"Made by `affekt model --card` from the model's contract, sha256 `{contract.sha256}`.\n",
        *_making(contract),
        LONG,
        *_training(contract),
        *_scores(contract.scores, contract.emotions, _interval_over(contract)),
    ]
    for title, evaluations in (further or {}).items():
        lines += [f"### {title}\n", *_evaluations(evaluations), ""]
    return "\n".join([*lines, _limits(contract)])


def _making(contract: Contract) -> Iterator[str]:
    rate = f"{contract.sample_rate} Hz" if contract.sample_rate else "the clip's own rate"
    versions = ", ".join(f"{library} {version}" for library, version in contract.versions.items())
    yield from _table_head("", "")
    yield _row("emotions", f"{len(contract.emotions)}: {', '.join(contract.emotions)}")
    yield _row("recipe", f"`{contract.recipe}`, seed {contract.seed}")
    yield _row("features", f"`{find_feature_set(contract.features).name}`, from {rate}")
    yield _row("largest difference between graph and estimator", f"{contract.parity:.0e}")
    yield _row("made with", versions)
    yield ""


def _training(contract: Contract) -> Iterator[str]:
    yield "## Training data\n"
    for corpus in contract.corpora:
        unknown = ", and of unknown speakers" if corpus.unknown_speakers else ""
        speakers = f"{len(corpus.speakers)} speakers{unknown}"
        yield f"- **{_inline(corpus.name)}**: {corpus.clips} clips of {speakers}."
        yield f"  Licence of the recordings: {_inline(corpus.licence)}. {_inline(corpus.citation)}".rstrip()
    known = {name: values for name, values in contract.recordings.items() if name in RECORDINGS}
    if known:
        yield "\nPercentiles over the training clips:\n"
        yield from _table_head("", "5 %", "50 %", "95 %")
        for name, values in known.items():
            yield _row(RECORDINGS[name], *(f"{value:.5g}" for value in values))
    yield ""


def _interval_over(contract: Contract) -> str:
    """What the intervals are drawn over: speakers, and clips of unknown speakers."""
    known = {"speakers": any(corpus.speakers for corpus in contract.corpora)}
    known["clips"] = any(corpus.unknown_speakers for corpus in contract.corpora)
    return " and ".join(what for what, there in known.items() if there) or "speakers"


def _scores(scores: ContractScores, emotions: Sequence[str], over: str) -> Iterator[str]:
    yield "## Scores\n"
    yield (
        f"Cross-validation of the recipe: **{_inline(scores.protocol_label)}**, {scores.n} clips, "
        f"{len(emotions)} emotions, chance {scores.chance:.1%}, one training. "
        "The model itself was trained on all of these speakers.\n"
    )
    yield from _table_head("metric", "score, %", f"95 % interval over {over}, %")
    for name, score in scores.headlines.items():
        yield _row(METRIC_TITLES[name], percentage(score.value), score.interval)
    bins = Reliability(**{name: np.array(values) for name, values in scores.reliability.items()})
    yield _row("expected calibration error (ECE)", percentage(bins.ece), "-")
    yield ""
    yield from _table_head("emotion", "recall, %")
    for emotion, recall in scores.recall.items():
        yield _row(emotion, percentage(recall))
    if any(score.no_interval for score in scores.headlines.values()):
        yield f"\n{INTERVAL_RULE}"
    yield "\nConfusion matrix in clips, true emotions in rows, predicted ones in columns:\n"
    yield from _table_head("", *emotions)
    for emotion, row in zip(emotions, scores.confusion_matrix, strict=True):
        yield _row(f"**{emotion}**", *map(str, row))
    yield ""


def _evaluations(evaluations: Mapping[str, Evaluation]) -> Iterator[str]:
    """A row for each evaluation, and for each corpus of it where there are several."""
    rows: list[tuple[str, CorpusScore, str]] = []
    for name, one in evaluations.items():
        by_corpus = corpus_rows(one) or {"": pooled_score(one)}
        rows += [
            (f"{name}, {corpus}" if corpus else name, row, _label_without_condition(one, name))
            for corpus, row in by_corpus.items()
        ]
    columns = {
        "accuracy, %": [row.accuracy.with_interval for _, row, _ in rows],
        "UAR, %": [row.uar.with_interval for _, row, _ in rows],
        "ECE, %": [percentage(row.ece) for _, row, _ in rows],
        "coverage, %": [percentage(row.coverage) for _, row, _ in rows],
        "set size": [mean_size(row.set_size) for _, row, _ in rows],
        "flagged, %": [percentage(row.out_of_distribution) for _, row, _ in rows],
        "clips": [str(row.n) for _, row, _ in rows],
        "protocol": [label for _, _, label in rows],
    }
    known = {title: cells for title, cells in columns.items() if any(cell != "-" for cell in cells)}
    yield from _table_head("", *known)
    for i, (name, _, _) in enumerate(rows):
        yield _row(name, *(cells[i] for cells in known.values()))


def _label_without_condition(one: Evaluation, name: str) -> str:
    """The label of the protocol without the condition, which the row is named after."""
    return one.protocol_label.removesuffix(f", {name}").removesuffix(f", {one.condition}")


def _limits(contract: Contract) -> str:
    scores = contract.scores
    measured = ""
    if scores.coverage is not None and scores.set_size is not None:
        measured = f" (measured: {scores.coverage:.1%}, mean size {scores.set_size:.1f})"
    held_out = " and ".join(contract.calibrated_on)
    flagged_on = held_out
    condition = "On average\n  over recordings like those of the cross-validation,"
    others = "other speakers, rooms or languages"
    if UNSEEN_CORPORA in contract.calibrated_on:
        kinds = [kind for kind in contract.calibrated_on if kind != UNSEEN_CORPORA]
        known = f"{' and '.join(kinds)} of the training corpora"
        condition = f"On average\n  over {contract.averaged_over}, each as often,"
        others = "corpora that differ more from the training corpora than these from each other"
        measured = measured.replace("measured", f"measured on {known}")
        flagged_on = known
    return LIMITS.format(
        held_out=held_out,
        power=_power(contract.calibration, contract.distance_threshold),
        or_adapted="" if contract.enrolled_calibration else ", or after adaptation to a speaker",
        enrolled=_enrolled(contract),
        condition=condition,
        others=others,
        when="after" if measured else "before",
        threshold=contract.calibration.threshold,
        coverage=COVERAGE,
        measured=measured,
        flagged_on=flagged_on,
        unsure=UNSURE_FROM,
        uncertainty=_uncertainty(contract.uncertainty_weight),
        distance=contract.distance_threshold,
        flagged=FLAGGED_SHARE,
        windows=_windows(contract.window_s),
    )


def _enrolled(contract: Contract) -> str:
    """How predictions for enrolled speakers are calibrated, where it is done apart."""
    calibration = contract.enrolled_calibration
    if not calibration:
        return ""
    return ENROLLED.format(
        power=_power(calibration, contract.distance_threshold),
        clips=MAX_ENROLLED,
        threshold=calibration.threshold,
        averaged_over=contract.averaged_over_enrolled,
    )


def _power(calibration: Calibration, flagged_distance: float) -> str:
    """The power at a typical distance and at one that is flagged, where it depends on the distance."""
    if not calibration.distance_slope:
        return f"{1 / calibration.temperature:.2f}"
    distances = np.array([calibration.reference_distance, flagged_distance])
    typical, far = 1 / calibration.temperatures(distances)
    return (
        f"{typical:.2f} at a distance of {distances[0]:.2f}\n  standard deviations from the average "
        f"training speaker, {far:.2f} at {distances[1]:.2f}"
    )


def _uncertainty(weight: float) -> str:
    """How an uncertain answer increases the distance, where it does."""
    return f",\n  times 1 + {weight:g} (1 - largest probability before calibration)," if weight else ""


def _windows(window_s: float) -> str:
    if math.isinf(window_s):
        return "as a whole"
    return f"in windows of {window_s:.1f} s, which overlap by half; the probabilities are averaged"


def _table_head(*titles: str) -> Iterator[str]:
    yield _row(*titles)
    yield f"|{'---|' * len(titles)}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(one.replace('|', chr(92) + '|') for one in map(_inline, cells))} |"


def _inline(text: str) -> str:
    """A text on one line, in which names that came with a model are neither HTML nor links."""
    return " ".join(text.split()).replace("<", "&lt;").replace("](", "]&#40;")
