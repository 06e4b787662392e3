"""affekt: predict the emotion that a voice expresses, and how far to trust the prediction.

>>> import affekt
>>> affekt.predict("clip.wav").emotion  # doctest: +SKIP
'happy'
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from affekt.errors import AffektError, explain_import

if TYPE_CHECKING:
    from affekt import recipes
    from affekt.audio.loading import AudioSource, Waveform, load_audio
    from affekt.batch.rows import predict_batches
    from affekt.corpora.base import Clip, Corpus
    from affekt.corpora.check import CorpusCheck, check_corpus
    from affekt.corpora.download import download_corpus
    from affekt.corpora.registry import CorpusLike, load_corpus
    from affekt.estimators.recipe import Recipe
    from affekt.evaluation.comparison import Comparison, compare
    from affekt.evaluation.results import Evaluation
    from affekt.experiments.enrolment import enrolment
    from affekt.experiments.exploration import Exploration, explore
    from affekt.experiments.reproduction import reproduce
    from affekt.experiments.robustness import robustness
    from affekt.experiments.scoring import evaluate
    from affekt.experiments.timelines import evaluate_timelines
    from affekt.experiments.training import train
    from affekt.features.feature_sets import extract
    from affekt.features.feature_table import extract_many, write_table
    from affekt.inference.adaptation import Voice, VoiceLike, adapt, load_voice
    from affekt.inference.answer_table import to_dataframe
    from affekt.inference.cues import Cue
    from affekt.inference.diarisation import Turn, read_rttm
    from affekt.inference.events import Measurement, UtteranceEnd, UtteranceStart
    from affekt.inference.explanation import BandEffect, Explanation, SegmentEffect, explain
    from affekt.inference.neighbours import Neighbour
    from affekt.inference.prediction import Answer, Prediction, predict, predict_many
    from affekt.inference.stream import Stream
    from affekt.inference.timeline import Timeline, Track, Utterance
    from affekt.inference.timeline_reader import timeline, timeline_channels
    from affekt.inference.what_ifs import AlteredRecording
    from affekt.inference.writers import write_timelines
    from affekt.model.bundle import Bundle, ModelLike, load
    from affekt.model.contract import Contract
    from affekt.notes import Note, NoteKind
    from affekt.reports import figures
    from affekt.reports.html import write_report
    from affekt.server.client import Client

# onnxruntime sends usage data, unless this is set before it is imported, by us or by a library that we use.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Public names and their modules. Each is imported when it is first used, so that predicting does not load
# what training needs.
_MODULES = {
    "AlteredRecording": "inference.what_ifs",
    "Answer": "inference.prediction",
    "AudioSource": "audio.loading",
    "BandEffect": "inference.explanation",
    "Bundle": "model.bundle",
    "Client": "server.client",
    "Clip": "corpora.base",
    "Comparison": "evaluation.comparison",
    "Contract": "model.contract",
    "Corpus": "corpora.base",
    "CorpusCheck": "corpora.check",
    "CorpusLike": "corpora.registry",
    "Cue": "inference.cues",
    "Evaluation": "evaluation.results",
    "Explanation": "inference.explanation",
    "Exploration": "experiments.exploration",
    "Measurement": "inference.events",
    "ModelLike": "model.bundle",
    "Neighbour": "inference.neighbours",
    "Note": "notes",
    "NoteKind": "notes",
    "Prediction": "inference.prediction",
    "Recipe": "estimators.recipe",
    "SegmentEffect": "inference.explanation",
    "Stream": "inference.stream",
    "Timeline": "inference.timeline",
    "Track": "inference.timeline",
    "Turn": "inference.diarisation",
    "Utterance": "inference.timeline",
    "UtteranceEnd": "inference.events",
    "UtteranceStart": "inference.events",
    "Voice": "inference.adaptation",
    "VoiceLike": "inference.adaptation",
    "Waveform": "audio.loading",
    "adapt": "inference.adaptation",
    "check_corpus": "corpora.check",
    "compare": "evaluation.comparison",
    "download_corpus": "corpora.download",
    "enrolment": "experiments.enrolment",
    "evaluate": "experiments.scoring",
    "evaluate_timelines": "experiments.timelines",
    "explain": "inference.explanation",
    "explore": "experiments.exploration",
    "extract": "features.feature_sets",
    "extract_many": "features.feature_table",
    "figures": "reports",
    "load": "model.bundle",
    "load_audio": "audio.loading",
    "load_corpus": "corpora.registry",
    "load_voice": "inference.adaptation",
    "predict": "inference.prediction",
    "predict_batches": "batch.rows",
    "predict_many": "inference.prediction",
    "read_rttm": "inference.diarisation",
    "recipes": "",
    "reproduce": "experiments.reproduction",
    "robustness": "experiments.robustness",
    "timeline": "inference.timeline_reader",
    "timeline_channels": "inference.timeline_reader",
    "to_dataframe": "inference.answer_table",
    "train": "experiments.training",
    "write_report": "reports.html",
    "write_table": "features.feature_table",
    "write_timelines": "inference.writers",
}

__all__ = [
    "AffektError",
    "AlteredRecording",
    "Answer",
    "AudioSource",
    "BandEffect",
    "Bundle",
    "Client",
    "Clip",
    "Comparison",
    "Contract",
    "Corpus",
    "CorpusCheck",
    "CorpusLike",
    "Cue",
    "Evaluation",
    "Explanation",
    "Exploration",
    "Measurement",
    "ModelLike",
    "Neighbour",
    "Note",
    "NoteKind",
    "Prediction",
    "Recipe",
    "SegmentEffect",
    "Stream",
    "Timeline",
    "Track",
    "Turn",
    "Utterance",
    "UtteranceEnd",
    "UtteranceStart",
    "Voice",
    "VoiceLike",
    "Waveform",
    "adapt",
    "check_corpus",
    "compare",
    "download_corpus",
    "enrolment",
    "evaluate",
    "evaluate_timelines",
    "explain",
    "explore",
    "extract",
    "extract_many",
    "figures",
    "load",
    "load_audio",
    "load_corpus",
    "load_voice",
    "predict",
    "predict_batches",
    "predict_many",
    "read_rttm",
    "recipes",
    "reproduce",
    "robustness",
    "timeline",
    "timeline_channels",
    "to_dataframe",
    "train",
    "write_report",
    "write_table",
    "write_timelines",
]
__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'affekt' has no attribute {name!r}")
    try:
        if name in ("figures", "recipes"):  # these are packages
            value: Any = import_module(".".join(filter(None, ("affekt", _MODULES[name], name))))
        else:
            value = getattr(import_module(f"affekt.{_MODULES[name]}"), name)
    except ModuleNotFoundError as error:
        raise explain_import(error, f"affekt.{name}") from error
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
