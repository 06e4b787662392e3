"""Settings come from a TOML file and from options, which count more; each is checked."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from affekt.errors import SettingsError
from affekt.server.settings import Settings, read_settings

GUIDE = Path(__file__).parents[2] / "docs" / "server.md"


def test_options_count_more_than_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('port = 1\nqueue = 2\nhosts = ["a", "b"]\nwork_s = 3')
    found = read_settings(file, {"port": 4, "model": None, "auth": False})
    assert found == Settings(port=4, queue=2, hosts=("a", "b"), work_s=3, auth=False)
    assert read_settings(None, {}) == Settings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("prot = 1", "prot"),
        ('port = "1"', "port is '1', not a whole number"),
        ("port = 70000", "port is 70000"),
        ("work_s = 0", "work_s is 0: give a positive number"),
        ("queue = -1", "queue is -1"),
        ("work_s = inf", "work_s"),
        ("workers", "cannot be read"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, text: str, named: str) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=named):
        read_settings(file, {})


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("", False),
        ("10.0.0.1", False),
        ("speech.example", False),
    ],
)
def test_keys_are_needed_where_other_machines_can_connect(host: str, local: bool) -> None:
    assert Settings(host=host).on_loopback == local
    assert Settings(host=host).needs_keys != local
    assert Settings(host=host, auth=True).needs_keys
    assert not Settings(host=host, auth=False).needs_keys
    assert Settings(host=host, keys_file="keys.json").needs_keys
    assert not Settings(host=host, keys_file="keys.json", auth=False).needs_keys


def test_the_example_in_the_guide_can_be_used(tmp_path: Path) -> None:
    found = re.search(r"```toml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL)
    assert found
    file = tmp_path / "settings.toml"
    file.write_text(found[1])
    settings = read_settings(file, {})
    defaults = {name: value for name, value in tomllib.loads(found[1]).items() if name.endswith("_s")}
    assert {name: getattr(Settings(), name) for name in defaults} == defaults
    assert settings.workers == 2
