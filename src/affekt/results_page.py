"""The page of claims and results, made from their JSON and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from affekt.metrics import METRIC_TITLES

ALL_CLIPS = 2452
_HEAD = """# What five published systems claim, and what comes out

affekt grew from five student projects that classify emotions on RAVDESS. Each is a recipe here, run on its
own terms and on honest ones. `affekt reproduce` wrote this page and every figure in it, from `{json}`.

- **{leaky}**: tested speakers were also trained on, as in all five projects. Such a score says how well
  known voices are recognised.
- **unseen actors**: `by-actor-5`, the five published folds (Luna-Jimenez et al. 2021): nobody is on both
  sides.
- Scores are in %, the mean over the seeds, ± their standard deviation, and in brackets a 95 % interval over
  speakers. Chance is 100 / emotions. Listeners reach about 67 % accuracy on these recordings.
- Time is of training and testing all folds and seeds, on whatever the machine was: a rough figure.
"""
_QUICK = """
> **A quick run**: one seed, and what takes long is cut so short that no figure here means anything.
"""
_PART = """
> **A part of the corpus**: {clips} clips of 2452. "Speech + song" is what there is of both, and readings
> speak of the whole.
"""


def render(results: Mapping[str, Any]) -> str:
    """Markdown for the content of ``results.json``."""
    name = "results-quick.json" if results["quick"] else "results.json"
    parts = [_HEAD.format(json=name, leaky="LEAKY"), _QUICK if results["quick"] else ""]
    parts.append(_PART.format(**results) if results["clips"] != ALL_CLIPS else "")
    parts.append(_overview(results))
    for number, system in results["systems"].items():
        trials = [trial for trial in results["trials"] if trial["system"] == number]
        if trials:
            parts.append(_system(number, system, trials))
    return "\n".join(part for part in parts if part)


def _overview(results: Mapping[str, Any]) -> str:
    lines = [
        "## At a glance",
        "",
        "Accuracy: what is claimed, what comes out on the project's own random split, and for people never "
        "heard.",
        "",
        *_table_head("system", "recipe", "claim", "its own split **LEAKY**", "unseen actors, its material",
                     "unseen actors, speech, 8 emotions"),
    ]  # fmt: skip
    for number, system in results["systems"].items():
        trials = [t for t in results["trials"] if t["system"] == number and t["recipe"] == system["name"]]
        own = next((t for t in trials if t["claims"] and t["protocol"].startswith("random")), None)
        honest = [t for t in trials if not t["evaluation"]["leaky"]]
        if own and len(honest) > 1:
            cells = [number, f"`{system['name']}`", f"{100 * own['claims']['accuracy']:.1f}"]
            cells += [_score(one["evaluation"], "accuracy") for one in (own, honest[0], honest[1])]
            lines.append(_row(cells))
    return "\n".join([*lines, ""])


def _system(number: str, system: Mapping[str, str], trials: list[Any]) -> str:
    lines = [f"## {number}: `{system['name']}`", ""]
    lines += [f"**Claimed:** {system['claim']}.", "", f"**What that was:** {system['audit']}", ""]
    lines += _table_head("recipe", "reading", "protocol", "material", "emotions", "n", "seeds", "claim",
                         *METRIC_TITLES.values(), "time")  # fmt: skip
    for trial in trials:
        scored = trial["evaluation"]
        cells = [f"`{trial['recipe']}`", trial["reading"], _protocol(trial), trial["material"]]
        cells += [len(scored["emotions"]), scored["n"], len(scored["seeds"]), _claims(trial["claims"])]
        cells += [_score(scored, metric) for metric in METRIC_TITLES]
        lines.append(_row([*cells, _time(trial["seconds"])]))
    lines += ["", "Recall by emotion:", "", *_recalls(trials), ""]
    return "\n".join(lines)


def _recalls(trials: list[Any]) -> list[str]:
    emotions = list(dict.fromkeys(e for trial in trials for e in trial["evaluation"]["emotions"]))
    lines = _table_head("recipe", "reading", "protocol", *emotions)
    for trial in trials:
        recalls = {name: one["recall"] for name, one in trial["evaluation"]["per_emotion"].items()}
        cells = [f"`{trial['recipe']}`", trial["reading"], _protocol(trial)]
        lines.append(_row(cells + [f"{100 * recalls[e]:.0f}" if e in recalls else "-" for e in emotions]))
    return lines


def _protocol(trial: Mapping[str, Any]) -> str:
    return f"{trial['protocol']}{' **LEAKY**' if trial['evaluation']['leaky'] else ''}"


def _claims(claims: Mapping[str, float]) -> str:
    return ", ".join(f"{METRIC_TITLES[name]} {100 * value:.1f}" for name, value in claims.items()) or "-"


def _score(scored: Mapping[str, Any], metric: str) -> str:
    low, high = scored["intervals"][metric]
    spread = f" ± {100 * scored['spread'][metric]:.1f}" if len(scored["seeds"]) > 1 else ""
    interval = f" ({100 * low:.1f} - {100 * high:.1f})" if low is not None else ""
    return f"{100 * scored[metric]:.1f}{spread}{interval}"


def _time(seconds: float) -> str:
    return f"{seconds} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _table_head(*titles: str) -> list[str]:
    return [_row(titles), _row(["---"] * len(titles))]


def _row(cells: Any) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"
