"""Versions of the libraries that a result depends on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

RECORDED = [
    *("affekt", "numpy", "soundfile", "soxr", "onnx", "onnxruntime"),
    *("scikit-learn", "skl2onnx", "imbalanced-learn", "lightgbm", "xgboost", "xgboost-cpu", "onnxmltools"),
    *("torch", "skorch"),
]


def installed_versions(*more: str) -> dict[str, str]:
    """Return the versions of Python, of the libraries that may change a result, and of ``more``."""
    found = {"python": platform.python_version()}
    for name in (*RECORDED, *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
