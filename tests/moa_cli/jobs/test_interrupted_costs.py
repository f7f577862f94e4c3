"""What a method or a preparation cost does not depend on interruptions; what was done twice is counted apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.common.sums import read_cost
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare_part
from benchmarks.prepare.parts import part_folders
from methods.contract.method import Method
from methods.modpo import MODPO
from methods.paretohqd import ParetoHqD
from methods.ric import RiC
from methods.sft import SFT
from methods.spo import SPO
from moa_cli.jobs.run import evaluate, train
from moa_cli.runs.record import read_record

COUNTED = ("generated_tokens", "trained_tokens", "reward_calls", "flops")


class Killed(BaseException):
    """As if the process was gone."""


class Killer:
    """A log that kills the process when it is told this (stage, step), each one once."""

    def __init__(self, *deaths: tuple[str, int]):
        self.deaths = [*deaths]

    def __call__(self, stage: str, step: int, steps: int, measured: dict[str, float]) -> None:
        if (stage, step) in self.deaths:
            self.deaths.remove((stage, step))
            raise Killed


def counted(cost: dict[str, float]) -> dict[str, float]:
    return {name: cost[name] for name in COUNTED}


RUNS: dict[str, tuple[Method, tuple[tuple[str, int], ...]]] = {
    # between two checkpoints, while answers are made, before the first checkpoint of a later stage, after it
    "prompts": (
        RiC(rounds=1, online_prompts=12, batch=8, offline_epochs=0.75, online_epochs=8.0),
        (("offline", 7), ("offline", 8), ("answers-1", 1), ("online-1", 1), ("online-1", 7)),
    ),
    # the pairs of oh are made, and one stage starts from another
    "pairs": (
        SPO(alphas=(0.5,), batch=8, epochs=0.75),
        (("oh", 1), ("oh-ah-0.5", 1), ("ah-oh-0.5", 2)),
    ),
}


@pytest.mark.parametrize("kind", RUNS)
def test_a_training_costs_what_it_does_uninterrupted(
    own_tiny: Benchmark, tmp_path: Path, saved_early: None, kind: str
) -> None:
    method, deaths = RUNS[kind]
    whole = train(own_tiny, method, seed=1)
    expected = read_record(whole.dir)
    assert expected.lost == {}
    (whole.dir).rename(tmp_path / "whole")
    killer = Killer(*deaths)
    for left in range(len(deaths), 0, -1):
        with pytest.raises(Killed):
            train(own_tiny, method, seed=1, log=killer)
        assert len(killer.deaths) == left - 1
    run = train(own_tiny, method, seed=1, log=killer)
    record = read_record(run.dir)
    assert killer.deaths == []
    assert counted(record.cost) == pytest.approx(counted(expected.cost), rel=1e-12)  # type: ignore[arg-type]
    assert record.used == expected.used
    drawn = kind == "prompts"  # pairs that are made are kept at once
    assert {name: record.lost[name] > 0 for name in COUNTED} == {
        "generated_tokens": drawn, "trained_tokens": True, "reward_calls": drawn, "flops": True,
    }  # fmt: skip
    assert all(lost >= 0 for lost in record.lost.values())
    assert record.cost["seconds"] < run.clock.seconds + record.lost["seconds"]
    assert not list((run.dir / "checkpoints").glob("*"))


@pytest.mark.parametrize("method", [ParetoHqD(answers=8, steps=4, batch=4, prompts=20), MODPO(epochs=0.5, batch=8)])
def test_weights_that_are_asked_for_later_cost_what_they_cost_at_once(
    own_tiny: Benchmark, tmp_path: Path, method: Method
) -> None:
    """What all of them share, answers and their rewards among it, is made for the first ones."""
    grid = ((1.0, 0.0), (0.25, 0.75), (0.0, 1.0))
    whole = train(replace(own_tiny, trained_grid=grid), method)
    expected = read_record(whole.dir)
    whole.dir.rename(tmp_path / "whole")
    train(replace(own_tiny, trained_grid=grid[::2]), method)
    record = read_record(train(replace(own_tiny, trained_grid=grid), method).dir)
    assert counted(record.cost) == pytest.approx(counted(expected.cost), rel=1e-12)  # type: ignore[arg-type]
    assert record.used == expected.used
    assert record.lost == {}


def test_a_preparation_costs_what_it_does_uninterrupted(
    tiny: Benchmark, tmp_path: Path, saved_early: None, tiny_size: None
) -> None:
    """Killed in pre-training and in SFT, when pre-training is done again from its beginning."""
    other = replace(tiny, home=tmp_path)
    for death in (("pre-training", 15), ("sft", 7)):
        with pytest.raises(Killed):
            prepare_part(other, "policy", Killer(death))
    prepare_part(other, "policy")
    whole, again = (read_cost(part_folders(b)["policy"] / "cost.json") for b in (tiny, other))
    assert counted(again.numbers) == pytest.approx(counted(whole.numbers), rel=1e-12)
    assert whole.lost == {}
    assert again.lost["trained_tokens"] > whole.trained_tokens * 40 / 50  # all of pre-training, and a part of SFT
    assert again.lost["seconds"] > 0


def test_what_a_kill_at_the_very_end_leaves_is_gone_with_the_next_command(own_tiny: Benchmark) -> None:
    run = train(own_tiny, SFT())
    costs = run.dir / "checkpoints" / "costs.json"
    for again in (lambda: train(own_tiny, SFT()), lambda: evaluate(own_tiny, SFT(), run)):
        costs.parent.mkdir(exist_ok=True)
        costs.write_text("{}")
        (run.dir / ".cost.json.9.partial").touch()
        again()
        assert not [*run.dir.glob("checkpoints/*"), *run.dir.glob(".*.partial")]
