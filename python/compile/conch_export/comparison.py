"""Runs the module and what it was exported to on the same samples."""

import torch

from .failures import Refused

# What rounding makes of values around 1 to 10 in an output of that type, where the deployment sets no tolerance.
TOLERANCES = {torch.float16: 1e-2, torch.bfloat16: 1e-1}
STANDARD_TOLERANCE = 1e-4


def flatten(result) -> "list[torch.Tensor]":
    """Tensors in the order of a result: a tensor, a tuple or list, or a dict."""
    if isinstance(result, torch.Tensor):
        return [result]
    values = list(result.values()) if hasattr(result, "values") else list(result) if isinstance(result, (tuple, list)) else None
    if values is None or not values or not all(isinstance(value, torch.Tensor) for value in values):
        raise Refused(f"forward returns {kind_of(result)}", "return a tensor or a tuple of tensors")
    return values


def kind_of(result) -> str:
    if isinstance(result, (tuple, list)):
        return f"a {type(result).__name__} of {', '.join(type(one).__name__ for one in result) or 'nothing'}"
    return f"a {type(result).__name__}"


def same(a: "list[torch.Tensor]", b: "list[torch.Tensor]") -> bool:
    return all(torch.equal(torch.nan_to_num(x), torch.nan_to_num(y)) for x, y in zip(a, b))


def distance(wanted: torch.Tensor, got: torch.Tensor) -> float:
    """The largest absolute difference; infinite where shapes, types or what is no number differ."""
    if wanted.shape != got.shape or wanted.dtype != got.dtype:
        return float("inf")
    if wanted.numel() == 0:
        return 0.0
    a, b = wanted.to(torch.float64), got.to(torch.float64)
    equal = (a == b) | (a.isnan() & b.isnan())
    difference = torch.where(equal, torch.zeros_like(a), (a - b).abs())
    return float(torch.nan_to_num(difference, nan=float("inf"), posinf=float("inf")).max())


class Reference:
    """What the module itself answers to every sample."""

    def __init__(self, module: torch.nn.Module, order: "list[str]", samples: "list[dict]", tolerance: "float | None"):
        self.order = order
        self.samples = samples
        self.tolerance = tolerance
        self.outputs = []
        for sample in samples:
            args = [sample[name] for name in order]
            first, second = ([one.clone() for one in flatten(module(*args))] for _ in range(2))
            if not same(first, second):
                raise Refused("forward answers the same inputs differently each time",
                              "remove what is random in forward when the module is in eval mode")  # fmt: skip
            self.outputs.append(first)
        counts = {len(outputs) for outputs in self.outputs}
        if len(counts) > 1:
            raise Refused(f"forward returns {' or '.join(map(str, sorted(counts)))} tensors, depending on its inputs",
                          "return the same number of tensors always")  # fmt: skip

    def allowed(self, output: torch.Tensor) -> float:
        return TOLERANCES.get(output.dtype, STANDARD_TOLERANCE) if self.tolerance is None else self.tolerance

    def compare(self, run) -> dict:
        """`run` takes the inputs in order and returns tensors. The error that is worst for what is allowed, and where it is."""
        worst = None
        for sample, wanted in zip(self.samples, self.outputs):
            args = [sample[name] for name in self.order]
            got = run(args)
            if len(got) != len(wanted):
                raise Refused(f"it gives {len(got)} tensors where the module gives {len(wanted)}",
                              "return a tensor or a tuple of tensors from forward")  # fmt: skip
            for index, (one, other) in enumerate(zip(wanted, got)):
                error = min(distance(one, other), 1e308)
                if worst is None or error / self.allowed(one) > worst["error"] / worst["allowed"]:
                    worst = {"error": error, "allowed": self.allowed(one), "output": index, "shape": list(args[0].shape)}
        return worst
