"""A small part of what `tests.chaos.fuzz` tries, the same in every run."""

from __future__ import annotations

from pathlib import Path

from tests.chaos.fuzz import fuzz
from tests.chaos.readers import readers


def test_what_is_right_is_read(tmp_path: Path) -> None:
    for reader in readers(tmp_path):
        path = tmp_path / reader.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(reader.data)
        reader.read(path)


def test_what_is_damaged_is_read_or_refused() -> None:
    found = fuzz(range(5))
    wrong = [one for one in found if one.outcome not in ("read", "refused")]
    assert not wrong
    assert len(found) > 100
    assert sum(one.outcome == "refused" for one in found) > len(found) // 3
