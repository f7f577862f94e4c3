"""Where settings are searched: at the fields of a method."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import JsonValue

from benchmarks.common import Choices, Search

if TYPE_CHECKING:
    from optuna import Trial


def contains(space: Search | Choices, value: JsonValue) -> bool:
    """Whether a value is among those that are searched: a default that is chosen later (None) is not."""
    if isinstance(space, Choices):
        return value in space.values
    return isinstance(value, int | float) and space.low <= value <= space.high


def ends(space: Search | Choices) -> tuple[JsonValue, ...]:
    """Lowest and highest value, or the choices."""
    return space.values if isinstance(space, Choices) else (space.low, space.high)


def suggest(trial: Trial, name: str, space: Search | Choices) -> Any:
    """The value that Optuna proposes for a setting."""
    if isinstance(space, Choices):
        return trial.suggest_categorical(name, space.values)
    if isinstance(space.low, int) and isinstance(space.high, int):
        return trial.suggest_int(name, space.low, space.high, log=space.log)
    return trial.suggest_float(name, space.low, space.high, log=space.log)
