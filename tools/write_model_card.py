"""Write docs/model-card.md: the bundled model's contract, and the scores of its recipe in docs/scores.

python tools/write_model_card.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from affekt.bundle import DEFAULT_MODEL, load
from affekt.model_card import render

DOCS = Path(__file__).parents[1] / "docs"
CARD = DOCS / "model-card.md"
SCORES: dict[str, str | dict[str, str]] = {
    "The recipe, trained on speech and song": "affekt-net.by-actor-5.json",
    "The same, on other folds": {
        "speech, learned from speech + song": "affekt-net.emobox-6.speech.json",
    },
    "On random splits: voices that it learned from, and confidence that is not calibrated": {
        "eight emotions": "affekt-net.random-80-20.speech+song.json",
        "eight emotions, 15 % left out": "affekt-net.random-70-15-15.speech+song.json",
        "without surprised": "affekt-net.random-80-20.seven.speech+song.json",
        "without disgust and surprised": "affekt-net.random-80-20.six.speech+song.json",
        "without neutral and surprised": "affekt-net.random-80-20.other-six.speech+song.json",
    },
    "Used to a voice, by the number of unlabelled clips": "affekt-net.enrolment.speech.json",
    "Used to a voice in its neutral clips alone": "affekt-net.enrolment-neutral.speech.json",
    "Through noise, lines and rooms, as it learned from; babble, MP3 and cut-off peaks are new": (
        "affekt-net.robustness.speech.json"
    ),
    "In German: EMO-DB": "bundled.emodb-answers.json",
    "In German: EMO-DB, used to a voice by the number of unlabelled clips": "bundled.enrolment.emodb.json",
}


def write(model: Path) -> str:
    """The card as text."""
    return render(model.name, load(model).contract, {title: read(what) for title, what in SCORES.items()})


def read(what: str | dict[str, str]) -> dict[str, Any]:
    """Scores by the name of their row: a file has several, or each has a file."""
    if isinstance(what, str):
        return dict(json.loads((DOCS / "scores" / what).read_text()))
    return {row: json.loads((DOCS / "scores" / file).read_text()) for row, file in what.items()}


if __name__ == "__main__":
    CARD.write_text(write(DEFAULT_MODEL), encoding="utf-8")
