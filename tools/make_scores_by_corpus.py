"""Write src/affekt/app/scores_by_corpus.json, which the app shows for the bundled model, from docs/scores.

python tools/make_scores_by_corpus.py
"""

from __future__ import annotations

import json
from pathlib import Path

from affekt.app.models import BY_CORPUS
from affekt.evaluation.results import read_evaluation, read_evaluations
from affekt.evaluation.scores import CorpusScore
from affekt.model.bundle import DEFAULT_MODEL, load

SCORES = Path(__file__).parents[1] / "docs" / "scores"
ALL_EMOTIONS = "all eight emotions allowed"
TRAINED_ON = {"ravdess": "RAVDESS (English)", "nemo": "nEMO (Polish)"}
NEVER_TRAINED_ON = {
    "EMO-DB (German)": "bundled.emodb-answers.json",
    "EmotionTTS (Korean)": "bundled.emotiontts_ko-answers.json",
}


def rows() -> list[dict[str, object]]:
    """Return a row for each corpus: training corpora, then others."""
    own = read_evaluation(SCORES / "affekt-net-2.ravdess+nemo.by-actor-5.speech.json")
    made = [_row(TRAINED_ON[name], "yes", score) for name, score in own.by_corpus.items()]
    for name, file in NEVER_TRAINED_ON.items():
        (score,) = read_evaluations(SCORES / file)[ALL_EMOTIONS].by_corpus.values()
        made.append(_row(name, "no", score))
    return made


def _row(name: str, trained_on: str, score: CorpusScore) -> dict[str, object]:
    return {
        "corpus": name,
        "trained on it": trained_on,
        "accuracy": round(score.accuracy.value, 4),
        "interval": score.accuracy.interval,
        "clips": score.n,
        "speakers": score.speakers,
    }


if __name__ == "__main__":
    content = {"model": load(DEFAULT_MODEL).contract.sha256, "rows": rows()}
    BY_CORPUS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
