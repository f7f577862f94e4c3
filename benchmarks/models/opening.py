"""Opening a policy: what its folder or hub entry lacks, or what its parts say differently, is found here.

Code that lies beside weights is never run (`trust_remote_code=False`), nor is anybody asked whether to.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import (
    MODEL_FOR_MASKED_LM_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    PretrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from benchmarks.common import (
    BadInput,
    check_one_model,
    damaged_model,
    error_words,
    model_settings,
    no_memory,
    some_of,
    to_type,
)
from benchmarks.models.device import attention
from benchmarks.models.memory import SMALL
from benchmarks.models.reader import Reader
from benchmarks.spec import CHAT, PLAIN, SPLITS, Description, messages


def open_tokenizer(path: str | Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a policy. BadInput where there is none."""
    with _opening(path):
        return AutoTokenizer.from_pretrained(path, padding_side="left", trust_remote_code=False)


def open_reader(path: str | Path, max_prompt_tokens: int = 512, template: str = "") -> Reader:
    """How the policy in a local folder or of a hub id reads; its model is not loaded.

    `template` is a form of `Reader`, or empty: "chat" where the tokenizer has a chat template. BadInput for a tokenizer
    without EOS, and for a chat template that is missing, raises or leaves out what was asked.
    """
    tokenizer = open_tokenizer(path)
    if tokenizer.eos_token_id is None:
        raise BadInput(
            f"the tokenizer of {path} has no end-of-sequence token",
            "answers end with it, in training and in sampling",
            "set eos_token in its tokenizer_config.json",
        )
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    reader = Reader(tokenizer, template or (CHAT if tokenizer.chat_template else PLAIN), max_prompt_tokens)
    if reader.form == CHAT and not tokenizer.chat_template:
        raise BadInput(
            f"the tokenizer of {path} has no chat template",
            "template is chat",
            "-c template=plain shows prompts as they are",
        )
    if (asked := "Zyx?") not in reader.shown(asked):
        raise BadInput(
            f"the chat template of {path} leaves out what the user asks",
            f"of the question {asked!r} it makes {reader.shown(asked)!r:.60}",
            "-c template=plain shows prompts without it",
        )
    return reader


def open_config(path: str | Path) -> PretrainedConfig:
    """The configuration of a policy. BadInput for one that is no causal language model's."""
    check_one_model(Path(path))
    with _opening(path):
        config: PretrainedConfig = AutoConfig.from_pretrained(path, trust_remote_code=False)
    says = ", ".join(config.architectures or ()) or type(config).__name__
    if config.is_encoder_decoder:
        kind = "reads with an encoder, and writes with a decoder"
    elif "MaskedLM" in says or (
        type(config) in MODEL_FOR_MASKED_LM_MAPPING and not getattr(config, "is_decoder", False)
    ):
        kind = "is an encoder: it reads what comes later, too"
    else:
        return config
    raise BadInput(
        f"the policy {path} {kind}",
        f"it says to be a {says}; a policy says the next token from those before, with one and the same model",
        "policy = a causal language model, such as Llama, Qwen or GPT-2",
    )


def open_model(path: str | Path, **how: Any) -> PreTrainedModel:
    """The causal language model in a local folder or of a hub id. BadInput where there is none, and for weights that it
    lacks, or does not read: they would be drawn at random, as the head of a classifier's model would, or left out."""
    with _opening(path):
        model, found = AutoModelForCausalLM.from_pretrained(
            path, output_loading_info=True, trust_remote_code=False, ignore_mismatched_sizes=True, **how
        )
    if missing := sorted(found["missing_keys"]):
        kept = ", ".join(model.config.architectures or ()) or "something else"
        raise BadInput(
            f"the policy {path} lacks weights of a language model: {some_of(missing, 4)}",
            f"they would be drawn at random; what is stored says to be a {kept}",
            "policy = a causal language model with its head, whole",
        )
    check_shapes(f"the policy {path}", found["mismatched_keys"])
    check_unread(f"the policy {path}", of_its_parts(model, found["unexpected_keys"]))
    opened: PreTrainedModel = model
    return opened


def check_shapes(what: str, differing: Collection[tuple[str, Sequence[int], Sequence[int]]]) -> None:
    """BadInput for stored weights of another shape than a model has room for: names, stored shapes, shapes wanted."""
    for name, stored, wanted in sorted(differing):
        raise BadInput(
            f"{what} has {name} of shape {tuple(stored)}, and of {tuple(wanted)} by its config.json",
            "a head has a row for every label that id2label names, an embedding one for every token of vocab_size",
            "make config.json say what was trained, or save the model again",
        )


def held_in(path: str | Path, device: str, precision: str) -> torch.dtype:
    """What the weights of a policy are held in on a device, see `Description.precision`.

    Found before they are read: those of a small policy that came in float32 would be rounded on the way.
    """
    if precision or device != "cuda":
        return getattr(torch, precision or "float32")
    return torch.float32 if _without_weights(path).num_parameters() < SMALL else torch.bfloat16


def _without_weights(path: str | Path) -> PreTrainedModel:
    config = open_config(path)
    with _opening(path), torch.device("meta"):
        model: PreTrainedModel = AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    return model


NEEDLESS = re.compile(
    r"pooler|position_ids|token_type_ids|inv_freq|_cached|masked_bias|causal_mask|(attn|attention)\.bias$"
    r"|final_logits_bias|[kv]_scale|seq_relationship"
)
"""Names of what older versions of transformers stored and newer ones compute, and of what no model here has use for."""


def of_its_parts(model: PreTrainedModel, names: Collection[str]) -> list[str]:
    """Those of the names of weights that belong to the body of a model or to its head, not to a head for other ends."""
    parts = {part for whole in (model, model.base_model) for part, _ in whole.named_children()}
    return [name for name in names if name.partition(".")[0] in parts]


def check_unread(what: str, names: Collection[str]) -> None:
    """BadInput for stored weights that a model does not read, but for those that it needs not."""
    if unread := sorted(name for name in names if not NEEDLESS.search(name)):
        raise BadInput(
            f"{what} would leave out weights that are stored with it: {some_of(unread, 4)}",
            "they are of another model than its config.json describes, or of code of its own, which is not run",
            "save the model again, so that config.json and weights are of one; or name another",
        )


@contextmanager
def _opening(path: str | Path) -> Iterator[None]:
    """BadInput for whatever goes wrong inside, but for want of memory."""
    try:
        yield
    except Exception as error:  # whatever lies there
        if no_memory(error):
            raise
        if base := _adapted(path):
            raise BadInput(
                f"the policy {path} is an adapter of {base}, no whole model",
                "what a benchmark starts from has its weights, configuration and tokenizer in one place",
                f"{to_type('moa', 'soup', path, '--weights', 1, 'merged')}; then policy = merged",
            ) from error
        raise BadInput(
            f"the policy {path} cannot be opened: {error_words(error).splitlines()[0][:200]}",
            "a policy is a causal language model of the transformers library, with its tokenizer",
            "check its name and the network; a local one is a folder with config.json, weights and tokenizer",
        ) from error


def _adapted(path: str | Path) -> str:
    """What the adapter in a folder or hub entry is added to, empty where there is none."""
    from peft import PeftConfig

    try:
        return PeftConfig.from_pretrained(str(path)).base_model_name_or_path or "a model that it does not name"
    except Exception:  # whatever lies there
        return ""


def in_4bit(path: str | Path, device: str) -> PreTrainedModel:
    """A model with its linear layers in 4 bits, NF4 (Dettmers et al. 2023, arXiv 2305.14314), which compute in bfloat16
    on a GPU and in float32 on a CPU. BadInput without bitsandbytes."""
    if find_spec("bitsandbytes") is None:
        raise BadInput(
            "precision is 4bit, and bitsandbytes is not installed",
            "it holds the weights of linear layers in 4 bits",
            "pip install bitsandbytes; or -c precision=bfloat16",
        )
    compute = torch.bfloat16 if device == "cuda" else torch.float32
    how = BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=compute)
    return open_model(
        path, dtype=compute, quantization_config=how, device_map={"": device}, attn_implementation=attention(device)
    )


def check_embedded(what: str, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """BadInput for a model without an embedding of a token. One to pad with is not needed, where EOS has one: what is
    padding is masked."""
    known = model.get_input_embeddings().weight.shape[0]
    beyond = {token for token, i in tokenizer.get_vocab().items() if i >= known}
    if tokenizer.eos_token not in beyond:
        beyond.discard(tokenizer.pad_token)
    if beyond:
        raise BadInput(
            f"{what} embeds {known:,} tokens, its tokenizer has {len(tokenizer):,}: not {min(beyond)!r}",
            "a token without an embedding cannot be read; tokens were added, and the embedding was not grown",
            "save the model again after model.resize_token_embeddings(len(tokenizer))",
        )


def check_fit(
    path: str | Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    max_prompt_tokens: int,
    max_new_tokens: int,
) -> None:
    """BadInput for a model that cannot read what its tokenizer writes, or not as much of it, or whose settings do not
    say which tokens end its answers."""
    check_embedded(f"the policy {path}", model, tokenizer)
    _check_ends(Path(path) / "generation_config.json")
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id >= model.get_input_embeddings().weight.shape[0]:
        tokenizer.pad_token = tokenizer.eos_token
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    if positions and 0 < positions < max_prompt_tokens + max_new_tokens:  # XLNet says -1
        raise BadInput(
            f"{path} has {positions} positions, prompt and answer may have {max_prompt_tokens} + {max_new_tokens}",
            "what lies beyond a model's positions cannot be read",
            f"-c max_prompt_tokens={positions - max_new_tokens}"
            if positions > max_new_tokens
            else f"-c sampling.max_new_tokens={positions // 2} -c max_prompt_tokens={positions // 2}",
        )


def _check_ends(file: Path) -> None:
    """BadInput for generation settings that do not say which tokens end an answer: transformers goes on without what it
    cannot read. Tokens that the model does not know, as small ones keep of a large vocabulary, end none."""
    named = model_settings(file).get("eos_token_id")
    for token in named if isinstance(named, list) else [named]:
        if token is not None and type(token) is not int:
            raise damaged_model(file, f"eos_token_id names {token!r:.40}, and tokens are whole numbers")


def check_policy(benchmark: Description) -> None:
    """BadInput for a pretrained policy that is no causal language model, cannot read what its tokenizer writes, or not
    as much as it is to, and for a chat template that refuses a prompt.

    Its weights are not loaded: what refuses it later is found before anything is made.
    """
    path = benchmark.policy
    if path.startswith("scratch:"):
        return
    reader = open_reader(path, benchmark.max_prompt_tokens, benchmark.template)
    model = _without_weights(path)
    check_fit(path, model, reader.tokenizer, benchmark.max_prompt_tokens, benchmark.sampling.max_new_tokens)
    if reader.form == CHAT:
        _check_template(reader, [prompt for split in SPLITS for prompt in benchmark.prompts(split)])


def _check_template(reader: Reader, prompts: Iterable[str]) -> None:
    """BadInput for a chat template that refuses one of these prompts. What it may refuse is who speaks in which order:
    one prompt of each order is shown."""
    for prompt in {tuple(turn["role"] for turn in messages(prompt)): prompt for prompt in prompts}.values():
        reader.shown(prompt)
