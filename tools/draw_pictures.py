"""Draw docs/pictures from docs/results.json and docs/scores, and a map of all clips of a corpus.

python tools/draw_pictures.py [RAVDESS/]        needs the extra affekt[dev]; with a corpus, minutes
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl

from affekt.evaluation.results import Scores, read_evaluation, read_evaluations
from affekt.experiments.exploration import explore
from affekt.experiments.reproduction_result import Reproduction, read_reproduction
from affekt.reports import figures

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = DOCS / "pictures"
SEEN, UNSEEN = ("seen speakers (leaky)", "#C9CDD2"), ("unseen speakers", "#0072B2")
OWN_RECIPES = ("voice-svm", "affekt-net", "whisper-linear", "affekt-net-2")
REPRODUCED_SEEDS = 5
HUMAN_ACCURACY, CHANCE = 67, 12.5  # %
REFERENCE = "#D55E00"
ENROLLED = (0, 1, 2, 4, 8, 16, 32)
CURVES = {
    "affekt-net-2, clips of any emotion": ("affekt-net-2.enrolment.speech", "#0072B2", "o"),
    "affekt-net-2, neutral clips alone": ("affekt-net-2.enrolment-neutral.speech", "#56B4E9", "s"),
    "whisper-linear, clips of any emotion": ("whisper-linear.enrolment.speech", "#009E73", "D"),
    "voice-svm, clips of any emotion": ("voice-svm.enrolment.speech", "#8A8F94", "^"),
}
Accuracy = tuple[float, float, float]


def score_file(name: str) -> Path:
    """Return the path of a file in docs/scores."""
    return DOCS / "scores" / f"{name}.json"


def accuracy(scores: Scores) -> Accuracy:
    """Return the accuracy and the bounds of its interval, in percent."""
    score = scores.headlines["accuracy"]
    return 100 * score.value, 100 * score.low, 100 * score.high


def read_accuracies() -> dict[str, tuple[Accuracy, Accuracy]]:
    """Return, for each recipe, its accuracy on seen and on unseen speakers."""
    results = read_reproduction(DOCS / "results.json")
    found = {system.name: reproduced(results, number) for number, system in results.systems.items()}
    for recipe in OWN_RECIPES:
        terms = ("random-80-20.speech+song", "by-actor-5.speech")
        seen, unseen = (accuracy(read_evaluation(score_file(f"{recipe}.{one}"))) for one in terms)
        found[f"{recipe} (ours)"] = seen, unseen
    return found


def reproduced(results: Reproduction, number: str) -> tuple[Accuracy, Accuracy]:
    """Return the accuracy of a published system on its own split, and on unseen speakers."""
    trials = [one for one in results.of_system(number) if one.recipe == results.systems[number].name]
    own = next(one for one in trials if len(one.evaluation.by_seed) == REPRODUCED_SEEDS)
    unseen = next(one for one in trials if (one.protocol, one.material) == ("by-actor-5", "speech"))
    return accuracy(own.evaluation), accuracy(unseen.evaluation)


def draw_gap(accuracies: Mapping[str, tuple[Accuracy, Accuracy]]) -> None:
    """Draw the accuracy of each recipe on seen and on unseen speakers."""
    figure, axes = plt.subplots(figsize=(7.4, 4.4), layout="constrained")
    for at, label in ((CHANCE, "chance"), (HUMAN_ACCURACY, "human accuracy")):
        axes.axvline(at, color=REFERENCE, linewidth=1, linestyle=":")
        axes.text(at + 0.6, len(accuracies) - 0.42, label, color=REFERENCE, fontsize=8)
    for row, both in enumerate(accuracies.values()):
        for offset, scores, (label, colour) in zip((0.19, -0.19), both, (SEEN, UNSEEN), strict=True):
            draw_bar(axes, row + offset, scores, label, colour)
    axes.set_yticks(range(len(accuracies)), list(accuracies))
    axes.set_xlim(0, 130)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("accuracy on RAVDESS, %, with 95 % intervals over speakers")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURES / "gap.png", dpi=110)


def draw_bar(axes: Axes, y: float, scores: Accuracy, label: str, colour: str) -> None:
    """Draw an accuracy with its interval and its label."""
    value, low, high = scores
    axes.barh(y, value, 0.36, color=colour)
    axes.errorbar(value, y, xerr=[[value - low], [high - value]], color="#333", capsize=3)
    words = axes.text(high + 1.5, y, f"{value:.1f} %  {label}", va="center")
    words.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})


def draw_enrolment() -> None:
    """Draw the accuracy after adaptation by the number of unlabelled clips of the speaker."""
    figure, axes = plt.subplots(figsize=(7.4, 4.0), layout="constrained")
    for label, (name, colour, marker) in CURVES.items():
        curve = read_evaluations(score_file(name))
        places = [ENROLLED.index(int(count)) for count in curve]
        values, lows, highs = zip(*map(accuracy, curve.values()), strict=True)
        axes.plot(places, values, color=colour, marker=marker, label=label)
        axes.fill_between(places, lows, highs, color=colour, alpha=0.12, linewidth=0)
    axes.axhline(HUMAN_ACCURACY, color=REFERENCE, linewidth=1, linestyle=":")
    axes.text(
        len(ENROLLED) - 1, HUMAN_ACCURACY + 0.4, "human accuracy", color=REFERENCE, fontsize=8, ha="right"
    )
    axes.set_xticks(range(len(ENROLLED)), [str(count) for count in ENROLLED])
    axes.set_xlabel("unlabelled clips of the speaker that the model was adapted to")
    axes.set_ylabel("accuracy on unseen actors, %")
    axes.grid(axis="y", color="#E6E8EA")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside upper center", ncols=2)
    figure.savefig(PICTURES / "enrolment.png", dpi=110)


def main() -> None:
    """Draw all pictures; the map only if a corpus is given."""
    PICTURES.mkdir(exist_ok=True)
    draw_gap(read_accuracies())
    draw_enrolment()
    evaluation = read_evaluation(score_file("affekt-net-2.by-actor-5.speech"))
    figures.confusion(evaluation).savefig(PICTURES / "confusion.png", dpi=130)
    for corpus in sys.argv[1:]:
        figures.clip_map(explore(corpus)).savefig(PICTURES / "map.png", dpi=90)


if __name__ == "__main__":
    main()
