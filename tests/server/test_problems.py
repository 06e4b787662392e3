"""Every error of affekt is a problem with a status, and every type of problem is explained."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from affekt import errors
from affekt.errors import AffektError, MissingExtraError, UnknownNameError
from affekt.server.problems import KINDS, Problem, place_of, problem_of

GUIDE = Path(__file__).parents[2] / "docs" / "server.md"


def all_errors(kind: type[AffektError]) -> list[type[AffektError]]:
    return [kind, *(one for child in kind.__subclasses__() for one in all_errors(child))]


@pytest.mark.parametrize("kind", all_errors(AffektError), ids=lambda kind: kind.__name__)
def test_every_error_has_its_status(kind: type[AffektError]) -> None:
    if kind is UnknownNameError:
        error: AffektError = UnknownNameError("recipe", "x", ["y"])
    elif kind is MissingExtraError:
        error = MissingExtraError("it", "formats")
    else:
        error = kind("what happened")
    problem = problem_of(error)
    audio = issubclass(kind, errors.AudioError)
    assert problem.kind.status in ((415, 422) if audio else (415, 422, 500, 501))
    assert (problem.detail == "") == (problem.kind.status == 500)


def test_the_errors_of_a_server_itself_tell_a_client_nothing() -> None:
    problem = problem_of(errors.BundleError("/home/me/model.onnx is damaged"))
    assert problem.to_dict() == {
        "type": "/docs/errors#model-error",
        "title": "The model failed",
        "status": 500,
    }


def test_the_guide_and_the_page_of_the_server_explain_every_type(client: httpx.Client) -> None:
    page = client.get("/docs/errors").text
    assert re.findall(r'<h2 id="([\w-]+)">', page) == list(KINDS)
    rows = re.findall(r'^\| <a id="([\w-]+)"></a>`\1` \| (\d+) \|', GUIDE.read_text("utf-8"), re.MULTILINE)
    assert rows == [(name, str(kind.status)) for name, kind in KINDS.items()]


def test_a_problem_has_only_what_is_known() -> None:
    found = Problem("timeout", "it took 3 s", limit_s=2).to_dict("abc")
    assert found == {
        "type": "/docs/errors#timeout",
        "title": "The answer took too long",
        "status": 504,
        "detail": "it took 3 s",
        "request_id": "abc",
        "limit_s": 2,
    }


def test_the_place_of_an_error_has_nothing_of_its_message() -> None:
    try:
        raise AffektError("secret.wav")
    except AffektError as error:
        assert "test_problems.py" in place_of(error)
        assert "secret" not in place_of(error)
