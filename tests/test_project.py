"""Files about the project agree with each other."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import affekt

yaml = pytest.importorskip("yaml")
ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def read(name: str) -> Any:
    return yaml.safe_load((ROOT / name).read_text(encoding="utf-8"))


def test_the_citation_has_version_authors_and_licences_of_the_package() -> None:
    found = read("CITATION.cff")
    assert found["version"] == affekt.__version__
    assert [one["name"] for one in found["authors"]] == [one["name"] for one in PROJECT["authors"]]
    # A list of licences would mean that one may choose among them.
    assert "license" not in found
    assert all(licence in found["abstract"] for licence in PROJECT["license"].split(" AND "))


@pytest.mark.skipif(not WORKFLOWS, reason="these are not the sources of the repository")
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_has_rights_steps_and_fixed_versions_of_actions(workflow: Path) -> None:
    text = workflow.read_text(encoding="utf-8")
    found = yaml.safe_load(text)
    assert found["permissions"] == {"contents": "read"}
    assert all(job["runs-on"] and job["steps"] for job in found["jobs"].values())
    assert all(re.search(r"@(v\d+|release/v1)$", one) for one in re.findall(r"uses: (\S+)", text))
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert set(re.findall(r"\bmake (\w+)", text)) <= targets | {"docs"}
    for script in re.findall(r"python (tools/\S+)", text):
        assert (ROOT / script).is_file()


@pytest.mark.skipif(not WORKFLOWS, reason="these are not the sources of the repository")
def test_the_tests_run_on_every_python_that_is_promised() -> None:
    promised = [one.rpartition(" ")[2] for one in PROJECT["classifiers"] if re.search(r":: 3\.\d+$", one)]
    jobs = read(".github/workflows/tests.yml")["jobs"]
    assert jobs["linux"]["strategy"]["matrix"]["python"] == promised
