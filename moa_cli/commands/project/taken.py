"""What a command takes from the project file: words of a command line, put before those that were typed."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.core import TyperCommand

from moa_cli.console import say

if TYPE_CHECKING:
    from moa_cli.commands.project.file import Project

CONFIG = "config"
TAKES = {
    "prepare": ("benchmark", "runs", "data-dir", CONFIG),
    "train": ("benchmark", "method", "seed", "runs", "data-dir", CONFIG),
    "tune": ("benchmark", "method", "runs", "data-dir", CONFIG),  # a search has one seed
    "study": ("benchmark", "seed", "runs", "data-dir", CONFIG),  # it has a method of its own
    "eval": ("benchmark", "method", "runs"),
    "claims": ("benchmark", "seed", "runs"),
    **dict.fromkeys(("list", "show", "view", "clean", "soup"), ("runs",)),
}
"""The keys that each command takes, where it does not depend on what else was typed. Others take nothing."""


def bare_flags(params: list[Any]) -> list[Any]:
    """Parameters of a command whose help tells no type of a flag: it takes nothing."""
    for param in params:
        if getattr(param, "is_flag", False):
            param.metavar = ""
    return params


class ProjectCommand(TyperCommand):
    """A command that takes from the project file what it needs and nobody typed."""

    def get_params(self, ctx: Any) -> list[Any]:
        """Its parameters."""
        return bare_flags(super().get_params(ctx))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Reads what was typed, after what was taken: later ones win."""
        from moa_cli.runs import note_taken

        typed, _, _ = self.make_parser(ctx).parse_args(list(args))
        alone = ctx.resilient_parsing or "help" in typed or ctx.find_root().params.get("no_project")
        words = [] if alone else _taken(str(ctx.info_name), typed)
        note_taken(words)
        rest: list[str] = super().parse_args(ctx, [*words, *args])
        return rest


def _taken(command: str, typed: Mapping[str, Any]) -> list[str]:
    """The words that a command takes, which it tells; `typed` are values by the names of parameters."""
    from moa_cli.commands.project.file import find_project

    keys = _keys(command, typed)
    needed = [key for key in keys if not _is_given(key, typed)]
    project = find_project(Path.cwd(), needed) if keys else None
    if project is None:
        return []
    options = {key: values for key, values in project.options.items() if key in needed}
    if _only_looks(command, typed):
        options["benchmark"] = _measured(options.get("benchmark", ()), _home(project, typed))
    elif command == "tune":
        options["method"] = _searched(options.get("method", ()))
    words = [word for key, values in options.items() if values for word in (f"--{key}", ",".join(values))]
    if CONFIG in keys:
        words += [word for item in _items(project, command, typed, options) for word in (f"--{CONFIG}", item)]
    if words:
        say(f"from {project.file}: {shlex.join(words)}")
    return words


def _only_looks(command: str, typed: Mapping[str, Any]) -> bool:
    """Whether a command only reads what is measured: no file of the project may make it train, or run code."""
    return command == "claims" or (command == "compare" and "method" not in typed)


def _keys(command: str, typed: Mapping[str, Any]) -> Sequence[str]:
    if command == "compare":
        if "method" in typed:
            return TAKES["train"]
        named = isinstance(typed["what"], tuple) and typed["what"]  # it is compared, whatever its benchmark and seed
        return () if named else TAKES["claims"]
    if command == "eval" and typed.keys() & {"responses", "prompts"}:
        return TAKES["prepare"]
    return TAKES.get(command, ())


def _is_given(key: str, typed: Mapping[str, Any]) -> bool:
    """Whether what is typed, or the environment, says it. Data is that of the benchmark beside it."""
    if key == "data-dir" and "benchmark" in typed:
        return True
    return key.replace("-", "_") in typed or (key == "runs" and bool(os.environ.get("MOA_RUNS")))


def _home(project: Project, typed: Mapping[str, Any]) -> Path:
    (ours,) = project.options.get("runs", ("runs",))
    return Path(typed.get("runs") or os.environ.get("MOA_RUNS") or ours)


def _measured(benchmarks: Sequence[str], home: Path) -> tuple[str, ...]:
    """The names of the benchmarks that have a folder of runs; none that could be taken for a file, and be run."""
    from benchmarks.common import stored_text, toml_of
    from moa_cli.commands.common import names_in

    names = []
    for name in benchmarks:
        if name.endswith(".toml"):
            with suppress(OSError, ValueError):
                name = str(toml_of(stored_text(Path(name))).get("name", Path(name).stem))
        if names_in([name]) == [name] and Path(name).suffix not in (".py", ".toml") and (home / name).is_dir():
            names.append(name)
    return tuple(names)


def _searched(methods: Sequence[str]) -> tuple[str, ...]:
    """Those of the methods that have settings of their own to search."""
    from methods import find_method
    from moa_cli.commands.common import method_list
    from moa_cli.runs import searched_fields, tuned_as

    classes = {name: find_method(name) for name in method_list([*methods])}
    return tuple(name for name, cls in classes.items() if tuned_as(cls) is cls and searched_fields(cls))


def _items(project: Project, command: str, typed: Mapping[str, Any], options: Mapping[str, Sequence[str]]) -> list[str]:
    """The settings that act in a command, as `-c` takes them. BadInput that lists every mistake among all of them."""
    from benchmarks import BadInput, load_benchmark
    from benchmarks.common import refuse
    from benchmarks.load import option_names
    from methods import find_method, method_names
    from moa_cli.commands.common import DEFAULT_BENCHMARK, method_list, names_in
    from moa_cli.runs import fits, resolve, typed_setting
    from moa_cli.studies import STUDIES

    dropped = {item.partition("=")[0].strip() for item in typed.get("config", ())}
    dropped |= {"preparation"} if "preparations" in typed else set()
    methods = method_list(typed.get("method") or [*options.get("method", ())])
    study = STUDIES.get(typed["name"]) if command == "study" else None
    if study:
        methods = methods or [study.method]
        dropped |= {key for key in project.settings if key.rpartition(".")[2] == study.varies}
    told = {key: value for key, value in project.settings.items() if key not in dropped}
    if not told:
        return []
    own = {name: find_method(name) for name in methods}
    every = {name: find_method(name) for name in method_names()} | own
    ours = project.options.get("benchmark") or (DEFAULT_BENCHMARK,)
    names = names_in(typed.get("benchmark")) or [*ours]
    folder = typed.get("data_dir") or "".join(options.get("data-dir", ()))
    data_dir, home = Path(folder) if folder else None, _home(project, typed)
    bare = [load_benchmark(name, data_dir=data_dir, home=home) for name in names]
    known = option_names()
    if not {*names} <= {*ours}:  # what the project's own can take, another need not
        told = {key: value for key, value in told.items() if key not in known or fits(key, value, own, bare)}
    if any(name.endswith(".py") and name not in own for name in project.options.get("method", ())):
        told = {k: v for k, v in told.items() if k in known or fits(k, v, every, bare)}  # others may be that method's
    items = {key: typed_setting(key, value) for key, value in told.items()}
    try:
        resolve([*items.values()], names, every, data_dir=data_dir, home=home)
    except BadInput as error:
        first, *mistakes = error.what.splitlines()
        if not first.startswith("settings: "):
            raise
        refuse(f"{CONFIG} in {project.file}", [*map(str.strip, mistakes)], error.fix)
    return [item for key, item in items.items() if key in known or fits(key, told[key], own, bare)]
