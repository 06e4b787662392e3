"""The model file: one ``.onnx`` file that carries its own contract.

The contract is JSON in the file's metadata. Loading parses bytes and hands the graph to onnxruntime; no
code from the file runs, and a file that breaks its contract is refused.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from affekt.errors import BundleError, UnknownNameError
from affekt.features.feature_sets import FeatureSet, find_feature_set
from affekt.metrics import METRIC_TITLES
from affekt.model import wire
from affekt.model.contract import Contract, parse_contract
from affekt.model.graph import MAX_MODEL_FIELDS, check_graph
from affekt.model.out_of_distribution import distance
from affekt.model.speaker_normalisation import SpeakerStatistics, normalise_speaker
from affekt.support.markup import html_table
from affekt.support.plain_values import parse_json
from affekt.support.sessions import session_options
from affekt.support.writing import whole_file

if TYPE_CHECKING:
    import onnxruntime

DEFAULT_MODEL = Path(__file__).with_name("default.onnx")
MAX_BUNDLE_BYTES = 1 << 30
MAX_CONTRACT_BYTES = 16 << 20  # fingerprints of 800,000 clips
MAX_WORKING_BYTES = 1 << 30  # of all tensors together while graphs run
MAX_PROBE_S = 20.0  # the bundled model takes a hundredth of a second
_EXTERNAL_FOLDER_OPTION = "session.model_external_initializers_file_folder_path"
_PROBE_FRAMES = 128, 41  # stand for any length
MAX_ENTRY_FIELDS = 10
_SUM_TOLERANCE = 1e-3
PROBABILITIES, ENROLLED_PROBABILITIES = "probabilities", "enrolled_probabilities"  # outputs of a graph
_METADATA_KEY = b"affekt"
_METADATA_FIELD = 14  # ModelProto.metadata_props in onnx.proto


@dataclass(frozen=True, repr=False)
class Bundle:
    """A model that is ready to predict. Made by ``load`` or ``parse``.

    Attributes
    ----------
    contract
        What it promises.
    name
        Its path, or what it is called in messages.
    """

    contract: Contract = field(repr=False)
    name: str
    _content: bytes = field(repr=False)
    _session: onnxruntime.InferenceSession = field(repr=False)

    def __repr__(self) -> str:
        contract, score = self.contract, self.contract.scores.headlines["accuracy"]
        corpora = "+".join(corpus.name for corpus in contract.corpora)
        return (
            f"<Bundle {Path(self.name).name}: {contract.recipe} on {corpora}, {len(contract.emotions)} "
            f"emotions, accuracy {score.value:.1%}, {contract.scores.protocol_label}>"
        )

    def _repr_html_(self) -> str:
        contract, scores = self.contract, self.contract.scores
        rows: list[tuple[str, str]] = [
            ("recipe", contract.recipe),
            ("emotions", ", ".join(contract.emotions)),
            ("features", self.feature_set.name),
            ("trained on", ", ".join(f"{one.name} ({one.clips} clips)" for one in contract.corpora)),
            ("protocol", f"{scores.protocol_label}, {scores.n} clips, chance {scores.chance:.1%}"),
        ]
        shown = {name: scores.headlines[name].with_interval for name in ("accuracy", "uar")}
        rows += [(METRIC_TITLES[name], score) for name, score in shown.items()]
        return html_table(f"Model {Path(self.name).name}", rows)

    def __reduce__(self) -> tuple[Any, tuple[bytes, str]]:
        """How to make it anew in another process."""
        return parse, (self._content, self.name)

    @property
    def feature_set(self) -> FeatureSet:
        """The features that it takes."""
        return find_feature_set(self.contract.features)

    def run(self, features: NDArray[np.float32], *, enrolled: bool = False) -> NDArray[np.float32]:
        """Return probabilities of shape (clips, emotions), rows summing to 1.

        Parameters
        ----------
        features
            float32 of shape (clips, columns) or (clips, frames, columns).
        enrolled
            Whether they are normalised by an enrolled speaker.

        Raises
        ------
        BundleError
            The graph fails on these features, or what it returns is not probabilities.
        """
        import onnxruntime  # takes long, and the process of the server that answers does without it

        return self._run(features, onnxruntime.RunOptions(), enrolled=enrolled)

    def _run(
        self, features: NDArray[np.float32], options: onnxruntime.RunOptions, *, enrolled: bool
    ) -> NDArray[np.float32]:
        outputs = [one.name for one in self._session.get_outputs()]
        if enrolled and ENROLLED_PROBABILITIES in outputs:
            outputs = [ENROLLED_PROBABILITIES]
        elif PROBABILITIES in outputs:
            outputs = [PROBABILITIES]
        try:
            (found,) = self._session.run(outputs, {self._session.get_inputs()[0].name: features}, options)
        except _runtime_errors() as error:
            raise BundleError(
                f"{self.name} holds no graph that takes {self.contract.features}: {error}"
            ) from error
        if not isinstance(found, np.ndarray) or found.dtype.kind != "f":
            raise BundleError(f"{self.name} returns no probabilities, but {type(found).__name__}")
        if found.shape != (len(features), len(self.contract.emotions)):
            raise BundleError(
                f"{self.name} names {len(self.contract.emotions)} emotions, but its graph returns an array "
                f"of shape {found.shape} for {len(features)} clips"
            )
        sums = found.sum(axis=1, dtype=np.float64)
        # NaN is in no range
        if not ((found >= 0).all() and (abs(sums - 1) < _SUM_TOLERANCE).all()):
            raise BundleError(f"{self.name} returns values that are not probabilities: {found[0].tolist()}")
        return np.asarray(found, np.float32)

    def predict_proba(
        self, windows: Sequence[NDArray[np.float32]], speaker: SpeakerStatistics | None = None
    ) -> NDArray[np.float32]:
        """Return what the graph returns for one recording, mean over its windows: shape (emotions,).

        Parameters
        ----------
        windows
            The features of each window, not normalised.
        speaker
            Statistics of the speaker; None for an unknown speaker.
        """
        average, relative = self.contract.average_speaker, self.feature_set.relative_columns
        rows = [
            self.run(
                normalise_speaker(one, speaker, average, relative)[None], enrolled=speaker is not None
            )[0]
            for one in windows
        ]
        return np.asarray(np.mean(rows, axis=0))

    def distance(self, windows: Sequence[NDArray[np.float32]]) -> float:
        """Return the out-of-distribution distance of one recording, median over its windows."""
        average, relative = self.contract.average_speaker, self.feature_set.relative_columns
        return float(np.median([distance(one, average, relative) for one in windows]))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file, whole or not at all."""
        with whole_file(path, "wb") as file:
            file.write(self._content)

    def to_dict(self) -> dict[str, Any]:
        """Name and contract as plain values."""
        return {"name": self.name, **self.contract.to_dict()}


ModelLike = str | os.PathLike[str] | Bundle | None
"""A model: a file, one already loaded, or None for the bundled model."""


def load(path: ModelLike = None) -> Bundle:
    """Load a model; without a path, the model that is bundled with affekt.

    A file is read once per process, and again when it has changed. A ``Bundle`` is returned as it is.

    Raises
    ------
    BundleError
        The file is missing, truncated, not a model of affekt, changed since it was made, needs unknown
        features, or its outputs do not fit its emotions.

    Examples
    --------
    >>> load().contract.emotions[:3]
    ('neutral', 'calm', 'happy')
    """
    if isinstance(path, Bundle):
        return path
    if isinstance(path, int):
        raise TypeError(f"{path} is not a model. For an array of samples: predict((waveform, {path}))")
    place = DEFAULT_MODEL if path is None else Path(path)
    try:
        status = place.stat()
        if not stat.S_ISREG(status.st_mode):
            raise BundleError(f"the model {str(place)!r} is not a file")
        if status.st_size > MAX_BUNDLE_BYTES:
            raise BundleError(f"{place} is larger than any model of affekt ({status.st_size} bytes)")
        return _load(place.resolve(), status.st_mtime_ns, status.st_size)
    except OSError as error:
        raise BundleError(f"the model {str(place)!r} cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=4)
def _load(path: Path, modified_ns: int, size: int) -> Bundle:
    return parse(path.read_bytes(), str(path))


def parse(content: bytes, name: str) -> Bundle:
    """Build a bundle from the bytes of its file; ``name`` is used in messages.

    Raises
    ------
    BundleError
        As for ``load``.
    """
    import onnxruntime

    contract = _read_contract(content, name)
    feature_set = _check_features(contract, name)
    try:
        check_graph(content)
    except (IndexError, ValueError) as error:
        raise BundleError(f"{name} holds a graph that affekt does not run: {error}") from error
    try:
        session = onnxruntime.InferenceSession(
            content,
            _session_options(),
            ["CPUExecutionProvider"],
            enable_fallback=0,  # prints to the standard output, and tries the same again
            read_config_from_model=0,
        )
    except _runtime_errors() as error:
        raise BundleError(f"{name} holds no graph that takes {contract.features}: {error}") from error
    if contract.enrolled_calibration and ENROLLED_PROBABILITIES not in {
        output.name for output in session.get_outputs()
    }:
        raise BundleError(f"{name} has a calibration for enrolled speakers, and no predictions for them")
    bundle = Bundle(contract, name, content, session)
    _probe(bundle, feature_set)
    return bundle


def _session_options() -> onnxruntime.SessionOptions:
    _limit_memory()
    options = session_options()
    # A graph may name other files to read weights from. A bundle is one file.
    options.add_session_config_entry(_EXTERNAL_FOLDER_OPTION, os.path.join(os.devnull, "none"))  # noqa: PTH118
    options.add_session_config_entry("session.use_env_allocators", "1")
    # else bytes that say so are read as another format, whose operators were not checked
    options.add_session_config_entry("session.load_model_format", "ONNX")
    return options


@functools.cache
def _runtime_errors() -> tuple[type[Exception], ...]:
    """Return onnxruntime's errors, which share no base but Exception."""
    import onnxruntime.capi.onnxruntime_pybind11_state as ort_errors

    return (
        ort_errors.EPFail,
        ort_errors.Fail,
        ort_errors.InvalidArgument,
        ort_errors.InvalidGraph,
        ort_errors.InvalidProtobuf,
        ort_errors.NotImplemented,
        ort_errors.RuntimeException,
        ValueError,  # more than one output, or other inputs
        IndexError,  # no input
        RuntimeError,  # a tensor of an unknown type
    )


@functools.cache
def _limit_memory() -> None:
    """Limit the memory of all sessions that use the allocator of the process, as ours do.

    A small graph may ask for any amount: an outer product of two long vectors is one operator.
    """
    import onnxruntime

    kind = onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR
    memory = onnxruntime.OrtMemoryInfo("Cpu", kind, 0, onnxruntime.OrtMemType.DEFAULT)
    limits = onnxruntime.OrtArenaCfg({"max_mem": MAX_WORKING_BYTES, "arena_extend_strategy": 1})
    with contextlib.suppress(*_runtime_errors()):  # the program that uses affekt has set its own
        onnxruntime.create_and_register_allocator(memory, limits)


def _probe(bundle: Bundle, feature_set: FeatureSet) -> None:
    """Run a graph on zeros and on features like those of the training clips: it must answer, and in time.

    It runs in a thread, because onnxruntime can only be stopped between two operators.
    """
    import onnxruntime

    options, average = onnxruntime.RunOptions(), bundle.contract.average_speaker
    options.log_severity_level = 4
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    rng, found = np.random.default_rng(0), list[Exception]()

    def run() -> None:
        try:
            for frames, noise in zip(_PROBE_FRAMES, (0.0, 1.0), strict=True):
                shape = [1, *(size or frames for size in feature_set.shape)]
                features = noise * (rng.standard_normal(shape) * average.deviation + average.mean)
                for enrolled in (False, True):
                    bundle._run(features.astype(np.float32), options, enrolled=enrolled)
        except Exception as error:  # noqa: BLE001 - whatever it is, the model is not one
            found.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(MAX_PROBE_S)
    if thread.is_alive():
        options.terminate = True
        raise BundleError(f"{bundle.name} is too slow: no answer for one clip after {MAX_PROBE_S:g} s")
    for error in found:
        raise error if isinstance(error, BundleError) else BundleError(f"{bundle.name} fails: {error}")


def seal(graph: bytes, contract: Contract) -> bytes:
    """Return the bytes of a bundle: the graph, then one metadata entry with the contract.

    A protobuf message is the concatenation of its fields, so a field is added by appending it.
    """
    values = contract.to_dict()
    values["sha256"] = _checksum(graph, values)
    text = json.dumps(values, ensure_ascii=False).encode()
    entry = wire.field(1, _METADATA_KEY) + wire.field(2, text)
    return graph + wire.field(_METADATA_FIELD, entry)


def _read_contract(content: bytes, name: str) -> Contract:
    try:
        found = wire.fields(content, MAX_MODEL_FIELDS)
        entries = [value for number, _, value in found if number == _METADATA_FIELD]
        metadata = [{n: bytes(v) for n, _, v in wire.fields(entry, MAX_ENTRY_FIELDS)} for entry in entries]
    except (IndexError, ValueError) as error:
        raise BundleError(f"{name} is not a model of affekt, or is truncated ({error})") from error
    texts = [entry.get(2, b"") for entry in metadata if entry.get(1) == _METADATA_KEY]
    if len(texts) != 1:
        raise BundleError(f"{name} is not a model of affekt: it carries no contract")
    if len(texts[0]) > MAX_CONTRACT_BYTES:
        raise BundleError(f"{name} carries a contract of {len(texts[0])} bytes, larger than any")
    try:
        values = parse_json(texts[0])
        contract = parse_contract(values)
    except ValueError as error:
        raise BundleError(f"{name} carries a contract that cannot be read: {error}") from error
    if contract.sha256 != _checksum(content, values):
        raise BundleError(f"{name} was changed since it was made: its checksum does not fit")
    return contract


def _check_features(contract: Contract, name: str) -> FeatureSet:
    try:
        feature_set = find_feature_set(contract.features)
    except UnknownNameError as error:
        raise BundleError(
            f"{name} needs the features {contract.features!r}, which this version of affekt does not "
            "know: upgrade affekt, or train the model again"
        ) from error
    average = contract.average_speaker
    if {len(average.mean), len(average.deviation)} != {len(feature_set.columns)}:
        raise BundleError(f"{name} has an average speaker whose features are not {contract.features}")
    if contract.sample_rate != feature_set.sample_rate:
        raise BundleError(
            f"{name} takes {contract.features} at {contract.sample_rate} Hz, not {feature_set.sample_rate}"
        )
    return feature_set


def _checksum(content: bytes, contract: Mapping[str, Any]) -> str:
    """SHA-256 of all fields but the metadata, and of the contract without its checksum."""
    digest = hashlib.sha256()
    for number, whole, _ in wire.fields(content):
        if number != _METADATA_FIELD:
            digest.update(whole)
    promised = {key: value for key, value in contract.items() if key != "sha256"}
    digest.update(json.dumps(promised, sort_keys=True).encode())
    return digest.hexdigest()
