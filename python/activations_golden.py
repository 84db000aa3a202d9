"""Writes test/golden/activations.json: transformers' activation functions on a grid, for the exporter's tests."""

import json
from pathlib import Path

import torch
from transformers.activations import ACT2FN

NAMES = [
    "relu", "gelu", "gelu_python", "gelu_new", "gelu_fast", "gelu_pytorch_tanh", "quick_gelu", "silu", "swish", "mish",
    "relu6", "leaky_relu", "tanh", "sigmoid", "linear",
]  # fmt: skip
x = torch.tensor([-100.0, -7.5, -3.0, -1.0, -0.25, -1e-3, 0.0, 1e-3, 0.25, 1.0, 3.0, 5.9, 7.5, 100.0])
golden = {"x": x.tolist(), "y": {name: [float(f"{v:.9g}") for v in ACT2FN[name](x).tolist()] for name in NAMES}}
path = Path(__file__).resolve().parent.parent / "test" / "golden" / "activations.json"
path.write_text(json.dumps(golden) + "\n", "utf-8")
