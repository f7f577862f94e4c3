"""What a method's class must be: mistakes in one's own file are told before anything is prepared for it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

from benchmarks.common import Choices, fit, nearest, search_of, settable, type_words
from methods.contract.method import Method, Steering

VERBS = {"train": ("benchmark", "run"), "policy": ("benchmark", "run", "weights")}
"""What a method must define, and what it is called with."""


def mistakes_in(cls: type[Method]) -> list[str]:
    """Everything about a class that would only fail, or be ignored, once it is trained."""
    return [*_of_steering(cls), *_of_verbs(cls), *_of_fields(cls)]


def _of_steering(cls: type[Method]) -> Iterator[str]:
    steering, known = getattr(cls, "steering", None), get_args(Steering)
    if steering is None:
        yield f"steering is missing: one of {', '.join(known)}"
    elif steering not in known:
        yield f"steering: expected one of {', '.join(known)}, found {steering!r}{nearest(str(steering), known)}"


def _of_verbs(cls: type[Method]) -> Iterator[str]:
    for verb, arguments in VERBS.items():
        if getattr(cls, verb) is getattr(Method, verb):
            yield f"{verb} is missing: def {verb}(self, {', '.join(arguments)})"
            continue
        try:
            inspect.signature(getattr(cls, verb)).bind(cls, *arguments)
        except TypeError:
            yield f"{verb}: it is called as {verb}(self, {', '.join(arguments)})"


def _of_fields(cls: type[Method]) -> Iterator[str]:
    try:
        hints = get_type_hints(cls, include_extras=True)
    except Exception as error:  # annotations are texts until now, and may say anything
        yield f"its annotations cannot be read: {type(error).__name__}: {error}"
        return
    own = [name for name in inspect.get_annotations(cls) if ClassVar not in (hints[name], get_origin(hints[name]))]
    if own and "__dataclass_fields__" not in vars(cls):
        yield (
            f"@dataclass(frozen=True, kw_only=True) is missing above the class: {', '.join(own)} cannot be set without"
        )
    known = {field.name: field for field in fields(cls)}
    for name in dict.fromkeys([*known, *own]):
        yield from _of_field(name, hints[name], known.get(name))
    if cls.sets_kl is not None and cls.sets_kl not in known:
        yield f"sets_kl: it names a hyperparameter, found {cls.sets_kl!r}{nearest(str(cls.sets_kl), known)}"
    elif cls.sets_kl is not None and not _is_number(hints[cls.sets_kl]):
        yield f"sets_kl: {cls.sets_kl} is {type_words(hints[cls.sets_kl])}, and it must be a number"


def _is_number(hint: Any) -> bool:
    """Whether a setting of this type can be a number."""
    if get_origin(hint) is Annotated:
        return _is_number(get_args(hint)[0])
    return hint in (int, float) or (get_origin(hint) in (UnionType, Union) and any(map(_is_number, get_args(hint))))


def _of_field(name: str, hint: Any, field: Field[Any] | None) -> Iterator[str]:
    """What is wrong with a setting; without its field, where the class is no dataclass, only its type can be told."""
    if not settable(hint):
        yield (
            f"{name}: {type_words(hint)} cannot be set: a type can be int, float, str, bool, None, a Literal, "
            "tuple[..., ...] of one of these, or a union of them"
        )
    elif field and field.default is MISSING and field.default_factory is MISSING:
        yield f"{name} needs a default"
    elif field:
        yield from _of_search(name, hint)
        default = field.default if field.default_factory is MISSING else field.default_factory()
        try:
            fit(default, hint)
        except TypeError:
            yield f"{name}: its default must be {type_words(hint)}, found {default!r}"


def _of_search(name: str, hint: Any) -> Iterator[str]:
    """What is wrong with where a setting is searched."""
    search = search_of(hint)
    if search is None:
        return
    for value in search.values if isinstance(search, Choices) else (search.low, search.high):
        try:
            fit(value, hint)
        except TypeError:
            yield f"{name}: it is searched at {value!r}, but must be {type_words(hint)}"
    if not isinstance(search, Choices) and not (search.low < search.high and (search.low > 0 or not search.log)):
        yield f"{name}: it is searched from {search.low:g} to {search.high:g}, which is no range"
