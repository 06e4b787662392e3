"""Pictures show the numbers that they are about: each test reads them back from the axes."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import StepPatch
from sklearn.calibration import calibration_curve
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix
from sklearn.metrics import precision_recall_fscore_support as by_class

from affekt import figures
from affekt.audio import Waveform
from affekt.confidence import accuracy_by_coverage
from affekt.corpus import Clip, Corpus, CorpusCard
from affekt.corpus_check import compare_with_cards
from affekt.emotions import emotion_style
from affekt.evaluation import Evaluation, Importance, summarise
from affekt.evaluation import TestedClip as Answered  # pytest collects what is called Test...
from affekt.exploration import Exploration, correlations, effect_sizes, redundant_pairs, shared_neighbours
from affekt.features import FEATURE_SETS
from affekt.figures.clips import envelope
from affekt.figures.style import in_percent
from affekt.recording import ClipFacts

EMOTIONS = ("neutral", "happy", "sad", "angry")
SPEAKERS = ("01", "02", "03", "04", "05", "06")


@pytest.fixture(autouse=True)
def _untouched_pyplot() -> Iterator[None]:
    """No picture changes how others are drawn, or is kept by pyplot until the memory is full."""
    before = {**mpl.rcParams, "backend": ""}  # which is chosen when it is first asked for
    yield
    assert plt.get_fignums() == []
    assert {**mpl.rcParams, "backend": ""} == before


def make_clips(
    emotions: Sequence[str] = EMOTIONS, speakers: Sequence[str] = SPEAKERS, takes: int = 5
) -> list[Clip]:
    """Clips of which everything is known; nothing but the emotion where the one speaker is ``""``."""
    return [
        Clip(
            path=Path(f"{speaker}-{emotion}-{take}.wav"), emotion=emotion, speaker=speaker, corpus="own",
            sex=("female", "male")[int(speaker) % 2] if speaker else "",
            intensity=("normal", "strong")[take % 2] if speaker else "",
            statement=("kids", "dogs")[take % 2] if speaker else "",
        )
        for speaker in speakers
        for emotion in emotions
        for take in range(takes)
    ]  # fmt: skip


def make_evaluation(
    emotions: Sequence[str] = EMOTIONS,
    speakers: Sequence[str] = SPEAKERS,
    *,
    seeds: int = 1,
    skill: float = 1.2,
    leaky: bool = False,
    **more: Any,
) -> Evaluation:
    """Answers at random, of which some are right, surer where ``skill`` is higher."""
    rng = np.random.default_rng(round(10 * skill))
    tested = []
    for seed in range(seeds):
        for clip in make_clips(emotions, speakers):
            said = np.exp(rng.standard_normal(len(emotions)) + skill * (np.array(emotions) == clip.emotion))
            row = said / said.sum()
            tested.append(
                Answered(
                    clip=clip, seed=seed, fold=0, answer=emotions[row.argmax()], probabilities=tuple(row)
                )
            )
    protocol = "random-80-20" if leaky else "by-actor-5"
    return summarise(
        tested, tuple(emotions), corpus="own", recipe="own", protocol=protocol, leaky=leaky,
        protocol_label=f"{protocol} (LEAKY)" if leaky else protocol, speakers_overlap=leaky, excluded=(),
        **more,
    )  # fmt: skip


EVALUATION = make_evaluation()
LEAKY = make_evaluation(leaky=True, skill=2.5)


def truth_and_answers(evaluation: Evaluation) -> tuple[list[str], list[str]]:
    return [one.clip.emotion for one in evaluation.tested], [one.answer for one in evaluation.tested]


def sure_and_right(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    sure = np.array([max(one.probabilities) for one in evaluation.tested])
    return sure, np.equal(*truth_and_answers(evaluation))


def draw(figure: Figure) -> Figure:
    """Draw it to the end, as a report does."""
    figure.savefig(io.BytesIO(), format="svg")
    return figure


def words(figure: Figure | None) -> str:
    """What a picture says of itself; it always says something."""
    assert figure is not None
    text = str(figure.get_label())
    assert text.strip()
    return text


def labels(axes: Axes, which: str = "x") -> list[str]:
    ticks = axes.get_xticklabels() if which == "x" else axes.get_yticklabels()
    return [tick.get_text() for tick in ticks]


def points(axes: Axes, marker: str) -> list[tuple[float, float]]:
    """Where the lines of this marker have their points; entries of a legend have none."""
    return [
        (float(x), float(y))
        for line in axes.get_lines()
        if line.get_marker() == marker
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]


def heights(axes: Axes) -> list[float]:
    return [float(bar.get_height()) for bar in axes.patches]


# --- scores ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_matrix_drawn_is_the_matrix_scored(seeds: int) -> None:
    evaluation = make_evaluation(seeds=seeds)
    truth, answers = truth_and_answers(evaluation)
    expected = confusion_matrix(truth, answers, labels=list(EMOTIONS))
    rates = confusion_matrix(truth, answers, labels=list(EMOTIONS), normalize="true")
    figure = figures.confusion(evaluation)
    left, right = figure.axes
    for axes, texts in ((left, [f"{100 * rate:.0f}" for rate in rates.flat]), (right, expected.flat)):
        np.testing.assert_allclose(axes.images[0].get_array(), rates)
        assert axes.images[0].get_clim() == (0, 1)
        assert (labels(axes), labels(axes, "y")) == ([*EMOTIONS], [*EMOTIONS])
        drawn = {text.get_position(): text.get_text() for text in axes.texts}
        cells = [(column, row) for row in range(4) for column in range(4)]
        assert drawn == dict(zip(cells, map(str, texts), strict=True))
    assert right.get_title(loc="left") == ("clips" if seeds == 1 else "clips, 3 seeds")


def test_rows_are_what_was_felt_and_columns_what_was_heard() -> None:
    left = figures.confusion(EVALUATION).axes[0]
    assert (left.get_xlabel(), left.get_ylabel()) == ("heard as", "was")
    low, high = sorted(left.get_ylim())
    assert left.get_ylim() == (high, low)  # the first emotion is in the first row


def test_the_worst_confusion_is_named() -> None:
    rates = confusion_matrix(*truth_and_answers(EVALUATION), labels=list(EMOTIONS), normalize="true")
    np.fill_diagonal(rates, 0)
    row, column = np.unravel_index(rates.argmax(), rates.shape)
    text = words(figures.confusion(EVALUATION))
    assert f"{EMOTIONS[row]} is heard as {EMOTIONS[column]} in {in_percent(rates[row, column])}" in text


def test_where_all_is_right_no_confusion_is_named() -> None:
    perfect = make_evaluation(skill=50)
    assert perfect.headlines["accuracy"].value == 1
    text = words(figures.confusion(perfect))
    assert "is heard as" not in text
    assert "Nothing is confused" in text


def test_an_emotion_that_never_occurred_has_a_row_of_nothing() -> None:
    tested = [one for one in EVALUATION.tested if one.clip.emotion != "sad"]
    partial = summarise(
        tested, EMOTIONS, corpus="own", recipe="own", protocol="p", protocol_label="p", leaky=False,
        speakers_overlap=False, excluded=(),
    )  # fmt: skip
    assert (figures.confusion(partial).axes[0].images[0].get_array()[2] == 0).all()
    shown = [name.split(",")[0] for name in labels(figures.emotions(partial).axes[0], "y")]
    assert shown == ["neutral", "happy", "angry"]


def test_bars_of_emotions_are_the_recalls_and_marks_precision_and_f1() -> None:
    precision, recall, f1, support = by_class(*truth_and_answers(EVALUATION), labels=list(EMOTIONS))
    figure = figures.emotions(EVALUATION, line=0.5)
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == pytest.approx(recall)
    assert [bar.get_y() + bar.get_height() / 2 for bar in axes.patches] == pytest.approx(range(4))
    assert [to_hex(bar.get_facecolor()).upper() for bar in axes.patches] == [
        emotion_style(name).colour for name in EMOTIONS
    ]
    np.testing.assert_allclose(points(axes, "D"), np.column_stack([precision, range(4)]))
    np.testing.assert_allclose(points(axes, "|"), np.column_stack([f1, range(4)]))
    assert labels(axes, "y") == [f"{name}, {n}" for name, n in zip(EMOTIONS, support, strict=True)]
    above = [name for name, share in zip(EMOTIONS, recall, strict=True) if share >= 0.5]
    assert 0 < len(above) < 4
    assert f"reach for each emotion: {', '.join(above)}." in words(figure)
    assert f"Best heard is {EMOTIONS[recall.argmax()]}" in words(figure)


def test_bars_of_speakers_are_their_accuracies_the_worst_first() -> None:
    found = {}
    for speaker in SPEAKERS:
        own = [one for one in EVALUATION.tested if one.clip.speaker == speaker]
        found[speaker] = accuracy_score(*([one.clip.emotion for one in own], [one.answer for one in own]))
    figure = figures.speakers(EVALUATION)
    (axes,) = figure.axes
    drawn = heights(axes)[: len(SPEAKERS)]
    assert drawn == sorted(found.values())
    assert len(set(drawn)) > 1
    assert dict(zip(labels(axes), drawn, strict=True)) == pytest.approx(found)
    for name, bar in zip(labels(axes), axes.patches, strict=False):
        sex = ("female", "male")[int(name) % 2]
        assert to_hex(bar.get_facecolor()).upper() == {"female": "#CC79A7", "male": "#0072B2"}[sex]
    lines = [line.get_ydata()[0] for line in axes.get_lines()]
    assert lines == pytest.approx([EVALUATION.headlines["accuracy"].value, 0.25])
    assert f"{in_percent(min(drawn))} on own/" in words(figure)


def test_where_nobody_knows_who_speaks_there_are_no_bars_of_speakers() -> None:
    assert figures.speakers(make_evaluation(speakers=("",))) is None


def test_bars_of_slices_are_the_accuracies_of_each_part() -> None:
    (axes,) = figures.slices(EVALUATION).axes
    drawn = dict(zip(labels(axes, "y"), [bar.get_width() for bar in axes.patches], strict=True))
    expected = {}
    for field in ("sex", "intensity", "statement"):
        for value in sorted({getattr(one.clip, field) for one in EVALUATION.tested}):
            own = [one for one in EVALUATION.tested if getattr(one.clip, field) == value]
            right = [one.clip.emotion == one.answer for one in own]
            expected[f"{field}: {value}, {len(own)}"] = np.mean(right)
    assert drawn == pytest.approx(expected)


def test_the_largest_difference_between_slices_is_named() -> None:
    spans = {
        field: max(one.accuracy for one in scores.values()) - min(one.accuracy for one in scores.values())
        for field, scores in EVALUATION.slices.items()
        if field in ("sex", "intensity", "statement")
    }
    widest = max(spans, key=spans.__getitem__)
    assert f"by {widest}: {100 * spans[widest]:.1f} points" in words(figures.slices(EVALUATION))


def test_without_anything_to_slice_by_there_is_no_picture_of_it() -> None:
    assert figures.slices(make_evaluation(speakers=("",))) is None


def headline_rows(figure: Figure) -> dict[str, tuple[float, float, float]]:
    """Label -> (value, low, high), as drawn."""
    (axes,) = figure.axes
    bars = [line.get_xdata() for line in axes.get_lines() if line.get_linewidth() == 5]
    values = points(axes, "o")
    assert [y for _, y in values] == list(range(len(values)))
    rows = zip(labels(axes, "y"), values, bars, strict=True)
    return {label: (value, *map(float, bar)) for label, (value, _), bar in rows}


def test_points_of_headlines_are_the_scores_and_bars_their_intervals() -> None:
    figure = figures.headlines(replace(EVALUATION, listeners=(0.66, "somebody (2001)")))
    drawn = headline_rows(figure)
    truth, answers = truth_and_answers(EVALUATION)
    assert drawn["accuracy, by-actor-5"][0] == pytest.approx(accuracy_score(truth, answers))
    assert drawn["UAR, by-actor-5"][0] == pytest.approx(balanced_accuracy_score(truth, answers))
    for name, row in (("accuracy", "accuracy"), ("uar", "UAR")):
        score = EVALUATION.headlines[name]
        assert drawn[f"{row}, by-actor-5"][1:] == (score.low, score.high)
    marks = [line.get_xdata() for line in figure.axes[0].get_lines() if line.get_linestyle() == "--"]
    assert marks == [[0.25, 0.25], [0.66, 0.66]]
    assert "Listeners reach 66.0\xa0% (somebody (2001))" in words(figure)


@pytest.mark.parametrize(("asked", "other"), [(EVALUATION, LEAKY), (LEAKY, EVALUATION)])
def test_both_kinds_of_score_are_drawn_the_honest_one_first(asked: Evaluation, other: Evaluation) -> None:
    figure = figures.headlines(replace(asked, counterpart=other))
    expected = {
        f"{label}, {kind}": one.headlines[name].value
        for name, label in (("accuracy", "accuracy"), ("uar", "UAR"))
        for one, kind in ((EVALUATION, "by-actor-5"), (LEAKY, "random-80-20, LEAKY"))
    }
    drawn = {label: row[0] for label, row in headline_rows(figure).items()}
    assert list(drawn) == list(expected)
    assert drawn == pytest.approx(expected)
    gap = LEAKY.headlines["accuracy"].value - EVALUATION.headlines["accuracy"].value
    assert gap > 0.1
    assert f"promises {100 * gap:.1f} points more" in words(figure)


def test_the_line_of_calibration_is_scikit_learns() -> None:
    sure, right = sure_and_right(EVALUATION)
    accuracy, confidence = calibration_curve(right, sure, n_bins=10)
    figure = figures.calibration(EVALUATION)
    above, below = figure.axes
    expected = np.column_stack([confidence, accuracy])
    many = np.array(heights(below)) >= 10
    assert 0 < many.sum() < len(many)
    _, joined, apart = above.get_lines()
    np.testing.assert_allclose(joined.get_xydata(), expected[many])
    np.testing.assert_allclose(apart.get_xydata(), expected[~many])
    assert apart.get_fillstyle() == "none" and apart.get_linestyle() == "None"
    gaps = above.collections[0].get_segments()
    np.testing.assert_allclose([segment[:, 1] for segment in gaps], expected[many])
    assert sum(heights(below)) == len(sure)
    text = words(figure)
    assert f"mean confidence {in_percent(sure.mean())}, accuracy {in_percent(right.mean())}" in text
    assert ("surer" if sure.mean() > right.mean() else "less sure") in text


def test_the_line_of_coverage_is_accuracy_by_coverage_without_the_first_few() -> None:
    covered, accuracy = accuracy_by_coverage(*sure_and_right(EVALUATION))
    figure = figures.coverage(EVALUATION)
    (axes,) = figure.axes
    line, *marked = axes.get_lines()
    shown = covered >= 0.02
    assert 0 < (~shown).sum() < 5
    np.testing.assert_allclose(line.get_xdata(), covered[shown])
    np.testing.assert_allclose(line.get_ydata(), accuracy[shown])
    for one, share in zip(marked, (0.5, 0.25), strict=True):
        i = np.flatnonzero(covered >= share)[0]
        assert (one.get_xdata()[0], one.get_ydata()[0]) == (covered[i], accuracy[i])
        assert f"of the surest {covered[i]:.0%} {in_percent(accuracy[i])}" in words(figure)
    assert f"Of all answers {in_percent(accuracy[-1])} are right" in words(figure)


def test_without_importances_or_epochs_there_is_no_picture_of_them() -> None:
    assert figures.importances(EVALUATION) is None
    assert figures.histories(EVALUATION) is None


def with_importances(own: float, permuted: float) -> Evaluation:
    """30 features, the last of which the model itself thinks most of, and the first is missed most."""
    rows = {
        f"feature{i}": Importance(own=own * (i + 1) / 465, permuted=permuted * (29 - i) / 100)
        for i in range(30)
    }
    return replace(EVALUATION, importances=rows)


def importance_bars(axes: Axes) -> dict[str, float]:
    names = labels(axes, "y")
    assert axes.yaxis_inverted()  # the first bar is the topmost
    return dict(zip(names, [float(bar.get_width()) for bar in axes.patches], strict=True))


def test_the_features_that_matter_most_are_drawn_by_both_measures() -> None:
    figure = figures.importances(with_importances(1, 1))
    own, permuted = map(importance_bars, figure.axes)
    assert own == pytest.approx({f"feature{i}": (i + 1) / 465 for i in range(29, 9, -1)})
    assert list(own) == [f"feature{i}" for i in range(29, 9, -1)]
    assert permuted == pytest.approx({f"feature{i}": (29 - i) / 100 for i in range(20)})
    assert list(permuted) == [f"feature{i}" for i in range(20)]
    text = words(figure)
    assert "or to its selection: feature29, feature28, feature27" in text
    assert "shuffled: feature0, feature1, feature2" in text


@pytest.mark.parametrize(
    ("own", "permuted", "title"),
    [
        (np.nan, 1, "accuracy lost when it is shuffled"),
        (1, np.nan, "importance to the model, or to its selection"),
    ],
)
def test_a_measure_that_nobody_took_is_not_drawn(own: float, permuted: float, title: str) -> None:
    (axes,) = figures.importances(with_importances(own, permuted)).axes
    assert axes.get_title(loc="left") == title
    assert len(axes.patches) == 20


def test_each_epoch_of_each_fold_is_drawn_and_the_best_one_marked() -> None:
    rng = np.random.default_rng(0)
    told = tuple(
        {name: rng.uniform(size=epochs) for name in ("train_loss", "valid_loss", "valid_acc")}
        for epochs in (4, 7, 1)
    )
    figure = figures.histories(replace(EVALUATION, histories=told))
    left, right = figure.axes
    lines = left.get_lines()
    for fold, one in enumerate(told):
        learnt, aside, best = lines[3 * fold : 3 * fold + 3]
        epochs = np.arange(1, len(one["valid_loss"]) + 1)
        for line, name in ((learnt, "train_loss"), (aside, "valid_loss")):
            np.testing.assert_array_equal(line.get_xdata(), epochs)
            np.testing.assert_array_equal(line.get_ydata(), one[name])
        assert best.get_ydata()[0] == one["valid_loss"].min()
        assert best.get_xdata()[0] == 1 + one["valid_loss"].argmin()
        np.testing.assert_array_equal(right.get_lines()[fold].get_ydata(), one["valid_acc"])
    assert len(lines) == 9
    assert [text.get_text() for text in left.get_legend().get_texts()] == ["learnt from", "set aside"]
    assert "3 trainings, one for each fold and seed, of 7 epochs at most" in words(figure)


def test_differences_are_drawn_with_their_intervals_and_only_real_ones_are_called_so() -> None:
    pairs = {"a > b": (0.1, 0.05, 0.16), "b > c": (0.02, -0.01, 0.05), "c > d": (-0.1, -0.2, -0.04)}
    figure = figures.differences(pairs, "UAR")
    (axes,) = figure.axes
    assert points(axes, "o") == [(value, y) for y, (value, _, _) in enumerate(pairs.values())]
    bars = [tuple(line.get_xdata()) for line in axes.get_lines() if line.get_linewidth() == 5]
    assert bars == [(low, high) for _, low, high in pairs.values()]
    assert labels(axes, "y") == list(pairs)
    assert "leaves out 0: a > b, c > d. Of many" in words(draw(figure))
    assert "UAR" in axes.get_xlabel()


ODD_EVALUATIONS = {
    "one speaker": make_evaluation(speakers=("07",)),
    "unknown speakers": make_evaluation(speakers=("",)),
    "two emotions": make_evaluation(("happy", "angry")),
    "names of one's own": make_evaluation(("bliss", "<i>spleen</i> & co", "50 $ fear, 60 $ joy")),
    "perfect": make_evaluation(skill=50),
    "leaky": replace(LEAKY, counterpart=EVALUATION),
}
OF_EVALUATIONS: tuple[Callable[[Evaluation], Figure | None], ...] = (
    figures.headlines,
    figures.confusion,
    figures.emotions,
    figures.speakers,
    figures.slices,
    figures.calibration,
    figures.coverage,
)


@pytest.mark.parametrize("function", OF_EVALUATIONS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("name", ODD_EVALUATIONS)
def test_odd_scores_are_drawn_too(name: str, function: Callable[[Evaluation], Figure | None]) -> None:
    figure = function(ODD_EVALUATIONS[name])
    if figure is None:
        assert name in ("unknown speakers", "one speaker")
    else:
        words(draw(figure) if name == "names of one's own" else figure)


# --- corpora -----------------------------------------------------------------------------------------

COLUMNS = (
    *(f"mfcc{i}_mean" for i in range(5)),
    *(f"mfcc{i}_std" for i in range(5)),
    "rms_mean",
    "zcr_mean",
)


def make_facts(clips: Sequence[Clip]) -> tuple[ClipFacts, ...]:
    rng = np.random.default_rng(1)
    return tuple(
        ClipFacts(
            duration_s=float(rng.uniform(1, 4)),
            sample_rate=48_000 if i % 3 else 16_000,
            level_db=float(rng.uniform(-40, -20)) + 5 * (clip.emotion == "angry"),
            peak_db=-1.0,
            clipped=0.01 * (i % 4 == 0),
            silence=float(rng.uniform(0, 0.4)),
            pitch_hz=float(rng.uniform(90, 250)),
            brightness_hz=1500.0,
        )
        for i, clip in enumerate(clips)
    )


def make_exploration(clips: Sequence[Clip] = (), columns: Sequence[str] = COLUMNS) -> Exploration:
    """Noise, in which emotions differ in one column and speakers in another, and two say the same."""
    clips = tuple(clips or make_clips())
    rng = np.random.default_rng(2)
    features = rng.standard_normal((len(clips), len(columns)))
    for place, field in ((0, "emotion"), (1, "speaker_id")):
        values = [getattr(clip, field) for clip in clips]
        features[:, place] += 2 * np.unique(values, return_inverse=True)[1]
    features[:, -1] = 1e-3 * rng.standard_normal(len(clips)) - features[:, 2]
    card = CorpusCard(name="own", title="", licence="", citation="", address="")
    corpus = Corpus(name="own", clips=clips, cards=(card,))
    return Exploration(
        check=compare_with_cards(corpus, [(clip, str(clip.path)) for clip in clips]),
        clips=clips,
        facts=make_facts(clips),
        feature_set="own@1",
        columns=tuple(columns),
        features=features,
        map=rng.standard_normal((len(clips), 2)),
    )


EXPLORED = make_exploration()
EMOTION_OF = np.array([clip.emotion for clip in EXPLORED.clips])
SPEAKER_OF = np.array([clip.speaker for clip in EXPLORED.clips])


def test_bars_of_counts_are_the_counts() -> None:
    clips = [clip for clip in make_clips() if (clip.emotion, clip.speaker) != ("sad", "02")][:-2]
    figure = figures.counts(make_exploration(clips))
    found = {
        axes.get_title(loc="left"): dict(zip(labels(axes), heights(axes), strict=True))
        for axes in figure.axes
    }
    emotions = {name: sum(clip.emotion == name for clip in clips) for name in EMOTIONS}
    assert found["emotion"] == emotions
    for field in ("channel", "sex", "intensity", "speaker"):
        values = [getattr(clip, field) for clip in clips]
        assert found[field] == {value: values.count(value) for value in values}, field
    assert f"{len(clips)} clips: the most frequent emotion has 30, sad the fewest, 25." in words(figure)


def test_speakers_of_the_same_name_in_two_corpora_have_a_bar_each() -> None:
    own = make_clips(speakers=("03", "08"))
    other = [replace(clip, corpus="other") for clip in make_clips(speakers=("03",), takes=2)]
    figure = figures.counts(make_exploration([*own, *other]))
    below = figure.axes[-1]
    assert labels(below) == ["03", "03", "08"]
    assert heights(below) == [8, 20, 20]


def test_what_nobody_knows_is_not_counted() -> None:
    figure = figures.counts(make_exploration(make_clips(speakers=("",))))
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["emotion", "channel"]


def test_histograms_of_recordings_hold_every_clip_and_mark_the_median() -> None:
    figure = figures.recordings(EXPLORED)
    facts = EXPLORED.facts
    for axes, name in zip(figure.axes, ("duration_s", "level_db", "silence"), strict=False):
        values = [getattr(one, name) for one in facts]
        expected, edges = np.histogram(values, 30)
        assert heights(axes) == expected.tolist(), name
        middles = [bar.get_x() + bar.get_width() / 2 for bar in axes.patches]
        np.testing.assert_allclose(middles, (edges[1:] + edges[:-1]) / 2)
        assert axes.get_lines()[0].get_xdata()[0] == pytest.approx(np.median(values))
    rates = dict(zip(labels(figure.axes[3]), heights(figure.axes[3]), strict=True))
    assert rates == {"16 kHz": 40, "48 kHz": 80}
    assert "30 clips are overdriven" in words(figure)


def violins_of(axes: Axes) -> dict[str, tuple[float, float, float]]:
    """Emotion -> quartiles, as drawn over its name."""
    names = labels(axes)
    boxes = {
        names[int(line.get_xdata()[0])]: line.get_ydata()
        for line in axes.get_lines()
        if line.get_linewidth() == 2
    }
    middles = {names[int(x)]: y for x, y in points(axes, "o")}
    assert boxes.keys() == middles.keys()
    assert len(axes.collections) == len(boxes)
    return {name: (float(low), middles[name], float(high)) for name, (low, high) in boxes.items()}


def quartiles_of(values: np.ndarray) -> dict[str, tuple[float, ...]]:
    known = ~np.isnan(values)
    return {
        name: tuple(np.quantile(values[known & (name == EMOTION_OF)], (0.25, 0.5, 0.75)))
        for name in EMOTIONS
        if (known & (name == EMOTION_OF)).any()
    }


def assert_quartiles(axes: Axes, values: np.ndarray) -> None:
    drawn, expected = violins_of(axes), quartiles_of(values)
    assert list(drawn) == list(expected)
    for name, bounds in expected.items():
        assert drawn[name] == pytest.approx(bounds), name


def test_levels_by_emotion_have_the_quartiles_of_each_emotion() -> None:
    figure = figures.levels_by_emotion(EXPLORED)
    found = {axes.get_title(loc="left"): axes for axes in figure.axes}
    for title, name in (
        ("level, dB", "level_db"),
        ("pitch, Hz", "pitch_hz"),
        ("duration, s", "duration_s"),
    ):
        assert_quartiles(found[title], np.array([getattr(one, name) for one in EXPLORED.facts]))
    assert "Loudest is angry" in words(figure)


def test_an_emotion_in_which_no_pitch_was_found_has_no_violin_of_it() -> None:
    facts = tuple(
        replace(one, pitch_hz=np.nan) if emotion == "sad" or i % 7 == 0 else one
        for i, (one, emotion) in enumerate(zip(EXPLORED.facts, EMOTION_OF, strict=True))
    )
    figure = figures.levels_by_emotion(replace(EXPLORED, facts=facts))
    pitches = np.array([one.pitch_hz for one in facts])
    (axes,) = [axes for axes in figure.axes if axes.get_title(loc="left") == "pitch, Hz"]
    assert set(violins_of(axes)) == {"neutral", "happy", "angry"}
    assert_quartiles(axes, pitches)
    assert labels(axes) == list(EMOTIONS)


def test_violins_have_the_quartiles_of_the_features_they_name() -> None:
    chosen = ["rms_mean", "mfcc0_mean", "mfcc3_std"]
    figure = figures.violins(EXPLORED, chosen)
    assert [axes.get_title(loc="left") for axes in figure.axes] == chosen
    for axes, column in zip(figure.axes, chosen, strict=True):
        assert_quartiles(axes, EXPLORED.features[:, COLUMNS.index(column)])
        shown = [to_hex(body.get_facecolor()[0]).upper() for body in axes.collections]
        assert shown == [emotion_style(name).colour for name in EMOTIONS]
    assert ", ".join(chosen) in words(figure)


def test_distributions_are_densities_of_each_emotion_on_one_scale() -> None:
    chosen = ["mfcc0_mean", "zcr_mean", "mfcc1_mean", "rms_mean", "mfcc2_std"]
    figure = figures.distributions(EXPLORED, chosen)
    assert [axes.get_xlabel() for axes in figure.axes] == chosen
    for axes, column in zip(figure.axes, chosen, strict=True):
        values = EXPLORED.features[:, COLUMNS.index(column)]
        steps = [patch for patch in axes.patches if isinstance(patch, StepPatch)]
        assert [step.get_label() for step in steps] == list(EMOTIONS)
        assert [step.get_data().baseline for step in steps] == [-i for i in range(len(EMOTIONS))]
        expected = [
            np.histogram(values[name == EMOTION_OF], steps[0].get_data().edges, density=True)[0]
            for name in EMOTIONS
        ]
        scale = figures.corpora.RIDGE_HEIGHT / np.max(expected)
        for step, density in zip(steps, expected, strict=True):
            drawn = step.get_data()
            np.testing.assert_allclose(drawn.values - drawn.baseline, density * scale, atol=1e-12)
        low, high = np.quantile(values, (0.005, 0.995))
        assert (drawn.edges[0], drawn.edges[-1]) == pytest.approx((low, high))
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()] == list(EMOTIONS)


def test_an_emotion_whose_one_clip_is_the_outermost_has_a_flat_line() -> None:
    clips = [*make_clips(EMOTIONS[:2]), *make_clips(("angry",), ("01",), takes=1)]
    explored = make_exploration(clips)
    explored.features[-1, 3] = 99
    (axes,) = figures.distributions(explored, ["mfcc3_mean"]).axes
    flat = axes.patches[-1].get_data()
    assert axes.patches[-1].get_label() == "angry"
    assert (flat.values == flat.baseline).all()


@pytest.mark.parametrize("name", [name for name, one in FEATURE_SETS.items() if len(one.shape) == 1])
def test_every_feature_is_in_exactly_one_batch_of_a_dozen_at_most(name: str) -> None:
    columns = FEATURE_SETS[name].columns
    batches = figures.feature_batches(columns)
    assert sorted(column for batch in batches.values() for column in batch) == sorted(columns)
    assert all(1 <= len(batch) <= 12 for batch in batches.values())


def test_features_that_differ_in_their_number_alone_are_in_one_batch() -> None:
    assert figures.feature_batches(COLUMNS) == {
        "mfcc mean": [f"mfcc{i}_mean" for i in range(5)],
        "mfcc std": [f"mfcc{i}_std" for i in range(5)],
        "single features": ["rms_mean", "zcr_mean"],
    }
    assert list(figures.feature_batches([f"mel{i}_mean" for i in range(20)])) == [
        "mel mean, 1 of 2",
        "mel mean, 2 of 2",
    ]


def test_the_image_of_correlations_is_numpys_matrix() -> None:
    figure = figures.correlation(EXPLORED)
    image = figure.axes[0].images[0]
    expected = np.corrcoef(EXPLORED.features, rowvar=False)
    np.testing.assert_allclose(image.get_array(), expected, atol=1e-9)
    np.testing.assert_allclose(image.get_array(), correlations(EXPLORED.features))
    assert image.get_clim() == (-1, 1)
    assert len(redundant_pairs(EXPLORED.features, COLUMNS)) == 1
    assert "1 of 66 pairs" in words(figure)
    assert "mfcc2_mean and zcr_mean (-1.00)" in words(figure)


def test_names_on_the_image_stand_in_the_middle_of_their_features() -> None:
    axes = figures.correlation(EXPLORED).axes[0]
    assert labels(axes) == ["mfcc mean", "mfcc std", "rms mean", "zcr mean"]
    assert axes.get_xticks().tolist() == axes.get_yticks().tolist() == [2, 7, 10, 11]


def test_features_that_tell_emotions_apart_come_first_beside_what_they_tell_of_speakers() -> None:
    of_emotion = effect_sizes(EXPLORED.features, EMOTION_OF)
    of_speaker = effect_sizes(EXPLORED.features, SPEAKER_OF)
    figure = figures.separation(EXPLORED)
    (axes,) = figure.axes
    names = labels(axes, "y")
    bars = [bar.get_width() for bar in axes.patches]
    assert names[0] == "mfcc0_mean"
    assert bars == sorted(of_emotion, reverse=True)
    assert dict(zip(names, bars, strict=True)) == pytest.approx(dict(zip(COLUMNS, of_emotion, strict=True)))
    drawn = [x for x, _ in points(axes, "D")]
    assert dict(zip(names, drawn, strict=True)) == pytest.approx(
        dict(zip(COLUMNS, of_speaker, strict=True))
    )
    more = np.sum(of_speaker > of_emotion)
    assert f"{more} of 12 features say more about the speaker" in words(figure)


def test_on_the_map_each_clip_is_at_its_place_in_the_colour_of_its_group() -> None:
    figure = figures.clip_map(EXPLORED)
    left, right = figure.axes
    for axes, names, groups in ((left, EMOTIONS, EMOTION_OF), (right, SPEAKERS, SPEAKER_OF)):
        assert len(axes.collections) == len(names)
        for name, drawn in zip(names, axes.collections, strict=True):
            np.testing.assert_array_equal(drawn.get_offsets(), EXPLORED.map[groups == name])
    colours = [to_hex(drawn.get_facecolor()[0]).upper() for drawn in left.collections]
    assert colours == [emotion_style(name).colour for name in EMOTIONS]
    assert len({to_hex(drawn.get_facecolor()[0]) for drawn in right.collections}) == len(SPEAKERS)
    assert [drawn.get_label() for drawn in left.collections] == list(EMOTIONS)
    assert right.get_title(loc="left") == "by speaker (6 voices)"
    for groups in (EMOTION_OF, SPEAKER_OF):
        same, chance = shared_neighbours(EXPLORED.features, groups)
        assert in_percent(same) in words(figure)
        assert f"by chance {in_percent(chance)}" in words(figure)


ODD_CORPORA = {
    "one speaker": make_clips(speakers=("07",)),
    "unknown speakers": make_clips(speakers=("",)),
    "one emotion": make_clips(("happy",)),
    "names of one's own": make_clips(("bliss", "<i>spleen</i> & co", "50 $ fear, 60 $ joy"), takes=2),
    "two clips": make_clips(("happy", "sad"), ("01",), takes=1),
}
OF_CORPORA: dict[str, Callable[[Exploration], Figure]] = {
    "counts": figures.counts,
    "recordings": figures.recordings,
    "levels": figures.levels_by_emotion,
    "map": figures.clip_map,
    "separation": figures.separation,
    "correlation": figures.correlation,
    "violins": lambda explored: figures.violins(explored, ["mfcc0_mean", "rms_mean"]),
    "distributions": lambda explored: figures.distributions(explored, ["mfcc0_mean", "rms_mean"]),
}


@pytest.mark.parametrize("function", OF_CORPORA)
@pytest.mark.parametrize("name", ODD_CORPORA)
def test_odd_corpora_are_drawn_too(name: str, function: str) -> None:
    figure = OF_CORPORA[function](make_exploration(ODD_CORPORA[name]))
    words(draw(figure) if name == "names of one's own" else figure)


def test_features_that_never_change_are_drawn_too() -> None:
    explored = replace(EXPLORED, features=np.full_like(EXPLORED.features, 0.1))
    for function in OF_CORPORA.values():
        words(function(explored))


# --- clips -------------------------------------------------------------------------------------------


def test_the_envelope_has_the_lowest_and_highest_sample_of_each_stretch() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, 1000).astype(np.float32)
    low, high = envelope(Waveform(samples, 1000), 10)
    np.testing.assert_array_equal(low, samples.reshape(10, 100).min(axis=1))
    np.testing.assert_array_equal(high, samples.reshape(10, 100).max(axis=1))
    short = envelope(Waveform(samples[:7], 1000), 10)
    np.testing.assert_array_equal(short, [samples[:7]] * 2)


def test_a_clip_is_drawn_with_the_band_that_sounds_and_the_time_at_which_it_does() -> None:
    rate = 22_050
    time_s = np.arange(2 * rate) / rate
    samples = (0.5 * np.sin(2 * np.pi * 1000 * time_s) * (time_s >= 1)).astype(np.float32)
    figure = figures.waveform_and_mel(Waveform(samples, rate), "#009E73")
    above, below = figure.axes
    outline = above.collections[0].get_paths()[0].vertices
    assert (outline[:, 1].min(), outline[:, 1].max()) == pytest.approx((-0.5, 0.5), abs=0.01)
    assert outline[np.abs(outline[:, 1]) > 0.1][:, 0].min() == pytest.approx(1, abs=0.01)
    decibels = below.images[0].get_array()
    assert decibels.max() == 0
    frame = decibels[:, round(1.5 / 2 * decibels.shape[1])]
    mel = 15 + 27 * np.log(1) / np.log(6.4)  # 1 kHz on Slaney's scale, which ends at 11 kHz
    top = 15 + 27 * np.log(11_025 / 1000) / np.log(6.4)
    assert frame.argmax() == pytest.approx(96 * mel / top, abs=1.5)
    assert decibels[:, : round(0.4 * decibels.shape[1])].max() < -60
    assert below.images[0].get_extent()[1] == pytest.approx(2, abs=0.05)
    assert above.get_xlim() == below.get_xlim() == (0, 2)
    assert "2.0 s" in words(figure)
