"""Completion of names and paths in the shell: what the Tab key offers.

Whatever is imported here is light, so that an answer takes a fraction of a second.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import rich_click as click
from click.shell_completion import CompletionItem

# The names of affekt.evaluation.protocols.PROTOCOLS, whose module imports scikit-learn.
PROTOCOLS = (
    "by-actor-5", "emobox-6", "leave-one-speaker-out", "leave-one-statement-out",
    "leave-one-corpus-out", "random-80-20", "random-70-15-15", "augment-before-split", "training-side",
)  # fmt: skip


def complete_paths(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer files and folders, as the shell itself finds them."""
    return [CompletionItem(incomplete, type="file")]


def complete_corpora(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer corpora that are in the folder ``AFFEKT_DATA`` once one is begun, else files and folders."""
    data = os.environ.get("AFFEKT_DATA", "")
    there = {path.name for path in Path(data).iterdir()} if data and Path(data).is_dir() else set()
    named = _names((name for name in _published() if name in there), incomplete) if incomplete else []
    return named or complete_paths(context, parameter, incomplete)


def complete_downloads(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the corpora that can be downloaded."""
    from affekt.corpora.registry import READERS

    return _names((reader.card.name for reader in READERS.values() if reader.card.archives), incomplete)


def complete_encoders(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the encoders that are not part of the package."""
    from affekt.features.encoder_installation import optional_encoders

    return _names((encoder.name for encoder in optional_encoders()), incomplete)


def complete_protocols(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the protocols."""
    return _names(PROTOCOLS, incomplete)


def complete_recipes(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the recipes."""
    from affekt.recipes import RECIPES

    return _names(RECIPES, incomplete)


def complete_systems(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the published systems by the names of their recipes."""
    from affekt.experiments.published_systems import published_systems

    return _names((one.name for one in published_systems()), incomplete)


def complete_feature_sets(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the feature sets."""
    from affekt.features.feature_sets import FEATURE_SETS

    return _names(FEATURE_SETS, incomplete)


def complete_emotions(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the emotions that are not yet in the list before the last comma."""
    from affekt.emotions import EMOTIONS

    *before, begun = incomplete.split(",")
    given = "".join(f"{word}," for word in before)
    return _names((f"{given}{name}" for name in EMOTIONS if name not in before), f"{given}{begun}")


def complete_emotion(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Offer the emotions."""
    from affekt.emotions import EMOTIONS

    return _names(EMOTIONS, incomplete)


def _published() -> list[str]:
    from affekt.corpora.registry import READERS

    return [reader.card.name for reader in READERS.values() if reader.card.counts]


def _names(names: Iterable[str], incomplete: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(incomplete)]
