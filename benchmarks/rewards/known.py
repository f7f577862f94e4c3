"""What is scored already, on disk."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.common import remove, set_aside, tell

Scored = dict[tuple[str, str], tuple[float, int]]
"""Score and length in tokens of each (prompt, response)."""


DAMAGED = (
    sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT,
    sqlite3.SQLITE_ERROR, sqlite3.SQLITE_MISMATCH, sqlite3.SQLITE_CONSTRAINT,  # tables are not those that were made
)  # fmt: skip
"""What SQLite says of a file that is not what was written."""


class ScoreCache:
    """Scores on disk, one SQLite file per model and how it is read: an answer is scored once, whichever run asks.

    Every row has its checksum, in a table beside it: one that is not what was written is not known. A file that is none
    is set aside, and begun anew. Where nothing can be written, nothing is.
    """

    @staticmethod
    def _key(answer: tuple[str, str], label: int) -> bytes:
        asked = [*answer, str(label)] if label else [*answer]
        if any("\0" in text for text in answer):  # which would part them elsewhere
            asked = [json.dumps(asked)]
        return hashlib.blake2b("\0".join(asked).encode(), digest_size=16).digest()

    @staticmethod
    def _sum(key: bytes, value: float, tokens: int) -> bytes:
        return hashlib.blake2b(key + struct.pack("<dq", value, tokens), digest_size=8).digest()

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(path, timeout=60)
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        columns = "answer BLOB PRIMARY KEY, value REAL, tokens INTEGER"
        connection.execute(f"CREATE TABLE IF NOT EXISTS scored ({columns}) WITHOUT ROWID")
        connection.execute("CREATE TABLE IF NOT EXISTS sums (answer BLOB PRIMARY KEY, sum BLOB) WITHOUT ROWID")
        return connection

    @classmethod
    def read(cls, path: Path, answers: Sequence[tuple[str, str]], label: int = 0) -> Scored:
        """Those of the answers that are in the file, with their scores under a label."""
        keys = {cls._key(a, label): a for a in answers}
        wanted = list(keys)

        def look(connection: sqlite3.Connection) -> Scored:
            found: Scored = {}
            for start in range(0, len(wanted), 500):
                part = wanted[start : start + 500]
                marks = ",".join("?" * len(part))
                rows = "SELECT answer, value, tokens, sum FROM scored LEFT JOIN sums USING (answer)"
                asked = f"{rows} WHERE answer IN ({marks})"
                for key, value, tokens, told in connection.execute(asked, part):
                    if (
                        isinstance(value, float)
                        and isinstance(tokens, int)
                        and told in (None, cls._sum(key, value, tokens))
                    ):
                        found[keys[key]] = value, tokens
            return found

        return _with(path, look) or {}

    @classmethod
    def write(cls, path: Path, scores: Scored, label: int = 0) -> None:
        """Adds scores under a label to the file."""
        rows = [(cls._key(a, label), float(value), int(tokens)) for a, (value, tokens) in scores.items()]

        def add(connection: sqlite3.Connection) -> None:
            with connection:
                connection.executemany("INSERT OR REPLACE INTO scored VALUES (?, ?, ?)", rows)
                connection.executemany(
                    "INSERT OR REPLACE INTO sums VALUES (?, ?)", ((r[0], cls._sum(*r)) for r in rows)
                )

        _with(path, add)


def _with(path: Path, use: Callable[[sqlite3.Connection], Scored | None]) -> Scored | None:
    """What `use` makes of the file; a damaged one is set aside first, which is told. None where it cannot be opened."""
    for _ in range(2):
        try:
            with closing(ScoreCache._open(path)) as connection:
                return use(connection)
        except UnicodeDecodeError:  # of a name in it, by which SQLite says what is wrong
            pass
        except sqlite3.DatabaseError as error:
            kind = (error.sqlite_errorcode or 0) & 0xFF
            if kind in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN):
                return None
            if kind not in DAMAGED:
                raise
        set_aside(path)
        for beside in ("-wal", "-shm"):
            remove(path.with_name(path.name + beside))
        tell(f"{path} is damaged: answers are scored anew")
    return None
