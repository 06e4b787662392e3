"""Timeline and live: what they print, write and return."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import soundfile

from affekt.audio.loading import load_audio
from affekt.audio.microphone import Sound, play
from affekt.inference.timeline_reader import timeline

Run = Callable[..., tuple[int, str, str]]
EXAMPLES = sorted((Path(__file__).parents[1] / "synthetic_voices").glob("*.flac"))
RATE = 16_000


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two examples with pauses around them, in stereo; the right channel is silent."""
    parts: list[Any] = [np.zeros(RATE // 2)]
    for path in EXAMPLES[:2]:
        parts += [load_audio(path, RATE).samples, np.zeros(RATE)]
    samples = np.concatenate(parts)
    path = tmp_path_factory.mktemp("talk") / "talk.wav"
    soundfile.write(path, np.stack([samples, 0 * samples], axis=1), RATE)
    return path


def test_each_utterance_is_a_row(run: Run, talk: Path) -> None:
    code, out, _ = run("timeline", talk)
    assert code == 0
    found = timeline(talk)
    head, _, *rows = out.splitlines()
    assert f"{talk}  0:06.5, 2 utterances" in head
    for row, one in zip(rows, found.utterances, strict=False):
        assert one.prediction
        assert one.prediction.emotion in row
        assert f"{one.prediction.confidence:.0%}" in row


def test_json_is_printed_and_written(run: Run, talk: Path, tmp_path: Path) -> None:
    code, out, _ = run("timeline", talk, "--json", "--out", tmp_path / "t.json")
    (printed,) = json.loads(out)
    expected = json.loads(json.dumps(timeline(talk).to_dict()))
    assert code == 0
    assert printed == expected
    assert json.loads((tmp_path / "t.json").read_text(encoding="utf-8")) == [expected]


@pytest.mark.parametrize("suffix", ["TextGrid", "eaf", "txt", "rttm", "srt", "vtt", "csv", "html"])
def test_each_format_is_found_by_its_suffix(run: Run, talk: Path, tmp_path: Path, suffix: str) -> None:
    place = tmp_path / f"t.{suffix}"
    code, _, err = run("timeline", talk, "--out", place)
    assert code == 0, err
    assert f"wrote {place}" in err
    assert timeline(talk).utterances[0].prediction.emotion in place.read_text(encoding="utf-8")  # type: ignore[union-attr]


def test_a_page_may_hold_the_recording(run: Run, talk: Path, tmp_path: Path) -> None:
    place = tmp_path / "t.html"
    run("timeline", talk, "--out", place)
    assert "<audio" not in place.read_text(encoding="utf-8")
    for source in (talk, talk.parent):
        assert run("timeline", source, "--out", place, "--embed")[0] == 0
        assert place.read_text(encoding="utf-8").count("<audio") == 1


def test_one_broken_file_of_several_is_one_error(run: Run, talk: Path, tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_text("this is not sound")
    code, out, err = run("timeline", broken, talk, tmp_path / "none.wav", "--json-out", tmp_path / "t.json")
    assert code == 1
    assert err.count("✗") == 2
    assert "2 utterances" in out
    values = json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))
    assert ["error" in one for one in values] == [True, False, True]


def test_json_is_written_where_the_other_file_cannot_be(
    run: Run, talk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space")

    monkeypatch.setattr("affekt.inference.writers.write_timelines", fail)
    files = ("--out", tmp_path / "t.csv", "--json-out", tmp_path / "t.json")
    code, out, err = run("timeline", talk, *files)
    assert (code, "error: no space" in err) == (1, True)
    assert "2 utterances" in out
    assert len(json.loads((tmp_path / "t.json").read_text(encoding="utf-8"))) == 1
    assert [one.name for one in tmp_path.iterdir()] == ["t.json"]


def test_each_channel_is_read(run: Run, talk: Path) -> None:
    out = run("timeline", talk, "--audio-channel", "each")[1]
    assert f"{talk} (left)  0:06.5, 2 utterances" in out
    assert f"{talk} (right)  0:06.5, 0 utterances" in out


def test_speakers_are_shown(run: Run, talk: Path, tmp_path: Path) -> None:
    turns = tmp_path / "t.rttm"
    turns.write_text("SPEAKER talk 1 0.5 2 <NA> <NA> anna <NA> <NA>\n")
    out = run("timeline", talk, "--speakers", turns)[1]
    assert "0:00.5 – 0:02.5 anna" in out
    turns.write_text("SPEAKER talk 1 soon 2 <NA> <NA> anna <NA> <NA>\n")
    code, _, err = run("timeline", talk, "--speakers", turns)
    assert (code, "line 1" in err) == (1, True)


def test_the_own_voice_is_adapted_to(run: Run, talk: Path) -> None:
    (found,) = json.loads(run("timeline", talk, "--adapt", "--json")[1])
    kinds = [note["kind"] for note in found["utterances"][0]["prediction"]["notes"]]
    assert "adapted" in kinds


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["TALK", "--out", "x.doc"], "does not end in"),
        (["TALK", "TALK", "--out", "x.srt"], "a .srt file holds one recording, and 2 are given"),
        (["TALK", "--out", "x.srt", "--embed"], "give --out FILE.html"),
        (["TALK", "--adapt", "--voice", "TALK"], "give --voice, or --adapt"),
    ],
)
def test_wrong_usage_says_what_to_do(
    run: Run, talk: Path, arguments: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run("timeline", *[talk if word == "TALK" else word for word in arguments])
    assert code == 2
    assert words in " ".join(err.split())
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to a process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_was_finished_is_kept_when_the_command_is_stopped(
    talk: Path, tmp_path: Path, number: signal.Signals
) -> None:
    long, out = tmp_path / "long.wav", tmp_path / "t.json"
    samples, _ = soundfile.read(talk)
    soundfile.write(long, np.tile(samples, (400, 1)), RATE)
    out.write_text("older")
    command = [sys.executable, "-m", "affekt", "timeline", str(talk), str(long), "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()  # the first recording is finished
        cpu_times = psutil.Process(process.pid).cpu_times
        until_s = cpu_times().user + 2
        while cpu_times().user < until_s:  # however slow the machine is
            time.sleep(0.05)
        process.send_signal(number)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number
    assert "Traceback" not in err
    finished, stopped = json.loads((tmp_path / "t.partial.json").read_text(encoding="utf-8"))
    assert (finished["complete"], stopped["complete"]) == (True, False)
    expected = (
        rf"1 finished timeline and long.wav up to [\d:.]+ \({len(stopped['utterances'])} utterances\) are "
        rf"kept in .*t.partial.json"
    )
    assert re.search(expected, " ".join(err.split()))
    ends = [one["end_s"] for one in stopped["utterances"]]
    assert stopped["duration_s"] - ends[-1] < 6.5  # at least one of two utterances in so many seconds
    assert len(ends) > 2
    assert out.read_text() == "older"


# --- live --------------------------------------------------------------------------------------------


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Play files a hundred times as fast as they were spoken."""
    monkeypatch.setattr("affekt.audio.microphone.play", partial(play, speed=100))


@pytest.mark.usefixtures("fast")
def test_live_prints_the_utterances_of_the_timeline(run: Run, talk: Path) -> None:
    code, out, _ = run("live", "--from", talk)
    assert code == 0
    rows = [line.split() for line in out.splitlines() if " – " in line]
    expected = [line.split() for line in run("timeline", talk)[1].splitlines() if " – " in line]
    assert len(rows) == 2
    assert rows == expected


@pytest.mark.usefixtures("fast")
def test_live_prints_events_as_lines_of_json(run: Run, talk: Path) -> None:
    events = [json.loads(line) for line in run("live", "--from", talk, "--json")[1].splitlines()]
    ends = [event for event in events if event["event"] == "utterance_end"]
    found = json.loads(json.dumps(timeline(talk).to_dict()))["utterances"]
    assert [(one["start_s"], one["prediction"]) for one in ends] == [
        (one["start_s"], {**one["prediction"], "notes": ends[i]["prediction"]["notes"]})
        for i, one in enumerate(found)
    ]


@pytest.mark.usefixtures("fast")
def test_live_says_how_much_sound_was_lost(run: Run, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def lossy(file: Path) -> Iterator[Sound]:
        with play(file, speed=100) as sound:
            sound.lost_s = 1.25
            yield sound

    assert "lost" not in run("live", "--from", talk)[2]
    monkeypatch.setattr("affekt.audio.microphone.play", lossy)
    code, out, err = run("live", "--from", talk, "--json")
    assert code == 0
    assert "1.2 s of sound were lost" in err
    assert "lost" not in out


def test_live_needs_a_microphone_or_a_file(run: Run, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    code, _, err = run("live")
    assert (code, "pip install 'affekt[live]'" in err) == (1, True)
    assert run("live", "--from", talk, "--device", "2")[0] == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to a process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_live_ends_with_what_was_heard(talk: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", "affekt", "live", "--json", "--from", str(talk)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["event"] == "utterance_start"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert json.loads(out.splitlines()[-1])["event"] == "utterance_end"
    assert "Traceback" not in err
