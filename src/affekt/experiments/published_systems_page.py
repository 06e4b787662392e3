"""The page of claims and results, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from affekt.evaluation.results import Scores
from affekt.experiments.published_systems import Claim
from affekt.experiments.reproduction_result import Reproduction, TrialResult
from affekt.metrics import METRIC_TITLES

ALL_CLIPS = 2452
_HEAD = """# What five published systems claim, and what comes out

affekt began with five student projects that classify emotions on RAVDESS. Each is a recipe here, evaluated
as the project did, and on unseen speakers. `affekt reproduce` wrote this page and every figure in it, from
`{json}`.

- **{leaky}**: tested speakers were also trained on, as in all five projects. Such a score says how well
  the emotions of seen speakers are recognised.
- **unseen actors**: `by-actor-5`, the five published folds (Luna-Jimenez et al. 2021): no speaker is both
  trained on and tested.
- Scores are in %: the mean over the seeds, ± their standard deviation, and in brackets a 95 % interval over
  speakers. Chance is 100 / emotions. Human accuracy on these recordings is about 67 %.
- Time is that of training and testing all folds and seeds on one machine: a rough figure.
"""
_QUICK = """
> **A quick run**: one seed, and training is cut so short that no figure here means anything.
"""
_PART = """
> **A part of the corpus**: {clips} clips of 2452. "Speech + song" means all clips of both, and readings
> describe the whole corpus.
"""


def render(results: Reproduction) -> str:
    """Return the page as Markdown."""
    name = "results-quick.json" if results.quick else "results.json"
    parts = [_HEAD.format(json=name, leaky="LEAKY"), _QUICK if results.quick else ""]
    parts.append(_PART.format(clips=results.clips) if results.clips != ALL_CLIPS else "")
    parts.append(_overview(results))
    parts += [
        _system(system, trials)
        for number, system in results.systems.items()
        if (trials := results.of_system(number))
    ]
    return "\n".join(part for part in parts if part)


def _overview(results: Reproduction) -> str:
    lines = [
        "## At a glance",
        "",
        "Accuracy: what is claimed, what is reached on the project's own random split, and on unseen "
        "speakers.",
        "",
        *_table_head("system", "recipe", "claim", "its own split **LEAKY**", "unseen actors, its material",
                     "unseen actors, speech, 8 emotions"),
    ]  # fmt: skip
    for number, system in results.systems.items():
        trials = [trial for trial in results.of_system(number) if trial.recipe == system.name]
        own = next((t for t in trials if t.claims and t.protocol.startswith("random")), None)
        honest = [t for t in trials if not t.evaluation.leaky]
        if own and len(honest) > 1:
            cells = [number, f"`{system.name}`", f"{100 * own.claims['accuracy']:.1f}"]
            cells += [_score(one.evaluation, "accuracy") for one in (own, honest[0], honest[1])]
            lines.append(_row(cells))
    return "\n".join([*lines, ""])


def _system(system: Claim, trials: Sequence[TrialResult]) -> str:
    lines = [f"## {system.number}: `{system.name}`", ""]
    lines += [f"**Claimed:** {system.claim}.", "", f"**What that was:** {system.audit}", ""]
    lines += _table_head("recipe", "reading", "protocol", "material", "emotions", "n", "seeds", "claim",
                         *METRIC_TITLES.values(), "time")  # fmt: skip
    for trial in trials:
        scored = trial.evaluation
        cells: list[object] = [f"`{trial.recipe}`", trial.reading, _protocol(trial), trial.material]
        cells += [len(scored.emotions), scored.n, len(scored.by_seed), _claims(trial.claims)]
        cells += [_score(scored, metric) for metric in METRIC_TITLES]
        lines.append(_row([*cells, _time(trial.seconds)]))
    lines += ["", "Recall by emotion:", "", *_recalls(trials), ""]
    return "\n".join(lines)


def _recalls(trials: Sequence[TrialResult]) -> list[str]:
    emotions = list(dict.fromkeys(e for trial in trials for e in trial.evaluation.emotions))
    lines = _table_head("recipe", "reading", "protocol", *emotions)
    for trial in trials:
        recalls = {name: one.recall for name, one in trial.evaluation.per_emotion.items()}
        cells = [f"`{trial.recipe}`", trial.reading, _protocol(trial)]
        lines.append(_row(cells + [f"{100 * recalls[e]:.0f}" if e in recalls else "-" for e in emotions]))
    return lines


def _protocol(trial: TrialResult) -> str:
    return f"{trial.protocol}{' **LEAKY**' if trial.evaluation.leaky else ''}"


def _claims(claims: Mapping[str, float]) -> str:
    return ", ".join(f"{METRIC_TITLES[name]} {100 * value:.1f}" for name, value in claims.items()) or "-"


def _score(scored: Scores, metric: str) -> str:
    score = scored.headlines[metric]
    spread = f" ± {100 * score.spread:.1f}" if len(scored.by_seed) > 1 else ""
    return f"{100 * score.value:.1f}{spread}{score.in_brackets}"


def _time(seconds: float) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _table_head(*titles: str) -> list[str]:
    return [_row(titles), _row(["---"] * len(titles))]


def _row(cells: Iterable[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
