"""Supervised fine-tuning of a policy on answers, as one stage of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from benchmarks import Answer, BadInput, Benchmark
from benchmarks.common import Range
from benchmarks.models import Training, supervised
from methods.contract import Stage, in_range
from methods.engines.trained import save_trained, scaled, to_train


@in_range
def train_sft(
    benchmark: Benchmark,
    answers: Sequence[Answer],
    stage: Stage,
    *,
    epochs: Annotated[float, Range(above=0)],
    batch: Annotated[int, Range(1)],
    learning_rate: Annotated[float, Range(0)],
    lora_rank: Annotated[int, Range(0)] | None,
    start: Stage | None = None,
) -> None:
    """Fine-tunes the starting policy (or the stage in `start`) on the responses, given the prompts as they are written.

    The loss is the mean cross-entropy of the responses' tokens, with the one that ends them. `epochs` are passes over
    the N answers, in steps of `batch`. `learning_rate` is for a pretrained policy; for one made here it is given for
    width 4096 and grows as 1/width (Yang et al. 2022, muP). `lora_rank` is as in `Adapter`. BadInput without
    answers, and for numbers out of these ranges.
    """
    if stage.done:
        return
    if not answers:
        raise BadInput(
            f"there are no answers to train stage {stage.name} on",
            "supervised fine-tuning needs one at least",
            "look at how the method chooses them: all of them were left out",
        )
    policy = to_train(benchmark, lora_rank, stage.run.seed, start.folder if start else None)
    limit = benchmark.sampling.max_new_tokens
    sequences = [(prompt, response[:limit]) for prompt, response in map(policy.encode, answers)]
    training = Training(
        steps=max(1, round(epochs * len(answers) / batch)),
        batch=batch,
        learning_rate=scaled(learning_rate, policy),
    )
    supervised(policy, sequences, training, folder=stage.checkpoints, seed=stage.run.seed, log=stage.log)
    with stage.writing() as folder:
        save_trained(policy, folder)
