"""Which libraries a model or a score came from."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

RECORDED = [
    *("affekt", "numpy", "soundfile", "soxr", "onnx", "onnxruntime"),
    *("scikit-learn", "skl2onnx", "imbalanced-learn", "lightgbm", "xgboost", "xgboost-cpu", "onnxmltools"),
    *("torch", "skorch"),
]


def installed_versions() -> dict[str, str]:
    """Of Python, and of all libraries that are there and may change a result."""
    found = {"python": platform.python_version()}
    for name in RECORDED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
