"""Terms find out what contradicts itself before any audio is read, and label every score."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.evaluation.synthetic import COUNTED, QUICK, make_dataset

from affekt.corpora.base import Corpus, join
from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError, LeakError, MissingExtraError, UnknownNameError
from affekt.evaluation.protocols import find_protocol
from affekt.evaluation.terms import Terms, read_corpus, read_terms, refuse_training_speakers
from affekt.experiments.scoring import evaluate
from affekt.experiments.training import train
from affekt.model.bundle import Bundle

BY_ACTOR = find_protocol("by-actor-5")
OWN = make_dataset(speakers=6, takes=1, shape=(6,)).corpus
OTHER = make_dataset(
    speakers=2, takes=1, shape=(6,), corpus="other", emotions=("happy", "sad", "bored")
).corpus


@pytest.fixture(scope="module")
def corpus(small_ravdess: Path) -> Corpus:
    return load_corpus(small_ravdess)


@pytest.fixture
def no_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where any audio is read."""
    monkeypatch.setattr(
        "affekt.evaluation.dataset.extract_dataset", lambda *_, **__: pytest.fail("audio was read")
    )


def with_song(corpus: Corpus) -> Corpus:
    """Every third clip is sung."""
    clips = (
        replace(clip, vocal_channel="song" if i % 3 == 0 else "speech")
        for i, clip in enumerate(corpus.clips)
    )
    return replace(corpus, clips=tuple(clips))


def of_unknown_speakers(corpus: Corpus) -> Corpus:
    return replace(corpus, clips=tuple(replace(clip, speaker="") for clip in corpus.clips))


# --- contradictions ----------------------------------------------------------------------------------


def test_terms_need_a_recipe_or_a_model() -> None:
    with pytest.raises(ValueError, match="a recipe to train, or a finished model"):
        Terms(corpus=OWN)


def test_terms_refuse_a_recipe_and_a_model_together(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="not both"):
        Terms(corpus=OWN, recipe=COUNTED, bundle=bundle, protocol=BY_ACTOR)


@pytest.mark.parametrize(
    "more", [{"protocol": BY_ACTOR}, {"test_corpus": OTHER}, {"seeds": (0, 1)}, {"seeds": (3,)}]
)
def test_terms_refuse_for_a_model_what_is_for_a_recipe(bundle: Bundle, more: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="protocol, test_on and seeds are for a recipe"):
        Terms(corpus=OWN, bundle=bundle, **more)


def test_terms_need_a_protocol_for_a_recipe() -> None:
    with pytest.raises(ValueError, match="a recipe needs a protocol"):
        Terms(corpus=OWN, recipe=COUNTED)


@pytest.mark.parametrize("seeds", [(), (0, 0), (2, 1, 2)])
def test_terms_refuse_no_seed_and_the_same_seed_twice(seeds: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one or more different numbers"):
        Terms(corpus=OWN, recipe=COUNTED, protocol=BY_ACTOR, seeds=seeds)


@pytest.mark.parametrize("name", ["random-80-20", "random-70-15-15", "augment-before-split"])
def test_terms_refuse_a_leaky_protocol_to_calibrate_a_test_on_another_corpus(name: str) -> None:
    with pytest.raises(LeakError, match=rf"{name} does not keep speakers apart.*by-actor-5"):
        Terms(corpus=OWN, test_corpus=OTHER, recipe=COUNTED, protocol=find_protocol(name))


@pytest.mark.parametrize("test_corpus", [None, OTHER])
def test_terms_refuse_a_vocal_channel_that_no_tested_clip_has(test_corpus: Corpus | None) -> None:
    tested = test_corpus or OWN
    with pytest.raises(CorpusError, match=f"{tested.name} has no clips of the vocal channel 'song'"):
        Terms(
            corpus=with_song(OWN) if test_corpus else OWN,
            test_corpus=test_corpus,
            recipe=COUNTED,
            protocol=BY_ACTOR,
            tested_vocal_channel="song",
        )


@pytest.mark.parametrize("more", [{"protocol": "random-80-20"}, {"seeds": 3}, {"test_on": OTHER}])
def test_options_of_a_recipe_are_refused_for_a_finished_model(
    bundle: Bundle, small_ravdess: Path, more: dict[str, Any]
) -> None:
    for model in (bundle, None):
        with pytest.raises(ValueError, match="are for a recipe"):
            read_terms(small_ravdess, model=model, **more)


def test_a_recipe_and_a_model_together_are_refused(bundle: Bundle, small_ravdess: Path) -> None:
    with pytest.raises(ValueError, match="not both"):
        evaluate(small_ravdess, COUNTED, model=bundle)


@pytest.mark.parametrize("seeds", [True, "3", 1.5, None, b"3", [1.5], ["0"], [True], [0, None]])
def test_seeds_of_a_wrong_type_are_refused(seeds: Any) -> None:
    with pytest.raises(TypeError, match=r"seeds is how often to train|a seed is a whole number"):
        read_terms(OWN, COUNTED, seeds=seeds)


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_that_no_library_takes_is_refused(seed: int) -> None:
    with pytest.raises(ValueError, match=f"a seed is a number from 0 to 4294967295, not {seed}"):
        read_terms(OWN, COUNTED, seeds=[0, seed])


def test_seeds_may_be_numbers_of_numpy() -> None:
    for seeds, expected in ((np.int64(2), (0, 1)), (np.array([4, 5]), (4, 5))):
        options: dict[str, Any] = {"seeds": seeds}
        assert read_terms(OWN, COUNTED, **options).seeds == expected


@pytest.mark.parametrize(
    ("corpus", "message"),
    [
        ("", "the name of a corpus is empty"),
        (["ravdess", ""], "the name of a corpus is empty"),
        ([], "no corpus is given"),
        ((), "no corpus is given"),
    ],
)
def test_a_corpus_without_a_name_is_refused(corpus: Any, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        read_terms(corpus, COUNTED)
    with pytest.raises(CorpusError, match=message):
        read_terms(OWN, COUNTED, test_on=corpus)


@pytest.mark.parametrize("corpus", [None, 3, [3], [None], b"ravdess"])
def test_what_is_no_corpus_is_refused(corpus: Any) -> None:
    with pytest.raises(TypeError, match="a corpus is a path"):
        read_terms(corpus, COUNTED)


@pytest.mark.parametrize("seeds", [0, -1])
def test_a_recipe_is_trained_at_least_once(seeds: int) -> None:
    with pytest.raises(ValueError, match=f"not {seeds} times"):
        read_terms(OWN, COUNTED, seeds=seeds)


def test_a_number_of_seeds_counts_from_0_and_a_list_is_taken_as_it_is() -> None:
    assert read_terms(OWN, COUNTED).seeds == (0,)
    assert read_terms(OWN, COUNTED, seeds=3).seeds == (0, 1, 2)
    assert read_terms(OWN, COUNTED, seeds=[7, 2]).seeds == (7, 2)
    with pytest.raises(ValueError, match=r"different numbers, not \[1, 1\]"):
        read_terms(OWN, COUNTED, seeds=[1, 1])


@pytest.mark.usefixtures("no_audio")
def test_a_wrong_protocol_is_refused_before_any_audio_is_read(small_ravdess: Path) -> None:
    with pytest.raises(UnknownNameError, match="protocol"):
        evaluate(small_ravdess, COUNTED, protocol="by-moon")


@pytest.mark.usefixtures("no_audio")
def test_a_leaky_protocol_with_test_on_is_refused_before_any_audio_is_read(small_ravdess: Path) -> None:
    with pytest.raises(LeakError, match="does not keep speakers apart"):
        evaluate(small_ravdess, COUNTED, protocol="random-80-20", test_on=OTHER)


@pytest.mark.usefixtures("no_audio")
@pytest.mark.parametrize("name", ["mlp", "stacked-ensemble", "se-cnn"])
def test_a_library_that_is_not_installed_is_named_with_its_extra_at_once(
    name: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {"mlp": "sklearn.neural_network", "stacked-ensemble": "lightgbm", "se-cnn": "skorch"}[name]
    monkeypatch.setitem(sys.modules, missing, None)
    for module in [one for one in sys.modules if one.startswith("affekt.estimators.")]:
        if missing in Path(str(sys.modules[module].__file__)).read_text():
            monkeypatch.delitem(sys.modules, module)  # it is imported anew, and cannot be
    for run in (evaluate, train):
        with pytest.raises(MissingExtraError, match="networks" if name == "se-cnn" else "train"):
            run(corpus, name)


# --- corpora, emotions and vocal channels ------------------------------------------------------------


def test_without_emotions_the_clips_are_those_that_the_recipe_is_made_for(corpus: Corpus) -> None:
    assert read_corpus(corpus, default_emotions=("happy", "angry", "fearful")).emotions == (
        "happy",
        "angry",
    )
    made_for = replace(COUNTED, emotions=("neutral", "angry"))
    assert read_terms(corpus, made_for).corpus.emotions == ("neutral", "angry")


def test_emotions_that_are_asked_for_come_before_those_that_a_recipe_is_made_for(corpus: Corpus) -> None:
    chosen = read_corpus(corpus, emotions=["neutral", "angry"], default_emotions=("happy",))
    assert chosen.emotions == ("neutral", "angry")


def test_all_emotions_can_be_asked_for_in_one_word(corpus: Corpus) -> None:
    assert read_corpus(corpus, emotions="all", default_emotions=("happy", "angry")) == corpus


@pytest.mark.parametrize("made_for", [("happy", "fearful"), ("fearful", "disgust")])
def test_a_corpus_with_fewer_than_two_of_a_recipes_emotions_is_refused(
    corpus: Corpus, made_for: tuple[str, ...]
) -> None:
    with pytest.raises(CorpusError, match=r"made for .*--emotions"):
        read_corpus(corpus, default_emotions=made_for)


@pytest.mark.parametrize("name", ["channel", "seed", "test_vocal_channel", "nonsense"])
def test_an_option_of_another_name_is_refused(corpus: Corpus, name: str) -> None:
    options: Any = {name: "song"}
    with pytest.raises(TypeError, match=f"no option is called {name}. There are: model, test_on"):
        read_terms(corpus, COUNTED, **options)


def test_one_string_is_not_a_list_of_emotions(corpus: Corpus) -> None:
    with pytest.raises(TypeError, match=r"such as \['happy', 'sad'\], not 'happy'"):
        read_corpus(corpus, emotions="happy")


def test_an_emotion_that_no_clip_has_is_refused(small_ravdess: Path) -> None:
    with pytest.raises(UnknownNameError, match="emotion in ravdess is called 'bliss'"):
        read_terms(small_ravdess, COUNTED, emotions=["bliss"])


def test_emotions_are_found_by_any_of_their_names(small_ravdess: Path) -> None:
    assert read_terms(small_ravdess, COUNTED, emotions=["anger", "happiness"]).corpus.emotions == (
        "happy",
        "angry",
    )


def test_a_vocal_channel_that_no_clip_has_is_refused(small_ravdess: Path) -> None:
    with pytest.raises(CorpusError, match="vocal channel 'song'"):
        read_terms(small_ravdess, COUNTED, vocal_channel="song")


def test_only_clips_of_the_vocal_channel_are_used() -> None:
    terms = read_terms(with_song(OWN), COUNTED, vocal_channel="song")
    assert {clip.vocal_channel for clip in terms.corpus.clips} == {"song"}
    assert len(terms.corpus.clips) == len(OWN.clips) / 3


def test_several_corpora_are_joined(small_ravdess: Path, elsewhere: Path) -> None:
    both = read_corpus([small_ravdess, elsewhere])
    assert both.count("corpus") == {"elsewhere": 15, "ravdess": 120}
    with pytest.raises(CorpusError, match="in two of these corpora"):
        read_corpus([small_ravdess, small_ravdess])


@pytest.mark.parametrize("protocol", ["by-actor-5", "leave-one-corpus-out", "cross-corpus"])
def test_no_protocol_limits_the_emotions_of_joined_corpora(protocol: str) -> None:
    both = join([OWN, OTHER])
    terms = read_terms(both, COUNTED, protocol=protocol)
    assert terms.clips == terms.corpus == both
    assert terms.excluded == []


# --- test_on -----------------------------------------------------------------------------------------


def test_clips_of_emotions_that_were_not_trained_on_are_excluded_with_the_reason() -> None:
    terms = read_terms(OWN, COUNTED, test_on=OTHER)
    assert {clip.emotion for clip, _ in terms.excluded} == {"bored"}
    for clip, reason in terms.excluded:
        assert reason == f"{clip.path}: the training corpus does not know 'bored'"
    assert terms.clips.count("corpus") == {"own": len(OWN.clips), "other": 4}


def test_with_test_on_emotions_limit_both_sides() -> None:
    terms = read_terms(OWN, COUNTED, test_on=OTHER, emotions=["happy", "angry"])
    assert terms.corpus.emotions == ("happy", "angry")
    assert terms.tested_corpus.emotions == ("happy",)
    assert not terms.excluded


def test_with_test_on_the_emotions_that_a_recipe_is_made_for_limit_both_sides() -> None:
    recipe = replace(COUNTED, emotions=("happy", "angry", "bored"))
    terms = read_terms(OWN, recipe, test_on=OTHER)
    assert terms.corpus.emotions == ("happy", "angry")
    assert terms.tested_corpus.emotions == ("happy",)
    assert not terms.excluded
    unlimited = read_terms(OWN, recipe, test_on=OTHER, emotions="all")
    assert (unlimited.corpus, unlimited.tested_corpus) == (OWN, OTHER)
    assert {clip.emotion for clip, _ in unlimited.excluded} == {"bored"}


def test_with_test_on_a_vocal_channel_limits_both_sides() -> None:
    terms = read_terms(with_song(OWN), COUNTED, test_on=with_song(OTHER), vocal_channel="song")
    for corpus in (terms.corpus, terms.tested_corpus):
        assert {clip.vocal_channel for clip in corpus.clips} == {"song"}


def test_to_train_and_test_on_the_same_files_is_refused(small_ravdess: Path) -> None:
    with pytest.raises(CorpusError, match="in two of these corpora"):
        evaluate(small_ravdess, COUNTED, test_on=small_ravdess)


@pytest.mark.usefixtures("no_audio")
@pytest.mark.parametrize("more", [{}, {"emotions": ["angry", "neutral"]}])
def test_a_corpus_without_a_trained_emotion_is_refused_before_any_audio_is_read(
    more: dict[str, Any],
) -> None:
    bored = OTHER.select(emotions=["bored"])
    with pytest.raises(CorpusError, match=r"no clip of other can be scored; .* does not know 'bored'"):
        evaluate(OWN, COUNTED, test_on=bored, **more)


def test_within_one_corpus_no_emotion_is_excluded() -> None:
    terms = read_terms(OWN, COUNTED)
    assert terms.excluded == []
    assert terms.clips == OWN
    assert terms.tested_corpus == OWN


# --- finished models ---------------------------------------------------------------------------------


def test_a_model_is_not_scored_on_speakers_that_it_was_trained_on(
    bundle: Bundle, small_ravdess: Path
) -> None:
    with pytest.raises(LeakError, match=r"trained on 10 of these speakers.*--recipe quick"):
        evaluate(small_ravdess, model=bundle)


def test_a_model_is_not_scored_on_its_own_corpus_without_its_speakers(
    bundle: Bundle, elsewhere: Path
) -> None:
    corpus = of_unknown_speakers(load_corpus(elsewhere))
    clips = tuple(replace(clip, corpus="ravdess") for clip in corpus.clips)
    with pytest.raises(LeakError, match="unknown speaker"):
        read_terms(replace(corpus, clips=clips), model=bundle)


def test_other_speakers_of_a_training_corpus_are_not_refused(bundle: Bundle, elsewhere: Path) -> None:
    corpus = load_corpus(elsewhere)
    clips = tuple(replace(clip, corpus="ravdess") for clip in corpus.clips)
    refuse_training_speakers(bundle, replace(corpus, clips=clips))


def test_a_model_predicts_all_its_emotions_or_those_asked_for_in_its_own_order(
    bundle: Bundle, elsewhere: Path
) -> None:
    assert read_terms(elsewhere, model=bundle).emotions == ("neutral", "happy", "angry")
    assert read_terms(elsewhere, model=bundle, emotions="all").emotions == ("neutral", "happy", "angry")
    limited = read_terms(elsewhere, model=bundle, emotions=["anger", "neutral"])
    assert limited.emotions == limited.corpus.emotions == ("neutral", "angry")


def test_one_emotion_alone_leaves_nothing_to_predict(bundle: Bundle, elsewhere: Path) -> None:
    with pytest.raises(CorpusError, match="the model knows happy of these emotions: it needs two"):
        evaluate(elsewhere, model=bundle, emotions=["happiness"])


def test_clips_of_an_emotion_that_the_model_does_not_know_are_excluded_and_named(
    bundle: Bundle, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    write_voice(tmp_path / "happy" / "a.wav", pitch_hz=170)
    write_voice(tmp_path / "bored" / "b.wav")
    scored = evaluate(tmp_path, model=bundle)
    assert scored.n == 1
    ((path, reason),) = scored.excluded
    assert path.endswith("b.wav")
    assert "the model does not know 'bored'" in reason


def test_a_model_that_knows_none_of_the_emotions_cannot_be_scored(bundle: Bundle, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("path,emotion,speaker\na,bored,1\nb,sad,1\n")
    with pytest.raises(CorpusError, match=r"no clip of m can be scored; .* does not know"):
        evaluate(tmp_path / "m.csv", model=bundle)


# --- labels ------------------------------------------------------------------------------------------


def test_the_label_of_a_recipe_names_the_protocol_and_what_leaks() -> None:
    honest, leaky = (read_terms(OWN, COUNTED, protocol=name) for name in ("by-actor-5", "random-80-20"))
    assert (honest.label, honest.protocol_name, honest.leaky) == ("by-actor-5", "by-actor-5", False)
    assert leaky.label == "random-80-20 (LEAKY: tested speakers were trained on)"
    assert leaky.leaky
    honest.require_unseen_speakers()
    with pytest.raises(LeakError, match="random-80-20 tests speakers that were trained on: use by-actor-5"):
        leaky.require_unseen_speakers()


def test_the_label_of_a_test_on_another_corpus_names_the_training_corpus() -> None:
    terms = read_terms(OWN, COUNTED, test_on=OTHER)
    assert terms.label == "unseen-corpus (trained on own)"
    assert (terms.protocol_name, terms.leaky) == ("unseen-corpus", False)
    terms.require_unseen_speakers()


def test_the_label_of_a_model_says_what_is_known_of_the_speakers(bundle: Bundle, elsewhere: Path) -> None:
    corpus = load_corpus(elsewhere)
    known, unknown = (read_terms(one, model=bundle) for one in (corpus, of_unknown_speakers(corpus)))
    assert known.label == "unseen-corpus (by their names, it was trained on none of these speakers)"
    assert "it is unknown whether it was trained on these speakers" in unknown.label


def test_the_label_says_what_limits_predictions_and_scores(bundle: Bundle, elsewhere: Path) -> None:
    corpus = with_song(load_corpus(elsewhere))
    limited = read_terms(
        corpus, model=bundle, emotions=["happy", "angry"], tested_vocal_channel="song"
    ).label
    assert limited.endswith("), predicting happy, angry, song alone scored")
    assert read_terms(with_song(OWN), COUNTED, tested_vocal_channel="song").label == (
        "by-actor-5, song alone scored"
    )


def test_only_clips_of_the_tested_vocal_channel_are_scored() -> None:
    corpus = with_song(OWN)
    terms = read_terms(corpus, COUNTED, tested_vocal_channel="song")
    assert terms.corpus == corpus
    assert [terms.is_scored(clip) for clip in corpus.clips] == [
        clip.vocal_channel == "song" for clip in corpus.clips
    ]
    assert all(map(read_terms(corpus, COUNTED).is_scored, corpus.clips))


def test_name_and_features_are_those_of_the_recipe_or_of_the_model(bundle: Bundle, elsewhere: Path) -> None:
    for terms in (read_terms(elsewhere, model=bundle), read_terms(elsewhere, QUICK)):
        assert (terms.name, terms.features) == ("quick", "mfcc-stats@1")


def test_with_unknown_speakers_the_label_says_that_they_may_have_been_trained_on(corpus: Corpus) -> None:
    speakers = {clip.speaker for clip in corpus.clips}
    some = set(sorted(speakers)[:3])
    train = replace(corpus, clips=tuple(c for c in corpus.clips if c.speaker not in some))
    test = replace(corpus, clips=tuple(c for c in corpus.clips if c.speaker in some))
    unknown = replace(test, clips=tuple(replace(clip, speaker="") for clip in test.clips))
    assert "unknown" not in read_terms(train, COUNTED, test_on=test).label
    assert "unknown whether on these speakers" in read_terms(train, COUNTED, test_on=unknown).label
