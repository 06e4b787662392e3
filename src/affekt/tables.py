"""What the command line shows: results as rich tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from affekt.emotions import emotion_style
from affekt.metrics import METRIC_TITLES, Score

if TYPE_CHECKING:  # a table of predictions must not cost the imports of a table of scores
    from affekt.bundle import Bundle
    from affekt.comparison import Comparison
    from affekt.corpus import CorpusCard
    from affekt.corpus_check import CorpusCheck
    from affekt.evaluation import Evaluation, SliceScore
    from affekt.features import FeatureSet
    from affekt.prediction import Answer, Prediction
    from affekt.recipe import Recipe

_BAR_CELLS = 10
_LISTED = 10
_SLICED = 4  # of more values than this, the worst and the best are shown


def predictions(answers: Iterable[Answer]) -> Table:
    """A row for each input: what was heard, how sure, and what else it could be."""
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    table.add_column("file", overflow="fold", ratio=1)
    table.add_column("emotion", no_wrap=True)
    table.add_column("confidence", no_wrap=True)
    table.add_column("next", no_wrap=True)
    table.add_column("length", justify="right", no_wrap=True)
    answers = list(answers)
    folder = _common_folder([answer.source for answer in answers])
    if folder:
        table.columns[0].header = Text(f"file in {folder}")
    for answer in answers:
        table.add_row(*_prediction_row(answer, folder))
    return table


def _common_folder(sources: Sequence[str]) -> str:
    """The folder that all of many files lie in; it is named once instead of in each row."""
    folders = {str(Path(source).parent) for source in sources}
    return folders.pop() if len(folders) == 1 and len(sources) > 1 and folders != {"."} else ""


def _prediction_row(answer: Answer, folder: str) -> list[RenderableType]:
    name = Path(answer.source).name if folder else answer.source
    if answer.prediction is None:
        reason = str(answer.error).replace(answer.source, Path(answer.source).name)
        return [Text.assemble((name, "red"), (f"\n  {reason}", "dim")), Text("✗ error", "red")]
    heard = answer.prediction
    style = emotion_style(heard.emotion)
    return [
        Text.assemble(name, *((f"\n  {note}", "dim") for note in _remarkable(heard.notes))),
        Text(f"{style.emoji} {heard.emotion}", f"bold {style.colour}"),
        Text(f"{bar(heard.confidence)} {heard.confidence:4.0%}", style.colour),
        _runner_up(heard),
        f"{heard.duration_s:.1f} s",
    ]


def _remarkable(notes: Iterable[str]) -> list[str]:
    """Notes that a reader of the table wants; what holds for nearly all clips is nothing to remark."""
    return [note for note in notes if not note.startswith(("resampled", "used to"))]


def _runner_up(heard: Prediction) -> str:
    others = {name: p for name, p in heard.probabilities.items() if name != heard.emotion}
    if not others:
        return ""
    second = max(others, key=lambda name: others[name])
    return f"{'unsure: ' if heard.unsure else ''}{second} {others[second]:.0%}"


def bar(share: float) -> str:
    """A share as a bar of ten cells."""
    full = round(share * _BAR_CELLS)
    return "█" * full + "░" * (_BAR_CELLS - full)


def evaluation(result: Evaluation) -> Group:
    """Headlines with intervals, emotions, confusion matrix and slices."""
    parts: list[RenderableType] = [_headline_text(result), _headlines(result), "", _emotions(result)]
    parts += ["", confusion(result), "", _trust(result)]
    slices = _slices(result)
    parts += ["", slices] if slices.row_count else []
    known = {name: one.own for name, one in result.importances.items() if one.own == one.own}
    if known:
        foremost = sorted(known, key=lambda name: -known[name])[:_LISTED]
        named = ", ".join(f"{name} {known[name]:.1%}" for name in foremost)
        parts += ["", Text(f"most important features: {named}")]
    if result.excluded:
        reasons = [why if path in why else f"{path}: {why}" for path, why in result.excluded]
        more = [f"and {len(reasons) - _LISTED} more"] if len(reasons) > _LISTED else []
        parts += ["", _listing("left out", reasons[:_LISTED] + more, "yellow", len(reasons))]
    return Group(*parts)


def _headline_text(result: Evaluation) -> Text:
    text = Text.assemble(
        (f"{result.recipe} on {result.corpus}", "bold"),
        ", ",
        (result.protocol_label, "bold red" if result.leaky else "bold green"),
        f"\n{result.n} clips of {len(result.slices['speaker']) or 'unknown'} speakers, "
        f"{len(result.emotions)} emotions; chance {result.chance:.1%}, "
        f"always the most frequent {result.majority:.1%}; "
        f"{len(result.by_seed)} seed{'s' * (len(result.by_seed) > 1)}\n",
    )
    if result.leaky:
        text.append("This is no score on unseen voices: compare it with by-actor-5.\n", "red")
    return text


def _trust(result: Evaluation) -> Text:
    text = Text(f"expected calibration error {result.ece:.1%}")
    if found := result.likely:
        text.append(
            f"\nlikely emotions: {found.size:.1f} on average, with the truth among them in "
            f"{found.coverage:.1%} (by speaker {min(found.by_speaker.values()):.0%} to "
            f"{max(found.by_speaker.values()):.0%}); one alone in {found.alone:.0%}"
        )
        if found.alone:
            text.append(f", right in {found.alone_accuracy:.1%} of these")
    return text


def _headlines(result: Evaluation) -> Table:
    over = "speakers" if result.slices["speaker"] else "clips"
    table = _plain_table("", "score", f"95 % over {over}", "± over seeds")
    for name, score in result.headlines.items():
        spread = f"{score.spread:.1%}" if len(result.by_seed) > 1 else "-"
        table.add_row(METRIC_TITLES[name], Text(f"{score.value:.1%}", "bold"), interval(score), spread)
    return table


def interval(score: Score) -> str:
    """The bounds of a score in percent, or a dash where there is no interval."""
    return f"{100 * score.low:.1f} - {100 * score.high:.1f}" if score.low == score.low else "-"


def _emotions(result: Evaluation) -> Table:
    table = _plain_table("emotion", "recall", "precision", "F1", "clips")
    for name, score in result.per_emotion.items():
        if not score.support:
            continue
        style = emotion_style(name)
        table.add_row(
            Text(f"{style.emoji} {name}", style.colour),
            Text(f"{bar(score.recall)} {score.recall:4.0%}", style.colour),
            f"{score.precision:.0%}",
            f"{score.f1:.0%}",
            str(score.support),
        )
    return table


def confusion(result: Evaluation) -> Table:
    """The confusion matrix in percent of each row; the fuller, the more often."""
    table = _plain_table("was ╲ heard as, %", *result.emotions)
    for name, row in zip(result.emotions, result.confusion_matrix, strict=True):
        total = int(row.sum())
        if not total:
            continue
        cells = [
            Text(f"{100 * count / total:.0f}", "bold reverse" if other == name else _shade(count / total))
            for other, count in zip(result.emotions, row, strict=True)
        ]
        table.add_row(Text(name, emotion_style(name).colour), *cells)
    return table


def _shade(share: float) -> str:
    return "bold" if share >= 0.2 else "" if share >= 0.05 else "dim"


def _slices(result: Evaluation) -> Table:
    table = _plain_table("slice", "clips", "accuracy", "UAR")
    for field, scores in result.slices.items():
        shown = list(scores.items())
        if field == "speaker" or len(shown) > _SLICED:
            shown = [(f"worst {field}, {name}", score) for name, score in shown[:1]] + [
                (f"best {field}, {name}", score) for name, score in shown[1:][-1:]
            ]
        elif len(shown) > 1:
            shown = [(f"{field}: {name}", score) for name, score in shown]
        else:
            continue
        for name, score in shown:
            table.add_row(Text(name), *_slice_cells(score))
    return table


def _slice_cells(score: SliceScore) -> list[str]:
    return [str(score.n), f"{score.accuracy:.1%}", f"{score.uar:.1%}"]


def comparison(result: Comparison) -> Group:
    """Scores side by side, the best first, then every pair and whether it really differs."""
    about = Text.assemble(
        (result.protocol_label, "bold red" if result.leaky else "bold green"),
        f"\n{result.n} clips of {result.speakers or 'unknown'} speakers, chance {result.chance:.1%}\n",
    )
    scores = _plain_table("recipe", "accuracy", "95 % over speakers", "UAR", "95 % over speakers")
    for name, headlines in result.scores.items():
        scores.add_row(Text(name, "bold cyan"), *_score_cells(headlines))
    pairs = _plain_table("better than", "metric", "points", "95 % over speakers", "")
    for one in result.differences:
        verdict = Text("leaves out 0", "green") if one.real else Text("may be chance", "yellow")
        bounds = f"{100 * one.low:+.1f} to {100 * one.high:+.1f}" if one.low == one.low else "-"
        pairs.add_row(
            Text.assemble((one.better, "bold"), " > ", one.worse),
            METRIC_TITLES[one.metric], f"{100 * one.value:+.1f}", bounds, verdict,
        )  # fmt: skip
    more = Text(
        f"\n{len(result.differences)} differences; of many, some leave out 0 by accident: intervals are "
        "not corrected for that",
        "dim",
    )
    return Group(about, scores, "", pairs, more)


def _score_cells(headlines: Mapping[str, Score]) -> list[str]:
    shown = headlines["accuracy"], headlines["uar"]
    return [cell for score in shown for cell in (f"{score.value:.1%}", interval(score))]


def scores(title: str, found: Mapping[Any, Evaluation], repeated: str) -> Group:
    """Scores of a recipe by what was changed, which the title names; the first is as it was."""
    first = next(iter(found.values()))
    times = len(first.by_seed)
    about = Text.assemble(
        (first.protocol, "bold green"),
        f"\n{first.recipe}: {first.n} clips of {len(first.by_speaker)} speakers, mean of "
        f"{times} {repeated}{'s' * (times != 1)}, chance {first.chance:.1%}\n",
    )
    table = _plain_table(title, "accuracy", "95 % over speakers", "UAR", "95 % over speakers")
    for name, one in found.items():
        table.add_row(Text(str(name), "bold cyan"), *_score_cells(one.headlines))
    return Group(about, table)


def model(bundle: Bundle) -> Table:
    """A model's contract."""
    contract, scores = bundle.contract, bundle.contract.scores
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("model", escape(bundle.name))
    table.add_row("emotions", Text(" ".join(f"{emotion_style(e).emoji} {e}" for e in contract.emotions)))
    table.add_row("features", f"{contract.features}, from {_rate(contract.sample_rate)}")
    table.add_row("recipe", f"{contract.recipe}, seed {contract.seed}")
    for corpus in contract.corpora:
        table.add_row(
            "trained on",
            f"{escape(corpus.name)}: {corpus.clips} clips, {len(corpus.speakers)} speakers "
            f"({', '.join([*corpus.speakers, *(['unknown ones'] if corpus.unknown_speakers else [])])})",
        )
        table.add_row("licence", escape(corpus.licence))
        if corpus.citation:
            table.add_row("", Text(corpus.citation, "dim"))
    table.add_row("protocol", Text(scores.protocol_label, "red" if scores.leaky else "green"))
    table.add_row("", f"{scores.n} clips, {len(contract.emotions)} emotions, chance {scores.chance:.1%}")
    for name, title in METRIC_TITLES.items():
        score = scores.headlines[name]
        table.add_row(title, f"{score.value:.1%} (95 %: {interval(score)})")
    table.add_row("parity", f"{contract.parity:.1e} between graph and estimator, on real clips")
    table.add_row("made with", ", ".join(f"{name} {number}" for name, number in contract.versions.items()))
    table.add_row("sha256", f"{contract.sha256} (checked, contract included)")
    return table


def _rate(sample_rate: int | None) -> str:
    return f"{sample_rate} Hz" if sample_rate else "the clip's own rate"


def feature_sets(sets: Iterable[FeatureSet]) -> Group:
    """The feature sets, and what each gives."""
    lines = []
    for one in sets:
        rows = {0: "", None: "any number of frames x "}.get(one.frames, f"{one.frames} frames x ")
        shape = f"{rows}{len(one.columns)} columns, from {_rate(one.sample_rate)}"
        lines.append(_entry(one.name, shape, [one.source]))
    return Group(*lines)


def corpora(cards: Iterable[CorpusCard]) -> Group:
    """The corpora that can be read."""
    lines = []
    for card in cards:
        facts = [f"{count} clips of {channel}" for channel, count in card.counts.items()]
        facts += [f"{card.speakers} speakers"] if card.speakers else []
        fetch = f"affekt corpora download {card.name} --to DIR" if card.archives else ""
        details = [", ".join(facts), card.licence, card.address, fetch]
        lines.append(_entry(card.name, card.title, details))
    return Group(*lines)


def recipes(known: Iterable[Recipe]) -> Group:
    """The recipes, and what their sources claim."""
    from affekt.protocols import PROTOCOLS

    lines = []
    for recipe in known:
        claims = ", ".join(f"{METRIC_TITLES[name]} {value:.1%}" for name, value in recipe.claims.items())
        details = [f"features: {recipe.features}", f"from: {recipe.source}"]
        details += [f"claims: {claims}, {PROTOCOLS[recipe.claims_protocol].label}"] if claims else []
        lines.append(_entry(recipe.name, recipe.summary, details))
    return Group(*lines)


def reproduction(results: Mapping[str, Any]) -> Table:
    """Claims beside results."""
    table = _plain_table("recipe", "reading", "protocol", "material", "n", "claim", "accuracy", "UAR")
    for trial in results["trials"]:
        scored = trial["evaluation"]
        claim = trial["claims"].get("accuracy")
        table.add_row(
            Text(trial["recipe"], "bold cyan"),
            Text(trial["reading"]),
            Text(f"{trial['protocol']}{' LEAKY' * scored['leaky']}", "red" if scored["leaky"] else "green"),
            Text(trial["material"]),
            str(scored["n"]),
            f"{claim:.1%}" if claim else "-",
            Text(f"{scored['accuracy']:.1%}", "bold"),
            f"{scored['uar']:.1%}",
        )
    return table


def _entry(name: str, title: str, details: Iterable[str]) -> Text:
    text = Text.assemble((name, "bold cyan"), f"  {title}\n")
    for detail in filter(None, details):
        text.append(f"    {detail}\n", "dim")
    return text


def corpus_check(check: CorpusCheck) -> Group:
    """Counts against the card, then every problem by name."""
    corpus = check.corpus
    parts: list[RenderableType] = []
    for card in corpus.cards:
        parts += [Text(card.title, "bold"), f"licence: {card.licence}"]
        parts += [f"cite: {card.citation}", ""] if card.citation else [""]
    parts.append(_counts(corpus.count("channel"), "channel", _expected(corpus.cards, "counts")))
    speakers = corpus.count("speaker")
    expected = sum(card.speakers for card in corpus.cards)
    known = {name: count for name, count in speakers.items() if name}
    verdict = "" if not expected else f" of {expected} expected" + (" ✓" if len(known) == expected else "")
    parts += ["", _counts(corpus.count("emotion"), "emotion", _expected(corpus.cards, "emotions"))]
    parts += ["", f"{len(known)} speakers{verdict}"]
    if known:
        parts.append(Text(", ".join(f"{name}: {count}" for name, count in known.items()), "dim"))
    if speakers.get(""):
        parts.append(Text(f"{speakers['']} clips of unknown speakers", "yellow"))
    for channel in check.absent_channels:
        parts.append(Text(f"no clip of {channel} is there", "yellow"))
    parts += [
        "",
        _listing("missing", check.missing, "red"),
        _listing("too many", check.surplus, "red"),
        _listing("misnamed", [str(path) for path in check.misnamed], "red"),
        _listing("unusable", [why for _, why in check.unusable], "red"),
        _listing(
            "identical audio under different names",
            [" = ".join(str(path) for path in group) for group in check.identical],
            "yellow",
        ),
        "",
        Text("✓ every clip can be used", "green")
        if check.sound
        else Text(f"✗ {len(check.missing)} missing, {len(check.unusable)} unusable, see above", "red"),
    ]
    return Group(*parts)


def _expected(cards: Sequence[CorpusCard], field: str) -> Mapping[str, int]:
    return dict(getattr(cards[0], field)) if len(cards) == 1 else {}


def _counts(found: Mapping[str, int], what: str, expected: Mapping[str, int]) -> Table:
    table = _plain_table(what, "clips", *(["expected", ""] if expected else []))
    for name in {**expected, **found}:
        cells: list[Any] = [Text(name), str(found.get(name, 0))]
        if expected:
            right = found.get(name, 0) == expected.get(name)
            cells += [str(expected.get(name, "-")), Text("✓", "green") if right else Text("!", "yellow")]
        table.add_row(*cells)
    return table


def _listing(title: str, items: Sequence[str], style: str, count: int | None = None) -> Text:
    if not items:
        return Text.assemble(("✓ ", "green"), f"{title}: none")
    mark = "✗" if style == "red" else "!"
    return Text(
        "\n".join([f"{mark} {title}: {count or len(items)}", *(f"  {item}" for item in items)]), style
    )


def _plain_table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold dim")
    for i, column in enumerate(columns):
        table.add_column(Text(column), justify="right" if i else "left")
    return table
