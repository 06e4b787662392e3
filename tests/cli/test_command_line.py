"""The command line as a whole: help, exit codes, messages, interruptions, and what is imported."""

from __future__ import annotations

import contextlib
import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from affekt.cli.command_line import COMMANDS, affekt
from affekt.errors import CorpusError, UnknownNameError

Run = Callable[..., tuple[int, str, str]]
EXAMPLES = Path(__file__).parents[1] / "synthetic_voices"
HEAVY = {"scipy", "sklearn", "pandas", "matplotlib", "torch", "av", "jinja2", "streamlit", "pyarrow"}
WITHIN_GROUPS = [
    "batch plan", "batch work", "batch run", "batch status", "batch retry", "corpora check",
    "corpora download", "encoders list", "encoders add", "encoders download", "keys create",
    "keys list", "keys revoke",
]  # fmt: skip
NAMES = [str(command.name) for commands in COMMANDS.values() for command in commands]


@pytest.mark.parametrize("name", ["", *NAMES, *WITHIN_GROUPS])
def test_every_command_has_a_help_that_fits_80_columns(
    run: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    code, out, _ = run(*name.split(), "--help")
    assert code == 0
    assert f"Usage: {' '.join(['affekt', name]).strip()} " in out
    assert max(map(len, out.splitlines())) <= 80


def test_the_help_lists_every_command_once(run: Run) -> None:
    out = run("--help")[1]
    assert sorted(NAMES) == sorted(affekt.commands)
    words = [line.split()[1] for line in out.splitlines() if line.startswith("│ ")]
    assert {name: words.count(name) for name in NAMES} == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize("name", [*NAMES, *WITHIN_GROUPS])
def test_every_command_shows_an_example_that_is_right(run: Run, name: str) -> None:
    if name == "app":
        pytest.skip("it is run without arguments")
    out = run(*name.split(), "--help")[1]
    examples = re.findall(rf"^ (?:Example: )?(affekt {name} .*?) *$", out, re.MULTILINE)
    assert examples
    command = affekt
    for word in name.split():
        command = command.commands[word]  # type: ignore[assignment]
    options = {option for one in command.params for option in one.opts}
    for example in examples:
        assert {word for word in example.split() if word.startswith("--")} <= options


def test_exit_codes_are_in_the_help(run: Run) -> None:
    out = " ".join(run("--help")[1].split())
    for words in ("0 success", "1 an input failed", "2 wrong usage", "130 interrupted"):
        assert words in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["recipes"],
        ["features"],
        ["corpora"],
        ["corpora", "check", "CORPUS"],
        ["encoders"],
        ["encoders", "list"],
        ["model"],
        ["predict", "CLIP"],
        ["evaluate", "CORPUS", "--recipe", "svm"],
    ],
)
def test_json_alone_is_printed_and_the_same_is_written(
    run: Run, small_ravdess: Path, tmp_path: Path, arguments: list[str]
) -> None:
    places = {"CORPUS": small_ravdess, "CLIP": EXAMPLES / "low-plain.flac"}
    line = [places.get(word, word) for word in arguments]
    file = tmp_path / "r.json"
    code, out, err = run(*line, "--json-out", file)
    assert code == (1 if "check" in arguments else 0), err
    assert str(file) in err
    assert out.strip()[0] not in "[{"
    printed_code, printed, _ = run(*line, "--json")
    assert printed_code == code
    values = [json.loads(text) for text in (printed, file.read_text(encoding="utf-8"))]
    if arguments[0] == "evaluate":  # its result has the command
        assert [one["provenance"].pop("command").split()[-1] for one in values] == ["--json", file.name]
    assert values[0] == values[1]


def test_every_command_with_a_result_has_both_options() -> None:
    # they write a voice, serve pages, have commands of their own, print BibTeX, and have no end
    without = {"adapt", "app", "batch", "cite", "live", "serve"}
    for name, command in affekt.commands.items():
        options = {option for one in command.params for option in one.opts}
        assert ({"--json", "--json-out"} <= options) == (name not in without), name


@pytest.mark.parametrize("command", ["evaluate", "enrolment", "robustness"])
@pytest.mark.parametrize(
    ("words", "advice"),
    [
        (["--json", "x.json"], "--json-out x.json"),
        (["--json=x.json"], "--json-out=x.json"),
        (["--json", "-"], "it prints the scores"),
    ],
)
def test_a_file_after_json_is_told_the_new_option(
    run: Run, command: str, words: list[str], advice: str
) -> None:
    code, out, err = run(command, "RAVDESS", "--recipe", "svm", *words)
    assert (code, out) == (2, "")
    assert advice in " ".join(err.split())


def test_the_version_is_that_of_the_package(run: Run) -> None:
    import affekt

    assert affekt.__version__ in run("--version")[1]


def modules_after(*arguments: str) -> set[str]:
    """The top-level modules that a command line has imported."""
    program = (
        "import sys, json\n"
        f"sys.argv = {['affekt', *arguments]}\n"
        "from affekt.cli import main\n"
        "try:\n    main()\n"
        "finally:\n    print('\\n' + json.dumps(sorted({name.split('.')[0] for name in sys.modules})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("more", [[], ["--json"], ["--csv", "p.csv"]])
def test_predict_imports_nothing_heavy(
    more: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert not HEAVY & modules_after("predict", str(EXAMPLES / "low-plain.flac"), *more)


@pytest.mark.parametrize("arguments", [["--help"], ["predict", "--help"], ["evaluate", "--help"]])
def test_help_does_not_even_import_numpy(arguments: list[str]) -> None:
    assert not (HEAVY | {"numpy"}) & modules_after(*arguments)


def test_python_m_affekt_is_the_command_line() -> None:
    command = [sys.executable, "-m", "affekt", "recipes"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, "voice-svm" in done.stdout) == (0, True)


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["predict"],
        ["predict", "a.wav", "--model", "none.onnx"],
        ["predict", "a.wav", "--jobs", "0"],
        ["predict", "a.wav", "--emotions", "happy"],
        ["predict", "a.wav", "--emotions", ""],
        ["predict", "a.wav", "--emotions", ","],
        ["predict", "a.wav", "--emotions", "happy,nonsense"],
        ["corpora", "download", "nonsense", "--to", "x"],
        ["evaluate", "CORPUS", "--recipe", "nonsense"],
        ["evaluate", "CORPUS", "--recipe", "svm", "--protocol", "nonsense"],
        ["train", "CORPUS", "--protocol", "nonsense"],
        ["compare"],
        ["compare", "none.json", "neither.json"],
        ["explore", "CORPUS"],
        ["explore", "CORPUS", "--report", "x.html", "--set", "voice@9"],
        ["explore", "CORPUS", "--report", "x.html", "--set", "log-mel@1"],
    ],
)
def test_wrong_usage_exits_with_2(run: Run, arguments: list[str], small_ravdess: Path) -> None:
    code, _, err = run(*[small_ravdess if word == "CORPUS" else word for word in arguments])
    assert code == 2
    assert err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (CorpusError("no [clip]"), 1, "error: no [clip]"),
        (OSError("the disk is full"), 1, "error: the disk is full"),
        (UnknownNameError("recipe", "smv", ["svm"]), 2, "Did you mean 'svm'?"),
        (ModuleNotFoundError("no torch", name="torch"), 1, "pip install 'affekt[networks]'"),
        (KeyboardInterrupt(), 130, "stopped"),
    ],
)
def test_an_expected_error_is_a_line_and_an_exit_code(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, message: str
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("affekt.model.bundle.load", fail)
    found, out, err = run("model")
    assert (found, out) == (code, "")
    assert message in err
    assert err.strip().count("\n") == 0


def test_a_reader_that_has_gone_away_is_no_traceback() -> None:
    command = [sys.executable, "-m", "affekt", "features"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=30) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "CLIP", "--csv", "CLIP"],
        ["adapt", "CLIP", "--out", "CLIP"],
        ["train", "CLIP", "--out", "CLIP"],
        ["evaluate", "CLIP", "--recipe", "svm", "--json-out", "CLIP"],
        ["evaluate", "CLIP", "--recipe", "svm", "--report", "CLIP"],
        ["explore", "CLIP", "--report", "CLIP"],
        ["features", "CLIP", "--set", "voice@1", "--out", "CLIP"],
        ["model", "--card", "CLIP"],
    ],
)
def test_a_recording_is_never_overwritten_by_a_slip(
    run: Run, tmp_path: Path, write_voice: Callable[..., Path], arguments: list[str]
) -> None:
    clip = write_voice(tmp_path / "v.wav")
    before = clip.read_bytes()
    code, _, err = run(*[clip if word == "CLIP" else word for word in arguments])
    assert code == 2
    assert "does not end in" in err
    assert clip.read_bytes() == before


def stop_when(
    condition: Callable[[], bool], process: subprocess.Popen[str], number: int = signal.SIGINT
) -> tuple[str, str]:
    for _ in range(600):
        if condition():
            break
        assert process.poll() is None, process.communicate()
        time.sleep(0.05)
    process.send_signal(number)
    return process.communicate(timeout=30)


@pytest.fixture(autouse=True)
def _closed_terminals_are_noticed() -> Iterator[None]:
    """Processes that a test starts inherit what is ignored, as where tests run under nohup."""
    if not hasattr(signal, "SIGHUP"):
        yield
        return
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "affekt", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def size_of_part(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.part"))


@pytest.mark.posix
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_stopped_command_keeps_the_old_csv_and_its_own_rows_beside_it(
    tmp_path: Path, write_voice: Callable[..., Path], name: str
) -> None:
    number = getattr(signal, name)
    clip = write_voice(tmp_path / "v.wav")
    table = tmp_path / "p.csv"
    table.write_text("old")
    process = start("predict", *[clip] * 20000, "--csv", table, "--jobs", 2)
    _, err = stop_when(lambda: size_of_part(tmp_path) > 5000, process, number)
    assert process.returncode == 128 + number
    assert "stopped" in err
    assert "Traceback" not in err
    assert table.read_text() == "old"
    with open(tmp_path / "p.partial.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert 0 < len(rows) < 20000
    assert all(row["emotion"] and row["error"] == "" for row in rows)
    assert f"{len(rows)} finished rows are kept in {tmp_path / 'p.partial.csv'}" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.csv", "p.partial.csv", "v.wav"]


@pytest.mark.posix
@pytest.mark.parametrize("suffix", ["csv", "npz", "parquet"])
def test_stopped_features_keep_the_old_table(
    tmp_path: Path, write_voice: Callable[..., Path], suffix: str
) -> None:
    if suffix == "parquet":
        pytest.importorskip("pyarrow")
    table = tmp_path / f"f.{suffix}"
    table.write_text("old")
    for i in range(20):
        write_voice(tmp_path / "v" / f"{i}.wav", seed=i)
    (tmp_path / "v" / "broken.wav").touch()  # its message says that the work has begun
    process = start("features", *[tmp_path / "v"] * 500, "--set", "mfcc-stats@1", "--out", table)
    assert process.stderr
    assert "broken.wav" in process.stderr.readline()
    _, err = stop_when(lambda: True, process)
    assert process.returncode == 130
    assert table.read_text() == "old"
    assert f"finished rows are kept in {tmp_path / f'f.partial.{suffix}'}" in err
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"f.{suffix}", f"f.partial.{suffix}", "v"]


@pytest.mark.posix
def test_a_second_ctrl_c_is_no_traceback(tmp_path: Path, write_voice: Callable[..., Path]) -> None:
    clip = write_voice(tmp_path / "v.wav")
    process = start("predict", *[clip] * 20000, "--csv", tmp_path / "p.csv", "--jobs", 2)

    def press_once() -> bool:
        if size_of_part(tmp_path) <= 5000:
            return False
        process.send_signal(signal.SIGINT)
        return True

    _, err = stop_when(press_once, process)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert "Exception ignored" not in err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p.partial.csv", "v.wav"]


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc to look for processes")
def test_a_process_that_is_killed_costs_no_finished_row(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    clip = write_voice(tmp_path / "v.wav")
    table = tmp_path / "p.csv"
    table.write_text("old")

    def kill_a_worker() -> bool:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        if size_of_part(tmp_path) <= 5000 or not children.exists():
            return False
        workers = [
            int(one)
            for one in children.read_text().split()
            if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()
        ]
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        return True

    with start("predict", *[clip] * 20000, "--csv", table, "--jobs", 2) as process:
        while not kill_a_worker():
            time.sleep(0.05)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "error: one of the processes that compute ended (exit code -9)" in err
    assert "Traceback" not in err
    rows = len(list(csv.DictReader((tmp_path / "p.partial.csv").read_text().splitlines())))
    assert f"{rows} finished rows are kept in {tmp_path / 'p.partial.csv'}" in err
    assert table.read_text() == "old"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash to limit the size of files")
@pytest.mark.parametrize("command", ["predict --csv", "features --set mfcc-stats@1 --out"])
def test_a_disk_that_fills_up_ends_the_command_and_its_processes(
    tmp_path: Path, write_voice: Callable[..., Path], command: str
) -> None:
    clips = " ".join([str(write_voice(tmp_path / "v.wav"))] * 1000)
    line = f"ulimit -f 20; exec {sys.executable} -m affekt {command} {tmp_path}/p.csv --jobs 2 {clips}"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert f"error: [Errno 27] File too large: '{tmp_path}/p.csv'" in done.stderr
    rows = len(list(csv.DictReader((tmp_path / "p.partial.csv").read_text().splitlines())))
    assert f"{rows} finished rows are kept in {tmp_path}/p.partial.csv" in done.stderr


def test_ctrl_c_while_the_command_line_is_imported_is_no_traceback() -> None:
    program = (
        "import sys, affekt.cli\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'affekt.cli.command_line':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        "affekt.cli.main()\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (130, "")


@pytest.mark.posix
def test_a_signal_that_is_ignored_stays_ignored() -> None:
    """As ``nohup`` lets a command go on when the terminal is closed."""
    program = "trap '' HUP; exec {} -m affekt predict --json {}"
    command = program.format(sys.executable, " ".join([str(EXAMPLES)] * 30))
    with subprocess.Popen(["bash", "-c", command], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        assert process.stdout.read().endswith("]\n")
    assert process.returncode == 0


@pytest.mark.posix
def test_ctrl_c_leaves_json_that_can_be_read(tmp_path: Path, write_voice: Callable[..., Path]) -> None:
    clip = write_voice(tmp_path / "v.wav")
    command = [sys.executable, "-m", "affekt", "predict", "--json", *[str(clip)] * 20000]
    with open(tmp_path / "out.json", "w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.PIPE, text=True)
        stop_when(lambda: (tmp_path / "out.json").stat().st_size > 5000, process)
    assert process.returncode == 130
    assert 0 < len(json.loads((tmp_path / "out.json").read_text())) < 20000


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", EXAMPLES, "--csv", "FILE.csv"],
        ["features", EXAMPLES, "--set", "mfcc-stats@1", "--out", "FILE.csv"],
        ["features", EXAMPLES, "--set", "mfcc-stats@1", "--out", "FILE.npz"],
        ["features", EXAMPLES, "--set", "mfcc-stats@1", "--out", "FILE.parquet"],
        ["adapt", EXAMPLES, "--out", "FILE.voice"],
        ["model", "--card", "FILE.md"],
    ],
)
def test_a_full_disk_is_an_error_that_names_the_file_and_destroys_nothing(
    run: Run, tmp_path: Path, arguments: list[object]
) -> None:
    resource = pytest.importorskip("resource")
    words = [str(word).replace("FILE", str(tmp_path / "out")) for word in arguments]
    place = Path(words[-1])
    place.write_text("old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, before[1]))  # no file may be longer
    try:
        code, _, err = run(*words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert code == 1
    assert f"error: [Errno 27] File too large: '{place}'" in err
    assert "Traceback" not in err
    assert [path.read_text() for path in tmp_path.iterdir()] == ["old"]


@pytest.mark.parametrize(
    "arguments",
    [
        ["predict", "none.wav", "--csv", "FILE.csv"],
        ["features", "none.wav", "--set", "mfcc-stats@1", "--out", "FILE.npz"],
        ["adapt", "none.wav", "--out", "FILE.voice"],
        ["evaluate", "none", "--recipe", "svm", "--json-out", "FILE.json"],
        ["evaluate", "none", "--report", "FILE.html"],
        ["enrolment", "none", "--json-out", "FILE.json"],
        ["robustness", "none", "--json-out", "FILE.json"],
        ["explore", "none", "--report", "FILE.html"],
        ["compare", str(Path(__file__)), "--report", "FILE.html"],
        ["train", "none", "--out", "FILE.onnx"],
        ["model", "--card", "FILE.md"],
    ],
)
@pytest.mark.parametrize("folder", ["none", "/sys/kernel"])
def test_an_output_that_cannot_be_written_is_found_before_the_work(
    run: Run, arguments: list[str], folder: str
) -> None:
    if folder.startswith("/") and not Path(folder).is_dir():
        pytest.skip("no folder that nobody may write into")
    code, out, err = run(*[word.replace("FILE", f"{folder}/x") for word in arguments])
    assert (code, out) == (1, "")
    assert folder in err
    assert err.count("\n") == 1


def test_a_word_on_the_command_line_does_not_control_the_terminal(run: Run) -> None:
    for arguments in (["predict", "no\x1b[2J.wav"], ["predict", "--\x1b[2J"], ["\x1b[2J"]):
        _, out, err = run(*arguments)
        assert "\x1b[2J" not in out + err
        assert "\\x1b[2J" in out + err


def test_json_goes_to_stdout_even_where_a_bar_is_shown(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    """A progress bar on a terminal must not swallow what is printed to a file."""
    pty = pytest.importorskip("pty")
    clip = write_voice(tmp_path / "v.wav")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "affekt", "predict", "--json", str(clip), str(clip)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, text=True)
    os.close(theirs)
    os.close(ours)
    assert len(json.loads(done.stdout)) == 2


def test_on_a_terminal_rows_fit_it_and_no_bar_is_between_them(
    tmp_path: Path, write_voice: Callable[..., Path]
) -> None:
    pty = pytest.importorskip("pty")
    for number in range(5):
        write_voice(tmp_path / f"a recording of a rather long name, number {number}.wav", seed=number)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "affekt", "predict", str(tmp_path)]
    environment = {**os.environ, "COLUMNS": "60", "TERM": "xterm", "NO_COLOR": "1"}
    done = subprocess.run(command, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    text = b""
    with contextlib.suppress(OSError):  # all is read
        while part := os.read(ours, 1 << 16):
            text += part
    os.close(ours)
    lines = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", text.decode()).splitlines()
    assert done.returncode == 0
    assert "\x1b[3" not in text.decode()  # no colour, as NO_COLOR asks
    assert max(map(len, lines)) <= 60
    assert sum(f" {number}.wav " in line for number in range(5) for line in lines) == 5
    assert "predicting" not in "".join(lines)
