"""Seeded random encoders of some ten kilobytes, one or more of each architecture and task, with PyTorch's answers.

They are shaped like those of tiny_bert.py so that mistakes show: weights far from zero, biases and normalisations that
are not the identity, settings that the usual checkpoints do not have. Each folder holds a checkpoint (no tokenizer) and
`batches.jsonl`: padded batches of ids as tensors with the model's outputs. Positions beyond a text's end are no part
of the contract; the tests skip them.
"""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
import transformers as hf
from sentence_transformers.base.modules import Dense, Normalize
from sentence_transformers.sentence_transformer import modules as st

from jsonl import short, write_jsonl

WORDS = 60
COMMON = {
    "vocab_size": WORDS, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_position_embeddings": 32, "hidden_act": "gelu",
}  # fmt: skip
# RoBERTa's positions begin behind the padding id, 1: 32 rows are 30 places.
ROBERTA = {**COMMON, "pad_token_id": 1, "type_vocab_size": 1}
DISTILBERT = {
    "vocab_size": WORDS, "dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 24, "max_position_embeddings": 32,
}  # fmt: skip
MODERNBERT = {
    **{key: value for key, value in COMMON.items() if key != "hidden_act"},
    "num_hidden_layers": 4, "pad_token_id": 0, "cls_token_id": 2, "bos_token_id": 2, "sep_token_id": 3, "eos_token_id": 3,
    "local_attention": 6, "global_attn_every_n_layers": 3,
}  # fmt: skip
DEBERTA = {
    **COMMON, "relative_attention": True, "max_relative_positions": -1, "pos_att_type": "p2c|c2p", "layer_norm_eps": 1e-7,
    "position_biased_input": False, "type_vocab_size": 0,
}  # fmt: skip
NAMES = {str(i): name for i, name in enumerate(["O", "B-PER", "I-PER", "B-ORG"])}


def labels(count: int) -> dict[str, object]:
    """`id2label` and its inverse for a classifier."""
    return {"id2label": {i: f"label {i}" for i in range(count)}, "label2id": {f"label {i}": i for i in range(count)}}


# Folder: class, configuration, and the longest text.
ENCODERS: dict[str, tuple[str, dict[str, object], int]] = {
    "bert-token-classification": ("BertForTokenClassification", {**COMMON, "id2label": NAMES}, 32),
    "bert-multi-label": (
        "BertForSequenceClassification", {**COMMON, **labels(3), "problem_type": "multi_label_classification"}, 32,
    ),
    "bert-reranker": ("BertForSequenceClassification", {**COMMON, **labels(1)}, 32),
    "distilbert": ("DistilBertForSequenceClassification", {**DISTILBERT, **labels(3), "activation": "relu"}, 32),
    "distilbert-token-classification": ("DistilBertForTokenClassification", {**DISTILBERT, "id2label": NAMES}, 32),
    "distilbert-encoder": ("DistilBertModel", {**DISTILBERT, "sinusoidal_pos_embds": True}, 32),
    "roberta": ("RobertaForSequenceClassification", {**ROBERTA, **labels(3), "layer_norm_eps": 1e-5}, 30),
    "roberta-types": ("RobertaModel", {**ROBERTA, "type_vocab_size": 2, "pad_token_id": 4}, 27),
    "xlm-roberta": ("XLMRobertaForTokenClassification", {**ROBERTA, "id2label": NAMES, "hidden_act": "gelu_new"}, 30),
    "camembert": ("CamembertForSequenceClassification", {**ROBERTA, **labels(2)}, 30),
    "electra": ("ElectraForSequenceClassification", {**COMMON, **labels(3), "embedding_size": 8, "hidden_act": "relu"}, 32),
    "electra-token-classification": ("ElectraForTokenClassification", {**COMMON, "id2label": NAMES, "embedding_size": 16}, 32),
    "mpnet": ("MPNetForSequenceClassification", {**COMMON, **labels(3), "max_position_embeddings": 300}, 298),
    "mpnet-token-classification": (
        "MPNetForTokenClassification", {**COMMON, "id2label": NAMES, "relative_attention_num_buckets": 32}, 30,
    ),
    "modernbert": ("ModernBertForSequenceClassification", {**MODERNBERT, **labels(3)}, 32),
    "modernbert-mean": (
        "ModernBertForSequenceClassification",
        {
            **MODERNBERT, **labels(2), "classifier_pooling": "mean", "classifier_bias": True, "norm_bias": True,
            "attention_bias": True, "mlp_bias": True, "classifier_activation": "relu", "hidden_activation": "silu",
            "norm_eps": 1e-3, "num_hidden_layers": 2,
            "rope_parameters": {
                "full_attention": {"rope_type": "default", "rope_theta": 100.0},
                "sliding_attention": {"rope_type": "default", "rope_theta": 10.0},
            },
            "layer_types": ["sliding_attention", "full_attention"],
        }, 32,
    ),
    "modernbert-token-classification": ("ModernBertForTokenClassification", {**MODERNBERT, "id2label": NAMES}, 32),
    "deberta-v3": (
        "DebertaV2ForSequenceClassification",
        {**DEBERTA, **labels(3), "position_buckets": 8, "share_att_key": True, "norm_rel_ebd": "layer_norm"}, 32,
    ),
    "deberta-v2-own-keys": (
        "DebertaV2ForTokenClassification",
        {
            **DEBERTA, "id2label": NAMES, "pos_att_type": ["c2p", "p2c"], "position_biased_input": True, "type_vocab_size": 2,
            "embedding_size": 8, "max_relative_positions": 12,
        }, 32,
    ),
    "deberta-v2-convolution": (
        "DebertaV2Model",
        {
            **DEBERTA, "conv_kernel_size": 3, "conv_act": "gelu", "conv_groups": 2, "pos_att_type": ["p2c"],
            "position_buckets": 16, "norm_rel_ebd": "layer_norm", "share_att_key": True,
        }, 32,
    ),
    "deberta-v2-absolute": (
        "DebertaV2ForSequenceClassification",
        {**DEBERTA, **labels(2), "relative_attention": False, "position_biased_input": True, "pooler_hidden_act": "tanh"}, 32,
    ),
}  # fmt: skip


def dense(size: int, out: int, act: torch.nn.Module) -> Dense:
    """A linear layer behind the pooling."""
    return Dense(in_features=size, out_features=out, bias=True, activation_function=act)


# Folder: class, configuration, pooling modes, modules behind the pooling.
SENTENCES: dict[str, tuple[str, dict[str, object], list[str], Callable[[], list[object]]]] = {
    "sentence-mean": ("BertModel", COMMON, ["mean"], lambda: [Normalize()]),
    "sentence-cls-dense": ("BertModel", COMMON, ["cls"], lambda: [dense(16, 6, torch.nn.Tanh()), Normalize()]),
    "sentence-many": (
        "MPNetModel", COMMON, ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"],
        lambda: [st.LayerNorm(dimension=96), dense(96, 5, torch.nn.Identity())],
    ),
}  # fmt: skip


def randomise(model: torch.nn.Module, generator: torch.Generator) -> None:
    """Weights far from zero; normalisations near, but not at, the identity."""
    for name, parameter in sorted(model.named_parameters()):
        noise = torch.randn(parameter.shape, generator=generator)
        norm = parameter.dim() == 1 and "norm" in name.lower() and name.endswith("weight")
        parameter.data = 1 + 0.2 * noise if norm else 0.3 * noise


def padded(generator: torch.Generator, size: int, length: int, pad: int, types: bool) -> dict[str, torch.Tensor]:
    """A batch of random ids with random lengths; the first text is `length` long."""
    ids = torch.randint(5, WORDS, (size, length), generator=generator)
    lengths = torch.randint(1, length + 1, (size, 1), generator=generator)
    lengths[0] = length
    mask = (torch.arange(length) < lengths).long()
    batch = {"input_ids": torch.where(mask == 1, ids, pad), "attention_mask": mask}
    if length > 6:
        batch["input_ids"][0, 5] = pad  # a token that happens to be the padding's
    if types:
        batch["token_type_ids"] = (torch.arange(length) >= lengths // 2).long() * mask * (length > 1)
    return batch


def takes_types(config: hf.PretrainedConfig) -> bool:
    return getattr(config, "type_vocab_size", 0) > 1


def batches(config: hf.PretrainedConfig, generator: torch.Generator, longest: int, run: Callable) -> list[dict[str, object]]:
    pad = 1 if config.model_type == "mpnet" else config.pad_token_id or 0
    made = []
    for size, length in [(1, 1), (3, 9), (4 if longest < 100 else 2, longest)]:
        inputs = padded(generator, size, length, pad, takes_types(config))
        name, values = run({key: value.clone() for key, value in inputs.items()})
        outputs = {name: short_nested(values)}
        made.append({"inputs": {key: value.tolist() for key, value in inputs.items()}, "outputs": outputs})
    return made


def short_nested(values: torch.Tensor) -> list:
    return [short_nested(value) for value in values] if values.dim() > 1 else short(values.numpy())


def make_encoder(folder: Path, seed: int, name: str, settings: dict[str, object], longest: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    cls = getattr(hf, name)
    torch.manual_seed(seed)
    model = cls(cls.config_class(**settings))
    model.config._attn_implementation = "eager"
    randomise(model, generator)
    model = model.eval()
    model.save_pretrained(folder)
    output = "last_hidden_state" if name.endswith("Model") else "logits"
    rows = batches(model.config, generator, longest, lambda inputs: (output, getattr(model(**inputs), output)))
    without_version(folder)
    write_jsonl(folder / "batches.jsonl", rows)


def without_version(folder: Path) -> None:
    """The same files whatever version of transformers wrote them."""
    config = json.loads((folder / "config.json").read_text("utf-8"))
    del config["transformers_version"]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def make_sentence(folder: Path, seed: int, name: str, settings: dict, modes: list[str], behind: Callable) -> None:
    generator = torch.Generator().manual_seed(seed)
    cls = getattr(hf, name)
    torch.manual_seed(seed)
    model = cls(cls.config_class(**settings))
    randomise(model, generator)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    (folder / "1_Pooling").mkdir(exist_ok=True)
    pooling = st.Pooling(16, pooling_mode=modes)
    modules = [pooling, *behind()]
    for module in modules:
        randomise(module, generator)
    listed = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for index, module in enumerate(modules, 1):
        kind = type(module).__name__
        path = f"{index}_{kind}"
        (folder / path).mkdir(exist_ok=True)
        module.save(str(folder / path))
        listed.append({"idx": index, "name": str(index), "path": path, "type": f"sentence_transformers.models.{kind}"})
    (folder / "modules.json").write_text(json.dumps(listed, indent=2) + "\n")
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 20, "do_lower_case": false}\n')
    for empty in folder.glob("*_Normalize"):
        shutil.rmtree(empty)
    model.eval()

    def run(inputs: dict[str, torch.Tensor]) -> tuple[str, torch.Tensor]:
        features = {**inputs, "token_embeddings": model(**inputs).last_hidden_state}
        for module in modules:
            features = module.eval()(features)
        return "sentence_embedding", features["sentence_embedding"]

    without_version(folder)
    write_jsonl(folder / "batches.jsonl", batches(model.config, generator, 20, run))


@torch.no_grad()
def make_tiny_encoders(folder: Path) -> None:
    """All of them, each in its folder below `folder`."""
    for seed, (name, made) in enumerate(ENCODERS.items(), 100):
        make_encoder(folder / name, seed, *made)
    for seed, (name, made) in enumerate(SENTENCES.items(), 200):
        make_sentence(folder / name, seed, *made)


if __name__ == "__main__":
    torch.set_num_threads(1)
    make_tiny_encoders(Path(__file__).resolve().parent.parent / "test" / "golden" / "encoders")
