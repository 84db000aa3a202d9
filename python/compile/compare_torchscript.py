"""Serves a TorchScript model for `conch compile --compare`: its answers, or one round of timing.

    python compare_torchscript.py ORDER.json

ORDER holds `path`, `threads`, `inputs` (names, in the order of forward's arguments), and `samples` for answers (one line
of JSON each: `{"dims": [...], "data": [...]}`, null for what is no finite number), or `alone`, `batches`, `count`, `warmUps`
and `leastMilliseconds` for timing (one line with the figures).
"""

import json
import math
import resource
import sys
import time


def memory() -> int:
    try:
        with open("/proc/self/smaps_rollup", encoding="ascii") as file:
            return 1024 * next(int(line.split()[1]) for line in file if line.startswith("Pss:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        order = json.load(file)
    import torch

    torch.set_num_threads(order["threads"])
    kinds = {"INT64": torch.int64, "INT32": torch.int32}

    def tensors(sample: list) -> list:
        values = {one["name"]: torch.tensor(one["data"], dtype=kinds[one["datatype"]]).reshape(one["dims"]) for one in sample}
        return [values[name] for name in order["inputs"]]

    started = time.perf_counter()
    model = torch.jit.load(order["path"]).eval()
    load = 1000 * (time.perf_counter() - started)
    with torch.inference_mode():
        if "samples" in order:
            for sample in order["samples"]:
                output = model(*tensors(sample)).float()
                data = [value if math.isfinite(value) else None for value in output.flatten().tolist()]
                print(json.dumps({"dims": list(output.shape), "data": data}), flush=True)
            return
        alone = [tensors(sample) for sample in order["alone"]]
        batches = [tensors(sample) for sample in order["batches"]]
        for sample in alone[: order["warmUps"]] + batches[:1]:
            model(*sample)
        latencies = []
        begun = time.perf_counter()
        while not latencies or 1000 * (time.perf_counter() - begun) < order["leastMilliseconds"]:
            for sample in alone:
                started = time.perf_counter()
                model(*sample)
                latencies.append(1000 * (time.perf_counter() - started))
        passes = 0
        begun, before = time.perf_counter(), time.process_time()
        while passes == 0 or 1000 * (time.perf_counter() - begun) < order["leastMilliseconds"]:
            for sample in batches:
                model(*sample)
            passes += 1
        seconds, processor = time.perf_counter() - begun, time.process_time() - before
    texts = passes * order["count"]
    latencies.sort()
    middle = len(latencies) // 2
    figures = {
        "loadMilliseconds": load,
        "memoryBytes": memory(),
        "latencyMilliseconds": latencies[middle] if len(latencies) % 2 else (latencies[middle - 1] + latencies[middle]) / 2,
        "textsPerSecond": texts / seconds,
        "cpuMilliseconds": 1000 * processor / texts,
    }
    print(json.dumps(figures), flush=True)


if __name__ == "__main__":
    main()
