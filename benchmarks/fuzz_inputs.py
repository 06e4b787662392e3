"""Damaged recordings and models, the same for the same seed; see ``fuzz.py``."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import soundfile

from affekt.features.feature_sets import find_feature_set
from affekt.model import wire
from affekt.model.bundle import DEFAULT_MODEL, load, seal
from affekt.model.contract import Contract
from affekt.model.speaker_normalisation import SpeakerStatistics

RATE = 16_000
EXTREME = [
    *(0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63) - 1),
    (1 << 64) - 1,
]
RUN_EVERY = 50  # one in so many recordings is a long run of bytes
METADATA = 14  # ModelProto.metadata_props
PYAV = {
    "m4a": ("ipod", "aac"),
    "mp4": ("mp4", "aac"),
    "mov": ("mov", "pcm_s16le"),
    "3gp": ("3gp", "aac"),
    "aac": ("adts", "aac"),
    "webm": ("webm", "libopus"),
    "mkv": ("matroska", "libvorbis"),
    "mka, FLAC": ("matroska", "flac"),
    "wma": ("asf", "wmav2"),
    "ac3": ("ac3", "ac3"),
    "eac3": ("eac3", "eac3"),
    "mp2": ("mp2", "mp2"),
    "avi": ("avi", "libmp3lame"),
    "flv": ("flv", "aac"),
    "ts": ("mpegts", "mp2"),
    "wv": ("wv", "wavpack"),
    "tta": ("tta", "tta"),
    "caf, ALAC": ("caf", "alac"),
    "caf, Opus": ("caf", "libopus"),
    "ogg, FLAC": ("ogg", "flac"),
    "ogg, Speex": ("ogg", "libspeex"),
    "wav, AC-3": ("wav", "ac3"),
    "wav, G.726": ("wav", "g726"),
    "amr": ("amr", "libopencore_amrnb"),
}


# --- recordings ---------------------------------------------------------------------------------------


def make_sound() -> np.ndarray:
    """Something like a voice, 0.7 s."""
    rng = np.random.default_rng(0)
    time_s = np.arange(int(0.7 * RATE)) / RATE
    harmonics = sum(np.sin(2 * np.pi * k * 130 * (1 + 0.1 * time_s) * time_s) / k for k in range(1, 8))
    return np.asarray(0.1 * (harmonics + 0.05 * rng.standard_normal(len(time_s))), np.float32)


def make_recordings() -> dict[str, bytes]:
    """The same sound in every format that can be written here."""
    sound, found = make_sound(), {}
    for container in soundfile.available_formats():
        if container == "RAW":
            continue
        for subtype in soundfile.available_subtypes(container):
            file = io.BytesIO()
            try:
                soundfile.write(file, sound, RATE, subtype=subtype, format=container)
            except (soundfile.LibsndfileError, ValueError, TypeError):
                continue
            found[f"{container} {subtype}"] = file.getvalue()
    for name, (container, codec) in PYAV.items():
        try:
            found[name] = encode(sound, container, codec)
        except Exception:  # noqa: BLE001 - a codec that is not here
            continue
    return found


def encode(sound: np.ndarray, container: str, codec: str) -> bytes:
    """A recording that FFmpeg writes."""
    import av

    file = io.BytesIO()
    rate = 48_000 if codec in ("libopus", "ac3", "eac3", "mp2") else 8000 if "amr" in codec else RATE
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=rate)
        stream.layout = "mono"
        frame = av.AudioFrame.from_ndarray((sound[None] * 32767).astype(np.int16), "s16", "mono")
        frame.sample_rate = RATE
        resampler = av.AudioResampler(stream.format or "s16", "mono", rate, stream.frame_size or 1024)
        for part in (*resampler.resample(frame), *resampler.resample(None)):
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


def damage_recording(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Damage a recording in one to three ways."""
    for _ in range(rng.integers(1, 4)):
        content = DAMAGES[rng.integers(len(DAMAGES))](content, others, rng)
    return content


def flip(content: bytes, _: list[bytes], rng: np.random.Generator) -> bytes:
    """Flip one bit, or several."""
    changed = bytearray(content)
    for place in rng.integers(0, max(1, len(changed)), int(rng.choice([1, 4, 32]))):
        if changed:
            changed[place] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def cut_end(content: bytes, _: list[bytes], rng: np.random.Generator) -> bytes:
    """Cut the file anywhere."""
    return content[: rng.integers(len(content) + 1)]


def cut_out(content: bytes, _: list[bytes], rng: np.random.Generator) -> bytes:
    """Remove bytes from the middle, or repeat them."""
    start, end = sorted(rng.integers(0, len(content) + 1, 2))
    return content[:start] + content[start:end] * int(rng.choice([0, 2, 3])) + content[end:]


def set_header(content: bytes, _: list[bytes], rng: np.random.Generator) -> bytes:
    """Put an extreme number into the header."""
    return set_number(content, rng, min(len(content), 256))


def set_length(content: bytes, _: list[bytes], rng: np.random.Generator) -> bytes:
    """Put an extreme number anywhere, as into the length field of a chunk."""
    return set_number(content, rng, len(content))


def set_number(content: bytes, rng: np.random.Generator, before: int) -> bytes:
    """Overwrite one to eight bytes by an extreme number in either order of bytes."""
    width = int(rng.choice([1, 2, 4, 8]))
    order: Any = rng.choice(["little", "big"])
    number = (EXTREME[rng.integers(len(EXTREME))] % (1 << 8 * width)).to_bytes(width, order)
    place = int(rng.integers(before + 1))
    return content[:place] + number + content[place + width :]


def join(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Append another file."""
    return content + others[rng.integers(len(others))]


def splice(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Insert a part of another file."""
    other = others[rng.integers(len(others))]
    start, end = sorted(rng.integers(0, len(other) + 1, 2))
    place = rng.integers(len(content) + 1)
    return content[:place] + other[start : min(end, start + 4096)] + content[place:]


def insert_chunk(content: bytes, _: list[bytes], rng: np.random.Generator) -> bytes:
    """Insert a chunk as RIFF, MP4 or MP3 have them, with a length that may be wrong."""
    names = [b"LIST", b"data", b"fmt ", b"fact", b"moov", b"mdat", b"ID3\x04", b"COMM", b"SSND", b"fLaC"]
    length = int(rng.choice([0, 8, 100, 0x7FFFFFFF, 0xFFFFFFFF]))
    order: Any = rng.choice(["little", "big"])
    chunk = names[rng.integers(len(names))] + length.to_bytes(4, order) + rng.bytes(100)
    place = int(rng.choice([0, 4, 12, 36, len(content) // 2]))
    return content[:place] + chunk + content[place:]


DAMAGES = (flip, cut_end, cut_out, set_header, set_length, join, splice, insert_chunk)


RUN_STARTS = (
    b"",
    b"\xff\xfb\x90\0",
    b"ID3\4\0\0\0\0\0\0",
    b"OggS\0\2",
    b"RIFF\xff\xff\xff\0WAVE",
    b"\0\0\0\x1cftypM4A ",
)
RUN_UNITS = (
    *(b"\0", b"\xff", b"\xff\xfb\x90\0", b"ID3\4\0\0\0\0\0\0", b"TAG", b"OggS\0\0", b"OggS\0\2OggS\0\0"),
    *(b"fLaC\0\0\0\x22", b"RIFF\4\0\0\0WAVE", b"junk\0\0\0\0", b"\0\0\0\x08free", b"\x1f\x43\xb6\x75\x80"),
    b"\xff\xf3\x14\xc4".ljust(24, b"\0"),  # the smallest frame of an MP3
)


def make_run(others: list[bytes], rng: np.random.Generator) -> bytes:
    """Return a few bytes, repeated for megabytes, behind a recording or the start of one."""
    unit = RUN_UNITS[rng.integers(len(RUN_UNITS))]
    starts = [*RUN_STARTS, unit, others[rng.integers(len(others))]]
    size = int(rng.choice([1, 4, 16])) << 20
    return starts[rng.integers(len(starts))] + unit * (size // len(unit))


# --- models -------------------------------------------------------------------------------------------


def make_models() -> dict[str, tuple[bytes, Contract]]:
    """Graphs with their contracts: the bundled model, and small ones of other kinds."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    from affekt.estimators.onnx_export import export

    bundled = load().contract
    content = DEFAULT_MODEL.read_bytes()
    graph = b"".join(bytes(whole) for number, whole, _ in wire.fields(content) if number != METADATA)
    found = {"bundled": (graph, bundled)}
    rng = np.random.default_rng(0)
    features = rng.standard_normal((80, 80)).astype(np.float32)
    labels = np.arange(80) % len(bundled.emotions)
    feature_set = find_feature_set("mfcc-stats@1")
    contract = replace(
        bundled,
        features=feature_set.name,
        sample_rate=feature_set.sample_rate,
        average_speaker=SpeakerStatistics((0.0,) * 80, (1.0,) * 80),
    )
    for estimator in (
        RandomForestClassifier(5, max_depth=4, random_state=0),
        make_pipeline(StandardScaler(), SVC(probability=True, random_state=0)),
        MLPClassifier((8,), max_iter=300, random_state=0),
    ):
        name = type(estimator[-1] if hasattr(estimator, "steps") else estimator).__name__
        fitted: Any = estimator.fit(features, labels)
        fitted.splits_at_thresholds = True
        found[name] = export(fitted, features, len(bundled.emotions), feature_set.shape)[0], contract
    return found


def damage_model(graph: bytes, contract: Contract, how: str, rng: np.random.Generator) -> bytes:
    """A damaged model whose checksum is right."""
    values: dict[str, Any] = json.loads(json.dumps(contract.to_dict()))
    if how == "contract":
        for _ in range(rng.integers(1, 3)):
            set_value(values, rng)
    elif how == "graph":
        for _ in range(rng.integers(1, 3)):
            graph = damage_message(graph, rng)
    elif how == "bytes":
        graph = set_number(graph, rng, len(graph)) if rng.random() < 0.3 else flip(graph, [], rng)
    elif how == "metadata":
        entry = wire.field(1, rng.bytes(3)) + wire.field(2, rng.bytes(int(rng.choice([0, 10, 1000]))))
        graph += wire.field(METADATA, entry) * int(rng.choice([1, 100, 20_000]))
    try:
        whole = seal(graph, Values(values))  # type: ignore[arg-type]
    except (ValueError, IndexError):  # no longer protobuf: it cannot be sealed
        whole = graph
    return whole[: rng.integers(len(whole))] if how == "truncated" else whole


HOW = ("contract", "graph", "bytes", "metadata", "truncated")


class Values(dict[str, Any]):
    """Plain values in the place of a contract."""

    def to_dict(self) -> dict[str, Any]:
        """Return the values."""
        return dict(self)


def set_value(values: dict[str, Any], rng: np.random.Generator) -> None:
    """Replace a value of a contract, however deep, by one of any type."""
    odd = [
        None,
        True,
        -1,
        0,
        10**400,
        1e308,
        float("nan"),
        "text",
        "x" * 10**6,
        "\x1b[2J",
        [],
        {},
        [[]],
        {"a": 1},
    ]
    place: Any = values
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = keys[rng.integers(len(keys))]
        inner = place[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.3:
            place[key] = odd[rng.integers(len(odd))]
            return
        place = inner


def damage_message(message: bytes | memoryview, rng: np.random.Generator) -> bytes:
    """Change one field of a protobuf message, however deep: its value, or how often it is there."""
    found = list(wire.fields(message))
    if not found:
        return bytes(message)
    # the many fields of weights would hide the few of structure
    by_number: dict[int, list[int]] = defaultdict(list)
    for i, (number, _, _) in enumerate(found):
        by_number[number].append(i)
    numbers = list(by_number)
    places = by_number[numbers[rng.integers(len(numbers))]]
    chosen = places[rng.integers(len(places))]
    number, whole, value = found[chosen]
    parts = [bytes(one) for _, one, _ in found]
    parts[chosen] = damage_field(number, bytes(whole), bytes(value), rng)
    return b"".join(parts)


def damage_field(number: int, whole: bytes, value: bytes, rng: np.random.Generator) -> bytes:
    """Change one field of a message; a message within it is entered most of the time."""
    if rng.random() < 0.1:
        return whole * int(rng.choice([0, 2, 50]))
    kind = whole[0] & 7
    if kind == 0:
        tag = whole[: len(whole) - len(value)]
        return tag + wire.to_varint(
            int(rng.choice([0, 1, 2, 7, 100, 2**31 - 1, 2**62, 2**64 - 1])) & (2**64 - 1)
        )
    if kind != 2:
        return whole[: len(whole) - len(value)] + rng.bytes(len(value))
    try:
        inner = damage_message(value, rng) if rng.random() < 0.9 else None
    except (ValueError, IndexError):
        inner = None
    return wire.field(number, flip(value, [], rng) if inner is None else inner)


def make_inputs(recordings: int, models: int, seed: int) -> Iterator[tuple[str, str, bytes]]:
    """Yield kind, group and content of each input."""
    sounds = make_recordings()
    names, others = list(sounds), list(sounds.values())
    for i in range(recordings):
        rng = np.random.default_rng([seed, 0, i])
        if i % RUN_EVERY == RUN_EVERY - 1:
            yield "recording", "long run", make_run(others, rng)
            continue
        name = names[i % len(names)]
        yield "recording", name.split()[0].rstrip(","), damage_recording(sounds[name], others, rng)
    graphs = make_models() if models else {}
    cases = [(name, how) for name in graphs for how in HOW]
    for i in range(models):
        rng = np.random.default_rng([seed, 1, i])
        name, how = cases[i % len(cases)]
        yield "model", f"{name}, {how}", damage_model(*graphs[name], how, rng)
