"""The lines about what carries each emotion."""

from __future__ import annotations

from tests.reports.terminal.printing import printed

from affekt.experiments.explanations import Carriers
from affekt.reports.terminal import carriers

SAD = Carriers(
    emotion="sad",
    clips=3,
    times=(0.1, 0.2, 0.9, 0.0, -1.0),
    changes={"slower": 0.21, "faster": -0.3, "lower pitch": 0.01},
    cues={"tempo": -0.6, "jitter": 0.1},
)


def test_what_stands_out_is_named_the_largest_first() -> None:
    lines = printed(carriers([SAD]), width=120).splitlines()
    assert lines[1:5] == [
        "sad (3 clips)",
        "  time: most from 40 to 60% of the clip (+0.90)",
        "  changes: faster -30, slower +21",
        "  cues: tempo -0.60",
    ]


def test_an_emotion_that_nothing_carries_says_so() -> None:
    nothing = Carriers(emotion="sad", clips=1, times=(0.0,) * 5, changes={}, cues={})
    assert printed(carriers([nothing]), width=120).count("none stands out") == 2
