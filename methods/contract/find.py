"""Finding a method by name or file; there is no list to edit."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path

from benchmarks import BadInput
from benchmarks.common import field_types, load_file, refuse, to_type
from methods.contract.method import Method, method_name
from methods.contract.mistakes import mistakes_in


def method_names() -> list[str]:
    """Names of the built-in methods and of those that installed packages offer as entry points of `moa.methods`."""
    here = [
        m.name.replace("_", "-")
        for m in pkgutil.iter_modules(importlib.import_module("methods").__path__)
        if not m.ispkg
    ]
    return sorted({*here, *_installed()})


@cache
def _installed() -> dict[str, EntryPoint]:
    """Methods of installed packages; to look for them reads what every package says of itself."""
    return {entry.name: entry for entry in entry_points(group="moa.methods")}


def find_method(name: str | Path) -> type[Method]:
    """The method class of a name, or of a Python file. Raises BadInput, with the nearest name, where there is none,
    and for a class that is no method as it stands, with all that is wrong with it."""
    from benchmarks.load import option_names  # loads what a list of names does not need

    name = str(name)
    cls = _found(name)
    mistakes = [*mistakes_in(cls)]
    if not mistakes:
        both = [own for own in field_types(cls) if own in option_names()]
        mistakes += [f"{own}: rename it; an option of benchmarks is called that, which -c {own} sets" for own in both]
    if name.endswith(".py") and method_name(cls) in method_names():
        mistakes.append(
            f"class {cls.__name__}: {method_name(cls)} comes with moa, and runs of both would lie in one folder: "
            "rename it"
        )
    refuse(name, mistakes, "examples/my_method.py is a method to start from; docs/methods.md explains it")
    return cls


def written(name: str) -> str:
    """A name, or the path of a file, as it is compared: "RIC" and "ric", "./a.py" and "a.py" are one method."""
    return str(Path(name).resolve()) if name.endswith(".py") else name.lower().replace("_", "-")


def _found(name: str) -> type[Method]:
    """The class of a name, or of a Python file."""
    if name.endswith(".py"):
        return _only_method(load_file(Path(name), "a method"), name)
    plain = written(name)
    if plain in _installed():
        loaded: type[Method] = _installed()[plain].load()
        return loaded
    if plain not in method_names():
        near = get_close_matches(plain, method_names(), n=1, cutoff=0.4)
        fix = f"did you mean: -m {near[0]}" if near else "name one of them, or a Python file with a Method in it"
        if Path(f"{name}.py").is_file():
            fix = f"a method of your own is named by its file: {to_type('-m', f'{name}.py')}"
        raise BadInput(
            f"there is no method {name!r}",
            f"known methods: {', '.join(method_names())}",
            fix,
        )
    return _only_method(importlib.import_module(f"methods.{plain.replace('-', '_')}"), name)


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
            "examples/my_method.py is one to start from",
        )
    return found[0]
