"""Which method finds a piece of an angry clip in a neutral one, of the same actor.

    python benchmarks/explanations.py ravdess [--clips 200] [--masks 300] [--model FILE.onnx]

In each recording, 400 ms of the voice of a neutral clip are replaced by the loudest 400 ms of an angry clip
of the same actor, at the level of that clip, with fades of 10 ms. Each method rates the segments for
``angry``. Their AUC is the probability that a segment of the piece is rated above another one; a segment is
of the piece if at least half of it is. Segments without a voice are left out of the score, because they
are easily told apart. The methods:

- ridge: the effects of ``explain``; and without the weighted mean of neighbouring segments.
- random forest: of the same masked versions, the mean difference between its answers with the segment and
  without it.
- occlusion: the difference between the log-odds of the recording, and without the segment alone.
- random: a rating by chance.

``top`` is how often the segment that is rated highest is one of the piece. ``stability`` is the rank
correlation of the effects with those of other masks, segments and bands together. ``time`` is of the
methods alone, so that ridge and forest include the masks. The interval takes recordings for independent,
although speakers recur. Give a model that was not trained on the corpus, or say that it was.
"""

from __future__ import annotations

import argparse
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr
from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import roc_auc_score

from affekt.audio.activity import FRAME_S, VOICE_PROBABILITY, voice_activity
from affekt.audio.loading import Waveform, load_audio
from affekt.corpora.base import Clip
from affekt.corpora.registry import load_corpus
from affekt.inference.explanation import MASKS, answer_masks, fit_ridge, log_odds
from affekt.inference.masks import FADE_S, MaskedSound, Masks
from affekt.model.bundle import Bundle, load
from affekt.support.progress import track

RATE, PIECE_S = 16_000, 0.4
PLANTED, HOST = "angry", "neutral"
TREES = 200
Ratings = NDArray[np.float64]


def voiced_samples(waveform: Waveform) -> NDArray[np.bool_]:
    """Whether each sample is in a frame with a voice."""
    voiced = voice_activity(waveform) > VOICE_PROBABILITY
    return np.repeat(voiced, round(FRAME_S * RATE))[: len(waveform.samples)]


def plant(host: Clip, angry: Clip, rng: np.random.Generator) -> tuple[Waveform, float] | None:
    """Return the recording, and the start of the piece in seconds; None if there is too little voice."""
    waveform, other = load_audio(host.path, RATE), load_audio(angry.path, RATE).samples
    size, fade = round(PIECE_S * RATE), round(FADE_S * RATE)
    energy = np.convolve(np.square(other), np.ones(size), mode="valid")
    first = int(energy.argmax())
    share = np.convolve(voiced_samples(waveform).astype(float), np.ones(size) / size, mode="valid")
    places = np.flatnonzero(share > 0.9)
    if not len(places):
        return None
    start = int(rng.choice(places))
    ramp = (0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / fade)).astype(np.float32)
    gain = np.concatenate([ramp, np.ones(size - 2 * fade, np.float32), ramp[::-1]])
    samples = waveform.samples.copy()
    samples[start : start + size] *= 1 - gain
    samples[start : start + size] += gain * other[first : first + size]
    return Waveform(samples, RATE), start / RATE


def planted_segments(sound: MaskedSound, start_s: float) -> NDArray[np.bool_]:
    """Whether at least half of each segment is of the piece."""
    starts, ends = sound.segments.T
    inside = np.minimum(ends, start_s + PIECE_S) - np.maximum(starts, start_s)
    return np.asarray(inside >= (ends - starts) / 2)


def voiced_segments(sound: MaskedSound, waveform: Waveform) -> NDArray[np.bool_]:
    """Whether at least half of each segment has a voice."""
    voiced = voiced_samples(waveform)
    edges = (sound.segments * RATE).round().astype(int)
    return np.array([voiced[first:last].mean() >= 0.5 for first, last in edges])


def answered_odds(sound: MaskedSound, kept: Masks, bundle: Bundle) -> tuple[Masks, Ratings]:
    """The masks whose versions are not silent, and the log-odds of these versions."""
    answers = answer_masks(sound, kept, bundle, None, bundle.contract.emotions)
    answered = np.array([one is not None for one in answers])
    return kept[answered], np.array([log_odds(one[0], PLANTED) for one in answers if one is not None])


def rate_with_forest(kept: Masks, odds: Ratings) -> Ratings:
    """The mean difference of the forest's answers with each part and without it."""
    forest = RandomForestRegressor(TREES, min_samples_leaf=3, max_features=1 / 3, random_state=0)
    forest.fit(kept, odds)
    effects = np.empty(kept.shape[1])
    for part in range(kept.shape[1]):
        heard, left_out = kept.copy(), kept.copy()
        heard[:, part], left_out[:, part] = True, False
        effects[part] = np.mean(forest.predict(heard) - forest.predict(left_out))
    return effects


def rate_by_occlusion(sound: MaskedSound, bundle: Bundle) -> Ratings:
    """The log-odds of the recording less those without each segment alone; 0 where that is silent."""
    parts = len(sound.segments) + len(sound.bands)
    kept = np.ones((1 + len(sound.segments), parts), bool)
    kept[1 + np.arange(len(sound.segments)), np.arange(len(sound.segments))] = False
    answers = answer_masks(sound, kept, bundle, None, bundle.contract.emotions)
    odds = np.array([np.nan if one is None else log_odds(one[0], PLANTED) for one in answers])
    return np.asarray(np.nan_to_num(odds[0] - odds[1:]))


def rate_segments(
    sound: MaskedSound, bundle: Bundle, masks: int, seed: int
) -> tuple[dict[str, Ratings], dict[str, float], dict[str, float]]:
    """Return the ratings of each method, its time in seconds, and the stability of those with masks."""
    count, rng = len(sound.segments), np.random.default_rng(seed)
    start = time.perf_counter()
    kept, odds = answered_odds(sound, sound.draw(masks, 2 * seed), bundle)
    masks_s = time.perf_counter() - start
    other_kept, other_odds = answered_odds(sound, sound.draw(masks, 2 * seed + 1), bundle)
    ratings, times, stability = {}, {}, {}
    for name, rate in (
        ("ridge", lambda kept, odds: fit_ridge(kept, odds, count).effects),
        ("ridge, not smooth", lambda kept, odds: fit_ridge(kept, odds).effects),
        ("random forest", rate_with_forest),
    ):
        start = time.perf_counter()
        effects = rate(kept, odds)
        times[name] = masks_s + time.perf_counter() - start
        stability[name] = float(spearmanr(effects, rate(other_kept, other_odds)).statistic)
        ratings[name] = effects[:count]
    start = time.perf_counter()
    ratings["occlusion"] = rate_by_occlusion(sound, bundle)
    times["occlusion"] = time.perf_counter() - start
    ratings["random"] = rng.random(count)
    return ratings, times, stability


def recordings(clips: list[Clip], count: int, rng: np.random.Generator) -> list[tuple[Clip, Clip]]:
    """Draw pairs of a neutral and an angry clip of one speaker, the speakers in turn."""
    by_speaker: dict[str, dict[str, list[Clip]]] = defaultdict(lambda: defaultdict(list))
    for clip in clips:
        by_speaker[clip.speaker][clip.emotion].append(clip)
    usable = [one for one in by_speaker.values() if one[HOST] and one[PLANTED]]
    if not usable:
        raise SystemExit(f"no speaker has clips of {HOST} and of {PLANTED}")
    pairs = []
    for i in range(count):
        own = usable[i % len(usable)]
        pairs.append(
            (own[HOST][rng.integers(len(own[HOST]))], own[PLANTED][rng.integers(len(own[PLANTED]))])
        )
    return pairs


def main() -> None:
    """Plant the pieces, and print a row for each method."""
    parser = argparse.ArgumentParser()
    parser.add_argument("corpus")
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--masks", type=int, default=MASKS)
    parser.add_argument("--model", type=Path)
    asked = parser.parse_args()
    bundle, corpus, rng = load(asked.model), load_corpus(asked.corpus), np.random.default_rng(0)
    clips = [clip for clip in corpus.clips if clip.vocal_channel == "speech"]
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    used = 0
    for host, angry in track(recordings(clips, asked.clips, rng), "recordings", asked.clips):
        planted = plant(host, angry, rng)
        if planted is None:
            continue
        waveform, start_s = planted
        sound = MaskedSound(load_audio(waveform, bundle.contract.sample_rate))
        truth, voiced = planted_segments(sound, start_s), voiced_segments(sound, waveform)
        scored = truth | voiced
        if not truth.any() or truth[scored].all():
            continue
        ratings, times, stability = rate_segments(sound, bundle, asked.masks, used)
        used += 1
        for name, rating in ratings.items():
            found[name]["AUC"].append(float(roc_auc_score(truth[scored], rating[scored])))
            found[name]["top"].append(float(truth[scored][rating[scored].argmax()]))
        for measure, values in (("time", times), ("stability", stability)):
            for name, value in values.items():
                found[name][measure].append(value)
    table = Table("", "AUC", "95 % of the mean", "top", "stability", "time")
    for name, one in found.items():
        auc = np.array(one["AUC"])
        half = 1.96 * auc.std(ddof=1) / np.sqrt(len(auc)) if len(auc) > 1 else np.nan
        table.add_row(
            name, f"{auc.mean():.3f}", f"± {half:.3f}", f"{np.mean(one['top']):.0%}",
            f"{np.mean(one['stability']):.2f}" if one["stability"] else "",
            f"{np.median(one['time']):.1f} s" if one["time"] else "",
        )  # fmt: skip
    console = Console()
    console.print(f"{used} recordings of {corpus.name}, {asked.masks} masks each")
    console.print(table)


if __name__ == "__main__":
    main()
