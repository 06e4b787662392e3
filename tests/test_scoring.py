"""The door to evaluation: which clips are used, and what is refused before hours of work."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from affekt.corpora import load
from affekt.corpus import Corpus
from affekt.errors import CorpusError, MissingExtraError
from affekt.scoring import evaluate, read_corpus
from affekt.training import train

NOT_ONE_READ = "it listened to the corpus before it found out"


@pytest.fixture(scope="module")
def corpus(small_ravdess: Path) -> Corpus:
    return load(small_ravdess)


@pytest.fixture
def deaf(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("scoring", "training"):
        monkeypatch.setattr(f"affekt.{module}.listen", lambda *_, **__: pytest.fail(NOT_ONE_READ))


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


def test_checkpoints_are_refused_where_nothing_is_trained(corpus: Corpus, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="checkpoints are for a recipe"):
        evaluate(corpus, checkpoints=tmp_path)


def test_the_final_model_is_tuned_as_those_that_were_scored(corpus: Corpus) -> None:
    one_speaker = replace(corpus, clips=tuple(replace(clip, speaker="01") for clip in corpus.clips))
    bundle, _ = train(one_speaker, "svm", protocol="random-80-20")
    assert bundle.contract.scores.leaky
