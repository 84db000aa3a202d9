"""The part of NVIDIA's trtexec that conch uses, over the Python package `tensorrt`: builds a plan of an ONNX file, or runs
one on given inputs. Takes trtexec's flags and prints what trtexec prints, so that both are read alike."""

import importlib.metadata
import json
import struct
import sys
from pathlib import Path

import tensorrt as trt
from conch_export.cuda_driver import Device

# Letters of struct for the element types that an encoder's tensors have.
LETTERS = {"FLOAT": "f", "HALF": "e", "INT32": "i", "INT64": "q", "INT8": "b", "UINT8": "B", "BOOL": "?"}


class Failure(Exception):
    """Told as an `[E]` line."""


class Log(trt.ILogger):
    def __init__(self):
        trt.ILogger.__init__(self)

    def log(self, severity, message):
        letter = {"INTERNAL_ERROR": "E", "ERROR": "E", "WARNING": "W", "INFO": "I"}.get(severity.name)
        if letter is not None:
            say(f"[{letter}] [TRT] {message}")


def say(line):
    print(line, flush=True)


def read_arguments(arguments):
    """Flags to values, and the profiles: a flag of shapes given again begins the next one."""
    flags, profiles = {}, []
    for argument in arguments:
        name, _, value = argument.removeprefix("--").partition("=")
        if name in ("minShapes", "optShapes", "maxShapes"):
            if name == "minShapes":
                profiles.append({})
            profiles[-1][name] = read_shapes(value)
        else:
            flags[name] = value
    return flags, profiles


def read_shapes(text):
    """`a:1x8,b:1x8` as names to tuples."""
    parts = (part.rpartition(":") for part in text.split(",") if part)
    return {name: tuple(int(size) for size in shape.split("x")) for name, _, shape in parts}


def build(flags, profiles, log):
    builder = trt.Builder(log)
    # TensorRT 11 has no other networks, and may drop the flag.
    strongly = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
    network = builder.create_network(0 if strongly is None else 1 << int(strongly))
    parser = trt.OnnxParser(network, log)
    say("[I] Start parsing network model.")
    if not parser.parse_from_file(flags["onnx"]):
        raise Failure("; ".join(str(parser.get_error(index).desc()) for index in range(parser.num_errors)))
    config = builder.create_builder_config()
    if "noTF32" in flags:
        config.clear_flag(trt.BuilderFlag.TF32)
    if "memPoolSize" in flags:
        mebibytes = int(flags["memPoolSize"].removeprefix("workspace:"))
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, mebibytes << 20)
    if "builderOptimizationLevel" in flags:
        config.builder_optimization_level = int(flags["builderOptimizationLevel"])
    if "hardwareCompatibilityLevel" in flags:
        config.hardware_compatibility_level = trt.HardwareCompatibilityLevel.AMPERE_PLUS
    for shapes in profiles:
        profile = builder.create_optimization_profile()
        for name in shapes["minShapes"]:
            profile.set_shape(name, *(shapes[key][name] for key in ("minShapes", "optShapes", "maxShapes")))
        if config.add_optimization_profile(profile) < 0:
            raise Failure(f"the profile {shapes} is not one of the network")
    measured = Path(flags["timingCacheFile"])
    known = measured.read_bytes() if measured.is_file() else b""
    # A cache of another GPU or TensorRT is refused: then it begins anew.
    if not config.set_timing_cache(config.create_timing_cache(known), ignore_mismatch=False):
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)
    plan = builder.build_serialized_network(network, config)
    if plan is None:
        raise Failure("Engine could not be created from network")
    Path(flags["saveEngine"]).write_bytes(plan)
    measured.write_bytes(config.get_timing_cache().serialize())
    say("[I] Engine built.")


def run(flags, device, log):
    runtime = trt.Runtime(log)
    engine = runtime.deserialize_cuda_engine(Path(flags["loadEngine"]).read_bytes())
    if engine is None:
        raise Failure("Engine deserialization failed")
    context = engine.create_execution_context()
    stream = device.stream()
    context.set_optimization_profile_async(int(flags.get("useProfile", 0)), stream)
    files = dict(part.rsplit(":", 1) for part in flags["loadInputs"].split(","))
    for name, shape in read_shapes(flags["shapes"]).items():
        if not context.set_input_shape(name, shape):
            raise Failure(f"no profile takes shape {shape} of input {name}")
        context.set_tensor_address(name, device.put(Path(files[name]).read_bytes()))
    outputs = []
    for name in (engine.get_tensor_name(index) for index in range(engine.num_io_tensors)):
        if engine.get_tensor_mode(name) != trt.TensorIOMode.OUTPUT:
            continue
        shape, letter = tuple(context.get_tensor_shape(name)), LETTERS[engine.get_tensor_dtype(name).name]
        count = 1
        for size in shape:
            count *= size
        address = device.take(count * struct.calcsize(letter))
        context.set_tensor_address(name, address)
        outputs.append((name, shape, f"<{count}{letter}", address))
    if not context.execute_async_v3(stream):
        raise Failure("the plan could not be run")
    device.wait(stream)
    answer = []
    for name, shape, layout, address in outputs:
        values = struct.unpack(layout, device.get(address, struct.calcsize(layout)))
        answer.append({"name": name, "dimensions": "x".join(map(str, shape)), "values": [float(one) for one in values]})
    # NaN and Infinity are written bare, as trtexec does.
    Path(flags["exportOutput"]).write_text(json.dumps(answer).replace("Infinity", "inf"))


def cuda_version():
    """Of the CUDA runtime that the package brings, where it does."""
    for package in ("nvidia-cuda-runtime", "nvidia-cuda-runtime-cu13", "nvidia-cuda-runtime-cu12"):
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def main(arguments):
    say(f"&&&& RUNNING TensorRT.trtexec [TensorRT v{trt.__version__}] # {' '.join(arguments)}")
    try:
        flags, profiles = read_arguments(arguments)
        device = Device()
        say(f"[I] Selected Device: {device.name}")
        say(f"[I] Compute Capability: {device.compute_capability}")
        say(f"[I] TensorRT version: {trt.__version__}")
        cuda = cuda_version()
        if cuda is not None:
            say(f"[I] CUDA version: {cuda}")
        log = Log()
        if "saveEngine" in flags:
            build(flags, profiles, log)
        else:
            run(flags, device, log)
    except (Failure, OSError) as error:
        say(f"[E] {error}")
        say("&&&& FAILED TensorRT.trtexec")
        return 1
    say("&&&& PASSED TensorRT.trtexec")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
