"""Checking what a user wrote against the fields of a dataclass: mistakes are collected, to be shown all at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any, TypeVar

from benchmarks.common import field_types, fit, misfit, nearest
from benchmarks.spec import folder_mistake

T = TypeVar("T")


TABLES = Path(__file__).parents[1] / "tables"
"""The benchmarks that come with moa as TOML files."""


def checked(
    values: Mapping[str, Any], kind: type, where: str, mistakes: list[str], only: Sequence[str] = ()
) -> dict[str, Any]:
    """The values that fit fields of a dataclass (all, or those named); what does not fit is added to the mistakes."""
    hints = {name: hint for name, hint in field_types(kind).items() if not only or name in only}
    known = ", ".join(hints)
    good: dict[str, Any] = {}
    for key, value in values.items():
        if key not in hints:
            mistakes.append(f"{where}{key}: there is no such key{nearest(key, hints) or f'; there are: {known}'}")
            continue
        if is_dataclass(hints[key]):
            good[key] = build(value, hints[key], f"{where}{key}.", mistakes)
            continue
        try:
            fitted = fit(value, hints[key])
        except TypeError:
            mistakes.append(f"{where}{key}: {misfit(value, hints[key])}")
            continue
        if key == "name" and (mistake := folder_mistake(fitted)):
            mistakes.append(f"{where}name: {mistake}")
        else:
            good[key] = fitted
    return good


def build(values: Any, kind: Callable[..., T], where: str, mistakes: list[str], only: Sequence[str] = ()) -> T | None:
    """The dataclass with these values (of all fields, or those named), or None where mistakes were added."""
    assert isinstance(kind, type)
    if not isinstance(values, Mapping):
        mistakes.append(f"{where.rstrip('.')}: expected a table, found {values!r}")
        return None
    before = len(mistakes)
    good = checked(values, kind, where, mistakes, only)
    mistakes += [f"{where}{name} is missing" for name in required(kind) if name not in values]
    return kind(**good) if len(mistakes) == before else None


def required(kind: type) -> tuple[str, ...]:
    """The fields of a dataclass that have no default."""
    return tuple(f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING)


def benchmark_names() -> list[str]:
    """Names of the benchmarks that come with moa; none is imported."""
    found = iter_modules(import_module("benchmarks").__path__)
    modules = [module.name.replace("_", "-") for module in found if not module.ispkg]
    return sorted([*modules, *(path.stem for path in TABLES.glob("*.toml"))])


def benchmark_summary(name: str) -> str:
    """A line about a benchmark that comes with moa: what its function says, or the first comment of its TOML file."""
    if (table := table_file(name)).is_file():
        return table.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
    module = import_module(f"benchmarks.{name.replace('-', '_')}")
    return str(module.benchmark.__doc__ or "").strip().splitlines()[0]


def table_file(name: str) -> Path:
    """Where the TOML file of a benchmark that comes with moa lies, if it has one."""
    return TABLES / f"{name}.toml"
