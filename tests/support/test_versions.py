"""Only the versions of installed libraries are recorded."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version

import pytest

from affekt.support import versions


def test_versions_are_those_of_the_installed_packages() -> None:
    found = versions.installed_versions()
    assert found["python"] == platform.python_version()
    assert found["numpy"] == version("numpy")
    assert "scipy" not in found
    assert versions.installed_versions("scipy") == found | {"scipy": version("scipy")}


def test_a_library_that_is_not_installed_is_not_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> str:
        if name == "torch":
            raise PackageNotFoundError(name)
        return "1.0"

    monkeypatch.setattr(versions, "version", fail)
    found = versions.installed_versions()
    assert "torch" not in found
    assert found["numpy"] == "1.0"
