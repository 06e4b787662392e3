"""What to cite: BibTeX of affekt, of corpora, of published folds and of the networks that are built in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from affekt.corpora.registry import load_corpus
from affekt.errors import CorpusError, MissingExtraError, UnknownNameError
from affekt.evaluation.result_values import read_json
from affekt.model.bundle import load
from affekt.recipes import find_recipe
from affekt.support.versions import installed_versions

REFERENCES = Path(__file__).with_name("references.bib")
SOFTWARE = "affekt"
CORPORA = {
    "ravdess": "livingstone2018ravdess",
    "emodb": "burkhardt2005emodb",
    "nemo": "christop2024nemo",
    "cremad": "cao2014cremad",
    "tess": "pichorafuller2020tess",
    "savee": "haq2010savee",
    "emovo": "costantini2014emovo",
    "emotiontts": "selvas2020emotiontts",
    "emobox": "ma2024emobox",
}
"""Name of a corpus -> the key of its entry in ``references.bib``."""
FOLDS = {"by-actor-5": "lunajimenez2021folds", "emobox-6": "ma2024emobox"}
"""Protocol -> the paper that published its folds of RAVDESS."""
NETWORKS = {"whisper": "radford2022whisper", "silero-vad": "silerovad"}


@dataclass(frozen=True)
class Citations:
    """BibTeX entries, and names of corpora for which no publication is known."""

    bibtex: str
    unknown: tuple[str, ...] = ()


def cite(what: Sequence[str] = (), protocol: str | None = None) -> Citations:
    """Return the entries for what was used, that of affekt first.

    Parameters
    ----------
    what
        Corpora by name or path, networks by name (``whisper``, ``silero-vad``), model files, and results
        in JSON; without any, and without a protocol, everything that affekt knows.
    protocol
        Its published folds are cited, if it has any.

    Raises
    ------
    UnknownNameError, CorpusError, BundleError
        There is no such corpus, or a file is neither a result nor a model.
    """
    found = _Found()
    if not what and protocol is None:
        found.keys.update(dict.fromkeys([*CORPORA.values(), *FOLDS.values(), *NETWORKS.values()]))
    for one in what:
        found.add(one)
    if protocol:
        found.add_protocol(protocol, of_ravdess=not what or "ravdess" in found.corpora)
    own = _entries()[SOFTWARE].replace(
        "VERSION", ", ".join([installed_versions()["affekt"], *found.models])
    )
    entries = [own, *(_entries()[key] for key in found.keys), *found.others]
    return Citations("\n\n".join(entries), tuple(found.unknown))


class _Found:
    """What is to be cited: keys of ``references.bib``, and entries that are not in it."""

    def __init__(self) -> None:
        self.keys: dict[str, None] = {}
        self.corpora: list[str] = []
        self.others: list[str] = []
        self.models: list[str] = []
        self.unknown: list[str] = []

    def add(self, what: str) -> None:
        """Add one thing that was used."""
        path, name = Path(what), what.lower()
        if path.is_file() and path.suffix.lower() == ".json":
            for result in _results(read_json(path), what):
                self._add_result(result)
        elif path.is_file() and path.suffix.lower() == ".onnx":
            contract = load(path).contract
            self.models.append(f"model of sha256 {contract.sha256}")
            for corpus in contract.corpora:
                self._add_corpus(corpus.name, corpus.citation)
            self._add_features(contract.features)
        elif name in CORPORA:
            self._add_corpus(name)
        elif name in NETWORKS:
            self.keys[NETWORKS[name]] = None
        elif path.exists():
            found = load_corpus(path)
            for card in found.cards:
                self._add_corpus(card.name if card.citation else found.name)
        elif name != SOFTWARE:
            raise UnknownNameError("corpus, file or network", what, [*CORPORA, *NETWORKS])

    def _add_result(self, result: Mapping[str, Any]) -> None:
        provenance = result.get("provenance") or {}
        corpora = provenance.get("corpora") if isinstance(provenance, dict) else None
        names = [*map(str, corpora if isinstance(corpora, dict) else result["corpus"].split("+"))]
        if not isinstance(provenance, dict):
            provenance = {}
        for name in names:
            self._add_corpus(name)
        bundled = load(None).contract
        if provenance.get("model_sha256") == bundled.sha256:
            for corpus in bundled.corpora:
                self._add_corpus(corpus.name, corpus.citation)
        self._add_features(str(provenance.get("features") or _features_of(str(result.get("recipe", "")))))
        self.add_protocol(result["protocol"], of_ravdess="ravdess" in names)

    def _add_corpus(self, name: str, citation: str = "") -> None:
        self.corpora.append(name)
        if name in CORPORA:
            self.keys[CORPORA[name]] = None
        elif citation:
            key = f"corpus{len(self.others) + 1}"
            title, note = _bibtex_text(name), _bibtex_text(citation)
            self.others.append(f"@misc{{{key},\n  title = {{{title}}},\n  note = {{{note}}}\n}}")
        elif name not in self.unknown:
            self.unknown.append(name)

    def _add_features(self, features: str) -> None:
        """Add the networks that a feature set computes with; those of encoders are of the voice alone."""
        if features.startswith("whisper"):
            self.keys[NETWORKS["whisper"]] = None
            self.keys[NETWORKS["silero-vad"]] = None

    def add_protocol(self, name: str, *, of_ravdess: bool) -> None:
        """Add the paper of published folds, where they were used."""
        if of_ravdess and name in FOLDS:
            self.keys[FOLDS[name]] = None


def _bibtex_text(text: str) -> str:
    """A text that names no command and ends no field, as model files of others hold it."""
    plain = " ".join(re.sub(r"[{}\\\\]", "", text).split())
    escaped = re.sub(r"([&%$#_])", r"\\\1", plain)
    return escaped.replace("^", r"\textasciicircum{}").replace("~", r"\textasciitilde{}")


def _results(values: Mapping[str, Any], file: str) -> Iterator[Mapping[str, Any]]:
    """The evaluations of a file: one, or one for each condition."""
    found: Iterable[Any] = [values] if "protocol" in values or not values else values.values()
    for one in found:
        texts = [one.get("corpus"), one.get("protocol")] if isinstance(one, dict) else [None]
        if not all(isinstance(text, str) for text in texts):
            raise CorpusError(f"{file} holds no evaluation: give a file that --json-out wrote")
        yield one


def _features_of(recipe: str) -> str:
    """The feature set of a recipe; empty if it is none of affekt's."""
    try:
        return find_recipe(recipe).features
    except (UnknownNameError, MissingExtraError):
        return ""


@cache
def _entries() -> dict[str, str]:
    text = REFERENCES.read_text(encoding="utf-8").strip()
    return {
        match[1]: match[0] for match in re.finditer(r"^@\w+\{(\w+),.*?^\}$", text, re.MULTILINE | re.DOTALL)
    }
