"""One HTML page, all in one file, about a corpus or about a score."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import numpy as np
import soundfile
from matplotlib.figure import Figure

from affekt import figures
from affekt.audio import load_audio
from affekt.comparison import COMPARED, Comparison
from affekt.emotions import emotion_style
from affekt.errors import AffektError
from affekt.evaluation import Evaluation, TestedClip
from affekt.exploration import Exploration, effect_sizes, redundant_pairs, standardise
from affekt.figures.style import in_percent
from affekt.metrics import Score
from affekt.progress import progress_bar
from affekt.writing import whole_file

Shown = TypeVar("Shown")
SOUND_RATE = 22_050  # MP3 knows it, and a voice has little above 11 kHz
SHOWN_MISTAKES = 8
SHOWN_ROWS = 30
SHOWN_VIOLINS = 6
PIXELS_PER_INCH = 130


@dataclass(frozen=True, kw_only=True)
class Part:
    """One thing on the page: a picture, maybe with a sound; a table; or a list."""

    title: str = ""
    text: str = ""
    image: str = ""
    sound: str = ""
    header: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()
    items: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading, some text, and what stands below; each part is made when its turn comes."""

    title: str
    text: Sequence[str] = ()
    makers: Sequence[Callable[[], Part | None]] = ()
    parts: Sequence[Part] = ()


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the template fills in."""

    title: str
    badge: str = ""
    warns: bool = False
    lead: Sequence[str] = ()
    tiles: Sequence[tuple[str, str]] = ()
    sections: Sequence[Section] = field(default_factory=list)


def write_report(
    result: Exploration | Evaluation | Comparison,
    file: str | os.PathLike[str],
    *,
    progress: bool = False,
) -> None:
    """Write a page that opens from disk in any browser and needs no network.

    Parameters
    ----------
    result
        What ``explore``, ``evaluate`` or ``compare`` gave. ``evaluate(..., for_report=True)`` finds out
        more to show.
    file
        Where to write it.
    progress
        Show a bar while the pictures are drawn.
    """
    if isinstance(result, Exploration):
        page = _corpus_page(result)
    elif isinstance(result, Comparison):
        page = _comparison_page(result)
    else:
        page = _score_page(result)
    html = _fill(page, progress)
    with whole_file(Path(file)) as open_file:
        open_file.write(html)


def _fill(page: Page, progress: bool) -> str:
    from jinja2 import Environment, FileSystemLoader

    sections = []
    with progress_bar("drawing", sum(len(one.makers) for one in page.sections), shown=progress) as advance:
        for section in page.sections:
            advance(section.title.lower(), steps=0)
            parts = []
            for make in section.makers:
                parts.append(make())
                advance()
            found = [part for part in parts if part is not None]
            if found:
                sections.append(Section(title=section.title, text=section.text, parts=found))
    template = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, trim_blocks=True
    ).get_template("report.html")
    filled = Page(**{**vars(page), "sections": sections})
    return template.render(page=filled, version=version("affekt"))


def _picture_of(
    result: Shown, draw: Callable[[Shown], Figure | None], title: str = "", *, raster: bool = False
) -> Callable[[], Part | None]:
    """What draws a picture of the result when its turn comes."""
    return partial(_picture, partial(draw, result), title, raster=raster)


def _picture(
    draw: Callable[[], Figure | None], title: str = "", sound: str = "", *, raster: bool = False
) -> Part | None:
    figure = draw()
    if figure is None:
        return None
    file = io.BytesIO()
    if raster:  # many thousand shapes are smaller as pixels
        figure.savefig(file, format="png", dpi=PIXELS_PER_INCH)
        image = _embed(file.getvalue(), "image/png")
    else:
        figure.savefig(file, format="svg", metadata={"Date": None})
        image = _embed(file.getvalue(), "image/svg+xml")
    return Part(title=title, text=str(figure.get_label()), image=image, sound=sound)


def _embed(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _sound(path: Path) -> str:
    """A clip as MP3, which every browser plays, about 8 kB a second."""
    heard = load_audio(path, SOUND_RATE)
    file = io.BytesIO()
    loudest = np.abs(heard.samples).max()
    soundfile.write(file, heard.samples / max(1.0, loudest), SOUND_RATE, format="MP3")
    return _embed(file.getvalue(), "audio/mpeg")


def _corpus_page(found: Exploration) -> Page:
    corpus = found.corpus
    draw = partial(_picture_of, found)
    voices = {clip.speaker_id for clip in found.clips} - {""}
    seconds = sum(one.duration_s for one in found.facts)
    best = _most_separating(found)
    return Page(
        title=f"The corpus {corpus.name}",
        lead=[
            line
            for card in corpus.cards
            for line in (card.title, f"Licence: {card.licence}. {card.citation}".strip())
        ],
        tiles=[
            (str(len(found.clips)), "clips that can be used"),
            (str(len(voices)) if voices else "?", "speakers" if voices else "speakers, nobody knows"),
            (str(len(corpus.emotions)), "emotions"),
            (_duration(seconds), "of sound"),
        ],
        sections=[
            Section(title="What is in it", makers=[draw(figures.counts), lambda: _problems(found)]),
            Section(
                title="How it was recorded",
                makers=[draw(figures.recordings), draw(figures.levels_by_emotion)],
            ),
            Section(
                title="Emotions or voices?",
                text=[
                    f"Each clip is described by {len(found.columns)} features ({found.feature_set}). If "
                    "clips lie together because one person says them, a model tested on known voices looks "
                    "better than it is."
                ],
                makers=[draw(figures.clip_map, raster=True), draw(figures.separation)],
            ),
            Section(
                title="Its features",
                makers=[
                    draw(partial(figures.violins, columns=best), "The most telling ones"),
                    *(
                        draw(partial(figures.distributions, columns=batch), name)
                        for name, batch in figures.feature_batches(found.columns).items()
                    ),
                    draw(figures.correlation, "Which say the same"),
                    lambda: _redundant(found),
                ],
            ),
            Section(
                title="What it sounds like",
                text=["Of each emotion, the clip whose features are nearest to its average."],
                makers=[partial(_example, found, emotion) for emotion in corpus.emotions],
            ),
        ],
    )  # fmt: skip


def _most_separating(found: Exploration) -> list[str]:
    sizes = effect_sizes(found.features, found.values("emotion"))
    return [found.columns[i] for i in np.argsort(-sizes, kind="stable")[:SHOWN_VIOLINS]]


def _problems(found: Exploration) -> Part:
    check = found.check
    problems = [f"missing: {name}" for name in check.missing]
    problems += [f"no clip of {channel} is there" for channel in check.absent_channels]
    problems += [f"too many: {text}" for text in check.surplus]
    problems += [f"its name tells no emotion: {path}" for path in check.misnamed]
    problems += [f"cannot be used: {why}" for _, why in check.unusable]
    problems += [
        f"the same audio under several names: {', '.join(str(path) for path in group)}"
        for group in check.identical
    ]
    if not problems:
        return Part(title="Problems", items=["none: every clip can be used, and no two are identical"])
    more = len(problems) - SHOWN_ROWS
    return Part(
        title=f"Problems: {len(problems)}",
        items=problems[:SHOWN_ROWS] + ([f"and {more} more: affekt corpora check"] if more > 0 else []),
    )


def _redundant(found: Exploration) -> Part | None:
    pairs = redundant_pairs(found.features, found.columns)
    if not pairs:
        return None
    closest = f", the closest {SHOWN_ROWS} of {len(pairs)}" if len(pairs) > SHOWN_ROWS else ""
    return Part(
        text=f"Redundant pairs{closest}",
        header=("feature", "and", "correlation"),
        rows=[(one, other, f"{r:+.3f}") for one, other, r in pairs[:SHOWN_ROWS]],
    )


def _example(found: Exploration, emotion: str) -> Part | None:
    """The most typical clip: nearest to the mean of its emotion."""
    own = np.flatnonzero(found.values("emotion") == emotion)
    if not len(own):
        return None
    table = standardise(found.features)[own]
    clip = found.clips[own[np.argmin(((table - table.mean(axis=0)) ** 2).sum(axis=1))]]
    style = emotion_style(emotion)
    return _recording(clip.path, f"{style.emoji} {emotion}: {clip.path.name}", style.colour)


def _recording(path: Path, title: str, colour: str) -> Part | None:
    """A clip to see and to hear; or why not, as it may be gone by now."""
    try:
        draw = partial(figures.waveform_and_mel, load_audio(path), colour)
        return _picture(draw, title, _sound(path), raster=True)
    except AffektError as error:
        return Part(title=title, items=[str(error)])


def _score_page(result: Evaluation) -> Page:
    over = "speakers" if result.slices["speaker"] else "clips, as nobody knows who speaks"
    lead = [
        f"{result.n} clips of {len(result.slices['speaker']) or 'unknown'} speakers in {result.corpus}, "
        f"{len(result.emotions)} emotions, {len(result.by_seed)} seed{'s' * (len(result.by_seed) > 1)}. "
        f"Intervals are 95 %, over {over}."
    ]
    if result.leaky:
        lead.append("This is no score on unseen voices: compare it with by-actor-5.")
    picture = partial(_picture_of, result)
    return Page(
        title=f"{result.recipe} on {result.corpus}",
        badge=result.protocol_label,
        warns=result.leaky,
        lead=lead,
        tiles=[
            *(
                (in_percent(result.headlines[name].value), f"{label} ({_interval(result, name)})")
                for name, label in (("accuracy", "accuracy"), ("uar", "UAR, unweighted average recall"))
            ),
            (in_percent(result.chance), "chance"),
            (in_percent(result.majority), "always the most frequent"),
            *_listeners(result),
        ],
        sections=[
            Section(
                title="How good is it?",
                makers=[
                    picture(figures.headlines),
                    lambda: _headline_table(result),
                ],
            ),
            Section(
                title="Which emotions?",
                makers=[
                    picture(figures.emotions),
                    lambda: _emotion_table(result),
                    picture(figures.confusion, "What is taken for what"),
                ],
            ),
            Section(
                title="On whom?",
                makers=[picture(figures.speakers), picture(figures.slices)],
            ),
            Section(
                title="How far to trust it?",
                makers=[
                    picture(figures.calibration, "Confidence against accuracy"),
                    picture(figures.coverage, "If the least certain are set aside"),
                ],
            ),
            Section(title="How it learnt", makers=[picture(figures.histories)]),
            Section(title="What it listens to", makers=[picture(figures.importances)]),
            Section(
                title="Where it is surely wrong",
                text=["The mistakes of which it was most certain. Listen: what would you have said?"],
                makers=[partial(_mistake, result, one) for one in _worst_mistakes(result)],
            ),
            Section(title="Left out", makers=[lambda: _excluded(result)]),
        ],
    )  # fmt: skip


def _listeners(result: Evaluation) -> list[tuple[str, str]]:
    if result.listeners is None:
        return []
    share, source = result.listeners
    return [(in_percent(share), f"listeners, {source}")]


def _interval(result: Evaluation, name: str) -> str:
    return _bounds(result.headlines[name])


def _bounds(score: Score) -> str:
    return f"{100 * score.low:.1f} to {100 * score.high:.1f}" if np.isfinite(score.low) else "no interval"


def _headline_table(result: Evaluation) -> Part:
    both = [one for one in (result, result.counterpart) if one is not None]
    both.sort(key=lambda one: one.leaky)
    titles = {"accuracy": "accuracy", "uar": "UAR", "macro_f1": "macro F1"}
    titles |= {"weighted_f1": "weighted F1", "weighted_f2": "weighted F2"}
    header = ["", *(f"{one.protocol}{' LEAKY' if one.leaky else ''}, {one.n} clips" for one in both)]
    rows = [
        [title, *(f"{in_percent(one.headlines[name].value)} ({_interval(one, name)})" for one in both)]
        for name, title in titles.items()
    ]
    if len(both) == 2:
        header.append("difference")
        for row, name in zip(rows, titles, strict=True):
            gap = both[1].headlines[name].value - both[0].headlines[name].value
            row.append(f"{100 * gap:+.1f}")
    return Part(header=header, rows=rows)


def _emotion_table(result: Evaluation) -> Part:
    rows = [
        [
            f"{emotion_style(name).emoji} {name}",
            *(in_percent(value) for value in (one.precision, one.recall, one.f1)),
            str(one.support),
        ]
        for name, one in result.per_emotion.items()
    ]
    return Part(header=("emotion", "precision", "recall", "F1", "clips"), rows=rows)


def _worst_mistakes(result: Evaluation) -> list[TestedClip]:
    """The surest wrong answers, each clip once."""
    wrong = [one for one in result.tested if one.answer != one.clip.emotion]
    wrong.sort(key=lambda one: -max(one.probabilities))
    surest: dict[Path, TestedClip] = {}
    for one in wrong:
        surest.setdefault(one.clip.path, one)
    return list(surest.values())[:SHOWN_MISTAKES]


def _mistake(result: Evaluation, one: TestedClip) -> Part | None:
    sure = one.probabilities[result.emotions.index(one.answer)]
    title = (
        f"{one.clip.emotion}, heard as {emotion_style(one.answer).emoji} {one.answer} ({sure:.0%} sure): "
        f"{one.clip.path.name}"
    )
    return _recording(one.clip.path, title, emotion_style(one.answer).colour)


def _excluded(result: Evaluation) -> Part | None:
    reasons = [why if path in why else f"{path}: {why}" for path, why in result.excluded]
    more = [f"and {len(reasons) - SHOWN_ROWS} more"] if len(reasons) > SHOWN_ROWS else []
    return Part(items=reasons[:SHOWN_ROWS] + more) if reasons else None


def _comparison_page(result: Comparison) -> Page:
    lead = [
        f"{result.n} clips of {result.speakers or 'unknown'} speakers, chance {in_percent(result.chance)}. "
        "Intervals are 95 %, over speakers, who are drawn for all recipes at once."
    ]
    return Page(
        title=", ".join(result.scores),
        badge=result.protocol_label,
        warns=result.leaky,
        lead=lead,
        sections=[
            Section(title="Side by side", makers=[lambda: _scores_table(result)]),
            Section(
                title="Do they differ?",
                makers=[
                    partial(_picture, partial(_draw_differences, result, metric)) for metric in COMPARED
                ],
            ),
        ],
    )


def _scores_table(result: Comparison) -> Part:
    rows = []
    for name, headlines in result.scores.items():
        shown = [headlines[metric] for metric in COMPARED]
        rows.append([name, *(f"{in_percent(one.value)} ({_bounds(one)})" for one in shown)])
    return Part(header=("recipe", "accuracy", "UAR"), rows=rows)


def _draw_differences(result: Comparison, metric: str) -> Figure:
    pairs = {
        f"{one.better} > {one.worse}": (one.value, one.low, one.high)
        for one in result.differences
        if one.metric == metric
    }
    return figures.differences(pairs, {"uar": "UAR"}.get(metric, metric))


def _duration(seconds: float) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min" if minutes else f"{seconds:.0f} s"
