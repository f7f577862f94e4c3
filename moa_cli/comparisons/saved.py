"""Comparisons that were saved as .json: read, and checked before any work begins."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks import BadInput
from moa_cli.comparisons.comparison import COMPARISON_SCHEMA

Shape = type | tuple[type, ...] | dict[str, "Shape"] | list["Shape"]
"""What JSON must be: of a type or one of several, a table with at least these entries, a list of such items."""


_NUMBER = (int, float)


_VOLUME: dict[str, Shape] = {"hypervolume": _NUMBER, "hv_low": _NUMBER, "hv_high": _NUMBER}


_ROW: dict[str, Shape] = {
    "method": str, "steering": str, "seeds": [int], "config": dict, **_VOLUME, "evaluator": _VOLUME, "cost": dict,
    "kl": (int, float, type(None)), "collapse": _NUMBER, "points": [dict], "runs": [{"seed": int, "points": [dict]}],
}  # fmt: skip


_BENCHMARK: dict[str, Shape] = {
    "name": str, "version": str, "objectives": [str], "ref": [_NUMBER], "card": dict, "prompts": int,
    "keeps_collapsed": bool, "rows": [_ROW], "pairs": [{"a": str, "b": str}],
}  # fmt: skip


_DOCUMENT: dict[str, Shape] = {"benchmarks": [_BENCHMARK]}


_PAIR: dict[str, Shape] = {"a": str, "b": str, "difference": _NUMBER, "low": _NUMBER, "high": _NUMBER}


_POINT: dict[str, Shape] = {"label": str, "weights": list, "reward": list, "evaluator": list, "collapsed_seeds": int}


_CARD: dict[str, Shape] = {"rewards": [str], "evaluators": [str]}


_SHOWN: dict[str, Shape] = {"benchmarks": [{"card": _CARD, "pairs": [_PAIR], "rows": [{"points": [_POINT]}]}]}
"""What tables need beyond that; a baseline of an earlier version may do without."""


def is_saved(path: Path) -> bool:
    """Whether a path is called as a saved comparison is."""
    return path.suffix.lower() == ".json"


def read_saved(path: Path) -> dict[str, Any]:
    """The comparison in a file, as gates need it.

    BadInput where it cannot be read, is something else, or lacks entries.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise _refused(path, error.strerror or "it cannot be read") from error
    except ValueError as error:
        raise _refused(path, "it is not JSON, or was cut short") from error
    schema = document.get("schema") if isinstance(document, dict) else None
    if schema != COMPARISON_SCHEMA:
        raise _refused(path, f"it says {schema}" if schema else "it says no schema")
    _check(document, _DOCUMENT, path)
    return document


def read_shown(path: Path) -> dict[str, Any]:
    """The comparison in a file, as tables need it.

    BadInput where it cannot be read, is something else, or lacks entries.
    """
    document = read_saved(path)
    _check(document, _SHOWN, path)
    return document


def _check(document: dict[str, Any], shape: Shape, path: Path) -> None:
    if lack := _fault(document, shape, ""):
        raise _refused(path, f"it is damaged, or of an earlier version: {lack}")


def _refused(path: Path, reason: str) -> BadInput:
    return BadInput(
        f"{path} is no saved comparison: {reason}",
        f'a saved comparison is a .json file that says "schema": "{COMPARISON_SCHEMA}"',
        "make one with moa compare -o FILE.json",
    )


def _fault(value: Any, shape: Shape, where: str) -> str:
    """The first place where JSON has not the shape, empty where there is none."""
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return f"{where} is no table"
        missing = [f"{where}.{key}".lstrip(".") for key in shape if key not in value]
        if missing:
            return f"{missing[0]} is missing"
        return next(
            filter(None, (_fault(value[k], inner, f"{where}.{k}".lstrip(".")) for k, inner in shape.items())), ""
        )
    if isinstance(shape, list):
        if not isinstance(value, list):
            return f"{where} is no list"
        return next(filter(None, (_fault(item, shape[0], f"{where}[{i}]") for i, item in enumerate(value))), "")
    return "" if isinstance(value, shape) else f"{where} is {json.dumps(value)[:40]}"
