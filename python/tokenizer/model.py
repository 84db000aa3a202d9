"""A Hugging Face tokenizer as a model for Triton's Python backend, written by conch.

Reads tokenizer.json beside this file. With the Python package `tokenizers` it runs every kind of tokenizer; without it
(Triton's stock images do not have it) it runs BERT's WordPiece by itself, with the same ids. Texts of a batch are
padded to the longest one. Text is cut to the config's parameter `max_length`, special tokens are kept. A second input,
which a request may leave out, pairs each text with another one: both become one sequence, the longer one cut first.
"""

import json
import os
import re
import unicodedata

import numpy as np
import triton_python_backend_utils as pb_utils

try:
    import tokenizers
except ImportError:
    tokenizers = None


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        filename = config.get("default_model_filename") or "model.py"
        folder = os.path.dirname(os.path.join(args["model_repository"], args["model_version"], filename))
        self.batching = config.get("max_batch_size", 0) > 0
        self.inputs = [tensor["name"] for tensor in config["input"]]
        self.outputs = [output["name"] for output in config["output"]]
        max_length = config.get("parameters", {}).get("max_length", {}).get("string_value", "")
        try:
            if not max_length.isdecimal():
                raise ValueError(f"parameter max_length: expected a number, got '{max_length}'")
            self.tokenizer = load(folder, int(max_length))
        except (OSError, ValueError) as error:
            raise pb_utils.TritonModelException(f"{config['name']}: {error}") from None

    def execute(self, requests):
        """All texts of all requests are tokenized at once; every request is padded by itself."""
        batches = []
        for request in requests:
            tensors = [pb_utils.get_input_tensor_by_name(request, name) for name in self.inputs]
            columns = [list(map(decode, tensor.as_numpy().reshape(-1))) for tensor in tensors if tensor is not None]
            batches.append(list(zip(*columns)) if len(columns) > 1 else columns[0])
        encoded = iter(self.tokenizer.encode_batch([text for texts in batches for text in texts]))
        responses = []
        for texts in batches:
            arrays = self.tokenizer.pad([next(encoded) for _ in texts])
            if not self.batching:
                arrays = {name: array.reshape(-1) for name, array in arrays.items()}
            tensors = [pb_utils.Tensor(name, arrays[name]) for name in self.outputs]
            responses.append(pb_utils.InferenceResponse(output_tensors=tensors))
        return responses


def decode(element):
    return element.decode("utf-8", "replace") if isinstance(element, bytes) else str(element)


def load(folder, max_length):
    """The tokenizer in `folder`; ValueError when this Python cannot run it."""
    path = os.path.join(folder, "tokenizer.json")
    with open(path, encoding="utf-8") as file:
        spec = json.load(file)
    settings = {}
    if os.path.exists(os.path.join(folder, "tokenizer_config.json")):
        with open(os.path.join(folder, "tokenizer_config.json"), encoding="utf-8") as file:
            settings = json.load(file)
    if tokenizers is not None:
        return Packaged(spec, settings, max_length, tokenizers.Tokenizer.from_file(path))
    return Bert(spec, settings, max_length)


class Padded:
    """What both kinds share: where to cut and pad, and with what."""

    def __init__(self, spec, settings, max_length):
        padding, truncation = spec.get("padding") or {}, spec.get("truncation") or {}
        self.max_length = max_length
        self.cut_left = settings.get("truncation_side") == "left" or truncation.get("direction") == "Left"
        self.pad_left = settings.get("padding_side") == "left" or padding.get("direction") == "Left"
        self.pad_type = padding.get("pad_type_id", 0)
        # Where the model was saved without types, transformers gives it none, which counts as zeros.
        generic = settings.get("tokenizer_class") == "TokenizersBackend"
        names = settings.get("model_input_names") or ([] if generic else ["token_type_ids"])
        self.typed = "token_type_ids" in names
        self.pad_id = padding.get("pad_id")
        for token in (settings.get("pad_token"), "[PAD]"):
            if self.pad_id is None and token is not None:
                self.pad_id = token_id(spec, token["content"] if isinstance(token, dict) else token)
        self.pad_id = self.pad_id or 0

    def pad(self, rows):
        """Rows of (ids, type ids) as INT64 arrays [rows, longest]."""
        shape = (len(rows), max((len(ids) for ids, _ in rows), default=0))
        ids = np.full(shape, self.pad_id, dtype=np.int64)
        types = np.full(shape, self.pad_type, dtype=np.int64)
        mask = np.zeros(shape, dtype=np.int64)
        for row, (row_ids, row_types) in enumerate(rows):
            used = slice(shape[1] - len(row_ids), None) if self.pad_left else slice(0, len(row_ids))
            ids[row, used], types[row, used], mask[row, used] = row_ids, row_types, 1
        return {"input_ids": ids, "attention_mask": mask, "token_type_ids": types if self.typed else np.zeros_like(types)}


def token_id(spec, content):
    for token in spec.get("added_tokens") or []:
        if token["content"] == content:
            return token["id"]
    vocab = spec["model"].get("vocab", {})
    return vocab.get(content) if isinstance(vocab, dict) else None


class Packaged(Padded):
    """The package `tokenizers`."""

    def __init__(self, spec, settings, max_length, tokenizer):
        super().__init__(spec, settings, max_length)
        tokenizer.no_padding()
        tokenizer.enable_truncation(max_length, direction="left" if self.cut_left else "right")
        self.tokenizer = tokenizer

    def encode_batch(self, texts):
        """Of texts, and of pairs of texts as tuples."""
        return [(encoding.ids, encoding.type_ids) for encoding in self.tokenizer.encode_batch(texts)]


class Bert(Padded):
    """BERT's WordPiece in plain Python."""

    SLICE = 4096  # characters that are normalised at once
    COUNTED = 16384  # of two texts longer than this many ids it is not looked which is the longer one

    def __init__(self, spec, settings, max_length):
        super().__init__(spec, settings, max_length)
        kinds = [(spec.get(part) or {}).get("type") for part in ("model", "normalizer", "pre_tokenizer")]
        added = spec.get("added_tokens") or []
        if kinds[0] is None and isinstance(spec["model"].get("vocab"), dict) and "merges" not in spec["model"]:
            kinds[0] = "WordPiece"
        if kinds != ["WordPiece", "BertNormalizer", "BertPreTokenizer"] or any(
            token.get("single_word") or token.get("normalized", not token.get("special")) for token in added
        ):
            raise ValueError(
                f"a tokenizer of {', '.join(map(str, kinds))} needs the Python package 'tokenizers', which this Python "
                "lacks: install it in Triton's image (pip install tokenizers). Without it only BERT's WordPiece runs"
            )
        model, normalizer = spec["model"], spec["normalizer"]
        self.vocab = model["vocab"]
        self.prefix = model.get("continuing_subword_prefix", "##")
        self.longest_word = model.get("max_input_chars_per_word", 100)
        self.longest_piece = max(map(len, self.vocab))
        unknown = model.get("unk_token", "[UNK]")
        if unknown not in self.vocab:
            raise ValueError(f"the vocabulary has no {unknown}")
        self.unknown = [self.vocab[unknown]]
        self.lowercase = normalizer.get("lowercase", True)
        strip = normalizer.get("strip_accents")
        self.strip_accents = self.lowercase if strip is None else strip
        self.clean = normalizer.get("clean_text", True)
        self.chinese = normalizer.get("handle_chinese_chars", True)
        self.added = {token["content"]: token["id"] for token in added}
        longest_first = sorted(self.added, key=len, reverse=True)
        self.added_pattern = re.compile("|".join(map(re.escape, longest_first))) if added else None
        self.before, self.after, self.type = read_template(spec.get("post_processor"))
        self.processor = spec.get("post_processor")
        self.room = max_length - len(self.before) - len(self.after)
        if self.room < 1:
            raise ValueError(f"a maximum length of {max_length} leaves no room beside special tokens")
        self.cache = {}

    def encode_batch(self, texts):
        return [self.encode(text) for text in texts]

    def encode(self, text):
        if isinstance(text, tuple):
            return self.encode_pair(*text)
        ids = self.content(text, self.room)
        pieces = [*self.before, *((one, self.type) for one in ids), *self.after]
        return [one for one, _ in pieces], [kind for _, kind in pieces]

    def encode_pair(self, text, pair):
        template = read_pair_template(self.processor)
        room = max(0, self.max_length - sum(len(ids) for ids, _ in template if not isinstance(ids, str)))
        cut = [self.content(one, room) for one in (text, pair)]
        # Both are cut to a half then, and of an odd number the longer one gets more.
        if room % 2 and min(map(len, cut)) >= room:
            cut = [self.content(one, self.COUNTED) for one in (text, pair)]
        counts = cut_longest_first(*map(len, cut), room)
        kept = {name: self.cut(ids, count) for name, ids, count in zip("AB", cut, counts)}
        pieces = [(kept[ids] if isinstance(ids, str) else ids, kind) for ids, kind in template]
        return [one for ids, _ in pieces for one in ids], [kind for ids, kind in pieces for _ in ids]

    def cut(self, ids, count):
        return ids[len(ids) - count :] if self.cut_left else ids[:count]

    def content(self, text, room):
        ids = []
        limit = float("inf") if self.cut_left else room
        start = 0
        for found in self.added_pattern.finditer(text) if self.added_pattern else ():
            self.add_text(text[start : found.start()], ids, limit)
            if len(ids) >= limit:
                break
            ids.append(self.added[found.group()])
            start = found.end()
        else:
            self.add_text(text[start:], ids, limit)
        return self.cut(ids, min(room, len(ids)))

    def add_text(self, text, ids, limit):
        for word in self.words(text):
            if len(ids) >= limit:
                return
            ids += self.pieces(word)

    def words(self, text):
        start, rest = 0, ""
        while start < len(text):
            end = self.slice_end(text, start)
            clean = self.normalize(text[start:end])
            start = end
            clean = rest + clean
            found = WORDS.findall(clean)
            rest = ""
            # A word may go on in the next slice; of an endless one it is enough to know that it is too long.
            if found and not NOT_WORD.match(clean[-1]):
                rest = found.pop()[: self.longest_word + 1]
            yield from found
        if rest:
            yield rest

    def slice_end(self, text, start):
        """Not before a combining mark, which is normalised together with what it stands on."""
        end = start + self.SLICE
        while end < len(text) and end < start + self.SLICE + 256 and unicodedata.category(text[end])[0] == "M":
            end += 1
        return end

    def normalize(self, text):
        if text.isascii() and text.isprintable():
            return text.lower() if self.lowercase else text
        if self.clean:
            text = BLANK.sub(" ", REMOVED.sub("", text))
        if self.chinese:
            text = CJK.sub(r" \g<0> ", text)
        if self.strip_accents:
            text = MARK.sub("", unicodedata.normalize("NFD", text))
        # A capital sigma is lower-cased without regard to its place in the word.
        return text.replace("\u03a3", "\u03c3").lower() if self.lowercase else text

    def pieces(self, word):
        known = self.cache.get(word)
        if known is None:
            known = self.split(word)
            if len(self.cache) >= 20000:
                self.cache.clear()
            self.cache[word] = known
        return known

    def split(self, word):
        if len(word) > self.longest_word:
            return self.unknown
        ids, start, prefix = [], 0, ""
        while start < len(word):
            for end in range(min(len(word), start + self.longest_piece - len(prefix)), start, -1):
                piece = self.vocab.get(prefix + word[start:end])
                if piece is not None:
                    break
            else:
                return self.unknown
            ids.append(piece)
            start, prefix = end, self.prefix
        return ids


def read_template(processor):
    """What stands before and after a text, as (id, type id), and the type id of the text itself."""
    kind = processor and processor.get("type")
    if kind is None or kind == "ByteLevel":
        return [], [], 0
    if kind in ("BertProcessing", "RobertaProcessing"):
        return [(processor["cls"][1], 0)], [(processor["sep"][1], 0)], 0
    if kind == "Sequence":
        templates = [read_template(inner) for inner in processor["processors"]]
        adding = [template for template in templates if template[0] or template[1]]
        if len(adding) < 2:
            return adding[0] if adding else ([], [], 0)
    if kind != "TemplateProcessing":
        raise ValueError(f"post-processor {kind} is not supported without the Python package 'tokenizers'")
    before, after, text_type = [], [], None
    for piece in processor["single"]:
        if "Sequence" in piece:
            text_type = piece["Sequence"].get("type_id", 0)
            continue
        token = piece["SpecialToken"]
        ids = processor["special_tokens"][token["id"]]["ids"]
        (before if text_type is None else after).extend((one, token.get("type_id", 0)) for one in ids)
    return before, after, text_type or 0


def read_pair_template(processor):
    """What two texts become: ids, or "A" and "B" for the texts, each with its type id."""
    kind = processor and processor.get("type")
    if kind in ("BertProcessing", "RobertaProcessing"):
        bert = kind == "BertProcessing"
        before, after = [processor["cls"][1]], [processor["sep"][1]]
        return [(before, 0), ("A", 0), (after if bert else after * 2, 0), ("B", int(bert)), (after, int(bert))]
    if kind == "Sequence":
        templates = [read_pair_template(inner) for inner in processor["processors"]]
        return next((one for one in templates if len(one) > 2), [("A", 0), ("B", 1)])
    if kind != "TemplateProcessing":
        return [("A", 0), ("B", 1)]
    pieces = []
    for piece in processor["pair"]:
        (item,) = piece.values()
        ids = item["id"] if "Sequence" in piece else processor["special_tokens"][item["id"]]["ids"]
        pieces.append((ids, item.get("type_id", 0)))
    return pieces


def cut_longest_first(first, second, room):
    """How many ids of each of two texts stay: as `longest_first` of the package `tokenizers`."""
    if first + second <= room:
        return first, second
    shorter = min(first, second)
    longer = shorter if shorter > room else max(shorter, room - shorter)
    if shorter + longer > room:
        shorter, longer = room // 2, room // 2 + room % 2
    return (longer, shorter) if first > second else (shorter, longer)


# Characters as BERT's cleaning sorts them; see character_classes.py in conch's sources. Python's own tables are of
# other Unicode versions and would give other ids for some hundred characters.
CHARACTER_CLASSES = {
    "removed": (
        "0.8 3.1 2.h 2o.w e 11v.5 n 5d 1e 3cv 1kt.4 r.4 1e.4 2.9 11u9.4xr 16o 6y.2 2 3b4 xyb.3 440.7 h407 v.2n "
        "1egx.1ekd 3.1ekd"
    ),
    "blank": (
        "9.1 3 j 3k 4bk 1vk.a u.1 6 1c 335"
    ),
    "mark": (
        "lc.33 7o.4 7e.18 2 2.1 2.1 2 21.a 1d.k h 2u.6 3.5 3.1 2.3 10 v.q 2k.a 1n.8 z.3 2.8 2.2 2.4 18.2 3s.v 1k "
        "2 5.7 5 4.6 b.1 u 1n 5.3 9 l.1 u.1 1m 5.1 5.1 3.2 4 v.1 4 c.1 1m 5.4 2.1 5 l.1 u 1n 3 2.3 9 9 c.1 v 1q d "
        "1f 1q.2 6.2 2.3 8.1 c.1 u 1n 3 7 6.1 l.1 u 1s.3 9 l.1 2v 8.2 2 2j 3.6 d.7 2r 3.5 2.1 c.5 23.1 s 2 2 1k.d "
        "2.4 2.1 6.a 2.z a 2v.3 2.5 2.1 3.1 q.1 5.2 h.3 e 3.1 7 g jk.2 qb.2 u.2 u.1 v.1 1t.1 2.6 9 3.a a 1a.2 4c "
        "3b.2 5.1 a 7.2 64.1 3 1n 2.6 2 2 3.7 7.9 3 1d.d 1v.3 1d 2.4 2 6 15.8 d.1 x.3 3.1 2.2 1l 2.1 4 2.2 1n.7 "
        "3.1 49.2 2.c 2.6 5 7 4.1 5j.1h 7.3 k1.c 5 4.b 2db.2 3y 2p.v ff.3 30.1 n9x 5.9 x.1 29.1 7l 4 5 q.1 4e s.h "
        "1h.7 q.a 1b.2 1d 3.3 3 15 1w.5 3.1 3.1 d 9 1c 1g 2.2 3.1 6.1 2 17.1 9 6n 3 5 fn5 ki.f h.f r2 6b 46.4 "
        "1af.2 2.1 6.3 15.2 5 4m.1 10b 1j.e 1l.2 1e.3 3.1 1y.2 11.4 2.7 1r d.1 1h.8 c.2 2r.2 3 2.1 4o 4.7 m.1 1n "
        "4 12.6 4.4 8v.5 2 5.1 2.1 6n.3 7.1 2.1 s.1 2e.7 3 2.1 2z 2 3.5 2 2u.2 3.3 2.4 gjp.4 1o.6 ux.3 f7v.1 "
        "43t.2 i.7 3.6 v.3 45.2 1j0.1i 5.1d 9 f n.4 2.e 2sh.6 gzl6.6n"
    ),
    "punctuation": (
        "x.e b.6 r.5 r.3 z 6 4 b.1 4 4 jj 9 cz.5 16.1 1g 2 3 3 19.1 l.1 2.1 e 3.1 23.3 2v 18.d 6i.2 1j.e w 7a.1 b "
        "ao lg 2j b.1 4p.e 2 12.3 20 23.4 5.1 34.5 4s h1.8 48 h9.1 19.1 27.2 20.1 4e.2 2.2 12.a 8q.1 61.1 3l.6 "
        "2.5 4t.6 4c.3 1o.4 1r.1 1t.7 c n1.n 9.j 2.c 2.b v.1 f.1 hm.3 u.1 u6.d 28.1 w.9 b8.l 1s.3 x.1 l8.3 2.1 35 "
        "40.1a 2.i cf.2 5.9 3.b h d 2r 2j mwz.1 7i.2 2s b 38.5 al.3 2f.1 15.2 2 1e.1 1c 2q.c h.1 3h.3 3j.1 h.1 6y "
        "g2b.1 5t.9 n.y 2.d 2 5 2.1 46.2 2.5 2.3 b.1 4.1 r.2 2 s 2 2.6 bf.2 il 1d bj ko 5k w 7l.8 13 35.6 1v.6 "
        "2i.3 x7.6 32.1 2.3 3j.3 1d.1 28.4 4 e 2.2 2h.5 30 f1 6z.m 2y.2 6x.2 2lu.4 dtm.1 3q 1u.4 9 g2j 5wo.4"
    ),
    "separator": (
        "9.4 j 2t r 4bk 1vk.a u.1 6 1c 335"
    ),
    "cjk": (
        "a9s.533 1t.g73 hkx.e7 1fk1.wyn x.3dr 75.49b 85t.f3"
    ),
}


def ranges(name):
    """A class as the inside of a regular expression's brackets."""
    out, end = [], 0
    for part in CHARACTER_CLASSES[name].split():
        gap, _, more = part.partition(".")
        first = end + int(gap, 36)
        end = first + int(more or "0", 36)
        out.append(f"\\U{first:08x}-\\U{end:08x}")
    return "".join(out)


REMOVED = re.compile(f"[{ranges('removed')}]+")
BLANK = re.compile(f"[{ranges('blank')}]")
MARK = re.compile(f"[{ranges('mark')}]+")
CJK = re.compile(f"[{ranges('cjk')}]")
NOT_WORD = re.compile(f"[{ranges('separator')}{ranges('punctuation')}]")
WORDS = re.compile(f"[^{ranges('separator')}{ranges('punctuation')}]+|[{ranges('punctuation')}]")
