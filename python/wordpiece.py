"""A smaller lower-casing WordPiece vocabulary cut from bert-base-uncased's, and the files that describe it."""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def is_kept_character(token: str) -> bool:
    """Single characters of ASCII, Latin-1, typographic punctuation and currency; other scripts become [UNK]."""
    character = token.removeprefix("##")
    if len(character) != 1:
        return False
    code = ord(character)
    return code < 0x100 or 0x2010 <= code <= 0x2044 or 0x20A0 <= code <= 0x20BF


def select_vocabulary(full: list[str], wanted: Iterable[str], size: int) -> list[str]:
    """`size` tokens of `full` in its order: special ones, characters, `wanted`, then the most frequent.

    bert-base-uncased lists words and suffixes by falling frequency, so an early place means a common token.
    """
    known = {token: index for index, token in enumerate(full)}
    chosen = {token for token in full if is_kept_character(token)} | {token for token in wanted if token in known}
    plain = (token for token in full if token.isascii() and not token.startswith("["))
    for token in plain:
        if len(chosen) >= size - len(SPECIAL):
            break
        chosen.add(token)
    return SPECIAL + sorted(chosen - set(SPECIAL), key=known.__getitem__)


def make_tokenizer(vocabulary: list[str]) -> Tokenizer:
    """The tokenizer that transformers makes from a `vocab.txt` of an uncased BERT."""
    ids = {token: index for index, token in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0",
        pair="[CLS]:0 $A:0 [SEP]:0 $B:1 [SEP]:1",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    tokenizer.decoder = decoders.WordPiece()
    return tokenizer


def write_tokenizer(folder: Path, vocabulary: list[str], max_length: int) -> None:
    """vocab.txt, tokenizer.json, tokenizer_config.json and special_tokens_map.json, as for any uncased BERT."""
    (folder / "vocab.txt").write_text("".join(token + "\n" for token in vocabulary), "utf-8")
    make_tokenizer(vocabulary).save(str(folder / "tokenizer.json"), pretty=False)
    names = {f"{token.strip('[]').lower()}_token": token for token in SPECIAL}
    settings = {
        "tokenizer_class": "BertTokenizer", "do_lower_case": True, "do_basic_tokenize": True, "never_split": None,
        "strip_accents": None, "tokenize_chinese_chars": True, "model_max_length": max_length,
        "clean_up_tokenization_spaces": True, **names,
    }  # fmt: skip
    for file, value in {"tokenizer_config.json": settings, "special_tokens_map.json": names}.items():
        (folder / file).write_text(json.dumps(value, indent=2) + "\n", "utf-8")
