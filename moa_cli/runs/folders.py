"""Runs on disk: where they lie, what is known about them, which of them are done.

<home>/<benchmark>/<method>/<digest>-s<seed>/run.json

The digest of a run is that of what its training depends on. What it was measured with names the folders in it: its
fronts lie side by side.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import fields
from pathlib import Path

from benchmarks import BadInput, Benchmark
from benchmarks.common import class_content, digest, plain
from methods import TAKEN, Method, answering_config, find_method, method_name, training_config

FRONT, DEV, SWEEP, SWEEP_BEFORE = "front", "dev", "sweep", "sweep-before"
"""What is measured of a run: its front, that on dev prompts, and what `moa study controllability` looks at."""


def front_name(benchmark: Benchmark, method: Method | None, kind: str = FRONT) -> str:
    """The name of the folder in a run where a front lies, or another `kind`: a function of what it is measured with.

    That is the benchmark with its number of prompts, and those hyperparameters of a method that act when it answers.
    """
    answering = answering_config(method) if method else {}
    return f"{kind}-{digest([benchmark.measuring_identity, plain(answering)])[:8]}"


def bytes_of(path: Path) -> int:
    """Bytes of a file, or of all files in a folder. What links lead to does not count."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum(
        (Path(folder) / name).lstat().st_size for folder, _, names in os.walk(path, followlinks=False) for name in names
    )


def fronts_in(run: Path, kind: str = FRONT) -> list[Path]:
    """The folders in a run where a front is, or another `kind`; one whose measuring was interrupted is left out."""
    return sorted(path.parent for path in run.glob(f"{kind}-{'[0-9a-f]' * 8}/front.json"))


def beside_front(front: Path, kind: str) -> Path:
    """Where another kind lies that was measured with the same as this front."""
    return front.with_name(f"{kind}{front.name.removeprefix(FRONT)}")


def run_folder(benchmark: Benchmark, method: Method, seed: int) -> Path:
    """Where a run lies: a function of what is trained on what. What acts only when it answers does not count.

    A method that did not come with moa may change: its code counts, but for comments, layout and docstrings.
    """
    return benchmark.home / benchmark.name / method_name(type(method)) / run_name(benchmark.identity, method, seed)


def run_name(identity: str, method: Method, seed: int) -> str:
    """The name of a run's folder, on a benchmark of this identity."""
    code = [told] if (told := code_of(type(method))) else []
    return f"{digest([identity, plain(training_config(method)), *code])[:8]}-s{seed}"


def code_of(cls: type[Method]) -> str:
    """Twelve hex digits of what the file of a method did when it was loaded, whatever its comments and layout; "" for
    one that came with moa, whose code is that of a version. BadInput for one that is in no file."""
    return "" if cls.__module__.startswith("methods.") else class_content(cls)


def given_folder(benchmark: Benchmark, method: str, seed: int, content: str) -> Path:
    """Where answers that were made elsewhere lie: a function of what they are and what they are measured by."""
    return benchmark.home / benchmark.name / as_slug(method) / f"{digest([benchmark.identity, content])[:8]}-s{seed}"


def as_slug(name: str) -> str:
    """A name as that of a folder: empty where nothing of it is left."""
    return re.sub(r"[^\w.-]+", "-", name).strip("-.")


def foundation(method: Method) -> Method | None:
    """The method that this one builds on, with the same hyperparameters; None where it builds on none."""
    if method.builds_on is None:
        return None
    cls, ours = find_method(method.builds_on), {f.name for f in fields(method)}
    return cls(**{f.name: getattr(method, f.name) for f in fields(cls) if f.name in ours})


def method_source(cls: type[Method]) -> str:
    """What `find_method` finds the class by: its name, or its file where it did not come with moa."""
    name = method_name(cls)
    if cls.__module__ == f"methods.{name.replace('-', '_')}":
        return name
    return str(Path(str(sys.modules[cls.__module__].__file__)).resolve())


def find_runs(home: Path, benchmarks: Sequence[str] = (), methods: Sequence[str] = ()) -> list[Path]:
    """Folders of the runs under `home`, of some benchmarks and methods or of all. BadInput where `home` is a file.

    A folder that may not be looked into counts as one: reading it says that there is no permission.
    """
    if home.is_file():
        raise BadInput(f"{home} is a file", "runs lie in a folder", "name the folder with --runs DIR")
    found = []
    for path in _below(home, 3):
        benchmark, method = (*path.relative_to(home).parts, None, None)[:2]
        if (benchmarks and benchmark not in (None, *benchmarks)) or (methods and method not in (None, *methods)):
            continue
        found.append(path)
    return found


def _below(folder: Path, levels: int) -> Iterator[Path]:
    """Folders of runs so many levels below, in order, and in place of theirs those that may not be looked into."""
    try:
        if levels == 0:
            if _is_run(folder):
                yield folder
            return
        inner = sorted(path for path in folder.iterdir() if path.is_dir())
    except PermissionError:
        yield folder
        return
    except (FileNotFoundError, NotADirectoryError):
        return
    for path in inner:
        yield from _below(path, levels - 1)


def _is_run(folder: Path) -> bool:
    """Whether a folder is called as runs are, and has a record."""
    return "-s" in folder.name and (folder / "run.json").exists()


def run_around(path: Path) -> Path | None:
    """The run that a path lies in, wherever the store of that is; None where it lies in none."""
    place = path.resolve()
    return next((folder for folder in (place, *place.parents) if _is_run(folder)), None)


def taken_around(path: Path, home: Path) -> Path | None:
    """The folder under `home` of what was prepared, or tuned, that a path lies in; None where it lies in none."""
    place, store = path.resolve(), home.resolve()
    if not place.is_relative_to(store):
        return None
    benchmark, folder = (*place.relative_to(store).parts, "", "")[:2]
    return store / benchmark / folder if folder in TAKEN else None


def check_home(home: Path) -> None:
    """BadInput where nothing could be written under `home`. Writes nothing."""
    there = next(path for path in (home, *home.absolute().parents) if path.exists() or path.is_symlink())
    if there.is_dir() and os.access(there, os.W_OK | os.X_OK):
        return
    reason = f"{there} is a file" if there.exists() else f"{there} is a link that leads nowhere"
    reason = "the folder is not ours to write to" if there.is_dir() else reason
    raise BadInput(
        f"cannot write to {home}: {reason}",
        "results are kept there, so nothing was started",
        "choose another folder with --runs DIR, or mend the permissions",
    )
