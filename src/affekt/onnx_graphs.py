"""Graphs made of graphs: a few lines around onnx's own helpers, so that a stack becomes one file."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from numpy.typing import ArrayLike
from onnx import compose, helper, numpy_helper

from affekt.errors import ExportError

OPSETS = {"": 18, "ai.onnx.ml": 3}
_UNCHANGED = {"Identity", "Cast", "Mul"}  # what converters of older sets use


class GraphBuilder:
    """Collects nodes; each call gives the name of the tensor that it makes.

    Parameters
    ----------
    shape
        Of one clip's ``features``, which is the graph's one input.
    """

    def __init__(self, shape: tuple[int | None, ...]) -> None:
        self._shape = shape
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []
        self._count = 0

    def constant(self, value: ArrayLike) -> str:
        """A tensor that stays what it is."""
        name = self._name("constant")
        self._constants.append(numpy_helper.from_array(np.asarray(value), name))
        return name

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """What an operator makes of these tensors."""
        name = self._name(operator)
        self._nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def include(self, model: onnx.ModelProto, given: str, output: int = 0) -> str:
        """What a whole model makes of a tensor: one of its outputs.

        Its operators must be of our set, or have not changed since theirs.
        """
        version = next((one.version for one in model.opset_import if not one.domain), OPSETS[""])
        operators = {node.op_type for node in model.graph.node if not node.domain}
        if version != OPSETS[""] and operators - _UNCHANGED:
            raise ExportError(f"{operators - _UNCHANGED} of operator set {version}, not {OPSETS['']}")
        part = compose.add_prefix(model, self._name("part") + "/").graph
        self._nodes.append(helper.make_node("Identity", [given], [part.input[0].name]))
        self._nodes.extend(part.node)
        self._constants.extend(part.initializer)
        return str(part.output[output].name)

    def finish(self, output: str) -> onnx.ModelProto:
        """The model whose one output, ``probabilities``, is that tensor."""
        floats = onnx.TensorProto.FLOAT
        self._nodes.append(helper.make_node("Identity", [output], ["probabilities"]))
        graph = helper.make_graph(
            self._nodes,
            "affekt",
            [helper.make_tensor_value_info("features", floats, [None, *self._shape])],
            [helper.make_tensor_value_info("probabilities", floats, [None, None])],
            self._constants,
        )
        opsets = [helper.make_opsetid(domain, version) for domain, version in OPSETS.items()]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def _name(self, what: str) -> str:
        self._count += 1
        return f"{what}{self._count}"
