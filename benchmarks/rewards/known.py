"""What is scored already, on disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path

Scored = dict[tuple[str, str], tuple[float, int]]
"""Score and length in tokens of each (prompt, response)."""


class ScoreCache:
    """Scores on disk, one SQLite file per model and how it is read: an answer is scored once, whichever run asks."""

    @staticmethod
    def _key(answer: tuple[str, str], label: int) -> bytes:
        asked = [*answer, str(label)] if label else [*answer]
        if any("\0" in text for text in answer):  # which would part them elsewhere
            asked = [json.dumps(asked)]
        return hashlib.blake2b("\0".join(asked).encode(), digest_size=16).digest()

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=60)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=OFF")
        columns = "answer BLOB PRIMARY KEY, value REAL, tokens INTEGER"
        connection.execute(f"CREATE TABLE IF NOT EXISTS scored ({columns}) WITHOUT ROWID")
        return connection

    @classmethod
    def read(cls, path: Path, answers: Sequence[tuple[str, str]], label: int = 0) -> Scored:
        """Those of the answers that are in the file, with their scores under a label."""
        keys = {cls._key(a, label): a for a in answers}
        found: Scored = {}
        connection = cls._open(path)
        wanted = list(keys)
        for start in range(0, len(wanted), 500):
            part = wanted[start : start + 500]
            marks = ",".join("?" * len(part))
            for key, *scored in connection.execute(f"SELECT * FROM scored WHERE answer IN ({marks})", part):
                found[keys[key]] = tuple(scored)
        connection.close()
        return found

    @classmethod
    def write(cls, path: Path, scores: Scored, label: int = 0) -> None:
        """Adds scores under a label to the file."""
        connection = cls._open(path)
        with connection:
            rows = [(cls._key(a, label), *scored) for a, scored in scores.items()]
            connection.executemany("INSERT OR REPLACE INTO scored VALUES (?, ?, ?)", rows)
        connection.close()
