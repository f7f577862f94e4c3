"""What is told of methods."""

from __future__ import annotations

import inspect
import sys
from dataclasses import MISSING, fields

from pydantic import JsonValue

from benchmarks.common import Part, field_types, is_answering, plain, type_words
from methods import find_method, method_name, method_names
from methods.contract import attribute_docstrings


class MethodRow(Part):
    """A method, in a line."""

    name: str
    steering: str
    summary: str


class Hyperparameter(Part):
    """A field of a method, with what its docstring says."""

    name: str
    default: JsonValue
    type: str
    answering: bool
    """Whether it acts only when the policy answers: another value trains nothing."""
    meaning: str


class MethodFacts(Part):
    """A method and its hyperparameters."""

    name: str
    title: str
    steering: str
    summary: str
    hyperparameters: tuple[Hyperparameter, ...]


def method_rows() -> list[MethodRow]:
    """All methods, each in a line."""
    found = {name: find_method(name) for name in method_names()}
    return [MethodRow(name=n, steering=cls.steering, summary=_module_line(cls)) for n, cls in found.items()]


def method_facts(name: str) -> MethodFacts:
    """A method and its hyperparameters, with what their docstrings say."""
    cls = find_method(name)
    hints, words = field_types(cls), attribute_docstrings(cls)
    return MethodFacts(
        name=method_name(cls),
        title=_module_line(cls),
        steering=cls.steering,
        summary=inspect.getdoc(cls) or "",
        hyperparameters=tuple(
            Hyperparameter(
                name=f.name,
                default=None if f.default is MISSING else plain(f.default),
                type=type_words(hints[f.name]),
                answering=is_answering(hints[f.name]),
                meaning=words.get(f.name, ""),
            )
            for f in fields(cls)
        ),
    )


def _module_line(cls: type) -> str:
    """The first line of the docstring of the file, which names the paper; of the class where the file has none."""
    words = sys.modules[cls.__module__].__doc__ or cls.__doc__ or ""
    return words.strip().splitlines()[0] if words.strip() else ""
