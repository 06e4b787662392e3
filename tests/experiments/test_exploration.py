"""``explore``: how clips were recorded, and what their features separate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from scipy.spatial.distance import cdist
from sklearn.feature_selection import f_classif

from affekt.audio.loading import load_audio
from affekt.corpora.base import Corpus
from affekt.corpora.check import check_corpus
from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError, UnknownNameError
from affekt.experiments.exploration import (
    Exploration,
    correlations,
    effect_sizes,
    explore,
    lay_out,
    redundant_pairs,
    shared_neighbours,
    standardise,
)
from affekt.features.feature_sets import extract

RATE = 16_000
FEATURES = "mfcc-mean@1"


def noise(seed: int, clips: int = 60, columns: int = 8) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((clips, columns))


# --- a corpus is read --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> Path:
    """Four good clips of two emotions, one of them a second time, and one that is broken."""
    root = tmp_path_factory.mktemp("explored")
    for seed, place in enumerate(("angry/a", "angry/b", "happy/c", "happy/d")):
        write_voice(root / f"{place}.wav", pitch_hz=100 + 40 * seed, seed=seed)
    (root / "happy" / "twin.wav").write_bytes((root / "angry" / "b.wav").read_bytes())
    (root / "happy" / "broken.wav").write_bytes(b"dear diary, " * 99)
    return root


@pytest.fixture(scope="module")
def explored(folder: Path) -> Exploration:
    return explore(folder, features=FEATURES)


def test_a_clip_that_cannot_be_read_is_named_and_left_out(explored: Exploration, folder: Path) -> None:
    ((path, reason),) = explored.check.unusable
    assert path == folder / "happy" / "broken.wav"
    assert "is not audio" in reason
    assert path not in {clip.path for clip in explored.clips}
    assert path in {clip.path for clip in explored.corpus.clips}


def test_a_duplicate_is_named_and_stays(explored: Exploration, folder: Path) -> None:
    twins = (folder / "angry" / "b.wav", folder / "happy" / "twin.wav")
    assert explored.check.identical == (twins,)
    assert {*twins} < {clip.path for clip in explored.clips}


def test_the_corpus_is_checked_as_by_its_own_check(explored: Exploration, folder: Path) -> None:
    assert explored.check == check_corpus(load_corpus(folder))


def test_each_clip_has_its_own_features_facts_and_place(explored: Exploration) -> None:
    assert (len(explored.clips), len(explored.facts), explored.map.shape) == (5, 5, (5, 2))
    assert explored.feature_set == FEATURES
    assert explored.features.shape == (5, len(explored.columns))
    assert explored.features.dtype == np.float64
    for clip, row, facts in zip(explored.clips, explored.features, explored.facts, strict=True):
        waveform = load_audio(clip.path)
        np.testing.assert_array_equal(row, extract(waveform, FEATURES))
        assert facts.duration_s == waveform.duration_s


def test_a_feature_set_that_needs_another_rate_is_given_it(folder: Path) -> None:
    found = explore(folder, features="mfcc-stats@1")
    clip, facts = found.clips[0], found.facts[0]
    assert facts.sample_rate == RATE
    np.testing.assert_array_equal(found.features[0], extract(load_audio(clip.path, 22_050), "mfcc-stats@1"))


def test_fields_of_clips_are_given_in_their_order(explored: Exploration) -> None:
    assert explored.values("emotion").tolist() == ["angry", "angry", "happy", "happy", "happy"]
    assert explored.values("speaker_id").tolist() == [""] * 5


def test_a_corpus_may_be_loaded_already_and_be_a_part(explored: Exploration, folder: Path) -> None:
    whole = load_corpus(folder)
    again = explore(whole, features=FEATURES)
    np.testing.assert_array_equal(again.features, explored.features)
    np.testing.assert_array_equal(again.map, explored.map)
    angry, happy = (whole.select(emotions=[name]) for name in ("angry", "happy"))
    assert (
        explore(angry, features=FEATURES).clips + explore(happy, features=FEATURES).clips == explored.clips
    )


@pytest.mark.parametrize("name", ["log-mel@1", "mfcc-sequence@1"])
def test_features_of_frames_are_refused_before_any_audio_is_read(
    folder: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "affekt.experiments.exploration.each_clip", lambda *_, **__: pytest.fail("audio was read")
    )
    with pytest.raises(UnknownNameError, match=f"one vector a clip is called '{name}'"):
        explore(folder, features=name)


def test_an_unknown_feature_set_is_refused(folder: Path) -> None:
    with pytest.raises(UnknownNameError, match="mfcc-mean@1"):
        explore(folder, features="mfcc-men@1")


@pytest.mark.parametrize("kept", [("happy/broken.wav",), ("happy/broken.wav", "angry/a.wav")])
def test_where_fewer_than_two_clips_can_be_read_there_is_nothing_to_explore(
    folder: Path, kept: tuple[str, ...]
) -> None:
    whole = load_corpus(folder)
    clips = tuple(clip for clip in whole.clips if clip.path.relative_to(folder).as_posix() in kept)
    with pytest.raises(CorpusError, match=f"{len(kept) - 1} clips of .* can be read"):
        explore(replace(whole, clips=clips), features=FEATURES)


def test_two_clips_are_enough(folder: Path) -> None:
    whole = load_corpus(folder)
    found = explore(replace(whole, clips=whole.clips[:2]), features=FEATURES)
    assert np.isfinite(found.map).all()
    assert not np.array_equal(*found.map)


def test_several_paths_are_joined_and_explored_together(folder: Path, corpus: Corpus) -> None:
    found = explore([folder, corpus.clips[0].path.parents[1]], features=FEATURES)
    assert len(found.clips) == 5 + 120
    assert found.corpus.name == f"{folder.name}+ravdess"


def test_each_clip_is_decoded_once(folder: Path, decoded: list[str]) -> None:
    explore(folder, features="mfcc-stats@1")
    assert sorted(decoded) == sorted(str(path) for path in folder.rglob("*.wav"))


def test_an_exploration_is_shown_in_one_line(explored: Exploration, folder: Path) -> None:
    assert repr(explored) == f"<Exploration of {folder.name}: 5 clips, {FEATURES}>"


def test_an_exploration_is_a_table_in_a_notebook_with_all_texts_escaped(explored: Exploration) -> None:
    table = explored._repr_html_()
    for text in (
        f"Exploration of {explored.corpus.name}", "happy, angry", "unknown", "0.6 to 0.6 s",
        f"{FEATURES}, 40 columns", "<td style=\"text-align:left\">unusable files</td>",
    ):  # fmt: skip
        assert text in table
    odd = replace(explored.check, corpus=replace(explored.corpus, name="<script>"))
    assert "<script" not in replace(explored, check=odd, feature_set="<script>")._repr_html_()


# --- how a clip was recorded -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exploration]:
    """Clips of a second each, of which all is known, by name."""
    root = tmp_path_factory.mktemp("recorded")
    tone = np.sin(2 * np.pi * 200 * np.arange(RATE) / RATE)
    square = np.where(tone >= 0, 1.0, -1.0)
    sounds = {
        "tone": 0.5 * tone,
        "quiet": 0.005 * tone,
        "half-silent": 0.5 * tone * (np.arange(RATE) < RATE // 2),
        "not-quite-silent": 0.5 * tone * np.where(np.arange(RATE) < RATE // 2, 1, 10 ** (-39 / 20)),
        "all-but-silent": 0.5 * tone * np.where(np.arange(RATE) < RATE // 2, 1, 10 ** (-41 / 20)),
        "quarter-clipped": np.where(np.arange(RATE) < RATE // 4, square, 0.9 * square),
    }
    found = {}
    for name, sound in sounds.items():
        (root / name).mkdir()
        soundfile.write(root / name / "a.wav", sound, RATE, subtype="FLOAT")
    rows = [f"{name}/a.wav,{name}," for name in sounds]
    (root / "all.csv").write_text("\n".join(["path,emotion,speaker", *rows]), encoding="utf-8")
    everything = explore(root / "all.csv", features=FEATURES)
    for i, clip in enumerate(everything.clips):
        found[clip.emotion] = replace(everything, clips=(clip,), facts=(everything.facts[i],))
    return found


@pytest.mark.parametrize(
    ("name", "level", "peak"),
    [
        ("tone", 20 * np.log10(0.5 / np.sqrt(2)), 20 * np.log10(0.5)),
        ("quiet", 20 * np.log10(0.005 / np.sqrt(2)), 20 * np.log10(0.005)),
        ("half-silent", 20 * np.log10(0.5 / 2), 20 * np.log10(0.5)),
        ("quarter-clipped", 10 * np.log10((1 + 3 * 0.81) / 4), 0),
    ],
)
def test_level_and_peak_are_relative_to_full_scale(
    recorded: dict[str, Exploration], name: str, level: float, peak: float
) -> None:
    (facts,) = recorded[name].facts
    assert facts.level_db == pytest.approx(level, abs=0.01)
    assert facts.peak_db == pytest.approx(peak, abs=0.01)
    assert (facts.duration_s, facts.sample_rate) == (1, RATE)


@pytest.mark.parametrize(("name", "clipped"), [("tone", 0), ("quiet", 0), ("quarter-clipped", 0.25)])
def test_clipped_is_the_share_of_samples_at_full_scale(
    recorded: dict[str, Exploration], name: str, clipped: float
) -> None:
    assert recorded[name].facts[0].clipped == pytest.approx(clipped)


@pytest.mark.parametrize(
    ("name", "silence"),
    [("tone", 0), ("quiet", 0), ("half-silent", 0.5), ("not-quite-silent", 0), ("all-but-silent", 0.5)],
)
def test_silence_is_what_is_40_db_below_the_loudest_of_the_clip(
    recorded: dict[str, Exploration], name: str, silence: float
) -> None:
    assert recorded[name].facts[0].silence == pytest.approx(silence)


# --- what features separate --------------------------------------------------------------------------


def test_columns_are_standardised_and_constant_ones_become_0() -> None:
    table = 5 + 1e-3 * noise(0)
    table[:, 3] = 0.1 + 0.2  # no binary fraction: its mean is not exactly itself
    found = standardise(table)
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-9)
    assert (found[:, 3] == 0).all()
    varies = np.arange(8) != 3
    np.testing.assert_allclose(found[:, varies].std(axis=0), 1)
    one, other = (np.argsort(values[:, varies], axis=0) for values in (found, table))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("sizes", [(20, 20, 20), (40, 15, 5), (30, 29, 1)])
def test_effect_sizes_are_those_of_scikit_learns_analysis_of_variance(sizes: tuple[int, ...]) -> None:
    groups = np.repeat(["angry", "happy", "sad"], sizes)
    table = noise(1)
    table[:, 0] += 2 * (groups == "happy")
    table[:, 1] = 10 - 1e-2 * table[:, 1]
    f, _ = f_classif(table, groups)
    between, within = 2, len(table) - 3  # degrees of freedom
    epsilon = (f - 1) * between / (f * between + within)  # Kelley (1935)
    np.testing.assert_allclose(effect_sizes(table, groups), np.maximum(epsilon, 0), rtol=1e-6, atol=1e-12)


def test_many_groups_explain_no_more_of_noise_than_few() -> None:
    table = np.random.default_rng(5).standard_normal((96, 300))
    few, many = (effect_sizes(table, np.arange(96) % groups).mean() for groups in (4, 24))
    assert few < 0.03
    assert many < 0.05
    assert (effect_sizes(table, np.arange(96)) == 0).all()  # each clip a group of its own


def test_an_effect_is_1_where_only_groups_differ_and_0_where_nothing_does() -> None:
    groups = np.repeat([0, 1, 2], 20)
    table = np.column_stack([10.0 * groups, np.full(60, 7.7), np.tile([1.0, 2.0], 30)])
    np.testing.assert_allclose(effect_sizes(table, groups), [1, 0, 0], atol=1e-12)


def test_groups_that_are_one_explain_nothing() -> None:
    np.testing.assert_allclose(effect_sizes(noise(2), ["angry"] * 60), 0, atol=1e-12)


def test_correlations_are_numpys() -> None:
    table = noise(3)
    table[:, 1] = 3 - 2 * table[:, 0] + 0.1 * table[:, 1]
    found = correlations(table)
    np.testing.assert_allclose(found, np.corrcoef(table, rowvar=False), atol=1e-12)
    assert np.abs(found).max() <= 1


def test_a_constant_column_correlates_with_nothing() -> None:
    table = noise(3)
    table[:, 2] = -4.2
    found = correlations(table)
    assert (found[2] == 0).all()
    assert (found[:, 2] == 0).all()
    others = np.arange(8) != 2
    np.testing.assert_allclose(
        found[np.ix_(others, others)], np.corrcoef(table[:, others], rowvar=False), atol=1e-12
    )


COLUMNS = tuple("abcdefgh")


def test_redundant_pairs_are_found_either_way_the_closest_first() -> None:
    table = noise(4)
    table[:, 3] = 5 * table[:, 1]
    table[:, 6] = 2 - table[:, 0] + 0.1 * table[:, 6]
    found = redundant_pairs(table, COLUMNS)
    assert [(one, other) for one, other, _ in found] == [("b", "d"), ("a", "g")]
    expected = np.corrcoef(table, rowvar=False)
    assert [r for _, _, r in found] == pytest.approx([expected[1, 3], expected[0, 6]])
    assert found[1][2] < -0.95


def test_every_pair_over_the_threshold_is_found_once_and_no_other() -> None:
    table = noise(5) + noise(6, columns=1)
    matrix = np.corrcoef(table, rowvar=False)
    expected = {
        (COLUMNS[i], COLUMNS[j]) for i in range(8) for j in range(i + 1, 8) if abs(matrix[i, j]) >= 0.5
    }
    found = redundant_pairs(table, COLUMNS, 0.5)
    assert 0 < len(expected) < 28
    assert {(one, other) for one, other, _ in found} == expected
    assert len(found) == len(expected)


def test_of_independent_features_none_are_redundant() -> None:
    assert redundant_pairs(noise(7), COLUMNS) == []


def clusters(count: int = 5, members: int = 12, spread: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    """Clips in tight bunches far from each other, and which bunch each is of."""
    centres = 3 * noise(8, count)
    groups = np.tile(np.arange(count), members)
    return centres[groups] + spread * noise(9, len(groups)), groups


def test_neighbours_in_a_cluster_are_all_of_their_own_group() -> None:
    table, groups = clusters()
    same, chance = shared_neighbours(table, [f"speaker {i}" for i in groups])
    assert same == 1
    assert chance == pytest.approx(11 / 59)


@pytest.mark.parametrize("neighbours", [1, 5, 100])
def test_shared_neighbours_are_those_of_a_plain_search(neighbours: int) -> None:
    table, groups = noise(10), np.random.default_rng(0).choice(["a", "b", "c"], 60, p=[0.6, 0.3, 0.1])
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    distance = cdist(scaled, scaled)
    np.fill_diagonal(distance, np.inf)
    near = np.argsort(distance, axis=1)[:, : min(neighbours, 59)]
    pairs = [groups[i] == groups[j] for i in range(60) for j in range(60) if i != j]
    found = shared_neighbours(table, groups, neighbours)
    assert found == pytest.approx((np.mean(groups[near] == groups[:, None]), np.mean(pairs)))


def test_the_scale_of_a_column_makes_no_difference_to_neighbours() -> None:
    table, groups = clusters(spread=1.5)
    scaled = table * np.array([1e6, 1, 1, 1, 1, 1, 1, 1e-6])
    assert 0.3 < shared_neighbours(table, groups)[0] < 1
    assert shared_neighbours(scaled, groups) == pytest.approx(shared_neighbours(table, groups))


def test_constant_features_make_no_difference_to_neighbours() -> None:
    table, groups = clusters(spread=1.5)
    padded = np.hstack([table, np.full((60, 3), 9.9)])
    assert shared_neighbours(padded, groups) == shared_neighbours(table, groups)


# --- the map -----------------------------------------------------------------------------------------


def test_on_the_map_similar_clips_are_near_each_other_and_always_at_the_same_place() -> None:
    table, groups = clusters(3, 8)
    places = lay_out(table)
    distance = cdist(places, places)
    np.fill_diagonal(distance, np.inf)
    assert places.shape == (24, 2)
    assert (groups[distance.argmin(axis=1)] == groups).all()
    np.testing.assert_array_equal(places, lay_out(table.copy()))


@pytest.mark.parametrize("clips", [2, 3, 11, 12])
def test_few_clips_have_a_map_too(clips: int) -> None:
    places = lay_out(noise(11, clips))
    assert places.shape == (clips, 2)
    assert np.isfinite(places).all()
    assert len(np.unique(places, axis=0)) == clips


@pytest.mark.parametrize("clips", [2, 5, 30])
def test_clips_that_are_all_alike_have_one_place(clips: int) -> None:
    places = lay_out(np.full((clips, 4), 3.3))
    assert places.shape == (clips, 2)
    assert (places == places[0]).all()


@pytest.mark.parametrize("clips", [6, 40])
def test_one_feature_makes_a_line(clips: int) -> None:
    values = noise(12, clips, 1)
    places = lay_out(values)
    assert (places[:, 1] == 0).all()
    assert abs(np.corrcoef(places[:, 0], values[:, 0])[0, 1]) == pytest.approx(1)
