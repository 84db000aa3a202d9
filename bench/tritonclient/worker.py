# The official Python client doing what bench/client-worker.ts does; a thread and a client for each call under way.
import importlib
import json
import resource
import sys
import threading
import time

import numpy as np

job = json.loads(sys.argv[1])
scheme, address = job["url"].split("://")
module = importlib.import_module(f"tritonclient.{scheme}")
wanted = job["elements"] / 2 if job["model"] == "sum" else 0.5
data = np.full((1, job["elements"]), 0.5, dtype=np.float32)
output = "y" if job["model"] == "sum" else "x"
latencies = []
state = {"measuring": False, "stopped": False}


def loop():
    client = module.InferenceServerClient(address)
    while not state["stopped"]:
        start = time.perf_counter()
        tensor = module.InferInput("x", list(data.shape), "FP32")
        tensor.set_data_from_numpy(data)
        got = client.infer(job["model"], [tensor]).as_numpy(output)[0][-1]
        if got != wanted:
            raise SystemExit(f"the answer is {got}, not {wanted}")
        if state["measuring"]:
            latencies.append(time.perf_counter() - start)


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


threads = [threading.Thread(target=loop, daemon=True) for _ in range(job["concurrency"])]
for thread in threads:
    thread.start()
time.sleep(job["warmupMs"] / 1000)
before, start = cpu(), time.perf_counter()
state["measuring"] = True
time.sleep(job["ms"] / 1000)
state["measuring"] = False
used, seconds = cpu() - before, time.perf_counter() - start
state["stopped"] = True
for thread in threads:
    thread.join()
latencies.sort()
calls = len(latencies)
print(json.dumps({"callsPerSecond": calls / seconds, "p50": latencies[calls // 2] * 1e6, "cpu": used * 1e6 / calls}))
