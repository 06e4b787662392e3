"""The command that serves the web app: what it starts, and what it refuses."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from affekt.cli.app import DEMO_UPLOAD_MB, LIBRARIES, SETTINGS
from affekt.model.bundle import DEFAULT_MODEL

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The command lines of Streamlit that are run; each exits with 3."""
    streamlit_cli = pytest.importorskip("streamlit.web.cli")
    commands: list[list[str]] = []

    def call(words: list[str], **_: object) -> int:
        commands.append(words)
        return 3

    monkeypatch.setattr(streamlit_cli, "main", call)
    return commands


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def option(started: list[list[str]], name: str) -> str:
    """The value of an option of Streamlit."""
    (words,) = started
    return words[words.index(f"--{name}") + 1]


def test_the_app_is_served_to_this_machine_alone(
    run: Run, started: list[list[str]], free_port: int
) -> None:
    code, _, _ = run("app", "--port", free_port)
    (words,) = started
    assert (code, words[0]) == (3, "run")
    assert Path(words[1]).is_file()
    assert words[words.index("--server.address") + 1] == "127.0.0.1"
    assert words[words.index("--server.port") + 1] == str(free_port)


def test_every_setting_is_passed_as_an_option_that_streamlit_knows(
    run: Run, started: list[list[str]], free_port: int
) -> None:
    from streamlit.config import _config_options_template

    run("app", "--port", free_port)
    words = started[0][2 : started[0].index("--")]
    options, values = words[::2], words[1::2]
    names = [option.removeprefix("--") for option in options]
    assert {"browser.gatherUsageStats", "server.showEmailPrompt", "theme.dark.linkColor"} <= set(names)
    assert set(names) <= set(_config_options_template)
    assert values[names.index("browser.gatherUsageStats")] == "false"
    assert values[names.index("server.maxUploadSize")] == "200"
    assert names.count("theme.headingFontSizes") == 3


def test_a_checkout_has_the_same_settings_for_streamlit_run() -> None:
    checkout = Path(__file__).parents[2] / ".streamlit" / "config.toml"
    assert checkout.read_text(encoding="utf-8") == SETTINGS.read_text(encoding="utf-8")


def test_model_and_corpus_are_handed_on(run: Run, started: list[list[str]], small_ravdess: Path) -> None:
    run("app", "--model", DEFAULT_MODEL, "--corpus", small_ravdess)
    words = started[0]
    assert words[words.index("--") + 1 :] == [
        f"--model={DEFAULT_MODEL}",
        f"--corpus={small_ravdess}",
    ]


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """A port in use, which is the one that the app is served on by default."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
        monkeypatch.setattr("affekt.cli.app.PORT", port)
        yield port


def test_a_wanted_port_in_use_is_an_error(run: Run, started: list[list[str]], busy: int) -> None:
    code, _, err = run("app", "--port", busy)
    assert (code, started) == (1, [])
    assert f"port {busy} is in use: choose another with --port N" in err


def test_without_a_wish_the_next_free_port_is_used(run: Run, started: list[list[str]], busy: int) -> None:
    _, _, err = run("app")
    port = int(option(started, "server.port"))
    assert port > busy
    assert f"port {busy} is in use: the app is served on port {port}" in err


def test_where_all_ports_are_in_use_the_error_says_what_to_do(
    run: Run, started: list[list[str]], busy: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.cli.app.PORTS", 1)
    code, _, err = run("app")
    assert (code, started) == (1, [])
    assert f"ports {busy} to {busy} are all in use: choose another with --port N" in err


def test_an_address_of_another_machine_is_an_error(run: Run, started: list[list[str]]) -> None:
    code, _, err = run("app", "--host", "192.0.2.1")
    assert (code, started) == (1, [])
    assert "192.0.2.1 is not an address of this machine: try --host 127.0.0.1" in err


def test_a_public_address_opens_no_browser_and_is_warned_about(
    run: Run, started: list[list[str]], free_port: int
) -> None:
    _, _, err = run("app", "--host", "0.0.0.0", "--port", free_port)
    assert option(started, "server.address") == "0.0.0.0"
    assert option(started, "server.headless") == "true"
    assert "every machine that can reach 0.0.0.0 can use the app" in err


@pytest.mark.parametrize(("word", "headless"), [("--open", "false"), ("--no-open", "true")])
def test_a_browser_is_opened_or_not(
    run: Run, started: list[list[str]], free_port: int, word: str, headless: str
) -> None:
    run("app", "--port", free_port, word)
    assert option(started, "server.headless") == headless


def test_a_demo_takes_small_uploads_and_no_corpus(
    run: Run, started: list[list[str]], free_port: int, small_ravdess: Path
) -> None:
    code, _, err = run("app", "--demo", "--corpus", small_ravdess)
    assert (code, started) == (2, [])
    assert "a demo shows no corpus" in err
    run("app", "--demo", "--port", free_port)
    assert option(started, "server.maxUploadSize") == str(DEMO_UPLOAD_MB)
    assert started[0][-1] == "--demo"


def test_a_port_that_may_not_be_used_is_an_error(
    run: Run, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr("affekt.cli.app.socket.create_server", refuse)
    code, _, err = run("app", "--port", 80)
    assert (code, started) == (1, [])
    assert "port 80 of 127.0.0.1 cannot be used" in err
    assert "Permission denied" in err


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signals that a program can handle")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_to_the_command_ends_its_server(number: signal.Signals, free_port: int) -> None:
    pytest.importorskip("streamlit")
    command = [sys.executable, "-m", "affekt", "app", "--port", str(free_port)]
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
    ) as app:
        try:
            deadline = time.monotonic() + 60
            while not listens(free_port):
                assert app.poll() is None, "the app ended"
                assert time.monotonic() < deadline
                time.sleep(0.1)
            app.send_signal(number)
            app.wait(20)
        finally:
            app.kill()
    assert not listens(free_port)


def listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("option", ["--model", "--corpus"])
def test_a_model_or_corpus_that_cannot_be_read_is_an_error_before_anything_starts(
    run: Run, started: list[list[str]], tmp_path: Path, option: str
) -> None:
    (tmp_path / "odd").write_text("odd")
    code, _, err = run("app", option, tmp_path / "odd")
    assert (code, "odd" in err, started) == (1, True, [])


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_missing_library_is_reported_before_anything_is_read(
    run: Run, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    code, _, err = run("app", "--corpus", "nowhere")
    assert (code, "pip install 'affekt[app]'" in err) == (1, True)
