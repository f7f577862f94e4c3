"""The scale card: the units in which one benchmark is measured, frozen at preparation and stored with every front."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.common import BadInput, Cost, Document, Part, digest, not_permitted
from benchmarks.spec import Description, Sampling, Signal, card_file


class Card(Part):
    """Mean and SD of every reward and score over the SFT policy's responses, and what they were taken on.

    All tuples have M entries, in the order of `objectives`. Fronts are comparable exactly when their cards are equal.
    """

    benchmark: str
    version: str
    objectives: tuple[str, ...]
    policy: str
    """Identity of the starting policy."""
    rewards: tuple[str, ...]
    """Identity of each training reward: id and revision, or content hash."""
    evaluators: tuple[str, ...]
    """Identity of each held-out evaluator."""
    reward_mean: tuple[float, ...]
    reward_std: tuple[float, ...]
    score_mean: tuple[float, ...]
    score_std: tuple[float, ...]
    ref: tuple[float, ...]
    """What the hypervolume lies above, in benchmark units: two SDs below the SFT mean on every objective."""
    prompts: int
    """N, the number of test prompts."""
    prompts_hash: str
    sampling: Sampling

    @property
    def hash(self) -> str:
        """Twelve hex digits: equal cards, equal hash."""
        return digest(self.model_dump(mode="json"))

    def ids(self, signal: Signal) -> tuple[str, ...]:
        """Identity of what gives each objective's rewards or scores."""
        return self.rewards if signal == "rewards" else self.evaluators

    def units(self, signal: Signal) -> list[tuple[float, float]]:
        """Mean and standard deviation per objective: what is 0 and what is 1 in benchmark units."""
        if signal == "rewards":
            return list(zip(self.reward_mean, self.reward_std, strict=True))
        return list(zip(self.score_mean, self.score_std, strict=True))

    def differences(self, other: Card) -> list[str]:
        """Names of the entries in which two cards differ; empty when they are the same."""
        return [name for name in type(self).model_fields if getattr(self, name) != getattr(other, name)]


class PairAccuracy(Part):
    """Share of held-out preference pairs, by objective, in which the chosen response is ranked higher."""

    reward: dict[str, float]
    evaluator: dict[str, float]


class Report(Part):
    """What was found when a benchmark was prepared."""

    pair_accuracy: PairAccuracy
    """Of the rewards and evaluators whose objective has pairs."""
    costs: dict[str, Cost]
    """What each trained part cost: "policy", "tags" (what the starting policy spent on those, which "policy" is
    without), "reward helpful", "evaluator helpful" and so on."""
    collapse: float
    """Share of the starting policy's answers that are collapsed, 0 to 1."""

    @property
    def cost(self) -> Cost:
        """What the parts cost together."""
        total = Cost()
        for cost in self.costs.values():
            total.add(cost)
        return total


class StoredCard(Document):
    """What `prepare` leaves: the scale card, and what was found when it was taken."""

    SCHEMA: ClassVar[str] = "moa.card/3"

    card: Card
    report: Report


def stored_card(benchmark: Description) -> StoredCard | None:
    """What `prepare` left, None where it has not run. BadInput for a file that cannot be used. No model is loaded."""
    path = card_file(benchmark)
    try:
        return StoredCard.from_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError) as error:
        raise BadInput(
            f"cannot use {path}", f"the scale card in it cannot be read: {error}",
            f"delete it, then: moa prepare -b {benchmark.name}",
        ) from error  # fmt: skip
