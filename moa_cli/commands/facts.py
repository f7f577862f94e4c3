"""What `moa list` and `moa show` say, as documents."""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, asdict, fields
from difflib import get_close_matches
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import BadInput, Benchmark, benchmark_names, load_benchmark
from benchmarks.common import plain, type_words
from benchmarks.prepare import stored_card
from methods import Method, find_method, method_name, method_names
from moa_cli.runs import (
    GIVEN,
    Record,
    find_runs,
    front_document,
    hyperparameter_types,
    last_rows,
    read_record,
    run_status,
)


def method_rows() -> list[dict[str, str]]:
    """All methods, each in a line."""
    found = {name: find_method(name) for name in method_names()}
    return [{"name": n, "steering": cls.steering, "summary": _module_line(cls)} for n, cls in found.items()]


def benchmark_rows(names: Sequence[str], home: Path) -> list[dict[str, Any]]:
    """Benchmarks, each in a line."""
    return [_benchmark_line(name, home) for name in names]


def run_rows(home: Path) -> list[dict[str, Any]]:
    """All runs under a folder; one that cannot be read says so."""
    rows = []
    for folder in find_runs(home):
        try:
            record = read_record(folder)
            facts: dict[str, Any] = {
                "status": run_status(folder, record),
                "seed": record.seed,
                "front": front_document(folder) is not None,
                "settings": _settings(record),
            }
        except BadInput:
            facts = {"status": "damaged", "seed": None, "front": False, "settings": {}}
        rows.append({"path": str(folder)} | facts)
    return rows


def _settings(record: Record) -> dict[str, Any]:
    """What was set for a run: options of the benchmark, and hyperparameters other than the method's defaults.

    All of them where the method is no longer there to say.
    """
    config: Mapping[str, Any] = record.config
    with suppress(BadInput):
        defaults = _defaults(record.method) if record.steering != GIVEN else {}
        config = {name: value for name, value in config.items() if name not in defaults or value != defaults[name]}
    return {**record.benchmark.get("options", {}), **config}


@cache
def _defaults(method: str) -> dict[str, Any]:
    """The hyperparameters of a method of which nothing is set; found once for all its runs."""
    return plain(asdict(find_method(method)()))


def method_facts(name: str) -> dict[str, Any]:
    """A method and its hyperparameters, with what their docstrings say."""
    cls = find_method(name)
    hints, words = hyperparameter_types(cls), attribute_docstrings(cls)
    return {
        "name": method_name(cls),
        "title": _module_line(cls),
        "steering": cls.steering,
        "summary": inspect.getdoc(cls) or "",
        "hyperparameters": [
            {
                "name": f.name,
                "default": None if f.default is MISSING else plain(f.default),
                "type": type_words(hints[f.name]),
                "meaning": words.get(f.name, ""),
            }
            for f in fields(cls)
        ],
    }


def benchmark_facts(name: str, home: Path) -> dict[str, Any]:
    """A benchmark's description and, where it is prepared, its scale card."""
    return describe(load_benchmark(name, home=home))


def describe(b: Benchmark) -> dict[str, Any]:
    """A benchmark's description and, where it is prepared, its scale card."""
    prepared = stored_card(b)
    return {
        "name": b.name,
        "version": b.version,
        "objectives": [plain(o) for o in b.objectives],
        "policy": b.policy,
        "sampling": plain(b.sampling),
        "eval_prompts": b.eval_prompts,
        "grid": plain(b.grid),
        "trained_grid": plain(b.trained_grid),
        "max_prompt_tokens": b.max_prompt_tokens,
        "seed": b.seed,
        "scratch": plain(b.scratch),
        "identity": b.identity,
        "prepared": prepared,
    }


def run_facts(folder: Path) -> dict[str, Any]:
    """A run's run.json, whether it is measured, and the end of its log."""
    record = read_record(folder)
    return plain(record) | {
        "status": run_status(folder, record),
        "front": front_document(folder) is not None,
        "log": last_rows(folder, 5),
    }


def attribute_docstrings(cls: type) -> dict[str, str]:
    """The strings below the fields of a class and of those it inherits from, by field."""
    words: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if issubclass(base, Method) or base.__module__.startswith("methods."):
            words |= _docstrings_in(base)
    return words


def _docstrings_in(cls: type) -> dict[str, str]:
    tree = ast.parse(inspect.getsource(sys.modules[cls.__module__]))
    body = next(n.body for n in ast.walk(tree) if isinstance(n, ast.ClassDef) and n.name == cls.__name__)
    return {
        here.target.id: inspect.cleandoc(below.value.value)
        for here, below in pairwise(body)
        if isinstance(here, ast.AnnAssign)
        and isinstance(here.target, ast.Name)
        and isinstance(below, ast.Expr)
        and isinstance(below.value, ast.Constant)
        and isinstance(below.value.value, str)
    }


def _module_line(cls: type) -> str:
    """The first line of the docstring of the file, which names the paper; of the class where the file has none."""
    words = sys.modules[cls.__module__].__doc__ or cls.__doc__ or ""
    return words.strip().splitlines()[0] if words.strip() else ""


def _benchmark_line(name: str, home: Path) -> dict[str, Any]:
    module = __import__(f"benchmarks.{name.replace('-', '_')}", fromlist=["benchmark"])
    return {"name": name, "summary": (module.benchmark.__doc__ or "").strip().splitlines()[0]}


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
    fix = "".join(f"did you mean: moa show {name}" for name in [*files, *near][:1]) or "moa list"
    return f"there is nothing called {subject}", "it is no method, benchmark, run or saved comparison", fix
