"""A talk with the policies of a run: what was said is one dialogue, whichever of them answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from benchmarks import Policy, Weights
from benchmarks.spec import Message, dialogue
from moa_cli.runs import Contestant
from moa_cli.runs.export.run import in_dialogues, policy_of


@dataclass
class Talk:
    """Questions and answers so far, and whose turn it is."""

    run: Contestant
    weights: Weights
    turns: list[Message] = field(default_factory=list)
    asked: int = 0
    """How often an answer was drawn: the same question gets another one."""

    def __post_init__(self) -> None:
        self.alone = not in_dialogues(self.run.benchmark)
        """Whether a question that is the first is shown as it is."""
        self.policy = lru_cache(maxsize=4)(self._policy)

    def ask(self, question: str) -> Iterator[str]:
        """The answer as it grows. Both are remembered."""
        prompt, answer = self._prompt(question, self.turns), ""
        self.asked += 1
        for answer in self.policy(self.weights).stream(prompt, self.run.benchmark.sampling, self.asked):
            yield answer
        said = ("user", question), ("assistant", answer)
        self.turns += [{"role": role, "content": content} for role, content in said]

    def both(self, question: str, weights: tuple[Weights, Weights]) -> list[str]:
        """The answers for both weights to a question, "" for the last one again, drawn with the same random numbers.

        Nothing of it is remembered.
        """
        before = self.turns if question else self.turns[:-2]
        prompt = self._prompt(question or self.turns[-2]["content"], before)
        self.asked += 1
        sampling, seed = self.run.benchmark.sampling, self.asked
        return [self.policy(w).generate([prompt], sampling, seed)[0] for w in weights]

    def reset(self) -> None:
        """Forgets what was said."""
        self.turns.clear()

    def _prompt(self, question: str, before: list[Message]) -> str:
        if self.alone and not before:
            return question
        return dialogue([*before, {"role": "user", "content": question}])

    def _policy(self, weights: Weights) -> Policy:
        return policy_of(self.run, weights)
