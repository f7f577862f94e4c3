"""The scale card: the units in which one benchmark is measured, frozen at preparation and stored with every front."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from benchmarks.common import BadInput, digest, not_permitted, plain
from benchmarks.spec import Description, Sampling


@dataclass(frozen=True, kw_only=True)
class Card:
    """Mean and SD of every reward and evaluator over the SFT policy's responses, and what they were taken on.

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
    reward_mean: tuple[float, ...]
    reward_std: tuple[float, ...]
    evaluator_mean: tuple[float, ...]
    evaluator_std: tuple[float, ...]
    ref: tuple[float, ...]
    """Lower corner of the hypervolume in benchmark units: two SDs below the SFT mean on every objective."""
    prompts: int
    """N, the number of test prompts."""
    prompts_hash: str
    sampling: Sampling

    @cached_property
    def hash(self) -> str:
        """Twelve hex digits: equal cards, equal hash."""
        return digest(self)

    def ids(self, kind: str) -> tuple[str, ...]:
        """Identity of each "reward" or "evaluator"."""
        return {"reward": self.rewards, "evaluator": self.evaluators}[kind]

    def units(self, kind: str) -> list[tuple[float, float]]:
        """Mean and standard deviation of each "reward" or "evaluator": what is 0 and what is 1 in benchmark units."""
        mean, std = {
            "reward": (self.reward_mean, self.reward_std),
            "evaluator": (self.evaluator_mean, self.evaluator_std),
        }[kind]
        return list(zip(mean, std, strict=True))

    def to_json(self) -> dict[str, Any]:
        """The card as JSON types, with the hash for people to read."""
        return {k: v for k, v in plain(self).items() if k != "kind"} | {"hash": self.hash}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Card:
        """The card whose `to_json` is `data`."""
        facts: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in data.items() if k != "hash"}
        sampling: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data["sampling"].items() if k != "kind"
        }
        facts["sampling"] = Sampling(**sampling)
        return cls(**facts)

    def differences(self, other: Card) -> list[str]:
        """Names of the entries in which two cards differ; empty when they are the same."""
        mine, theirs = self.to_json(), other.to_json()
        return [name for name in mine if name != "hash" and mine[name] != theirs[name]]


def stored_card(benchmark: Description) -> dict[str, Any] | None:
    """What `prepare` left: "card" and "report", None where it has not run. (`benchmark.card` would load torch.)"""
    path = benchmark.home / benchmark.name / "prepared" / f"card-{benchmark.identity}.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError) as error:
        raise BadInput(
            f"cannot use {path}", f"it is damaged: {error}", f"delete it, then: moa prepare -b {benchmark.name}"
        ) from error
