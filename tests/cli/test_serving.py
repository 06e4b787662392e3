"""The commands of the server: what they start, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi")

from affekt.cli.serving import SCOPES
from affekt.model.bundle import DEFAULT_MODEL
from affekt.server import keys, running
from affekt.server.settings import Settings

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Settings]:
    """The settings of servers that are started."""
    found: list[Settings] = []

    def serve(settings: Settings, say: Callable[[str], None]) -> None:
        found.append(settings)
        say("http://127.0.0.1:8400")

    monkeypatch.setattr(running, "serve", serve)
    return found


def test_without_options_the_server_is_for_this_machine(run: Run, started: list[Settings]) -> None:
    code, _, err = run("serve")
    assert (code, started) == (0, [Settings()])
    assert "affekt answers at http://127.0.0.1:8400: see http://127.0.0.1:8400/docs" in err


def test_options_and_file_become_settings(run: Run, started: list[Settings], tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("queue = 3\nport = 1")
    options: list[Any] = ["--host", "0.0.0.0", "--port", 2, "--workers", 3, "--no-auth"]
    options += ["--model", DEFAULT_MODEL, "--config", config, "--keys-file", tmp_path / "k.json"]
    run("serve", *options, "--notice")
    run("serve", "--auth", "--notice", "mine")
    first, second = started
    assert (first.host, first.port, first.workers, first.auth, first.queue) == ("0.0.0.0", 2, 3, False, 3)
    assert (first.model, first.keys_file) == (str(DEFAULT_MODEL), str(tmp_path / "k.json"))
    assert "50(3)" in first.notice
    assert (second.auth, second.notice) == (True, "mine")


def test_a_setting_that_is_unknown_is_an_error_of_one_line(run: Run, tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("prot = 3")
    code, _, err = run("serve", "--config", config)
    assert code == 1
    assert err.startswith("error: a setting cannot be used: it has 'prot', which is unknown")
    assert len(err.splitlines()) == 1


def test_on_another_address_the_server_refuses_to_start_without_keys(run: Run, tmp_path: Path) -> None:
    code, _, err = run("serve", "--host", "0.0.0.0", "--keys-file", tmp_path / "keys.json")
    assert code == 1
    assert "affekt keys create NAME" in err
    assert "--no-auth" in err


def test_a_key_is_printed_once_listed_and_revoked(run: Run, tmp_path: Path) -> None:
    place: list[Any] = ["--keys-file", tmp_path / "keys.json"]
    code, key, err = run("keys", "create", "me", "--scopes", "predict, stream", "--days", 1.5, *place)
    assert (code, key.startswith("affekt_")) == (0, True)
    assert key.strip() not in err
    code, out, _ = run("keys", "list", *place)
    assert (code, "me" in out, "predict, stream" in out, key.strip() in out) == (0, True, True, False)
    code, out, _ = run("keys", "list", "--json", *place)
    assert json.loads(out)[0]["scopes"] == ["predict", "stream"]
    assert run("keys", "revoke", "me", *place)[0] == 0
    assert json.loads(run("keys", "list", "--json", *place)[1]) == []
    assert run("keys", "revoke", "me", *place)[0] == 2
    assert run("keys", "create", "me", "--scopes", "all", *place)[0] == 2


def test_the_scopes_are_those_of_keys() -> None:
    assert SCOPES == keys.SCOPES


def test_keys_are_in_the_folder_for_settings_of_the_user(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    run("keys", "create", "me")
    assert keys.read_keys(tmp_path / "affekt" / "keys.json")[0].name == "me"
