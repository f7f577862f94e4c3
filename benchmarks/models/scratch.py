"""Models made from a benchmark's own text: tokenizer, small Llama-style policies and reward models. No download."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification, PreTrainedTokenizerFast

from benchmarks.common import BadInput, Log, silent
from benchmarks.models.device import attention, setup
from benchmarks.models.policy import Policy
from benchmarks.models.tags import described, known_levels, tags_of
from benchmarks.models.training import Training, supervised
from benchmarks.spec import SIZES, Answer, Description

NUMBERS = [f" {n / 10:.1f}" for n in range(-40, 41)]
"""-4.0, -3.9, ..., 4.0, with their leading space."""


Encoded = Sequence[tuple[Sequence[int], Sequence[int]]]
"""Token ids of prompts and responses."""


TAGGED = 0.7, 0.35
"""Share of the prompts with tags, in pre-training and in SFT [choice]."""


def train_tokenizer(texts: Iterable[str], vocabulary: int, objectives: Sequence[str] = ()) -> PreTrainedTokenizerFast:
    """Byte-level BPE on the texts: lossless for any string.

    The `NUMBERS` are tokens, other digits stay single: a model of a million parameters does not learn to read a number
    digit by digit from a few thousand prompts (a large one arrives with that knowledge). So are tags (`_tags`).
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary,
        special_tokens=["<pad>", "<eos>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken(text, normalized=False) for text in (*NUMBERS, *tags_of(objectives))])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        eos_token="<eos>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def scratch_config(size: str, tokenizer: PreTrainedTokenizerFast, tokens: int) -> LlamaConfig:
    """A Llama configuration of about `size` parameters for sequences of up to `tokens` tokens."""
    if size not in SIZES:
        raise BadInput(
            f"there is no scratch model of size {size!r}",
            "scratch models come in fixed sizes, so that runs can be compared",
            f"use one of: {', '.join(f'scratch:{s}' for s in SIZES)}",
        )
    hidden, layers, heads = SIZES[size]
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden,
        intermediate_size=5 * hidden // 2,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        num_key_value_heads=heads,
        max_position_embeddings=tokens,
        initializer_range=0.05,  # the usual 0.02 is made for widths of thousands
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    config._attn_implementation = attention(setup())
    return config


def texts(benchmark: Description) -> list[str]:
    """Every training text, prompt and response."""
    return [f"{prompt} {response}" for prompt, response in benchmark.responses()]


def untrained_policy(benchmark: Description, tokenizer: PreTrainedTokenizerFast, size: str, seed: int) -> Policy:
    """A policy of a scratch size that reads the benchmark's prompts and knows nothing."""
    longest = benchmark.max_prompt_tokens + benchmark.sampling.max_new_tokens + 64  # room for steering in the prompt
    torch.manual_seed(seed)
    model = LlamaForCausalLM(scratch_config(size, tokenizer, longest))
    model.to(torch.device(setup()))
    return Policy(model, tokenizer, max_prompt_tokens=benchmark.max_prompt_tokens)


def train_scratch_policy(
    benchmark: Description, tokenizer: PreTrainedTokenizerFast, size: str, folder: Path, log: Log = silent
) -> tuple[Policy, float]:
    """Pre-training on all answers (language), then SFT on the demonstrations (behaviour), both with TRL.

    Returns the policy, and which share of the tokens that it was trained on were tags.
    """
    made = benchmark.scratch
    policy = untrained_policy(benchmark, tokenizer, size, made.seed)
    limit = benchmark.sampling.max_new_tokens
    known = known_levels(benchmark) if made.tags else {}

    def encode(answers: Sequence[Answer], share: float) -> list[tuple[list[int], list[int]]]:
        pairs = [policy.encode(a) for a in described(answers, known, share, made.seed)]
        return [(p, r[:limit]) for p, r in pairs]

    responses, demonstrations = encode(benchmark.responses(), TAGGED[0]), encode(benchmark.demonstrations(), TAGGED[1])
    # beta2 as in pre-training of large models (GPT-3, Llama):
    # with 0.999 a short training knows too little by the same time
    pretraining = Training(steps=made.pretrain_steps, batch=made.batch, learning_rate=made.learning_rate, beta2=0.95)
    supervised(
        policy, responses, pretraining, folder=folder / "pretrain", seed=made.seed,
        stage="pre-training", log=log, on_prompt=True,
    )  # fmt: skip
    tuning = Training(steps=made.sft_steps, batch=made.batch, learning_rate=made.learning_rate / 2, beta2=0.95)
    supervised(
        policy, demonstrations, tuning, folder=folder / "sft", seed=made.seed + 1,
        stage="sft", log=log,
    )  # fmt: skip
    plain = encode(benchmark.responses(), 0.0), encode(benchmark.demonstrations(), 0.0)
    tags = _added(((responses, plain[0], made.pretrain_steps), (demonstrations, plain[1], made.sft_steps)))
    read = {i for pair in (*responses, *demonstrations) for ids in pair for i in ids}
    _put_numbers_on_a_line(policy.model, tokenizer, read)
    return policy, tags


def _added(phases: Iterable[tuple[Encoded, Encoded, int]]) -> float:
    """The share that what was added to texts has of all tokens, of phases of training: with it, without it, steps.

    Every phase has batches of the same size.
    """
    with_it, without = (
        sum(steps * np.mean([len(p) + len(r) for p, r in phase[i]]) for *phase, steps in phases) for i in (0, 1)
    )
    return float(1 - without / with_it)


def tagged_share(benchmark: Description) -> float:
    """Share of the texts that the starting policy is trained on here that have tags before them, 0 to 1."""
    made = benchmark.scratch
    if benchmark.pretrained or not made.tags:
        return 0.0
    known = known_levels(benchmark)
    stages = (
        (made.pretrain_steps, TAGGED[0], benchmark.responses()),
        (made.sft_steps, TAGGED[1], benchmark.demonstrations()),
    )
    tagged = sum(
        steps * share * float(np.mean([any(answer in levels for levels in known.values()) for answer in answers]))
        for steps, share, answers in stages
    )
    return tagged / max(made.pretrain_steps + made.sft_steps, 1)


def _put_numbers_on_a_line(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, read: set[int]) -> None:
    """Gives numbers that were never read embeddings in order, so that what is learned of one holds nearby.

    These are base + value * slope. The softmax has pushed all tokens that never came to one place, the base here, where
    they all mean the same. A policy that is to be told numbers must be able to tell them apart, as one that has read
    the web is.
    """
    weight = model.get_input_embeddings().weight
    never = [i for i in range(len(weight)) if i not in read]
    with torch.no_grad():
        base, spread = weight[never].mean(dim=0), weight[sorted(read)].std()
        slope, values = torch.randn_like(base) * spread, torch.linspace(-2, 2, len(NUMBERS))
        for i, value in zip(tokenizer.convert_tokens_to_ids(NUMBERS), values.tolist(), strict=True):
            if i not in read:
                weight[i] = base + value * slope


def scratch_classifier(
    size: str, tokenizer: PreTrainedTokenizerFast, tokens: int, labels: int, seed: int
) -> LlamaForSequenceClassification:
    """An untrained classifier with `labels` logits read off the last token."""
    torch.manual_seed(seed)
    config = scratch_config(size, tokenizer, tokens)
    config.num_labels = labels
    model = LlamaForSequenceClassification(config)
    model.to(torch.device(setup()))
    return model
