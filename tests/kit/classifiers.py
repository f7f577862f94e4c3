"""Random sequence classifiers of a few thousand parameters, saved to disk as published ones are; nothing is downloaded.

Their tokenizers have a token per byte, special tokens first, and add those as the published ones of their kind do.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedModel, PreTrainedTokenizerFast

BERT = ("[PAD]", "[CLS]", "[SEP]", "[MASK]")
ROBERTA = ("<s>", "<pad>", "</s>")
LLAMA = ("<s>", "</s>")
GPT2 = ("<|endoftext|>",)
CHAT = (
    "{% for m in messages %}"
    "{{ bos_token if loop.first }}[{{ m.role }}] {{ m.content | trim }}{{ eos_token }}"
    "{% endfor %}"
)
"""A chat template that begins the text itself and strips what was said, as Llama 3's."""


def tokenizer(
    specials: Sequence[str] = ("<pad>", "<eos>"),
    single: str | None = None,
    pair: str | None = None,
    segments: bool = False,
    **names: Any,
) -> PreTrainedTokenizerFast:
    """A token per byte. `single` and `pair` say what is added to one text and to two, such as "<s> $A </s>"."""
    ids = {token: i for i, token in enumerate([*specials, *sorted(pre_tokenizers.ByteLevel.alphabet())])}
    made = Tokenizer(models.BPE(vocab=ids, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    if single:
        used = [(token, ids[token]) for token in specials if token in f"{single} {pair}".replace(":1", "").split()]
        made.post_processor = processors.TemplateProcessing(single=single, pair=pair, special_tokens=used)
    inputs = ["input_ids", *["token_type_ids"] * segments, "attention_mask"]
    return PreTrainedTokenizerFast(tokenizer_object=made, model_input_names=inputs, **names)


def of_kind(kind: str) -> PreTrainedTokenizerFast:
    """A tokenizer as published models of an architecture have it."""
    if kind in ("Bert", "Electra", "DistilBert", "DebertaV2"):
        names = {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
        pair = "[CLS] $A [SEP] $B:1 [SEP]:1"
        return tokenizer(BERT, "[CLS] $A [SEP]", pair, segments=kind != "DistilBert", **names)
    if kind in ("Roberta", "Bart"):
        names = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>", "pad_token": "<pad>"}
        return tokenizer(ROBERTA, "<s> $A </s>", "<s> $A </s> </s> $B </s>", **names)
    if kind == "Llama":  # no padding token
        return tokenizer(LLAMA, "<s> $A", "<s> $A <s> $B", bos_token="<s>", eos_token="</s>")
    if kind == "GPT2":
        return tokenizer(GPT2, bos_token="<|endoftext|>", eos_token="<|endoftext|>")
    if kind == "Qwen2":  # padding token and end of sequence differ
        return tokenizer(("<|endoftext|>", "<|im_end|>"), pad_token="<|endoftext|>", eos_token="<|im_end|>")
    raise ValueError(kind)


KINDS = ("GPT2", "Bert", "Roberta", "DistilBert", "Electra", "DebertaV2", "Bart", "Llama", "Qwen2")


def config_of(kind: str, words: PreTrainedTokenizerFast, positions: int = 128, **more: Any) -> Any:
    """A configuration of two layers of width 32; special tokens as the tokenizer has them."""
    ids = {"bos_token_id": words.bos_token_id, "eos_token_id": words.eos_token_id, "pad_token_id": words.pad_token_id}
    sizes: dict[str, Any] = {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
        "max_position_embeddings": positions,
    }  # fmt: skip
    if kind == "GPT2":
        sizes = {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": positions}
    elif kind == "DistilBert":
        sizes = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64, "max_position_embeddings": positions}
    elif kind == "Bart":
        layers = {f"{end}_{what}": n for end in ("encoder", "decoder") for what, n in (("layers", 2), ("ffn_dim", 64))}
        heads = {"encoder_attention_heads": 2, "decoder_attention_heads": 2}
        sizes = {"d_model": 32, "max_position_embeddings": positions, **layers, **heads}
        ids |= {"decoder_start_token_id": words.eos_token_id, "forced_eos_token_id": None}
    elif kind == "DebertaV2":
        sizes |= {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False}
    elif kind == "Qwen2":
        sizes["num_key_value_heads"] = 2
    elif kind == "Roberta":
        sizes["max_position_embeddings"] = positions + words.pad_token_id + 1
    if kind in ("Bert", "Electra", "DebertaV2"):
        sizes["type_vocab_size"] = 2
    spread = {"init_std": 0.3} if kind == "Bart" else {"initializer_range": 0.3}
    return getattr(transformers, f"{kind}Config")(vocab_size=len(words), **sizes, **ids, **spread, **more)


def saved(
    folder: Path,
    kind: str = "GPT2",
    *,
    words: PreTrainedTokenizerFast | None = None,
    head: str = "SequenceClassification",
    seed: int = 0,
    **more: Any,
) -> PreTrainedModel:
    """A random model of an architecture in a folder, with its tokenizer; `more` goes into the configuration."""
    words = words or of_kind(kind)
    torch.manual_seed(seed)
    model = getattr(transformers, f"{kind}For{head}")(config_of(kind, words, **{"num_labels": 1, **more})).eval()
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    return model


def card_call(folder: Path, *texts: str, label: int = 0) -> float:
    """What the call of a model card gives: everything that the tokenizer returns, one text or pair, no padding."""
    return card_calls(folder, [texts], label)[0]


def card_calls(folder: Path, texts: Sequence[Sequence[str]], label: int = 0) -> list[float]:
    """The same of several, one by one."""
    words = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
    with torch.no_grad():
        return [float(model(**words(*one, return_tensors="pt")).logits[0, label]) for one in texts]
