"""How long prompts and answers are, over a sample of a benchmark's training data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from benchmarks import BadInput, Benchmark
from benchmarks.common import Part
from benchmarks.data import Source, Table
from benchmarks.spec import policy_source, tokenizer_folder
from moa_cli.jobs.estimate.models import Model

SAMPLE = 256
"""Prompts and answers that are looked at [choice]: their mean is then known to some 5 %."""


CHARACTERS = 4.0
"""Characters per token where there is no tokenizer yet: usual for English."""


class Lengths(Part):
    """Training data as far as a dry run can see them."""

    benchmark: str
    place: str
    """The hub id of data that would be downloaded; empty where they are here."""
    prompts: int | None
    """Training prompts; None where they are not here."""
    prompt_tokens: float | None
    """Of a prompt as the policy is shown it, on average."""
    answer_tokens: float | None
    """Of an answer in the data, on average, no longer than the policy may answer."""
    most_tokens: int
    """Of an answer that a policy draws: what estimates take it to have."""
    counted: bool
    """Whether a tokenizer counted, not characters."""


def hub_of(benchmark: Benchmark) -> str:
    """The hub id that a benchmark's rows are read from, empty where they lie in local files or are made up."""
    data = benchmark.data
    if isinstance(data, Table):
        return "" if data.path else data.hub
    source = getattr(data, "source", None)
    return source.place if isinstance(source, Source) and isinstance(source.place, str) else ""


def lengths(benchmark: Benchmark, policy: Model) -> Lengths:
    """What is known of a benchmark's training data. Rows of the hub are read where the process cannot download any."""
    place, most = hub_of(benchmark), benchmark.sampling.max_new_tokens
    if not are_here(benchmark):
        return Lengths(
            benchmark=benchmark.name, place=place, prompts=None, prompt_tokens=None, answer_tokens=None,
            most_tokens=most, counted=False,
        )  # fmt: skip
    prompts, answers = benchmark.prompts("train"), [a.response for a in benchmark.responses()]
    shown, said = _counters(benchmark, policy)
    return Lengths(
        benchmark=benchmark.name,
        place="",
        prompts=len(prompts),
        prompt_tokens=_mean(shown(_some(prompts)), benchmark.max_prompt_tokens),
        answer_tokens=_mean([n + 1 for n in said(_some(answers))], most),
        most_tokens=most,
        counted=shown is not _by_characters,
    )


def are_here(benchmark: Benchmark) -> bool:
    """Whether rows can be read without downloading any."""
    if not hub_of(benchmark):
        return True
    from huggingface_hub.constants import HF_HUB_OFFLINE

    if not HF_HUB_OFFLINE:
        return False
    try:
        return bool(benchmark.prompts("train"))
    except BadInput:
        return False


def _counters(benchmark: Benchmark, policy: Model) -> tuple[Callable[..., Sequence[int]], Callable[..., Sequence[int]]]:
    """What counts the tokens of prompts as they are shown, and of answers."""
    if policy.place == "made here":
        from tokenizers import Tokenizer

        file = tokenizer_folder(benchmark) / "tokenizer.json"
        if not file.exists():
            return _by_characters, _by_characters
        tokenizer = Tokenizer.from_file(str(file))

        def count(texts: Sequence[str]) -> list[int]:
            return [len(one.ids) for one in tokenizer.encode_batch(list(texts))]

        return count, count
    if policy.place == "on the hub":
        return _by_characters, _by_characters
    from benchmarks.models import open_reader

    source = policy_source(benchmark)
    there = not isinstance(source, Path) or source.is_dir()
    try:
        reader = open_reader(source if there else benchmark.policy, benchmark.max_prompt_tokens, benchmark.template)
    except (OSError, ValueError):  # it has no tokenizer, or not all of it
        return _by_characters, _by_characters

    def answers(texts: Sequence[str]) -> list[int]:
        return [len(ids) for ids in reader.tokenizer(list(texts), add_special_tokens=False)["input_ids"]]

    return reader.lengths, answers


def _by_characters(texts: Sequence[str]) -> list[int]:
    return [round(len(text) / CHARACTERS) for text in texts]


def _some(texts: Sequence[str]) -> list[str]:
    """A sample of texts, the same each time."""
    picked = np.random.default_rng(0).permutation(len(texts))[:SAMPLE]
    return [texts[i] for i in picked]


def _mean(counts: Sequence[int], most: int) -> float:
    return float(np.mean([min(n, most) for n in counts])) if counts else 0.0
