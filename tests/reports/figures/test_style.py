"""All figures have the same width, a caption, and are shown in notebooks."""

from __future__ import annotations

import base64
import re

import numpy as np
import pytest

from affekt.reports.figures.style import WIDTH_INCHES, caption, in_percent, new_figure


def test_a_figure_has_the_width_of_a_page_and_a_grid_of_axes() -> None:
    figure, axes = new_figure(2.0, 3, 2)
    assert figure.get_size_inches().tolist() == [WIDTH_INCHES, 2.0]
    assert axes.shape == (3, 2)


def test_the_repr_of_a_figure_is_one_short_line_with_the_start_of_its_caption() -> None:
    figure = caption(new_figure(2.0)[0], "Accuracy is 66 %.\n" + 40 * "More is said. ")
    assert repr(figure).startswith("<Figure: Accuracy is 66 %. More")
    assert "\n" not in repr(figure)
    assert len(repr(figure)) < 85


def test_a_notebook_shows_the_figure_with_its_caption_as_alternative_text() -> None:
    figure = caption(new_figure(1.0)[0], 'Of "a" & <b>')
    html = figure._repr_html_()
    assert html.count("Of &quot;a&quot; &amp; &lt;b&gt;") == 2
    (image,) = re.findall(r'src="data:image/png;base64,([^"]+)"', html)
    assert base64.b64decode(image, validate=True).startswith(b"\x89PNG")
    assert figure._repr_png_().startswith(b"\x89PNG")


def test_dollar_signs_in_names_are_no_formulas() -> None:
    figure, ((axes,),) = new_figure(1.0)
    axes.set_xlabel("50 $ and \\frac 60 $")
    caption(figure, "-").to_png()
    assert not axes.xaxis.label.get_parse_math()


@pytest.mark.parametrize(("share", "text"), [(0.4234, "42.3\xa0%"), (1.0, "100.0\xa0%"), (np.nan, "-")])
def test_a_share_is_written_in_percent(share: float, text: str) -> None:
    assert in_percent(share) == text
