"""The door to evaluation: which clips are used, and what is refused before hours of work."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.naive_bayes import GaussianNB

from affekt.corpora import load
from affekt.corpus import Corpus
from affekt.errors import CorpusError, MissingExtraError
from affekt.recipe import Recipe
from affekt.scoring import evaluate, read_corpus
from affekt.training import train

NOT_ONE_READ = "it listened to the corpus before it found out"


@pytest.fixture(scope="module")
def corpus(small_ravdess: Path) -> Corpus:
    return load(small_ravdess)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("scoring", "training"):
        monkeypatch.setattr(f"affekt.{module}.listen_for", lambda *_, **__: pytest.fail(NOT_ONE_READ))


def test_without_wishes_a_recipe_gets_those_of_its_emotions_that_there_are(corpus: Corpus) -> None:
    chosen = read_corpus(corpus, "by-actor-5", None, None, ("happy", "angry", "fearful"))
    assert chosen.emotions == ("happy", "angry")


def test_wishes_come_before_what_a_recipe_is_made_for(corpus: Corpus) -> None:
    assert read_corpus(corpus, "by-actor-5", None, ["neutral", "angry"], ("happy",)).emotions == (
        "neutral",
        "angry",
    )


def test_all_emotions_can_be_asked_for_in_one_word(corpus: Corpus) -> None:
    assert read_corpus(corpus, "by-actor-5", None, "all", ("happy", "angry")).emotions == corpus.emotions


def test_a_finished_model_may_be_asked_for_all_emotions_too(corpus: Corpus, tmp_path: Path) -> None:
    bundle, _ = train(corpus.select(emotions=["neutral", "angry"]), "random-forest-baseline")
    others = load_as_another_corpus(corpus, tmp_path)
    assert evaluate(others, model=bundle, emotions="all").emotions == ("neutral", "angry")


def load_as_another_corpus(corpus: Corpus, folder: Path) -> Corpus:
    """The same kind of voices under other names, and a sample louder, so that they were never heard."""
    import soundfile

    rows = ["path,emotion,speaker"]
    for clip in corpus.clips[:24]:
        samples, rate = soundfile.read(clip.path)
        soundfile.write(folder / clip.path.name, samples * 0.9, rate)
        rows.append(f"{clip.path.name},{clip.emotion},stranger {clip.speaker}")
    (folder / "others.csv").write_text("\n".join(rows))
    return load(folder / "others.csv")


@pytest.mark.parametrize("made_for", [("happy", "fearful"), ("fearful", "disgust")])
def test_a_corpus_with_fewer_than_two_of_a_recipes_emotions_is_refused(
    corpus: Corpus, made_for: tuple[str, ...]
) -> None:
    with pytest.raises(CorpusError, match=r"made for .*--emotions"):
        read_corpus(corpus, "by-actor-5", None, None, made_for)


@pytest.mark.usefixtures("deaf")
@pytest.mark.parametrize("name", ["mlp", "stacked-ensemble", "se-cnn"])
def test_a_library_that_is_not_there_is_named_with_its_extra_at_once(
    name: str, corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = {"mlp": "sklearn.neural_network", "stacked-ensemble": "lightgbm", "se-cnn": "skorch"}[name]
    monkeypatch.setitem(sys.modules, missing, None)
    monkeypatch.delitem(sys.modules, "affekt.networks", raising=False)
    for act in (evaluate, train):
        with pytest.raises(MissingExtraError, match="networks" if name == "se-cnn" else "train"):
            act(corpus, recipe=name)


@pytest.mark.usefixtures("deaf")
def test_a_folder_for_checkpoints_that_cannot_be_made_is_found_out_at_once(
    corpus: Corpus, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    for act in (evaluate, train):
        with pytest.raises(OSError, match="file"):
            act(corpus, recipe="svm", checkpoints=tmp_path / "file")


# --- what a report needs -----------------------------------------------------------------------------


def build_forest(seed: int) -> RandomForestClassifier:
    return RandomForestClassifier(5, max_depth=3, random_state=seed)


FOREST = Recipe(name="forest", summary="-", source="-", features="mfcc-mean@1", build=build_forest)
BAYES = replace(FOREST, name="bayes", build=lambda seed: GaussianNB())


@pytest.mark.parametrize(
    ("protocol", "other"),
    [("by-actor-5", "random-80-20"), ("random-80-20", "by-actor-5"), ("random-70-15-15", "by-actor-5")],
)
def test_for_a_report_the_other_kind_of_protocol_is_scored_too(
    corpus: Corpus, protocol: str, other: str
) -> None:
    scored = evaluate(corpus, recipe=BAYES, protocol=protocol, for_report=True)
    assert scored.counterpart is not None
    assert (scored.protocol, scored.counterpart.protocol) == (protocol, other)
    assert scored.leaky != scored.counterpart.leaky
    alone = evaluate(corpus, recipe=BAYES, protocol=other)
    assert scored.counterpart.tested == alone.tested
    assert scored.counterpart.counterpart is None


def test_for_a_report_each_feature_is_shuffled(corpus: Corpus) -> None:
    scored = evaluate(corpus, recipe=FOREST, for_report=True)
    assert len(scored.importances) == 40
    own, permuted = (
        np.array([getattr(one, name) for one in scored.importances.values()])
        for name in ("own", "permuted")
    )
    assert own.sum() == pytest.approx(1)
    assert np.isfinite(permuted).all()
    assert permuted[0] == permuted.max() > 0.05


def test_without_a_report_there_is_no_counterpart_and_nothing_is_shuffled(corpus: Corpus) -> None:
    scored = evaluate(corpus, recipe=FOREST)
    assert scored.counterpart is None
    assert np.isnan([one.permuted for one in scored.importances.values()]).all()
    assert evaluate(corpus, recipe=BAYES).importances == {}


def test_a_report_changes_no_answer(corpus: Corpus) -> None:
    assert evaluate(corpus, recipe=BAYES, for_report=True).tested == evaluate(corpus, recipe=BAYES).tested


def without_speakers(corpus: Corpus) -> Corpus:
    return replace(corpus, clips=tuple(replace(clip, speaker="") for clip in corpus.clips))


def of_few_clips(corpus: Corpus) -> Corpus:
    """So few of one emotion that they cannot be drawn at random, of each speaker."""
    clips = [clip for clip in corpus.clips if clip.emotion != "angry"]
    return replace(corpus, clips=(*clips, next(clip for clip in corpus.clips if clip.emotion == "angry")))


@pytest.mark.parametrize(
    ("change", "protocol"), [(without_speakers, "random-80-20"), (of_few_clips, "by-actor-5")]
)
def test_where_the_other_kind_cannot_be_scored_there_is_a_report_without_it(
    corpus: Corpus, change: Callable[[Corpus], Corpus], protocol: str
) -> None:
    scored = evaluate(change(corpus), recipe=BAYES, protocol=protocol, for_report=True)
    assert scored.counterpart is None
    assert np.isfinite([one.permuted for one in scored.importances.values()]).all()


def test_checkpoints_are_refused_where_nothing_is_trained(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="checkpoints are for a recipe"):
        evaluate(corpus, checkpoints=tmp_path)


def test_the_final_model_is_tuned_as_those_that_were_scored(corpus: Corpus) -> None:
    one_speaker = replace(corpus, clips=tuple(replace(clip, speaker="01") for clip in corpus.clips))
    bundle, _ = train(one_speaker, "svm", protocol="random-80-20")
    assert bundle.contract.scores.leaky
