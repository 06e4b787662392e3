"""The shipped model: one ``.onnx`` file that carries its own contract.

The contract is JSON in the file's metadata and says what the graph needs, what its outputs mean,
what it was trained on and how it was scored. Loading parses bytes and hands the graph to
onnxruntime; no code from the file runs, and a file that breaks its contract is refused.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import onnxruntime.capi.onnxruntime_pybind11_state as ort_errors
from numpy.typing import NDArray

from affekt.alignment import LARGEST, VoiceStatistics
from affekt.confidence import TEMPERATURES, Trust
from affekt.errors import BundleError
from affekt.features import FEATURE_SETS
from affekt.metrics import HEADLINES, Score
from affekt.writing import whole_file

DEFAULT_MODEL = Path(__file__).parent / "models" / "default.onnx"
CONTRACT_FORMAT = 4
FINGERPRINT_DIGITS = 16
RELIABILITY = {"confidence", "accuracy", "count"}
MAX_BUNDLE_BYTES = 1 << 30
MIN_WINDOW_S = 1.0
_RUNTIME_ERRORS = (  # onnxruntime's errors share no base but Exception
    ort_errors.EPFail,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    ValueError,  # more than one output, or other inputs
    IndexError,  # no input
)
_EXTERNAL_FOLDER_OPTION = "session.model_external_initializers_file_folder_path"
_PROBE_FRAMES = 128  # stands for any length
_METADATA_KEY = b"affekt"
_METADATA_FIELD = 14  # ModelProto.metadata_props in onnx.proto


@dataclass(frozen=True, kw_only=True)
class TrainingCorpus:
    """A corpus that a model was trained on; of some clips nobody may know who speaks."""

    name: str
    licence: str
    citation: str
    clips: int
    speakers: tuple[str, ...]
    unknown_speakers: bool


@dataclass(frozen=True, kw_only=True)
class ContractScores:
    """How a model's recipe was scored.

    Terms, headlines by name, recall by emotion; the confusion matrix, reference in its rows; and the bins
    of the reliability diagram, ``confidence``, ``accuracy`` and ``count``. ``coverage`` is how often the
    truth was among the likely emotions, and ``likely_count`` how many these were; None where only one fold
    was tested.
    """

    protocol: str
    protocol_label: str
    leaky: bool
    n: int
    chance: float
    headlines: Mapping[str, Score]
    recall: Mapping[str, float | None]
    confusion_matrix: tuple[tuple[int, ...], ...]
    reliability: Mapping[str, tuple[float, ...]]
    coverage: float | None
    likely_count: float | None


@dataclass(frozen=True, kw_only=True)
class Contract:
    """What a model promises.

    Attributes
    ----------
    emotions
        The meaning of each output, in order.
    features, sample_rate
        The feature set ``name@version``, and the rate in Hz that it starts from (None: the clip's own).
    recipe, seed
        How it was trained.
    corpora
        What it was trained on, each with licence and speakers.
    fingerprints
        The first 16 digits of the ``audio.fingerprint`` of each clip that it was trained on.
    scores
        How its recipe was scored by cross-validation.
    recordings
        How the training clips were recorded: characteristic -> its 5th, 50th and 95th percentile.
    trust
        How its probabilities become what is told, fitted on answers about unheard voices.
    novel_from
        A clip this far from the average voice, by ``novelty``, is like nothing that was learned from.
    average_voice
        What the features of its training voices are like on average, which adaptation moves others to.
    parity
        Largest difference, on real clips, between this graph and the estimator it was made from.
    versions
        Of the libraries that trained it.
    sha256
        Checksum of the graph and of everything above.
    """

    emotions: tuple[str, ...]
    features: str
    sample_rate: int | None
    recipe: str
    seed: int
    corpora: tuple[TrainingCorpus, ...]
    fingerprints: tuple[str, ...]
    scores: ContractScores
    recordings: Mapping[str, tuple[float, float, float]]
    trust: Trust
    novel_from: float
    average_voice: VoiceStatistics
    parity: float
    versions: Mapping[str, str]
    sha256: str = ""
    format: int = CONTRACT_FORMAT

    @property
    def window_s(self) -> float:
        """Seconds of a long recording that are heard at once: nearly all training clips are shorter."""
        return (
            max(self.recordings["duration_s"][2], MIN_WINDOW_S)
            if "duration_s" in self.recordings
            else math.inf
        )

    def has_heard(self, fingerprint: str) -> bool:
        """Whether this very recording was trained on."""
        return fingerprint[:FINGERPRINT_DIGITS] in self.fingerprints

    def knows_speaker(self, corpus: str, speaker: str) -> bool:
        """Whether this voice was, or may have been, trained on."""
        return any(
            trained.name == corpus
            and (speaker in trained.speakers or not speaker or trained.unknown_speakers)
            for trained in self.corpora
        )


@dataclass(frozen=True)
class Bundle:
    """A model that is ready to answer. Made by ``load`` alone."""

    contract: Contract = field(repr=False)
    name: str
    _content: bytes = field(repr=False)
    _session: onnxruntime.InferenceSession = field(repr=False)

    def __reduce__(self) -> tuple[Any, tuple[bytes, str]]:
        """How to make it anew in another process."""
        return parse, (self._content, self.name)

    def run(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities of shape (clips, emotions), rows summing to 1, of features (clips, columns)."""
        (probabilities,) = self._session.run(None, {self._session.get_inputs()[0].name: features})
        return np.asarray(probabilities, np.float32)


def load(path: str | os.PathLike[str] | None = None) -> Bundle:
    """Load a model, the one that comes with affekt by default.

    A file is read once per process, and again when it has changed.

    Raises
    ------
    BundleError
        The file is missing, truncated, foreign, changed since it was made, of an unknown feature
        version, or its outputs do not fit its labels.

    Examples
    --------
    >>> load().contract.emotions[:3]
    ('neutral', 'calm', 'happy')
    """
    if isinstance(path, int):
        raise TypeError(f"{path} is no model: a waveform and its rate are one, predict((waveform, {path}))")
    place = DEFAULT_MODEL if path is None else Path(path)
    try:
        status = place.stat()
        if status.st_size > MAX_BUNDLE_BYTES:
            raise BundleError(f"{place} is larger than any model of affekt ({status.st_size} bytes)")
        return _load(place.resolve(), status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise BundleError(f"the model {str(place)!r} cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=4)
def _load(path: Path, modified_ns: int, size: int) -> Bundle:
    return parse(path.read_bytes(), str(path))


def parse(content: bytes, name: str) -> Bundle:
    """A bundle from the bytes of its file; ``name`` stands in messages."""
    contract = _read_contract(content, name)
    if contract.features not in FEATURE_SETS:
        raise BundleError(
            f"{name} needs the features {contract.features!r}, and this version of affekt knows "
            f"{', '.join(FEATURE_SETS)}: upgrade affekt, or train the model again"
        )
    feature_set = FEATURE_SETS[contract.features]
    average = contract.average_voice
    if {len(average.mean), len(average.deviation)} != {len(feature_set.columns)}:
        raise BundleError(f"{name} has an average voice that is not of {contract.features}")
    if contract.sample_rate != feature_set.sample_rate:
        raise BundleError(
            f"{name} has {contract.features} from {contract.sample_rate} Hz, not {feature_set.sample_rate}"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # small graphs: waking threads costs more than they save
    options.log_severity_level = 4
    # rewriting a graph takes longer than a few hundred answers save by it
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # A graph may name other files to take weights from. One file is all that a bundle is.
    options.add_session_config_entry(_EXTERNAL_FOLDER_OPTION, os.path.join(os.devnull, "none"))  # noqa: PTH118
    shape = [size or _PROBE_FRAMES for size in feature_set.shape]
    try:
        session = onnxruntime.InferenceSession(content, options, ["CPUExecutionProvider"])
        bundle = Bundle(contract, name, content, session)
        probe = bundle.run(np.zeros((1, *shape), np.float32))
    except _RUNTIME_ERRORS as error:
        raise BundleError(f"{name} holds no graph that answers {contract.features}: {error}") from error
    if probe.shape != (1, len(contract.emotions)):
        raise BundleError(
            f"{name} names {len(contract.emotions)} emotions, but its graph answers with an array of "
            f"shape {probe.shape}"
        )
    if not abs(float(probe.sum()) - 1) < 1e-3 or not (probe >= 0).all():
        raise BundleError(f"{name} answers with what are no probabilities: {probe[0].tolist()}")
    return bundle


def save(path: str | os.PathLike[str], graph: bytes, contract: Contract) -> None:
    """Write a serialized ONNX model and its contract as one file, whole or not at all."""
    with whole_file(path, "wb") as file:
        file.write(seal(graph, contract))


def seal(graph: bytes, contract: Contract) -> bytes:
    """The bytes of a bundle: the graph, then one metadata entry with the contract.

    A protobuf message is the concatenation of its fields, so appending is all that it takes.
    """
    values = asdict(contract)
    values["sha256"] = _checksum(graph, values)
    text = json.dumps(values, ensure_ascii=False).encode()
    entry = _field(1, _METADATA_KEY) + _field(2, text)
    return graph + _field(_METADATA_FIELD, entry)


def _read_contract(content: bytes, name: str) -> Contract:
    try:
        entries = [value for number, _, value in _fields(content) if number == _METADATA_FIELD]
        metadata = [{n: v for n, _, v in _fields(entry)} for entry in entries]
    except (IndexError, ValueError) as error:
        raise BundleError(f"{name} is truncated, or not an ONNX file at all") from error
    texts = [entry.get(2, b"") for entry in metadata if entry.get(1) == _METADATA_KEY]
    if len(texts) != 1:
        raise BundleError(f"{name} is not a model of affekt: it carries no contract")
    try:
        values = json.loads(texts[0])
        contract = _parse_contract(values)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise BundleError(f"{name} carries a contract that cannot be read: {error}") from error
    if contract.sha256 != _checksum(content, values):
        raise BundleError(f"{name} was changed since it was made: its checksum does not fit")
    return contract


def _parse_contract(values: dict[str, Any]) -> Contract:
    if values.get("format") != CONTRACT_FORMAT:
        raise ValueError(
            f"format {values.get('format')!r}, this version of affekt reads {CONTRACT_FORMAT}: train the "
            "model again with it"
        )
    known = {one.name for one in fields(Contract)}
    if missing := known - values.keys():
        raise ValueError(f"no {', '.join(sorted(missing))}")
    emotions = values["emotions"]
    if not (isinstance(emotions, list) and emotions and all(isinstance(e, str) for e in emotions)):
        raise ValueError(f"emotions are {emotions!r}")
    if len(set(emotions)) != len(emotions):
        raise ValueError(f"an emotion is named twice: {emotions}")
    corpora = [{**corpus, "speakers": tuple(corpus["speakers"])} for corpus in values["corpora"]]
    headlines = {name: Score(**score) for name, score in values["scores"]["headlines"].items()}
    if missing := HEADLINES.keys() - headlines.keys():
        raise ValueError(f"no score for {', '.join(sorted(missing))}")
    rows = tuple(tuple(row) for row in values["scores"]["confusion_matrix"])
    bins = {name: tuple(of_bin) for name, of_bin in values["scores"]["reliability"].items()}
    if bins.keys() != RELIABILITY or len({len(column) for column in bins.values()}) != 1:
        raise ValueError(
            f"the reliability diagram has {sorted(bins)}, not {sorted(RELIABILITY)} of one length"
        )
    if not sum(bins["count"]) > 0:
        raise ValueError("the reliability diagram has no answers")
    if [len(row) for row in rows] != [len(emotions)] * len(emotions):
        raise ValueError("the confusion matrix does not fit the emotions")
    recordings = values["recordings"]
    return Contract(
        **{
            **{key: values[key] for key in known},
            "emotions": tuple(emotions),
            "fingerprints": tuple(values["fingerprints"]),
            "average_voice": VoiceStatistics.parse(values["average_voice"]),
            "trust": _parse_trust(values["trust"]),
            "novel_from": _finite(values["novel_from"]),
            "recordings": {name: _percentiles(*found) for name, found in recordings.items()},
            "corpora": tuple(TrainingCorpus(**corpus) for corpus in corpora),
            "scores": ContractScores(
                **{
                    **values["scores"],
                    "headlines": headlines,
                    "confusion_matrix": rows,
                    "reliability": bins,
                }
            ),
        }
    )


def _finite(value: float) -> float:
    if not (isinstance(value, int | float) and abs(value) < LARGEST):
        raise ValueError(f"{value!r} is no number to be compared with")
    return float(value)


def _percentiles(low: float, middle: float, high: float) -> tuple[float, float, float]:
    found = _finite(low), _finite(middle), _finite(high)
    if list(found) != sorted(found):
        raise ValueError(f"percentiles that do not ascend: {found}")
    return found


def _parse_trust(values: dict[str, Any]) -> Trust:
    trust = Trust(**values)
    if not (TEMPERATURES[0] <= trust.temperature <= TEMPERATURES[1] and 0 <= trust.threshold <= 1):
        raise ValueError(f"no probabilities are trusted like that: {values}")
    return trust


def _checksum(content: bytes, contract: dict[str, Any]) -> str:
    """Of all fields but the metadata, and of the contract but for its checksum."""
    digest = hashlib.sha256()
    for number, whole, _ in _fields(content):
        if number != _METADATA_FIELD:
            digest.update(whole)
    promised = {key: value for key, value in contract.items() if key != "sha256"}
    digest.update(json.dumps(promised, sort_keys=True).encode())
    return digest.hexdigest()


# The few lines of protobuf's wire format that it takes to find a message's fields:
# https://protobuf.dev/programming-guides/encoding


def _fields(message: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """(number, the field's bytes with its tag, its value) for each field at the top of a message."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        wire_type = tag & 7
        if wire_type == 2:
            length, at = _varint(message, at)
        elif wire_type == 0:
            length = _varint(message, at)[1] - at
        elif wire_type in (1, 5):
            length = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"no such wire type: {wire_type}")
        if at + length > len(message):
            raise ValueError("the message ends within a field")
        yield tag >> 3, message[start : at + length], message[at : at + length]
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A number of 7 bits a byte, and where it ends."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("a number of more than 64 bits")


def _field(number: int, value: bytes) -> bytes:
    return _to_varint(number << 3 | 2) + _to_varint(len(value)) + value


def _to_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])
