"""Adapters made elsewhere, merged into one policy with the arithmetic of methods that merge."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from transformers import GenerationConfig

from benchmarks import BadInput, Benchmark, Policy, Weights
from benchmarks.common import check_no_pipe, model_settings
from benchmarks.measure import evaluate
from benchmarks.models import load_policy
from benchmarks.spec import are_weights, policy_source
from methods import souped
from moa_cli.runs import FrontFacts
from moa_cli.runs.export.folder import generation_settings, merged, write_folder
from moa_cli.runs.export.place import loading
from moa_cli.runs.export.run import in_dialogues
from moa_cli.runs.export.template import chat_template
from moa_cli.words import typed_weights

README = """\
---
{base}library_name: transformers
pipeline_tag: text-generation
tags: [moa, model-soup]
---
# {title}

The mean of what {count} adapters add to the weights of {name}, made by `{command}`.

| adapter | weight |
|---|---|
{rows}

It is loaded as any model of transformers, and asked in its chat template.
"""


def soup_of(adapters: Sequence[Path], weights: Weights, benchmark: Benchmark | None) -> tuple[str, Policy]:
    """The base of the adapters, and the policy that is their mean, merged. It reads and is drawn from as the
    benchmark's is, where there is one.

    BadInput for what is no adapter, adapters of several bases or that have no such mean, and weights that are none.
    """
    if not are_weights(weights, len(adapters)):
        raise BadInput(
            f"{typed_weights(weights)} are no weights for {len(adapters)} adapters",
            "they must be one number for each, none negative, that sum to 1",
            f"for instance --weights {typed_weights([1 / len(adapters)] * len(adapters))}",
        )
    bases = {adapter: _base(adapter) for adapter in adapters}
    base = bases[adapters[0]]
    for path in (path for folder in (*adapters, Path(base)) if folder.is_dir() for path in folder.iterdir()):
        check_no_pipe(path)
    for adapter, other in bases.items():
        if other != base:
            raise BadInput(
                f"{adapter} was trained on {other}, {adapters[0]} on {base}",
                "what adapters add is averaged: all must be added to the same weights",
                "train them on the same base, or merge those alone that were",
            )
    if benchmark and str(policy_source(benchmark)) != base:
        raise BadInput(
            f"{benchmark.name} starts from {policy_source(benchmark)}, the adapters from {base}",
            "its scores are measured from its own starting policy",
            "leave -b out; or -b with a benchmark whose policy is the base of the adapters",
        )
    kept = [(adapter, w / sum(weights)) for adapter, w in zip(adapters, weights, strict=True) if w]
    template, most = (benchmark.template, benchmark.max_prompt_tokens) if benchmark else ("", 1)  # nothing is cut here
    with loading(base):
        policy = load_policy(base, most, template=template, precision="float32")
    mixed = souped(policy.model, [adapter for adapter, _ in kept], tuple(w for _, w in kept))
    return base, replace(policy, model=merged(replace(policy, model=mixed)).eval(), ends=policy.ends)


def export_soup(
    adapters: Sequence[Path],
    weights: Weights,
    folder: Path,
    *,
    base: str,
    policy: Policy,
    benchmark: Benchmark | None,
    command: str,
) -> None:
    """Writes the soup as a folder, which is drawn from as the benchmark draws, or as its base says."""
    generation = generation_settings(policy, benchmark.sampling) if benchmark else policy.model.generation_config
    assert isinstance(generation, GenerationConfig)
    local = Path(base).is_dir()
    readme = README.format(
        base="" if local else f"base_model: {base}\n", name=Path(base).name if local else base,
        title=folder.resolve().name, count=len(adapters), command=command,
        rows="\n".join(f"| {a.resolve().name} | {w:.4g} |" for a, w in zip(adapters, weights, strict=True)),
    )  # fmt: skip
    template = chat_template(policy.reader, None, dialogues=benchmark is not None and in_dialogues(benchmark))
    write_folder(folder, policy, template, generation, readme)


def measured(benchmark: Benchmark, policy: Policy, weights: Weights) -> FrontFacts:
    """The soup's answers to the benchmark's test prompts, scored; they are not kept. Where there is an adapter for each
    objective its weights are the point's, else equal ones are."""
    M = len(benchmark.names)
    point = weights if len(weights) == M else (1 / M,) * M
    with tempfile.TemporaryDirectory() as place:
        front = evaluate(
            benchmark, lambda _: policy, (point,), Path(place), method="soup", steering="none", seed=0, cost={},
            config={},
        )  # fmt: skip
        return FrontFacts.of(front)


def _base(adapter: Path) -> str:
    """The model that an adapter says it was trained on. BadInput for a folder that is none, or does not say it."""
    told = model_settings(adapter / "adapter_config.json")
    if base := told.get("base_model_name_or_path"):
        return str(base)
    why = "its adapter_config.json names no base_model_name_or_path"
    if not told:
        why = "an adapter is a folder with adapter_config.json and adapter_model.safetensors"
    raise BadInput(f"{adapter} is no adapter that can be merged", why, "name folders that peft's save_pretrained wrote")
