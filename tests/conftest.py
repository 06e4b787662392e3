"""What several tests need: the real corpora where they are, and small synthetic ones elsewhere."""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tests.documents import write_reader_folder
from tests.download_server import Server

SAMPLE_RATE = 16_000

# What a shell starts in the background is deaf to Ctrl-C, and so is all that it starts.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--light", action="store_true", help="skip tests whose libraries are not installed")


def pytest_configure(config: pytest.Config) -> None:
    """Give each process of pytest-xdist its own cache of what numba compiles for librosa.

    Two processes that write one cache at once can crash: https://github.com/numba/numba/issues/10128.
    """
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and config.cache:
        os.environ.setdefault("NUMBA_CACHE_DIR", str(config.cache.mkdir(f"numba-{worker}")))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """With ``--light``, skip a module that imports a library which is not installed."""
    report = yield
    missing = re.search(r"(No module named|cannot import name .* from 'tests).*", str(report.longrepr))
    if report.failed and missing and collector.config.getoption("light"):
        report.outcome, report.longrepr = "skipped", (str(collector.path), 0, missing[0])
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None]:
    """With ``--light``, skip a test that needs a library which is not installed."""
    try:
        return (yield)
    except ImportError as error:
        if item.config.getoption("light"):
            pytest.skip(str(error))
        raise


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip on Windows what needs POSIX."""
    if os.name == "nt":
        for item in items:
            if item.get_closest_marker("posix"):
                item.add_marker(pytest.mark.skip(reason="needs POSIX"))


def _real_corpus(name: str) -> Path:
    data = os.environ.get("AFFEKT_DATA")
    if not data or not Path(data, name).is_dir():
        pytest.skip(f"the real {name} is not here: set AFFEKT_DATA to the folder that holds {name}/")
    return Path(data, name)


@pytest.fixture(scope="session")
def ravdess() -> Path:
    """The real RAVDESS; the test is skipped without it."""
    return _real_corpus("ravdess")


@pytest.fixture(scope="session")
def emodb() -> Path:
    """The real EMO-DB; the test is skipped without it."""
    return _real_corpus("emodb")


@pytest.fixture(scope="session")
def write_voice() -> Callable[..., Path]:
    """Writes something like a voice: ``write_voice(path, pitch_hz=.., loudness=.., seed=..)``."""

    def write(
        path: Path, *, pitch_hz: float = 120, loudness: float = 0.1, seed: int = 0, seconds: float = 0.6
    ) -> Path:
        rng = np.random.default_rng(seed)
        time_s = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        glide = pitch_hz * (1 + 0.1 * rng.standard_normal() * time_s)
        harmonics = sum(np.sin(2 * np.pi * k * glide * time_s) / k for k in range(1, 8))
        sound = loudness * (harmonics + 0.05 * rng.standard_normal(len(time_s)))
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, np.clip(sound, -1, 1), SAMPLE_RATE, subtype="PCM_16")
        return path

    return write


@pytest.fixture(scope="session")
def small_ravdess(tmp_path_factory: pytest.TempPathFactory, write_voice: Callable[..., Path]) -> Path:
    """Ten synthetic speakers in RAVDESS's names: neutral low and quiet, happy high, angry loud."""
    root = tmp_path_factory.mktemp("small_ravdess")
    sound_of = {"01": (0.8, 0.03), "03": (1.5, 0.08), "05": (1.1, 0.12)}
    seed = 0
    for actor in range(1, 11):
        for emotion, (height, loudness) in sound_of.items():
            for statement in ("01", "02"):
                for repetition in ("01", "02"):
                    seed += 1
                    take = f"03-01-{emotion}-01-{statement}-{repetition}"
                    write_voice(
                        root / f"Actor_{actor:02}" / f"{take}-{actor:02}.wav",
                        pitch_hz=height * (110 if actor % 2 else 200),
                        loudness=loudness,
                        seed=seed,
                    )
    return root


@pytest.fixture(scope="session")
def reader_folder(
    tmp_path_factory: pytest.TempPathFactory, small_ravdess: Path, write_voice: Callable[..., Path]
) -> Path:
    """A folder with what the README and docs/ speak of."""
    folder = tmp_path_factory.mktemp("reader")
    write_reader_folder(folder, small_ravdess, write_voice)
    return folder


@pytest.fixture
def enrol_synthetic_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let clips be enrolled in which the network hears no voice, such as longer synthetic ones."""
    monkeypatch.setattr("affekt.inference.adaptation.voice_notes", lambda *_: ())


@pytest.fixture
def few_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave most figures out of each page, as they take most of the time."""
    from affekt.reports import figures

    for name in set(figures.__all__) - {"feature_batches", "headlines", "counts", "separation"}:
        monkeypatch.setattr(figures, name, lambda *_, **__: None)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server on this machine."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
