"""Seeded random checkpoints with tokenizers of their own, and what transformers makes of whole texts and of pairs.

RoBERTa's byte-level BPE and a Unigram model, as XLM-RoBERTa and DeBERTa have it; `expected.jsonl` has lines for
`conch validate`.
"""

from pathlib import Path

import torch
import transformers as hf
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

from jsonl import short, write_jsonl
from tiny_encoders import NAMES, randomise, without_version

TEXTS = [
    "Profit rose by 10 % in the quarter.", "", "Sales fell; the company said it would cut 200 jobs – naïve?",
    "日本語 テキスト 🚀 mixed", "  spaces   and\ttabs\n", "the " * 40, "<s> special </s> [SEP] <pad> tokens",
]  # fmt: skip
PAIRS = [("what is the profit", "the profit was EUR 10"), ("sales", "the " * 50), ("fell " * 40, "rose " * 41), ("", "x")]
CORPUS = [text for text in TEXTS if text] * 5 + ["profit loss sales quarter company jobs net reported year before"] * 20
LONGEST = 30


def byte_pairs() -> Tokenizer:
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=alphabet, show_progress=False)
    made.train_from_iterator(CORPUS, trainer)
    made.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return made


def unigram(special: list[str], template: tuple[str, str]) -> Tokenizer:
    # Written down rather than trained: training is not the same twice.
    words = sorted({word for text in CORPUS for word in text.lower().split() if word.isalpha() and word.isascii()})
    pieces = ["\u2581", *(f"\u2581{word}" for word in words), *"abcdefghijklmnopqrstuvwxyzPS0123456789.,;%"]
    scored = [(token, 0.0) for token in special] + [(piece, -1.5 - 0.1 * rank) for rank, piece in enumerate(pieces)]
    made = Tokenizer(models.Unigram(scored, unk_id=3))
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.add_special_tokens(special)
    single, pair = template
    used = {token.removesuffix(":1") for token in f"{single} {pair}".split() if "$" not in token}
    ids = [(token, made.token_to_id(token)) for token in sorted(used)]
    made.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=ids)
    return made


def make(folder: Path, seed: int, name: str, tokenizer: Tokenizer, special: dict[str, str], **settings: object) -> None:
    """One checkpoint of class `name` with its tokenizer and reference outputs."""
    fast = hf.PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=LONGEST, **special)
    torch.manual_seed(seed)
    cls = getattr(hf, name)
    config = cls.config_class(
        vocab_size=len(fast), hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
        max_position_embeddings=32, **settings,
    )  # fmt: skip
    model = cls(config)
    randomise(model, torch.Generator().manual_seed(seed))
    model.eval().save_pretrained(folder)
    without_version(folder)
    fast.save_pretrained(folder)

    def logits(*texts: str) -> list:
        encoded = fast(*texts, truncation=True, return_tensors="pt")
        return short(model(input_ids=encoded["input_ids"], attention_mask=encoded["attention_mask"]).logits[0].numpy())

    rows = [{"inputs": {"text": [text]}, "outputs": {"logits": logits(text)}} for text in TEXTS]
    if not name.endswith("TokenClassification"):
        rows += [
            {"inputs": {"text": [text], "text_pair": [pair]}, "outputs": {"logits": logits(text, pair)}} for text, pair in PAIRS
        ]
    write_jsonl(folder / "expected.jsonl", rows)


@torch.no_grad()
def make_tiny_pipelines(folder: Path) -> None:
    """All of them, each in its folder below `folder`."""
    roberta = {"cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>", "unk_token": "<unk>", "mask_token": "<mask>"}
    bert = {"cls_token": "[CLS]", "sep_token": "[SEP]", "pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
    make(
        folder / "roberta", 300, "RobertaForSequenceClassification", byte_pairs(), roberta, type_vocab_size=1,
        pad_token_id=1, num_labels=3,
    )  # fmt: skip
    pieces = unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"], ("<s> $A </s>", "<s> $A </s> </s> $B </s>"))
    make(
        folder / "xlm-roberta-reranker", 301, "XLMRobertaForSequenceClassification", pieces, roberta, type_vocab_size=1,
        pad_token_id=1, num_labels=1,
    )  # fmt: skip
    pieces = unigram(["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]"], ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1"))
    make(
        folder / "deberta-tokens", 302, "DebertaV2ForTokenClassification", pieces, bert, relative_attention=True,
        position_buckets=8, norm_rel_ebd="layer_norm", share_att_key=True, pos_att_type="p2c|c2p",
        position_biased_input=False, id2label=NAMES,
    )  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_tiny_pipelines(Path(__file__).resolve().parent.parent / "test" / "golden" / "pipelines")
