"""The README of an exported policy: a model card."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import BadInput, Front, Weights
from benchmarks.common import plain, to_type
from benchmarks.measure import read_front
from benchmarks.spec import Signal
from methods import answering_config
from moa_cli.runs import Contestant, fronts_in, read_record
from moa_cli.words import signal_word, typed_weights

SHOWN: tuple[Signal, ...] = ("rewards", "scores")


HEAD = """\
---
{base}library_name: {library}
pipeline_tag: text-generation
tags: [moa, multi-objective-alignment, {method}]
---
# {title}

{what}

| | |
|---|---|
{facts}

## Scores

{scores}

## Use

```python
{code}
```

{notes}
"""
LOADING = """\
from transformers import AutoModelForCausalLM, AutoTokenizer
tokenizer, model = AutoTokenizer.from_pretrained("{name}"), AutoModelForCausalLM.from_pretrained("{name}")
asked = tokenizer.apply_chat_template([{{"role": "user", "content": "..."}}], {how})
answer = model.generate(**asked, tokenizer=tokenizer)
print(tokenizer.decode(answer[0, asked["input_ids"].shape[1]:], skip_special_tokens=True))"""


@dataclass(frozen=True)
class Made:
    """What an exported policy is made of."""

    run: Contestant
    weights: Weights
    base: str
    """The starting policy: hub id or folder."""
    adapter: bool
    steered: bool
    """Whether the weights are told in the prompt."""
    command: str


def model_card(made: Made, name: str) -> str:
    """The README of a folder of this name."""
    run, record = made.run, read_record(made.run.folder)
    benchmark, method = run.benchmark, run.method_name
    public = not Path(made.base).is_absolute() and not Path(made.base).exists()
    made_by = to_type("moa", "prepare", "-b", _shown(run.source.name))
    base = made.base if public else f"{benchmark.policy_name}, as {made_by} makes it"
    data = f"{_shown(run.source.name)}{f', from {_shown(str(run.source.data_dir))}' if run.source.data_dir else ''}"
    front = _measured_front(run)
    facts = {
        "method": f"{method}: {_sentence(run)}",
        "weights": f"{typed_weights(made.weights)} ({', '.join(benchmark.names)})",
        "base model": base,
        "benchmark": f"{benchmark.name}@{benchmark.version}, scale card `{(front or benchmark).card.hash}`",
        "data": data,
        "trained by": f"`{record.command}` (seed {run.seed})",
        "exported by": f"`{made.command}`",
    }
    what = (
        f"A language model that weighs {' and '.join(benchmark.names)}: one policy of `{method}`, trained by moa on "
        f"{benchmark.name}."
    )
    options = 'add_generation_prompt=True, return_tensors="pt", return_dict=True'
    how = f"weights={[round(w, 6) for w in made.weights]}, {options}" if made.steered else options
    return HEAD.format(
        base=f"base_model: {made.base}\n" if public else "",
        library="peft" if made.adapter else "transformers",
        method=method, title=f"{benchmark.name}, {method} at {typed_weights(made.weights)}", what=what,
        facts="\n".join(f"| {key} | {value} |" for key, value in facts.items()),
        scores=_scores(made, front), code=_code(made, name, how), notes="\n".join(f"- {note}" for note in _notes(made)),
    )  # fmt: skip


def _measured_front(run: Contestant) -> Front | None:
    """The front of a run as it answers, on the most prompts that it was measured on; None where there is none."""
    answering = plain(answering_config(run.method))
    fronts = []
    for place in fronts_in(run.folder):
        try:
            front = read_front(place)
        except BadInput:  # it is damaged, and moa compare says so
            continue
        if answering.items() <= plain(front.config).items():
            fronts.append(front)
    return max(fronts, key=lambda front: front.card.prompts, default=None)


def _code(made: Made, name: str, how: str) -> str:
    code = LOADING.format(name=name, how=how)
    if not made.adapter:
        return code
    settings = ["from transformers import GenerationConfig"]
    settings += [f'model.generation_config = GenerationConfig.from_pretrained("{name}")']
    lines = code.splitlines()
    return "\n".join([*lines[:2], *settings, *lines[2:]])


def _notes(made: Made) -> list[str]:
    benchmark = made.run.benchmark
    sampling = benchmark.sampling
    notes = [
        f"`generate` draws as the benchmark does: temperature {sampling.temperature:g}, top_p {sampling.top_p:g}, at "
        f"most {sampling.max_new_tokens} new tokens"
        + (f", until {' or '.join(map(repr, sampling.stop))}, which is then cut off." if sampling.stop else "."),
        f"Prompts of more than {benchmark.max_prompt_tokens} tokens lost their beginning in training and measuring; "
        "here nothing is cut.",
    ]
    if made.steered:
        notes.insert(
            0,
            f"The weights ({', '.join(benchmark.names)}) are an argument of `apply_chat_template`, which writes them "
            f"into the prompt; without, they are {typed_weights(made.weights)}.",
        )
    if made.adapter:
        notes.append(f"An adapter alone (`pip install peft`): it belongs to {made.base}.")
    return notes


def _scores(made: Made, front: Front | None) -> str:
    """Means at the nearest measured point, with their standard errors over prompts."""
    if front is None:
        return "Not measured."
    k = min(range(len(front.weights)), key=lambda k: float(np.abs(np.subtract(front.weights[k], made.weights)).sum()))
    exact = np.allclose(front.weights[k], made.weights, atol=1e-6)
    point = typed_weights(front.weights[k])
    place = f"at {point}" if exact or front.steering == "none" else f"at {point}, the nearest point that was measured"
    same = ", ".join(front.card.not_held_out)
    note = f" {same}: no evaluator beside the reward, so nothing here is held-out." if same else ""
    rows = [
        f"| {name} | {' | '.join(_mean(front, signal, k, m) for signal in SHOWN)} |"
        for m, name in enumerate(front.card.objectives)
    ]
    return "\n".join(
        [
            f"Measured {place}: mean ± standard error over {front.card.prompts} test prompts, in standard deviations "
            f"of the starting policy's answers, whose mean is 0.{note}",
            "",
            f"| | {' | '.join(signal_word(signal, not same) for signal in SHOWN)} |",
            "|---|---|---|",
            *rows,
        ]
    )


def _mean(front: Front, signal: Signal, k: int, m: int) -> str:
    values = front.points[k].under(signal)[:, m]
    error = values.std(ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{values.mean():+.2f} ± {error:.2f}"


def _sentence(run: Contestant) -> str:
    """What the method is, as its file opens."""
    module = inspect.getmodule(type(run.method))
    return (inspect.getdoc(module) or inspect.getdoc(type(run.method)) or "").split("\n\n")[0].replace("\n", " ")


def _shown(name: str) -> str:
    """A name, or the last part of a path: what is published tells nothing of a machine."""
    return Path(name).name if Path(name).is_absolute() else name
