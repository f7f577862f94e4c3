"""`moa check`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from rich.text import Text

from benchmarks.common import to_type
from moa_cli.commands.options import AsJson, Verbose
from moa_cli.console import is_verbose, out, say


def check(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A method (.py) or a benchmark (.toml, .py).")],
    json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Examine a method or a benchmark of your own, in under a minute: exit code 1 where something is wrong.

    A method is trained on a tiny benchmark and has to do what all methods do; a benchmark is prepared with tiny models.

    \b
    moa check examples/my_method.py
    moa check examples/my_benchmark.toml --json
    """
    from moa_cli.commands.common import examine_benchmark, examine_method, is_benchmark_file
    from moa_cli.jobs import output_to

    kind = "benchmark" if is_benchmark_file(file) else "method"
    say(f"{file} is examined as a {kind}")
    examine = examine_benchmark if kind == "benchmark" else examine_method
    found = []
    with TemporaryDirectory(prefix="moa-check-") as folder:
        checks = examine(file.resolve(), Path(folder))
        while True:
            with output_to(None if is_verbose() else Path(folder) / "output.txt"):
                one = next(checks, None)
            if one is None:
                break
            found.append(one)
            if not json:
                out(Text.assemble(("wrong" if one.wrong else "ok", "red" if one.wrong else "green"), f"  {one.check}"))
            if one.note and not json:
                out(Text(f"       {one.note}", style="bold"))
            if one.wrong and not json:
                out((Text(f"       {one.wrong}"), Text(f"       mend: {one.mend}")))
    wrong = [one for one in found if one.wrong]
    if json:
        out({"file": str(file), "kind": kind, "checks": [one.model_dump(mode="json") for one in found]})
    elif not wrong:
        words = ("-m", "sft", "-m") if kind == "method" else ("-m", "sft,ric", "-b")
        say(f"next: {to_type('moa', 'compare', *words, file)}")
    if wrong:
        raise typer.Exit(1)
