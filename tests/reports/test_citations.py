"""What is cited: everything that a result or a model used, and nothing that is not known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from affekt.corpora.registry import READERS
from affekt.errors import CorpusError, UnknownNameError
from affekt.evaluation.protocols import PROTOCOLS
from affekt.model.bundle import DEFAULT_MODEL
from affekt.reports.citations import CORPORA, FOLDS, NETWORKS, REFERENCES, _bibtex_text, cite

SCORES = Path(__file__).parents[2] / "docs" / "scores"
BIBTEX = REFERENCES.read_text(encoding="utf-8")
ENTRIES = {text.split("{")[1].split(",")[0]: text for text in BIBTEX.split("\n\n")}


def keys(bibtex: str) -> list[str]:
    return re.findall(r"^@\w+\{(\w+),", bibtex, re.MULTILINE)


def words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.replace("--", "-").replace("{", "").replace("}", "").lower()))


@pytest.mark.parametrize("name", [name for name, reader in READERS.items() if reader.card.citation])
def test_the_entry_of_a_corpus_has_the_facts_of_its_card(name: str) -> None:
    entry, citation = ENTRIES[CORPORA[name]], READERS[name].card.citation
    year = re.search(r"\((\d{4})\)", citation)
    assert year
    assert f"year = {{{year[1]}}}" in entry
    title = citation.split("). ", 1)[1].split(". ")[0]
    assert words(title) <= words(entry)
    surnames = re.findall(r"([A-Z][\w-]+) [A-Z]{1,3}\b", citation.split(" (")[0])
    assert all(surname in entry for surname in surnames)
    if doi := re.search(r"doi\.org/(\S+\w)", citation):
        assert f"doi = {{{doi[1]}}}" in entry


def test_every_entry_is_well_formed_and_used() -> None:
    for entry in ENTRIES.values():
        assert entry.count("{") == entry.count("}")
        assert {"author", "title"} <= set(re.findall(r"^  (\w+) = \{", entry, re.MULTILINE))
    assert set(keys(BIBTEX)) == {"affekt", *CORPORA.values(), *FOLDS.values(), *NETWORKS.values()}
    assert FOLDS.keys() <= PROTOCOLS.keys()


def test_without_anything_named_everything_is_cited_once() -> None:
    found = keys(cite().bibtex)
    assert sorted(found) == sorted(ENTRIES)
    assert found[0] == "affekt"


def test_published_folds_are_cited_with_the_corpus_that_they_are_of() -> None:
    named = ["affekt", "livingstone2018ravdess", "lunajimenez2021folds"]
    assert keys(cite(["RAVDESS"], "by-actor-5").bibtex) == named
    assert keys(cite(["emodb"], "by-actor-5").bibtex) == ["affekt", "burkhardt2005emodb"]


def test_of_a_model_file_its_corpora_and_networks_are_cited() -> None:
    found = cite([str(DEFAULT_MODEL)])
    assert keys(found.bibtex)[1:] == [
        "livingstone2018ravdess", "christop2024nemo", "radford2022whisper", "silerovad",
    ]  # fmt: skip
    assert "model of sha256" in found.bibtex


def test_of_results_corpora_and_folds_are_cited() -> None:
    one = cite([str(SCORES / "affekt-net.emobox-6.speech.json")])
    assert keys(one.bibtex) == ["affekt", "livingstone2018ravdess", "ma2024emobox"]
    several = cite([str(SCORES / "affekt-net-2.ravdess+nemo.enrolment.speech.json")])
    assert keys(several.bibtex)[1:3] == ["livingstone2018ravdess", "christop2024nemo"]


def test_a_corpus_of_ones_own_has_no_entry_and_is_named(tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("path,emotion,speaker\na.wav,happy,a\n", encoding="utf-8")
    found = cite([str(tmp_path / "mine.csv")])
    assert keys(found.bibtex) == ["affekt"]
    assert len(found.unknown) == 1


def test_what_is_neither_a_name_nor_a_result_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="Did you mean 'ravdess'"):
        cite(["ravdes"])
    (tmp_path / "a.json").write_text('{"a": 1}', encoding="utf-8")
    with pytest.raises(CorpusError, match="holds no evaluation"):
        cite([str(tmp_path / "a.json")])


def test_a_model_of_others_brings_no_command_and_no_entry_of_its_own() -> None:
    evil = 'x}\n}\n@preamble{"\\input{/etc/passwd}"}'
    assert _bibtex_text(evil) == 'x @preamble"input/etc/passwd"'
    assert _bibtex_text("a & b_c") == r"a \& b\_c"
    assert _bibtex_text("a^b ~c") == r"a\textasciicircum{}b \textasciitilde{}c"


@pytest.mark.parametrize(
    "values",
    [
        {"corpus": "ravdess", "protocol": ["a"]},
        {"corpus": 5, "protocol": "by-actor-5"},
        {},
    ],
)
def test_a_file_that_is_no_result_is_refused(values: dict[str, Any], tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    file.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(CorpusError, match="holds no evaluation"):
        cite([str(file)])


@pytest.mark.parametrize("provenance", ["abc", {"corpora": 5}, {"features": None}, {"corpora": [5, {}]}])
def test_a_provenance_of_another_form_is_left_out(provenance: object, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    values = {"corpus": "ravdess", "protocol": "by-actor-5", "provenance": provenance}
    file.write_text(json.dumps(values), encoding="utf-8")
    assert "livingstone2018ravdess" in cite([str(file)]).bibtex
