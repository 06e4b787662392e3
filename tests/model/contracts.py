"""A small contract and graphs for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from affekt.metrics import HEADLINES, Score
from affekt.model.bundle import seal
from affekt.model.calibration import Calibration
from affekt.model.contract import Contract, ContractScores, TrainingCorpus
from affekt.model.speaker_normalisation import SpeakerStatistics

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
        set_size=1.5,
    ),
    recordings={"duration_s": (1.0, 2.0, 3.0)},
    calibration=Calibration(temperature=1.5, threshold=0.2),
    distance_threshold=3.0,
    average_speaker=SpeakerStatistics((0.0,) * 80, (1.0,) * 80),
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
    return bytes(model.SerializeToString())


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    """A bundle whose contract was changed after it was sealed."""
    model = onnx.load_from_string(seal(make_graph(), CONTRACT))
    values = json.loads(model.metadata_props[0].value)
    change(values)
    model.metadata_props[0].value = json.dumps(values)
    return bytes(model.SerializeToString())
