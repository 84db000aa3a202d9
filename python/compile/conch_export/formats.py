"""Writes TorchScript and ONNX, each read back from its file for the comparison."""

import warnings
from pathlib import Path

import torch
from torch import nn

from .comparison import Reference, flatten
from .failures import Refused

# Above it the weights go to a file beside the graph: protobuf ends at 2 GiB.
LARGEST_SINGLE_FILE = 1_500_000_000


def export_torchscript(module: nn.Module, example: "list[torch.Tensor]", reference: Reference, out: Path) -> dict:
    """Traces the module; scripts it where the trace departs, as it does where forward branches on its inputs."""
    if not isinstance(module(*example), (torch.Tensor, tuple, list)):
        raise Refused("forward returns a dict, which Triton's PyTorch backend does not take",
                      "return a tuple of tensors, or leave torchscript out of `formats`")  # fmt: skip
    path = out / "model.pt"
    tried = []
    for method in ("trace", "script"):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                made = (
                    torch.jit.trace(module, tuple(example), check_trace=False)
                    if method == "trace"
                    else torch.jit.script(module)
                )
                torch.jit.save(made, str(path))
                loaded = torch.jit.load(str(path), map_location="cpu").eval()
                worst = reference.compare(lambda args: flatten(loaded(*args)))
        except Exception as error:
            if method == "script" and tried:
                break  # What scripting cannot do says less than how far the trace is off.
            tried.append(error)
            continue
        result = {"file": "model.pt", "method": method, **worst}
        if worst["error"] <= worst["allowed"]:
            return result
        tried.append(result)
    first = tried[0]
    if isinstance(first, dict):
        return first
    raise first


def export_onnx(module: nn.Module, example: "list[torch.Tensor]", shapes: tuple, names: dict, versions: dict, reference: Reference, out: Path) -> dict:
    import onnx_ir.passes.common
    import onnxruntime

    path = out / "model.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, tuple(example), dynamo=True, dynamic_shapes=shapes, input_names=names["inputs"],
            output_names=names["outputs"], opset_version=versions["opset"], verbose=False,
        )  # fmt: skip
    # Traces of the source, paths on this machine among them.
    onnx_ir.passes.common.ClearMetadataAndDocStringPass()(program.model)
    program.model.ir_version = versions["ir_version"]
    size = sum(value.const_value.nbytes for value in program.model.graph.initializers.values() if value.const_value)
    program.save(str(path), external_data=size > LARGEST_SINGLE_FILE)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    taken = {one.name: one.shape for one in session.get_inputs()}
    check_dynamic(names["inputs"], shapes, taken)

    def run(args: "list[torch.Tensor]") -> "list[torch.Tensor]":
        # The export leaves out inputs that no output depends on.
        feeds = {name: arg.numpy() for name, arg in zip(names["inputs"], args) if name in taken}
        return [torch.from_numpy(one) for one in session.run(names["outputs"], feeds)]

    unused = [name for name in names["inputs"] if name not in taken]
    return {"file": "model.onnx", "method": "torch.export", "unused": unused, **reference.compare(run)}


def check_dynamic(names: "list[str]", shapes: tuple, taken: dict) -> None:
    """torch.export fixes a dimension whose size forward uses as a plain number, without a word."""
    for name, dynamic in zip(names, shapes):
        for axis in dynamic:
            size = taken[name][axis] if name in taken else None
            if isinstance(size, int):
                raise Refused(f"torch.export fixed dimension {axis} of input '{name}' at {size}, the size in its sample",
                              "keep sizes as they are in forward: int(x.shape[0]) or range(x.shape[1]) make numbers of them")  # fmt: skip
