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
EMODB, EMOTIONTTS = "bundled.emodb-answers.json", "bundled.emotiontts_ko-answers.json"
DRAWN = "by the number of unlabelled clips, one training, mean of five draws"
ANY_EMOTION, OWN_EMOTIONS = "all eight emotions allowed", "the corpus's emotions allowed"

Source = str | tuple[str, str]
"""A file with one evaluation, or a file with several and the name of one of them."""

TABLES: dict[str, str | Mapping[str, Source]] = {
    "The recipe, trained on both corpora, speech of unseen speakers, mean of three trainings": {
        "unseen speakers": "affekt-net-2.ravdess+nemo.by-actor-5.speech.json",
    },
    "Trained on one corpus, tested on the other, three trainings; chance 12.5% (nEMO), 16.7% (RAVDESS)": {
        "left out": "affekt-net-2.leave-one-corpus-out.speech.json",
    },
    "The recipe, trained on RAVDESS alone, mean of three trainings": {
        "speech, trained on speech + song": "affekt-net-2.by-actor-5.speech.json",
        "speech + song": ("affekt-net-2.by-actor-5.json", "speech + song"),
    },
    f"Trained on both, adapted to each speaker, {DRAWN}": (
        "affekt-net-2.ravdess+nemo.enrolment.speech.json"
    ),
    f"Left-out corpora, adapted to each speaker, {DRAWN}": (
        "affekt-net-2.leave-one-corpus-out.enrolment.speech.json"
    ),
    f"Trained on RAVDESS, adapted to each speaker with neutral clips alone, {DRAWN}": (
        "affekt-net-2.enrolment-neutral.speech.json"
    ),
    "Trained on RAVDESS, degraded clips, mean of three trainings": "affekt-net-2.robustness.speech.json",
    "This model on EMO-DB (German; all clips of four of its emotions), which it was not trained on": {
        ANY_EMOTION: (EMODB, ANY_EMOTION),
        OWN_EMOTIONS: (EMODB, OWN_EMOTIONS),
    },
    "EMO-DB, adapted to each speaker, by the number of unlabelled clips, mean of five draws": (
        "bundled.enrolment.own.emodb.json"
    ),
    "This model on EmotionTTS (Korean), which it was not trained on": {
        ANY_EMOTION: (EMOTIONTTS, ANY_EMOTION),
        OWN_EMOTIONS: (EMOTIONTTS, OWN_EMOTIONS),
    },
    "EmotionTTS, adapted to each speaker, by the number of unlabelled clips, mean of five draws": (
        "bundled.enrolment.own.emotiontts_ko.json"
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
