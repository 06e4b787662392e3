"""The terms of an evaluation: what is trained or scored, on which clips, and how they are split."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack, cast

import numpy as np

from affekt.corpora.base import Clip, Corpus, join
from affekt.corpora.registry import CorpusLike, load_corpora
from affekt.emotions import canonical_emotion
from affekt.errors import CorpusError, LeakError, explain_import
from affekt.estimators.recipe import Recipe
from affekt.evaluation.protocols import Protocol, find_protocol
from affekt.model.bundle import Bundle, ModelLike, load
from affekt.recipes import find_recipe

DEFAULT_PROTOCOL = "by-actor-5"
LEAKY_PROTOCOL = "random-80-20"  # what most publications use
LARGEST_SEED = 2**32 - 1  # of numpy and scikit-learn
UNSEEN_CORPUS = "unseen-corpus"  # of a finished model, or of a recipe that was trained on other corpora


class TermOptions(TypedDict, total=False):
    """The options that ``evaluate``, ``enrolment``, ``robustness`` and ``train`` share.

    Attributes
    ----------
    model
        Score this finished model, on speakers that it was not trained on; without a recipe and a model,
        the bundled model is scored. Not for ``train``.
    test_on
        Train the recipe on ``corpus``, and test it on these corpora. Not for ``train``.
    protocol
        How a recipe's clips are split, ``by-actor-5`` by default.
    emotions
        Use only clips of these emotions, also of ``test_on``, and predict only these. Without it, those
        that the recipe is made for, or all that the model knows; ``"all"`` for all that there are.
    vocal_channel
        Use only clips that are ``speech``, or ``song``.
    tested_vocal_channel
        Train on all clips, and score only those that are ``speech``, or ``song``.
    seeds
        How many times a recipe is trained, with the seeds 0, 1, ...; or the seeds.
    """

    model: ModelLike
    test_on: CorpusLike | None
    protocol: str | None
    emotions: Collection[str] | None
    vocal_channel: str | None
    tested_vocal_channel: str | None
    seeds: int | Sequence[int]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What an evaluation is asked to do; made by ``read_terms``.

    Attributes
    ----------
    corpus
        The clips that a recipe is trained and tested on, or that a finished model is tested on.
    test_corpus
        If given, the recipe is trained on ``corpus`` and tested on this one.
    recipe, bundle
        The recipe to train, or the finished model: one of the two.
    protocol
        How ``corpus`` is split; None for a finished model.
    emotions
        What a finished model may predict; empty for a recipe, which predicts what it was trained on.
    tested_vocal_channel
        The vocal channel of the clips that are scored; None for all.
    seeds
        The recipe is trained once with each.

    Raises
    ------
    ValueError, CorpusError
        They contradict each other.
    """

    corpus: Corpus
    test_corpus: Corpus | None = None
    recipe: Recipe | None = None
    bundle: Bundle | None = None
    protocol: Protocol | None = None
    emotions: tuple[str, ...] = ()
    tested_vocal_channel: str | None = None
    seeds: tuple[int, ...] = (0,)

    def __post_init__(self) -> None:
        if (self.recipe is None) == (self.bundle is None):
            raise ValueError("give a recipe to train, or a finished model, and not both")
        if self.bundle and (self.protocol or self.test_corpus or self.seeds != (0,)):
            raise ValueError(
                "protocol, test_on and seeds are for a recipe: a finished model is tested on all clips"
            )
        if self.recipe and not self.protocol:
            raise ValueError("a recipe needs a protocol")
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds are one or more different numbers, not {list(self.seeds)}")
        if self.test_corpus and self.protocol and self.protocol.keeps_apart != "speakers":
            raise LeakError(
                f"{self.protocol.name} does not keep speakers apart; with test_on, the protocol splits the "
                f"training corpora for calibration: use {DEFAULT_PROTOCOL}"
            )
        if not any(map(self.is_scored, self.tested_corpus.clips)):
            raise CorpusError(
                f"{self.tested_corpus.name} has no clips of the vocal channel {self.tested_vocal_channel!r}"
            )

    @property
    def name(self) -> str:
        """The name of the recipe, or of the model's recipe."""
        return self.recipe.name if self.recipe else cast(Bundle, self.bundle).contract.recipe

    @property
    def features(self) -> str:
        """The feature set ``name@version``."""
        return self.recipe.features if self.recipe else cast(Bundle, self.bundle).contract.features

    @property
    def tested_corpus(self) -> Corpus:
        """The corpus whose clips are tested."""
        return self.test_corpus or self.corpus

    @functools.cached_property
    def clips(self) -> Corpus:
        """All clips that are needed: of training and testing corpora, of emotions that can be predicted."""
        corpus, kept = self.corpus, {id(clip) for clip in self.corpus.clips}
        if self.test_corpus:
            corpus = join([self.corpus, self.test_corpus])
        kept |= {id(clip) for clip in self.tested_corpus.clips}
        kept -= {id(clip) for clip, _ in self.excluded}
        return replace(corpus, clips=tuple(clip for clip in corpus.clips if id(clip) in kept))

    @functools.cached_property
    def excluded(self) -> list[tuple[Clip, str]]:
        """Clips that cannot be tested because their emotion cannot be predicted, and the reason."""
        if self.recipe and not self.test_corpus:
            return []
        known = self.emotions or self.corpus.emotions
        who = "the model" if self.bundle else "the training corpus"
        return [
            (clip, f"{clip.name}: {who} does not know {clip.emotion!r}")
            for clip in self.tested_corpus.clips
            if clip.emotion not in known
        ]

    @property
    def protocol_name(self) -> str:
        """What the protocol is called in results."""
        return self.protocol.name if self.protocol and not self.test_corpus else UNSEEN_CORPUS

    @property
    def leaky(self) -> bool:
        """Whether scores on these terms are not scores on unseen speakers."""
        return bool(self.protocol and self.protocol.leaky)

    @property
    def predicts_enrolled(self) -> bool:
        """Whether the recipe has a classifier of its own for enrolled speakers."""
        return self.recipe is not None and hasattr(self.recipe.build(0), "predict_proba_enrolled")

    @property
    def label(self) -> str:
        """The protocol as it must be shown beside every score."""
        return f"{self._protocol_label()}{self._scored_label()}"

    def require_unseen_speakers(self) -> None:
        """Raise ``LeakError`` where tested speakers are trained on."""
        if self.protocol and self.protocol.keeps_apart != "speakers":
            raise LeakError(
                f"{self.protocol_name} tests speakers that were trained on: use {DEFAULT_PROTOCOL}"
            )

    def is_scored(self, clip: Clip) -> bool:
        """Whether a tested clip is also scored."""
        return self.tested_vocal_channel in (None, clip.vocal_channel)

    def _protocol_label(self) -> str:
        if self.test_corpus:
            known = all(clip.speaker for clip in (*self.corpus.clips, *self.test_corpus.clips))
            doubt = "" if known else "; it is unknown whether on these speakers"
            return f"{UNSEEN_CORPUS} (trained on {self.corpus.name}{doubt})"
        if self.protocol:
            return self.protocol.label
        unknown = any(not clip.speaker for clip in self.corpus.clips)
        promise = (
            "it is unknown whether it was trained on these speakers"
            if unknown
            else "by their names, it was trained on none of these speakers"
        )
        return f"{UNSEEN_CORPUS} ({promise})"

    def _scored_label(self) -> str:
        limited = self.bundle and self.emotions != self.bundle.contract.emotions
        answers = f", predicting {', '.join(self.emotions)}" if limited else ""
        scored = f", {self.tested_vocal_channel} alone scored" if self.tested_vocal_channel else ""
        return answers + scored


def read_terms(
    corpus: CorpusLike, recipe: str | Recipe | None = None, **options: Unpack[TermOptions]
) -> Terms:
    """Find the recipe, the model and the protocol, read the labels of the corpora, and check all of it.

    Raises
    ------
    CorpusError, UnknownNameError, LeakError, BundleError, ValueError
        A corpus or model cannot be read, a name is unknown, or the terms contradict each other.
    """
    if unknown := sorted(options.keys() - TermOptions.__annotations__.keys()):
        raise TypeError(
            f"no option is called {', '.join(unknown)}. There are: {', '.join(TermOptions.__annotations__)}"
        )
    model, test_on = options.get("model"), options.get("test_on")
    emotions, protocol = options.get("emotions"), options.get("protocol")
    vocal_channel, seeds = options.get("vocal_channel"), _seeds(options.get("seeds", 1))
    tested_vocal_channel = options.get("tested_vocal_channel")
    if recipe is not None and model is not None:
        raise ValueError("give a recipe to train, or a finished model, and not both")
    if recipe is None:
        if protocol is not None or test_on is not None or seeds != (0,):
            raise ValueError(
                "protocol, test_on and seeds are for a recipe: a finished model is not trained"
            )
        bundle = load(model)
        selected = read_corpus(corpus, vocal_channel=vocal_channel, emotions=emotions)
        refuse_training_speakers(bundle, selected)
        return Terms(
            corpus=selected,
            bundle=bundle,
            emotions=_predictable(bundle, emotions),
            tested_vocal_channel=tested_vocal_channel,
        )
    chosen, how = ready_recipe(recipe), find_protocol(protocol or DEFAULT_PROTOCOL)
    selected = read_corpus(corpus, vocal_channel, emotions, chosen.emotions)
    tested = None if test_on is None else read_corpus(test_on, vocal_channel=vocal_channel)
    if tested and emotions != "all" and (emotions or chosen.emotions):
        asked = [emotion for emotion in tested.emotions if emotion in selected.emotions]
        tested = tested.select(emotions=asked)
    return Terms(
        corpus=selected,
        test_corpus=tested,
        recipe=chosen,
        protocol=how,
        tested_vocal_channel=tested_vocal_channel,
        seeds=seeds,
    )


def read_corpus(
    corpus: CorpusLike,
    vocal_channel: str | None = None,
    emotions: Collection[str] | None = None,
    default_emotions: Collection[str] = (),
) -> Corpus:
    """Load and join corpora, and keep the clips that are asked for.

    Without ``emotions``, the clips of ``default_emotions``; with ``"all"``, all that there are.
    """
    if emotions == "all":
        emotions, default_emotions = None, ()
    if isinstance(emotions, str):
        raise TypeError(f"emotions are a list of names, such as ['happy', 'sad'], not {emotions!r}")
    corpus = load_corpora(corpus)
    wanted = [canonical_emotion(word) for word in emotions or ()]
    if default_emotions and not wanted:
        wanted = [emotion for emotion in default_emotions if emotion in corpus.emotions]
        if len(wanted) < 2:
            raise CorpusError(
                f"the recipe is made for {', '.join(default_emotions)}, and of these {corpus.name} has "
                f"{', '.join(wanted) or 'none'}: choose others with --emotions A,B, or all"
            )
    return corpus.select(emotions=wanted, vocal_channel=vocal_channel)


def ready_recipe(recipe: str | Recipe) -> Recipe:
    """Return the recipe of that name; an error where a library that it needs is not installed."""
    chosen = find_recipe(recipe) if isinstance(recipe, str) else recipe
    try:
        chosen.build(0)
    except ModuleNotFoundError as error:
        raise explain_import(error, f"the recipe {chosen.name}") from error
    return chosen


def refuse_training_speakers(bundle: Bundle, corpus: Corpus) -> None:
    """Raise ``LeakError`` where the model was, or may have been, trained on speakers of this corpus."""
    known = sorted(
        {
            clip.speaker_id or f"{clip.corpus} (unknown speaker)"
            for clip in corpus.clips
            if bundle.contract.knows_speaker(clip.corpus, clip.speaker)
        }
    )
    if known:
        raise LeakError(
            f"{bundle.name} was trained on {len(known)} of these speakers ({', '.join(known[:4])}"
            f"{', ...' if len(known) > 4 else ''}): a score on them would not be valid. Score its recipe "
            f"by cross-validation instead: --recipe {bundle.contract.recipe}"
        )


def _seeds(seeds: int | Sequence[int]) -> tuple[int, ...]:
    if isinstance(seeds, int | np.integer) and not isinstance(seeds, bool):
        if int(seeds) < 1:
            raise ValueError(f"a recipe is trained once or more, not {seeds} times")
        return tuple(range(int(seeds)))
    if isinstance(seeds, str | bytes | bool) or not isinstance(seeds, Iterable):
        raise TypeError(f"seeds is how often to train, such as 3, or a list such as [0, 1], not {seeds!r}")
    several = list(seeds)
    for seed in several:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise TypeError(f"a seed is a whole number, such as 0, not {seed!r}")
        if not 0 <= int(seed) <= LARGEST_SEED:
            raise ValueError(f"a seed is a number from 0 to {LARGEST_SEED}, not {seed}")
    return tuple(map(int, several))


def _predictable(bundle: Bundle, emotions: Collection[str] | None) -> tuple[str, ...]:
    """What the model may predict: those asked for that it knows, in its own order."""
    known = bundle.contract.emotions
    if not emotions or emotions == "all":
        return known
    wanted = {canonical_emotion(word) for word in emotions}
    found = tuple(emotion for emotion in known if emotion in wanted)
    if len(found) < 2:
        raise CorpusError(
            f"the model knows {', '.join(found) or 'none'} of these emotions: it needs two to choose from"
        )
    return found
