"""Writes test/golden/tokenizer-*.jsonl: what the Python package `tokenizers` makes of awkward texts.

    python python/tokenizer/make_golden.py        (needs: pip install tokenizers)

`wordpiece` has BERT's tokenizer with several normalizer settings, `others` a byte-level BPE as RoBERTa has it and a
Unigram model. The tokenizers stand in a file's first line, so that the goldens do not depend on a checkpoint. Every
further line is {"tokenizer": which, "text": ..., "repeat": n or absent, "ids": [...]} with at most 64 ids (special
tokens included). `repeat` keeps long texts short in the file. `pairs` has {"tokenizer": which, "text": ..., "pair": ...,
"ids": [...], "type_ids": [...]} for post-processors of every kind, with at most 17 ids.
"""

import json
import pathlib
import random

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

GOLDEN = pathlib.Path(__file__).parents[2] / "test" / "golden"
LIMIT = 64

WORDS = (
    "the profit rose fell sharply by million eur company said in quarter share dividend loss net sales a b c e i o u s "
    "##s ##ed ##ing ##ly ##er ##a ##e ##i ##o ##u ##n ##t ##r ##k ##1 ##2 ##3 ##é ##ö 1 2 3 10 2024 % $ € . , ! ? - ' \" "
    "( ) [ ] { } @ # & * / \\ : ; < > = + ~ ^ _ ` | 金 融 市 场 日 本 語 ##金 ß ##ß é ö ü ñ Profit Rose É ÖL x ##x "
    "σ ##σ ##ς α ##α ο ##ο ＝ … — “ ” ’ « » ¡ ¿ § № ™ ½ ﬁ ##ﬁ İ ##̇ i̇ и ##й прибыль й п р ב ש ##ש ع ربح ا क ##् ก ำ ้ 가 힣 ᄀ"
).split()

NORMALIZERS = [
    {"lowercase": True, "strip_accents": None, "handle_chinese_chars": True, "clean_text": True},
    {"lowercase": False, "strip_accents": None, "handle_chinese_chars": True, "clean_text": True},
    {"lowercase": True, "strip_accents": False, "handle_chinese_chars": True, "clean_text": True},
    {"lowercase": False, "strip_accents": True, "handle_chinese_chars": False, "clean_text": False},
]

TEXTS = [
    "", " ", "\t\r\n", "\u00a0\u2003\u3000", "\u0000", "\ufffd", "\u200b\u200d\ufeff", "\u00ad", "\ue000", "\U0010fffd",
    "Profit rose.", "PROFIT ROSE!", "profit\nrose\r\nfell\trose", "  the   profit  ", "profit\u2028rose\u0085fell\u000bby\u000crose",
    "Éxito é e\u0301 e\u0301\u0301 Öl ÖL öl ñandú", "İ I ı i̇", "ΑΣ ΑΣΑ Σ ΟΣ. σ ς", "ß ẞ straße", "ﬁ ﬁne ½ № ™", "Å Å Å",
    "金融市场 日本語profit金", "𠀀 𫠠 𫤟 𫤠 豈 丽", "가힣 각 한국어", "ก้ำ กำ้", "क् क्ष", "שׁ שלום عربي ربح",
    "й и\u0306 Й прибыль", "a\u0327\u0301 a\u0301\u0327", "≠ = ≠a", "\u037e ;", "\u1fef `", "\u2126 Ω", "\u212a K",
    "😀 profit😀rose 👨‍👩‍👧 🇫🇮 👍🏽", "$10% (€2,024.10) #1 @a_b-c/d\\e", "“quoted” ‘single’ — dash… «g» ¡hola! ¿que?", "'s n't it's",
    "[SEP]", "[CLS] profit [SEP] rose [MASK] [PAD] [UNK]", "[sep] [ SEP ] [SEP", "profit[SEP]rose[MASK]ing", "[[SEP]]", "[CLS][CLS]",
    "x" * 99, "x" * 100, "x" * 101, "é" * 100, "😀" * 100, "😀" * 101, "e\u0301" * 100, "profit" + "x" * 200 + " rose",
    "\u0301", "\u0301profit", "a\u0301", "a\u20dd", "\u093e\u093f", "\U0001f1eb\U0001f1ee", "\U000e0001tag\U000e007f",
    "\u061d \u2e52 \u2e5d \U00011a9a", "\u1dfa\u1df6 \u08ca \U0001e08f", "\ufe0f \ufe0e x\ufe0f", "\U00016ff0 \U0001e94b", "٠١٢ 一二 Ⅷ ²",
]

LONG = [
    ("profit rose ", 3000), ("x", 20000), ("金", 9000), ("é", 9000), ("e\u0301", 5000), (".", 9000), ("profit", 2000), (" ", 9000),
    ("😀 ", 5000), ("[SEP]", 200), ("a\u0301\u0327", 3000), ("\u0000a", 5000), ("Σ", 4200), ("profit,", 2000), ("\u0301", 9000),
]

ALPHABET = [
    (0x20, 0x7E), (0x20, 0x7E), (0x20, 0x7E), (0x0, 0x1F), (0x80, 0x24F), (0x300, 0x36F), (0x370, 0x52F), (0x590, 0x6FF), (0x900, 0xDFF),
    (0xE00, 0xFFF), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x2BFF), (0x3000, 0x30FF), (0x4E00, 0x4E80), (0xAC00, 0xAC80),
    (0xF900, 0xFFFD), (0x10000, 0x11FFF), (0x1D100, 0x1D7FF), (0x1F300, 0x1F6FF), (0x2B700, 0x2BA00), (0x2F800, 0x2F880), (0xE0000, 0xE01EF),
]


def scrambled(chance):
    parts = []
    for _ in range(chance.randint(1, 12)):
        kind = chance.random()
        if kind < 0.4:
            parts.append(chance.choice(WORDS).replace("##", ""))
        elif kind < 0.5:
            parts.append(chance.choice(["[SEP]", "[MASK]", "Σ", "\n", "\u0301"]))
        else:
            parts.append(chr(chance.randint(*chance.choice(ALPHABET))))
        parts.append(" " * (chance.random() < 0.4))
    return "".join(parts)


def bert(normalizer, vocab):
    special = [{"id": vocab[token], "content": token, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for token in ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")]
    pieces = [{"SpecialToken": {"id": "[CLS]", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
              {"SpecialToken": {"id": "[SEP]", "type_id": 0}}]
    tokens = {token: {"id": token, "ids": [vocab[token]], "tokens": [token]} for token in ("[CLS]", "[SEP]")}
    return {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
        "normalizer": {"type": "BertNormalizer", **normalizer}, "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "TemplateProcessing", "single": pieces, "pair": pieces, "special_tokens": tokens},
        "decoder": None,
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocab},
    }


def byte_pairs(sentences):
    model = Tokenizer(models.BPE())
    model.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    model.train_from_iterator(
        sentences,
        trainers.BpeTrainer(vocab_size=420, special_tokens=special, initial_alphabet=alphabet, show_progress=False),
    )
    model.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return model


def unigram(words):
    pieces = ["\u2581", "."] + ["\u2581" + word for word in dict.fromkeys(words)] + list("abcdefghijklmnopqrstuvwxyz")
    special = ["<s>", "<pad>", "</s>", "<unk>"]
    vocab = [(token, 0.0) for token in special] + [(piece, -1.5 - 0.1 * rank) for rank, piece in enumerate(pieces)]
    model = Tokenizer(models.Unigram(vocab, unk_id=3))
    model.normalizer = normalizers.Sequence([normalizers.NFKC(), normalizers.Lowercase()])
    model.pre_tokenizer = pre_tokenizers.Metaspace()
    model.add_special_tokens(special)
    model.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return model


def write(name, specs, texts):
    tokenizers = [Tokenizer.from_str(json.dumps(spec)) for spec in specs]
    for tokenizer in tokenizers:
        tokenizer.enable_truncation(LIMIT)
    with open(GOLDEN / f"tokenizer-{name}.jsonl", "w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps({"limit": LIMIT, "tokenizers": specs}) + "\n")
        for text, repeat in texts:
            for which, tokenizer in enumerate(tokenizers):
                line = {"tokenizer": which, "text": text, **({"repeat": repeat} if repeat > 1 else {})}
                file.write(json.dumps({**line, "ids": tokenizer.encode(text * repeat).ids}) + "\n")


def paired(vocab):
    """Tokenizers that put two texts together: BERT's as a template and as its own kind, RoBERTa's, and none."""
    template = bert(NORMALIZERS[0], vocab)
    pieces = template["post_processor"]["single"]
    template["post_processor"]["pair"] = [
        *pieces, {"Sequence": {"id": "B", "type_id": 1}}, {"SpecialToken": {"id": "[SEP]", "type_id": 1}},
    ]
    kinds = [
        {"type": "BertProcessing", "sep": ["[SEP]", vocab["[SEP]"]], "cls": ["[CLS]", vocab["[CLS]"]]},
        {
            "type": "RobertaProcessing", "sep": ["[SEP]", vocab["[SEP]"]], "cls": ["[CLS]", vocab["[CLS]"]],
            "trim_offsets": True, "add_prefix_space": False,
        },
        None,
    ]
    left = {**template, "truncation": {"direction": "Left", "max_length": PAIR_LIMIT, "strategy": "LongestFirst", "stride": 0}}
    return [template, *({**template, "post_processor": kind} for kind in kinds), left]


PAIR_LIMIT = 17


def write_pairs(specs):
    counts = [0, 1, 6, 7, 8, 14, 40]
    with open(GOLDEN / "tokenizer-pairs.jsonl", "w", encoding="utf-8", newline="\n") as file:
        file.write(json.dumps({"limit": PAIR_LIMIT, "tokenizers": specs}) + "\n")
        for which, spec in enumerate(specs):
            tokenizer = Tokenizer.from_str(json.dumps(spec))
            direction = "left" if spec["truncation"] else "right"
            tokenizer.enable_truncation(PAIR_LIMIT, direction=direction)
            for first in counts:
                for second in counts:
                    text, pair = (" ".join((WORDS[:8] * 5)[:first]), " ".join((WORDS[8:15] * 6)[:second]))
                    made = tokenizer.encode(text, pair)
                    line = {"tokenizer": which, "text": text, "pair": pair, "ids": made.ids, "type_ids": made.type_ids}
                    file.write(json.dumps(line) + "\n")


def main():
    names = list(dict.fromkeys(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    vocab = {token: position for position, token in enumerate(names)}
    chance = random.Random(1)
    texts = [(text, 1) for text in TEXTS] + LONG + [(scrambled(chance), 1) for _ in range(150)]
    write("wordpiece", [bert(normalizer, vocab) for normalizer in NORMALIZERS], texts)

    write_pairs(paired(vocab))

    words = [word for word in WORDS if word.isascii() and word.isalpha()]
    sentences = [" ".join(chance.choices(words, k=9)) + "." for _ in range(300)]
    specs = [json.loads(model.to_str()) for model in (byte_pairs(sentences), unigram(words))]
    texts = [(sentence, 1) for sentence in sentences[:20]] + [
        ("", 1), (" ", 1), ("Éxito 金融 😀 rose", 1), ("  two  spaces\nand\ttabs ", 1), ("it's $1,024.50 (net)", 1),
        ("</s> profit <s>", 1), ("profit<mask>rose", 1), ("profit rose ", 3000), ("ﬁ ½ ＡＢ", 1), ("a\u0301 e\u0301", 1),
    ]
    write("others", specs, texts)


if __name__ == "__main__":
    main()
