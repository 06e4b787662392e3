"""Write docs/model-card.md: the bundled model's contract, and the scores of its recipe in docs/scores.

python tools/write_model_card.py
"""

from __future__ import annotations

import json
from pathlib import Path

from affekt.bundle import DEFAULT_MODEL, load
from affekt.model_card import render

DOCS = Path(__file__).parents[1] / "docs"
CARD = DOCS / "model-card.md"
SCORES = {
    "The recipe, trained on speech and song": "affekt-net.by-actor-5.json",
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
    more = {title: json.loads((DOCS / "scores" / file).read_text()) for title, file in SCORES.items()}
    return render(model.name, load(model).contract, more)


if __name__ == "__main__":
    CARD.write_text(write(DEFAULT_MODEL), encoding="utf-8")
