"""Sound as it is heard: files at the speed of speech, and microphones through a stand-in for PortAudio."""

from __future__ import annotations

import sys
import time
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from affekt.audio.microphone import BLOCK_S, MAX_WAITING_S, open_microphone, play
from affekt.errors import AudioNotFoundError, AudioReadError, MissingExtraError

RATE = 16_000


def test_a_file_is_played_as_fast_as_it_was_spoken() -> None:
    samples = np.random.default_rng(0).uniform(-1, 1, RATE).astype(np.float32)
    began = time.monotonic()
    with play((samples, RATE), speed=4) as sound:
        blocks = []
        for block in sound.blocks:
            blocks.append(block)
            heard_s = sum(map(len, blocks)) / RATE
            assert time.monotonic() - began >= heard_s / 4 - 0.005
    assert sound.sample_rate == RATE
    np.testing.assert_array_equal(np.concatenate(blocks)[:, 0], samples)
    assert max(map(len, blocks)) == round(RATE * BLOCK_S)
    with pytest.raises(AudioNotFoundError), play("none.wav"):
        pass


class FakeSounddevice(ModuleType):
    """A microphone that hears a ramp, a block at a time, as soon as it is opened."""

    class PortAudioError(Exception):
        pass

    def __init__(self, blocks: int = 3) -> None:
        super().__init__("sounddevice")
        self.blocks, self.closed = blocks, False
        self.asked: list[tuple[Any, str]] = []

    def query_devices(self, device: Any, kind: str) -> dict[str, float]:
        self.asked.append((device, kind))
        if device == "none":
            raise ValueError("No input device matching 'none'")
        if device == 7:
            raise self.PortAudioError("Error querying device 7")
        return {"default_samplerate": 44_100.0}

    def InputStream(  # noqa: N802 - the name of the real one
        self, rate: int, size: int, device: Any, *, channels: int, dtype: str, callback: Any
    ) -> Any:
        fake, reused = self, np.zeros((size, channels), dtype)

        def hear(number: int) -> None:
            reused[:] = number
            callback(reused, size, None, None)

        self.hear = hear

        class Opened:
            def __enter__(self) -> None:
                for number in range(fake.blocks):
                    hear(number)

            def __exit__(self, *_: object) -> None:
                fake.closed = True

        return Opened()


def test_a_microphone_is_heard_at_its_own_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeSounddevice()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    with open_microphone() as sound:
        assert sound.sample_rate == 44_100
        heard = [next(sound.blocks) for _ in range(3)]
    assert [(block.shape, block[0, 0]) for block in heard] == [((1323, 1), i) for i in range(3)]
    assert fake.closed
    with open_microphone("2"), open_microphone("head"):
        assert [device for device, _ in fake.asked] == [None, 2, "head"]


def test_sound_that_waits_too_long_is_counted_as_lost_and_silence_in_its_place(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = FakeSounddevice(blocks=3000)
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    most = round(MAX_WAITING_S / BLOCK_S)
    with open_microphone() as sound:
        assert [next(sound.blocks)[0, 0] for _ in range(most)] == list(range(most))
        assert sound.lost_s == pytest.approx((3000 - most) * BLOCK_S)
        fake.hear(3000)
        heard = [next(sound.blocks)[0, 0] for _ in range(3001 - most)]
        assert heard == [0] * (3000 - most) + [3000]


@pytest.mark.parametrize(("device", "words"), [("none", "the microphone 'none'"), ("7", "device 7")])
def test_a_microphone_that_is_not_there_is_an_error(
    monkeypatch: pytest.MonkeyPatch, device: str, words: str
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", FakeSounddevice())
    with pytest.raises(AudioReadError, match=words), open_microphone(device):
        pass


def test_what_must_be_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(MissingExtraError, match=r"affekt\[live\]"), open_microphone():
        pass

    def fail(name: str) -> None:
        raise OSError("PortAudio library not found")

    monkeypatch.setattr("importlib.import_module", fail)
    with pytest.raises(AudioReadError, match="apt install libportaudio2"), open_microphone():
        pass
