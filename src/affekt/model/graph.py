"""What the graph of a model may consist of, checked before onnxruntime sees it.

A graph is data, but operators can do more than arithmetic: repeat forever, return what is no tensor, or run
code of another library. So the operators that a model may use are listed here.
"""

from __future__ import annotations

from affekt.model import wire

# Numbers of fields in onnx.proto.
_MODEL_GRAPH, _MODEL_TRAINING, _MODEL_FUNCTIONS = 7, 20, 25
_GRAPH_NODE = 1
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7

# onnxruntime's time to load a graph grows with the square of these; the bundled model has 500.
MAX_GRAPH_FIELDS = 20_000  # nodes, constants, inputs, outputs, descriptions of tensors
MAX_NODE_FIELDS = 1_000_000  # inputs, outputs and attributes of all nodes
MAX_MODEL_FIELDS = 10_000  # metadata entries, for the most part

_ELEMENTWISE = """
    Abs Acos Acosh Add And Asin Asinh Atan Atanh Cast Ceil Celu Clip Cos Cosh Div Elu Equal Erf Exp
    Floor Gelu Greater GreaterOrEqual HardSigmoid HardSwish Identity IsInf IsNaN LeakyRelu Less
    LessOrEqual Log Max Mean Min Mish Mod Mul Neg Not Or PRelu Pow Reciprocal Relu Round Selu
    Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Sub Sum Tan Tanh ThresholdedRelu Where Xor
"""
_REDUCTIONS = """
    ArgMax ArgMin CumSum GlobalAveragePool GlobalMaxPool Hardmax LogSoftmax LpNormalization ReduceL1
    ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
    ReduceSumSquare Softmax TopK
"""
_LAYERS = """
    AveragePool BatchNormalization Conv Dropout Einsum Gemm InstanceNormalization LRN
    LayerNormalization MatMul MaxPool MeanVarianceNormalization
"""
_SHAPES = """
    Concat Constant ConstantOfShape Expand EyeLike Flatten Gather GatherElements GatherND OneHot Pad
    Reshape ScatterElements ScatterND Shape Size Slice Split Squeeze Tile Transpose Trilu Unsqueeze
"""
_MACHINE_LEARNING = """
    ArrayFeatureExtractor Binarizer FeatureVectorizer Imputer LabelEncoder LinearClassifier
    LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler
    TreeEnsembleClassifier TreeEnsembleRegressor
"""
OPERATORS = {
    "": frozenset(f"{_ELEMENTWISE}{_REDUCTIONS}{_LAYERS}{_SHAPES}".split()),
    "ai.onnx.ml": frozenset(_MACHINE_LEARNING.split()),
}
"""Domain -> the operators that a graph may use: all that compute one tensor from others, and no more."""


def check_graph(model: bytes) -> None:
    """Check which parts and operators a serialized ONNX model consists of.

    Raises
    ------
    ValueError
        It has operators that are not in ``OPERATORS``, functions of its own, or too many parts.
    IndexError
        It is truncated, or is not protobuf.
    """
    parts = 0
    for number, _, value in wire.fields(model, MAX_MODEL_FIELDS):
        if number in (_MODEL_FUNCTIONS, _MODEL_TRAINING):
            raise ValueError("it defines functions of its own, which affekt does not run")
        if number != _MODEL_GRAPH:
            continue
        for inner, _, node in wire.fields(value, MAX_GRAPH_FIELDS):
            if inner == _GRAPH_NODE:
                parts += _check_node(node)
                if parts > MAX_NODE_FIELDS:
                    raise ValueError(f"its nodes have more than {MAX_NODE_FIELDS} parts")


def _check_node(node: wire.Message) -> int:
    """Check the operator of a node, and return the number of its parts."""
    operator = domain = ""
    parts = 0
    for number, _, value in wire.fields(node, MAX_NODE_FIELDS):
        parts += 1
        if number == _NODE_OPERATOR:
            operator = bytes(value[:100]).decode(errors="replace")
        elif number == _NODE_DOMAIN:
            domain = bytes(value[:100]).decode(errors="replace")
    if operator not in OPERATORS.get("" if domain == "ai.onnx" else domain, ()):
        name = f"{domain}.{operator}" if domain else operator
        raise ValueError(f"it has the operator {name!r}, which models of affekt do not need")
    return parts
