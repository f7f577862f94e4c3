"""Nothing found in a store is code: a file of Python is run only where the command line names it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from benchmarks import BadInput
from benchmarks.common import to_type


def check_method_named(method: str, *, named: Collection[Path] = ()) -> None:
    """BadInput where the method of a run is a Python file that is not among the files `named` (resolved paths)."""
    if _is_python(method):
        check_code_named(f"the method {method} is a Python file", "-m", method, named)


def check_benchmark_named(source: str, *, named: Collection[Path] = ()) -> None:
    """BadInput where the benchmark of a run is a Python file that is not among the files `named` (resolved paths)."""
    if _is_python(source):
        check_code_named(f"the benchmark {source} is a Python file", "-b", source, named)


def _is_python(name: str) -> bool:
    """Whether it names a file of Python, in whatever spelling: "mine.py/" and "mine.py/." are opened too."""
    return Path(name).suffix == ".py"


def check_code_named(what: str, option: str, file: str, named: Collection[Path]) -> None:
    """BadInput that says `what` the code is and how to name it, where its file is not among those `named`."""
    if Path(file).resolve() in named:
        return
    if not Path(file).is_file():
        raise BadInput(
            f"{what}, which is not there any more",
            "a run is made a policy of, and measured, by the file that its record names",
            f"put it back; or moa compare with {option} where it lies now, which trains nothing anew if it is the same",
        )
    raise BadInput(
        f"{what}, which this command does not name",
        "a runs folder may come from anybody, so the code that it names is not run by itself",
        f"if you trust it, add {to_type(option, file)}",
    )
