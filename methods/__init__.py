"""The contestants: one file per method, discovered by name; no list to edit."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import pkgutil
import sys
from difflib import get_close_matches
from importlib.metadata import entry_points
from pathlib import Path

from benchmarks import BadInput
from methods._base import Method, Run, Stage, method_name

__all__ = ["Method", "Run", "Stage", "find_method", "method_name", "method_names"]


def method_names() -> list[str]:
    """Names of the built-in methods and of those that installed packages offer under the entry point group `moa.methods`."""
    here = [m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_")]
    return sorted({*here, *(e.name for e in entry_points(group="moa.methods"))})


def find_method(name: str) -> type[Method]:
    """The method class of a name, or of a Python file. Raises BadInput, with the nearest name, where there is none."""
    if name.endswith(".py"):
        return _from_file(Path(name))
    plain = name.lower().replace("_", "-")
    for entry in entry_points(group="moa.methods"):
        if entry.name == plain:
            loaded: type[Method] = entry.load()
            return loaded
    if plain not in method_names():
        near = get_close_matches(plain, method_names(), n=1, cutoff=0.4)
        raise BadInput(
            f"there is no method {name!r}",
            f"known methods: {', '.join(method_names())}",
            f"did you mean: -m {near[0]}" if near else "name one of them, or a Python file with a Method in it",
        )
    return _only_method(importlib.import_module(f"methods.{plain.replace('-', '_')}"), name)


def _from_file(path: Path) -> type[Method]:
    if not path.exists():
        raise BadInput(f"there is no file {path}", "-m names a method or a Python file with one", "check the path")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise BadInput(
            f"{path} cannot be loaded: {type(error).__name__}: {error}",
            "a method file is a Python file with one subclass of Method",
            f"run it by itself to see where it fails: python {path}",
        ) from error
    return _only_method(module, str(path))


def _only_method(module: object, name: str) -> type[Method]:
    module_name = getattr(module, "__name__", None)
    found = [
        cls
        for _, cls in inspect.getmembers(module, inspect.isclass)
        if issubclass(cls, Method) and cls.__module__ == module_name
    ]
    if len(found) != 1:
        raise BadInput(
            f"{name} defines {len(found)} methods",
            "a method file has exactly one subclass of Method",
            "see methods/rewarded_soups.py for one",
        )
    return found[0]
