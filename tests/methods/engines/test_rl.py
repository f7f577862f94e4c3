"""The RL engine: what each optimiser makes of rewards, per-prompt goals, what comes back with a checkpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.nn.functional import logsigmoid
from transformers import GPT2Config, GPT2LMHeadModel
from trl import RLOOTrainer

from benchmarks.common.ledger import Cost, charged_to
from benchmarks.models import load_policy, sequence_log_probs, training
from benchmarks.prepare.benchmark import Benchmark
from methods.contract.run import Run
from methods.contract.settings import Reinforcement
from methods.engines import ppo, rl
from methods.engines.advantages import adapted, dpo_advantages, gae, policy_kl, ppo_loss, whiten
from methods.engines.ppo import Ppo
from methods.engines.rl import Task, train_rl
from methods.engines.tasks import Judge
from methods.engines.trained import to_train
from methods.engines.trainers import Rloo
from methods.moslim import MOSLIM

OPTIMIZERS = ("rloo", "grpo", "online-dpo", "ppo")
FEW = Reinforcement(epochs=0.5, prompts_per_step=4, samples_per_prompt=4)
"""6 steps of 16 answers."""
WHOLE = "model.safetensors"


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mask_of(lengths: Sequence[int], width: int) -> torch.Tensor:
    return (torch.arange(width)[None] < torch.tensor(lengths)[:, None]).long()


def central_differences(f: Callable[[torch.Tensor], torch.Tensor], at: torch.Tensor, h: float = 1e-6) -> torch.Tensor:
    gradient = torch.zeros_like(at)
    for i in range(at.numel()):
        step = torch.zeros_like(at).flatten()
        step[i] = h
        step = step.view_as(at)
        gradient.view(-1)[i] = (f(at + step) - f(at - step)) / (2 * h)
    return gradient


# What the policy reads


@pytest.mark.parametrize("optimizer", ["rloo", "ppo"])
def test_padding_moves_no_position(
    gold_tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: Any
) -> None:
    """GPT-2 has learned an embedding of every position. Trained are the answers' probabilities as the ruler has them,
    whatever the lengths of the prompts side by side."""
    tokenizer = gold_tiny.prepared.policy.tokenizer
    torch.manual_seed(0)
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=256, n_embd=32, n_layer=2, n_head=2, initializer_range=0.3,
        bos_token_id=None, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
    tokenizer.save_pretrained(tmp_path / "gpt2")
    policy = load_policy(tmp_path / "gpt2", gold_tiny.max_prompt_tokens)
    prompts = [prompt * (1 + i % 3) for i, prompt in enumerate(gold_tiny.prompts("train"))]
    monkeypatch.setattr(rl, "to_train", lambda *_, **__: policy)
    monkeypatch.setattr(rl, "_whole_prompts", lambda *_: prompts)
    found, padded = [], []

    def trained_on(self: Any, model: Any, inputs: dict[str, torch.Tensor], *_: Any, **__: Any) -> torch.Tensor:
        ids, mask = (torch.cat([inputs[f"prompt_{x}"], inputs[f"completion_{x}"]], dim=1) for x in ("ids", "mask"))
        start, answers = inputs["prompt_ids"].shape[1], inputs["completion_mask"]
        if optimizer == "ppo":
            logps, _ = self._act(model, inputs)
        else:
            logps, *_ = self._get_per_token_logps_and_entropies(model, ids, mask, answers.shape[1])
        rows = [
            (i[:start][m[:start] > 0].tolist(), i[start:][m[start:] > 0].tolist())
            for i, m in zip(ids, mask, strict=True)
        ]
        padded.append(int((mask[:, 0] == 0).sum()))
        found.append((logps * answers).sum(1).detach().numpy() - sequence_log_probs(self.policy, rows))
        return logps.sum() * 0

    monkeypatch.setattr({"rloo": Rloo, "ppo": Ppo}[optimizer], "_compute_loss", trained_on)
    train_rl(gold_tiny, (0.5, 0.5), replace(FEW, optimizer=optimizer), Run(tmp_path / "run", 0).stage("x"))
    assert sum(padded) > 8
    assert np.abs(np.concatenate(found)).max() < 1e-3


def test_a_prompt_that_just_fits_is_read_whole(tiny: Benchmark) -> None:
    policy, prompts = tiny.prepared.policy, tiny.prompts("train")
    longest = max(policy.reader.lengths(prompts))
    assert rl._whole_prompts(tiny, replace(policy, max_prompt_tokens=longest)) == prompts
    assert len(rl._whole_prompts(tiny, replace(policy, max_prompt_tokens=longest - 1))) < len(prompts)


def test_rewards_see_answers_as_the_ruler_does(tiny: Benchmark) -> None:
    """Without the token that ends them, which may be an ordinary one, nor what follows a stop."""
    said, policy = [], tiny.prepared.policy
    ids = policy.tokenizer("ah oh ah")["input_ids"]
    judge = Judge(lambda _, answers, __: (said.extend(answers), (np.zeros(2), {}))[1], policy, (), 0.0)
    judge.policy = replace(policy, ends=(*policy.ends, ids[-1]))
    judge(["p"] * 2, completion_ids=[ids, ids[:-1]], plain=["p"] * 2, goals=[[], []])
    assert said[0] == said[1] == judge.policy.decode(ids, ())
    assert said[0] != policy.decode(ids, ())


# What training costs


@pytest.mark.parametrize(
    ("optimizer", "kl_coef", "one_pass", "lora_rank", "operations"),
    [
        ("rloo", 0.2, True, 0, 2 + 2 + 6),
        ("rloo", 0.0, True, 0, 2 + 6),
        ("rloo", 0.2, False, 0, 2 + 2 + 2 + 6),
        ("rloo", 0.2, True, 2, 2 + 2 + 6),
        ("grpo", 0.2, True, 0, 2 + 2 + 6),
        ("online-dpo", 0.2, True, 0, 2 + 2 + 6),
        ("ppo", 0.2, False, 0, 2 + 2 + 2 + 2 + FEW.ppo_epochs * 6),
    ],
)
def test_what_each_optimiser_computes_is_counted(
    gold_tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    optimizer: Any, kl_coef: float, one_pass: bool, lora_rank: int, operations: int,
) -> None:  # fmt: skip
    """Answers are generated, go through the reference where there is a KL, and through the policy before it is trained
    on them where one pass is not enough; PPO also values them, and trains on them four times. That is what the hooks
    on policy and reference find: exactly, but for PPO's head and for the second adapter that TRL gives an adapted
    policy, a fifteenth of so small a one."""
    if optimizer == "rloo":
        monkeypatch.setattr(Rloo, "one_pass", one_pass)
    settings = replace(FEW, optimizer=optimizer, kl_coef=kl_coef, lora_rank=lora_rank)
    with charged_to(Cost()) as cost:
        trained(gold_tiny, tmp_path, settings)
    parameters = to_train(gold_tiny, lora_rank, 0).parameters
    tokens = cost.trained_tokens / (FEW.ppo_epochs if optimizer == "ppo" else 1)
    assert tokens >= 6 * 16 * 6
    rel = 0.07 if lora_rank else 0.001 if optimizer == "ppo" else 1e-12
    assert cost.flops == pytest.approx(operations * parameters * tokens, rel=rel)


# PPO


def test_gae_by_hand() -> None:
    """Two tokens, rewards 0 and 1, values .5 and .2, lambda .95, then padding.

    delta_2 = 1 - .2 = .8, delta_1 = 0 + .2 - .5 = -.3; A_2 = .8, A_1 = -.3 + .95 x .8 = .46.
    """
    rewards, values = torch.tensor([[0.0, 1.0, 7.0]]), torch.tensor([[0.5, 0.2, 9.0]])
    assert gae(rewards, values, mask_of([2], 3), 0.95)[0].tolist() == pytest.approx([0.46, 0.8, 0.0])


def test_gae_is_the_sum_that_defines_it() -> None:
    """A_t = sum_l lambda^l delta_{t+l}, summed by brute force; with lambda = 1 it would be return minus value."""
    lengths = [1, 4, 6, 3]
    rewards, values, mask = numbers(4, 6), numbers(4, 6, seed=1), mask_of(lengths, 6)
    got = gae(rewards, values, mask, 0.9)
    for row, length in enumerate(lengths):
        for t in range(6):
            terms = [
                0.9 ** (k - t)
                * (rewards[row, k] + (values[row, k + 1] if k + 1 < length else 0.0) - values[row, k]).item()
                for k in range(t, length)
            ]
            assert got[row, t].item() == pytest.approx(sum(terms))


def test_whitened_advantages() -> None:
    """(1, 3) and, masked, 100: mean 2, SD 1."""
    got = whiten(torch.tensor([[1.0, 100.0], [3.0, 100.0]]), torch.tensor([[1, 0], [1, 0]]))
    assert got.flatten().tolist() == pytest.approx([-1.0, 0.0, 1.0, 0.0], abs=1e-6)


def test_whitened_rewards_keep_their_mean() -> None:
    """(0, 4) and, masked, 100: mean 2, SD 2; (-1, 1) and the mean again is (1, 3)."""
    got = whiten(torch.tensor([[0.0, 100.0], [4.0, 100.0]]), torch.tensor([[1, 0], [1, 0]]), centre=False)
    assert got.flatten().tolist() == pytest.approx([1.0, 0.0, 3.0, 0.0], abs=1e-6)


def test_how_far_the_policy_is_by_hand() -> None:
    """Ratios 2 and 1/2: 2 - 1 - log 2 = .306853 and .5 - 1 + log 2 = .193147, mean 1/4. None has gone nowhere."""
    logps = torch.tensor([[np.log(2.0), -np.log(2.0), 5.0]])
    assert policy_kl(logps, torch.zeros(1, 3), mask_of([2], 3)).item() == pytest.approx(0.25)
    assert policy_kl(logps, logps, mask_of([2], 3)).item() == 0.0


def test_the_adapted_coefficient_by_hand() -> None:
    """Target 3, 128 answers, horizon 10,000. KL 3.3 is a tenth too much: .2 (1 + .1 x .0128) = .200256. KL 9 counts as
    a fifth, 0 as a fifth too little."""
    assert adapted(0.2, 3.3, 3.0, 128, 10_000) == pytest.approx(0.200256)
    assert adapted(0.2, 9.0, 3.0, 128, 10_000) == pytest.approx(0.2 * 1.00256)
    assert adapted(0.2, 0.0, 3.0, 128, 10_000) == pytest.approx(0.2 * 0.99744)
    assert adapted(0.2, 3.0, 3.0, 128, 10_000) == 0.2


def test_ppo_loss_by_hand() -> None:
    """Ratio e^.5 = 1.6487 with A = 2 counts as 1.2 x 2 (clipped), with A = -1 as 1.6487 (not clipped): mean of -2.4 and
    1.6487. Value .5 from .1 with return .2: unclipped error .09, clipped to .3 error .01, the larger counts; the other
    value is right. .5 x .1 x .09 / 2."""
    logps, old = torch.tensor([[0.5, 0.5, 3.0]]), torch.zeros(1, 3)
    values, old_values = torch.tensor([[0.5, 1.0, 4.0]]), torch.tensor([[0.1, 1.0, 0.0]])
    advantages, returns = torch.tensor([[2.0, -1.0, 5.0]]), torch.tensor([[0.2, 1.0, 8.0]])
    parts = (logps, values, old, old_values, advantages, returns, mask_of([2], 3))
    loss = ppo_loss(*parts, clip=0.2, value_coef=0.1)
    assert loss.item() == pytest.approx((-1.2 * 2 + np.exp(0.5)) / 2 + 0.5 * 0.1 * 0.09 / 2)


@pytest.mark.parametrize("moved", ["logps", "values"])
def test_the_gradient_of_ppo(moved: str) -> None:
    """Against central differences, with ratios and values inside and outside of the clip range."""
    old, old_values, advantages, returns = (numbers(3, 5, seed=s) for s in range(4))
    mask, start = mask_of([5, 2, 4], 5), {"logps": old, "values": old_values}
    start[moved] = start[moved] + 0.4 * numbers(3, 5, seed=9)
    other = {name: value for name, value in start.items() if name != moved}

    def loss(x: torch.Tensor) -> torch.Tensor:
        return ppo_loss(**{moved: x}, **other, old_logps=old, old_values=old_values, advantages=advantages,
                        returns=returns, mask=mask, clip=0.2, value_coef=0.1)  # fmt: skip

    x = start[moved].clone().requires_grad_()
    loss(x).backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, central_differences(loss, start[moved]), atol=1e-7)
    assert (x.grad[mask == 0] == 0).all()


def test_a_batch_is_trained_on_part_by_part(tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """16 answers in 2 parts, 3 passes, 2 batches: 12 updates of 8 answers, each pass over all 16; what was answered and
    judged is the same in all passes over a batch. 16 answers do not divide by 5: there are 4 parts."""
    seen = watched(monkeypatch)
    settings = replace(FEW, optimizer="ppo", epochs=2 * 4 / 48, ppo_epochs=3, ppo_minibatches=2)
    trained(tiny, tmp_path, settings)
    assert [len(rows) for rows in seen] == [8] * 12
    for batch in (seen[:6], seen[6:]):
        passes = [{row for part in batch[i : i + 2] for row in part} for i in (0, 2, 4)]
        assert len(passes[0]) > 8
        assert passes[0] == passes[1] == passes[2]
    seen.clear()
    trained(tiny, tmp_path / "fifths", replace(settings, ppo_epochs=1, ppo_minibatches=5))
    assert [len(rows) for rows in seen] == [4] * 8


def watched(monkeypatch: pytest.MonkeyPatch) -> list[list[tuple[float, ...]]]:
    """What every loss of PPO is computed of, an answer a row: its returns, by which it is known."""
    seen: list[list[tuple[float, ...]]] = []
    compute = Ppo._compute_loss

    def watching(self: Any, model: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        seen.append([tuple(row) for row in inputs["returns"].tolist()])
        return compute(self, model, inputs)

    monkeypatch.setattr(Ppo, "_compute_loss", watching)
    return seen


def test_a_batch_is_left_where_the_policy_went_too_far(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a limit that any update exceeds, of the 16 updates of a batch the first is made, the second finds it out and
    is not made, 14 are not tried, and the next batch begins anew. The very first update has a rate of 0, as a warm-up
    begins, so in that batch it is the third that finds out: 3 + 2 + 2 of 48 passes, and so says the ledger."""
    seen = watched(monkeypatch)
    settings = replace(FEW, optimizer="ppo", epochs=3 * 4 / 48, learning_rate=1e-4)
    costs = {}
    for name, limit in (("stopped", 1e-8), ("free", None)):
        with charged_to(Cost()) as costs[name]:
            trained(tiny, tmp_path / name, replace(settings, ppo_stop_kl=limit))
        assert len(seen) == {"stopped": 3 + 2 + 2, "free": 48}[name]
        seen.clear()
    assert costs["stopped"].trained_tokens / costs["free"].trained_tokens == pytest.approx(7 / 48, abs=0.03)


def test_an_update_that_is_not_made_changes_nothing(tiny: Benchmark, tmp_path: Path, caught: list[Any]) -> None:
    """No gradient is left: AdamW passes over such a parameter, whatever its moments are."""
    train_rl(tiny, (0.0, 1.0), replace(FEW, optimizer="ppo", ppo_stop_kl=1e-9), Run(tmp_path, 0).stage("here"))
    [trainer] = caught
    batch = judged(trainer, [float(i) for i in range(16)])
    batch["old_logps"] = batch["old_logps"] - 1.0 * batch["completion_mask"]
    trainer._prepare_inputs = lambda _: batch
    trainer.create_optimizer()
    trainer.current_gradient_accumulation_steps = 1
    trainer.training_step(trainer.model, [], None)
    assert trainer.stopped
    assert all(parameter.grad is None for parameter in trainer.model.parameters())


def test_whitened_rewards_reach_the_advantages(tiny: Benchmark, tmp_path: Path, caught: list[Any]) -> None:
    """Values begin at 0: returns are the advantages before they are whitened, sums of .95^l r. Rewards (0, 3, 0, 3) on
    one-token answers have mean and SD 1.5: (-1, 1) and the mean, (.5, 2.5)."""
    for whitened in ("advantages", "both"):
        settings = replace(FEW, optimizer="ppo", ppo_whiten=whitened)
        train_rl(tiny, (0.0, 1.0), settings, Run(tmp_path / whitened, 0).stage("here"))
    for trainer, expected in zip(caught, ([0.0, 3.0, 0.0, 3.0], [0.5, 2.5, 0.5, 2.5]), strict=True):
        trainer._draw = lambda prompts: [[7]] * len(prompts)
        assert judged(trainer, [0.0, 3.0, 0.0, 3.0])["returns"][:, 0].tolist() == pytest.approx(expected, abs=1e-3)


def test_tiles_of_logits_are_as_good_as_all_at_once(
    tiny: Benchmark, tmp_path: Path, caught: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log-probabilities, values and the gradient of both, of 6 answers, where pieces hold everything and nothing."""
    train_rl(tiny, (0.0, 1.0), replace(FEW, optimizer="ppo"), Run(tmp_path, 0).stage("here"))
    [trainer] = caught
    torch.nn.init.normal_(trainer.policy.model.value_head.weight, generator=torch.Generator().manual_seed(0))
    generator = torch.Generator().manual_seed(1)
    batch = {f"{name}_ids": torch.randint(5, 200, (6, width), generator=generator)
             for name, width in (("prompt", 12), ("completion", 7))}  # fmt: skip
    batch["prompt_mask"] = mask_of([12, 3, 9, 12, 1, 5], 12).flip(1)
    batch["completion_mask"] = mask_of([7, 1, 3, 5, 7, 2], 7)
    found = []
    for piece in (10**9, 0):
        monkeypatch.setattr(ppo, "PIECE", piece)
        trainer.model.zero_grad()
        logps, values = trainer._act(trainer.model, batch)
        (logps.sum() + (values**2).sum()).backward()
        found.append((logps, values, trainer.model.model.embed_tokens.weight.grad.clone()))
    for whole, tiled in zip(*found, strict=True):
        assert torch.allclose(whole, tiled, rtol=1e-4, atol=2e-4)
    assert found[0][0].min() < -1


# Online DPO


def test_dpo_advantages_by_hand() -> None:
    """Rewards 1, 3, 2 with log-ratios 0, .5, 9, beta 2: best the second, worst the first, margin .5;
    3 beta sigmoid(-1) = 6 x .268941 = 1.613648. Equal rewards teach nothing."""
    rewards = torch.tensor([[1.0, 3.0, 2.0], [4.0, 4.0, 4.0]])
    ratios = torch.tensor([[0.0, 0.5, 9.0], [1.0, 2.0, 3.0]])
    got = dpo_advantages(rewards, ratios, beta=2.0)
    assert got[0].tolist() == pytest.approx([-1.613648, 1.613648, 0.0], abs=1e-5)
    assert got[1].tolist() == [0.0, 0.0, 0.0]


def test_the_policy_gradient_of_dpo_advantages_is_that_of_dpo() -> None:
    """d/dlogp of -mean(A logp) equals autograd through -mean log sigmoid(beta (ratio_best - ratio_worst))."""
    rewards, reference, beta = numbers(5, 4), numbers(5, 4, seed=1), 0.3
    logps = numbers(5, 4, seed=2).requires_grad_()
    ratios = logps - reference
    best, worst = rewards.argmax(1, keepdim=True), rewards.argmin(1, keepdim=True)
    dpo = -logsigmoid(beta * (ratios.gather(1, best) - ratios.gather(1, worst))).mean()
    [expected] = torch.autograd.grad(dpo, logps)
    surrogate = -(dpo_advantages(rewards, ratios.detach(), beta) * logps).mean()
    [got] = torch.autograd.grad(surrogate, logps)
    assert torch.allclose(got, expected)


def test_online_dpo_needs_a_beta() -> None:
    for kind in (Reinforcement, MOSLIM):
        with pytest.raises(ValueError, match="above 0"):
            kind(optimizer="online-dpo", kl_coef=0.0)


# TRL's


@pytest.fixture
def caught(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Trainers are caught before they train."""
    trainers: list[Any] = []
    monkeypatch.setattr(rl, "run_trainer", trainers.append)
    return trainers


def judged(trainer: Any, rewards: Sequence[float]) -> dict[str, torch.Tensor]:
    """The batch that the trainer makes of its first prompts, were these the rewards."""
    values = torch.tensor([list(rewards)]).T
    trainer._calculate_rewards = lambda *_: values
    rows = [trainer.train_dataset[i // trainer.num_generations] for i in range(len(rewards))]
    return trainer._generate_and_score_completions(rows)


@pytest.mark.parametrize("optimizer", ["rloo", "grpo"])
def test_advantages_of_trl(tiny: Benchmark, tmp_path: Path, caught: list[Any], optimizer: Any) -> None:
    """A contract: at the starting policy the KL is 0. RLOO: reward minus the mean of the others, (0, 1, 2, 5): 0 - 8/3,
    1 - 7/3, 2 - 2, 5 - 1. GRPO: minus the mean 2, by the SD sqrt(14 / 3) = 2.160247."""
    train_rl(tiny, (0.0, 1.0), replace(FEW, optimizer=optimizer), Run(tmp_path, 0).stage("here"))
    expected = {"rloo": [-8 / 3, -4 / 3, 0, 4], "grpo": [x / 2.160247 for x in (-2, -1, 0, 3)]}[optimizer]
    batch = judged(caught[0], [0.0, 1.0, 2.0, 5.0])
    assert batch["advantages"].tolist() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("optimizer", ["rloo", "online-dpo"])
def test_what_answers_are_judged_by_has_no_gradient(
    tiny: Benchmark, tmp_path: Path, caught: list[Any], optimizer: Any
) -> None:
    """Though the log-probabilities in it have, which go into the loss."""
    train_rl(tiny, (0.0, 1.0), replace(FEW, optimizer=optimizer), Run(tmp_path, 0).stage("here"))
    [trainer] = caught
    batch = judged(trainer, [0.0, 1.0, 2.0, 5.0])
    assert not any(value.requires_grad for value in batch.values())
    assert trainer.own[0].requires_grad


@pytest.mark.parametrize(
    ("optimizer", "prompts", "one_pass"), [("rloo", 4, True), ("rloo", 64, False), ("ppo", 4, False)]
)
def test_where_one_pass_is_enough(
    tiny: Benchmark, tmp_path: Path, caught: list[Any], optimizer: Any, prompts: int, one_pass: bool
) -> None:
    """Not for 256 answers, which are split, and not for PPO, which trains on answers again."""
    settings = replace(FEW, optimizer=optimizer, prompts_per_step=prompts)
    train_rl(tiny, (0.0, 1.0), settings, Run(tmp_path, 0).stage("here"))
    assert caught[0].one_pass == one_pass


def test_padding_is_left_out_of_the_work_but_not_of_the_result(
    tiny: Benchmark, tmp_path: Path, caught: list[Any]
) -> None:
    """Log-probabilities and entropies of ragged rows are TRL's own; so is the gradient."""
    train_rl(tiny, (0.0, 1.0), FEW, Run(tmp_path, 0).stage("here"))
    [trainer] = caught
    prompts, answers = np.random.default_rng(0).integers(1, [[17], [9]], size=(2, 50))
    ids = torch.randint(5, 200, (50, 24), generator=torch.Generator().manual_seed(0))
    mask = torch.cat([mask_of(prompts.tolist(), 16).flip(1), mask_of(answers.tolist(), 8)], dim=1)
    found = {}
    for name, compute in (
        ("ours", trainer._get_per_token_logps_and_entropies),
        ("theirs", RLOOTrainer._get_per_token_logps_and_entropies.__get__(trainer)),
    ):
        trainer.model.zero_grad()
        logps, entropies, _ = compute(trainer.model, ids, mask, 8, compute_entropy=True)
        (logps * mask[:, 16:]).sum().backward()
        gradient = trainer.model.model.embed_tokens.weight.grad.clone()
        found[name] = (logps * mask[:, 16:], entropies * mask[:, 16:], gradient)
    for ours, theirs in zip(*found.values(), strict=True):
        assert torch.allclose(ours, theirs, atol=2e-4)


@pytest.mark.parametrize("lora_rank", [None, 4])
@pytest.mark.parametrize("optimizer", ["rloo", "online-dpo"])
def test_one_pass_over_the_answers_is_as_good_as_two(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: Any, lora_rank: int | None
) -> None:
    """The policy after five steps is that of TRL's two passes; each step goes through the policy once, or twice."""
    settings = replace(FEW, optimizer=optimizer, epochs=5 * 4 / 48, lora_rank=lora_rank)
    calls: list[bool] = []
    compute = RLOOTrainer._get_per_token_logps_and_entropies

    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        calls.append(torch.is_grad_enabled())
        return compute(self, *args, **kwargs)

    monkeypatch.setattr(RLOOTrainer, "_get_per_token_logps_and_entropies", counting)
    found = {}
    for one_pass in (True, False):
        if not one_pass:
            monkeypatch.setattr(Rloo, "one_pass", False)
        folder = trained(tiny, tmp_path / str(one_pass), settings)
        found[one_pass] = load_file(folder / f"{'adapter_model' if lora_rank else 'model'}.safetensors")
        assert calls == ([True, False] if one_pass else [False, False, True]) * 5
        calls.clear()
    for name, value in found[True].items():
        assert torch.allclose(value, found[False][name], atol=1e-5)


# All of them


def trained(benchmark: Benchmark, folder: Path, settings: Reinforcement, **kwargs: Any) -> Path:
    stage = Run(folder, 0, **kwargs).stage("here")
    train_rl(benchmark, (0.0, 1.0), settings, stage)
    return stage.folder


def logged(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_reward_rises(gold_tiny: Benchmark, tmp_path: Path, optimizer: Any) -> None:
    """24 batches for saying oh: the mean over the last four is more than one SD above that over the first four. Every
    parameter has moved, and nothing but the policy is saved."""
    settings = replace(
        FEW, optimizer=optimizer, epochs=2.0, samples_per_prompt=8, learning_rate=5e-5,
        kl_coef=0.1 if optimizer == "online-dpo" else 0.01,
    )  # fmt: skip
    folder = trained(gold_tiny, tmp_path, settings)
    rewards = [row["reward"] for row in logged(tmp_path)]
    assert np.mean(rewards[-4:]) > np.mean(rewards[:4]) + 1
    after = load_file(folder / "model.safetensors")
    before = to_train(gold_tiny, None, 0).model.state_dict()
    assert after
    assert after.keys() <= before.keys()
    assert [name for name, value in after.items() if torch.equal(value, before[name])] == []


def stopped_and_resumed(benchmark: Benchmark, folder: Path, settings: Any, *, after: int) -> tuple[Path, int]:
    """A training that is stopped after so many steps and goes on: its policy, and the first step that is told then."""

    def stop(stage: str, step: int, *_: object) -> None:
        if step > after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(benchmark, folder, settings, progress=stop)
    steps: list[int] = []
    policy = trained(benchmark, folder, settings, progress=lambda _, step, *__: steps.append(step))
    return policy, min(steps)


@pytest.mark.parametrize("lora_rank", [None, 4])
@pytest.mark.parametrize("optimizer", ["grpo", "online-dpo", "ppo"])
def test_an_interrupted_run_ends_in_the_same_bits(
    tiny: Benchmark, saved_early: None, tmp_path: Path, optimizer: Any, lora_rank: int | None
) -> None:
    """Saved after 5 batches, stopped after 7, of 10."""
    few = {"ppo_epochs": 2, "ppo_minibatches": 2}
    settings = replace(FEW, optimizer=optimizer, epochs=10 / 48, prompts_per_step=1, lora_rank=lora_rank, **few)
    window = settings.ppo_epochs * settings.ppo_minibatches if optimizer == "ppo" else 1
    whole = trained(tiny, tmp_path / "whole", settings)
    again, first = stopped_and_resumed(tiny, tmp_path / "broken", settings, after=6 * window)
    assert first > 5 * window
    for name in ("model.safetensors",) if lora_rank is None else ("adapter_model.safetensors",):
        assert (again / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.parametrize("optimizer", ["rloo", "ppo"])
def test_slow_steps_are_saved_in_time(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, optimizer: Any
) -> None:
    """Every 25 batches are too few where each takes minutes; within a batch that PPO uses again nothing is saved."""
    few = {"ppo_epochs": 2, "ppo_minibatches": 2}
    settings = replace(FEW, optimizer=optimizer, epochs=4 / 48, prompts_per_step=1, **few)
    window = settings.ppo_epochs * settings.ppo_minibatches if optimizer == "ppo" else 1
    whole = trained(tiny, tmp_path / "whole", settings)
    monkeypatch.setattr(training, "SAVE_AFTER", 0.0)
    again, first = stopped_and_resumed(tiny, tmp_path / "broken", settings, after=2 * window)
    assert 2 * window < first <= 3 * window
    assert (again / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


@pytest.mark.parametrize("optimizer", ["rloo", "online-dpo", "ppo"])
def test_the_coefficient_goes_to_where_the_target_is(tiny: Benchmark, tmp_path: Path, optimizer: Any) -> None:
    """At the starting policy the KL is 0, a fifth too little: .2 (1 - .2 x 16 / 64) = .19 in the second batch, then
    .19 x .95 while the KL stays below .8 of its target."""
    settings = replace(FEW, optimizer=optimizer, kl_target=50.0, kl_horizon=64)
    trained(tiny, tmp_path, settings)
    found = [row["kl_coef"] for row in logged(tmp_path)]
    assert found == pytest.approx([0.2 * 0.95**i for i in range(6)])


def test_an_adapted_coefficient_comes_back(tiny: Benchmark, saved_early: None, tmp_path: Path) -> None:
    """Saved after 5 steps, stopped after 7, of 10: the end is that of a run in one piece."""
    settings = replace(FEW, epochs=10 / 48, prompts_per_step=1, kl_target=0.5, kl_horizon=8)

    def stop(stage: str, step: int, *_: object) -> None:
        if step == 7:
            raise KeyboardInterrupt

    whole = trained(tiny, tmp_path / "whole", settings)
    with pytest.raises(KeyboardInterrupt):
        trained(tiny, tmp_path / "broken", settings, progress=stop)
    again = trained(tiny, tmp_path / "broken", settings)
    assert (again / WHOLE).read_bytes() == (whole / WHOLE).read_bytes()
    assert logged(tmp_path / "broken")[-1]["kl_coef"] == logged(tmp_path / "whole")[-1]["kl_coef"] != 0.2


def test_a_target_needs_a_coefficient_in_the_reward() -> None:
    for settings in ({"optimizer": "grpo"}, {"kl_coef": 0.0}):
        with pytest.raises(ValueError, match="kl_target"):
            Reinforcement(kl_target=3.0, **settings)  # type: ignore[arg-type]


def test_an_answer_without_an_end_is_worth_less(tiny: Benchmark, tmp_path: Path, caught: list[Any]) -> None:
    """A reward of 2 for all, a penalty of .5: 2 where there is an end of sequence, 1.5 where there is none."""
    settings = replace(FEW, unfinished_penalty=0.5)
    train_rl(tiny, None, settings, Run(tmp_path, 0).stage("here"), reward=lambda p, *_: (np.full(len(p), 2.0), {}))
    judge = caught[0].reward_funcs[0]
    end = caught[0].policy.tokenizer.eos_token_id
    told = judge(
        prompts=["a", "a"], completions=["x", "x"], completion_ids=[[7, end], [7, 8]], plain=["a", "a"], goals=[[], []]
    )
    assert told == [2.0, 1.5]


# Goals


def test_goals_reach_the_reward_and_the_policy(tiny: Benchmark, tmp_path: Path, caught: list[Any]) -> None:
    """The policy reads what `pose` shows, the reward sees the plain prompt; each pass poses anew; answers to one task
    are judged side by side, under the same goals."""
    seen: list[tuple[list[str], list[tuple[int, ...]]]] = []

    def reward(prompts: Sequence[str], responses: Sequence[str], goals: Sequence[tuple[int, ...]]) -> Any:
        seen.append((list(prompts), list(goals)))
        return np.arange(len(prompts), dtype=float), {"extra": 3.0}

    def pose(prompt: str, generator: np.random.Generator) -> list[Task]:
        goal = int(generator.integers(1, 1000))
        return [Task(f"<{goal}> {prompt}", (goal,))]

    settings = replace(FEW, epochs=2.0)
    train_rl(tiny, None, settings, Run(tmp_path, 0).stage("here"), pose=pose, reward=reward)
    [trainer] = caught
    rows = trainer.train_dataset
    assert len(rows) == 96
    assert all(row["prompt"] == f"<{row['goals'][0]}> {row['plain']}" for row in rows)
    assert sorted(rows["plain"][:48]) == sorted(rows["plain"][48:]) == sorted(tiny.prompts("train"))
    assert len({row["goals"][0] for row in rows}) > 80
    trainer._generate_and_score_completions([rows[i // 4] for i in range(8)])
    [(prompts, goals)] = seen
    assert prompts == [rows["plain"][i // 4] for i in range(8)]
    assert goals == [tuple(rows["goals"][i // 4]) for i in range(8)]


def test_contrasted_tasks_share_their_random_numbers(tiny: Benchmark, tmp_path: Path, caught: list[Any]) -> None:
    """Of 7 tasks per step 6 are posed: two prompts under three goals each, part by part. As long as the policy ignores
    the goals, the answers in all parts are the same; those to one task differ."""

    def reward(prompts: Sequence[str], responses: Sequence[str], goals: Sequence[Any]) -> Any:
        return np.arange(len(prompts), dtype=float), {}

    def pose(prompt: str, generator: np.random.Generator) -> list[Task]:
        return [Task(prompt, (goal,)) for goal in generator.permutation(3).tolist()]

    settings = replace(FEW, epochs=0.5, prompts_per_step=7)
    train_rl(tiny, None, settings, Run(tmp_path, 0).stage("here"), pose=pose, contrast=3, reward=reward)
    [trainer] = caught
    rows = trainer.train_dataset
    assert trainer.args.max_steps == 4
    assert len(rows) == 4 * 6
    for step in range(4):
        prompts, goals = rows["plain"][6 * step : 6 * step + 6], rows["goals"][6 * step : 6 * step + 6]
        assert prompts == prompts[:2] * 3
        assert [{goals[i][0] for i in (k, k + 2, k + 4)} for k in (0, 1)] == [{0, 1, 2}] * 2
    answers = trainer._generate_and_score_completions([rows[i // 4] for i in range(24)])["completion_ids"]
    parts = answers.view(3, 8, -1)
    assert (parts == parts[:1]).all()
    assert len({tuple(row) for row in parts[0].tolist()}) > 2


class Counter:
    """A reward that remembers how many answers it has judged, and pays by it."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, prompts: Sequence[str], responses: Sequence[str], goals: Sequence[Any]) -> Any:
        self.count += len(prompts)
        return np.array([len(r) * np.sin(self.count) for r in responses]), {}

    def state(self) -> int:
        return self.count

    def restore(self, state: int) -> None:
        self.count = state


def test_what_a_reward_remembers_comes_back(tiny: Benchmark, saved_early: None, tmp_path: Path) -> None:
    """10 steps, saved after 5, stopped after 7: the end is that of a run in one piece, weights and memory."""
    settings = replace(FEW, epochs=10 / 48, prompts_per_step=1)

    def stop(stage: str, step: int, *_: object) -> None:
        if step == 7:
            raise KeyboardInterrupt

    whole, broken, again = Counter(), Counter(), Counter()
    train_rl(tiny, None, settings, Run(tmp_path / "whole", 0).stage("here"), memory=whole, reward=whole)
    with pytest.raises(KeyboardInterrupt):
        train_rl(tiny, None, settings, Run(tmp_path / "broken", 0, stop).stage("here"), memory=broken, reward=broken)
    stage = Run(tmp_path / "broken", 0).stage("here")
    train_rl(tiny, None, settings, stage, memory=again, reward=again)
    assert again.count == whole.count == 10 * 4
    expected = tmp_path / "whole" / "policy" / "here" / "model.safetensors"
    assert (stage.folder / "model.safetensors").read_bytes() == expected.read_bytes()
