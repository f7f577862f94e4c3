"""What a name that somebody typed stands for."""

from __future__ import annotations

import re
from difflib import get_close_matches
from pathlib import Path

from benchmarks import benchmark_names
from benchmarks.common import to_type
from methods import method_names
from moa_cli.runs import TUNED


def is_method(subject: str) -> bool:
    """Whether it names a method, or a Python file that holds one; another Python file may hold a benchmark."""
    path = Path(subject)
    return subject.lower().replace("_", "-") in method_names() or (
        path.suffix == ".py"
        and path.is_file()
        and bool(re.search(r"^class \w+\(.*\bMethod\)", path.read_text(encoding="utf-8"), re.M))
    )


def is_benchmark(subject: str) -> bool:
    """Whether it names a benchmark, or a file that is to hold one."""
    path = Path(subject)
    return subject in benchmark_names() or (path.suffix in (".toml", ".py") and path.is_file())


def nothing_called(subject: str) -> tuple[str, str, str]:
    """What, why and what to type, where nothing has this name."""
    if subject.endswith((".toml", ".py")):
        kind = "a method or a benchmark" if subject.endswith(".py") else "a benchmark"
        return f"there is no file {subject}", f"it was named as {kind}", "check the path"
    near = get_close_matches(subject.lower(), [*method_names(), *benchmark_names()], n=1, cutoff=0.4)
    files = [file for file in (f"{subject}.py", f"{subject}.toml", f"{subject}.json") if Path(file).is_file()]
    fix = "".join(f"did you mean: {to_type('moa', 'show', name)}" for name in [*files, *near][:1]) or "moa list"
    return f"there is nothing called {subject}", "it is no method, benchmark, run or saved comparison", fix


def tunings_called(subject: str, home: Path) -> list[Path]:
    """The documents of searches that "tuned/METHOD" or "BENCHMARK/tuned/METHOD" means, or that is named by its path."""
    path = Path(subject)
    if path.suffix == ".json" and path.parent.name == TUNED and path.is_file():
        return [path]
    if path.parent.name != TUNED or (path.parent.parent.name == "" and path.is_absolute()):
        return []
    return sorted(home.glob(f"{path.parent.parent.name or '*'}/{TUNED}/{path.name}.json"))
