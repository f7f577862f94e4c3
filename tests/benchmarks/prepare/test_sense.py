"""A reward that says what cannot be meant, or always the same, is told of, once."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.common.ledger import telling
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.prepared import Prepared, open_prepared
from benchmarks.prepare.sense import ALIKE, FAR
from benchmarks.spec.places import part_name


@pytest.fixture
def opened(tiny: Benchmark) -> Prepared:
    """With rewards that say the number that an answer is."""
    opened = open_prepared(tiny)
    opened._scorers["rewards"] = [
        lambda prompts, responses, at=at: np.array([float(response.split()[at]) for response in responses])
        for at in range(len(tiny.names))
    ]
    return opened


def said(opened: Prepared, *batches: list[tuple[float, float]]) -> list[str]:
    """The lines while batches of answers are rewarded, which are said their rewards."""
    lines: list[str] = []
    units = opened.card.units("rewards")
    with telling(lines.append):
        for k, batch in enumerate(batches):
            raw = [[z * std + mean for z, (mean, std) in zip(row, units, strict=True)] for row in batch]
            texts = [f"{' '.join(map(repr, row))} {k} {i}" for i, row in enumerate(raw)]
            found = opened.rewards(texts, texts)
            assert found == pytest.approx(np.array(batch), rel=1e-6)
    return lines


def test_a_value_beyond_sense_is_told_once(opened: Prepared) -> None:
    name = part_name("rewards", opened.benchmark.names[1])
    assert said(opened, [(1.0, FAR / 2), (2.0, -FAR / 2)]) == []
    assert said(opened, [(1.0, 5.0), (2.0, -1e30)], [(3.0, 1e30)]) == [
        f"{name} gives an answer -1e+30 standard deviations of the scale card. Is that meant?"
    ]


def test_a_reward_that_varies_no_more_is_told_once(opened: Prepared) -> None:
    """The first varies all the time. The second does until the last of the second batch, which begins the row."""
    first, *_ = opened.benchmark.names
    rest = [[(1.0, float(i)) for i in range(100)] for _ in range(2 * ALIKE // 100)]
    varied = [(float(i), 0.0) for i in range(99)]
    assert said(opened, varied, [*varied, (1.0, 5.0)], *rest[: ALIKE // 100 - 1]) == []
    assert said(opened, *rest) == [
        f"{part_name('rewards', first)} gave {ALIKE} different answers in a row the same value: "
        "it tells nothing apart there"
    ]


def test_the_same_answer_again_is_no_sign_of_a_reward(opened: Prepared) -> None:
    """A policy that always says the same is told of as collapsed."""
    lines: list[str] = []
    with telling(lines.append):
        opened.rewards(["p"] * 4 * ALIKE, ["1.0 2.0"] * 4 * ALIKE)
        opened.rewards([], [])
    assert lines == []
