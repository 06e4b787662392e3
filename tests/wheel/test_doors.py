"""Every way into the installed package, from another folder: it works, and leaves and sends nothing.

``robustness`` and ``reproduce`` are left out: they take minutes, and run what ``evaluate`` runs.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.wheel.conftest import Place

MakePlace = Callable[[], Place]
PREDICT = "import affekt; print(affekt.__file__, affekt.predict('{clip}').emotion, flush=True)"
STAY_S = 12  # onnxruntime's usage data is sent some seconds after its import
# command, and the files that it is asked for
DOORS = {
    "affekt predict CLIP": "",
    "affekt predict CORPUS --csv out.csv": "out.csv",
    "affekt timeline CLIP --out timeline.html --embed": "timeline.html",
    "affekt live --from CLIP": "",
    "affekt features CORPUS --set voice@1 --out table.csv": "table.csv",
    "affekt adapt CORPUS/Actor_01 --out me.voice": "me.voice",
    "affekt model": "",
    "affekt model --card card.md": "card.md",
    "affekt recipes": "",
    "affekt cite": "",
    "affekt corpora": "",
    "affekt corpora check CORPUS": "",
    "affekt evaluate CORPUS --recipe svm --report score.html": "score.html",
    "affekt enrolment CORPUS --recipe svm": "",
    "affekt compare SCORE SCORE": "",
    "affekt explore CORPUS --report page.html": "page.html",
    "affekt train CORPUS --recipe svm --out model.onnx": "model.onnx",
}
FAILING = {"affekt corpora check CORPUS"}  # it is a small RAVDESS: clips are missing
EXTERNAL = re.compile(r"""(?:\ssrc|<link[^>]*\shref)=(?!["']?data:)|@import|url\((?!["']?(?:data:|\#))""")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> Path:
    """Five speakers, three emotions, two clips of each."""
    root = tmp_path_factory.mktemp("corpus")
    heights = {"01": 0.8, "03": 1.5, "05": 1.1}
    for number in range(30):
        actor, take = number % 5 + 1, number // 15 + 1
        emotion = list(heights)[number // 5 % 3]
        name = f"03-01-{emotion}-01-0{take}-01-{actor:02}.wav"
        write_voice(
            root / f"Actor_{actor:02}" / name, pitch_hz=heights[emotion] * 150, seed=number, seconds=0.5
        )
    return root


@pytest.fixture(scope="module")
def score(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from affekt.experiments.scoring import evaluate

    file = tmp_path_factory.mktemp("score") / "score.json"
    file.write_text(json.dumps(evaluate(corpus, "svm").to_json()), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def clip(corpus: Path) -> Path:
    return sorted(corpus.rglob("*.wav"))[0]


@pytest.fixture(scope="module", autouse=True)
def staying(make_place: MakePlace, clip: Path) -> Iterator[tuple[Place, float]]:
    """A program that predicts, and then stays open for as long as these tests run."""
    place = make_place()
    with place.start(["python", "-c", f"{PREDICT.format(clip=clip)}; input()"]) as program:
        assert program.stdout
        assert "site-packages" in program.stdout.readline()
        yield place, time.monotonic()
        program.communicate("\n")


def run(place: Place, command: str | list[str]) -> tuple[int, str]:
    """Exit code and output of a command."""
    program = place.start(command.split() if isinstance(command, str) else command)
    output, _ = program.communicate(timeout=300)
    return program.returncode, output


def test_a_lookup_by_python_is_recorded(make_place: MakePlace) -> None:
    place = make_place()
    program = "import urllib.request as u\ntry: u.urlopen('http://affekt.invalid')\nexcept OSError: pass"
    assert run(place, ["python", "-c", program]) == (0, "")
    assert "socket.getaddrinfo affekt.invalid" in place.names()


def test_a_lookup_and_a_connection_by_native_code_are_recorded(
    make_place: MakePlace, native_recorder: Path | None
) -> None:
    if native_recorder is None:
        pytest.skip("no C compiler, or not Linux: what native code looks up is not checked")
    place = make_place()
    program = (
        "import ctypes, socket; c = ctypes.CDLL(None); found = ctypes.c_void_p()\n"
        "c.getaddrinfo(b'affekt.invalid', None, None, ctypes.byref(found))\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 9))\n"
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('127.0.0.1', 9))"
    )
    run(place, ["python", "-W", "ignore", "-c", program])
    assert "getaddrinfo affekt.invalid" in place.names()
    assert [line for line in place.names() if line.startswith("connect")][-1] == "connect 192.0.2.1"


def test_the_package_is_the_one_in_the_wheel(make_place: MakePlace, scripts: Path, clip: Path) -> None:
    place = make_place()
    code, output = run(place, ["python", "-c", PREDICT.format(clip=clip)])
    assert code == 0, output
    assert Path(output.split()[0]).is_relative_to(scripts.parent)
    assert [place.written("home"), place.written("work"), place.written("tmp")] == [set()] * 3
    assert place.names() == []


def test_what_a_page_would_load_from_elsewhere_is_found() -> None:
    outside = '<img src="http://a/b.png"><link rel="icon" href=//a/c><style>@import "d"; url(e)</style>'
    assert len(EXTERNAL.findall(outside)) == 4
    inside = (
        '<img src="data:,"><link rel="icon" href="data:,"><a href="http://a">a</a><style>url(#f)</style>'
    )
    assert EXTERNAL.findall(inside) == []


@pytest.mark.parametrize("command", DOORS)
def test_a_command_works_and_leaves_nothing_but_what_it_is_asked_for(
    command: str, make_place: MakePlace, corpus: Path, clip: Path, score: Path
) -> None:
    place = make_place()
    words = command.replace("CORPUS", str(corpus)).replace("CLIP", str(clip)).replace("SCORE", str(score))
    code, output = run(place, words)
    assert (code != 0) == (command in FAILING), output
    assert output
    assert "Traceback" not in output
    assert place.written("home") == set()
    assert place.written("tmp") == set()
    assert place.written("work") == set(DOORS[command].split())
    assert place.names() == []
    for page in (place.folder / "work").glob("*.html"):
        assert EXTERNAL.findall(page.read_text(encoding="utf-8")) == []


@contextmanager
def running_app(place: Place) -> Iterator[str]:
    """The app's address, while it runs."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with place.start(["affekt", "app", "--port", str(port)]) as program:
        try:
            wait_for(f"http://127.0.0.1:{port}/_stcore/health", program)
            yield f"http://127.0.0.1:{port}"
        finally:
            program.terminate()
            program.wait(20)


def wait_for(address: str, program: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert program.poll() is None, program.communicate()[0]
        try:
            assert read(address) == b"ok"
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("the app did not start")


def read(address: str) -> bytes:
    with urllib.request.urlopen(address) as reply:
        content: bytes = reply.read()
    return content


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends a program without asking it")
def test_the_app_is_served_to_this_machine_and_leaves_nothing(make_place: MakePlace) -> None:
    place = make_place()
    with running_app(place) as address:
        assert b"<html" in read(address)
    assert [place.written("home"), place.written("work"), place.written("tmp")] == [set()] * 3
    assert place.names() == []


def test_a_program_that_stays_open_sends_nothing_later(staying: tuple[Place, float]) -> None:
    place, started = staying
    time.sleep(max(0, started + STAY_S - time.monotonic()))
    assert [place.written("home"), place.written("work"), place.written("tmp")] == [set()] * 3
    assert place.names() == []
