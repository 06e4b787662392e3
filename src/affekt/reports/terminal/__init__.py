"""Results as tables for the terminal: functions that return what rich can print."""

from affekt.reports.terminal.carriers import carriers
from affekt.reports.terminal.catalogue import corpora, encoders, feature_sets, recipes
from affekt.reports.terminal.comparisons import comparison
from affekt.reports.terminal.conditions import scores
from affekt.reports.terminal.corpus_checks import corpus_check
from affekt.reports.terminal.evaluations import evaluation
from affekt.reports.terminal.explanations import explanation
from affekt.reports.terminal.meter import Meter
from affekt.reports.terminal.models import model
from affekt.reports.terminal.predictions import PredictionTable
from affekt.reports.terminal.reproductions import reproduction
from affekt.reports.terminal.timeline_scores import timeline_score
from affekt.reports.terminal.timelines import timeline

__all__ = [
    "Meter",
    "PredictionTable",
    "carriers",
    "comparison",
    "corpora",
    "corpus_check",
    "encoders",
    "evaluation",
    "explanation",
    "feature_sets",
    "model",
    "recipes",
    "reproduction",
    "scores",
    "timeline",
    "timeline_score",
]
