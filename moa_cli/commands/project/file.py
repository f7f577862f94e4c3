"""The project file of a folder: moa.toml, or [tool.moa] in pyproject.toml, there or in the nearest folder above.

It is read and checked here, and nothing that it names is imported.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, get_origin

from benchmarks.common import Range, Said, fit, misfit, nearest, toml_of
from benchmarks.common import refuse as refuse_all
from moa_cli.console import refuse, say

PYPROJECT = "pyproject.toml"
NAMES = ("moa.toml", PYPROJECT)
KEYS: dict[str, object] = {
    "benchmark": tuple[Annotated[str, Said()], ...],
    "method": tuple[Annotated[str, Said()], ...],
    "seed": tuple[Annotated[int, Range(0)], ...],
    "runs": Annotated[str, Said()],
    "data-dir": Annotated[str, Said()],
}
"""What the file may say beside its table of settings, called as on the command line, and of which type."""
MODELS = ("policy", "reward.base")
"""Settings that name a model of the hub, or a folder."""


@dataclass(frozen=True)
class Project:
    """What a project file says, checked. Its paths are as seen from the current folder."""

    file: str
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The values of each option, by its long name."""
    settings: Mapping[str, object] = field(default_factory=dict)
    """Those of `-c`, by dotted keys."""


def find_project(here: Path, needed: Collection[str] = tuple(KEYS)) -> Project | None:
    """The project of the current folder. BadInput that lists every mistake in its file.

    Whether there is what an option names is looked up for those that are `needed`.
    """
    for folder in (here, *here.parents):
        files = [path for name in NAMES if os.path.isfile(path := folder / name) and _counts(path, here)]
        found = {path: table for path in files if (table := _table(path)) is not None}
        if len(found) > 1:
            refuse(
                f"{' and '.join(map(_seen, found))} both say how moa is used",
                "one of them would be overlooked, so nothing was started",
                "keep one: moa.toml, or [tool.moa] in pyproject.toml",
            )
        for path, table in found.items():
            return _read(path, table, needed)
    return None


def _counts(path: Path, here: Path) -> bool:
    """Whether a file may say what is run here: in a folder above, such as /tmp, only if nobody else put it there."""
    ours = path.parent == here or path.stat().st_uid in (0, here.stat().st_uid)
    if not ours and path.name != PYPROJECT:
        say(f"left out: {_seen(path)} belongs to another user than this folder, and does not count")
    return ours


def _table(path: Path) -> Mapping[str, object] | None:
    """What a file says of moa, None where that is nothing. BadInput for one that is damaged."""
    content = b""
    try:
        content = path.read_bytes()
        found = toml_of(content.decode())
    except (OSError, ValueError) as error:
        if path.name == PYPROJECT and b"tool.moa" not in content:
            return None  # whatever is wrong with it is not about moa
        reason = error.strerror if isinstance(error, OSError) else error
        refuse(f"{_seen(path)} cannot be read: {reason}", "a project file is written in TOML", "see docs/project.md")
    if path.name != PYPROJECT:
        return found
    tool = found.get("tool")
    table = tool.get("moa") if isinstance(tool, dict) else None
    if table is not None and not isinstance(table, dict):
        refuse(
            f"tool.moa in {_seen(path)} is no table: {table!r:.80}",
            "a project file says its settings in one, so nothing was started",
            "write it as [tool.moa]; see docs/project.md",
        )
    return table


def _read(path: Path, table: Mapping[str, object], needed: Collection[str]) -> Project:
    known = [*KEYS, "config"]
    there_are = f"; there are: {', '.join(known)}"
    mistakes = [f"{key}: there is no such key{nearest(key, known) or there_are}" for key in table if key not in known]
    options = {key: _values(key, table[key], path.parent, mistakes) for key in KEYS if key in table}
    for key in (key for key in options if key in needed):
        mistakes += [f"{key}: {mistake}" for value in options[key] if (mistake := _missing(key, value))]
    if "data-dir" in table and "benchmark" not in table:
        mistakes.append("data-dir: it goes with a benchmark, and none is named")
    settings = _settings(table.get("config", {}), path.parent, mistakes)
    refuse_all(_seen(path), mistakes, "docs/project.md says what it may hold")
    return Project(_seen(path), options, settings)


def _values(key: str, value: object, folder: Path, mistakes: list[str]) -> tuple[str, ...]:
    """The values of an option, paths as seen from here."""
    from moa_cli.commands.common import names_in

    hint = KEYS[key]
    several = get_origin(hint) is tuple
    try:
        fitted = fit([value] if several and not isinstance(value, list) else value, hint)
    except TypeError:
        mistakes.append(f"{key}: {misfit(value, hint)}")
        return ()
    if key == "seed":
        return tuple(map(str, fitted))
    if several:
        names = names_in(list(fitted))
        return tuple(_placed(name, folder) if name.endswith((".py", ".toml")) else name for name in names)
    return (_placed(fitted, folder),)


def _missing(key: str, value: str) -> str:
    """What is not there that an option names; "" where all is."""
    from benchmarks import benchmark_names
    from methods import method_names

    if key == "seed":
        return ""
    if "\0" in value:
        return f"nothing can be called {value!r}"
    if key == "runs":
        return f"{value} is a file" if os.path.isfile(value) else ""
    if key == "data-dir":
        return "" if os.path.isdir(value) else f"there is no folder {value}"
    if value.endswith((".py", ".toml") if key == "benchmark" else ".py"):
        return "" if os.path.isfile(value) else f"there is no file {value}"
    known = benchmark_names() if key == "benchmark" else ["all", *method_names()]
    spelled = value if key == "benchmark" else value.lower().replace("_", "-")
    return "" if spelled in known else f"there is no {key} {value}{nearest(value, known)}"


def _settings(table: object, folder: Path, mistakes: list[str]) -> dict[str, object]:
    """The settings, models in folders as seen from here. Whether there are such is known once the methods are."""
    from benchmarks.spec import beside
    from moa_cli.runs import dotted

    if not isinstance(table, dict):
        mistakes.append(f"config: expected a table of settings, found {table!r}")
        return {}
    found = dotted(table)
    for key in MODELS:
        if isinstance(model := found.get(key), str) and (path := beside(model, folder)) != model:
            found[key] = os.path.relpath(path)
    return found


def _placed(name: str, folder: Path) -> str:
    """A path of the file, as it is typed in the current folder."""
    path = os.path.expanduser(name)
    return path if os.path.isabs(path) else os.path.relpath(folder / path)


def _seen(path: Path) -> str:
    return os.path.relpath(path)
