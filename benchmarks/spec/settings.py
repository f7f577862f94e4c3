"""Settings of a benchmark: how answers are drawn, how the starting policy is made, and how it is shown prompts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from benchmarks.common import Range, Said, nearest

LONGEST = 1_000_000
"""Tokens of a prompt, or of an answer [choice]: as many as the longest contexts have."""


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How answers are drawn, in training-set generation and in evaluation alike."""

    max_new_tokens: Annotated[int, Range(1, LONGEST)]
    temperature: Annotated[float, Range(1e-6)] = 1.0
    top_p: Annotated[float, Range(above=0, high=1)] = 0.9
    stop: tuple[Annotated[str, Said()], ...] = ()
    """Texts that end an answer, such as the next turn's "\n\nHuman:"; they are cut off with what follows."""


@dataclass(frozen=True, kw_only=True)
class Scratch:
    """How a `scratch:<size>` policy is made of the data's text: pre-training on all answers, SFT on demonstrations."""

    vocabulary: Annotated[int, Range(1)] = 1024
    pretrain_steps: Annotated[int, Range(0)] = 400
    sft_steps: Annotated[int, Range(0)] = 150
    batch: Annotated[int, Range(1)] = 24
    learning_rate: Annotated[float, Range(0, 1)] = 5e-3
    seed: Annotated[int, Range(0)] = 0
    tags: bool = True
    """Whether tags such as <helpful 5> stand before many of the prompts that it learns from; without, they mean nothing
    to it."""


@dataclass(frozen=True, kw_only=True)
class Finetuning:
    """Whether and how a pretrained policy first learns the benchmark's demonstrations, as the papers' starting policies
    have (Yang et al. 2024, arXiv 2402.10207, section 4: SFT on the preferred answers). All methods share it."""

    sft: bool = False
    """Whether it does."""
    steps: Annotated[int, Range(1)] | None = None
    """Updates; none: as many as take each demonstration once [choice] (code of Yang et al.: 20,000 on HH-RLHF)."""
    batch: Annotated[int, Range(1)] = 8
    """Demonstrations per step (code of Yang et al.: 8)."""
    learning_rate: Annotated[float, Range(above=0, high=1)] | None = None
    """None: 1.414e-4 for adapters (code of Yang et al.), 2e-5 for a whole policy [choice: usual for SFT]. Cosine."""
    lora_rank: Annotated[int, Range(0)] | None = None
    """Rank of LoRA, which is merged afterwards (code of Yang et al.: 64); 0 trains the whole policy.
    None: whole below a billion parameters, 64 from there, as for methods."""


LARGE = 1_000_000_000
"""Parameters from which a model is large: unless something else is set, it is left as it is but for adapters."""


def adapter_rank(parameters: int, asked: int | None) -> int:
    """The LoRA rank for a policy of so many parameters: as asked, or 64 for a large one and 0, none, below."""
    if asked is not None:
        return asked
    return 64 if parameters >= LARGE else 0


@dataclass(frozen=True, kw_only=True)
class Lora:
    """How adapters are made, for every method and for a fine-tuning that use LoRA; their rank is theirs."""

    alpha: Annotated[int, Range(1)] | None = None
    """Updates are scaled by alpha / rank; none: twice the rank (papers: 128 at rank 64)."""
    targets: tuple[str, ...] = ()
    """Names of the linear layers that get one, such as "q_proj"; empty: all but the head [choice]."""
    dropout: Annotated[float, Range(0, 0.9)] = 0.05
    """In supervised learning (papers: .05); none in RL and DPO, whose log-probabilities it would blur."""


CHAT, PLAIN = "chat", "plain"
"""How a policy is shown a prompt: in its tokenizer's chat template, or as it is."""


IN_4BIT = "4bit"
"""How a policy is held whose linear layers are in 4 bits: to have adapters, which are not."""


SIZES: dict[str, tuple[int, int, int]] = {
    "0.3m": (96, 2, 4),
    "1m": (128, 3, 4),
    "2m": (192, 4, 6),
    "4m": (256, 4, 4),
    "8m": (320, 6, 5),
    "20m": (512, 6, 8),
}
"""Hidden size, layers and heads of the models that are made here.
A size is called by about how many parameters that is with a vocabulary of 1k to 4k."""


_FIELD = re.compile(r"\{([A-Za-z_]\w*)\}")
"""A field as templates have them."""


_TEX = re.compile(r"\\[A-Za-z]+(\{[^{}]*\})+")
"""A command of TeX, with what it is given."""


def fields_mistake(template: str) -> str:
    """What is wrong with a template in which a prompt is put: a name in it that nobody fills; "" where nothing is.

    >>> fields_mistake("Q: {question} {prompt}"), fields_mistake("\\\\boxed{answer} {prompt}")
    ("nothing fills {question}; there is: {prompt}, found 'Q: {question} {prompt}'", '')
    """
    if re.search(r"\\[nt](?![a-z])", template):  # and no command of TeX
        return f"a backslash and a letter are no line break here, but are in double quotes; found {template!r:.60}"
    if "{{prompt}}" in template:
        return f"one pair of braces stands for the prompt, {{prompt}}; found {template!r:.60}"
    unknown = [name for name in _FIELD.findall(_TEX.sub("", template)) if name != "prompt"]
    return f"nothing fills {{{unknown[0]}}}; there is: {{prompt}}, found {template!r:.60}" if unknown else ""


def template_mistake(template: str, policy: str) -> str:
    """What is wrong with a template for a policy; "" where nothing is."""
    if template in ("", PLAIN):
        return ""
    if policy.startswith("scratch:"):
        return f"policies that are made here read plain text; found {template!r:.60} for {policy}"
    if template == CHAT or "{prompt}" in template:
        return fields_mistake(template)
    return f'expected "{CHAT}", "{PLAIN}" or a text with {{prompt}}, found {template!r:.60}'


def finetuning_mistakes(settings: Iterable[str], finetuning: Finetuning, policy: str) -> list[str]:
    """What is wrong with settings of a fine-tuning, named as they are, of a policy."""
    if finetuning.sft and policy.startswith("scratch:"):
        return [f"policy.sft: {policy} learns the demonstrations when it is made (scratch.sft_steps)"]
    if not finetuning.sft:
        return [f"policy.{name}: nothing is fine-tuned without policy.sft=true" for name in settings if name != "sft"]
    return []


_WITHOUT_OWNER = re.compile(
    r"(albert|bert|camembert|ctrl|distil(bert|gpt2|roberta)|gpt2|openai-gpt|roberta|t5|transfo-xl|xlm|xlnet)(-[\w.-]+)?"
)
"""Models of the hub's first years, which are called so to this day. All others have an owner: owner/name."""


def model_mistake(model: str, prefix: str = "", folder: Path = Path()) -> str:
    """What is wrong with a model that reads like one made here but is none, or is no folder and no name that the hub
    could have; "" for any other.

    "scratch:1m" and "1m" read like one made here. `prefix` is what is to be written before a size. `folder` is where
    folders of models are looked up, beside the current one.
    """
    sizes = [prefix + size for size in SIZES]
    if model in ("", "policy", *sizes) or any((place / model).is_dir() for place in (folder, Path())):
        return ""
    if model.startswith("scratch:") or (model[:1].isdigit() and "/" not in model and not Path(model).exists()):
        return f"there is no model {model!r}; those made here are: {', '.join(sizes)}"
    is_path = model.startswith((".", "/", "~"))  # as no hub id does
    if is_path or ("/" not in model and not _WITHOUT_OWNER.fullmatch(model)):
        there = {file.parent.name for file in folder.glob("*/config.json")}
        return f"there is no folder {model!r}{nearest(model, there)}, and a hub id is owner/name"
    return ""
