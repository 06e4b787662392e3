"""affekt: which emotion a voice carries, and how far to trust the answer.

>>> import affekt
>>> affekt.predict("clip.wav").emotion  # doctest: +SKIP
'happy'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from affekt.errors import AffektError, explain_import

if TYPE_CHECKING:
    from affekt.adaptation import Voice, adapt, load_voice
    from affekt.audio import Waveform, load_audio
    from affekt.bundle import Bundle, Contract, load
    from affekt.comparison import Comparison, compare
    from affekt.enrolment import enrolment_curve
    from affekt.evaluation import Evaluation
    from affekt.exploration import Exploration, explore
    from affekt.prediction import Answer, Prediction, predict, predict_many
    from affekt.report import write_report
    from affekt.scoring import evaluate
    from affekt.training import train

# Public names and where they live. Each is imported when it is first asked for, so that whoever
# predicts does not pay for what whoever trains needs.
_HOMES = {
    "Answer": "prediction",
    "Bundle": "bundle",
    "Comparison": "comparison",
    "Contract": "bundle",
    "Evaluation": "evaluation",
    "Exploration": "exploration",
    "Prediction": "prediction",
    "Voice": "adaptation",
    "Waveform": "audio",
    "adapt": "adaptation",
    "compare": "comparison",
    "enrolment_curve": "enrolment",
    "evaluate": "scoring",
    "explore": "exploration",
    "load": "bundle",
    "load_audio": "audio",
    "load_voice": "adaptation",
    "predict": "prediction",
    "predict_many": "prediction",
    "train": "training",
    "write_report": "report",
}

__all__ = [
    "AffektError",
    "Answer",
    "Bundle",
    "Comparison",
    "Contract",
    "Evaluation",
    "Exploration",
    "Prediction",
    "Voice",
    "Waveform",
    "adapt",
    "compare",
    "enrolment_curve",
    "evaluate",
    "explore",
    "load",
    "load_audio",
    "load_voice",
    "predict",
    "predict_many",
    "train",
    "write_report",
]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'affekt' has no attribute {name!r}")
    try:
        value = getattr(import_module(f"affekt.{_HOMES[name]}"), name)
    except ModuleNotFoundError as error:
        raise explain_import(error, f"affekt.{name}") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
