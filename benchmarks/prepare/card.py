"""The scale card: the units in which one benchmark is measured, frozen at preparation and stored with every front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from benchmarks.common import BadInput, Cost, Document, Part, digest, json_of, not_permitted, stored_bytes, to_type
from benchmarks.spec import REVISION, Description, Sampling, Signal, Split, card_file, root


class Card(Part):
    """Mean and SD of every reward and score over the SFT policy's responses, and what they were taken on.

    All tuples have M entries, in the order of `objectives`. Fronts are comparable exactly when their cards are equal.
    """

    benchmark: str
    version: str
    preparation: int = 0
    """Which of several preparations of the benchmark."""
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
    split: Split = "test"
    """Which prompts fronts are measured on: what was measured on "dev" is never compared with what is reported."""
    prompts: int
    """N, the number of these prompts."""
    prompts_hash: str
    sampling: Sampling

    def on(self, split: Split, prompts: Sequence[str]) -> Card:
        """The card of fronts that are measured on the prompts of another split, in the same units."""
        return self.model_copy(update={"split": split, "prompts": len(prompts), "prompts_hash": digest(prompts)})

    @property
    def hash(self) -> str:
        """Twelve hex digits: equal cards, equal hash."""
        return digest(self.model_dump(mode="json"))

    @property
    def not_held_out(self) -> tuple[str, ...]:
        """The objectives whose reward is its own evaluator."""
        scorers = zip(self.objectives, self.rewards, self.evaluators, strict=True)
        return tuple(name for name, reward, evaluator in scorers if reward == evaluator)

    @property
    def units_hash(self) -> str:
        """Twelve hex digits of what methods train in: rewards and their units, policy, decoding.

        It is the same on however many prompts and with whatever evaluators fronts are measured.
        """
        kept = {"benchmark", "preparation", "objectives", "policy", "rewards", "reward_mean", "reward_std", "sampling"}
        return digest(self.model_dump(mode="json", include=kept))

    @property
    def scale_hash(self) -> str:
        """Twelve hex digits of all but how many prompts and which: fronts of one scale differ in nothing else."""
        return digest(self.model_dump(mode="json", exclude={"prompts", "prompts_hash"}))

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

    def prepared_anew(self, other: Card) -> bool:
        """Whether two cards differ in what was measured alone: of the same parts, whose numbers came out otherwise."""
        return {"reward_mean", "reward_std", "score_mean", "score_std"}.issuperset(self.differences(other))


class PairAccuracy(Part):
    """Share of held-out pairs, by objective, in which the chosen response is ranked higher."""

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
    tagged: float
    """Share of the texts that the starting policy was trained on here that had tags before them, 0 to 1."""

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
    SUMMED: ClassVar[bool] = True

    card: Card
    report: Report
    revision: int = REVISION
    """Of the code that prepared the benchmark."""


def stored_card(benchmark: Description) -> StoredCard | None:
    """What `prepare` left, None where it has not run. BadInput for a file that cannot be used. No model is loaded."""
    path = card_file(benchmark)
    try:
        return StoredCard.from_json(stored_bytes(path))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError) as error:
        raise BadInput(
            f"cannot use {path}", f"the scale card in it cannot be read: {error}",
            f"{to_type('rm', path)}; then moa prepare or train makes it again",
        ) from error  # fmt: skip


def not_prepared(benchmark: Description) -> BadInput:
    """The refusal of a benchmark that `prepare` has not made, or that an earlier version of it made."""
    fix = f"moa prepare -b {benchmark.typed}"
    if not _prepared_earlier(benchmark):
        why = "its starting policy, rewards and scale card have to be made first"
        return BadInput(f"benchmark {benchmark.name} is not prepared", why, fix)
    return BadInput(
        f"benchmark {benchmark.name} was prepared by an earlier version of moa",
        "its data, or how they are used, changed since: what was made and measured then has other units",
        f"{fix}; then train and measure again",
    )


def _prepared_earlier(benchmark: Description) -> bool:
    """Whether some preparation is there, all of them of earlier revisions."""
    cards = [*root(benchmark).glob("card-*.json")]
    return bool(cards) and all(_revision(card) < REVISION for card in cards)


def _revision(card: Path) -> int:
    """Of the code that left a card, 0 where it did not say. Damaged ones count as this version's."""
    try:
        return int(json_of(stored_bytes(card)).get("revision", 0))
    except (OSError, ValueError, TypeError, AttributeError):
        return REVISION
