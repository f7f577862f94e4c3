"""Steps of the engines that methods train with, against lean loops of the same mathematics on the same model and
batches, and what MODPO's constants save."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from measure import Line, cpu_seconds, interleaved
from torch.nn.functional import logsigmoid
from training import Clock

from benchmarks.load.load import load_benchmark
from benchmarks.models.batching import by_length, pad_right
from benchmarks.models.device import setup
from benchmarks.models.policy import Policy
from benchmarks.models.sampler import sample_tokens
from benchmarks.models.training import Training, passes
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from methods.contract.run import Run
from methods.contract.settings import Preference, Reinforcement
from methods.engines.dpo import FULL, train_dpo
from methods.engines.dpo import encoded as dpo_encoded
from methods.engines.dpo import log_probs as dpo_log_probs
from methods.engines.pairs import preferences
from methods.engines.rl import train_rl
from methods.engines.trained import scaled, to_train
from methods.modpo import MODPO

DPO_STEPS, RL_STEPS, ROUNDS = 40, 10, 3
BETA = 0.1
WEIGHTS = (0.5, 0.5)
CHUNK = 32
"""Answers of similar length that a lean RL loop sends through the model side by side."""
QUICK = {"scratch.pretrain_steps": 100, "scratch.sft_steps": 50, "reward.steps": 20, "eval_prompts": 50}
"""Enough for answers that end; how good they are does not matter here."""
numbers = count()

Ids = Sequence[Sequence[int]]


def optimizer_of(policy: Policy, rate: float) -> torch.optim.AdamW:
    policy.model.train()
    return torch.optim.AdamW(policy.model.parameters(), lr=rate, weight_decay=0.0)


def update(policy: Policy, optimizer: torch.optim.AdamW) -> None:
    """A step of the optimizer on the gradients that are there."""
    torch.nn.utils.clip_grad_norm_(policy.model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()


def log_probs(policy: Policy, prompts: Ids, answers: Ids) -> torch.Tensor:
    """log p(answer | prompt) (N,), with gradients where they are on."""
    ids, mask = pad_right(
        [[*p, *a] for p, a in zip(prompts, answers, strict=True)], policy.tokenizer.pad_token_id, policy.model.device, 8
    )
    first = min(map(len, prompts)) - 1
    kept = ids.shape[1] - first
    logits = policy.model(input_ids=ids, attention_mask=mask, logits_to_keep=kept).logits[:, :-1]
    path = torch.log_softmax(logits, dim=-1).gather(2, ids[:, first + 1 :, None])[..., 0]
    places = torch.arange(first + 1, ids.shape[1])[None]
    starts = torch.tensor([[len(p)] for p in prompts])
    ends = starts + torch.tensor([[len(a)] for a in answers])
    return (path * ((places >= starts) & (places < ends))).sum(1)


# DPO with a margin


class Pairs:
    """Pairs of the benchmark with their constants."""

    def __init__(self, benchmark: Benchmark, folder: Path):
        self.settings = Preference(epochs=1.0, beta=BETA)
        self.pairs = preferences(benchmark, 0, 1.0, 0)[: DPO_STEPS * self.settings.batch]
        self.reference = dpo_log_probs(benchmark, self.pairs, benchmark.names[0], Run(folder / "constants", 0))
        self.margin = 0.5 * np.random.default_rng(0).normal(size=len(self.pairs))


def dpo_of_moa(benchmark: Benchmark, given: Pairs, folder: Path) -> float:
    """Seconds per step as SPO and MODPO train."""
    clock = Clock()
    stage = Run(folder / f"dpo-{next(numbers)}", 0, progress=clock).stage("policy")
    train_dpo(benchmark, given.pairs, given.settings, stage, reference=given.reference, margin=given.margin, beta=BETA)
    return clock.seconds_per_step


def dpo_by_hand(benchmark: Benchmark, given: Pairs) -> float:
    """Seconds per step of the shortest loop, on the same batches."""
    clock, policy = Clock(), to_train(benchmark, None, 0)
    batch, rate = given.settings.batch, scaled(FULL * given.settings.learning_rate, policy)
    ids = dpo_encoded(benchmark, policy, given.pairs)
    training = Training(steps=DPO_STEPS, batch=batch, learning_rate=rate)
    order = passes([len(p) + max(len(c), len(r)) for p, c, r in ids], training, 0)
    optimizer = optimizer_of(policy, rate)
    for step in range(DPO_STEPS):
        rows = order[step * batch : (step + 1) * batch]
        prompts = [ids[i][0] for i in rows] * 2
        found = log_probs(policy, prompts, [ids[i][1] for i in rows] + [ids[i][2] for i in rows])
        chosen, rejected = (found - torch.tensor(given.reference[rows].T.ravel(), dtype=torch.float32)).chunk(2)
        margin = torch.tensor(given.margin[rows], dtype=torch.float32)
        (-logsigmoid(BETA * (chosen - rejected) - margin).mean()).backward()
        update(policy, optimizer)
        clock("", step, DPO_STEPS, {})
    return clock.seconds_per_step


# RLOO


def rloo_settings(benchmark: Benchmark) -> Reinforcement:
    per_step = Reinforcement.prompts_per_step
    return Reinforcement(epochs=RL_STEPS * per_step / len(benchmark.prompts("train")))


def rloo_of_moa(benchmark: Benchmark, folder: Path) -> float:
    """Seconds per step as MORLHF and Rewarded Soups train."""
    clock = Clock()
    stage = Run(folder / f"rloo-{next(numbers)}", 0, progress=clock).stage("policy")
    train_rl(benchmark, WEIGHTS, rloo_settings(benchmark), stage)
    return clock.seconds_per_step


def rloo_by_hand(benchmark: Benchmark) -> float:
    """Seconds per step of the shortest loop: the policy's log-probabilities are computed once, for the KL in the reward
    and for the gradient."""
    clock, settings = Clock(), rloo_settings(benchmark)
    policy, reference = to_train(benchmark, None, 0), benchmark.prepared.policy
    optimizer = optimizer_of(policy, scaled(settings.learning_rate, policy))
    sampling = replace(benchmark.sampling, temperature=1.0, top_p=1.0)
    generator, copies = np.random.default_rng(0), settings.samples_per_prompt
    texts = benchmark.prompts("train")
    for step in range(RL_STEPS):
        some = [texts[i] for i in generator.permutation(len(texts))[: settings.prompts_per_step]]
        prompts = [prompt for prompt in some for _ in range(copies)]
        encoded = [policy.encode_prompt(prompt) for prompt in prompts]
        policy.model.eval()
        uniforms = generator.random((len(prompts), sampling.max_new_tokens))
        answers = sample_tokens(policy.model, policy.tokenizer, encoded, sampling, uniforms, policy.ends)
        policy.model.train()
        scores = benchmark.rewards(prompts, [policy.decode(ids, sampling.stop) for ids in answers]) @ np.array(WEIGHTS)
        chunks = list(by_length([[*p, *a] for p, a in zip(encoded, answers, strict=True)], CHUNK))
        parts = [([encoded[i] for i in rows], [answers[i] for i in rows]) for rows in chunks]
        own = torch.cat([log_probs(policy, *part) for part in parts])
        with torch.no_grad():
            theirs = torch.cat([log_probs(reference, *part) for part in parts])
        order = torch.tensor([i for rows in chunks for i in rows])
        reward = torch.empty(len(prompts))
        reward[order] = torch.tensor(scores, dtype=torch.float32)[order] - settings.kl_coef * (own.detach() - theirs)
        groups = reward.reshape(-1, copies)
        advantage = (groups - (groups.sum(1, keepdim=True) - groups) / (copies - 1)).reshape(-1)
        (-(advantage[order] * own).mean()).backward()
        update(policy, optimizer)
        clock("", step, RL_STEPS, {})
    return clock.seconds_per_step


# MODPO's constants


def second_of_modpo(benchmark: Benchmark, folder: Path) -> float:
    """What the second weights cost, as a share of the first, on pairs that nobody has scored before: those of the same
    objective, which is the heaviest of both."""
    number = next(numbers)
    run, method = Run(folder / f"modpo-{number}", number), MODPO()
    first, second = (0.6, 0.4), (0.75, 0.25)
    took = [
        cpu_seconds(partial(method.train, replace(benchmark, trained_grid=grid), run))
        for grid in ((first,), (first, second))
    ]
    return took[1] / took[0]


def measure(folder: Path) -> Iterator[Line]:
    """All three."""
    benchmark = load_benchmark("hh-rlhf-mini", options=QUICK, home=folder)
    prepare(benchmark)
    given = Pairs(benchmark, folder)
    engines = {
        "DPO with margin": (partial(dpo_of_moa, benchmark, given, folder), partial(dpo_by_hand, benchmark, given)),
        "RLOO": (partial(rloo_of_moa, benchmark, folder), partial(rloo_by_hand, benchmark)),
    }
    for name, (as_moa, as_hand) in engines.items():
        steps = interleaved({"moa": as_moa, "hand": as_hand}, rounds=ROUNDS)
        moa, by_hand = 1000 * steps["moa"], 1000 * steps["hand"]
        yield Line(
            what=f"{name} step: moa / written by hand",
            value=moa / by_hand,
            target=1.3,
            at_most=True,
            detail=f"{moa:.0f} ms against {by_hand:.0f} ms",
        )
    share = interleaved({"modpo": partial(second_of_modpo, benchmark, folder)}, rounds=ROUNDS)["modpo"]
    yield Line(
        what="MODPO: second weights / first",
        value=share,
        target=0.6,
        at_most=True,
        detail="reference log-probabilities and margins are there already",
    )


if __name__ == "__main__":
    setup(threads=1)
    with TemporaryDirectory() as temporary:
        for line in measure(Path(temporary)):
            line.emit()
