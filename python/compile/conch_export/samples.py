"""Seeded inputs: shapes and values that a deployment allows."""

import torch

DTYPES = {
    "BOOL": torch.bool, "UINT8": torch.uint8, "INT8": torch.int8, "INT16": torch.int16, "INT32": torch.int32,
    "INT64": torch.int64, "FP16": torch.float16, "BF16": torch.bfloat16, "FP32": torch.float32, "FP64": torch.float64,
}  # fmt: skip
NAMES = {dtype: name for name, dtype in DTYPES.items()}

# What dynamic dimensions are, one sample after the other; the first is what the export sees.
LENGTHS = (7, 5, 12, 1)


class Sampler:
    def __init__(self, inputs: "list[dict]", has_batch: bool, seed: int):
        self.inputs = inputs
        self.has_batch = has_batch
        self.seed = seed

    def dimension_name(self, tensor: dict, axis: int) -> "str | None":
        """A name for a dynamic dimension: its own where the deployment gives one, so that inputs can share it."""
        dim = tensor["dims"][axis]
        if isinstance(dim, str):
            return dim
        return f"{tensor['name']}_{axis}" if dim < 0 else None

    def sizes(self, index: int) -> "dict[str, int]":
        """Of every dynamic dimension in the sample of that index; each starts elsewhere, so that none are equal by chance."""
        names = []
        for tensor in self.inputs:
            for axis in range(len(tensor["dims"])):
                name = self.dimension_name(tensor, axis)
                if name is not None and name not in names:
                    names.append(name)
        return {name: LENGTHS[index % len(LENGTHS)] + (place if index < 3 else 0) for place, name in enumerate(names)}

    def draw(self, index: int, rows: int) -> "dict[str, torch.Tensor]":
        generator = torch.Generator().manual_seed(self.seed + 1000 * index + rows)
        sizes = self.sizes(index)
        drawn = {}
        for tensor in self.inputs:
            shape = [rows] if self.has_batch else []
            for axis, dim in enumerate(tensor["dims"]):
                name = self.dimension_name(tensor, axis)
                shape.append(dim if name is None else sizes[name])
            drawn[tensor["name"]] = values(tensor, shape, generator)
        return drawn

    def dynamic_shapes(self, tensor: dict) -> dict:
        """For torch.export: the dimensions that may vary."""
        from torch.export import Dim

        shapes = {0: Dim("batch")} if self.has_batch else {}
        for axis in range(len(tensor["dims"])):
            name = self.dimension_name(tensor, axis)
            if name is not None:
                shapes[axis + self.has_batch] = Dim(name.replace("-", "_"))
        return shapes


def values(tensor: dict, shape: "list[int]", generator: torch.Generator) -> torch.Tensor:
    dtype = DTYPES[tensor["datatype"]]
    low, high = tensor.get("range") or (None, None)
    if dtype.is_floating_point:
        if low is None:
            return torch.randn(shape, generator=generator).to(dtype)
        return (torch.rand(shape, generator=generator) * (high - low) + low).to(dtype)
    if dtype is torch.bool:
        return torch.randint(0, 2, shape, generator=generator).to(dtype)
    return torch.randint(0 if low is None else int(low), 2 if high is None else int(high) + 1, shape, generator=generator).to(dtype)
