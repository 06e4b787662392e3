"""The metadata at the top of a model card: licence, task, and scores as a ``model-index``.

Source: the fields of model cards that Hugging Face documents (modelcard.md, ``model-index``).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from affekt.metrics import METRIC_TITLES, Score

if TYPE_CHECKING:
    from affekt.evaluation.results import Evaluation
    from affekt.model.contract import Contract

TASK = "audio-classification"
METRICS = ("accuracy", "uar")
LICENCES = {"CC BY-NC-SA 4.0": "cc-by-nc-sa-4.0", "CC BY 4.0": "cc-by-4.0", "CC0 1.0": "cc0-1.0"}
"""Licence of a corpus -> its name in the metadata of models."""


def front_matter(
    name: str, contract: Contract, further: Mapping[str, Mapping[str, Evaluation]] | None = None
) -> str:
    """Return the metadata in YAML, between lines of ``---``; parameters as for the card.

    Of further scores, those of clips as they were recorded and without adaptation are included.
    """
    metadata = {
        "library_name": "affekt",
        "pipeline_tag": TASK,
        **_licence(contract),
        "tags": ["speech-emotion-recognition", "onnx"],
        "model-index": [{"name": name, "results": list(_results(contract, further or {}))}],
    }
    return "\n".join(["---", *_yaml(metadata), "---", ""])


def _licence(contract: Contract) -> dict[str, str]:
    """That of the corpora where it is one that is known, as for the bundled model; see NOTICE."""
    given = {corpus.licence for corpus in contract.corpora}
    known = {LICENCES.get(one, "other") for one in given}
    if len(known) == 1 and known != {"other"}:
        return {"license": known.pop()}
    return {"license": "other", "license_name": "; ".join(sorted(filter(None, given))) or "unknown"}


def _results(
    contract: Contract, further: Mapping[str, Mapping[str, Evaluation]]
) -> Iterator[dict[str, Any]]:
    from affekt.evaluation.results import AS_RECORDED

    scores = contract.scores
    corpora = "+".join(corpus.name for corpus in contract.corpora)
    of_recipe = "cross-validation of the recipe"
    yield _result(corpora, scores.protocol_label, of_recipe, scores.n, scores.chance, scores.headlines)
    for title, evaluations in further.items():
        for row, one in evaluations.items():
            if one.condition == AS_RECORDED:
                yield _result(
                    one.corpus, one.protocol_label, f"{title}: {row}", one.n, one.chance, one.headlines
                )


def _result(
    corpus: str, protocol: str, what: str, n: int, chance: float, headlines: Mapping[str, Score]
) -> dict[str, Any]:
    return {
        "task": {"type": TASK, "name": "Speech emotion recognition"},
        "dataset": {"type": corpus, "name": f"{corpus}, {what}", "config": protocol},
        "metrics": [
            {
                "type": name,
                "value": round(headlines[name].value, 4),
                "name": f"{METRIC_TITLES[name]}, {n} clips, chance {chance:.1%}, "
                + _interval(headlines[name]),
            }
            for name in METRICS
            if name in headlines
        ],
    }


def _interval(score: Score) -> str:
    return "no interval" if score.no_interval else f"95 % interval {score.interval} %"


def _yaml(values: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    """The lines of a mapping; what is a value is written as in JSON, which is YAML too."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _yaml(value, indent + "  ")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield f"{indent}{key}:"
            for one in value:
                first, *rest = _yaml(one, indent + "  ")
                yield f"{indent}- {first.lstrip()}"
                yield from rest
        else:
            yield f"{indent}{key}: {json.dumps(value)}"
