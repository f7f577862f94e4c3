"""The cache of scores: what is not as it was written is not known, and the rest is."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from benchmarks.common.ledger import telling
from benchmarks.rewards.known import ScoreCache, Scored

SCORES: Scored = {("q", str(k)): (k / 7, k) for k in range(600)}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    ScoreCache.write(tmp_path / "scores.sqlite", SCORES)
    return tmp_path / "scores.sqlite"


def test_a_changed_score_is_not_used(cache: Path) -> None:
    assert ScoreCache.read(cache, list(SCORES)) == SCORES
    with sqlite3.connect(cache) as connection:
        connection.execute("UPDATE scored SET value = value + 100 WHERE tokens = 3")
        connection.execute("UPDATE scored SET value = 'text' WHERE tokens = 5")
    found = ScoreCache.read(cache, list(SCORES))
    assert set(SCORES) - set(found) == {("q", "3"), ("q", "5")}
    ScoreCache.write(cache, {key: SCORES[key] for key in SCORES if key not in found})
    assert ScoreCache.read(cache, list(SCORES)) == SCORES


def test_scores_of_a_time_without_sums_are_used(cache: Path) -> None:
    with sqlite3.connect(cache) as connection:
        connection.execute("DROP TABLE sums")
    assert ScoreCache.read(cache, list(SCORES)) == SCORES


HARMS = {
    "no database": lambda b: b"no database" * 500,
    "cut": lambda b: b[:5000],
    "zeros": lambda b: b[:100] + bytes(len(b) - 100),
    "of another format": lambda b: b[:44] + b"\xff" * 4 + b[48:],
    "names that are no text": lambda b: b.replace(b"tablescored", b"tablesco\xc2\xffd").replace(
        b"TABLE sco", b"TABLX sco"
    ),
    "of other columns": lambda b: b.replace(b"sums (answer BLOB", b"sums (answeR_BLOB"),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_a_file_that_is_none_is_set_aside_and_begun_anew(cache: Path, harm) -> None:
    with sqlite3.connect(cache) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    cache.write_bytes(harm(cache.read_bytes()))
    lines: list[str] = []
    with telling(lines.append):
        found = ScoreCache.read(cache, list(SCORES))
        ScoreCache.write(cache, SCORES)
    assert found.items() <= SCORES.items()
    assert ScoreCache.read(cache, list(SCORES)) == SCORES
    assert lines == [f"{cache} is damaged: answers are scored anew"]
    assert (cache.parent / f".{cache.name}.damaged").exists()


def test_where_nothing_can_be_written_nothing_is_known(tmp_path: Path) -> None:
    """The folder is missing; no permission stops root."""
    ScoreCache.write(tmp_path / "none" / "scores.sqlite", SCORES)
    assert ScoreCache.read(tmp_path / "none" / "scores.sqlite", list(SCORES)) == {}
