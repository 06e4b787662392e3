"""Draw the README's picture from the figures in docs/scores.

python tools/draw_pictures.py        needs the extra affekt[dev]
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[1] / "docs"
RECIPES = ["random-forest", "svm", "voice-svm"]
SPLITS = [
    (0.19, "random-80-20.speech+song", "random split (leaky)", "#C9CDD2"),
    (-0.19, "by-actor-5.speech", "unseen voices", "#0072B2"),
]
LISTENERS, CHANCE = 67, 12.5


def read_accuracy(recipe: str, terms: str) -> tuple[float, float, float]:
    """Accuracy and its interval, in percent."""
    scores = json.loads((DOCS / "scores" / f"{recipe}.{terms}.json").read_text())
    low, high = scores["intervals"]["accuracy"]
    return 100 * scores["accuracy"], 100 * low, 100 * high


def draw_gap() -> None:
    """What a random split promises, and what is left for voices that were never heard."""
    figure, axes = plt.subplots(figsize=(7.4, 3.0), layout="constrained")
    for at, label in ((CHANCE, "chance"), (LISTENERS, "listeners")):
        axes.axvline(at, color="#D55E00", linewidth=1, linestyle=":")
        axes.text(at + 0.6, len(RECIPES) - 0.42, label, color="#D55E00", fontsize=8)
    for row, recipe in enumerate(RECIPES):
        for offset, terms, what, colour in SPLITS:
            value, low, high = read_accuracy(recipe, terms)
            axes.barh(row + offset, value, 0.36, color=colour)
            axes.errorbar(
                value, row + offset, xerr=[[value - low], [high - value]], color="#333", capsize=3
            )
            words = axes.text(high + 1.5, row + offset, f"{value:.1f} %  {what}", va="center")
            words.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})
    axes.set_yticks(range(len(RECIPES)), RECIPES)
    axes.set_xlim(0, 118)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("accuracy on RAVDESS, 8 emotions, %, with 95 % intervals over speakers")
    axes.spines[["top", "right"]].set_visible(False)
    (DOCS / "pictures").mkdir(exist_ok=True)
    figure.savefig(DOCS / "pictures" / "gap.png", dpi=110)


if __name__ == "__main__":
    draw_gap()
