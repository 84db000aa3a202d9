"""Exports a BERT classifier with `torch.onnx.export`: the peer of `conch compile` in bench/compile.ts.

    python python/torch_export.py CHECKPOINT OUT.onnx --exporter dynamo|torchscript

Prints one JSON line: seconds of the export alone, and the process's peak memory above a bare interpreter's.
"""

import argparse
import json
import logging
import subprocess
import sys
import time
import warnings

PEAK = "next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM'))"


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint")
    parser.add_argument("out")
    parser.add_argument("--exporter", choices=("dynamo", "torchscript"), default="dynamo")
    args = parser.parse_args()
    bare = int(subprocess.check_output([sys.executable, "-c", f"print({PEAK})"]))

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    import torch
    from transformers import AutoModelForSequenceClassification

    started = time.perf_counter()
    model = AutoModelForSequenceClassification.from_pretrained(args.checkpoint, attn_implementation="eager").eval()
    model.config.return_dict = False
    names = ["input_ids", "attention_mask", "token_type_ids"]
    sample = tuple(torch.ones(2, 16, dtype=torch.int64) for _ in names)
    dynamo = args.exporter == "dynamo"
    axes = {0: "batch", 1: "sequence"}
    dynamic = (
        {"dynamic_shapes": tuple({0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=512)} for _ in names)}
        if dynamo
        else {"dynamic_axes": {**{name: axes for name in names}, "logits": {0: "batch"}}}
    )
    with torch.no_grad():
        torch.onnx.export(
            model, sample, args.out, dynamo=dynamo, input_names=names, output_names=["logits"], **dynamic
        )
    seconds = time.perf_counter() - started
    print(json.dumps({"seconds": seconds, "peakBytes": 1024 * (eval(PEAK) - bare)}))


if __name__ == "__main__":
    main()
