"""A method of one's own with a training loop of its own: what passes through the ruler's policies is on its ledger,
and where nothing did the tables say so."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.common.ledger import Cost, charged_to
from benchmarks.measure.front import Front
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.spec.places import policy_source
from methods.contract.find import find_method
from methods.sft import SFT
from moa_cli.comparisons.comparison import compare
from moa_cli.formats.exports import comparison_csv, comparison_markdown
from moa_cli.jobs.run import evaluate, train
from moa_cli.report import report_html
from moa_cli.runs.record import read_record

OWN = """
from dataclasses import dataclass

import torch
from transformers import AutoModelForCausalLM

from moa_cli import Benchmark, Method, Policy, Run, Weights, load_trained


@dataclass(frozen=True, kw_only=True)
class OwnLoop(Method):
    '''Plain torch: three steps on the first two prompts, each judged once.'''

    steering = "none"
    source: str = "handed out"
    when_asked: int = 0

    def train(self, benchmark: Benchmark, run: Run) -> None:
        policy = benchmark.prepared.load_starting_policy()
        model = policy.model
        if self.source != "handed out":
            model = AutoModelForCausalLM.from_pretrained(self.source)
        prompts = benchmark.prompts("train")[:2]
        benchmark.rewards(prompts, prompts)
        optimizer = torch.optim.SGD(model.parameters(), lr=1e-3)
        for _ in range(3):
            for ids in policy.encode_prompts(prompts):
                rows = torch.tensor([ids])
                model(input_ids=rows, labels=rows).loss.backward()
            optimizer.step()
            optimizer.zero_grad()
        with run.stage("policy").writing() as folder:
            model.save_pretrained(folder)
            policy.tokenizer.save_pretrained(folder)

    def policy(self, benchmark: Benchmark, run: Run, weights: Weights) -> Policy:
        policy = load_trained(benchmark, run.stage("policy").folder)
        rows = torch.tensor([policy.encode_prompt(benchmark.prompts("train")[0])])
        for _ in range(self.when_asked):
            policy.model(input_ids=rows, labels=rows).loss.backward()
        return policy
"""


def measured(benchmark: Benchmark, folder: Path, **settings: object) -> Front:
    """The front of the method, trained here."""
    (folder / "own_loop.py").write_text(OWN)
    method = find_method(str(folder / "own_loop.py"))(**settings)
    return evaluate(benchmark, method, train(benchmark, method))


def read_tokens(benchmark: Benchmark, prompts: int) -> int:
    return sum(map(len, benchmark.prepared.policy.encode_prompts(benchmark.prompts("train")[:prompts])))


def test_an_own_loop_is_on_the_ledger(own_tiny: Benchmark, tmp_path: Path) -> None:
    """3 steps over two prompts, 6 operations per parameter and token, and what two rewards took for two texts. What
    training one of them cost is charged, the other is a function."""
    front = measured(own_tiny, tmp_path)
    tokens, policy = 3 * read_tokens(own_tiny, 2), own_tiny.prepared.policy
    assert front.cost["trained_tokens"] == tokens
    assert front.cost["generated_tokens"] == 0
    assert front.cost["reward_calls"] == 2 * 2
    with charged_to(Cost()) as judging:
        own_tiny.rewards(own_tiny.prompts("train")[:2], own_tiny.prompts("train")[:2])
    assert judging.used == ("reward ah", "reward oh")
    assert front.cost["flops"] == 6.0 * policy.parameters * tokens + judging.flops
    reward = own_tiny.prepared.report.costs["reward ah"]
    assert front.used == {"reward ah": reward.numbers}
    assert front.charged["flops"] == front.cost["flops"] + reward.flops
    assert front.charged["trained_tokens"] == tokens + reward.trained_tokens


def test_training_while_a_policy_is_asked_for_is_training(own_tiny: Benchmark, tmp_path: Path) -> None:
    """Two passes over one prompt when the front is measured, at its one weight; a second look adds nothing."""
    early, late = measured(own_tiny, tmp_path), measured(own_tiny, tmp_path, when_asked=2)
    again = measured(own_tiny, tmp_path, when_asked=2)
    assert late.cost["trained_tokens"] == early.cost["trained_tokens"] + 2 * read_tokens(own_tiny, 1)
    assert again.cost == late.cost


def test_what_no_policy_of_the_ruler_saw_is_not_counted(own_tiny: Benchmark, tmp_path: Path) -> None:
    """A model that the method loaded by itself: None in documents, "not counted" in tables; sft trains nothing."""
    start = SFT()
    fronts = [
        measured(own_tiny, tmp_path, source=str(policy_source(own_tiny))),
        evaluate(own_tiny, start, train(own_tiny, start)),
    ]
    own, sft = fronts
    assert (own.cost["trained_tokens"], own.cost["flops"], own.charged["flops"]) == (None, None, None)
    assert own.cost["reward_calls"] == 4
    assert sft.cost["flops"] == sft.charged["flops"] == 0
    assert own.folder is not None
    assert read_record(own.folder.parent).cost["flops"] is None
    document = compare(fronts)
    row = next(row for row in json.loads(document.to_json())["benchmarks"][0]["rows"] if row["method"] == "own-loop")
    assert (row["cost"]["flops"], row["charged"]["flops"], row["used"]) == (None, None, ["reward ah"])
    assert "not counted | not counted" in comparison_markdown(document)
    assert comparison_csv(document).count(",not counted,not counted,") == 1
    assert "not counted" in report_html(document)
