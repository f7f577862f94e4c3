"""The reward that is a Python function: named, loaded, and held to one finite number per answer."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from importlib.machinery import PathFinder
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import numpy as np

from benchmarks.common import (
    BadInput,
    Guest,
    TimeUp,
    changed_since,
    code_content,
    error_words,
    file_code,
    load_file,
    nearest,
    time_limit,
    timely,
)
from benchmarks.spec import Description, Scorer


@dataclass(frozen=True, kw_only=True)
class FunctionReward:
    """A Python function `f(prompts, responses) -> sequence of N floats`: "module:function" or "file.py:function"."""

    function: str
    version: str = "1"
    """Part of the identity: change it when the meaning changes of what the function imports from elsewhere."""

    @cached_property
    def identity(self) -> Self:
        """A function by what the code of its file did when this was first asked, and of the files beside that which it
        imports, whatever their comments and layout; one that comes with moa by its version."""
        return self._identity()

    def _identity(self) -> Self:
        place, _, name = self.function.rpartition(":")
        is_file = place.endswith(".py")
        file = Path(place) if is_file else _module_file(place)
        if file is None:
            return self
        code = file_code(file) if is_file else code_content(file.read_text(encoding="utf-8", errors="replace"))
        version = f"{self.version}+{code}"
        return replace(self, function=f"{file.name}:{name}" if is_file else self.function, version=version)

    @property
    def words(self) -> str:
        """The function."""
        return f"function {self.function} (version {self.version})"

    def id(self, benchmark: Description, objective: str) -> str:
        """Function and version."""
        named = self.identity
        return f"{named.function}@{named.version}"

    def scorer(self, benchmark: Description, objective: str) -> Scorer:
        """The function, whose N outputs are checked to be N finite numbers. BadInput where its file is no longer what
        the benchmark is named after."""
        named, function = self.identity, load_function(self.function)
        if self._identity() != named:
            raise changed_since(self.function.rpartition(":")[0])
        return function

    def found_in(self, folder: Path) -> Self:
        """With the path of its file. Nothing is run."""
        place, colon, name = self.function.rpartition(":")
        if not (colon and place and name):
            raise ValueError(f'function: expected "module:function" or "file.py:function", found {self.function!r}')
        file = place.endswith(".py")
        if mistake := function_mistake(folder / place if file else place, name):
            raise ValueError(f"function: {mistake}")
        return replace(self, function=f"{folder / place}:{name}") if file else self


LARGEST = 1e100
"""Magnitude of the largest number that a reward may be [choice]: of larger ones the squares, which their spread is made
of, add up to no number."""


OURS = __name__.partition(".")[0]
"""Where the functions of the benchmarks that come with moa lie: their versions say what they mean."""


def _module_file(module: str) -> Path | None:
    """The file of a module in Python, None for one of ours or of another kind. Nothing is run."""
    path, name, origin = None, "", None
    for part in module.split("."):
        name = f"{name}.{part}".lstrip(".")
        spec = PathFinder.find_spec(name, path)
        if spec is None or name == OURS:
            return None
        path, origin = spec.submodule_search_locations, spec.origin
    return Path(origin) if origin and origin.endswith(".py") else None


def load_function(named: str) -> Scorer:
    """The function that is so named; its N outputs are checked to be N finite numbers, none beyond `LARGEST`."""
    place, _, name = named.rpartition(":")
    guest = Guest(Path(place) if place.endswith(".py") else None)
    try:
        if place.endswith(".py"):
            module = load_file(Path(place), "a reward")
        else:
            with guest.inside():
                module = importlib.import_module(place)
        function = getattr(module, name)
    except (BadInput, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise BadInput(
            f"the reward function {named!r} cannot be loaded: {error_words(error)}",
            "a reward names a Python function as module:function or path/to/file.py:function",
            "check the spelling and that the module can be imported from here",
        ) from error
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        raise BadInput(
            f"the reward function {named!r}{_place(function)} is async",
            "what it returns would be something to wait for, and no numbers",
            "write def in place of async def; asyncio.run(...) in it waits for what is async",
        )

    def scorer(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
        what = f"the reward function {named!r}{_place(function)}"
        try:
            with guest.inside(), timely(f"{what}, called for {len(prompts)} answers,"):
                returned = function(list(prompts), list(responses))
        except (Exception, KeyboardInterrupt):
            raise
        except TimeUp as error:
            raise BadInput(
                f"{what} did not return within {time_limit():g} s for {len(prompts)} answers",
                "that is what --reward-timeout gives a call, and what was asked is not known without it",
                "give it more time, or see what it waits for; then the same command goes on",
            ) from error
        except BaseException as error:
            raise BadInput(
                f"the reward function {named!r} did not return: {error_words(error)}",
                "a reward is one finite number per answer, and no answer may end the command",
                "make it return a list of floats, or raise an error that says what is wrong",
            ) from error
        values = numbers(returned)
        if values is None or values.shape != (len(prompts),) or not (np.abs(values) <= LARGEST).all():
            raise BadInput(
                f"{what} returned {describe(returned, values)} for {len(prompts)} answers",
                f"a reward is one finite number per answer, from {-LARGEST:g} to {LARGEST:g}",
                "make it return a list of floats as long as its arguments",
            )
        return values

    return scorer


def _place(function: object) -> str:
    """Where a Python function is written."""
    if not inspect.isfunction(function):
        return ""
    code = function.__code__
    return f" ({code.co_filename}, line {code.co_firstlineno})"


def numbers(returned: object) -> np.ndarray | None:
    """What a function returned as numbers, a copy that stays what it is; None for what is not numbers."""
    try:
        if isinstance(returned, list | tuple):
            return np.array([_number(one) for one in returned], dtype=float)
        return np.array(_number(returned), dtype=float)
    except Exception:  # whatever objects have in place of numbers
        return None


def _number(value: Any) -> Any:
    """A tensor as numpy takes it, wherever it is, whatever its type and gradient; what is masked as no number; all else
    as it is."""
    if isinstance(value, np.ma.MaskedArray):
        return np.ma.filled(value.astype(float), np.nan)
    torch = sys.modules.get("torch")
    return value.detach().cpu().double().numpy() if torch and isinstance(value, torch.Tensor) else value


def describe(returned: object, values: np.ndarray | None) -> str:
    """What a function returned, in words: its shape, how many of its numbers are not finite or too large, or what is no
    number."""
    if returned is None:
        return "None"
    if values is not None:
        if bad := int((~np.isfinite(values)).sum()):
            masked = any(map(np.ma.is_masked, returned if isinstance(returned, list | tuple) else [returned]))
            return f"{bad} {'masked or ' if masked else ''}non-finite numbers"
        large = values[np.abs(values) > LARGEST]
        return f"{large[0]:.4g} and the like" if large.size else f"an array of shape {values.shape}"
    for i, one in enumerate(returned if isinstance(returned, list | tuple) else []):
        if numbers(one) is None:
            return f"something else than numbers ({type(one).__name__} as number {i + 1})"
    return f"something else than numbers ({type(returned).__name__})"


def function_mistake(place: Path | str, name: str) -> str:
    """What is wrong with a Python function in a file (Path) or a module; "" where nothing seems to be.

    Nothing is run.
    """
    if isinstance(place, str):
        top = place.partition(".")[0]
        return "" if top and find_spec(top) else f"there is no module {place}"
    if not place.is_file():
        return f"there is no file {place}"
    try:
        nodes = list(ast.walk(ast.parse(place.read_bytes(), place.name)))
    except (SyntaxError, ValueError) as error:
        return f"{place} cannot be read: {error}"
    names = {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)}
    names |= {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    names |= {n.asname or n.name for n in nodes if isinstance(n, ast.alias)}
    return "" if name in names or "*" in names else f"{place} defines no {name}{nearest(name, names)}"
