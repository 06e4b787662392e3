"""The web app, in a real browser."""

from __future__ import annotations

import csv
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from affekt.bundle import DEFAULT_MODEL, load
from affekt.prediction import predict, predict_many

playwright = pytest.importorskip("playwright.sync_api")
from axe_playwright_python.sync_playwright import Axe  # noqa: E402
from playwright.sync_api import Browser, BrowserContext, Page, expect  # noqa: E402

ROOT = Path(__file__).parents[1]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
LINKS = {"hears": "What it hears", "many": "Many files", "voice": "Your voice", "models": "Models"}
PAGES = ("", *LINKS)
PATIENCE_MS = 60_000
PHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The app, started as a user would, at a free port of this machine."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder = tmp_path_factory.mktemp("app")
    log = open(folder / "log", "w+")  # noqa: SIM115 - it is read while the app writes
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    command = [sys.executable, "-m", "affekt", "app", "--port", str(port)]
    process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(600):
            if process.poll() is not None or answers(f"{address}/_stcore/health"):
                break
            time.sleep(0.1)
        else:
            pytest.fail(f"the app did not start: {Path(log.name).read_text()}")
        yield address
    finally:
        subprocess.run(["pkill", "-P", str(process.pid)], check=False)
        process.terminate()
        process.wait(10)
        log.close()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address) as reply:
            return reply.status == 200
    except OSError:
        return False


@pytest.fixture(scope="module")
def voice_file(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> Path:
    return write_voice(tmp_path_factory.mktemp("microphone") / "said.wav", seconds=4.0)


@pytest.fixture(scope="module")
def browser(voice_file: Path) -> Iterator[Browser]:
    """A Chromium whose microphone hears a file."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    with playwright.sync_playwright() as player:
        try:
            started = player.chromium.launch(
                executable_path=found,
                args=[
                    "--no-sandbox",
                    "--use-fake-device-for-media-stream",
                    "--use-fake-ui-for-media-stream",
                    f"--use-file-for-fake-audio-capture={voice_file}",
                ],
            )
        except playwright.Error as error:
            reason = f"no Chromium is here, and none could be installed: {str(error).splitlines()[0]}"
            if os.environ.get("AFFEKT_NEEDS_BROWSER"):
                pytest.fail(reason)
            pytest.skip(reason)
        yield started
        started.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A visitor of their own."""
    made = browser.new_context(permissions=["microphone"], accept_downloads=True)
    made.set_default_timeout(PATIENCE_MS)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def go(page: Page, address: str) -> None:
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_be_visible(timeout=PATIENCE_MS)
    settle(page)


def settle(page: Page) -> None:
    """Wait until nothing on the page is of an earlier run: such things are faded, and may go away."""
    page.wait_for_timeout(300)
    for running in ("[data-test-script-state=running]", "[data-stale=true]"):
        expect(page.locator(running)).to_have_count(0, timeout=PATIENCE_MS)


def upload(page: Page, *files: Path) -> None:
    page.locator("input[type=file]").first.set_input_files([str(file) for file in files])


def shares(page: Page) -> dict[str, str]:
    """What the page says of each emotion."""
    table = page.get_by_role("table", name="how likely each emotion is")
    expect(table).to_be_visible(timeout=PATIENCE_MS)
    rows = [
        re.fullmatch(r"\S+\s+(\w+)\s+(\d+%)", " ".join(row.split()))
        for row in table.get_by_role("row").all_inner_texts()
    ]
    return {row[1]: row[2] for row in rows if row}


def expected_shares(file: Path) -> dict[str, str]:
    return {name: f"{share:.0%}" for name, share in predict(file).probabilities.items()}


def show_file(page: Page, file: Path) -> dict[str, str]:
    page.get_by_role("tab", name="A file").click()
    upload(page, file)
    expect(page.get_by_text(file.name).last).to_be_visible(timeout=PATIENCE_MS)
    return shares(page)


def test_an_uploaded_file_gets_the_answer_that_predict_gives(
    page: Page, url: str, voice_file: Path
) -> None:
    go(page, url)
    assert show_file(page, voice_file) == expected_shares(voice_file)
    assert page.locator("audio").count() >= 1


def test_a_real_clip_gets_the_answer_that_predict_gives(page: Page, url: str, ravdess: Path) -> None:
    clip = sorted(ravdess.rglob("*.flac"))[100]
    go(page, url)
    assert show_file(page, clip) == expected_shares(clip)
    expect(page.get_by_text(predict(clip).in_words)).to_be_visible()


def test_the_microphone_is_heard(page: Page, url: str) -> None:
    go(page, url)
    page.get_by_role("button", name="Record").first.click()
    page.wait_for_timeout(3000)
    page.get_by_role("button", name=re.compile("Stop")).first.click()
    heard = shares(page)
    assert list(heard) == list(load().contract.emotions)


def test_an_example_is_one_click_away(page: Page, url: str) -> None:
    go(page, url)
    page.get_by_role("tab", name="An example").click()
    settle(page)
    page.get_by_role("radio", name="low-plain").click()
    assert shares(page) == expected_shares(DEFAULT_MODEL.parents[1] / "examples" / "low-plain.flac")


def test_a_broken_file_gets_a_friendly_error(page: Page, url: str, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"this is a shopping list")
    go(page, url)
    page.get_by_role("tab", name="A file").click()
    upload(page, broken)
    alert = page.get_by_role("alert").filter(has_text="This cannot be heard")
    expect(alert).to_be_visible(timeout=PATIENCE_MS)
    assert "Traceback" not in page.content()


def test_a_quiet_and_short_clip_is_answered_with_warnings(page: Page, url: str, tmp_path: Path) -> None:
    quiet = tmp_path / "quiet.wav"
    soundfile.write(quiet, 0.001 * np.sin(np.arange(8000) * 0.05), 16000)
    go(page, url)
    show_file(page, quiet)
    expect(page.get_by_text("Very quiet")).to_be_visible()
    expect(page.get_by_text("Short:")).to_be_visible()


def test_what_it_hears_is_drawn_over_one_time_axis(page: Page, url: str, voice_file: Path) -> None:
    go(page, url)
    show_file(page, voice_file)
    page.get_by_role("link", name="What it hears").first.click()
    plot = page.locator(".js-plotly-plot")
    expect(plot).to_be_visible(timeout=PATIENCE_MS)
    titles = plot.locator(".annotation-text").all_text_contents()
    assert [title.split(",")[0] for title in titles] == [
        "waveform", "mel spectrogram", "MFCCs 1 to 19", "pitch", "energy",
    ]  # fmt: skip


@pytest.fixture
def ten_files(tmp_path: Path, write_voice: Callable[..., Path]) -> list[Path]:
    files = [write_voice(tmp_path / f"clip{i}.wav", seed=i) for i in range(9)]
    broken = tmp_path / "clip9.wav"
    broken.write_bytes(b"RIFF, but nothing behind it")
    return [*files, broken]


def downloaded(page: Page) -> list[list[str]]:
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download the table").click()
    return list(csv.reader(io.StringIO(Path(waiting.value.path()).read_text())))


def from_command_line(files: list[Path], folder: Path) -> list[list[str]]:
    command = [
        sys.executable,
        "-m",
        "affekt",
        "predict",
        *(file.name for file in files),
        "--csv",
        "out.csv",
    ]
    subprocess.run(command, cwd=folder, capture_output=True)
    return list(csv.reader((folder / "out.csv").read_text().splitlines()))


def test_many_files_make_the_table_of_the_command_line(page: Page, url: str, ten_files: list[Path]) -> None:
    go(page, f"{url}/many")
    upload(page, *ten_files)
    expect(page.get_by_text("not heard")).to_be_visible(timeout=PATIENCE_MS)
    table = downloaded(page)
    assert len(table) == 11
    assert table == from_command_line(ten_files, ten_files[0].parent)


def test_a_zip_of_files_is_as_good(page: Page, url: str, ten_files: list[Path], tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for file in ten_files:
            archive.write(file, file.name)
    go(page, f"{url}/many")
    upload(page, tmp_path / "all.zip")
    expect(page.get_by_text("not heard")).to_be_visible(timeout=PATIENCE_MS)
    assert downloaded(page) == from_command_line(ten_files, ten_files[0].parent)


def test_a_zip_that_would_write_elsewhere_is_refused(
    page: Page, url: str, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.write(write_voice(tmp_path / "a.wav"), "../../a.wav")
    go(page, f"{url}/many")
    upload(page, tmp_path / "evil.zip")
    page.get_by_role("button", name="Download the table").wait_for()
    (_, row) = downloaded(page)
    assert "outside its folder" in row[-1]


@pytest.fixture(scope="module")
def own_model(tmp_path_factory: pytest.TempPathFactory, small_ravdess: Path) -> Path:
    from affekt.training import train

    file = tmp_path_factory.mktemp("own") / "own.onnx"
    train(small_ravdess, "svm", out=file)
    return file


def test_a_model_of_ones_own_answers_and_can_be_left_again(
    page: Page, url: str, own_model: Path, voice_file: Path
) -> None:
    go(page, f"{url}/models")
    upload(page, own_model)
    expect(page.get_by_text("Your model")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("link", name="Listen").first.click()
    expect(page.get_by_role("tab", name="A file")).to_be_visible()
    own = {name: f"{share:.0%}" for name, share in predict(voice_file, own_model).probabilities.items()}
    assert show_file(page, voice_file) == own
    page.get_by_role("link", name="Models").first.click()
    page.get_by_role("button", name=re.compile("Go back")).click()
    expect(page.get_by_role("heading", name="The model that comes with affekt")).to_be_visible()


def test_it_gets_used_to_a_voice_and_forgets_it_again(
    page: Page, url: str, voice_file: Path, write_voice: Callable[..., Path], tmp_path: Path
) -> None:
    clips = [write_voice(tmp_path / f"{i}.wav", pitch_hz=200 + 10 * i, seed=i, seconds=2) for i in range(4)]
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"no sound")
    go(page, f"{url}/voice")
    page.locator("input[type=file]").first.set_input_files([*clips, broken])
    expect(page.get_by_text("Used to a voice: 4 clips, 8 s.")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("Skipped: broken.wav is not audio")).to_be_visible()
    with page.expect_download() as taken:
        page.get_by_role("button", name=re.compile("Take it home")).click()
    taken.value.save_as(tmp_path / "me.voice")
    page.get_by_role("link", name="Listen").first.click()
    heard = predict(voice_file, voice=tmp_path / "me.voice").probabilities
    assert show_file(page, voice_file) == {name: f"{share:.0%}" for name, share in heard.items()}
    expect(page.get_by_text("used to the voice in 4 clips")).to_be_visible()
    page.get_by_role("link", name="Your voice").first.click()
    page.get_by_role("button", name="Forget this voice").click()
    expect(page.get_by_text("nobody's voice in particular")).to_be_visible()
    expect(page.get_by_text("broken.wav")).to_have_count(0)
    page.locator("input[type=file]").first.set_input_files(tmp_path / "me.voice")
    expect(page.get_by_text("Used to a voice: 4 clips, 8 s.")).to_be_visible(timeout=PATIENCE_MS)


def test_a_foreign_model_is_refused_in_the_bundles_own_words(page: Page, url: str, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.onnx"
    foreign.write_bytes(DEFAULT_MODEL.read_bytes()[:-100])
    go(page, f"{url}/models")
    upload(page, foreign)
    expect(page.get_by_text("truncated, or not an ONNX file")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", name="The model that comes with affekt")).to_be_visible()


@pytest.mark.parametrize("where", PAGES)
def test_at_a_phones_width_nothing_sticks_out(page: Page, url: str, where: str, voice_file: Path) -> None:
    page.set_viewport_size(PHONE)
    go(page, url)
    show_file(page, voice_file)
    if where:
        go(page, f"{url}/{where}")
    page.wait_for_timeout(500)
    assert page.evaluate("document.scrollingElement.scrollWidth") <= PHONE["width"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("where", PAGES)
def test_no_page_has_a_serious_fault_of_accessibility(
    browser: Browser, url: str, where: str, scheme: str, voice_file: Path
) -> None:
    visitor = browser.new_context(color_scheme=scheme)
    page = visitor.new_page()
    page.set_default_timeout(PATIENCE_MS)
    go(page, url)
    show_file(page, voice_file)
    if where:
        page.get_by_role("link", name=LINKS[where]).first.click()
        page.wait_for_timeout(1500)
    settle(page)
    found = Axe().run(page).response["violations"]
    visitor.close()
    serious = {
        fault["id"]: [node["target"] for node in fault["nodes"]][:3]
        for fault in found
        if fault["impact"] in ("serious", "critical")
    }
    assert serious == {}


def test_nothing_is_asked_of_another_machine_and_nothing_fails(
    page: Page, url: str, voice_file: Path
) -> None:
    asked: list[str] = []
    troubles: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("requestfailed", lambda request: troubles.append(f"{request.url} {request.failure}"))
    page.on("response", lambda reply: troubles.append(reply.url) if reply.status >= 400 else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    go(page, url)
    show_file(page, voice_file)
    elsewhere = [
        one for one in asked if not one.startswith((url, url.replace("http", "ws"), "data:", "blob:"))
    ]
    assert asked
    assert elsewhere == []
    assert [
        one for one in troubles if "ERR_ABORTED" not in one
    ] == []  # a player gives up what it need not load


def test_visitors_do_not_hear_each_other(
    browser: Browser, url: str, tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    visitors = [browser.new_context() for _ in range(5)]
    pages = [visitor.new_page() for visitor in visitors]
    files = [
        write_voice(tmp_path / f"visitor{i}.wav", seed=50 + i, pitch_hz=110.0 + 25 * i) for i in range(5)
    ]
    for page, file in zip(pages, files, strict=True):
        page.set_default_timeout(PATIENCE_MS)
        go(page, url)
        show_file(page, file)
    for page, file in zip(pages, files, strict=True):
        assert shares(page) == expected_shares(file)
        others = [other.name for other in files if other != file]
        assert not any(other in page.content() for other in others)
    for visitor in visitors:
        visitor.close()


def test_the_csv_of_the_app_is_the_csv_of_the_command_line(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    from affekt.answer_table import into_csv

    file = write_voice(tmp_path / "a.wav")
    text = io.StringIO()
    list(into_csv(predict_many([str(file)]), text, load().contract.emotions))
    assert text.getvalue().splitlines()[0].startswith("file,emotion,confidence,likely,neutral")
