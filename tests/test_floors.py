"""The floors of the house: who may import whom (docs/architecture.md)."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "affekt"

# The ground floor first: a file imports only from files listed before its own line.
FLOORS = [
    ["errors", "emotions", "progress", "parallel", "writing", "versions"],
    ["audio"],
    ["features.spectra"],
    ["features.filters", "features.summaries", "features.pitch"],
    ["features.descriptors"],
    ["features.voice"],
    ["features.two_views"],
    ["features"],
    ["recording", "archives", "windows", "degradations"],
    ["corpus", "recipe", "metrics", "confidence", "onnx_graphs", "alignment"],
    ["search", "calibration", "inspection", "novelty"],
    ["stacking", "networks"],
    ["voice_network"],
    ["fusion"],
    ["bundle"],
    ["corpora.ravdess", "corpora.emodb", "corpora.folders", "corpora.manifest"],
    [
        "recipes.affekt_net",
        "recipes.dense_network",
        "recipes.mel_cnn",
        "recipes.mlp",
        "recipes.random_forest",
        "recipes.random_forest_baseline",
        "recipes.se_cnn",
        "recipes.stacked_ensemble",
        "recipes.svm",
        "recipes.voice_svm",
    ],
    ["corpora", "recipes", "onnx_export", "adaptation"],
    ["corpus_download", "dataset", "protocols", "prediction", "feature_table"],
    ["answer_table", "model_card"],
    ["corpus_check", "evaluation", "results_page"],
    ["checkpoints"],
    ["cross_validation"],
    ["scoring", "seed_systems", "comparison"],
    ["training", "reproduction", "exploration", "enrolment", "robustness"],
    ["figures.style"],
    ["figures.clips", "figures.corpora", "figures.scores"],
    ["figures"],
    ["report"],
    ["tables"],
    ["app"],
    ["app.display", "app.session"],
    ["app.corpus", "app.hears", "app.listen", "app.many", "app.models", "app.voice"],
    ["app.main"],
    ["cli"],
    ["__init__", "__main__"],
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
ANSWER_PATH = [name for names in FLOORS[: FLOORS.index(["features"]) + 1] for name in names]
ANSWER_PATH += [
    "degradations",
    "metrics",
    "alignment",
    "bundle",
    "dataset",
    "corpus_check",
    "adaptation",
    "prediction",
    "feature_table",
    "tables",
    "cli",
]
HEAVY = {"scipy", "sklearn", "pandas", "librosa", "torch", "matplotlib", "skl2onnx", "onnx", "av"}
HEAVY |= {"jinja2", "plotly", "streamlit", "imblearn", "lightgbm", "xgboost", "skorch", "onnxmltools"}
PUBLIC_FUNCTIONS = {"predict", "predict_many", "load", "load_audio", "train", "evaluate"}
PUBLIC_FUNCTIONS |= {"compare", "explore", "write_report", "adapt", "load_voice", "enrolment_curve"}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


MODULES = {module_name(path): path for path in SOURCE.rglob("*.py")}


def imported(path: Path) -> set[str]:
    """Everything a file imports, wherever in it, as full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {"." * node.level + (node.module or "")}
            names |= {f"{node.module}.{alias.name}" for alias in node.names if node.module == "affekt"}
    return names


def own_imports(path: Path) -> set[str]:
    return {name.removeprefix("affekt.") for name in imported(path) if name.startswith("affekt.")}


@pytest.mark.parametrize("name", sorted(MODULES))
def test_every_file_declares_its_floor(name: str) -> None:
    assert name in FLOOR_OF, f"{name} stands on no floor: add it to FLOORS"


def test_no_floor_names_a_file_that_is_gone() -> None:
    assert set(FLOOR_OF) == set(MODULES)


@pytest.mark.parametrize("name", sorted(FLOOR_OF))
def test_a_file_imports_only_from_floors_below(name: str) -> None:
    level = {other for other in own_imports(MODULES[name]) if FLOOR_OF[other] >= FLOOR_OF[name]}
    assert not level


@pytest.mark.parametrize("name", sorted(set(FLOOR_OF) - {"__init__", "__main__"}))
def test_nobody_imports_the_package_root_or_relatively(name: str) -> None:
    roots = {other for other in imported(MODULES[name]) if other.startswith(".")}
    bare = [
        node
        for node in ast.walk(ast.parse(MODULES[name].read_text()))
        if isinstance(node, ast.Import) and any(alias.name == "affekt" for alias in node.names)
    ]
    assert not roots
    assert not bare


@pytest.mark.parametrize("name", ANSWER_PATH)
def test_the_answer_path_stands_on_light_libraries(name: str) -> None:
    at_import = {
        alias.split(".")[0]
        for node in ast.parse(MODULES[name].read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in ([a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""])
    }
    assert not at_import & HEAVY


def test_no_file_bears_the_name_of_a_public_function() -> None:
    assert not PUBLIC_FUNCTIONS & {name.split(".")[-1] for name in MODULES}


def test_a_prediction_imports_nothing_heavy() -> None:
    import subprocess

    program = (
        "import sys, affekt; affekt.predict; "
        f"affekt.predict('{SOURCE / 'examples' / 'low-plain.flac'}'); "
        f"print(sorted({HEAVY} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"
