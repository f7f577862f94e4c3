"""Comparisons that say something else than what was measured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from moa_cli.comparisons.document import Comparison


def rewritten(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Alters a file of JSON in place, as if it had been written so."""
    content = json.loads(path.read_text())
    content.pop("sum", None)
    change(content)
    path.write_text(json.dumps(content))


def edited(comparison: Comparison, change: Callable[[dict[str, Any]], object]) -> Comparison:
    """A comparison after `change` has altered its JSON in place. ValueError where that is none any more."""
    content = json.loads(comparison.to_json())
    del content["sum"]
    change(content)
    return Comparison.from_json(json.dumps(content))
