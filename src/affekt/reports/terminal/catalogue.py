"""The terminal lists of what there is: feature sets, corpora and recipes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType

from affekt.metrics import METRIC_TITLES
from affekt.reports.terminal.layout import entry, sample_rate

if TYPE_CHECKING:
    from affekt.corpora.base import CorpusCard
    from affekt.estimators.recipe import Recipe
    from affekt.features.encoder_installation import EncoderState
    from affekt.features.feature_sets import FeatureSet


def feature_sets(sets: Iterable[FeatureSet]) -> Group:
    """Return the feature sets, with shape, sample rate and source."""
    lines: list[RenderableType] = []
    for one in sets:
        rows = {0: "", None: "any number of frames x "}.get(one.frames, f"{one.frames} frames x ")
        shape = f"{rows}{len(one.columns)} columns, from {sample_rate(one.sample_rate)}"
        lines += entry(one.name, shape, [one.source])
    return Group(*lines)


def corpora(cards: Iterable[CorpusCard]) -> Group:
    """Return the corpora that affekt can read, with licence and source."""
    lines: list[RenderableType] = []
    for card in cards:
        facts = [f"{count} clips of {vocal_channel}" for vocal_channel, count in card.counts.items()]
        facts += [f"{card.speakers} speakers"] if card.speakers else []
        fetch = f"affekt corpora download {card.name} --to DIR" if card.archives else ""
        lines += entry(card.name, card.title, [", ".join(facts), card.licence, card.address, fetch])
    return Group(*lines)


def encoders(states: Iterable[EncoderState]) -> Group:
    """Return the encoders, with licence, source, and where they are or how to get them."""
    lines: list[RenderableType] = []
    for state in states:
        encoder = state.encoder
        place = f"affekt encoders download {encoder.name}"
        if state.file:
            place = f"{state.size_bytes / 1e6:.1f} MB, in "
            place += "the package" if encoder.bundled else str(state.file)
        lines += entry(encoder.name, encoder.title, [encoder.licence, encoder.source, place])
    return Group(*lines)


def recipes(known: Iterable[Recipe]) -> Group:
    """Return the recipes, with their features, sources, and the scores that these claim."""
    from affekt.evaluation.protocols import PROTOCOLS

    lines: list[RenderableType] = []
    for recipe in known:
        claims = ", ".join(f"{METRIC_TITLES[name]} {value:.1%}" for name, value in recipe.claims.items())
        details = [f"features: {recipe.features}", f"from: {recipe.source}"]
        details += [f"claims: {claims}, {PROTOCOLS[recipe.claims_protocol].label}"] if claims else []
        lines += entry(recipe.name, recipe.summary, details)
    return Group(*lines)
