"""Make ``src/affekt/audio/silero-vad.onnx`` from Silero's network for whole recordings at 16 kHz.

    python tools/make_activity.py silero_vad_16k_sequence.onnx

The source is a file of the package silero-vad 6.2.3. The result is the same network at twice the speed:

- It begins with magnitude spectra, which ``affekt.audio.activity`` computes by fast Fourier transforms.
  Silero's first convolution is the same transform, with a Hann window.
- The frames of a recording are rows of one image, not a batch of many images of four columns, so that each
  convolution is one large product of matrices.
- Weights that meet nothing but padding are left out, and most others are kept in 16 bits. On 51 clips of
  RAVDESS and nEMO, no probability of a frame changes by more than 0.002.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

OUTPUT = Path(__file__).parents[1] / "src" / "affekt" / "audio" / "silero-vad.onnx"
IN_32_BITS = {"kernel 1"}  # and all biases: rounding these changes probabilities by up to 0.02
BINS, COLUMNS, WIDTH = 129, 4, 128  # of a spectrum, spectra of a frame, units of the LSTM
STRIDES = (1, 2, 2)  # of the first three convolutions; the fourth sees a single column


def make_network(source: onnx.ModelProto) -> onnx.ModelProto:
    """Return the network: spectra (1, 129, frames, 4) and two states -> probabilities and two states."""
    weights = {one.name: numpy_helper.to_array(one) for one in source.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    constants: list[onnx.TensorProto] = []

    def constant(name: str, values: NDArray[np.generic]) -> str:
        if values.dtype != np.float32 or "bias" in name or name in IN_32_BITS:
            constants.append(numpy_helper.from_array(values, name))
            return name
        constants.append(numpy_helper.from_array(values.astype(np.float16), f"{name} of 16 bits"))
        return add("Cast", f"{name} of 16 bits", to=onnx.TensorProto.FLOAT)

    def add(operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator} {len(nodes)}"
        nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    signal = "spectra"
    for layer, stride in enumerate(STRIDES):
        kernel = constant(f"kernel {layer}", weights[f"encoder.{layer}.weight"][:, :, None])
        bias = constant(f"bias {layer}", weights[f"encoder.{layer}.bias"])
        signal = add("Relu", add("Conv", signal, kernel, bias, pads=(0, 1, 0, 1), strides=(1, stride)))
    centre = constant("kernel 3", weights["encoder.3.weight"][:, :, None, 1:2])
    signal = add("Relu", add("Conv", signal, centre, constant("bias 3", weights["encoder.3.bias"])))
    signal = add("Transpose", signal, perm=(2, 0, 1, 3))  # (frames, 128, 1, 1)
    signal = add("Reshape", signal, constant("rows", np.array([-1, 1, WIDTH])))
    lstm = [
        constant("LSTM of inputs", weights["onnx::LSTM_209"]),
        constant("LSTM of states", weights["onnx::LSTM_210"]),
        constant("LSTM bias", weights["onnx::LSTM_211"]),
    ]
    states = ["state", "cell"], ["next state", "next cell"]
    nodes.append(
        helper.make_node("LSTM", [signal, *lstm, "", *states[0]], ["units", *states[1]], hidden_size=WIDTH)
    )
    signal = add(
        "MatMul", add("Relu", "units"), constant("output", weights["output.weight"].reshape(WIDTH, 1))
    )
    signal = add("Sigmoid", add("Add", signal, constant("output bias", weights["output.bias"])))
    nodes.append(helper.make_node("Reshape", [signal, constant("flat", np.array([-1]))], ["probabilities"]))

    def value(name: str, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    graph = helper.make_graph(
        nodes,
        "Silero VAD 6.2",
        [value("spectra", 1, BINS, "frames", COLUMNS), *(value(name, 1, 1, WIDTH) for name in states[0])],
        [value("probabilities", "frames"), *(value(name, 1, 1, WIDTH) for name in states[1])],
        constants,
    )
    model = helper.make_model(
        graph, producer_name="affekt", opset_imports=[helper.make_opsetid("", 17)], ir_version=8
    )
    onnx.checker.check_model(model, full_check=True)
    return model


if __name__ == "__main__":
    onnx.save(make_network(onnx.load(sys.argv[1])), OUTPUT)
    print(f"{OUTPUT}: {OUTPUT.stat().st_size / 1000:.0f} kB")
