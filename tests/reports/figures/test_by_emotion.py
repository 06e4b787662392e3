"""The confusion matrix and the scores by emotion: each test reads the numbers back from the axes."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from sklearn.metrics import confusion_matrix
from sklearn.metrics import precision_recall_fscore_support as by_class
from tests.reports.synthetic import (
    EMOTIONS,
    EVALUATION,
    bars,
    caption,
    draw,
    image,
    labels_of,
    make_evaluation,
    points,
    summarise,
    tick_labels,
    widths,
)

from affekt.emotions import emotion_style
from affekt.reports import figures
from affekt.reports.figures.style import in_percent


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_matrix_drawn_is_the_matrix_scored(seeds: int) -> None:
    evaluation = make_evaluation(seeds=seeds)
    true, predicted = labels_of(evaluation)
    expected = confusion_matrix(true, predicted, labels=list(EMOTIONS))
    rates = confusion_matrix(true, predicted, labels=list(EMOTIONS), normalize="true")
    (left,), (right,) = figures.confusion(evaluation).axes, figures.confusion_counts(evaluation).axes
    for axes, texts in ((left, [f"{100 * rate:.0f}" for rate in rates.flat]), (right, expected.flat)):
        np.testing.assert_allclose(image(axes), rates)
        assert axes.images[0].get_clim() == (0, 1)
        assert (tick_labels(axes), tick_labels(axes, "y")) == ([*EMOTIONS], [*EMOTIONS])
        shown = {text.get_position(): text.get_text() for text in axes.texts}
        cells = [(column, row) for row in range(4) for column in range(4)]
        assert shown == dict(zip(cells, map(str, texts), strict=True))
    assert right.get_title(loc="left") == ("clips" if seeds == 1 else "clips, 3 seeds")


def test_rows_are_true_and_columns_predicted_emotions() -> None:
    left = figures.confusion(EVALUATION).axes[0]
    assert (left.get_xlabel(), left.get_ylabel()) == ("predicted", "true")
    low, high = sorted(left.get_ylim())
    assert left.get_ylim() == (high, low)  # the first emotion is in the first row


def test_the_most_frequent_confusion_is_named() -> None:
    rates = confusion_matrix(*labels_of(EVALUATION), labels=list(EMOTIONS), normalize="true")
    np.fill_diagonal(rates, 0)
    row, column = np.unravel_index(rates.argmax(), rates.shape)
    expected = (
        f"{in_percent(rates[row, column])} of the {EMOTIONS[row]} clips are predicted as {EMOTIONS[column]}"
    )
    assert expected in caption(figures.confusion(EVALUATION))


def test_without_errors_no_confusion_is_named() -> None:
    perfect = make_evaluation(skill=50)
    assert perfect.headlines["accuracy"].value == 1
    text = caption(figures.confusion(perfect))
    assert "are predicted as" not in text
    assert "There are no errors" in text


def test_an_emotion_without_clips_has_a_row_of_zeros_and_no_bar() -> None:
    partial = summarise([one for one in EVALUATION.tested if one.clip.emotion != "sad"])
    assert (image(figures.confusion(partial).axes[0])[2] == 0).all()
    shown = [name.split(",")[0] for name in tick_labels(figures.emotions(partial).axes[0], "y")]
    assert shown == ["neutral", "happy", "angry"]


def test_bars_of_emotions_are_recalls_and_marks_precision_and_f1() -> None:
    precision, recall, f1, support = by_class(*labels_of(EVALUATION), labels=list(EMOTIONS))
    figure = figures.emotions(EVALUATION, target=0.5)
    (axes,) = figure.axes
    assert widths(axes) == pytest.approx(recall)
    assert [bar.get_y() + bar.get_height() / 2 for bar in bars(axes)] == pytest.approx(range(4))
    assert [to_hex(bar.get_facecolor()).upper() for bar in bars(axes)] == [
        emotion_style(name).colour for name in EMOTIONS
    ]
    np.testing.assert_allclose(points(axes, "D"), np.column_stack([precision, range(4)]))
    np.testing.assert_allclose(points(axes, "|"), np.column_stack([f1, range(4)]))
    assert tick_labels(axes, "y") == [f"{name}, {n}" for name, n in zip(EMOTIONS, support, strict=True)]
    above = [name for name, share in zip(EMOTIONS, recall, strict=True) if share >= 0.5]
    assert 0 < len(above) < 4
    assert f"student projects: {', '.join(above)}." in caption(figure)
    assert f"highest for {EMOTIONS[recall.argmax()]} ({in_percent(recall.max())})" in caption(figure)
    assert f"lowest for {EMOTIONS[recall.argmin()]} ({in_percent(recall.min())})" in caption(figure)


MANY = ("neutral", "calm", "happy", "sad", "angry", "a rather long name of an emotion", "fearful", "bored")


@pytest.mark.parametrize("emotions", [MANY, (*MANY, "disgust", "surprised", "contempt", "embarrassed")])
def test_cells_are_large_enough_for_their_numbers_whatever_the_names_and_their_number(
    emotions: tuple[str, ...],
) -> None:
    figure = draw(figures.confusion(make_evaluation(emotions)))
    for axes in figure.axes:
        box = axes.get_window_extent()
        assert box.width / len(emotions) > 20 / 72 * figure.dpi
        assert box.height / len(emotions) > 14 / 72 * figure.dpi
        assert "a rather long n…" in tick_labels(axes)
