"""Policies on disk: starting points for training, trained stages, soups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Literal

import torch
from peft import PeftModel, set_peft_model_state_dict
from safetensors.torch import load_file

from benchmarks import BadInput, Benchmark, Policy, Weights
from benchmarks.common import holding, missing_again, model_settings, nearest, reading
from benchmarks.models import with_adapter
from benchmarks.spec import LARGE, adapter_rank
from methods.contract import Adapter

PAPER_WIDTH = 4096
"""Hidden size of the 7B models for which the papers give learning rates."""


def is_large(policy: Policy) -> bool:
    """Whether a policy has a billion parameters or more, as those of the papers have."""
    return policy.parameters >= LARGE


def rank_for(policy: Policy, lora_rank: int | None) -> int:
    """The rank of LoRA with which a policy is trained, 0 where it is trained whole; None as `lora_rank` chooses by its
    size (`Adapter.lora_rank`)."""
    return adapter_rank(policy.parameters, lora_rank)


def rate_of(settings: Adapter, name: str, policy: Policy) -> float:
    """A method's learning rate, its field `name`; for a pretrained policy, where none is set, the one that the method
    has for those in `pretrained_rates`: of adapters, or of whole policies."""
    rates = settings.unset_rates().get(name) if policy.pretrained else None
    if rates is None:
        return float(getattr(settings, name))
    return rates.adapters if rank_for(policy, settings.lora_rank) else rates.whole


def scaled(learning_rate: float, policy: Policy) -> float:
    """A learning rate as it is for a pretrained policy; for one made here, it is given for width 4096 and taken at this
    policy's: proportional to 1/width (Yang et al. 2022, muP)."""
    width = policy.model.config.get_text_config().hidden_size
    return learning_rate if policy.pretrained else learning_rate * PAPER_WIDTH / width


def to_train(
    benchmark: Benchmark, lora_rank: int | None, seed: int, start: Path | None = None, base: str = "policy"
) -> Policy:
    """A policy ready to be trained: the starting policy or a trained stage, with a LoRA adapter where one is used.

    Or another model than the starting policy, as `Prepared.load_base` takes it.

    The adapter's initialisation depends on the seed alone, so policies trained apart can be merged (arXiv 2306.04488).
    Policies that are kept in memory to answer (`load_trained`) make room: a training is planned without them.
    """
    forget_loaded()
    adapted = start is not None and (start / "adapter_config.json").exists()
    if start is not None and not adapted:
        return _exact(load_trained(benchmark, start, fresh=True))
    policy = benchmark.prepared.load_base(base, seed)
    if start is not None and adapted:
        with reading(start):
            return replace(policy, model=PeftModel.from_pretrained(policy.model, start, is_trainable=True))
    rank = rank_for(policy, lora_rank)
    if rank == 0:
        return _exact(policy)
    return with_adapter(policy, rank, benchmark.lora, seed)


def _exact(policy: Policy) -> Policy:
    """With weights in fp32, to be trained whole: those in bf16 lose small updates. BadInput for weights in 4 bits."""
    if getattr(policy.model, "is_quantized", False):
        raise BadInput(
            "precision is 4bit, and the whole policy is to be trained",
            "weights in 4 bits stay as they are: adapters are trained beside them",
            "-c lora_rank=16",
        )
    return replace(policy, model=policy.model.float())


def save_trained(policy: Policy, folder: Path) -> None:
    """Writes what was trained, which ends with that, in float32: the adapter, or the whole model with its tokenizer.

    In the bfloat16 that most policies come in, what a small learning rate moves a weight by would be rounded away.
    """
    if isinstance(policy.model, PeftModel):
        policy.model.save_pretrained(folder, selected_adapters=["default"])
    else:
        policy.model.float()
        policy.save(folder)


def load_trained(benchmark: Benchmark, folder: Path, fresh: bool = False) -> Policy:
    """The policy that a stage left. Kept until others are asked for or something is trained, unless `fresh`."""
    check_folders([folder])
    changed = folder.stat().st_mtime_ns if folder.exists() else 0
    return _load(benchmark, folder) if fresh else _remembered(benchmark, folder, changed, _apart.get())


def check_folders(folders: Sequence[object]) -> None:
    """BadInput for what is no folder's path."""
    for folder in folders:
        if not isinstance(folder, Path):
            raise BadInput(
                f"a policy was asked for from {folder!r:.60} ({type(folder).__name__})",
                "it is read from the folder of a stage, a Path",
                "run.stage(name).folder",
            )


def check_made(folder: Path) -> None:
    """BadInput where there is no such stage, which names those there are; not where it was set aside as damaged: that
    one the same command makes again (`reading`)."""
    if folder.is_dir() or folder in missing_again(folder.parent):
        return
    left = sorted(path.name for path in folder.parent.glob("[!.]*"))
    raise BadInput(
        f"there is no stage {folder.name!r} in {folder.parent.parent}{nearest(folder.name, left)}",
        f"a policy is made of what train left: {', '.join(left) or 'nothing'}",
        "let train and policy name the same stage; one that was removed is made again with moa train --restart",
    )


def _load(benchmark: Benchmark, folder: Path) -> Policy:
    check_made(folder)
    if not (folder / "adapter_config.json").exists():
        return benchmark.prepared.load_starting_policy(folder)
    start = benchmark.prepared.load_starting_policy()
    with reading(folder):
        return replace(start, model=as_trained(PeftModel.from_pretrained(start.model, folder)))


def forget_loaded() -> None:
    """What `load_trained` gives next is read from the disk anew."""
    _remembered.cache_clear()


PART = "part-{}"
"""What the adapters of several stages are called; peft takes a number for that of a layer, and saves nothing of it."""


def load_adapters(model: torch.nn.Module, folders: Sequence[Path]) -> PeftModel:
    """A model with the adapters that several stages left beside it, called `PART`."""
    for folder in folders:
        check_made(folder)
    with reading(folders[0]):
        adapted = PeftModel.from_pretrained(model, folders[0], adapter_name=PART.format(0))
    for i, folder in enumerate(folders[1:], start=1):
        with reading(folder):
            adapted.load_adapter(folder, adapter_name=PART.format(i))
    return adapted


_apart = ContextVar("_apart", default=False)


def adapters_apart() -> AbstractContextManager[object]:
    """Inside the block, policies that are loaded keep their adapters beside the weights: to be stored as they are."""
    return holding(_apart, True)


def as_trained(model: PeftModel) -> torch.nn.Module:
    """A model with its adapter, as it was trained: merged into weights of float32, beside those of less precision.

    Of an update that is a thousandth of the weights, bfloat16 would keep next to nothing.
    """
    base = model.get_base_model()
    exact = base.get_input_embeddings().weight.dtype == torch.float32 and not getattr(base, "is_quantized", False)
    return (model.merge_and_unload() if exact and not _apart.get() else model).eval()


def _adapter(folder: Path) -> dict[str, torch.Tensor]:
    """The factors that a stage left."""
    with reading(folder):
        return load_file(folder / "adapter_model.safetensors")


@lru_cache(maxsize=2)
def _remembered(benchmark: Benchmark, folder: Path, changed: int, apart: bool) -> Policy:
    return _load(benchmark, folder)


def _check_plain(folder: Path) -> None:
    """BadInput for a stage that is no adapter, where others are, and for an adapter whose update is no B A."""
    check_made(folder)
    settings = model_settings(folder / "adapter_config.json")
    odd = [name for name in ("use_dora", "use_rslora") if settings.get(name)]
    if odd or not settings:
        raise BadInput(
            f"{folder} has {odd[0]} set" if odd else f"{folder} is a whole model, and others are adapters",
            "adapters are averaged by their updates B A, whose scale is alpha / rank",
            "train all of them as plain LoRA, or save whole models",
        )


def _check_shapes(folder: Path, state: Mapping[str, torch.Tensor], known: Mapping[str, torch.Tensor]) -> None:
    """BadInput for a model whose parameters are not those of the starting policy."""
    shapes, own = ({name: tuple(p.shape) for name, p in s.items()} for s in (known, state))
    for name in sorted(shapes.keys() | own.keys()):
        if shapes.get(name) != own.get(name):
            raise BadInput(
                f"{folder} has {name} of shape {own.get(name)}, the starting policy {shapes.get(name)}",
                "parameters are averaged one by one: all policies must have come from the same one",
                "train it again from the starting policy of the benchmark",
            )


def soup(
    benchmark: Benchmark, folders: Sequence[Path], weights: Weights, average: Literal["updates", "factors"] = "updates"
) -> Policy:
    """The policy whose parameters are the weighted mean of the trained ones: theta(w) = sum_i w_i theta_i (Rewarded
    Soups, arXiv 2306.04488, eq. 1).

    `weights` (M) are one for each folder and add up to 1. Negative ones lead away from a policy: (1.5, -0.5) is the
    first one, moved on by half of what tells it from the second (task arithmetic, arXiv 2212.04089).

    For adapters the *updates* are averaged, sum_i w_i B_i A_i, exactly (PEFT's "cat"). With "factors" it is
    (sum_i w_i B_i) (sum_i w_i A_i), which is not the same thing; whole models have no factors. What has no weight is
    not read, and all the weight on one is that policy. BadInput for other weights, and for policies that have no such
    mean.
    """
    check_folders(folders)
    if len(weights) != len(folders) or not abs(sum(weights) - 1) <= 1e-6:  # no NaN is
        raise BadInput(
            f"{len(folders)} policies cannot be averaged with the weights {', '.join(f'{w:g}' for w in weights)}",
            "each has a weight, and these add up to 1: parameters of another scale are no policy",
            "some may be negative: soup(benchmark, folders, (1.5, -0.5))",
        )
    folders, weights = zip(*((f, w) for f, w in zip(folders, weights, strict=True) if w), strict=True)
    if weights == (1.0,):
        return load_trained(benchmark, folders[0], fresh=True)
    if any((folder / "adapter_config.json").exists() for folder in folders):
        start = benchmark.prepared.load_starting_policy()
        return replace(start, model=as_trained(souped(start.model, folders, weights, average)))
    policies = [load_trained(benchmark, folder) for folder in folders]
    mixed = replace(_exact(benchmark.prepared.load_starting_policy()), stored=torch.float32)
    states = [p.model.state_dict() for p in policies]
    known, mixture = mixed.model.state_dict(), {}
    for folder, state in zip(folders, states, strict=True):
        _check_shapes(folder, state, known)
    for name, value in known.items():
        total = sum(w * state[name].double() for w, state in zip(weights, states, strict=True))
        mixture[name] = torch.as_tensor(total).to(value.dtype)
    mixed.model.load_state_dict(mixture)
    return mixed


def souped(
    model: torch.nn.Module,
    folders: Sequence[Path],
    weights: Weights,
    average: Literal["updates", "factors"] = "updates",
) -> PeftModel:
    """A model with the weighted mean of adapters that were trained on it, see `soup`, as the active one beside it.
    BadInput for adapters whose update is no B A."""
    for folder in folders:
        _check_plain(folder)
    mixed = load_adapters(model, folders if average == "updates" else folders[:1])
    if average == "factors":
        states = [_adapter(folder) for folder in folders]
        mean = {name: sum(w * s[name] for w, s in zip(weights, states, strict=True)) for name in states[0]}
        set_peft_model_state_dict(mixed, mean, adapter_name=PART.format(0))
    else:
        names = [PART.format(i) for i in range(len(folders))]
        mixed.add_weighted_adapter(names, list(weights), "soup", combination_type="cat")
        mixed.set_adapter("soup")
    return mixed
