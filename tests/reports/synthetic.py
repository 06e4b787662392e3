"""Evaluations and explorations of synthetic clips, and functions that read figures."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from affekt.corpora.base import Clip, Corpus, CorpusCard
from affekt.corpora.check import Recording, compare_with_cards
from affekt.evaluation.results import Evaluation
from affekt.evaluation.scores import TestedClip as Tested  # pytest collects what is called Test...
from affekt.evaluation.summary import summarise_clips
from affekt.experiments.exploration import Exploration
from affekt.features.recording import ClipFacts

EMOTIONS = ("neutral", "happy", "sad", "angry")
SPEAKERS = ("01", "02", "03", "04", "05", "06")
COLUMNS = (
    *(f"mfcc{i}_mean" for i in range(5)),
    *(f"mfcc{i}_std" for i in range(5)),
    "rms_mean",
    "zcr_mean",
)
SET_THRESHOLD = 0.2
MALICIOUS_NAMES = (
    "<script>alert(1)<b>.wav",
    '"><img src=x onerror=alert(2)>.wav',
    "&lt;tame&gt; {{ 7 * 7 }}.wav",
)
MALICIOUS_EMOTION = "<i>sly</i>"


def make_clips(
    emotions: Sequence[str] = EMOTIONS,
    speakers: Sequence[str] = SPEAKERS,
    *,
    repetitions: int = 5,
    corpus: str = "own",
) -> list[Clip]:
    """Clips with all labels; with the emotion alone where the speaker is ``""``."""
    return [
        Clip(
            path=Path(f"{speaker}-{emotion}-{i}.wav"), emotion=emotion, speaker=speaker, corpus=corpus,
            sex=("female", "male")[int(speaker) % 2] if speaker else "",
            intensity=("normal", "strong")[i % 2] if speaker else "",
            statement=("kids", "dogs")[i % 2] if speaker else "",
        )
        for speaker in speakers
        for emotion in emotions
        for i in range(repetitions)
    ]  # fmt: skip


def make_evaluation(
    emotions: Sequence[str] = EMOTIONS,
    speakers: Sequence[str] = SPEAKERS,
    *,
    seeds: int = 1,
    skill: float = 1.2,
    leaky: bool = False,
    corpora: Sequence[str] = ("own",),
    calibrated: bool = False,
    **about: Any,
) -> Evaluation:
    """Random predictions, more of them correct and more confident with more ``skill``."""
    rng = np.random.default_rng(round(10 * skill))
    tested = []
    for seed in range(seeds):
        for clip in (clip for corpus in corpora for clip in make_clips(emotions, speakers, corpus=corpus)):
            odds = np.exp(rng.standard_normal(len(emotions)) + skill * (np.array(emotions) == clip.emotion))
            tested.append(_predict(clip, seed, emotions, odds / odds.sum(), calibrated=calibrated))
    return summarise(tested, tuple(emotions), leaky=leaky, **{"corpus": "+".join(corpora), **about})


def _predict(
    clip: Clip, seed: int, emotions: Sequence[str], probabilities: NDArray[np.float64], *, calibrated: bool
) -> Tested:
    order = np.argsort(-probabilities)
    count = max(1, int((probabilities >= SET_THRESHOLD).sum()))
    return Tested(
        clip=clip,
        seed=seed,
        fold=0,
        predicted=emotions[order[0]],
        probabilities=tuple(probabilities.tolist()),
        prediction_set=tuple(emotions[i] for i in order[:count]) if calibrated else (),
        out_of_distribution=bool(probabilities[0] > 0.6) if calibrated else None,
    )


def summarise(
    tested: Sequence[Tested], emotions: tuple[str, ...] = EMOTIONS, *, leaky: bool = False, **about: Any
) -> Evaluation:
    """Summarise predictions; ``about`` replaces fields that are no figures."""
    protocol = "random-80-20" if leaky else "by-actor-5"
    label = f"{protocol} (LEAKY: tested speakers were trained on)" if leaky else protocol
    defaults = {
        "corpus": "own", "recipe": "own", "protocol": protocol, "protocol_label": label, "leaky": leaky,
        "speakers_overlap": leaky, "excluded": (),
    }  # fmt: skip
    return summarise_clips(tested, emotions, **{**defaults, **about})


EVALUATION = make_evaluation()
LEAKY = make_evaluation(leaky=True, skill=2.5)


def labels_of(evaluation: Evaluation) -> tuple[list[str], list[str]]:
    """True and predicted emotion of each clip."""
    return [one.clip.emotion for one in evaluation.tested], [one.predicted for one in evaluation.tested]


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
            voice_share=0.6,
            longest_voice_s=1.0,
            pitch_hz=float(rng.uniform(90, 250)),
            brightness_hz=1500.0,
        )
        for i, clip in enumerate(clips)
    )


def make_exploration(clips: Sequence[Clip] = (), columns: Sequence[str] = COLUMNS) -> Exploration:
    """Noise; emotions differ in the first column, speakers in the second, and two columns are alike."""
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
        check=compare_with_cards(corpus, [(clip, Recording(str(clip.path))) for clip in clips]),
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


def draw(figure: Figure) -> Figure:
    """Draw it completely, as a page does."""
    figure.savefig(io.BytesIO(), format="svg")
    return figure


def drawn(figure: Figure | None) -> Figure:
    """The figure, which must be there."""
    assert figure is not None
    return figure


def caption(figure: Figure | None) -> str:
    """The caption of a figure; every figure has one."""
    text = str(drawn(figure).get_label())
    assert text.strip()
    return text


def tick_labels(axes: Axes, which: str = "x") -> list[str]:
    ticks = axes.get_xticklabels() if which == "x" else axes.get_yticklabels()
    return [tick.get_text() for tick in ticks]


def coordinates(line: Line2D) -> NDArray[np.float64]:
    """Shape (points, 2)."""
    return np.column_stack([np.asarray(line.get_xdata(), float), np.asarray(line.get_ydata(), float)])


def points(axes: Axes, marker: str) -> list[tuple[float, float]]:
    """The points of the lines with this marker; entries of a legend have none."""
    return [
        (float(x), float(y))
        for line in axes.get_lines()
        if line.get_marker() == marker
        for x, y in coordinates(line)
    ]


def bars(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def widths(axes: Axes) -> list[float]:
    return [float(bar.get_width()) for bar in bars(axes)]


def heights(axes: Axes) -> list[float]:
    return [float(bar.get_height()) for bar in bars(axes)]


def interval_bars(axes: Axes) -> list[tuple[float, ...]]:
    """Lower and upper bound of each interval."""
    return [tuple(coordinates(line)[:, 0]) for line in axes.get_lines() if line.get_linewidth() == 5]


def image(axes: Axes) -> NDArray[np.float64]:
    """The values of the image that the axes show."""
    return np.asarray(axes.images[0].get_array(), float)
