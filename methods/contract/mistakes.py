"""What a method's class must be: mistakes in one's own file are told before anything is prepared for it."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, asdict, fields
from functools import cache
from types import UnionType
from typing import Annotated, Any, ClassVar, Union, get_args, get_origin, get_type_hints

from benchmarks.common import Choices, Range, Search, error_words, fit, nearest, notes_of, settable, type_words
from benchmarks.spec import folder_mistake
from methods.contract.method import Method, Steering, method_name

VERBS = {
    verb: tuple(inspect.signature(function).parameters)[1:]
    for verb, function in vars(Method).items()
    if inspect.isfunction(function) and not verb.startswith("_")
}
"""What a method can define, and what it is called with."""

NEEDED = ("train", "policy")
"""What it must define."""

UNFINISHED = (inspect.iscoroutinefunction, inspect.isasyncgenfunction, inspect.isgeneratorfunction)
"""Functions of which nothing is done when they are called."""

TAKEN = ("prepared", "tuned")
"""Folders that lie among those of methods: of what is prepared, and of what was tuned."""


@cache
def mistakes_in(cls: type[Method]) -> tuple[str, ...]:
    """Everything about a class that would only fail, or be ignored, once it is trained."""
    mistakes = (*_of_name(cls), *_of_steering(cls), *_of_verbs(cls), *_of_fields(cls))
    return mistakes or tuple(_of_making(cls))


def _of_name(cls: type[Method]) -> Iterator[str]:
    name = method_name(cls)
    if name in TAKEN:
        yield f"class {cls.__name__}: moa keeps something else in the folder {name}: rename it"
    if mistake := folder_mistake(name):
        yield f"class {cls.__name__}: {mistake}"


def _of_steering(cls: type[Method]) -> Iterator[str]:
    steering, known = getattr(cls, "steering", None), get_args(Steering)
    if steering is None:
        yield f"steering is missing: one of {', '.join(known)}"
    elif steering not in known:
        yield f"steering: expected one of {', '.join(known)}, found {steering!r}{nearest(str(steering), known)}"


def _of_verbs(cls: type[Method]) -> Iterator[str]:
    settings = {field.name for field in fields(cls)}
    for verb in VERBS:
        if verb in settings:  # which is said of the field
            continue
        own, called = inspect.getattr_static(cls, verb), f"{verb}(self, {', '.join(VERBS[verb])})"
        if own is vars(Method)[verb]:
            if verb in NEEDED:
                yield f"{verb} is missing: def {called}"
            continue
        itself = () if isinstance(own, staticmethod | classmethod) else (cls,)
        try:
            inspect.signature(getattr(cls, verb)).bind(*itself, *VERBS[verb])
        except TypeError:
            yield f"{verb}: it is called as {called}"
        else:
            if any(kind(getattr(cls, verb)) for kind in UNFINISHED):
                yield f"{verb}: it is called once and done: write it without async and yield"


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
        if hidden := [base for base in cls.__mro__[1:] if inspect.isfunction(vars(base).get(name))]:
            yield f"{name}: it is a method of {hidden[0].__name__}, and no setting can have its name"
        else:
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
    elif field and not field.init:
        yield f"{name}: field(init=False) cannot be set: leave that out, or make it a ClassVar"
    elif field and field.default is MISSING and field.default_factory is MISSING:
        yield f"{name} needs a default"
    elif field:
        for kind in (kind for kind in (Range, Search, Choices) if kind in notes_of(hint)):
            yield f"{name}: {kind.__name__} stands there without what it says: {kind.__name__}(...)"
        yield from _of_search(name, hint)
        try:
            default = field.default if field.default_factory is MISSING else field.default_factory()
        except Exception as error:  # of a user's code
            yield f"{name}: its default cannot be made: {error_words(error)}"
            return
        if not _fits(default, hint):
            yield f"{name}: its default must be {type_words(hint)}, found {default!r}"


def _of_search(name: str, hint: Any) -> Iterator[str]:
    """What is wrong with where a setting is searched."""
    searches = [note for note in notes_of(hint) if isinstance(note, Search | Choices)]
    if len(searches) > 1:
        yield f"{name}: it is searched in {len(searches)} ways: leave one"
    for search in searches[:1]:
        values = search.values if isinstance(search, Choices) else (search.low, search.high)
        wrong = [value for value in values if not _fits(value, hint)]
        yield from (f"{name}: it is searched at {value!r}, but must be {type_words(hint)}" for value in wrong)
        if isinstance(search, Choices):
            several = [value for value in values if isinstance(value, tuple | list)]
            yield from (f"{name}: it is searched at {value!r}, and a choice is one value" for value in several)
            if not values:
                yield f"{name}: it is searched among no choices"
        elif not wrong and not _is_number(hint):
            yield f"{name}: it is searched in a range, and it is {type_words(hint)}: Choices(...) names some"
        elif not wrong and not (search.low < search.high and (search.low > 0 or not search.log)):
            yield f"{name}: it is searched from {search.low:g} to {search.high:g}, which is no range"


def _fits(value: Any, hint: Any) -> bool:
    try:
        fit(value, hint)
    except TypeError:
        return False
    return True


def _of_making(cls: type[Method]) -> Iterator[str]:
    """What is wrong with its defaults: a worker makes the method again of its settings, and means the same run."""
    try:
        first = asdict(cls())
        again = asdict(cls(**first))
    except TypeError as error:
        yield f"it cannot be made of its defaults: {error_words(error)}"
    except Exception:  # a combination of settings that it refuses in its own way, and others may be typed
        return
    else:
        for name in first:
            if again[name] != first[name]:
                yield f"{name}: made again of its settings, it has {again[name]!r} in place of {first[name]!r}"
