"""A talk: who is asked what, with which random numbers, and that an answer is the one that would be measured."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from benchmarks.models.policy import Policy
from benchmarks.models.sampler import settled
from benchmarks.spec.dialogues import dialogue
from benchmarks.spec.settings import Sampling
from methods.contract.find import find_method
from methods.contract.run import Run
from moa_cli.runs.export.talk import Talk
from tests.moa_cli.runs.export.conftest import Trained


def test_an_answer_grows_into_the_one_that_is_measured(trained: Trained) -> None:
    """The first question is shown as it is, like the benchmark's; what follows is a dialogue, whoever answers."""
    run = trained("sft-goals")
    sampling = run.benchmark.sampling

    def expected(prompt: str, weights: tuple[float, float], seed: int) -> str:
        return run.method.policy(run.benchmark, Run(run.folder, 0), weights).generate([prompt], sampling, seed)[0]

    talk = Talk(run, (1.0, 0.0))
    first = list(talk.ask("Call 1?"))
    assert first[-1] == expected("Call 1?", (1.0, 0.0), 1)
    assert all(later.startswith(before) for before, later in pairwise(first))
    talk.weights = (0.0, 1.0)
    turns = [{"role": "user", "content": "Call 1?"}, {"role": "assistant", "content": first[-1]}]
    asked = dialogue([*turns, {"role": "user", "content": "And 2?"}])
    assert list(talk.ask("And 2?"))[-1] == expected(asked, (0.0, 1.0), 2)
    both = talk.both("", ((1.0, 0.0), (0.5, 0.5)))
    assert both == [expected(asked, w, 3) for w in ((1.0, 0.0), (0.5, 0.5))]
    assert len(talk.turns) == 4  # what was compared is not remembered
    talk.reset()
    assert talk.both("Call 3?", ((1.0, 0.0), (0.0, 1.0)))[0] == expected("Call 3?", (1.0, 0.0), 4)


@pytest.mark.parametrize("name", ["best-of-n", "mod"])
def test_what_is_no_folder_can_be_talked_with(trained: Trained, name: str) -> None:
    """The best of several answers comes at once, a mixture token by token."""
    run = trained("rewarded-soups")
    method = find_method(name)(**({"candidates": 2} if name == "best-of-n" else {"lora_rank": 2}))
    texts = list(Talk(replace(run, method=method), (0.5, 0.5)).ask("Call 1?"))
    assert (len(texts) == 1) == (name == "best-of-n")


def test_what_may_become_a_stop_is_held_back(random_policy) -> None:
    stops = ("\n\nHuman:", "###")
    cases = {
        "a": "a",
        "a\n": "a",
        "a\n\nHuman": "a",
        "a\n\nHumans": "a\n\nHumans",
        "b ##": "b ",
        "\N{REPLACEMENT CHARACTER}": "",
    }
    assert {text: settled(text, stops) for text in cases} == cases
    policy: Policy = random_policy(sharpness=0.05)
    sampling = Sampling(max_new_tokens=40, top_p=1.0, stop=("e",))
    grown = list(policy.stream("Hello", sampling, 3))
    assert grown[-1] == policy.generate(["Hello"], sampling, 3)[0]
    assert not any("e" in text for text in grown)
