"""Builds one variant of an encoder for `conch compile --compare`, the way other tools do.

    python compare_build.py ORDER.json

ORDER holds `build` (torch-export, torch-onnx-trace, torchscript, modelopt-int8, modelopt-autocast), `checkpoint`,
`class` (of transformers) or `sentence` (a folder of sentence-transformers), `onnx` (a file to start from), `inputs`,
`output`, `samples` and `out` (a folder). The last line printed is JSON: `{"peakBytes": n}`, or `{"failed": "..."}`.
"""

import json
import logging
import os
import resource
import sys
import warnings


def load_model(order: dict, attention: str):
    """What takes the inputs by name and gives the output that is compared."""
    import torch

    settings = {"attn_implementation": attention, "dtype": torch.float32}
    if order.get("sentence"):
        from sentence_transformers import SentenceTransformer

        model = SentenceTransformer(order["sentence"], device="cpu", model_kwargs=settings).eval()
        return model, lambda named: model(named)["sentence_embedding"]
    import transformers

    model = getattr(transformers, order["class"]).from_pretrained(order["checkpoint"], **settings).eval()
    return model, lambda named: model(**named, return_dict=False)[0]


def checkpoint_model(order: dict, attention: str = "eager"):
    import torch

    loaded, call = load_model(order, attention)

    class FirstOutput(torch.nn.Module):
        """Takes the inputs by position, in the order of the names."""

        def __init__(self) -> None:
            super().__init__()
            self.model = loaded

        def forward(self, *values):
            return call(dict(zip(order["inputs"], values)))

    # A sample with padding, lest an exporter takes the mask for one of all ones.
    sample = []
    for name in order["inputs"]:
        value = torch.ones(2, 16, dtype=torch.int64) if name != "token_type_ids" else torch.zeros(2, 16, dtype=torch.int64)
        if name == "attention_mask":
            value[1, 9:] = 0
        sample.append(value)
    return FirstOutput().eval(), tuple(sample)


def torch_onnx(order: dict, dynamo: bool) -> None:
    import torch

    model, sample = checkpoint_model(order)
    axes = {0: "batch", 1: "sequence"}
    if dynamo:
        sizes = {0: torch.export.Dim("batch"), 1: torch.export.Dim("sequence", max=order["longest"])}
        dynamic = {"dynamic_shapes": (tuple(sizes for _ in sample),)}
    else:
        dynamic = {"dynamic_axes": {**{name: axes for name in order["inputs"]}, order["output"]: {0: "batch"}}}
    with torch.no_grad():
        torch.onnx.export(
            model,
            sample,
            os.path.join(order["out"], "model.onnx"),
            dynamo=dynamo,
            input_names=order["inputs"],
            output_names=[order["output"]],
            **dynamic,
        )


def torchscript(order: dict) -> None:
    import torch

    model, sample = checkpoint_model(order, "sdpa")  # What PyTorch itself takes; the exporters lower it to the same products.
    with torch.no_grad():
        traced = torch.jit.freeze(torch.jit.trace(model, sample, strict=False))
    traced.save(os.path.join(order["out"], "model.pt"))


def arrays(sample: dict) -> dict:
    import numpy

    kinds = {"INT64": numpy.int64, "INT32": numpy.int32}
    return {one["name"]: numpy.array(one["data"], kinds[one["datatype"]]).reshape(one["dims"]) for one in sample}


def modelopt_int8(order: dict) -> None:
    from modelopt.onnx.quantization import quantize

    shape = ",".join(f"{name}:{'x'.join(map(str, value.shape))}" for name, value in arrays(order["samples"][0]).items())
    quantize(
        order["onnx"],
        quantize_mode="int8",
        calibration_data=arrays(order["samples"][0]),
        calibration_method="max",
        calibration_shapes=shape,
        calibration_eps=["cpu"],
        high_precision_dtype="fp32",
        output_path=os.path.join(order["out"], "model.onnx"),
    )


def modelopt_autocast(order: dict) -> None:
    import onnx
    from modelopt.onnx.autocast import convert_to_mixed_precision

    model = convert_to_mixed_precision(order["onnx"], low_precision_type="fp16", keep_io_types=True, providers=["cpu"])
    onnx.save(model, os.path.join(order["out"], "model.onnx"))


BUILDS = {
    "torch-export": lambda order: torch_onnx(order, True),
    "torch-onnx-trace": lambda order: torch_onnx(order, False),
    "torchscript": torchscript,
    "modelopt-int8": modelopt_int8,
    "modelopt-autocast": modelopt_autocast,
}


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        order = json.load(file)
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    # Exporters print what they do: that goes to the log.
    answer, sys.stdout = sys.stdout, sys.stderr
    try:
        BUILDS[order["build"]](order)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        print(json.dumps({"peakBytes": peak}), file=answer, flush=True)
    except Exception as error:  # Whatever a foreign tool raises is that variant's answer.
        lines = str(error).strip().splitlines() or [""]
        print(json.dumps({"failed": f"{type(error).__name__}: {lines[0]}"}), file=answer, flush=True)
        logging.disable(logging.NOTSET)
        logging.exception("build failed")
        sys.exit(1)


if __name__ == "__main__":
    main()
