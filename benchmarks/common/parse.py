"""JSON and TOML from anywhere: what cannot be used is a ValueError, whatever it is."""

from __future__ import annotations

import json
import math
import tomllib
from typing import Any

DEEPEST = 64
"""Levels of lists and tables within each other [choice]: no file of ours has ten, and Python's stack ends at some
hundred."""


def json_of(text: str | bytes, *, finite: bool = False) -> Any:
    """What a JSON text says. ValueError for one that is none, or is nested too deeply; `finite`, for 1e400 too."""
    try:
        return _shallow(json.loads(text), finite)
    except RecursionError as error:
        raise ValueError(_DEEP) from error


def check_finite_json(content: Any) -> None:
    """ValueError where JSON types hold a number such as 1e400."""
    _shallow(content, finite=True)


def toml_of(text: str) -> dict[str, Any]:
    """What a TOML text says. ValueError for one that is none, or is nested too deeply.

    Editors on Windows begin a file with a mark of its encoding, which is not part of it.
    """
    text = text.removeprefix("\ufeff")
    if any(line.partition("=")[0].count(".") > 1000 for line in text.splitlines()):
        raise ValueError(_DEEP)  # Python reads a.a.a... in the square of its length
    try:
        found: dict[str, Any] = _shallow(tomllib.loads(text))
    except RecursionError as error:
        raise ValueError(_DEEP) from error
    return found


_DEEP = f"it is nested deeper than {DEEPEST} levels"


def _shallow(value: Any, finite: bool = False) -> Any:
    """The value. ValueError where it is nested too deeply for what comes after."""
    layer = [value]
    for _ in range(DEEPEST + 1):
        inner = [v for v in layer if isinstance(v, dict | list)]
        if finite and not all(math.isfinite(v) for v in layer if isinstance(v, float)):
            raise ValueError("it has a number that is not finite")
        if not inner:
            return value
        layer = [one for v in inner for one in (v.values() if isinstance(v, dict) else v)]
    raise ValueError(_DEEP)
