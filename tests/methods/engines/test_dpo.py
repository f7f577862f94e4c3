"""The DPO engine: its loss, its constants, and the pairs it is given."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import Cost, charged_to
from benchmarks.models.policy import sequence_log_probs
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.answers import Answer, PreferencePair
from benchmarks.spec.places import policy_source
from methods.contract.run import Run, Stage
from methods.contract.settings import Preference
from methods.engines import dpo
from methods.engines.dpo import encoded, log_probs, train_dpo
from methods.engines.dpo import shifted as dpo_shifted
from methods.engines.pairs import preferences, reward_differences
from methods.engines.trained import load_trained, to_train
from tests.kit.worlds import Cries, say

ALL = Preference(epochs=1.0, batch=8)
"""One pass over 48 pairs, 8 at a time: 6 steps."""


def pairs_of(benchmark: Benchmark) -> list[PreferencePair]:
    return benchmark.preference_pairs("ah")


def constants(benchmark: Benchmark, run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Reference log-probabilities and some margins."""
    pairs = pairs_of(benchmark)
    return log_probs(benchmark, pairs, "ah", run), np.linspace(-1.0, 2.0, len(pairs))


def trained(benchmark: Benchmark, run: Run, settings: Preference = ALL, beta: float = 0.1, **more: Any) -> Path:
    """The folder of the policy that a stage with margins leaves."""
    reference, margin = constants(benchmark, run)
    stage = run.stage("here")
    train_dpo(
        benchmark, pairs_of(benchmark), settings, stage, reference=reference, margin=margin, beta=beta, **more
    )  # fmt: skip
    return stage.folder


def logged(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.fixture
def trainers(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Trainers are caught before they train."""
    caught: list[Any] = []
    monkeypatch.setattr(dpo, "run_trainer", caught.append)
    return caught


# The loss


def closed_form(log_pi: np.ndarray, reference: np.ndarray, margin: np.ndarray, beta: float) -> float:
    """Mean of -log sigmoid(beta (D log pi - D log ref) - margin), written down once more."""
    logits = beta * ((log_pi[:, 0] - log_pi[:, 1]) - (reference[:, 0] - reference[:, 1])) - margin
    return float(np.log1p(np.exp(-logits)).mean())


def test_a_margin_by_hand() -> None:
    """ref = (-3, -4), margin .5, beta .1: the chosen answer's reference rises by 5, to 2. Under log pi = (-2, -5) the
    logit is .1 (3 - 1) - .5 = .1 (3 - 6) = -.3, the loss log(1 + e^.3) = .854355."""
    reference, margin = np.array([[-3.0, -4.0]]), np.array([0.5])
    assert dpo_shifted(reference, margin, 0.1).tolist() == [[2.0, -4.0]]
    log_pi = np.array([[-2.0, -5.0]])
    assert closed_form(log_pi, reference, margin, 0.1) == pytest.approx(0.854355, abs=1e-6)
    plain = closed_form(log_pi, dpo_shifted(reference, margin, 0.1), np.zeros(1), 0.1)
    assert plain == pytest.approx(0.854355, abs=1e-6)


def loss_of(trainer: Any, rows: int = 16) -> torch.Tensor:
    """The trainer's loss on its first rows."""
    batch = trainer.data_collator([trainer.train_dataset[i] for i in range(rows)])
    return trainer.compute_loss(trainer.model, batch)


@pytest.mark.parametrize("lora_rank", [0, 4], ids=["full", "lora"])
@pytest.mark.parametrize("beta", [0.1, 0.4])
def test_the_trainers_loss_is_the_closed_form(
    tiny: Benchmark, tmp_path: Path, trainers: list[Any], lora_rank: int, beta: float
) -> None:
    """Where it starts and, the parameters shaken, elsewhere; the policy's log-probabilities are our own there too."""
    run = Run(tmp_path, 0)
    trained(tiny, run, replace(ALL, lora_rank=lora_rank), beta=beta)
    [trainer] = trainers
    reference, margin = constants(tiny, run)
    prompts = [r["prompt_ids"] for r in trainer.train_dataset]
    policy = tiny.prepared.policy
    ids = encoded(tiny, policy, pairs_of(tiny))
    taken = [next(i for i, one in enumerate(ids) if one[0] == prompt) for prompt in prompts[:16]]
    for shaking in (0.0, 0.3 if lora_rank else 0.05):
        torch.manual_seed(0)
        with torch.no_grad():
            for parameter in trainer.model.parameters():
                if parameter.requires_grad:
                    parameter += shaking * torch.randn_like(parameter)
            loss = float(loss_of(trainer))
        model = replace(policy, model=trainer.model.eval())
        sequences = [(ids[i][0], answer) for i in taken for answer in ids[i][1:]]
        log_pi = sequence_log_probs(model, sequences).reshape(-1, 2)
        trainer.model.train()
        expected = closed_form(log_pi, reference[taken], margin[taken], beta)
        assert loss == pytest.approx(expected, abs=2e-5)
    start = closed_form(reference[taken], reference[taken], margin[taken], beta)
    assert abs(expected - start) > 1e-3


def test_the_gradient_is_that_of_the_loss(tiny: Benchmark, tmp_path: Path, trainers: list[Any]) -> None:
    """Along the gradient's own direction u, (L(x + h u) - L(x - h u)) / 2h = |gradient|."""
    trained(tiny, Run(tmp_path, 0))
    [trainer] = trainers
    loss_of(trainer).backward()
    parameters = [p for p in trainer.model.parameters() if p.requires_grad]
    gradients = [p.grad.clone() for p in parameters]
    norm = float(torch.sqrt(sum((g**2).sum() for g in gradients)))  # type: ignore[arg-type]
    h, values = 1e-2, []
    with torch.no_grad():
        for step in (h, -2 * h):
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter += step * gradient / norm
            values.append(float(loss_of(trainer)))
    assert norm > 1e-3
    assert (values[0] - values[1]) / (2 * h) == pytest.approx(norm, rel=1e-2)


def test_what_we_override_is_still_called(tiny: Benchmark, tmp_path: Path, trainers: list[Any]) -> None:
    """A contract with TRL: these names exist, tokens and constants reach the batch as they are, nothing is computed
    twice."""
    from trl import DPOTrainer

    assert {"_prepare_dataset", "_precompute_ref_logps"} <= set(vars(DPOTrainer))
    run = Run(tmp_path, 0)
    trained(tiny, run)
    [trainer] = trainers
    assert trainer.ref_model is None
    assert (trainer.beta, trainer.loss_types, trainer.label_smoothing) == (0.1, ["sigmoid"], 0.0)
    batch = next(iter(trainer.get_train_dataloader()))
    row = trainer.train_dataset[0]
    assert float(batch["ref_chosen_logps"][0]) == pytest.approx(row["ref_chosen_logps"])
    chosen = batch["input_ids"][0][batch["completion_mask"][0] == 1].tolist()
    assert chosen == row["chosen_ids"]
    assert chosen[-1] == tiny.prepared.policy.tokenizer.eos_token_id
    shifted = {tuple(x) for x in dpo_shifted(*constants(tiny, run), 0.1).tolist()}
    assert {(r["ref_chosen_logps"], r["ref_rejected_logps"]) for r in trainer.train_dataset} == shifted


def test_the_end_of_an_answer_is_learned_where_padding_is_the_same_token(
    tiny: Benchmark, tmp_path: Path, trainers: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def padded_with_the_end(*given: Any) -> Any:
        policy = to_train(*given)
        policy.tokenizer.pad_token = policy.tokenizer.eos_token
        return policy

    monkeypatch.setattr(dpo, "to_train", padded_with_the_end)
    trained(tiny, Run(tmp_path, 0))
    [trainer] = trainers
    rows = [trainer.train_dataset[i] for i in range(8)]
    batch, end = trainer.data_collator(rows), tiny.prepared.policy.tokenizer.eos_token_id
    answers = [row[name] for name in ("chosen_ids", "rejected_ids") for row in rows]
    assert int((batch["input_ids"] == end).sum()) > len(answers), "there is padding"
    for ids, mask, answer in zip(batch["input_ids"], batch["completion_mask"], answers, strict=True):
        assert answer[-1] == end
        assert ids[mask == 1].tolist() == answer


def test_answers_that_become_one_when_they_are_cut_are_left_out(
    tiny: Benchmark, tmp_path: Path, trainers: list[Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Of 50 words that are the same the policy can say few; what differs comes behind them. The others keep their
    reference and their margin."""
    usual = pairs_of(tiny)[:8]
    pairs = [*usual[:3], PreferencePair(usual[3].prompt, "ah " * 50 + "x", "ah " * 50 + "y"), *usual[4:]]
    reference, margin = np.arange(16.0).reshape(8, 2), np.zeros(8)
    with caplog.at_level(logging.WARNING, logger="moa"):
        train_dpo(tiny, pairs, ALL, Run(tmp_path, 0).stage("here"), reference=reference, margin=margin, beta=0.1)
    [trainer] = trainers
    assert sorted(set(trainer.train_dataset["ref_chosen_logps"])) == [0.0, 2.0, 4.0, 8.0, 10.0, 12.0, 14.0]
    assert "here: 1 of 8 pairs left out, the same within max_new_tokens" in caplog.text


def test_full_fine_tuning_takes_a_tenth_of_the_rate(tiny: Benchmark, tmp_path: Path, trainers: list[Any]) -> None:
    """1e-4 at width 4096 is 1e-4 x 4096 / 32 = .0128 for LoRA at width 32, and .00128 for all parameters."""
    for name, rank in (("full", 0), ("lora", 4)):
        trained(tiny, Run(tmp_path / name, 0), replace(ALL, lora_rank=rank))
    assert [t.args.learning_rate for t in trainers] == pytest.approx([0.00128, 0.0128])
    assert trainers[0].args.lr_scheduler_type == "cosine"


# Constants


def test_log_probabilities_one_token_at_a_time(tiny: Benchmark) -> None:
    """Each token's log-probability given all before it, summed, whatever is in the batch; an empty answer has 0."""
    policy = tiny.prepared.policy
    answers = [Answer("Call 1: what do you say?", "ah oh ah"), Answer("Call 22: what", "oh"), Answer("Call", "ah " * 6)]
    sequences = [*map(policy.encode, answers), (policy.encode_prompt("Call 1"), [])]
    expected = []
    for prompt, answer in sequences:
        total = 0.0
        for n, token in enumerate(answer):
            with torch.no_grad():
                logits = policy.model(torch.tensor([[*prompt, *answer[:n]]])).logits[0, -1]
            total += float(torch.log_softmax(logits.double(), -1)[token])
        expected.append(total)
    for batch in (1, 2, 64):
        assert sequence_log_probs(policy, sequences, batch) == pytest.approx(expected, abs=1e-4)
    assert sequences[0][1][-1] == policy.tokenizer.eos_token_id


def test_constants_are_computed_once_and_kept(tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second call reads what the first one wrote, to the last bit, also in another process; a resumed run does
    too."""
    cost = Cost()
    with charged_to(cost):
        first = log_probs(tiny, pairs_of(tiny), "ah", Run(tmp_path, 0))
    policy = tiny.prepared.policy
    tokens = sum(2 * len(p) + len(c) + len(r) for p, c, r in encoded(tiny, policy, pairs_of(tiny)))
    assert cost.flops == 2.0 * policy.parameters * tokens
    assert first.shape == (48, 2)
    monkeypatch.setattr(dpo, "sequence_log_probs", None)
    assert np.array_equal(log_probs(tiny, pairs_of(tiny), "ah", Run(tmp_path, 0)), first)


# Training


@pytest.mark.parametrize("lora_rank", [0, 4], ids=["full", "lora"])
def test_training_prefers_what_was_chosen(tiny: Benchmark, tmp_path: Path, lora_rank: int) -> None:
    """Four passes: nearly all pairs are told apart, and every trained parameter has moved."""
    run = Run(tmp_path, 0)
    settings = replace(ALL, epochs=4.0, lora_rank=lora_rank)
    pairs, reference = pairs_of(tiny), constants(tiny, run)[0]
    stage = run.stage("here")
    train_dpo(tiny, pairs, settings, stage, reference=reference, margin=np.zeros(48), beta=0.1)
    rows = logged(tmp_path)
    assert [row["step"] for row in rows] == list(range(1, 25))
    assert rows[0]["loss"] == pytest.approx(np.log(2), abs=1e-4)
    assert rows[-1]["loss"] < 0.5
    log_pi = log_probs(tiny, pairs, "ah", run, stage)
    assert float(((log_pi - reference) @ [1, -1] > 0).mean()) > 0.9
    name = "adapter_model.safetensors" if lora_rank else "model.safetensors"
    after = load_file(stage.folder / name)
    assert sorted(p.name for p in stage.folder.rglob("*.safetensors")) == [name]
    assert after
    if lora_rank == 0:
        before = load_file(Path(policy_source(tiny)) / "model.safetensors")
        assert [key for key, value in before.items() if torch.equal(value, after[key])] == []
    else:
        assert all(value.abs().max() > 0 for value in after.values())


@pytest.mark.parametrize("lora_rank", [0, 4], ids=["full", "lora"])
def test_an_interrupted_training_ends_in_the_same_bits(
    tiny: Benchmark, saved_early: None, tmp_path: Path, lora_rank: int
) -> None:
    """10 steps, more than one pass of 4; saved after 5, stopped after 7."""
    settings = replace(ALL, epochs=2.5, batch=12, lora_rank=lora_rank)
    whole = trained(tiny, Run(tmp_path / "whole", 0), settings)

    def stop(stage: str, step: int, *_: object) -> None:
        if step == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(tiny, Run(tmp_path / "broken", 0, stop), settings)
    steps: list[int] = []
    resumed = trained(tiny, Run(tmp_path / "broken", 0, lambda _, step, *__: steps.append(step)), settings)
    assert steps == list(range(6, 11))
    [weights] = [path.name for path in whole.glob("*model.safetensors")]
    assert (resumed / weights).read_bytes() == (whole / weights).read_bytes()
    assert not (tmp_path / "broken" / "checkpoints" / "here").exists()


def test_any_number_of_steps_is_logged_to_its_end(tiny: Benchmark, tmp_path: Path) -> None:
    """103 steps are logged every second one. A trainer's last word then has averages, and no loss."""
    written: list[tuple[int, dict[str, float]]] = []
    run = Run(tmp_path / "run", 0, lambda stage, step, steps, told: written.append((step, told)))
    trained(tiny, run, Preference(epochs=103 / 48, batch=1))
    assert written[-1][0] == 102
    assert all({"loss", "above_margin"} <= told.keys() for _, told in written if told)


@pytest.mark.parametrize("lora_rank", [0, 4], ids=["full", "lora"])
def test_training_goes_on_from_a_stage(tiny: Benchmark, tmp_path: Path, lora_rank: int) -> None:
    """Without a learning rate the stage ends where the other one did."""
    run = Run(tmp_path, 0)
    settings = replace(ALL, lora_rank=lora_rank)
    trained(tiny, run, settings)
    first, second = run.stage("here"), run.stage("there")
    reference, margin = constants(tiny, run)
    train_dpo(
        tiny, pairs_of(tiny), replace(settings, learning_rate=0.0), second,
        reference=reference, margin=margin, beta=0.1, start=first,
    )  # fmt: skip
    a, b = (load_trained(tiny, stage.folder, fresh=True).model.state_dict() for stage in (first, second))
    start = tiny.prepared.policy.model.state_dict()
    assert all(torch.equal(value, b[name]) for name, value in a.items())
    assert any(not torch.equal(value, start[name]) for name, value in a.items())


def test_what_training_costs_is_charged(tiny: Benchmark, tmp_path: Path) -> None:
    """One pass: every token of every pair once, six operations per parameter and token."""
    cost, run = Cost(), Run(tmp_path, 0)
    constants(tiny, run)
    with charged_to(cost):
        trained(tiny, run)
    policy = tiny.prepared.policy
    ids = encoded(tiny, policy, pairs_of(tiny))
    assert cost.trained_tokens == sum(2 * len(p) + len(c) + len(r) for p, c, r in ids)
    assert cost.flops == 6.0 * policy.parameters * cost.trained_tokens
    assert (cost.generated_tokens, cost.reward_calls) == (0, 0)


# Pairs


def test_a_share_of_the_pairs(tiny: Benchmark) -> None:
    """A quarter of 48 labelled pairs is 12 different ones, others for another seed; a whole pass or more takes all."""
    everything = pairs_of(tiny)
    some = preferences(tiny, 0, 0.25, 0)
    assert len(some) == len(set(some)) == 12
    assert set(some) <= set(everything)
    assert some == preferences(tiny, 0, 0.25, 0) != preferences(tiny, 0, 0.25, 1)
    assert sorted(preferences(tiny, 0, 3.0, 0)) == sorted(everything)


def test_pairs_without_labels_are_labelled_by_the_reward(tiny: Benchmark) -> None:
    """There are no pairs for "oh": of two training answers the one with the higher reward is chosen; ties are left
    out."""
    assert tiny.preference_pairs("oh") == []
    pairs = preferences(tiny, 1, 1.0, 0)
    answers = set(tiny.responses())
    assert 10 < len(pairs) <= 48
    for pair in pairs:
        assert {Answer(pair.prompt, pair.chosen), Answer(pair.prompt, pair.rejected)} <= answers
        assert pair.chosen.split().count("oh") > pair.rejected.split().count("oh")
    assert (reward_differences(tiny, pairs)[:, 1] > 0).all()


@dataclass(frozen=True)
class Terse(Cries):
    """The same world with one answer per prompt."""

    def responses(self) -> list[Answer]:
        return self.demonstrations()


@dataclass(frozen=True)
class Mute(Cries):
    """The same world, in which every answer says oh twice."""

    def responses(self) -> list[Answer]:
        return [Answer(p, say(0, n, 2)) for p in self.prompts("train") for n in (0, 1)]


def test_prompts_with_one_answer_get_two_sampled_ones(tiny: Benchmark) -> None:
    terse = replace(tiny, data=Terse())
    terse.__dict__["prepared"] = tiny.prepared
    cost = Cost()
    with charged_to(cost):
        pairs = preferences(terse, 1, 1.0, 0)
    assert cost.generated_tokens > 0
    assert len(pairs) > 10
    assert {p.prompt for p in pairs} <= set(tiny.prompts("train"))
    assert all(p.chosen.split().count("oh") > p.rejected.split().count("oh") for p in pairs)
    assert pairs == preferences(terse, 1, 1.0, 0)


def test_no_pairs_at_all_are_refused(tiny: Benchmark) -> None:
    mute = replace(tiny, data=Mute())
    mute.__dict__["prepared"] = tiny.prepared
    with pytest.raises(BadInput, match="'oh' of cries has no preference pairs"):
        preferences(mute, 1, 1.0, 0)


def test_a_stage_that_is_done_is_left_alone(tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(tmp_path, 0)
    trained(tiny, run)
    monkeypatch.setattr(dpo, "to_train", None)
    assert Stage(run, "here").done
    trained(tiny, run)
