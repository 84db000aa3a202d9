"""Writes the tiny ONNX models that the engine's tests run: `python python/make_fixtures.py` (needs `onnx`, `numpy`).

Each model is a few hundred bytes and named for what it shows. Deterministic: running it again changes nothing.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "onnx"
OPSET, IR = 17, 8


def tensor(name, onnx_type, shape):
    return helper.make_tensor_value_info(name, onnx_type, shape)


def constant(name, value):
    return numpy_helper.from_array(np.asarray(value), name)


def save(name, nodes, inputs, outputs, initializers=()):
    graph = helper.make_graph(nodes, name, inputs, outputs, list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR, producer_name="conch")
    onnx.checker.check_model(model)
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / f"{name}.onnx").write_bytes(model.SerializeToString())


def add():
    """sum = a + b, rows of 4."""
    save(
        "add",
        [helper.make_node("Add", ["a", "b"], ["sum"])],
        [tensor("a", TensorProto.FLOAT, ["batch", 4]), tensor("b", TensorProto.FLOAT, ["batch", 4])],
        [tensor("sum", TensorProto.FLOAT, ["batch", 4])],
    )


def mlp():
    """10 features in, 1 out: two ReLU layers with weights from sines, so that any program can recompute them."""
    sizes = [10, 16, 8, 1]
    nodes, weights, current = [], [], "x"
    for layer, (fan_in, fan_out) in enumerate(zip(sizes, sizes[1:])):
        last = layer == len(sizes) - 2
        weights.append(constant(f"w{layer}", np.sin(np.arange(fan_in * fan_out, dtype=np.float32)).reshape(fan_in, fan_out)))
        weights.append(constant(f"b{layer}", np.cos(np.arange(fan_out, dtype=np.float32))))
        out = "prediction" if last else f"h{layer}"
        nodes.append(helper.make_node("Gemm", [current, f"w{layer}", f"b{layer}"], [out]))
        if not last:
            nodes.append(helper.make_node("Relu", [out], [f"r{layer}"]))
            current = f"r{layer}"
    save(
        "mlp",
        nodes,
        [tensor("x", TensorProto.FLOAT, ["batch", 10])],
        [tensor("prediction", TensorProto.FLOAT, ["batch", 1])],
        weights,
    )


def row_sum():
    """total = sum of a row of any length; both dimensions dynamic, as a text model's."""
    save(
        "row_sum",
        [helper.make_node("ReduceSum", ["ids", "axes"], ["total"], keepdims=1)],
        [tensor("ids", TensorProto.INT64, ["batch", "sequence"])],
        [tensor("total", TensorProto.INT64, ["batch", 1])],
        [constant("axes", np.array([1], np.int64))],
    )


def gather():
    """Rows of a 5-row table by id; an id of 5 or more fails inside the runtime."""
    save(
        "gather",
        [helper.make_node("Gather", ["table", "ids"], ["rows"], axis=0)],
        [tensor("ids", TensorProto.INT64, ["batch", "sequence"])],
        [tensor("rows", TensorProto.FLOAT, ["batch", "sequence", 2])],
        [constant("table", np.arange(10, dtype=np.float32).reshape(5, 2))],
    )


def identities():
    """Every element type that ONNX Runtime's Node binding carries, and text."""
    types = ["BOOL", "UINT8", "UINT16", "UINT32", "UINT64", "INT8", "INT16", "INT32", "INT64", "FLOAT16", "FLOAT", "DOUBLE", "STRING"]
    names = [t.lower() for t in types]
    save(
        "identities",
        [helper.make_node("Identity", [f"in_{n}"], [f"out_{n}"]) for n in names],
        [tensor(f"in_{n}", getattr(TensorProto, t), ["batch", 2]) for n, t in zip(names, types)],
        [tensor(f"out_{n}", getattr(TensorProto, t), ["batch", 2]) for n, t in zip(names, types)],
    )


def double():
    """No batch dimension: y = 2x on exactly 3 numbers."""
    save(
        "double",
        [helper.make_node("Mul", ["x", "two"], ["y"])],
        [tensor("x", TensorProto.FLOAT, [3])],
        [tensor("y", TensorProto.FLOAT, [3])],
        [constant("two", np.float32(2))],
    )


def transpose():
    """Square matrices, for reshape: [batch, 2, 2] in and out."""
    save(
        "transpose",
        [helper.make_node("Transpose", ["x"], ["y"], perm=[0, 2, 1])],
        [tensor("x", TensorProto.FLOAT, ["batch", 2, 2])],
        [tensor("y", TensorProto.FLOAT, ["batch", 2, 2])],
    )


def collapse():
    """Says that it keeps the batch and sums it away: only a run can tell."""
    save(
        "collapse",
        [helper.make_node("ReduceSum", ["x", "axes"], ["y"], keepdims=1)],
        [tensor("x", TensorProto.FLOAT, ["batch", 2])],
        [tensor("y", TensorProto.FLOAT, ["rows", 2])],
        [constant("axes", np.array([0], np.int64))],
    )


def scalar():
    """A tensor without dimensions, in and out, which a config can only call [ 1 ]."""
    save(
        "scalar",
        [helper.make_node("Neg", ["x"], ["y"])],
        [tensor("x", TensorProto.FLOAT, [])],
        [tensor("y", TensorProto.FLOAT, [])],
    )


def scale():
    """y = x * factor, where `factor` is an input with a default (10): an optional input. No batch dimension."""
    save(
        "scale",
        [helper.make_node("Mul", ["x", "factor"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["n"]), tensor("factor", TensorProto.FLOAT, [1])],
        [tensor("y", TensorProto.FLOAT, ["n"])],
        [constant("factor", np.array([10], np.float32))],
    )


def spin():
    """Counts to `rounds` one by one inside the runtime: a run as long as one likes."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["going"], ["still"]),
            helper.make_node("Add", ["value", "one"], ["next"]),
        ],
        "step",
        [tensor("step", TensorProto.INT64, []), tensor("going", TensorProto.BOOL, []), tensor("value", TensorProto.INT64, [1])],
        [tensor("still", TensorProto.BOOL, []), tensor("next", TensorProto.INT64, [1])],
        [constant("one", np.array([1], np.int64))],
    )
    save(
        "spin",
        [
            helper.make_node("Squeeze", ["rounds"], ["trips"]),
            helper.make_node("Loop", ["trips", "", "zero"], ["count"], body=body),
        ],
        [tensor("rounds", TensorProto.INT64, [1])],
        [tensor("count", TensorProto.INT64, [1])],
        [constant("zero", np.array([0], np.int64))],
    )


def sequence():
    """An output that is no tensor, which Triton refuses."""
    save(
        "sequence",
        [helper.make_node("SequenceConstruct", ["x"], ["y"])],
        [tensor("x", TensorProto.FLOAT, ["batch", 2])],
        [helper.make_tensor_sequence_value_info("y", TensorProto.FLOAT, ["batch", 2])],
    )


if __name__ == "__main__":
    for make in (add, mlp, row_sum, gather, identities, double, transpose, collapse, scalar, scale, spin, sequence):
        make()
