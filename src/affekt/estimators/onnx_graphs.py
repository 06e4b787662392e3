"""Building ONNX graphs, from nodes and from other graphs."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import compose, helper, numpy_helper

from affekt.errors import ExportError
from affekt.model.bundle import ENROLLED_PROBABILITIES, PROBABILITIES

OPSETS = {"": 18, "ai.onnx.ml": 3}
_UNCHANGED = {"Identity", "Cast", "Mul"}  # operators of older sets that converters use


class GraphBuilder:
    """Builds a graph with the input ``features`` and the output ``probabilities``.

    A graph may have a second output, ``enrolled_probabilities``, for features normalised by speaker.

    Its methods return the name of the tensor that they add.

    Parameters
    ----------
    shape
        Shape of one clip's features; None for an axis of any length.
    """

    def __init__(self, shape: tuple[int | None, ...]) -> None:
        self._shape = shape
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._count = 0

    def constant(self, value: ArrayLike) -> str:
        """Add a constant."""
        name = self._name("constant")
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Add a node: an operator applied to tensors."""
        name = self._name(operator)
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def include(self, model: onnx.ModelProto, given: str, output: int = 0) -> str:
        """Add a whole model with one input, applied to ``given``, and return one of its outputs.

        Raises
        ------
        ExportError
            The model has operators of another operator set, whose meaning may have changed since.
        """
        version = next((one.version for one in model.opset_import if not one.domain), OPSETS[""])
        operators = {node.op_type for node in model.graph.node if not node.domain}
        if version != OPSETS[""] and operators - _UNCHANGED:
            raise ExportError(
                f"a part of the graph has {', '.join(sorted(operators - _UNCHANGED))} of ONNX operator set "
                f"{version}; operator set {OPSETS['']} is needed"
            )
        part = compose.add_prefix(model, self._name("part") + "/").graph
        self._nodes.append(helper.make_node("Identity", [given], [part.input[0].name]))
        self._nodes.extend(part.node)
        self._constants.extend(part.initializer)
        return str(part.output[output].name)

    def finish(self, output: str, enrolled: str | None = None) -> onnx.ModelProto:
        """Return the model, whose ``probabilities`` and ``enrolled_probabilities`` are these tensors."""
        floats = onnx.TensorProto.FLOAT
        outputs = {PROBABILITIES: output} | ({ENROLLED_PROBABILITIES: enrolled} if enrolled else {})
        self._nodes += [helper.make_node("Identity", [own], [name]) for name, own in outputs.items()]
        graph = helper.make_graph(
            self._nodes,
            "affekt",
            [helper.make_tensor_value_info("features", floats, [None, *self._shape])],
            [helper.make_tensor_value_info(name, floats, [None, None]) for name in outputs],
            self._constants,
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def _name(self, kind: str) -> str:
        self._count += 1
        return f"{kind}{self._count}"
