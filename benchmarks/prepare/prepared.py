"""What preparation left, opened: the starting policy, the loaded rewards, the scale card."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from benchmarks.common import charge, check_links, check_sight, check_texts
from benchmarks.models import Policy, Reader, load_policy, starting_policy, starting_reader, untrained_policy
from benchmarks.prepare.card import Card, Report, not_prepared, stored_card
from benchmarks.prepare.sense import Sense
from benchmarks.spec import SIGNALS, SIZES, Description, Scorer, Signal, part_name, root


@dataclass(frozen=True, eq=False)
class Prepared:
    """A benchmark that is ready to measure."""

    benchmark: Description
    card: Card
    report: Report

    @cached_property
    def policy(self) -> Policy:
        """The policy that every method starts from, loaded. Not to be trained in place: use `load_starting_policy`."""
        return self.load_starting_policy()

    def load_starting_policy(self, trained: Path | None = None) -> Policy:
        """A fresh copy of the starting policy, or of what it became, whole in a folder."""
        return starting_policy(self.benchmark, trained)

    @cached_property
    def reader(self) -> Reader:
        """How the starting policy reads, for which it is not loaded."""
        return starting_reader(self.benchmark)

    def load_base(self, base: str, seed: int) -> Policy:
        """A model to train: "policy" (a fresh copy of the starting policy), an untrained one of a scratch size ("0.3m",
        "1m", ...) with the starting policy's tokenizer, or a hub id / local path."""
        if base == "policy":
            return self.load_starting_policy()
        if base in SIZES:
            return untrained_policy(self.benchmark, self.policy.tokenizer, base, seed)
        b = self.benchmark
        policy = load_policy(base, b.max_prompt_tokens, max_new_tokens=b.sampling.max_new_tokens, precision=b.precision)
        return replace(policy, pretrained=True)

    @cached_property
    def _scorers(self) -> dict[Signal, list[Scorer]]:
        """Each signal's M scorers as far as they were needed."""
        return {}

    @cached_property
    def _senses(self) -> dict[Signal, list[Sense]]:
        """What looks at the values of each signal's M scorers."""
        names = self.benchmark.names
        return {signal: [Sense(part_name(signal, name)) for name in names] for signal in SIGNALS}

    def rewards(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """What methods train on (N, M), z-scored by the card. Charged to the ledger in force, which also notes
        that they were used."""
        charge(reward_calls=len(prompts) * len(self.benchmark.objectives))
        return self._measured("rewards", prompts, responses)

    def scores(self, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        """What the held-out evaluators say (N, M), z-scored by the card. BadInput where a method that trains or
        answers asks for it."""
        check_sight("what the evaluators say", "take benchmark.rewards: they are what methods train on")
        return self._measured("scores", prompts, responses)

    def _measured(self, signal: Signal, prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        check_texts("prompts", prompts)
        check_texts("responses", responses)
        charge(used=[part_name(signal, name) for name in self.benchmark.names])
        if signal not in self._scorers:
            objectives = self.benchmark.objectives
            self._scorers[signal] = [o.source(signal).scorer(self.benchmark, o.name) for o in objectives]
        columns = [
            (scorer(prompts, responses) - mean) / std
            for scorer, (mean, std) in zip(self._scorers[signal], self.card.units(signal), strict=True)
        ]
        for sense, values in zip(self._senses[signal], columns, strict=True):
            sense.look(responses, values)
        return np.stack(columns, axis=1)


def open_prepared(benchmark: Description) -> Prepared:
    """What `prepare` left, and scores are kept beside. BadInput where it has not run, or a link leads out of it."""
    check_links(root(benchmark), benchmark.home)
    stored = stored_card(benchmark)
    if stored is None:
        raise not_prepared(benchmark)
    return Prepared(benchmark, stored.card, stored.report)
