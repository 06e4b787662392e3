"""The exceptions are those of the tree in their module, and their messages say what to do."""

from __future__ import annotations

import builtins
import re

import pytest

from affekt import errors
from affekt.errors import AffektError, MissingExtraError, UnknownNameError, explain_import

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
