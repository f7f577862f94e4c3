"""What the docstrings below a method's fields say: what a field is, what was published for it, and what we chose.

They are prose in which two things have a form: `(paper: 8)`, a source and its value, and `[choice]`, which says that
ours is another one, or that the sources are silent; the reason follows. A field has one of them at least.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from dataclasses import fields
from itertools import pairwise
from typing import NamedTuple

from methods.contract.method import Method

CHOICE = "[choice]"
_PUBLISHED = re.compile(r"\s*\(([A-Za-z][\w'., ]*: [^()]+)\)")


class Described(NamedTuple):
    """A field with a default, and what is said of it."""

    name: str
    default: object
    docstring: str

    @property
    def published(self) -> tuple[str, ...]:
        """What sources have, each as "source: value"."""
        return tuple(" ".join(found.split()) for found in _PUBLISHED.findall(self.docstring))

    @property
    def chosen(self) -> bool:
        """Whether ours is a choice of ours."""
        return CHOICE in self.docstring

    @property
    def words(self) -> str:
        """The docstring on one line, without what was published and without the mark of a choice."""
        return unmarked(_PUBLISHED.sub("", self.docstring))


def unmarked(text: str) -> str:
    """A text on one line, without the mark of a choice.

    >>> unmarked("Answers per step\\n[choice]: enough.")
    'Answers per step: enough.'
    """
    return " ".join(re.sub(r"\s*\[choice\]", "", text).split())


def declarers(cls: type[Method]) -> list[type]:
    """The classes that declare fields of a method, itself first."""
    return [base for base in cls.__mro__ if base.__module__.startswith("methods.") and own_fields(base)]


def own_fields(cls: type) -> list[Described]:
    """The fields that a class itself declares, or gives another default."""
    words = _docstrings_in(cls) if cls.__module__.startswith("methods.") else {}
    known = {f.name: f for f in fields(cls)} if "__dataclass_fields__" in vars(cls) else {}
    declared = [known[name] for name in inspect.get_annotations(cls) if name in known]
    return [Described(f.name, f.default, words.get(f.name, "")) for f in declared]


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
