"""Exports one nn.Module as a JSON file says, and reports on standard output, one JSON object a line.

`{"progress": 0.4, "doing": "..."}`, then `{"done": {...}}` or `{"failed": {...}}`. What the module and PyTorch print goes to
standard error. Runs in the environment of `conch env`; conch itself starts it (src/compile/python/export.ts).
"""

import json
import os
import sys
from pathlib import Path

reports = os.fdopen(os.dup(1), "w", encoding="utf-8")
os.dup2(2, 1)  # Whatever prints, from Python or from C++, goes to the log.


def report(**fields) -> None:
    reports.write(json.dumps(fields) + "\n")
    reports.flush()


def export(spec: dict, stage) -> dict:
    stage("import PyTorch", "start", 0.0)
    import torch

    from conch_export import formats, source
    from conch_export.comparison import Reference, flatten
    from conch_export.failures import Refused
    from conch_export.samples import DTYPES, NAMES, Sampler

    sys.path.pop(0)  # The user's modules may have the names of ours.
    path = Path(spec["file"])
    stage(f"import {path.name}", "import", 0.1)
    user = source.import_file(path)
    factory = source.choose_class(user, spec.get("class"), path)
    stage(f"make {spec.get('class') or path.stem}", "construct", 0.2)
    module = source.make_module(factory, spec.get("args") or {}, spec["seed"]).eval()
    if spec.get("state_dict"):
        source.load_weights(module, Path(spec["state_dict"]))
    for parameter in module.parameters():
        parameter.requires_grad_(False)

    stage("run the samples", "call", 0.3)
    inputs, has_batch = spec["inputs"], spec["batch"]
    order, by_name = source.argument_order(module, [one["name"] for one in inputs])
    by_input = {one["name"]: one for one in inputs}
    sampler = Sampler(inputs, has_batch, spec["seed"])
    rows = sorted({1, 2, min(5, spec["max_rows"]), spec["max_rows"]} & set(range(1, spec["max_rows"] + 1))) if has_batch else [1]
    samples = [sampler.draw(index, count) for index in range(4) for count in rows]
    for given in spec.get("samples") or []:
        samples.append({name: torch.tensor(given[name], dtype=DTYPES[by_input[name]["datatype"]]) for name in order})
    with torch.no_grad():
        reference = Reference(module, order, samples, spec.get("tolerance"))
        outputs = describe_outputs(reference, samples, order, spec["outputs"], has_batch, NAMES, Refused)
        example_sample = sampler.draw(0, 2)
        example = [example_sample[name] for name in order]
        flatten(module(*example))
        result = {
            "inputs": [by_input[name] for name in order], "outputs": outputs, "by_name": by_name, "formats": {},
            "samples": len(samples), "parameters": sum(one.numel() for one in module.parameters()),
        }  # fmt: skip
        out = Path(spec["out"])
        if "torchscript" in spec["formats"]:
            stage("TorchScript", "torchscript", 0.45)
            result["formats"]["torchscript"] = formats.export_torchscript(module, example, reference, out)
        if "onnx" in spec["formats"]:
            stage("ONNX", "onnx", 0.6)
            names = {"inputs": order, "outputs": [one["name"] for one in outputs]}
            shapes = tuple(sampler.dynamic_shapes(by_input[name]) for name in order)
            result["formats"]["onnx"] = formats.export_onnx(module, example, shapes, names, spec["versions"], reference, out)
    return result


def describe_outputs(reference, samples, order, names, has_batch, types, Refused) -> "list[dict]":
    """Names, element types and dims (without the batch; -1 where samples differ) of what forward returns."""
    count = len(reference.outputs[0])
    if names and len(names) != count:
        raise Refused(f"forward returns {count} tensors, but `outputs` names {len(names)}", f"name {count} outputs")
    described = []
    for index in range(count):
        name = names[index] if names else "output" if count == 1 else f"output_{index}"
        tensors = [outputs[index] for outputs in reference.outputs]
        first = tensors[0]
        if first.dtype not in types:
            raise Refused(f"output '{name}' is {first.dtype}, which Triton does not have", "cast it in forward")
        if any(one.dim() != first.dim() for one in tensors):
            raise Refused(f"output '{name}' has a varying number of dimensions", "return the same number always")
        for sample, one in zip(samples, tensors):
            rows = sample[order[0]].shape[0] if has_batch else 0
            if has_batch and (one.dim() == 0 or one.shape[0] != rows):
                raise Refused(f"output '{name}' has shape {list(one.shape)} for a batch of {rows}",
                              "return one entry a row, or set max_batch_size: 0 for a module without batches")  # fmt: skip
        sizes = [{one.shape[axis] for one in tensors} for axis in range(int(has_batch), first.dim())]
        dims = [sizes_of.pop() if len(sizes_of) == 1 else -1 for sizes_of in sizes]
        described.append({"name": name, "datatype": types[first.dtype], "dims": dims})
    return described


def main() -> int:
    spec = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    current = {"stage": "start"}

    def stage(doing: str, name: str, fraction: float) -> None:
        current["stage"] = name
        report(progress=fraction, doing=doing)

    from conch_export import failures

    try:
        result = export(spec, stage)
    except BaseException as error:
        import traceback

        traceback.print_exc()
        report(failed=failures.describe(error, current["stage"], Path(spec["file"]).parent))
        return 1
    report(done=result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
