"""The multi-head reward model: its loss, what it learns from, what it says, and that it comes back from disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import Cost, charged_to
from benchmarks.data.lexicon import sentences
from benchmarks.load.load import load_benchmark
from benchmarks.models.policy import Policy
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.rewards.trained import TrainedReward
from benchmarks.spec.answers import Answer, in_half
from benchmarks.spec.places import policy_source
from benchmarks.spec.settings import SIZES
from methods.contract.run import Run
from methods.engines import grader as grader_module
from methods.engines.grader import (
    MISSING,
    Grader,
    Heads,
    annotated_labels,
    binned_labels,
    grade,
    heads_loss,
    padded,
    split_prompts,
    train_grader,
)
from methods.engines.pairs import preferences
from tests.kit.worlds import WithGrades

LOG2, LOG3 = float(np.log(2)), float(np.log(3))


@pytest.fixture
def grader(random_policy: Callable[..., Policy]) -> Grader:
    """Untrained: heads of two and three classes."""
    policy = random_policy()
    torch.manual_seed(1)
    model = Heads(policy.model.base_model, (2, 3)).eval()
    torch.nn.init.normal_(model.heads.weight)
    return Grader(model, replace(policy.reader, max_prompt_tokens=40), 12)


# The loss


def test_the_loss_by_hand() -> None:
    """Head 1: (0, log 3) labelled 1 costs -log .75, the other answer is not labelled. Head 2: three equal logits cost
    log 3, (log 2, 0, 0) labelled 0 costs log 2, their mean counts."""
    logits = torch.tensor([[0.0, LOG3, 0.0, 0.0, 0.0], [9.0, -9.0, LOG2, 0.0, 0.0]])
    labels = torch.tensor([[1, 0], [MISSING, 0]])
    expected = -np.log(0.75) + (LOG3 + LOG2) / 2
    assert heads_loss(logits, labels, (2, 3)).item() == pytest.approx(expected)


def test_a_missing_label_moves_nothing() -> None:
    """Neither its own head's logits nor, where nobody has a label for a head, that head at all."""
    logits = torch.randn(3, 5, generator=torch.Generator().manual_seed(0)).requires_grad_()
    heads_loss(logits, torch.tensor([[1, MISSING], [MISSING, MISSING], [0, MISSING]]), (2, 3)).backward()
    assert logits.grad is not None
    assert (logits.grad[:, 2:] == 0).all()
    assert (logits.grad[1] == 0).all()
    assert (logits.grad[[0, 2], :2] != 0).all()


# The model


def test_logits_are_read_off_the_last_token(grader: Grader) -> None:
    """z = W h + b with h the last hidden state of the unpadded text, computed alone."""
    rows = [[5, 6, 7, 8, 9, 10, 11], [40, 41]]
    batch = padded(rows, 0, 8, torch.device("cpu"))
    assert batch["input_ids"].tolist() == [[*rows[0], 0], [40, 41, 0, 0, 0, 0, 0, 0]]
    assert batch["attention_mask"].sum(1).tolist() == [7, 2]
    got = grader.model(**batch)
    for logits, row in zip(got, rows, strict=True):
        h = grader.model.decoder(input_ids=torch.tensor([row])).last_hidden_state[0, -1]
        expected = grader.model.heads.weight @ h + grader.model.heads.bias
        assert torch.allclose(logits, expected, atol=1e-4)


def test_probabilities_do_not_depend_on_the_batch(grader: Grader, monkeypatch: pytest.MonkeyPatch) -> None:
    """Per head they sum to one; in which order, with whom and how many at a time answers are graded makes no
    difference."""
    prompts = [f"Hello there, {'how are you? ' * (i % 4)}" for i in range(9)]
    responses = ["I say so. " * (1 + i % 3) for i in range(9)]
    cost = Cost()
    with charged_to(cost):
        got = grader.probabilities(prompts, responses)
    assert got.shape == (9, 5)
    assert np.allclose(got[:, :2].sum(1), 1)
    assert np.allclose(got[:, 2:].sum(1), 1)
    tokens = sum(len(grader.encode(Answer(p, r))) for p, r in zip(prompts, responses, strict=True))
    parameters = sum(p.numel() for p in grader.model.parameters())
    assert (cost.reward_calls, cost.flops) == (18, 2.0 * parameters * tokens)
    alone = np.concatenate([grader.probabilities([p], [r]) for p, r in zip(prompts, responses, strict=True)])
    monkeypatch.setattr(grader_module, "TOKENS_PER_BATCH", 60)
    assert np.allclose(got, alone, atol=1e-5)
    assert np.allclose(got, grader.probabilities(prompts, responses), atol=1e-5)
    assert grader.probabilities([], []).shape == (0, 5)


def test_what_is_read_is_bounded(grader: Grader) -> None:
    """The end of the prompt, the beginning of the response, and the end of the sequence."""
    ids = grader.encode(Answer("so " * 100 + "end", "yes " * 100))
    assert len(ids) == 40 + 12 + 1
    assert ids[-1] == grader.reader.tokenizer.eos_token_id
    assert grader.reader.tokenizer.decode(ids[:40]).endswith("so end")


def test_grades_by_hand(grader: Grader, monkeypatch: pytest.MonkeyPatch) -> None:
    """(.3, .7) and (.5, .1, .4): most probable 1 and 0, expected .7 and .1 + .8."""
    monkeypatch.setattr(Grader, "probabilities", lambda *_: np.array([[0.3, 0.7, 0.5, 0.1, 0.4]]))
    likely, expected = grader.grades(["p"], ["r"])
    assert likely.tolist() == [[1, 0]]
    assert expected[0].tolist() == pytest.approx([0.7, 0.9])


# Labels


def test_quantile_bins_by_hand(tiny: Benchmark, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten rewards 0..9 in five bins: two each. Rewards 0 0 0 0 0 0 0 0 5 9: quantiles 0, 0, 0, 1, so equal rewards
    share the lowest bin, and 5 and 9 are in the highest."""
    scores = np.array([np.arange(10.0), [0.0] * 8 + [5.0, 9.0]]).T
    monkeypatch.setattr(Benchmark, "rewards", lambda *_: scores)
    labels = binned_labels(tiny, [Answer("p", str(i)) for i in range(10)], 5)
    assert labels[:, 0].tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert labels[:, 1].tolist() == [0] * 8 + [4, 4]


@dataclass(frozen=True)
class Annotated:
    """Data with grades."""

    grades: Any

    def graded_labels(self, objective: str) -> list[tuple[Answer, int]]:
        return self.grades[objective]


def test_annotations_are_joined(tiny: Benchmark) -> None:
    """An answer graded under one objective only has no label for the other."""
    a, b, c = (Answer("p", r) for r in "abc")
    data: Any = Annotated({"ah": [(a, 1), (b, 5)], "oh": [(c, 2), (a, 3)]})
    answers, labels = annotated_labels(replace(tiny, data=data))
    assert answers == [a, b, c]
    assert labels.tolist() == [[0, 2], [4, MISSING], [MISSING, 1]]


@pytest.mark.parametrize("name", ["hh-rlhf-mini", "reddit-summary-mini"])
def test_the_grader_sees_what_rewards_see(name: str) -> None:
    """Every compared answer has a label under every objective, slips and strays among them: sentences that were said
    already, or belong to another prompt."""
    benchmark = load_benchmark(name)
    answers, labels = annotated_labels(benchmark)
    assert (labels != MISSING).all()
    known = set(answers)
    for objective in benchmark.names:
        pairs = benchmark.preference_pairs(objective)
        assert {Answer(p.prompt, response) for p in pairs for response in (p.chosen, p.rejected)} <= known
    said_again = [a for a in answers if len(set(sentences(a.response))) < len(sentences(a.response))]
    asked: dict[str, set[str]] = {}
    for a in benchmark.demonstrations():
        asked.setdefault(a.response, set()).add(a.prompt)
    strays = [a for a in answers if a.response in asked and a.prompt not in asked[a.response]]
    assert min(len(said_again), len(strays)) > 300


def test_no_method_learns_from_the_labels_of_a_held_out_evaluator(tiny: Benchmark) -> None:
    """Those on the prompts whose half it was trained from: grades and pairs are of the others."""
    ah, oh = tiny.objectives
    assert isinstance(ah.reward, TrainedReward)
    reward, evaluator = (replace(ah.reward, fold=half, seed=number) for number, half in enumerate(("even", "odd")))
    halves = replace(tiny, objectives=(replace(ah, reward=reward, evaluator=evaluator), oh))
    pairs = tiny.preference_pairs("ah")
    grades = {"ah": [(Answer(p.prompt, p.chosen), 2) for p in pairs], "oh": [(Answer("p", "a"), 1)]}
    graded, labels = annotated_labels(replace(halves, data=WithGrades(tiny.data, grades)))
    of_ah = {answer.prompt for answer, (label, _) in zip(graded, labels.tolist(), strict=True) if label != MISSING}
    assert (
        of_ah
        == {p.prompt for p in preferences(halves, 0, 1.0, 0)}
        == {p.prompt for p in pairs if in_half(p.prompt, "even")}
    )
    assert len(preferences(tiny, 0, 1.0, 0)) == len(pairs) > len(preferences(halves, 0, 1.0, 0))


def test_without_annotations(tiny: Benchmark) -> None:
    with pytest.raises(BadInput, match="no graded annotations for ah, oh"):
        annotated_labels(tiny)
    data: Any = Annotated({"ah": [(Answer("p", "a"), 1)], "oh": []})
    with pytest.raises(BadInput, match="for oh"):
        annotated_labels(replace(tiny, data=data))


def test_prompts_are_held_out_with_all_their_answers() -> None:
    answers = [Answer(f"p{i % 20}", str(i)) for i in range(60)]
    held = split_prompts(answers, 0)
    assert held.sum() == 6
    assert len({a.prompt for a, h in zip(answers, held, strict=True) if h}) == 2
    assert (split_prompts(answers, 0) == held).all()
    assert (split_prompts(answers, 1) != held).any()


# Training


def train(benchmark: Benchmark, run: Run, steps: int = 60, lora_rank: int | None = None, base: str = "policy") -> Path:
    """A grader of ahs (5 classes) and ohs (3 classes), of which every third answer lacks the latter."""
    answers = benchmark.responses()
    labels = binned_labels(benchmark, answers, 5)
    labels[:, 1] = binned_labels(benchmark, answers, 3)[:, 1]
    labels[::3, 1] = MISSING
    stage = run.stage("grader")
    train_grader(
        benchmark, answers, labels, stage, classes=(5, 3), steps=steps, batch=16,
        learning_rate=lambda policy: 4e-5 * (4096 / 32 if policy.pretrained else 1),  # the same for both, at width 32
        lora_rank=lora_rank, base=base,
    )  # fmt: skip
    return stage.folder


def test_it_learns_and_comes_back(gold_tiny: Benchmark, tmp_path: Path) -> None:
    """Held-out accuracies far above chance, in the log and beside the model; the reloaded one says the same."""
    cost, run = Cost(), Run(tmp_path, 0)
    with charged_to(cost):
        folder = train(gold_tiny, run, steps=150)
    last = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    stored = json.loads((folder / "heads.json").read_text())
    assert stored["classes"] == [5, 3]
    assert stored["accuracy"] == {name: value for name, value in last.items() if "_accuracy/" in name}
    assert set(stored["accuracy"]) == {"intensity_accuracy/ah", "intensity_accuracy/oh", "preference_accuracy/ah"}
    assert stored["accuracy"]["preference_accuracy/ah"] > 0.9
    assert min(stored["accuracy"].values()) > 0.6
    assert cost.trained_tokens > 0
    assert not (tmp_path / "checkpoints" / "grader").exists()

    start = gold_tiny.prepared.policy.model.base_model.state_dict()
    after = load_file(folder / "model.safetensors")
    assert after.keys() == start.keys()
    assert [name for name, value in start.items() if torch.equal(value, after[name])] == []
    assert (load_file(folder / "heads.safetensors")["bias"] != 0).all()

    graders = [grade(gold_tiny, folder) for _ in range(2)]
    prompts, responses = zip(*gold_tiny.responses()[:5], strict=True)
    first, second = (g.probabilities(prompts, responses) for g in graders)
    assert np.array_equal(first, second)
    assert not graders[0].model.training
    before = folder.stat().st_mtime_ns
    train(gold_tiny, run)
    assert folder.stat().st_mtime_ns == before


def test_adapters_are_merged(tiny: Benchmark, tmp_path: Path) -> None:
    """What is saved is a whole decoder, whose linear layers alone have moved."""
    after = load_file(train(tiny, Run(tmp_path, 0), steps=8, lora_rank=4) / "model.safetensors")
    start = tiny.prepared.policy.model.base_model.state_dict()
    moved = {name for name, value in start.items() if not torch.equal(value, after[name])}
    assert after.keys() == start.keys()
    assert moved == {name for name in start if "proj" in name}


def test_adapters_stay_beside_weights_of_less_precision(
    tiny: Benchmark, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Merged into bfloat16 an adapter would be rounded: what rewards RL is what was trained and measured."""
    benchmark = replace(tiny, precision="bfloat16")
    vars(benchmark)["prepared"] = replace(tiny.prepared, benchmark=benchmark)
    asked, trained = tuple(zip(*tiny.responses()[:20], strict=True)), []
    monkeypatch.setattr(grader_module, "accuracies", lambda _, g, *__: trained.append(g.probabilities(*asked)) or {})
    folder = train(benchmark, Run(tmp_path, 0), steps=8, lora_rank=4)
    graded = grade(benchmark, folder)
    assert graded.model.decoder.dtype == torch.bfloat16
    assert np.abs(graded.probabilities(*asked) - trained[0]).max() < 1e-6
    assert not graded.model.training


def test_other_models_to_start_from(
    tiny: Benchmark, tmp_path: Path, tiny_size: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An untrained model of another size, which comes back; and by its path the starting policy itself, in the same
    bits."""
    monkeypatch.setitem(SIZES, "mini", (16, 1, 2))
    untrained = train(tiny, Run(tmp_path / "untrained", 0), steps=4, base="mini")
    grader = grade(tiny, untrained)
    assert grader.model.decoder.config.hidden_size == 16
    assert grader.probabilities(["p"], ["r"]).shape == (1, 8)
    path = str(policy_source(tiny))
    by_path, by_default = (
        train(tiny, Run(tmp_path / name, 0), steps=4, base=base)
        for name, base in (("path", path), ("default", "policy"))
    )
    for name in ("model.safetensors", "heads.safetensors"):
        assert (by_path / name).read_bytes() == (by_default / name).read_bytes()
        assert (by_path / name).read_bytes() != (untrained / name).read_bytes()


def test_an_interrupted_training_ends_in_the_same_bits(tiny: Benchmark, saved_early: None, tmp_path: Path) -> None:
    """Saved after 5 steps, stopped after 7, of 10."""

    def stop(stage: str, step: int, *_: object) -> None:
        if step == 7:
            raise KeyboardInterrupt

    whole = train(tiny, Run(tmp_path / "whole", 0), steps=10)
    with pytest.raises(KeyboardInterrupt):
        train(tiny, Run(tmp_path / "broken", 0, stop), steps=10)
    steps: list[int] = []
    again = train(tiny, Run(tmp_path / "broken", 0, lambda _, step, *__: steps.append(step)), steps=10)
    assert steps == [6, 7, 8, 9, 10, 10]
    for name in ("model.safetensors", "heads.safetensors"):
        assert (again / name).read_bytes() == (whole / name).read_bytes()
