"""A bundle holds its contract, and one that breaks it is refused with the reason."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
from onnx import TensorProto
from tests.model.contracts import CONTRACT, edited, make_graph
from tests.odd_values import ODD_VALUES, name_of, places, replaced

from affekt.errors import BundleError
from affekt.features.feature_sets import find_feature_set
from affekt.inference.prediction import predict
from affekt.model import wire
from affekt.model.bundle import DEFAULT_MODEL, load, parse, seal
from affekt.model.contract import Contract
from affekt.model.speaker_normalisation import SpeakerStatistics


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "m.onnx").write_bytes(seal(make_graph(), CONTRACT))
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
    file.write_bytes(seal(make_graph(), CONTRACT))
    first = load(file)
    assert load(file) is first
    file.write_bytes(seal(make_graph(), replace(CONTRACT, recipe="another")))
    assert load(file).contract.recipe == "another"


def test_a_loaded_model_is_returned_as_it_is() -> None:
    bundle = parse(seal(make_graph(), CONTRACT), "m.onnx")
    assert load(bundle) is bundle
    assert load() is load(None)


def test_a_sample_rate_given_as_the_model_is_explained() -> None:
    with pytest.raises(TypeError, match=r"16000 is not a model\. For an array of samples: predict\(\("):
        load(16000)  # type: ignore[arg-type]


def test_the_bundled_model_has_a_complete_contract() -> None:
    contract = load().contract
    assert len(contract.emotions) == 8
    assert [(one.name, one.clips, len(one.speakers)) for one in contract.corpora] == [
        ("ravdess", 2452, 24),
        ("nemo", 2566, 9),
    ]
    assert {one.licence for one in contract.corpora} == {"CC BY-NC-SA 4.0"}
    assert 5000 < len(contract.fingerprints) < 2452 + 2566  # some clips are the same
    assert contract.scores.protocol == "by-actor-5"
    assert not contract.scores.leaky
    assert contract.parity <= 1e-5
    assert DEFAULT_MODEL.stat().st_size < 8e6


def test_the_bundled_model_sealed_again_is_the_same_file() -> None:
    """Model files of before the attributes were renamed stay exchangeable with those written now."""
    content = DEFAULT_MODEL.read_bytes()
    graph = b"".join(whole for number, whole, _ in wire.fields(content) if number != 14)
    assert len(graph) < len(content)
    assert seal(graph, parse(content, "default.onnx").contract) == content


def test_a_feature_set_of_an_older_name_is_known() -> None:
    assert find_feature_set("two-views@1") is find_feature_set("frames-and-utterance@1")


@pytest.mark.parametrize(
    "change",
    [
        {"novel_from": float("nan")},
        {"novel_from": 10**400},
        {"novel_from": "far"},
        {"uncertainty_weight": -1.0},
        {"uncertainty_weight": 101},
        {"recordings": {"duration_s": [3.0, 2.0, 1.0]}},
        {"recordings": {"duration_s": [0.0, 0.0, float("nan")]}},
        {"trust": {"temperature": 0.0, "threshold": 0.1}},
        {"trust": {"temperature": 1.0, "threshold": 2.0}},
        {"trust": {"temperature": 1.0}},
    ],
)
def test_numbers_that_would_break_a_prediction_are_refused_when_a_model_is_loaded(
    change: dict[str, Any],
) -> None:
    with pytest.raises(BundleError, match="contract that cannot be read"):
        parse(edited(lambda values: values.update(change)), "odd.onnx")


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


def with_three_emotions() -> bytes:
    scores = replace(CONTRACT.scores, confusion_matrix=((1, 0, 0),) * 3)
    return seal(make_graph(), replace(CONTRACT, emotions=("a", "b", "c"), scores=scores))


def with_a_list_as_contract() -> bytes:
    content: bytes = onnx.load_from_string(WHOLE).SerializeToString()
    return content.replace(b'{"emotions"', b'["emotions"')


WHOLE = seal(make_graph(), CONTRACT)
NO_CONTRACT = "is truncated|carries no contract"
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "carries no contract"),
    "truncated": (WHOLE[:-200], "truncated"),
    "truncated early": (WHOLE[:300], "truncated"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(200), NO_CONTRACT),
    "a pickle": (b"\x80\x04\x95" + bytes(range(200)), NO_CONTRACT),
    "foreign ONNX": (make_graph(), "not a model of affekt"),
    "changed weights": (with_changed_weights(), "checksum"),
    "unknown features": (seal(make_graph(), replace(CONTRACT, features="mfcc-stats@9")), "upgrade affekt"),
    "too many labels": (
        with_three_emotions(),
        r"names 3 emotions, but its graph returns an array of shape \(1, 2\)",
    ),
    "a graph for other features": (
        seal(make_graph(columns=7), CONTRACT),
        "no graph that takes mfcc-stats@1",
    ),
    "a graph that is noise": (seal(b"\x0a\x03abc", CONTRACT), "no graph that takes mfcc-stats@1"),
    "swapped labels": (edited(lambda c: c["emotions"].reverse()), "checksum"),
    "a better score": (edited(lambda c: c["scores"].update(leaky=True)), "checksum"),
    "forgotten speakers": (edited(lambda c: c["corpora"][0].update(speakers=[])), "checksum"),
    "another rate": (seal(make_graph(), replace(CONTRACT, sample_rate=16000)), "at 16000 Hz, not 22050"),
    "no probabilities": (seal(make_graph(last="Tanh"), CONTRACT), "not probabilities"),
    "no scores": (edited(lambda c: c["scores"]["headlines"].clear()), "no score for accuracy"),
    "unknown metric": (
        edited(lambda c: c["scores"]["headlines"].update(extra=c["scores"]["headlines"]["uar"])),
        "unknown metrics",
    ),
    "weights in another file": (with_weights_elsewhere(), "no graph that takes mfcc-stats@1"),
    "another format": (edited(lambda c: c.update(format=9)), "its format is 9"),
    "a missing field": (edited(lambda c: c.pop("recipe")), "lacks recipe"),
    "labels of a wrong type": (
        edited(lambda c: c.update(emotions="happy")),
        "emotions is 'happy', not a list",
    ),
    "a label twice": (edited(lambda c: c.update(emotions=["sad", "sad"])), "named twice"),
    "a contract that is no object": (with_a_list_as_contract(), "cannot be read"),
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


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="No such file"):
        load(tmp_path / "none.onnx")


@pytest.mark.parametrize("place", [os.devnull, "."])
def test_a_device_or_a_folder_is_refused_before_it_is_read(place: str) -> None:
    """/dev/zero has no end."""
    with pytest.raises(BundleError, match="is not a file"):
        load(place)


def test_a_file_that_is_far_too_large_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("affekt.model.bundle.MAX_BUNDLE_BYTES", 10)
    monkeypatch.setattr("affekt.model.bundle._load", lambda *_: pytest.fail("it was read"))
    (tmp_path / "m.onnx").write_bytes(bytes(11))
    with pytest.raises(BundleError, match="larger than any model"):
        load(tmp_path / "m.onnx")


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


@pytest.mark.parametrize("column", [float("nan"), 1e300, "1"])
def test_an_average_speaker_that_is_none_is_refused(column: Any, tmp_path: Path) -> None:
    odd = replace(CONTRACT, average_speaker=SpeakerStatistics((column,) * 80, (1.0,) * 80))
    (tmp_path / "odd.onnx").write_bytes(seal(make_graph(), odd))
    with pytest.raises(BundleError, match="carries a contract that cannot be read"):
        load(tmp_path / "odd.onnx")


def test_an_average_speaker_of_other_features_is_refused(tmp_path: Path) -> None:
    odd = replace(CONTRACT, average_speaker=SpeakerStatistics((0.0,) * 79, (1.0,) * 79))
    (tmp_path / "odd.onnx").write_bytes(seal(make_graph(), odd))
    with pytest.raises(BundleError, match="an average speaker whose features are not mfcc-stats@1"):
        load(tmp_path / "odd.onnx")


def stored() -> dict[str, Any]:
    values: dict[str, Any] = json.loads(json.dumps(CONTRACT.to_dict()))
    return values


def sealed(values: dict[str, Any], graph: bytes = b"") -> bytes:
    """A model with these values as its contract, whose checksum is right."""

    class Values:
        def to_dict(self) -> dict[str, Any]:
            return dict(values)

    return seal(graph or make_graph(), Values())  # type: ignore[arg-type]


PLACES = [path for path in places(stored()) if path[0] != "sha256"]


@pytest.mark.parametrize("path", PLACES, ids=name_of)
def test_a_value_of_another_type_anywhere_in_a_contract_is_refused_or_harmless(
    path: tuple[Any, ...],
) -> None:
    """Harmless: the model is loaded, predicts, and is shown."""
    for odd in ODD_VALUES:
        values = replaced(stored(), path, odd)
        try:
            bundle = parse(sealed(values), "odd.onnx")
        except BundleError as error:
            assert str(error).isprintable()
            continue
        predict((np.sin(np.arange(22050) * 0.05), 22050), bundle)
        repr(bundle), bundle._repr_html_(), json.dumps(bundle.to_dict())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"emotions": []}, "names 0 emotions"),
        ({"emotions": ["sad", "sad"]}, "named twice"),
        ({"emotions": ["sad", "hap\x1b[2Jpy"]}, "printable characters"),
        ({"emotions": ["sad", ""]}, "printable characters"),
        ({"emotions": ["sad", "x" * 5000]}, "printable characters"),
        ({"emotions": ["sad", "x" * 5_000_000]}, "a text of at most"),
        ({"emotions": [str(i) for i in range(100_000)]}, "names 100000 emotions"),
        ({"more": 1}, "has 'more', which is unknown"),
        ({"more": [[]]}, "unknown"),
        ({"seed": 1.5}, "seed is 1.5, not a whole number"),
        ({"versions": {"affekt": None}}, "versions.affekt is None, not a text"),
        ({"corpora": [{}]}, r"corpora\[0\] lacks name, licence"),
    ],
)
def test_a_contract_that_is_wrong_inside_is_refused_with_the_place(
    change: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BundleError, match=f"carries a contract that cannot be read: .*{reason}"):
        parse(sealed(stored() | change), "odd.onnx")


def test_a_contract_that_is_nested_very_deeply_is_refused() -> None:
    deep = b'{"emotions": ' + b"[" * 200_000
    entry = wire.field(1, b"affekt") + wire.field(2, deep)
    with pytest.raises(BundleError, match="nested too deeply"):
        parse(make_graph() + wire.field(14, entry), "deep.onnx")


def test_a_contract_that_is_larger_than_any_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affekt.model.bundle.MAX_CONTRACT_BYTES", 100)
    with pytest.raises(BundleError, match=r"carries a contract of .* bytes, larger than any"):
        parse(WHOLE, "m.onnx")


def with_answer(*nodes: onnx.NodeProto, **constants: Any) -> bytes:
    """A sealed model: a softmax named ``first``, then these nodes."""
    model = onnx.load_from_string(make_graph())
    model.graph.node[1].output[0] = "first"
    model.graph.node.extend(nodes)
    for name, value in constants.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(value), name))
    model.graph.output[0].type.tensor_type.ClearField("shape")
    return seal(model.SerializeToString(), CONTRACT)


node = onnx.helper.make_node
WRONG_ON_REAL_INPUT: dict[str, tuple[bytes, str]] = {
    "NaN": (
        with_answer(
            node("ReduceSum", ["features"], ["sum"], keepdims=0),
            node("Log", ["sum"], ["nan or -inf"]),
            node("Sub", ["nan or -inf", "nan or -inf"], ["nan"]),
            node("Add", ["first", "nan"], ["probabilities"]),
        ),
        "not probabilities",
    ),
    "negative": (
        with_answer(
            node("Slice", ["features", "0", "2", "1"], ["two"]),
            node("ReduceMean", ["two"], ["mean"], axes=[1]),
            node("Sub", ["two", "mean"], ["sums to 0"]),
            node("Mul", ["sums to 0", "large"], ["negative and positive"]),
            node("Add", ["first", "negative and positive"], ["probabilities"]),
            large=np.float32(1000),
            **{"0": [0], "2": [2], "1": [1]},
        ),
        "not probabilities",
    ),
    "another shape": (
        with_answer(
            node("ReduceSum", ["features"], ["sum"], keepdims=0),
            node("Abs", ["sum"], ["size"]),
            node("Clip", ["size", "", "one"], ["at most one"]),
            node("Ceil", ["at most one"], ["none or one"]),
            node("Cast", ["none or one"], ["whole"], to=TensorProto.INT64),
            node("Add", ["whole", "one row"], ["rows"]),
            node("Concat", ["rows", "one row"], ["repeats"], axis=0),
            node("Tile", ["first", "repeats"], ["probabilities"]),
            one=np.float32(1),
            **{"one row": [1]},
        ),
        r"an array of shape \(2, 2\) for 1 clips",
    ),
    "whole numbers": (
        with_answer(
            node("Cast", ["first"], ["whole"], to=TensorProto.INT64),
            node("Identity", ["whole"], ["probabilities"]),
        ),
        "holds no graph|no probabilities",
    ),
}


@pytest.mark.parametrize("case", WRONG_ON_REAL_INPUT)
def test_a_model_that_is_right_on_zeros_and_wrong_on_features_is_refused(case: str) -> None:
    content, reason = WRONG_ON_REAL_INPUT[case]
    with pytest.raises(BundleError, match=reason):
        parse(content, "m.onnx")


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e30])
def test_an_answer_that_is_no_probability_is_refused_when_it_comes(value: float) -> None:
    """Weights that turn one column into infinity: the probe does not find every such input."""
    bundle = parse(seal(make_graph(last="Softmax"), CONTRACT), "m.onnx")
    row = np.zeros((1, 80), np.float32)
    assert bundle.run(row).shape == (1, 2)
    row[0, 3] = value
    row[0, 4] = -np.inf
    with pytest.raises(BundleError, match=r"m\.onnx returns values that are not probabilities"):
        bundle.run(row)


def test_a_bundle_explains_features_of_another_shape() -> None:
    with pytest.raises(BundleError, match="holds no graph that takes mfcc-stats@1"):
        parse(WHOLE, "m.onnx").run(np.zeros((1, 7), np.float32))


def test_a_model_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    many = [node("Neg", [f"n{i}" if i else "first"], [f"n{i + 1}"]) for i in range(9000)]
    content = with_answer(*many, node("Identity", ["n9000"], ["probabilities"]))
    assert parse(content, "m.onnx").run(np.zeros((1, 80), np.float32)).shape == (1, 2)
    monkeypatch.setattr("affekt.model.bundle.MAX_PROBE_S", 1e-4)
    with pytest.raises(BundleError, match=r"m\.onnx is too slow: no answer for one clip after 0\.0001 s"):
        parse(content, "m.onnx")


# --- how it is shown, and taken elsewhere ------------------------------------------------------------


def test_a_model_is_shown_in_one_line_with_the_terms_of_its_score() -> None:
    shown = repr(parse(WHOLE, "some/folder/m.onnx"))
    assert shown == "<Bundle m.onnx: quick on own, 2 emotions, accuracy 50.0%, by-actor-5>"


def test_a_model_is_a_table_in_a_notebook() -> None:
    table = parse(WHOLE, "some/folder/m.onnx")._repr_html_()
    for text in (
        "Model m.onnx",
        "happy, sad",
        "own (2 clips)",
        "chance 50.0%",
        "50.0 (40.0 - 60.0)",
        "UAR",
    ):
        assert text in table


@pytest.mark.parametrize("show", [repr, lambda bundle: bundle._repr_html_()])
def test_a_leaky_score_is_never_shown_without_saying_so(show: Callable[[object], str]) -> None:
    scores = replace(CONTRACT.scores, protocol="random-80-20", protocol_label="random-80-20 (LEAKY)")
    leaky = parse(seal(make_graph(), replace(CONTRACT, scores=replace(scores, leaky=True))), "m.onnx")
    assert "LEAKY" in show(leaky)


def test_names_from_a_model_file_are_escaped_in_a_notebook() -> None:
    evil = "<script>alert(1)</script>"
    contract = replace(
        CONTRACT,
        emotions=(evil, "sad"),
        recipe=evil,
        corpora=(replace(CONTRACT.corpora[0], name=evil),),
        scores=replace(CONTRACT.scores, protocol_label=evil),
    )
    table = parse(seal(make_graph(), contract), f"{evil}.onnx")._repr_html_()
    assert "<script" not in table
    assert table.count("&lt;script&gt;") >= 4


def test_a_model_is_plain_values_for_json() -> None:
    values = json.loads(json.dumps(parse(WHOLE, "m.onnx").to_dict()))
    assert values["name"] == "m.onnx"
    assert values["emotions"] == ["happy", "sad"]
    assert values["scores"]["headlines"]["accuracy"]["value"] == 0.5


def test_a_model_predicts_the_same_in_another_process() -> None:
    bundle = parse(WHOLE, "m.onnx")
    again = pickle.loads(pickle.dumps(bundle))
    row = np.linspace(0, 1, 80, dtype=np.float32)[None]
    np.testing.assert_array_equal(again.run(row), bundle.run(row))
    assert (again.name, again.contract) == (bundle.name, bundle.contract)


def test_a_calibration_for_enrolled_speakers_needs_predictions_for_them() -> None:
    contract = replace(CONTRACT, enrolled_calibration=CONTRACT.calibration)
    with pytest.raises(BundleError, match="no predictions for them"):
        parse(seal(make_graph(), contract), "m.onnx")


@pytest.mark.parametrize("name", [field.name for field in fields(Contract)])
def test_every_part_of_the_contract_is_in_the_plain_values(name: str) -> None:
    here = {"calibration": "trust", "distance_threshold": "novel_from", "average_speaker": "average_voice"}
    whole = replace(CONTRACT, uncertainty_weight=1.0, enrolled_calibration=CONTRACT.calibration)
    assert here.get(name, name) in whole.to_dict()
