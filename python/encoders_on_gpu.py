"""Encoders' ONNX files on a GPU by ONNX Runtime's CUDA provider: prints which provider runs how many nodes, how far the
outputs are from those of the CPU, and a table of milliseconds a batch.

    pip install onnxruntime-gpu numpy            # and CUDA with cuDNN, e.g. those of PyTorch
    python python/encoders_on_gpu.py FOLDER --largest-id 30000

FOLDER holds a folder with a model.onnx for each variant; one is called padded-fp32, with which the others are compared, and
those whose name begins with `packed` take packed inputs. --provider CPUExecutionProvider tries the script without a GPU.
"""

import argparse
import collections
import json
import os
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort


def read_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--shapes", default="1x32,1x128,8x128m,32x128m,32x128", help="batch x tokens; with m of mixed lengths")
    parser.add_argument("--largest-id", type=int, default=999, help="of the random tokens; below the vocabulary's size")
    parser.add_argument("--rounds", type=int, default=5, help="in which the variants take turns")
    parser.add_argument("--runs", type=int, default=15, help="of a variant in a round")
    parser.add_argument("--provider", default="CUDAExecutionProvider")
    return parser.parse_args()


def texts(shape, largest_id):
    """Seeded texts as a padded encoder takes them, and their lengths. Mixed: an eighth of the longest up to it."""
    batch, tokens = (int(size) for size in shape.removesuffix("m").split("x"))
    generator = np.random.default_rng(0)
    lengths = generator.integers(tokens // 8, tokens + 1, batch) if shape.endswith("m") else np.full(batch, tokens)
    lengths[0] = tokens
    mask = (np.arange(tokens)[None, :] < lengths[:, None]).astype(np.int64)
    ids = generator.integers(1, largest_id + 1, (batch, tokens)) * mask
    return {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}, lengths.astype(np.int32)


def inputs_of(session, shape, largest_id, packed):
    values, lengths = texts(shape, largest_id)
    if packed:
        kept = values["attention_mask"].astype(bool)
        values = {**{name: value[kept] for name, value in values.items()}, "text_lengths": lengths}
    return {one.name: values[one.name] for one in session.get_inputs()}


def open_session(path, provider, profile=None):
    options = ort.SessionOptions()
    options.log_severity_level = 3
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = profile
    # FP32 is to mean FP32: TF32 keeps 10 bits of the products' factors.
    cuda = [(provider, {"use_tf32": 0}), "CPUExecutionProvider"]
    return ort.InferenceSession(str(path), options, providers=cuda if provider == "CUDAExecutionProvider" else [provider])


def nodes_by_provider(path, provider, inputs):
    session = open_session(path, provider, str(Path(os.environ.get("TMPDIR", "/tmp")) / "encoders-on-gpu"))
    session.run(None, inputs)
    profile = session.end_profiling()
    events = json.loads(Path(profile).read_text())
    Path(profile).unlink()
    nodes = {event["name"]: event["args"]["provider"] for event in events if event.get("args", {}).get("provider")}
    return dict(collections.Counter(nodes.values()))


def main():
    arguments = read_arguments()
    if arguments.provider == "CUDAExecutionProvider":
        ort.preload_dlls()
    shapes = arguments.shapes.split(",")
    names = sorted(path.parent.name for path in arguments.folder.glob("*/model.onnx"))
    model = {name: arguments.folder / name / "model.onnx" for name in names}
    reference = open_session(model["padded-fp32"], "CPUExecutionProvider")
    expected = {
        shape: reference.run(None, inputs_of(reference, shape, arguments.largest_id, packed=False))[0] for shape in shapes[:3]
    }
    sessions, feeds, times = {}, {}, collections.defaultdict(list)
    for name in names:
        sessions[name] = session = open_session(model[name], arguments.provider)
        feeds[name] = {
            shape: inputs_of(session, shape, arguments.largest_id, name.startswith("packed")) for shape in shapes
        }
        # The first few are quick on the CPU, and enough to see an error.
        worst = max(float(np.abs(session.run(None, feeds[name][shape])[0] - expected[shape]).max()) for shape in expected)
        print(name, nodes_by_provider(model[name], arguments.provider, feeds[name][shapes[0]]), "worst error", worst)
    for _ in range(arguments.rounds):
        for name, session in sessions.items():
            for shape in shapes:
                for _ in range(3):
                    session.run(None, feeds[name][shape])
                for _ in range(arguments.runs):
                    start = time.perf_counter()
                    session.run(None, feeds[name][shape])
                    times[name, shape].append(1000 * (time.perf_counter() - start))
    print(f"| ms a batch | {' | '.join(shapes)} |")
    for name in names:
        print(f"| {name} | {' | '.join(f'{statistics.median(times[name, shape]):.2f}' for shape in shapes)} |")


if __name__ == "__main__":
    main()
