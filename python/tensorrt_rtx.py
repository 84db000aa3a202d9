"""Runs an encoder's ONNX through TensorRT-RTX on an NVIDIA GPU and prints, as JSON, what ran where, how far the outputs are
from ONNX Runtime's CPU provider, and how long a run takes.

    pip install 'onnxruntime>=1.24' numpy onnxruntime-ep-nv-tensorrt-rtx-cu13
    python python/tensorrt_rtx.py models/finbert-model/1/model.onnx --shapes 1x32,8x128,32x128

With --inputs FILE.npz it takes arrays by input name instead of random tokens; --reference names the ONNX that the CPU runs,
where that is not the same (FP32 beside FP16); --wheel a folder where the plugin's wheel was unpacked without being installed;
--provider CPUExecutionProvider tries the script without a GPU.
"""

import argparse
import collections
import ctypes
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

NUMPY_TYPES = {"tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(float)": np.float32, "tensor(float16)": np.float16}


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--reference")
    parser.add_argument("--inputs")
    parser.add_argument("--shapes", default="1x32,8x128", help="batch x tokens, by commas")
    parser.add_argument("--largest-id", type=int, default=999, help="of the random tokens; below the vocabulary's size")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wheel")
    parser.add_argument("--provider", default="NvTensorRTRTXExecutionProvider")
    return parser.parse_args()


def register(wheel):
    """Devices of the plugin, and its versions."""
    if wheel:
        sys.path.insert(0, wheel)
    import onnxruntime_ep_nv_tensorrt_rtx as plugin

    # The wheel brings the CUDA runtime under its full version only, where the loader does not look for it.
    for library in Path(plugin.__file__).parent.glob("libcudart.so.*"):
        ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    name = plugin.get_ep_name()
    ort.register_execution_provider_library(name, plugin.get_library_path())
    devices = [device for device in ort.get_ep_devices() if device.ep_name == name]
    if not devices:
        sys.exit(
            f"{name} finds no GPU: it takes compute capability 8.6, 8.9 and from 12.0 on (no A100 or H100) with a driver for CUDA 13, "
            "and ONNX Runtime must see the GPU under /sys/class/drm"
        )
    return devices, plugin.__version__


def open_session(model, devices, profile):
    options = ort.SessionOptions()
    options.enable_profiling = profile is not None
    if profile is not None:
        options.profile_file_prefix = profile
    if devices is None:
        return ort.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])
    options.add_provider_for_devices(devices, {})
    return ort.InferenceSession(model, sess_options=options)


def random_inputs(session, batch, tokens, largest_id, generator):
    """Texts of 1 to `tokens` tokens, padded; the first as long as can be."""
    lengths = generator.integers(1, tokens + 1, batch)
    lengths[0] = tokens
    mask = (np.arange(tokens)[None, :] < lengths[:, None]).astype(np.int64)
    known = {
        "input_ids": generator.integers(1, largest_id + 1, (batch, tokens)) * mask,
        "attention_mask": mask,
        "token_type_ids": np.zeros((batch, tokens), np.int64),
    }
    missing = [one.name for one in session.get_inputs() if one.name not in known]
    if missing:
        sys.exit(f"no random values are known for input {missing[0]}: give --inputs")
    return {one.name: known[one.name].astype(NUMPY_TYPES[one.type]) for one in session.get_inputs()}


def difference(expected, actual):
    """Worst absolute difference, and least cosine of the last axis."""
    one, other = expected.astype(np.float64), actual.astype(np.float64)
    rows, others = one.reshape(-1, one.shape[-1]), other.reshape(-1, other.shape[-1])
    lengths = np.linalg.norm(rows, axis=1) * np.linalg.norm(others, axis=1)
    cosine = np.divide((rows * others).sum(axis=1), lengths, out=np.ones_like(lengths), where=lengths > 0)
    return {"worst_absolute_error": float(np.abs(one - other).max()), "least_cosine": float(cosine.min())}


def milliseconds(session, inputs, runs):
    for _ in range(3):
        session.run(None, inputs)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        session.run(None, inputs)
        times.append(1000 * (time.perf_counter() - start))
    times.sort()
    return {"median": statistics.median(times), "p99": times[min(len(times) - 1, int(0.99 * len(times)))]}


def nodes_by_provider(path):
    """How many nodes each provider ran in the first run that was profiled."""
    with open(path) as file:
        events = json.load(file)
    nodes = {}
    for event in events:
        provider = event.get("args", {}).get("provider")
        if provider:
            nodes[event["name"]] = provider
    os.remove(path)
    return dict(collections.Counter(nodes.values()))


def main():
    arguments = read_arguments()
    on_cpu = arguments.provider == "CPUExecutionProvider"
    devices, version = (None, None) if on_cpu else register(arguments.wheel)
    prefix = os.path.join(tempfile.mkdtemp(), "profile")
    start = time.perf_counter()
    profiled = open_session(arguments.model, devices, prefix)
    created = time.perf_counter() - start
    reference = open_session(arguments.reference or arguments.model, None, None)
    if arguments.inputs:
        samples = [dict(np.load(arguments.inputs))]
    else:
        generator = np.random.default_rng(arguments.seed)
        shapes = [tuple(map(int, shape.split("x"))) for shape in arguments.shapes.split(",")]
        samples = [random_inputs(profiled, *shape, arguments.largest_id, generator) for shape in shapes]
    start = time.perf_counter()
    profiled.run(None, samples[0])
    first_run = time.perf_counter() - start
    nodes = nodes_by_provider(profiled.end_profiling())
    session = open_session(arguments.model, devices, None)
    results = []
    for inputs in samples:
        expected, actual = reference.run(None, inputs), session.run(None, inputs)
        outputs = [one.name for one in session.get_outputs()]
        results.append(
            {
                "shape": list(next(iter(inputs.values())).shape),
                "outputs": {name: difference(*pair) for name, *pair in zip(outputs, expected, actual)},
                "milliseconds": milliseconds(session, inputs, arguments.runs),
                "cpu_milliseconds": milliseconds(reference, inputs, min(arguments.runs, 10)),
            }
        )
    answer = {
        "model": arguments.model,
        "reference": arguments.reference or arguments.model,
        "onnxruntime": ort.__version__,
        "plugin": version,
        "providers": session.get_providers(),
        "nodes_by_provider": nodes,
        "session_seconds": created,
        "first_run_seconds": first_run,
        "results": results,
    }
    print(json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
