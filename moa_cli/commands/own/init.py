"""`moa init`."""

from __future__ import annotations

import re
from keyword import iskeyword
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.common import to_type
from moa_cli.commands.options import Verbose
from moa_cli.console import out, refuse, say


def init(
    what: Annotated[str, typer.Argument(metavar="method|benchmark")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the method, or of the benchmark's file.")],
    verbose: Verbose = False,
) -> None:
    """Write a method or a benchmark to start from: it runs as it is, and comments say what to change.

    Nothing that exists is overwritten.

    \b
    moa init method pref-dpo
    moa init benchmark helpdesk.toml
    """
    makers = {"method": _method, "benchmark": _benchmark}
    if what not in makers:
        fix = to_type("moa", "init", "method", name)
        refuse(f"moa init writes no {what}", "it writes a method or a benchmark", fix)
    files = makers[what](Path(name))
    if there := [path for path in files if path.exists()]:
        refuse(
            f"{', '.join(map(str, there))} exists" if len(there) == 1 else f"{', '.join(map(str, there))} exist",
            "moa init overwrites nothing",
            f"moa init {what} with another name, or move what is there",
        )
    missing = next((path.parent for path in files if not path.parent.is_dir()), None)
    if missing is not None:
        fix = to_type("mkdir", "-p", missing)
        refuse(f"there is no folder {missing}", "files are written into folders that exist", fix)
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
        out(str(path))
    say(f"next: {to_type('moa', 'check', next(iter(files)))}")


def _method(name: Path) -> dict[Path, str]:
    """The file of a method: pref-dpo, pref_dpo or pref_dpo.py has the class PrefDpo."""
    from methods import TAKEN, method_names
    from moa_cli.commands.common.starts import METHOD, start

    stem = name.name.removesuffix(".py").replace("-", "_")
    cls = "".join(word[:1].upper() + word[1:] for word in stem.split("_"))
    if not re.fullmatch(r"[A-Za-z]\w*", stem, re.ASCII) or iskeyword(cls):
        refuse(
            f"{name.name!r} cannot name a method",
            "its file and its class in Python are called so",
            "take letters, digits and hyphens, a letter first, and no word of Python: moa init method pref-dpo",
        )
    own = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", cls).lower()
    if own in method_names():
        refuse(f"{own} comes with moa", "runs of both would lie in one folder", f"moa init method my-{own}")
    if own in TAKEN:
        refuse(f"moa keeps something else in the folder {own}", "runs would lie among it", f"moa init method my-{own}")
    path = name.with_name(f"{stem}.py")
    return {path: start(METHOD).replace("MyMethod", cls).replace("FILE", to_type(path))}


def _benchmark(name: Path) -> dict[Path, str]:
    """The files of a benchmark: its table, and beside it rewards and data."""
    from benchmarks import benchmark_names
    from moa_cli.commands.common.starts import BENCHMARK, start

    path = name.with_suffix(".toml") if name.name and not name.suffix else name
    if path.suffix != ".toml" or not re.fullmatch(r"[A-Za-z][\w-]*", path.stem, re.ASCII):
        refuse(
            f"{name} cannot be the file of a benchmark",
            "moa init writes TOML, and a folder is called so, too: letters of ASCII, digits, - and _, a letter first",
            "moa init benchmark helpdesk.toml",
        )
    if path.stem in benchmark_names():
        fix = f"moa init benchmark my-{path.stem}.toml"
        refuse(f"{path.stem} comes with moa", "runs of both would lie in one folder", fix)
    stem = path.stem.replace("-", "_")
    rewards, data = path.with_name(f"{stem}_rewards.py"), path.with_name(f"{stem}_data.jsonl")
    table, functions, rows = map(start, BENCHMARK)
    table = table.replace("FILE", to_type(path)).replace("DATA", data.name).replace("REWARDS", rewards.name)
    return {path: table, rewards: functions, data: rows}
