"""A bundle carries its contract, and one that breaks it is refused with the reason."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from affekt.alignment import VoiceStatistics
from affekt.bundle import (
    DEFAULT_MODEL,
    MIN_WINDOW_S,
    Contract,
    ContractScores,
    TrainingCorpus,
    load,
    parse,
    save,
    seal,
)
from affekt.confidence import Trust
from affekt.errors import BundleError
from affekt.metrics import HEADLINES, Score

CONTRACT = Contract(
    emotions=("happy", "sad"),
    features="mfcc-stats@1",
    sample_rate=22050,
    recipe="quick",
    seed=0,
    corpora=(
        TrainingCorpus(
            name="own",
            licence="mine",
            citation="",
            clips=2,
            speakers=("a", "b"),
            unknown_speakers=False,
        ),
    ),
    fingerprints=("0123456789abcdef",),
    scores=ContractScores(
        protocol="by-actor-5",
        protocol_label="by-actor-5",
        leaky=False,
        n=2,
        chance=0.5,
        headlines={name: Score(value=0.5, low=0.4, high=0.6, spread=0.0) for name in HEADLINES},
        recall={"happy": 0.5, "sad": 0.5},
        confusion_matrix=((1, 0), (1, 0)),
        reliability={"confidence": (0.75,), "accuracy": (0.5,), "count": (2,)},
        coverage=0.9,
        likely_count=1.5,
    ),
    recordings={"duration_s": (1.0, 2.0, 3.0)},
    trust=Trust(temperature=1.5, threshold=0.2),
    novel_from=3.0,
    average_voice=VoiceStatistics((0.0,) * 80, (1.0,) * 80),
    parity=0.0,
    versions={"affekt": "0.1.0"},
)


def make_graph(columns: int = 80, outputs: int = 2, last: str = "Softmax") -> bytes:
    """Softmax of the features times a matrix."""
    weights = np.linspace(-1, 1, columns * outputs, dtype=np.float32)
    nodes = [
        helper.make_node("MatMul", ["features", "weights"], ["scores"]),
        helper.make_node(last, ["scores"], ["probabilities"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, columns])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, outputs])],
        [helper.make_tensor("weights", TensorProto.FLOAT, [columns, outputs], weights)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    return model.SerializeToString()


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    save(tmp_path / "m.onnx", make_graph(), CONTRACT)
    bundle = load(tmp_path / "m.onnx")
    assert replace(bundle.contract, sha256="") == CONTRACT
    probabilities = bundle.run(np.ones((3, 80), np.float32))
    assert probabilities.shape == (3, 2)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)


def test_a_bundle_is_an_onnx_file_that_anyone_can_read() -> None:
    model = onnx.load_from_string(seal(make_graph(), CONTRACT))
    onnx.checker.check_model(model)
    (entry,) = model.metadata_props
    assert json.loads(entry.value)["emotions"] == ["happy", "sad"]


def test_a_file_is_loaded_once_and_again_when_it_changed(tmp_path: Path) -> None:
    file = tmp_path / "m.onnx"
    save(file, make_graph(), CONTRACT)
    first = load(file)
    assert load(file) is first
    save(file, make_graph(), replace(CONTRACT, recipe="another"))
    assert load(file).contract.recipe == "another"


def test_the_bundled_model_has_a_complete_contract() -> None:
    contract = load().contract
    assert len(contract.emotions) == 8
    assert len(contract.corpora[0].speakers) == 24
    assert len(contract.fingerprints) == 2451  # of 2452 clips, two of which are the same
    assert contract.corpora[0].licence == "CC BY-NC-SA 4.0"
    assert contract.scores.protocol == "by-actor-5"
    assert not contract.scores.leaky
    assert contract.parity <= 1e-5
    assert DEFAULT_MODEL.stat().st_size < 8e6


def edited(change: Callable[[dict], None]) -> bytes:
    """A bundle whose contract was rewritten by a foreign hand."""
    model = onnx.load_from_string(seal(make_graph(), CONTRACT))
    values = json.loads(model.metadata_props[0].value)
    change(values)
    model.metadata_props[0].value = json.dumps(values)
    return model.SerializeToString()


@pytest.mark.parametrize(
    "change",
    [
        {"novel_from": float("nan")},
        {"novel_from": 10**400},
        {"novel_from": "far"},
        {"recordings": {"duration_s": [3.0, 2.0, 1.0]}},
        {"recordings": {"duration_s": [0.0, 0.0, float("nan")]}},
        {"trust": {"temperature": 0.0, "threshold": 0.1}},
        {"trust": {"temperature": 1.0, "threshold": 2.0}},
        {"trust": {"temperature": 1.0}},
    ],
)
def test_numbers_that_would_break_an_answer_are_refused_when_it_is_loaded(change: dict) -> None:
    with pytest.raises(BundleError, match="contract that cannot be read"):
        parse(edited(lambda values: values.update(change)), "odd.onnx")


def test_a_window_is_never_so_short_that_a_recording_falls_apart() -> None:
    assert replace(CONTRACT, recordings={"duration_s": (0.0, 0.0, 0.0)}).window_s == MIN_WINDOW_S
    assert replace(CONTRACT, recordings={}).window_s == float("inf")


def without_metadata() -> bytes:
    return make_graph()


def with_changed_weights() -> bytes:
    content = bytearray(seal(make_graph(), CONTRACT))
    at = content.find(np.float32(-1.0).tobytes())
    content[at : at + 4] = np.float32(-0.5).tobytes()
    return bytes(content)


def with_weights_elsewhere() -> bytes:
    """A graph that takes its weights from weights.bin, which lies in the working folder."""
    model = onnx.load_from_string(make_graph())
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="weights.bin")
    tensor.ClearField("float_data")
    tensor.ClearField("raw_data")
    return seal(model.SerializeToString(), CONTRACT)


WHOLE = seal(make_graph(), CONTRACT)
REFUSED = {
    "empty": (b"", "carries no contract"),
    "truncated": (WHOLE[:-200], "truncated"),
    "truncated early": (WHOLE[:300], "truncated"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(200), "truncated, or not an ONNX file|carries no contract"),
    "a pickle": (b"\x80\x04\x95" + bytes(range(200)), "truncated, or not an ONNX file|carries no contract"),
    "foreign ONNX": (without_metadata(), "not a model of affekt"),
    "changed weights": (with_changed_weights(), "checksum"),
    "unknown features": (seal(make_graph(), replace(CONTRACT, features="mfcc-stats@9")), "upgrade affekt"),
    "too many labels": (
        seal(
            make_graph(),
            replace(
                CONTRACT,
                emotions=("a", "b", "c"),
                scores=replace(CONTRACT.scores, confusion_matrix=((1, 0, 0),) * 3),
            ),
        ),
        r"names 3 emotions, but its graph answers with an array of shape \(1, 2\)",
    ),
    "a graph for other features": (seal(make_graph(columns=7), CONTRACT), "no graph that answers"),
    "a graph that is noise": (seal(b"\x0a\x03abc", CONTRACT), "no graph that answers"),
    "swapped labels": (edited(lambda c: c["emotions"].reverse()), "checksum"),
    "a better score": (edited(lambda c: c["scores"].update(leaky=True)), "checksum"),
    "forgotten speakers": (edited(lambda c: c["corpora"][0].update(speakers=[])), "checksum"),
    "another rate": (seal(make_graph(), replace(CONTRACT, sample_rate=16000)), "from 16000 Hz, not 22050"),
    "no probabilities": (seal(make_graph(last="Tanh"), CONTRACT), "no probabilities"),
    "no scores": (edited(lambda c: c["scores"]["headlines"].clear()), "no score for accuracy"),
    "weights in another file": (with_weights_elsewhere(), "no graph that answers"),
    "another format": (edited(lambda c: c.update(format=9)), "format 9"),
    "a missing field": (edited(lambda c: c.pop("recipe")), "no recipe"),
    "labels of a wrong type": (edited(lambda c: c.update(emotions="happy")), "emotions are 'happy'"),
    "a label twice": (edited(lambda c: c.update(emotions=["sad", "sad"])), "named twice"),
    "a contract that is no object": (
        onnx.load_from_string(WHOLE).SerializeToString().replace(b'{"emotions"', b'["emotions"'),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_that_breaks_its_contract_is_refused_with_the_reason(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.bin").write_bytes(np.zeros(160, np.float32).tobytes())
    content, reason = REFUSED[case]
    with pytest.raises(BundleError, match=reason):
        parse(content, "m.onnx")


def test_a_model_tells_whom_it_may_have_heard() -> None:
    assert CONTRACT.knows_speaker("own", "a")
    assert CONTRACT.knows_speaker("own", "")
    assert not CONTRACT.knows_speaker("own", "c")
    assert not CONTRACT.knows_speaker("other", "a")
    unknown = replace(CONTRACT, corpora=(replace(CONTRACT.corpora[0], unknown_speakers=True),))
    assert unknown.knows_speaker("own", "c")
    assert CONTRACT.has_heard("0123456789abcdef0123456789abcdef")
    assert not CONTRACT.has_heard("1123456789abcdef0123456789abcdef")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No such file"):
        load(tmp_path / "none.onnx")


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_file_is_refused_or_was_not_damaged_in_what_counts(seed: int) -> None:
    rng = np.random.default_rng(seed)
    content = bytearray(WHOLE)
    content[rng.integers(len(content))] ^= int(rng.integers(1, 256))
    try:
        bundle = parse(bytes(content), "m.onnx")
    except BundleError:
        return
    assert bundle.contract == parse(WHOLE, "m.onnx").contract


@pytest.mark.parametrize("name", [field.name for field in fields(Contract)])
def test_no_part_of_the_contract_may_be_missing(name: str) -> None:
    with pytest.raises(BundleError, match="cannot be read"):
        parse(edited(lambda values: values.pop(name)), "m.onnx")


@pytest.mark.parametrize("column", [float("nan"), 1e300, "1"])
def test_an_average_voice_that_is_none_is_refused(column: object, tmp_path: Path) -> None:
    odd = replace(CONTRACT, average_voice=VoiceStatistics((column,) * 80, (1.0,) * 80))  # type: ignore[arg-type]
    save(tmp_path / "odd.onnx", make_graph(), odd)
    with pytest.raises(BundleError, match="carries a contract that cannot be read"):
        load(tmp_path / "odd.onnx")


def test_an_average_voice_of_other_features_is_refused(tmp_path: Path) -> None:
    odd = replace(CONTRACT, average_voice=VoiceStatistics((0.0,) * 79, (1.0,) * 79))
    save(tmp_path / "odd.onnx", make_graph(), odd)
    with pytest.raises(BundleError, match="an average voice that is not of mfcc-stats@1"):
        load(tmp_path / "odd.onnx")
