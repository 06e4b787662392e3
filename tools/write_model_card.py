"""Write docs/model-card.md from the bundled model's contract and the evaluations in docs/scores.

python tools/write_model_card.py
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from affekt.evaluation.results import Evaluation, read_evaluation, read_evaluations
from affekt.model.bundle import DEFAULT_MODEL, load
from affekt.reports.model_card import render

DOCS = Path(__file__).parents[1] / "docs"
CARD = DOCS / "model-card.md"
BY_ACTOR = "affekt-net.by-actor-5.json"
EMODB = "bundled.emodb-answers.json"

Source = str | tuple[str, str]
"""A file with one evaluation, or a file with several and the name of one of them."""

TABLES: dict[str, str | Mapping[str, Source]] = {
    "The recipe, trained on speech and song": {
        "speech + song": (BY_ACTOR, "speech + song"),
        "speech, trained on speech + song": (BY_ACTOR, "speech, learned from speech + song"),
        "song, trained on speech + song": (BY_ACTOR, "song, learned from speech + song"),
    },
    "The same with other folds": {
        "speech, trained on speech + song": "affekt-net.emobox-6.speech.json",
    },
    "Random splits: seen speakers, uncalibrated confidence": {
        "eight emotions": "affekt-net.random-80-20.speech+song.json",
        "eight emotions, 15 % tested": "affekt-net.random-70-15-15.speech+song.json",
        "without surprised": "affekt-net.random-80-20.seven.speech+song.json",
        "without disgust and surprised": "affekt-net.random-80-20.six.speech+song.json",
        "without neutral and surprised": "affekt-net.random-80-20.other-six.speech+song.json",
    },
    "Adapted to each speaker, by the number of unlabelled clips": "affekt-net.enrolment.speech.json",
    "Adapted to each speaker with neutral clips alone": "affekt-net.enrolment-neutral.speech.json",
    "Degraded clips; the recipe was trained on noise, band-limited channels and reverberation, not on "
    "babble, MP3 or clipping": "affekt-net.robustness.speech.json",
    "EMO-DB (German)": {
        "all eight emotions allowed": (EMODB, "any of its eight answers"),
        "the four emotions of the corpus allowed": (EMODB, "one of the four that there are"),
    },
    "EMO-DB (German), adapted to each speaker, by the number of unlabelled clips": (
        "bundled.enrolment.emodb.json"
    ),
}
"""Title of a table -> a file whose evaluations are its rows, or the source of each row."""


def write(model: Path) -> str:
    """Return the card as text."""
    return render(model.name, load(model).contract, {title: read(what) for title, what in TABLES.items()})


def read(what: str | Mapping[str, Source]) -> dict[str, Evaluation]:
    """Read the evaluations of a table, by the names of their rows."""
    if isinstance(what, str):
        return read_evaluations(DOCS / "scores" / what)
    return {row: _read_source(source) for row, source in what.items()}


def _read_source(source: Source) -> Evaluation:
    if isinstance(source, str):
        return read_evaluation(DOCS / "scores" / source)
    file, name = source
    return read_evaluations(DOCS / "scores" / file)[name]


if __name__ == "__main__":
    CARD.write_text(write(DEFAULT_MODEL), encoding="utf-8")
