"""The meter of what is heard now."""

from __future__ import annotations

import numpy as np
import pytest
from rich.cells import cell_len
from tests.reports.terminal.printing import printed

from affekt.inference.events import Measurement, UtteranceEnd, UtteranceStart
from affekt.inference.prediction import Prediction
from affekt.reports.terminal import Meter

EMOTIONS = ("neutral", "surprised")
PREDICTION = Prediction("surprised", 0.8, {"neutral": 0.2, "surprised": 0.8}, ("surprised",), 1.5)


def shown(meter: Meter) -> str:
    return printed(meter)


def test_it_shows_voice_level_time_and_the_last_measurement() -> None:
    meter = Meter(EMOTIONS, 80)
    assert "○ no voice  0:00.0  level ░░░░░░░░░░" in shown(meter)
    meter.add(np.full((16_000, 1), 0.1, np.float32), 16_000)  # -20 dB
    meter.take(UtteranceStart(start_s=0.5))
    meter.take(Measurement(start_s=0.5, end_s=1, probabilities={"neutral": 0.3, "surprised": 0.7}))
    assert "● voice    0:01.0  level ███████░░░" in " ".join(shown(meter).split("\n"))
    assert "neutral    ███░░░░░░░  30%" in shown(meter)
    assert "surprised  ███████░░░  70%" in shown(meter)


def test_an_utterance_that_has_ended_is_a_row() -> None:
    meter = Meter(EMOTIONS, 80)
    meter.take(UtteranceStart(start_s=61))
    row = meter.take(UtteranceEnd(start_s=61, end_s=62.5, prediction=PREDICTION))
    assert row
    text = printed(row)
    assert "1:01.0 – 1:02.5" in text
    assert "surprised" in text
    assert "no voice" in shown(meter)
    failed = meter.take(UtteranceEnd(start_s=63, end_s=64, prediction=None))
    assert failed
    assert "there is no prediction" in printed(failed)


@pytest.mark.parametrize("width", [60, 80])
def test_it_fits_the_terminal(width: int) -> None:
    meter = Meter(EMOTIONS, width)
    assert all(cell_len(line) <= width for line in shown(meter).splitlines())
