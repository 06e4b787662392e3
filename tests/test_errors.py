"""The exceptions are those of the tree in their module, and their messages say what to do."""

from __future__ import annotations

import ast
import builtins
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

from affekt import errors
from affekt.errors import AffektError, MissingExtraError, UnknownNameError, explain_import, require

CLASSES = {
    name for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, Exception)
}


def drawn_tree() -> list[tuple[str, str, str]]:
    """Return (class, parent, builtin) of each line of the tree."""
    rows = []
    parents = ["AffektError"]
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([│├└─ ]*)(\w+Error)\b *(?:\((\w+)\))?", line):
            depth = len(match[1]) // 4
            parents[depth:] = [match[2]]
            rows.append((match[2], parents[max(0, depth - 1)], match[3] or "Exception"))
    return rows


TREE = drawn_tree()


def test_the_tree_draws_every_error() -> None:
    assert {name for name, _, _ in TREE} == CLASSES


@pytest.mark.parametrize(("name", "parent", "builtin"), TREE, ids=[name for name, _, _ in TREE])
def test_an_error_descends_from_its_parent_and_its_builtin(name: str, parent: str, builtin: str) -> None:
    drawn = getattr(errors, name)
    assert issubclass(drawn, AffektError)
    assert issubclass(drawn, getattr(errors, parent))
    assert issubclass(drawn, getattr(builtins, builtin))


@pytest.mark.parametrize("name", [name for name, _, builtin in TREE if builtin != "Exception"])
def test_an_error_has_its_message(name: str) -> None:
    arguments = {"UnknownNameError": ("what", "x", ["y"]), "MissingExtraError": ("what", "train")}
    assert "what" in str(getattr(errors, name)(*arguments.get(name, ("what",))))


@pytest.mark.parametrize(
    ("name", "guess"), [("svn", " Did you mean 'svm'?"), ("SVM", ""), ("transformer", "")]
)
def test_an_unknown_name_suggests_the_closest_one_and_lists_all(name: str, guess: str) -> None:
    message = str(UnknownNameError("recipe", name, iter(["svm", "forest"])))
    assert message == f"no recipe is called {name!r}.{guess} There are: svm, forest"


def test_a_missing_extra_says_what_to_install() -> None:
    assert (
        str(MissingExtraError("training", "train"))
        == "training needs an extra: pip install 'affekt[train]'"
    )


@pytest.mark.parametrize("module", ["sklearn", "sklearn.svm", "skl2onnx", "onnx.helper"])
def test_a_failed_import_of_an_optional_package_names_its_extra(module: str) -> None:
    explained = explain_import(ModuleNotFoundError(f"No module named {module!r}", name=module), "training")
    assert isinstance(explained, MissingExtraError)
    assert "affekt[train]" in str(explained)


@pytest.mark.parametrize("name", ["affekt.gone", "sklearnex", None])
def test_any_other_failed_import_is_not_changed(name: str | None) -> None:
    error = ModuleNotFoundError("no such module", name=name)
    assert explain_import(error, "training") is error


def test_what_is_needed_later_is_required_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    require("a report", "json", "jinja2")
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(MissingExtraError, match=r"a report needs an extra: pip install 'affekt\[train\]'"):
        require("a report", "json", "jinja2")


def installed_by(extra: str, project: dict[str, Any]) -> set[str]:
    """The names of the packages that an extra names, in the form of modules."""
    found: set[str] = set()
    for requirement in project["optional-dependencies"][extra]:
        name, within = re.match(r"([\w-]+)(?:\[([\w,]+)\])?", requirement).groups()  # type: ignore[union-attr]
        found |= {name.lower().replace("-", "_")}
        for other in within.split(",") if name == "affekt" and within else ():
            found |= installed_by(other, project)
    return found


ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CORE = {"numpy", "soundfile", "soxr", "onnxruntime", "rich_click", "click", "rich"}
MODULE_OF = {"scikit_learn": "sklearn", "imbalanced_learn": "imblearn", "xgboost_cpu": "xgboost"}
COMES_WITH = {
    "scipy": "sklearn",
    "onnx": "skl2onnx",
    "starlette": "streamlit",
    "pydantic": "fastapi",
    "h11": "uvicorn",
    "opentelemetry": "opentelemetry_sdk",
}


def imported_packages() -> set[str]:
    """All packages of others that any file imports, at its top or later."""
    found: set[str] = set()
    for file in (ROOT / "src" / "affekt").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add((node.module or "").split(".")[0])
    return found - set(sys.stdlib_module_names) - {"affekt"}


@pytest.mark.parametrize("package", sorted(imported_packages() - CORE))
def test_every_optional_package_names_the_extra_that_installs_it(package: str) -> None:
    explained = explain_import(ModuleNotFoundError(name=package), "this")
    assert isinstance(explained, MissingExtraError), f"add {package} to the table in errors.py"
    _, extra = explained.given
    modules = {MODULE_OF.get(name, name) for name in installed_by(extra, PROJECT)}
    assert COMES_WITH.get(package, package) in modules


@pytest.mark.parametrize(
    ("name", "package"),
    [("train", "onnxmltools"), ("train", "skl2onnx"), ("write_report", "jinja2"), ("evaluate", "sklearn")],
)
def test_what_a_function_needs_at_its_end_is_missed_when_it_is_first_named(name: str, package: str) -> None:
    program = f"import sys; sys.modules[{package!r}] = None; import affekt; affekt.{name}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert f"affekt.{name} needs an extra: pip install 'affekt[train]'" in done.stderr
