"""Runs the module and what it was exported to on the same samples."""

import torch

from .failures import Refused


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

    def __init__(self, module: torch.nn.Module, order: "list[str]", samples: "list[dict]"):
        self.order = order
        self.samples = samples
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

    def compare(self, run) -> dict:
        """`run` takes the inputs in order and returns tensors; the worst error, and where it is."""
        worst = {"error": 0.0, "output": 0, "shape": []}
        for sample, wanted in zip(self.samples, self.outputs):
            args = [sample[name] for name in self.order]
            got = run(args)
            if len(got) != len(wanted):
                raise Refused(f"it gives {len(got)} tensors where the module gives {len(wanted)}",
                              "return a tensor or a tuple of tensors from forward")  # fmt: skip
            for index, (one, other) in enumerate(zip(wanted, got)):
                error = distance(one, other)
                if error > worst["error"]:
                    worst = {"error": min(error, 1e308), "output": index, "shape": list(args[0].shape)}
        return worst
