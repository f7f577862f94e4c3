"""Damaged files in all that reads: `python -m tests.chaos.fuzz 1000` tries a thousand of each kind, and prints figures.

An input is read or refused. Anything else, an exception that nobody turned into a refusal or a reading that does not
end, is printed with the seed that makes it again, and the exit code is 1.
"""

from __future__ import annotations

import logging
import random
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.common.errors import BadInput
from tests.chaos.harm import BYTES, TEXT
from tests.chaos.place import Trial
from tests.chaos.readers import Reader, readers

HANGS = 20
"""Seconds after which a reading is taken for one that does not end."""


class Hang(Exception):
    """A reading that does not end."""


def _alarm(*_: object) -> None:
    raise Hang


class Found(NamedTuple):
    """What came of one input."""

    reader: str
    seed: int
    outcome: str
    """"read", "refused", "traceback" or "hang"."""
    story: str = ""


def attempt(reader: Reader, folder: Path, seed: int) -> Found:
    """Reads a file that was damaged as the seed says."""
    draw = random.Random(f"{reader.name} {seed}")
    data = draw.choice(BYTES if reader.name.endswith((".parquet", ".gz", ".sqlite", ".safetensors")) else TEXT)(
        reader.data, draw
    )
    path = folder / reader.name
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_bytes() if path.exists() else None
    path.write_bytes(data)
    signal.signal(signal.SIGALRM, _alarm)
    signal.alarm(HANGS)
    try:
        reader.read(path)
        return Found(reader.name, seed, "read")
    except BadInput:
        return Found(reader.name, seed, "refused")
    except Hang:
        return Found(reader.name, seed, "hang")
    except Exception as error:
        return Found(reader.name, seed, "traceback", f"{type(error).__name__}: {error!s:.100} {_place(error)}")
    finally:
        signal.alarm(0)
        if before is not None:
            path.write_bytes(before)
        else:
            path.unlink(missing_ok=True)


def _place(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [f for f in frames if "site-packages" not in f.filename and "/lib/python" not in f.filename]
    return " < ".join(f"{Path(f.filename).name}:{f.lineno}" for f in own[::-1][:3])


def fuzz(seeds: Sequence[int], only: str = "") -> list[Found]:
    """Every reader with every seed."""
    logging.getLogger("moa").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        chosen = [reader for reader in readers(folder) if only in reader.name]
        return [attempt(reader, folder, seed) for reader in chosen for seed in seeds]


def read(count: int, seed: int, number: int) -> Trial:
    """So many damaged files of every kind that is read."""
    found = fuzz(range(seed + number * count, seed + (number + 1) * count))
    wrong = [one for one in found if one.outcome not in ("read", "refused")]
    return Trial("read", len(found), tuple(f"{one.reader} seed {one.seed}: {one.outcome} {one.story}" for one in wrong))


def main(count: int, only: str = "") -> int:
    """Prints figures, and what is wrong by where it happens."""
    found = fuzz(range(count), only)
    outcomes = ("read", "refused", "traceback", "hang")
    print(f"{'input':30}{'tried':>8}" + "".join(f"{outcome:>11}" for outcome in outcomes))
    for name in (*dict.fromkeys(one.reader for one in found), "all"):
        counted = Counter(one.outcome for one in found if name in ("all", one.reader))
        print(f"{name:30}{counted.total():8}" + "".join(f"{counted[outcome]:11}" for outcome in outcomes))
    wrong = [one for one in found if one.outcome in ("traceback", "hang")]
    for (reader, story), times in Counter((one.reader, one.story) for one in wrong).most_common(40):
        seed = next(one.seed for one in wrong if (one.reader, one.story) == (reader, story))
        print(f"{reader} seed {seed} ({times} times): {story or 'does not end'}")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 200, *sys.argv[2:3]))
