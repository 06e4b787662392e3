"""The page *Models*."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from affekt.model.bundle import DEFAULT_MODEL, load, seal

pytest.importorskip("playwright.sync_api")
pytest.importorskip("streamlit")
from playwright.sync_api import Page, expect
from tools.make_scores_by_corpus import rows

from affekt.app.models import BY_CORPUS

Open = Callable[..., Page]
Upload = Callable[..., None]
Follow = Callable[[Page, str], None]


def test_the_bundled_model_is_shown_with_its_scores_and_intended_use(open_page: Open) -> None:
    page = open_page("models")
    expect(page.get_by_role("heading", name="The bundled model")).to_be_visible()
    accuracy = load().contract.scores.headlines["accuracy"]
    expect(page.get_by_text(f"{accuracy.value:.1%}").first).to_be_visible()
    expect(page.get_by_text(f"95 % interval: {accuracy.interval} %")).to_be_visible()
    expect(page.get_by_role("heading", name="Intended use")).to_be_visible()
    expect(page.get_by_text("AI Act")).to_be_visible()
    expect(
        page.get_by_text("five groups, and each group was predicted by a model that was trained")
    ).to_be_visible()
    tabs = {"Confused emotions, %": "True emotions in rows", "Confidence": "calibration error"}
    for tab, description in tabs.items():
        page.get_by_role("tab", name=tab).click()
        expect(page.get_by_role("img", name=description)).to_be_visible()
    for row in json.loads(BY_CORPUS.read_text())["rows"]:
        expect(page.get_by_role("row", name=f"{row['corpus']} {row['trained on it']}")).to_be_visible()


def test_the_scores_by_corpus_are_those_of_the_evaluations_and_of_the_bundled_model() -> None:
    found = json.loads(BY_CORPUS.read_text())
    assert found == {"model": load().contract.sha256, "rows": rows()}


def test_an_uploaded_model_predicts_until_the_visitor_goes_back(
    open_page: Open,
    upload: Upload,
    follow: Follow,
    predict_upload: Callable[[Page, Path], dict[str, str]],
    expected_shares: Callable[..., dict[str, str]],
    own_model: Path,
    voice_file: Path,
) -> None:
    page = open_page("models")
    upload(page, own_model)
    expect(page.get_by_role("heading", name="Your model")).to_be_visible()
    follow(page, "Listen")
    assert predict_upload(page, voice_file) == expected_shares(voice_file, own_model)
    expect(page.get_by_text("Predicted by your model (svm)")).to_be_visible()
    follow(page, "Models")
    page.get_by_role("button", name="Go back to the bundled model").click()
    expect(page.get_by_role("heading", name="The bundled model")).to_be_visible()


def test_the_model_that_the_app_was_started_with_is_called_by_its_name(
    open_page: Open, start_app: Callable[..., str], own_model: Path
) -> None:
    page = open_page("models", address=start_app("--model", str(own_model)))
    expect(page.get_by_role("heading", name="The model own.onnx")).to_be_visible()


EVIL = "![x](http://affekt.invalid/x.png) <img src=http://affekt.invalid/y.png> [disguise](http://affekt.invalid)"


@pytest.fixture(scope="module")
def evil_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with Markdown and HTML in every text of its contract."""
    onnx = pytest.importorskip("onnx")
    graph = onnx.load(DEFAULT_MODEL)
    del graph.metadata_props[:]
    contract = load().contract
    corpora = [replace(one, name=EVIL + one.name, licence=EVIL, citation=EVIL) for one in contract.corpora]
    scores = replace(contract.scores, protocol_label=EVIL)
    evil = replace(contract, recipe=EVIL, corpora=tuple(corpora), scores=scores)
    file = tmp_path_factory.mktemp("evil") / "evil.onnx"
    file.write_bytes(seal(graph.SerializeToString(), evil))
    return file


def test_no_text_of_a_model_is_rendered(open_page: Open, upload: Upload, evil_model: Path) -> None:
    page = open_page("models")
    requested: list[str] = []
    page.on("request", lambda request: requested.append(request.url))
    upload(page, evil_model)
    expect(page.get_by_role("heading", name="Your model")).to_be_visible()
    expect(page.get_by_text(f"Recipe {EVIL}, features")).to_be_visible()
    expect(page.locator("img:not([src^='data:'])")).to_have_count(0)
    expect(page.get_by_role("link", name="disguise", exact=True)).to_have_count(0)
    assert [one for one in requested if "affekt.invalid" in one] == []


def test_the_name_of_a_model_is_not_rendered(
    open_page: Open, start_app: Callable[..., str], tmp_path: Path
) -> None:
    model = tmp_path / "![x](y) *m*.onnx"
    model.write_bytes(DEFAULT_MODEL.read_bytes())
    page = open_page("models", address=start_app("--model", str(model)))
    expect(page.get_by_role("heading", name=f"The model {model.name}")).to_be_visible()


def test_a_damaged_model_is_refused_with_its_reason(
    open_page: Open, upload: Upload, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(DEFAULT_MODEL.read_bytes()[:-100])
    page = open_page("models")
    upload(page, damaged)
    alert = page.get_by_role("alert").filter(has_text=re.compile("This model is not used.*truncated"))
    expect(alert).to_be_visible()
    expect(page.get_by_role("heading", name="The bundled model")).to_be_visible()
