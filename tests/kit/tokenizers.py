"""Tiny tokenizers of the kinds that are about, and policies of a few thousand parameters that read with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SPECIALS = ("<pad>", "<s>", "</s>", "<|turn|>")
TEXTS = ["Hello there, how are you today?", "Why not now? Because I say so.", "Call 12: what do you say?"]
CHAT = (
    "{{ bos_token }}{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)
"""A chat template like those in use, which writes BOS itself."""


def tiny_tokenizer(
    kind: str = "bytes", around: str | None = None, chat: str | None = None, **names: Any
) -> PreTrainedTokenizerFast:
    """A tokenizer with few merges: of "bytes", as GPT-2's, or of "pieces" that begin with "▁", as Llama's.

    `around` is what is put around every text: "<s> $A", "$A </s>" or "<s> $A </s>".
    """
    tokenizer = Tokenizer(models.BPE(unk_token=None))
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    if kind == "bytes":
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
    else:
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
        tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
        alphabet = [chr(i) for i in range(33, 127)] + ["\n", "▁"]
    trainer = trainers.BpeTrainer(
        vocab_size=360, special_tokens=list(SPECIALS), initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS * 3, trainer)
    if around:
        ids = [(token, tokenizer.token_to_id(token)) for token in SPECIALS if token in around.split()]
        tokenizer.post_processor = processors.TemplateProcessing(single=around, special_tokens=ids)
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        clean_up_tokenization_spaces=False,
        **({"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"} | names),
    )
    made.chat_template = chat
    return made


def tiny_policy_in(
    folder: Path, tokenizer: PreTrainedTokenizerFast, positions: int = 512, rows: int | None = None, width: int = 16
) -> Path:
    """An untrained Llama and its tokenizer, written to a folder."""
    import torch

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=rows or len(tokenizer), hidden_size=width, intermediate_size=2 * width, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=positions, initializer_range=0.3,
        pad_token_id=None, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
