"""Draw docs/pictures from docs/results.json and docs/scores, and two pictures of the clips of RAVDESS.

python tools/draw_pictures.py [RAVDESS/]        needs the extra affekt[dev]; with a corpus, minutes
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np

from affekt.corpora.registry import load_corpus
from affekt.evaluation.results import Scores, read_evaluation, read_evaluations
from affekt.experiments.exploration import explore
from affekt.experiments.reproduction_result import Reproduction, read_reproduction
from affekt.features.feature_sets import extract
from affekt.features.voice import COLUMNS
from affekt.reports import figures

mpl.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

DOCS = Path(__file__).parents[1] / "docs"
PICTURES = DOCS / "pictures"
SEEN, UNSEEN = ("seen speakers (leaky)", "#C9CDD2"), ("unseen speakers", "#0072B2")
OWN_RECIPES = ("voice-svm", "affekt-net", "whisper-linear", "affekt-net-2")
REPRODUCED_SEEDS = 5
HUMAN_ACCURACY, CHANCE = 67, 12.5  # %
REFERENCE = "#D55E00"
ENROLLED = (0, 1, 2, 4, 8, 16, 32)
CURVES = {
    "affekt-net-2, clips of any emotion": ("affekt-net-2.enrolment.speech", "#0072B2", "o"),
    "affekt-net-2, neutral clips alone": ("affekt-net-2.enrolment-neutral.speech", "#56B4E9", "s"),
    "whisper-linear, clips of any emotion": ("whisper-linear.enrolment.speech", "#009E73", "D"),
    "voice-svm, clips of any emotion": ("voice-svm.enrolment.speech", "#8A8F94", "^"),
}
CALIBRATED = {
    "unseen speakers of RAVDESS and nEMO": (
        "affekt-net-2.ravdess+nemo.by-actor-5.speech",
        "",
        "#0072B2",
        "o",
    ),
    "EMO-DB": ("bundled.emodb-answers", "all eight emotions allowed", "#009E73", "s"),
    "EmotionTTS": ("bundled.emotiontts_ko-answers", "all eight emotions allowed", "#D55E00", "^"),
}
FLAGGED = {
    "as recorded": "as recorded",
    "white noise, 20 dB": "white noise, 20 dB below the speech",
    "white noise, 10 dB": "white noise, 10 dB",
    "white noise, 0 dB": "white noise, 0 dB",
    "babble, 20 dB": "eight talkers babbling, 20 dB",
    "babble, 10 dB": "eight talkers babbling, 10 dB",
    "telephone": "telephone",
    "MP3, 32 kbit/s": "MP3, 32 kbit/s",
    "reverberation, 0.6 s": "reverberation, 0.6 s",
}
FEWEST_IN_BIN = 10
SPEAKERS = ("01", "02", "03", "04", "05", "06")  # men and women in turn
SHOWN_EMOTIONS = {"calm": "#0072B2", "fearful": "#D55E00"}
Accuracy = tuple[float, float, float]


def score_file(name: str) -> Path:
    """Return the path of a file in docs/scores."""
    return DOCS / "scores" / f"{name}.json"


def accuracy(scores: Scores) -> Accuracy:
    """Return the accuracy and the bounds of its interval, in percent."""
    score = scores.headlines["accuracy"]
    return 100 * score.value, 100 * score.low, 100 * score.high


def read_accuracies() -> dict[str, tuple[Accuracy, Accuracy]]:
    """Return, for each recipe, its accuracy on seen and on unseen speakers."""
    results = read_reproduction(DOCS / "results.json")
    found = {system.name: reproduced(results, number) for number, system in results.systems.items()}
    for recipe in OWN_RECIPES:
        terms = ("random-80-20.speech+song", "by-actor-5.speech")
        seen, unseen = (accuracy(read_evaluation(score_file(f"{recipe}.{one}"))) for one in terms)
        found[f"{recipe} (ours)"] = seen, unseen
    return found


def reproduced(results: Reproduction, number: str) -> tuple[Accuracy, Accuracy]:
    """Return the accuracy of a published system on its own split, and on unseen speakers."""
    trials = [one for one in results.of_system(number) if one.recipe == results.systems[number].name]
    own = next(one for one in trials if len(one.evaluation.by_seed) == REPRODUCED_SEEDS)
    unseen = next(one for one in trials if (one.protocol, one.material) == ("by-actor-5", "speech"))
    return accuracy(own.evaluation), accuracy(unseen.evaluation)


def draw_gap(accuracies: Mapping[str, tuple[Accuracy, Accuracy]]) -> None:
    """Draw the accuracy of each recipe on seen and on unseen speakers."""
    figure, axes = plt.subplots(figsize=(7.4, 4.4), layout="constrained")
    for at, label in ((CHANCE, "chance"), (HUMAN_ACCURACY, "human accuracy")):
        axes.axvline(at, color=REFERENCE, linewidth=1, linestyle=":")
        axes.text(at + 0.6, len(accuracies) - 0.42, label, color=REFERENCE, fontsize=8)
    for row, both in enumerate(accuracies.values()):
        for offset, scores, (label, colour) in zip((0.19, -0.19), both, (SEEN, UNSEEN), strict=True):
            draw_bar(axes, row + offset, scores, label, colour)
    axes.set_yticks(range(len(accuracies)), list(accuracies))
    axes.set_xlim(0, 130)
    axes.set_xticks(range(0, 101, 20))
    axes.set_xlabel("accuracy on RAVDESS, %, with 95 % intervals over speakers")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(PICTURES / "gap.png", dpi=110)


def draw_bar(axes: Axes, y: float, scores: Accuracy, label: str, colour: str) -> None:
    """Draw an accuracy with its interval and its label."""
    value, low, high = scores
    axes.barh(y, value, 0.36, color=colour)
    axes.errorbar(value, y, xerr=[[value - low], [high - value]], color="#333", capsize=3)
    words = axes.text(high + 1.5, y, f"{value:.1f} %  {label}", va="center")
    words.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 1})


def draw_enrolment() -> None:
    """Draw the accuracy after adaptation by the number of unlabelled clips of the speaker."""
    figure, axes = plt.subplots(figsize=(7.4, 4.0), layout="constrained")
    for label, (name, colour, marker) in CURVES.items():
        curve = read_evaluations(score_file(name))
        places = [ENROLLED.index(int(count)) for count in curve]
        values, lows, highs = zip(*map(accuracy, curve.values()), strict=True)
        axes.plot(places, values, color=colour, marker=marker, label=label)
        axes.fill_between(places, lows, highs, color=colour, alpha=0.12, linewidth=0)
    axes.axhline(HUMAN_ACCURACY, color=REFERENCE, linewidth=1, linestyle=":")
    axes.text(
        len(ENROLLED) - 1, HUMAN_ACCURACY + 0.4, "human accuracy", color=REFERENCE, fontsize=8, ha="right"
    )
    axes.set_xticks(range(len(ENROLLED)), [str(count) for count in ENROLLED])
    axes.set_xlabel("unlabelled clips of the speaker that the model was adapted to")
    axes.set_ylabel("accuracy on unseen actors, %")
    axes.grid(axis="y", color="#E6E8EA")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside upper center", ncols=2)
    figure.savefig(PICTURES / "enrolment.png", dpi=110)


def draw_splits() -> None:
    """Draw which clips of which speakers a random split and a split by speaker test."""
    speakers, clips = 10, 20
    by_speaker = np.repeat(np.arange(speakers) % 5 == 4, clips).reshape(speakers, clips)
    random = np.random.default_rng(0).permutation(by_speaker.ravel()).reshape(speakers, clips)
    figure, both = plt.subplots(1, 2, figsize=(7.4, 3.0), layout="constrained")
    titles = ("random split: leaky", "split by speaker")
    for axes, tested, title in zip(both, (random, by_speaker), titles, strict=True):
        for side, colour, label in ((~tested, SEEN[1], "trained on"), (tested, UNSEEN[1], "tested")):
            rows, columns = np.nonzero(side)
            axes.scatter(columns, rows, s=42, marker="s", color=colour, label=label)
        axes.set_title(title, fontsize=10)
        axes.set_yticks(
            range(speakers), [f"speaker {number + 1}" for number in range(speakers)], fontsize=8
        )
        axes.set_xticks([])
        axes.set_xlabel("clips")
        axes.invert_yaxis()
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
    figure.legend(*both[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(PICTURES / "splits.png", dpi=110)


def draw_calibration() -> None:
    """Draw the accuracy of answers by their confidence, on unseen speakers and on unseen corpora."""
    figure, axes = plt.subplots(figsize=(5.2, 4.4), layout="constrained")
    axes.plot(
        (0, 100), (0, 100), color="#333", linewidth=1, linestyle=":", label="confidence equals accuracy"
    )
    for label, (name, condition, colour, marker) in CALIBRATED.items():
        file = score_file(name)
        bins = (read_evaluations(file)[condition] if condition else read_evaluation(file)).reliability
        if bins is None:
            raise ValueError(f"{name} has no bins of confidence: write it again with affekt evaluate")
        full = np.array(bins.count) >= FEWEST_IN_BIN
        confidence, share = 100 * np.array(bins.confidence)[full], 100 * np.array(bins.accuracy)[full]
        axes.plot(confidence, share, color=colour, marker=marker, label=label)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.set_xlabel("confidence, %")
    axes.set_ylabel("accuracy, %")
    axes.grid(color="#E6E8EA")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=8, loc="outside upper center", ncols=2)
    figure.savefig(PICTURES / "calibration.png", dpi=110)


def draw_flagged() -> None:
    """Draw the accuracy on degraded speech, and the share of clips flagged as out of distribution."""
    conditions = read_evaluations(score_file("affekt-net-2.robustness.speech"))
    figure, axes = plt.subplots(figsize=(7.4, 4.2), layout="constrained")
    rows = np.arange(len(FLAGGED))
    shown = [conditions[name] for name in FLAGGED]
    right = [100 * one.headlines["accuracy"].value for one in shown]
    flagged = [100 * (one.out_of_distribution or 0) for one in shown]
    axes.barh(rows - 0.19, right, 0.36, color=UNSEEN[1], label="right, %")
    axes.barh(rows + 0.19, flagged, 0.36, color=REFERENCE, label="flagged as out of distribution, %")
    axes.set_yticks(rows, list(FLAGGED.values()))
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of the speech of unseen actors of RAVDESS")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(frameon=False, fontsize=9, loc="outside upper center", ncols=2)
    figure.savefig(PICTURES / "flagged.png", dpi=110)


def draw_normalisation(corpus: str) -> None:
    """Draw the mean pitch of clips of some speakers and two emotions, as recorded and normalised."""
    clips = [
        clip
        for clip in load_corpus(corpus).clips
        if clip.speaker in SPEAKERS and clip.vocal_channel == "speech"
    ]
    column = COLUMNS.index("f0_semitones_mean")
    pitch = np.array([extract(clip.path, "voice@1")[column] for clip in clips])
    speakers = np.array([clip.speaker for clip in clips])
    normalised = pitch.copy()
    for speaker in SPEAKERS:
        own = speakers == speaker
        normalised[own] = (pitch[own] - pitch[own].mean()) / pitch[own].std()
    figure, both = plt.subplots(1, 2, figsize=(7.4, 3.4), layout="constrained", sharey=True)
    labels = ("mean pitch, semitones above 100 Hz", "the same, normalised by speaker")
    for axes, values, label in zip(both, (pitch, normalised), labels, strict=True):
        for offset, (emotion, colour) in zip((-0.13, 0.13), SHOWN_EMOTIONS.items(), strict=True):
            own = np.array([clip.emotion == emotion for clip in clips])
            rows = np.array([SPEAKERS.index(speaker) for speaker in speakers[own]])
            axes.scatter(values[own], rows + offset, s=16, color=colour, alpha=0.7, label=emotion)
        axes.set_xlabel(label)
        axes.set_yticks(range(len(SPEAKERS)), [f"actor {speaker}" for speaker in SPEAKERS])
        axes.grid(axis="y", color="#E6E8EA")
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*both[0].get_legend_handles_labels(), loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(PICTURES / "normalisation.png", dpi=110)


def main() -> None:
    """Draw all pictures; the two of clips only if a corpus is given."""
    PICTURES.mkdir(exist_ok=True)
    draw_gap(read_accuracies())
    draw_enrolment()
    draw_splits()
    draw_calibration()
    draw_flagged()
    evaluation = read_evaluation(score_file("affekt-net-2.by-actor-5.speech"))
    figures.confusion(evaluation).savefig(PICTURES / "confusion.png", dpi=130)
    for corpus in sys.argv[1:]:
        draw_normalisation(corpus)
        figures.clip_map(explore(corpus)).savefig(PICTURES / "map.png", dpi=90)


if __name__ == "__main__":
    main()
