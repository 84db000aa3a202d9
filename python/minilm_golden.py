"""Hidden states and sentence embeddings of all-MiniLM-L6-v2 in PyTorch, for test/minilm.test.ts; make_golden.py writes them.

Each line is a padded batch of token ids with, for each text, the encoder's output at its first and last token and the
mean over its tokens (what sentence-transformers pools), so that the file stays small.
"""

from collections.abc import Iterator
from pathlib import Path

from sentence_transformers import SentenceTransformer
from transformers import AutoTokenizer, BertModel

from jsonl import short

BATCHES = [
    ["Profit rose."],
    [
        "Operating profit rose to EUR 13.1 mn from EUR 8.7 mn in the corresponding period in 2007.",
        "The company said it would cut 200 jobs.",
        "",
    ],
    ["Shares fell 3.2 % after the warning. " * 20, "Nothing changed."],
    [
        "profit",
        "Der Umsatz stieg um 8 % – naïve Schätzungen lagen darunter.",
        "売上高は前年同期比で増加した。",
        "🚀 or 📉? http://example.com/?q=3#x",
    ],
    ["Net sales are expected to grow and costs to stay flat in the coming year. " * 19],
    ["Shares fell, then rose, then fell again; nobody knew why. " * 60],  # beyond 512 tokens: cut
]


def minilm_lines(folder: Path) -> Iterator[dict[str, object]]:
    """The lines of test/golden/minilm.jsonl, with the model in `folder`."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = BertModel.from_pretrained(folder, attn_implementation="eager").float().eval()
    for texts in BATCHES:
        inputs = tokenizer(texts, padding=True, truncation=True, max_length=512, return_tensors="pt")
        lengths = inputs["attention_mask"].sum(1).tolist()
        rows = [
            {"length": n, "first": short(row[0]), "last": short(row[n - 1]), "mean": short(row[:n].mean(0))}
            for row, n in zip(model(**inputs).last_hidden_state, lengths, strict=True)
        ]
        yield {"inputs": {name: value.tolist() for name, value in inputs.items()}, "rows": rows}


def minilm_sentences(folder: Path) -> Iterator[dict[str, object]]:
    """The lines of test/golden/minilm-sentences.jsonl: each text with what sentence-transformers makes of it."""
    texts = [text for batch in BATCHES for text in batch]
    model = SentenceTransformer(str(folder), device="cpu")
    for text, embedding in zip(texts, model.encode(texts, batch_size=1), strict=True):
        yield {"inputs": {"text": [text]}, "outputs": {"sentence_embedding": short(embedding)}}
