"""Explanations are those of the package, as JSON or as a page."""

from __future__ import annotations

import httpx
import numpy as np
import pytest

import affekt
from affekt.inference import explanation
from affekt.server.explanations import MASKS

URL = "/v1/explanations"


def test_an_explanation_is_that_of_the_package(client: httpx.Client, clip: bytes) -> None:
    answer = client.post(URL, files={"file": ("a.flac", clip)}, params={"masks": 20, "emotion": "sad"})
    assert answer.status_code == 200
    found = answer.json()
    wanted = affekt.explain(clip, "sad", masks=20).to_dict()
    assert found.pop("notice") == "a notice"
    assert found.pop("model")
    assert found["source"] == "a.flac"
    assert found["prediction"] == wanted["prediction"]
    for mine, its in zip(found["segments"], wanted["segments"], strict=True):
        np.testing.assert_allclose(list(mine.values()), list(its.values()), atol=1e-6)


def test_a_page_has_sounds_and_may_run_no_script(client: httpx.Client, clip: bytes) -> None:
    answer = client.post(
        URL, files={"file": ("a.flac", clip)}, params={"masks": 20}, headers={"Accept": "text/html"}
    )
    assert answer.status_code == 200
    assert "<audio" in answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Affekt-Notice"] == "a notice"


@pytest.mark.parametrize(
    ("query", "headers", "status", "problem"),
    [
        ({"masks": 5}, {}, 422, "wrong-parameters"),
        ({"emotion": "hungry"}, {}, 422, "wrong-parameters"),
        ({}, {"Accept": "text/vtt"}, 406, "not-acceptable"),
    ],
)
def test_what_cannot_be_explained_so_is_refused(
    client: httpx.Client,
    clip: bytes,
    query: dict[str, str],
    headers: dict[str, str],
    status: int,
    problem: str,
) -> None:
    answer = client.post(URL, files={"file": ("a.flac", clip)}, params=query, headers=headers)
    assert answer.status_code == status
    assert answer.json()["type"] == f"/docs/errors#{problem}"


def test_as_many_masked_versions_are_predicted_as_by_the_package() -> None:
    assert MASKS == explanation.MASKS
