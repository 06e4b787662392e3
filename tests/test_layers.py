"""The layers of the package: who may import whom. ``python tests/test_layers.py`` writes the diagram."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "affekt"
ARCHITECTURE = ROOT / "docs" / "architecture.md"

# From the bottom up: a file imports from its own package and from the layers above its line.
LAYERS = (
    ("errors", "emotions", "metrics", "notes"),
    ("support",),
    ("audio",),
    ("features",),
    ("corpora",),
    ("model",),
    ("inference",),
    ("batch",),
    ("estimators",),
    ("recipes",),
    ("evaluation",),
    ("experiments",),
    ("reports",),
    ("server",),
    ("cli", "app"),
    ("__init__", "__main__"),
)
LAYER_OF = {name: layer for layer, names in enumerate(LAYERS) for name in names}
LIGHT = {name for names in LAYERS[: LAYER_OF["inference"] + 1] for name in names} | {"cli"}
LIGHT_LIBRARIES = {"numpy", "soundfile", "soxr", "onnxruntime", "rich", "rich_click", "click"}
FOR_TRAINING = {"features.encoder_graph"}  # imported in the light packages by functions alone
BEGIN, END = "<!-- layers: written by tests/test_layers.py -->\n", "<!-- end of layers -->\n"


def package_of(module: str) -> str:
    """``evaluation.folds`` -> ``evaluation``."""
    return module.split(".", maxsplit=1)[0]


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_of(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imports(path: Path, *, only_at_top: bool = False) -> set[str]:
    """The full names that a file imports, anywhere or at its top; relative ones with their dots."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found: set[str] = set()
    for node in tree.body if only_at_top else ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = "." * node.level + (node.module or "")
            found |= {f"{source}.{alias.name}" if source == "affekt" else source for alias in node.names}
    return found


def own_imports(path: Path) -> set[str]:
    return {name.removeprefix("affekt.") for name in imports(path) if name.startswith("affekt.")}


def diagram() -> str:
    """Each layer with its packages, what they are, and their modules; the lowest layer last."""
    lines = []
    for layer in reversed(LAYERS):
        for name in layer:
            path = SOURCE / name / "__init__.py"
            if not path.is_file():
                continue
            title = (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").split("\n")[0]
            parts = sorted(
                {module.split(".")[1] for module in MODULES if module.startswith(f"{name}.")} - {"__init__"}
            )
            lines += [f"{name}/", f"    {title}", *wrapped(parts)]
    bottom = ", ".join(f"{name}.py" for name in LAYERS[0])
    return "```\n" + "\n".join([*lines, bottom]) + "\n```\n"


def wrapped(names: list[str]) -> list[str]:
    lines = ["    "]
    for name in names:
        if len(lines[-1]) + len(name) > 96:
            lines.append("    ")
        lines[-1] += f"{name}  "
    return [line.rstrip() for line in lines if line.strip()]


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_file_imports_from_its_package_and_from_lower_layers(module: str) -> None:
    own = package_of(module)
    above = {
        other
        for other in own_imports(MODULES[module])
        if package_of(other) != own and LAYER_OF[package_of(other)] >= LAYER_OF[own]
    }
    assert not above


def test_no_file_imports_itself_through_others() -> None:
    lazy_root = {"__init__", "__main__"}
    graph = {module: own_imports(path) & MODULES.keys() for module, path in MODULES.items()}
    TopologicalSorter({m: found for m, found in graph.items() if m not in lazy_root}).prepare()


@pytest.mark.parametrize("module", sorted(set(MODULES) - {"__init__", "__main__"}))
def test_nobody_imports_the_package_root_or_relatively(module: str) -> None:
    bare = {name for name in imports(MODULES[module]) if name == "affekt" or name.startswith(".")}
    assert not bare


@pytest.mark.parametrize(
    "module", sorted(name for name in MODULES if package_of(name) in LIGHT and name not in FOR_TRAINING)
)
def test_the_inference_path_imports_light_libraries_alone(module: str) -> None:
    found = imports(MODULES[module], only_at_top=True)
    outside = {name.split(".")[0] for name in found}
    assert outside - sys.stdlib_module_names <= LIGHT_LIBRARIES | {"affekt"}
    assert not {name.removeprefix("affekt.") for name in found} & FOR_TRAINING


def test_a_prediction_loads_no_heavy_library() -> None:
    heavy = {
        "scipy",
        "sklearn",
        "pandas",
        "librosa",
        "torch",
        "matplotlib",
        "skl2onnx",
        "onnx",
        "av",
        "jinja2",
    }
    program = (
        "import sys, affekt; "
        f"affekt.predict({str(SOURCE / 'examples' / 'happy.flac')!r}); "
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_diagram_in_the_documentation_is_the_one_of_the_code() -> None:
    text = ARCHITECTURE.read_text(encoding="utf-8")
    assert text[text.index(BEGIN) + len(BEGIN) : text.index(END)] == diagram()


if __name__ == "__main__":
    whole = ARCHITECTURE.read_text(encoding="utf-8")
    before, after = whole[: whole.index(BEGIN) + len(BEGIN)], whole[whole.index(END) :]
    ARCHITECTURE.write_text(before + diagram() + after, encoding="utf-8")
