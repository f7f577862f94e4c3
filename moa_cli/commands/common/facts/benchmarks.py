"""What is told of benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import JsonValue

from benchmarks import Benchmark, HubReward
from benchmarks.common import Part, plain
from benchmarks.load import benchmark_summary
from benchmarks.prepare import StoredCard, stored_card
from benchmarks.spec import SIGNALS, Finetuning, Lora, Reward, Sampling, Scratch


class BenchmarkRow(Part):
    """A benchmark, in a line."""

    name: str
    summary: str


class ObjectiveFacts(Part):
    """An objective: the fields of its reward and evaluator, with the "kind" of each."""

    name: str
    description: str
    reward: dict[str, JsonValue]
    evaluator: dict[str, JsonValue]


class BenchmarkFacts(Part):
    """A benchmark's description and, where it is prepared, its scale card and what was found while it was prepared."""

    name: str
    version: str
    objectives: tuple[ObjectiveFacts, ...]
    policy: str
    sampling: dict[str, JsonValue]
    preparation: int
    eval_prompts: int
    grid: tuple[tuple[float, ...], ...]
    trained_grid: tuple[tuple[float, ...], ...]
    max_prompt_tokens: int
    card_prompts: int
    precision: str
    """Empty: by device and size."""
    template: str
    """How the policy is shown prompts; "auto": as the tokenizer of the hub says, when it is there."""
    seed: int
    scratch: dict[str, JsonValue]
    finetuning: dict[str, JsonValue]
    """What is done with a pretrained policy first: the options policy.*"""
    lora: dict[str, JsonValue]
    identity: str
    prepared: StoredCard | None
    as_read: dict[str, str]
    """An answer as each model reads it, see `benchmarks.prepare.as_read`: before it is prepared, those in folders."""

    @classmethod
    def of(cls, b: Benchmark) -> BenchmarkFacts:
        """What is told of a benchmark."""
        return cls(
            name=b.name,
            version=b.version,
            objectives=tuple(
                ObjectiveFacts(
                    name=o.name, description=o.description, reward=_told(o.reward), evaluator=_told(o.evaluator)
                )
                for o in b.objectives
            ),
            policy=b.policy,
            sampling=_fields(b.sampling),
            preparation=b.preparation,
            eval_prompts=b.eval_prompts,
            grid=b.grid,
            trained_grid=b.trained_grid,
            max_prompt_tokens=b.max_prompt_tokens,
            card_prompts=b.card_prompts,
            precision=b.precision,
            template=b.form,
            seed=b.seed,
            scratch=_fields(b.scratch),
            finetuning=_fields(b.finetuning),
            lora=_fields(b.lora),
            identity=b.identity,
            prepared=(card := stored_card(b)),
            as_read=_as_read(b, prepared=card is not None),
        )


def benchmark_rows(names: Sequence[str]) -> list[BenchmarkRow]:
    """Benchmarks, each in a line."""
    return [BenchmarkRow(name=name, summary=benchmark_summary(name)) for name in names]


def _as_read(b: Benchmark, *, prepared: bool) -> dict[str, str]:
    from moa_cli.jobs.estimate import are_here

    rewards = [o.source(signal) for o in b.objectives for signal in SIGNALS]
    models = [b.policy, *(reward.model for reward in rewards if isinstance(reward, HubReward))]
    if not prepared and not (any(Path(model).is_dir() for model in models) and are_here(b)):
        return {}
    from benchmarks.prepare import as_read  # loads transformers

    return as_read(b)


def _told(reward: Reward) -> dict[str, JsonValue]:
    """How a reward was declared, and that in words."""
    return {**plain(reward), "words": reward.words}


def _fields(settings: Sampling | Scratch | Finetuning | Lora) -> dict[str, JsonValue]:
    return {name: value for name, value in plain(settings).items() if name != "kind"}
