"""The public names of the package."""

from __future__ import annotations

import inspect
import os
import subprocess
import sys
import typing
from pathlib import Path

import pytest

import affekt

ALIASES = {"AudioSource", "CorpusLike", "ModelLike", "VoiceLike"}
PACKAGES = {"figures", "recipes"}
VARIABLE = "ORT_DISABLE_TELEMETRY"
README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", affekt.__all__)
def test_every_public_name_can_be_imported_and_is_documented(name: str) -> None:
    found = getattr(affekt, name)
    assert name in dir(affekt)
    assert name in ALIASES or inspect.getdoc(found)


def test_the_names_are_sorted_and_each_has_its_module() -> None:
    assert affekt.__all__ == sorted(affekt.__all__)
    assert set(affekt.__all__) - {"AffektError"} == set(affekt._MODULES)


@pytest.mark.parametrize("name", sorted(set(affekt.__all__) - ALIASES - PACKAGES))
def test_the_types_in_a_public_signature_can_be_resolved(name: str) -> None:
    found = getattr(affekt, name)
    if inspect.isfunction(found) and name != "to_dataframe":  # pandas is optional
        assert "return" in typing.get_type_hints(found)


@pytest.mark.parametrize("name", sorted(set(affekt.__all__) - ALIASES - PACKAGES))
def test_a_public_function_has_few_parameters(name: str) -> None:
    found = getattr(affekt, name)
    if inspect.isfunction(found):
        assert len(inspect.signature(found).parameters) <= 7


def test_a_wrong_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'predicts'"):
        _ = affekt.predicts


def test_importing_affekt_imports_none_of_its_packages() -> None:
    program = "import sys, affekt; print(sorted(m for m in sys.modules if m.startswith('affekt')))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['affekt', 'affekt.errors']"


@pytest.mark.parametrize("first", ["affekt.recipes", "affekt.reports.figures"])
def test_a_package_is_the_same_however_it_is_reached(first: str) -> None:
    program = f"import affekt, {first}; print(affekt.{first.rsplit('.', maxsplit=1)[-1]} is {first})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


@pytest.mark.parametrize(("given", "found"), [(None, "1"), ("0", "0")])
def test_onnxruntime_sends_no_usage_data_unless_the_user_lets_it(given: str | None, found: str) -> None:
    environment = {key: value for key, value in os.environ.items() if key != VARIABLE}
    if given is not None:
        environment[VARIABLE] = given
    program = f"import affekt, os; print(os.environ[{VARIABLE!r}])"
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == found
