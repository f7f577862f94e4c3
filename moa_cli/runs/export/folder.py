"""A policy as a folder that plain transformers loads: weights or adapter, tokenizer, settings of generation, README."""

from __future__ import annotations

import copy
import os
from pathlib import Path

from peft import PeftModel
from transformers import GenerationConfig, PreTrainedModel

from benchmarks import BadInput, Policy, Sampling
from benchmarks.common import passing_folder
from moa_cli.runs.export.place import WITHIN


def write_folder(
    folder: Path, policy: Policy, template: str, generation: GenerationConfig, readme: str, *, adapter_of: str = ""
) -> None:
    """Writes the folder whole or not at all: the whole model, in float32 where it was trained and else as it came, or
    its adapter alone where the name of the model that it belongs to is given.

    An empty folder that is there stays the one it is, which a shell may be in, a link lead to or a disk be mounted at.
    """
    empty = folder.is_dir()
    folder.parent.mkdir(parents=True, exist_ok=True)
    tokenizer = copy.deepcopy(policy.tokenizer)
    tokenizer.chat_template = template
    with passing_folder(folder / WITHIN if empty else folder) as place:
        partial = place / "whole"
        if adapter_of:
            _save_adapter(adapter_in(policy), partial, adapter_of)
        else:
            merged(policy).save_pretrained(partial)
        generation.save_pretrained(partial)
        tokenizer.save_pretrained(partial)
        (partial / "README.md").write_text(readme, encoding="utf-8")
        for path in partial.iterdir():  # safetensors are written for their owner alone
            path.chmod((partial / "README.md").stat().st_mode)
        if not empty:
            os.replace(partial, folder)
            return
        settings_last = sorted(partial.iterdir(), key=lambda path: path.suffix == ".json")  # nothing opens it without
        for path in settings_last:
            os.replace(path, folder / path.name)


def generation_settings(policy: Policy, sampling: Sampling) -> GenerationConfig:
    """How a benchmark draws answers, as `generate` takes it. No top_k: the ruler has none."""
    tokenizer = policy.tokenizer
    drawn = {"temperature": sampling.temperature, "top_p": sampling.top_p, "top_k": 0} if sampling.temperature else {}
    return GenerationConfig(
        max_new_tokens=sampling.max_new_tokens, do_sample=bool(drawn), **drawn,
        eos_token_id=list(policy.ends), pad_token_id=tokenizer.pad_token_id, bos_token_id=tokenizer.bos_token_id,
        stop_strings=list(sampling.stop) or None,
    )  # fmt: skip


def merged(policy: Policy) -> PreTrainedModel:
    """The policy's model with its adapter in its weights, in float32: bfloat16 has no room for small updates. One
    without an adapter in what it is stored in. BadInput for weights in 4 bits."""
    model = policy.model
    base = model.get_base_model() if isinstance(model, PeftModel) else model
    if getattr(base, "is_quantized", False):
        raise BadInput(
            "precision is 4bit: the adapter was trained beside weights that are not those of the base",
            "merged into the base's own, it would be another policy",
            "--adapter exports the adapter alone",
        )
    if isinstance(model, PeftModel):
        base.float()
        return model.merge_and_unload()
    return model.to(policy.stored)


def adapter_in(policy: Policy) -> PeftModel:
    """The model of a policy that has an adapter. BadInput for one without."""
    if not isinstance(policy.model, PeftModel):
        raise BadInput(
            "this policy has no adapter",
            "it was trained whole, or not at all",
            "without --adapter its weights are exported",
        )
    return policy.model


def _save_adapter(model: PeftModel, folder: Path, base: str) -> None:
    name = str(model.active_adapter)
    model.peft_config[name].base_model_name_or_path = base
    model.save_pretrained(folder, selected_adapters=[name])
    if (inner := folder / name).is_dir():  # where peft keeps all that are not called default
        for path in inner.iterdir():
            os.replace(path, folder / path.name)
        inner.rmdir()
