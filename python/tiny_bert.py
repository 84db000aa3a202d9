"""Seeded random BERT classifiers of a few kilobytes, for the unit tests of the exporter.

They are shaped so that mistakes show: weights far from zero (so that logits depend on every token), biases and
normalisations that are not the identity, and settings that the usual checkpoints do not have.
"""

from pathlib import Path

import torch
from transformers import BertConfig, BertForSequenceClassification

from jsonl import short, write_jsonl

VOCABULARY = [
    "[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]",
    *"abcdefghijklmnopqrstuvwxyz0123456789.,%$-'",
    *(f"##{letter}" for letter in "abcdefghijklmnopqrstuvwxyz0123456789"),
    "profit", "loss", "rose", "fell", "sales", "the", "of", "in", "to", "##s", "##ed", "##ing", "quarter",
]  # fmt: skip
VOCABULARY = list(dict.fromkeys(VOCABULARY))


def encode(text: str) -> list[int]:
    """Ids of a text of whole vocabulary words; the unit tests of the exporter need no tokenizer."""
    return [VOCABULARY.index(token) for token in ("[CLS]", *text.split(), "[SEP]")]


def make(folder: Path, seed: int, dtype: torch.dtype, shard: str | None, **settings: object) -> None:
    """Writes one checkpoint (no tokenizer.json, only vocab.txt) and its reference logits in `folder`.

    `expected.jsonl` holds single texts (`text`, `ids`, `logits`); `batches.jsonl` holds padded batches as tensors.
    """
    config = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=40,
        max_position_embeddings=32, initializer_range=0.3, **settings,
    )  # fmt: skip
    generator = torch.Generator().manual_seed(seed)
    model = BertForSequenceClassification(config).eval()
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        parameter.data = (1 + 0.2 * noise if name.endswith("LayerNorm.weight") else 0.3 * noise).to(dtype)
    model.to(dtype).save_pretrained(folder, **({"max_shard_size": shard} if shard else {}))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n", "utf-8")

    model.float()  # the reference is always computed in fp32, from the weights as stored
    texts = ["", "profit rose", "the loss fell in the quarter", "sales fell", "the " * 29 + "loss"]
    rows = []
    for text in texts:
        ids = encode(text)
        logits = model(torch.tensor([ids])).logits[0]
        rows.append({"text": text.strip(), "ids": ids, "logits": short(logits.numpy())})
    write_jsonl(folder / "expected.jsonl", rows)
    write_jsonl(
        folder / "batches.jsonl", (batch(model, generator, size, length) for size, length in [(1, 1), (2, 7), (5, 32)])
    )


def batch(
    model: BertForSequenceClassification, generator: torch.Generator, size: int, length: int
) -> dict[str, object]:
    """A batch of random ids with random lengths and a second segment, padded with id 0, and its logits."""
    ids = torch.randint(5, len(VOCABULARY), (size, length), generator=generator)
    lengths = torch.randint(1, length + 1, (size, 1), generator=generator)
    lengths[0] = length
    mask = (torch.arange(length) < lengths).long()
    types = ((torch.arange(length) >= lengths // 2).long() * mask) if length > 1 else torch.zeros_like(mask)
    inputs = {"input_ids": ids * mask, "attention_mask": mask, "token_type_ids": types}
    logits = model(**inputs).logits
    return {"inputs": {k: v.tolist() for k, v in inputs.items()}, "outputs": {"logits": short(logits.numpy())}}


def make_tiny_berts(golden: Path) -> None:
    """`tiny-bert`: gelu_new, epsilon 1e-5, five labels. `tiny-bert-half`: relu, fp16, in shards with an index."""
    labels = ["very bad", "bad", "so-so", "good", "very good"]
    make(
        golden / "tiny-bert", 11, torch.float32, None, hidden_act="gelu_new", layer_norm_eps=1e-5,
        id2label=dict(enumerate(labels)), label2id={label: i for i, label in enumerate(labels)},
    )  # fmt: skip
    make(golden / "tiny-bert-half", 12, torch.float16, "8KB", hidden_act="relu", layer_norm_eps=1e-3, num_labels=2)
