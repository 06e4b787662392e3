"""Draw the README's pictures: of the figures in docs/results.json and docs/scores, and of a corpus.

python tools/draw_pictures.py [RAVDESS/]        needs the extra affekt[dev]; with a corpus, an hour
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl

from affekt import figures
from affekt.exploration import explore
from affekt.scoring import evaluate

mpl.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1] / "docs"
OWN_TERMS, UNSEEN = ("known voices (leaky)", "#C9CDD2"), ("unseen voices", "#0072B2")
LISTENERS, CHANCE = 67, 12.5
ENROLLED = (0, 1, 2, 4, 8, 16, 32)
BUNDLED = "affekt-net"
Accuracy = tuple[float, float, float]


def read_accuracies() -> dict[str, tuple[Accuracy, Accuracy]]:
    """Of each recipe, on its own terms, and for unseen voices."""
    results = json.loads((DOCS / "results.json").read_text())
    found: dict[str, tuple[Accuracy, Accuracy]] = {}
    for number, system in results["systems"].items():
        trials = [t for t in results["trials"] if t["system"] == number and t["recipe"] == system["name"]]
        own = next(t for t in trials if len(t["evaluation"]["seeds"]) == 5)
        unseen = next(t for t in trials if t["protocol"] == "by-actor-5" and t["material"] == "speech")
        found[system["name"]] = accuracy(own["evaluation"]), accuracy(unseen["evaluation"])
    for recipe in ("voice-svm", BUNDLED):
        own, unseen = (
            json.loads((DOCS / "scores" / f"{recipe}.{terms}.json").read_text())
            for terms in ("random-80-20.speech+song", "by-actor-5.speech")
        )
        found[f"{recipe} (ours)"] = accuracy(own), accuracy(unseen)
    return found


def accuracy(scores: dict[str, Any]) -> Accuracy:
    """Value, low and high, in percent."""
    low, high = scores["intervals"]["accuracy"]
    return 100 * scores["accuracy"], 100 * low, 100 * high


def draw_gap() -> None:
    """What a random split promises, and what is left for voices that were never heard."""
    accuracies = read_accuracies()
    figure, axes = plt.subplots(figsize=(7.4, 4.4), layout="constrained")
    for at, label in ((CHANCE, "chance"), (LISTENERS, "listeners")):
        axes.axvline(at, color="#D55E00", linewidth=1, linestyle=":")
        axes.text(at + 0.6, len(accuracies) - 0.42, label, color="#D55E00", fontsize=8)
    for row, both in enumerate(accuracies.values()):
        for offset, scores, (what, colour) in zip((0.19, -0.19), both, (OWN_TERMS, UNSEEN), strict=True):
            value, low, high = scores
            axes.barh(row + offset, value, 0.36, color=colour)
            axes.errorbar(
                value, row + offset, xerr=[[value - low], [high - value]], color="#333", capsize=3
            )
            words = axes.text(high + 1.5, row + offset, f"{value:.1f} %  {what}", va="center")
            words.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    axes.set_yticks(range(len(accuracies)), list(accuracies))
    axes.set_xlim(0, 122)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("accuracy on RAVDESS, %, with 95 % intervals over speakers")
    axes.spines[["top", "right"]].set_visible(False)
    (DOCS / "pictures").mkdir(exist_ok=True)
    figure.savefig(DOCS / "pictures" / "gap.png", dpi=110)


def draw_enrolment() -> None:
    """What getting used to a voice is worth, from clips in any mood and from neutral ones alone."""
    figure, axes = plt.subplots(figsize=(7.4, 3.6), layout="constrained")
    curves = {
        "affekt-net, clips in any mood": ("affekt-net.enrolment.speech", "#0072B2", "o"),
        "affekt-net, neutral clips alone": ("affekt-net.enrolment-neutral.speech", "#56B4E9", "s"),
        "voice-svm, clips in any mood": ("voice-svm.enrolment.speech", "#8A8F94", "^"),
    }
    for label, (name, colour, marker) in curves.items():
        scores = json.loads((DOCS / "scores" / f"{name}.json").read_text())
        places = [ENROLLED.index(int(count)) for count in scores]
        values, lows, highs = zip(*(accuracy(one) for one in scores.values()), strict=True)
        axes.plot(places, values, color=colour, marker=marker, label=label)
        axes.fill_between(places, lows, highs, color=colour, alpha=0.12, linewidth=0)
    axes.axhline(LISTENERS, color="#D55E00", linewidth=1, linestyle=":")
    axes.text(len(ENROLLED) - 1, LISTENERS + 0.4, "listeners", color="#D55E00", fontsize=8, ha="right")
    axes.set_xticks(range(len(ENROLLED)), [str(count) for count in ENROLLED])
    axes.set_xlabel("unlabelled clips of the speaker that the model got used to")
    axes.set_ylabel("accuracy on unseen actors, %")
    axes.grid(axis="y", color="#E6E8EA")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, loc="upper left")
    figure.savefig(DOCS / "pictures" / "enrolment.png", dpi=110)


def draw_corpus(corpus: str) -> None:
    """The map of all clips, and what the bundled recipe takes for what, on unseen voices."""
    pictures = {
        "map": figures.clip_map(explore(corpus)),
        "confusion": figures.confusion(evaluate(corpus, recipe=BUNDLED, tested_channel="speech")),
    }
    for name, figure in pictures.items():
        figure.savefig(DOCS / "pictures" / f"{name}.png", dpi=90)


if __name__ == "__main__":
    draw_gap()
    draw_enrolment()
    for given in sys.argv[1:]:
        draw_corpus(given)
