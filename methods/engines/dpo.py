"""Direct preference optimisation with a margin per pair, as one stage of a run: DPO through TRL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any

import numpy as np
from datasets import Dataset
from trl import DPOConfig, DPOTrainer
from trl.trainer.dpo_trainer import DataCollatorForPreference

from benchmarks import Answer, BadInput, Benchmark, Policy, PreferencePair
from benchmarks.common import Range, digest
from benchmarks.models import (
    Progress,
    Training,
    passes,
    run_trainer,
    sequence_log_probs,
    trainer_arguments,
    training_mode,
)
from benchmarks.rewards import tell_apart
from methods.contract import Preference, Run, Stage, in_range
from methods.engines.trained import is_large, load_trained, rank_for, rate_of, save_trained, scaled, to_train

Ids = tuple[list[int], list[int], list[int]]
"""Token ids of a pair: prompt, chosen, rejected."""


WARMUP = 0.03
"""Share of the steps in which the learning rate rises."""


FULL = 0.1
"""Learning rate of full fine-tuning relative to LoRA's, for which it is given, where the policy was made here."""


@in_range
def train_dpo(
    benchmark: Benchmark,
    pairs: Sequence[PreferencePair],
    settings: Preference,
    stage: Stage,
    *,
    margin: np.ndarray | None = None,
    reference: np.ndarray | None = None,
    beta: Annotated[float, Range(above=0)] | None = None,
    start: Stage | None = None,
    facts: Mapping[str, float] | None = None,
) -> None:
    """Minimises the mean of -log sigmoid(beta (D log pi - D log ref) - margin) over N pairs, D f = f(chosen) -
    f(rejected): DPO (arXiv 2305.18290, eq. 7) with a margin (2310.03708, eq. 8).

    `margin` (N,) is a number per pair, in logits; None is none. `reference` (N, 2) holds log ref(chosen) and
    log ref(rejected), in nats; None has them computed of what training starts from, and kept in the run. Both are
    constants, so no other model is in memory. `beta` is the settings' where none is given. Training starts from the
    starting policy, or from the stage `start`, whose adapter it goes on with. Every row of the log repeats `facts`.

    All pairs given are passed over, once at least: where `settings.epochs` is below 1, `preferences` took that share of
    them. BadInput without pairs, for a beta that is not above 0, and for constants of another shape or not finite.
    """
    if stage.done:
        return
    beta = settings.beta if beta is None else beta
    margin = np.zeros(len(pairs)) if margin is None else np.asarray(margin)
    _check(stage, len(pairs), margin, reference)
    if reference is None:
        reference = log_probs(benchmark, pairs, stage.name, stage.run, start)
    policy = to_train(benchmark, settings.lora_rank, stage.run.seed, start.folder if start else None)
    rate = rate_of(settings, "learning_rate", policy)
    if not policy.pretrained and not rank_for(policy, settings.lora_rank):
        rate *= FULL
    ids = encoded(benchmark, policy, pairs)
    kept = tell_apart(pairs, [(chosen, rejected) for _, chosen, rejected in ids], stage.name)
    training = Training(
        steps=max(1, round(max(settings.epochs, 1.0) * len(kept) / settings.batch)),  # `preferences` took the share
        batch=settings.batch,
        learning_rate=scaled(rate, policy),
        warmup=WARMUP,
    )
    rows = [
        {"prompt_ids": p, "chosen_ids": c, "rejected_ids": r, "ref_chosen_logps": ref[0], "ref_rejected_logps": ref[1]}
        for (p, c, r), ref in zip(ids, shifted(reference, margin, beta), strict=True)
    ]
    ids, rows = [ids[i] for i in kept], [rows[i] for i in kept]
    lengths = [len(p) + max(len(c), len(r)) for p, c, r in ids]
    order, training = passes(lengths, training, stage.run.seed), replace(training, tokens=2 * max(lengths))
    config = DPOConfig(
        **trainer_arguments(training, stage.checkpoints, stage.run.seed, policy.model),
        beta=beta,
        max_length=None,
        precompute_ref_log_probs=True,
        train_sampling_strategy="sequential",
    )

    def log(name: str, step: int, steps: int, measured: dict[str, float]) -> None:
        moving = {"loss": measured["loss"], "above_margin": measured["rewards/accuracies"]}
        stage.log(name, step, steps, {**moving, **(facts or {})})

    with training_mode(policy):
        trainer = _Trainer(
            model=policy.model,
            args=config,
            train_dataset=Dataset.from_list(rows).select(order),
            processing_class=policy.tokenizer,
            data_collator=DataCollatorForPreference(
                pad_token_id=policy.tokenizer.pad_token_id, pad_to_multiple_of=config.pad_to_multiple_of
            ),
            callbacks=[Progress(stage.name, log, keep=("loss", "rewards/accuracies"))],
        )
        run_trainer(trainer)
    with stage.writing() as folder:
        save_trained(policy, folder)


def _check(stage: Stage, N: int, margin: np.ndarray, reference: np.ndarray | None) -> None:
    """BadInput without pairs, and for constants that are not finite numbers of N pairs."""
    if not N:
        raise BadInput(
            f"there are no preference pairs to train stage {stage.name} on",
            "DPO needs one at least",
            "look at how the method chooses them: all of them were left out",
        )
    for name, found, shape in (("margin", margin, (N,)), ("reference", reference, (N, 2))):
        if found is not None and np.shape(found) != shape:
            raise BadInput(
                f"{name} of train_dpo has the shape {np.shape(found)} for {N} pairs",
                "margin is a number for each pair; reference two, of the chosen and of the rejected answer",
                f"give an array of shape {shape}",
            )
        if found is not None and (odd := int((~np.isfinite(found)).sum())):
            raise BadInput(
                f"{name} of train_dpo: {odd} of {np.size(found)} numbers are not finite",
                "one pair whose loss is NaN makes every parameter NaN",
                "leave such pairs out, or look at where the numbers come from",
            )


def shifted(reference: np.ndarray, margin: np.ndarray, beta: float) -> np.ndarray:
    """The reference (N, 2) under which plain DPO has the loss of `reference` and `margin` (N,).

    A margin is a reference that likes the chosen answer better: beta (D log pi - D log ref - margin / beta).
    """
    return reference + np.stack([margin / beta, np.zeros_like(margin)], axis=1)


def log_probs(
    benchmark: Benchmark, pairs: Sequence[PreferencePair], name: str, run: Run, of: Stage | None = None
) -> np.ndarray:
    """log pi(chosen) and log pi(rejected) (N, 2), in nats, of the starting policy or of a trained stage on N pairs.

    Computed once: kept in the run, under the name that is given to these pairs and their content.
    """

    def compute() -> np.ndarray:
        policy = load_trained(benchmark, of.folder) if of else benchmark.prepared.policy
        ids = encoded(benchmark, policy, pairs)
        sequences = [(p, answer) for p, *answers in ids for answer in answers]
        batch = 8 if is_large(policy) else 64
        return sequence_log_probs(policy, sequences, batch).reshape(-1, 2)

    return remembered(run, f"{of.name if of else 'start'} on {name} {digest([*map(list, pairs)])}", compute)


def remembered(run: Run, name: str, compute: Callable[[], np.ndarray]) -> np.ndarray:
    """The numbers that a run keeps under a name; where there are none, or damaged ones, they are computed and written
    there, once for all processes that work on it one after the other."""
    return np.array(run.keep(run.dir / "constants" / f"{name}.json", lambda: compute().tolist()))


def encoded(benchmark: Benchmark, policy: Policy, pairs: Sequence[PreferencePair]) -> list[Ids]:
    """Token ids of the pairs; answers no longer than what the policy can say."""
    limit = benchmark.sampling.max_new_tokens
    ids = []
    for prompt, chosen, rejected in pairs:
        prompt_ids, good = policy.encode(Answer(prompt, chosen))
        ids.append((prompt_ids, good[:limit], policy.encode(Answer(prompt, rejected))[1][:limit]))
    return ids


class _Trainer(DPOTrainer):
    """DPOTrainer for rows that are tokens already and bring the reference's log-probabilities along."""

    def _prepare_dataset(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset

    def _precompute_ref_logps(self, dataset: Dataset, *_: Any) -> Dataset:
        return dataset
