"""What a row of a user's table holds: a prompt with one answer or two, and what is said of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import dedent
from typing import Any, NamedTuple

from benchmarks.common import BadInput
from benchmarks.data.clean import blank, split_dialogue
from benchmarks.data.messages import MESSAGES, compared, conversation
from benchmarks.spec import Answer

FORMATS = {
    "answers": ("prompt", "response"),
    "pairs": ("prompt", "chosen", "rejected"),
    "dialogues": ("text",),
    "messages": ("messages",),
    "grades": ("prompt", "response"),
    "winners": ("prompt", "response_0", "response_1"),
}
"""The columns of a row that holds: one answer; two of which the first is better, as texts or as lists of messages; a
dialogue in HH-RLHF's form; one as a list of messages; answers with grades; two with the index of the better one per
objective."""


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What the columns are called.

    `objective` and `split` (its values are called like the splits of the hub) are read where named.
    """

    prompt: str = "prompt"
    response: str = "response"
    chosen: str = "chosen"
    rejected: str = "rejected"
    text: str = "text"
    messages: str = "messages"
    response_0: str = "response_0"
    response_1: str = "response_1"
    objective: str = ""
    split: str = ""


DEFAULT_COLUMNS = Columns()


TEXT = (str, None)


NOT_GRADED = ("", "n/a")
"""What stands for no grade and for no winner, as text."""


class Item(NamedTuple):
    """What is read of one or two answers to a prompt."""

    prompt: str
    responses: tuple[str, ...]
    better: tuple[tuple[str, int], ...] = ()
    """(objective, index of the better of the two responses)."""
    grades: tuple[tuple[str, float], ...] = ()
    """(objective, grade of the one response)."""

    @property
    def good(self) -> tuple[str, ...]:
        """The one response; of two, those that are better under an objective."""
        return self.responses if len(self.responses) == 1 else tuple(self.responses[k] for _, k in self.better)


def schema_of(format: str, columns: Mapping[str, str], labels: Sequence[str]) -> Any:
    """What a row must hold, given the column of every role and those of the labels.

    A column of `grades` may lie in a list of the row, as in "completions[].annotations.helpfulness.Rating".
    """
    roles = FORMATS[format]
    plain = dict.fromkeys([column for role in ("objective", "split") if (column := columns[role])], TEXT)
    if format == "messages":
        return {columns["messages"]: (MESSAGES, None)} | plain
    if format == "pairs":
        texts = {columns[role]: TEXT for role in roles} | plain
        lists = {columns[role]: (MESSAGES, None) for role in roles}
        return texts, lists | {columns["prompt"]: (str, MESSAGES, None, ...)} | plain
    kinds: dict[str, Any] = {columns[role]: TEXT for role in roles} | dict.fromkeys(labels, object)
    schema: dict[str, Any] = {**plain}
    inner: dict[str, Any] = {}
    for column, kind in kinds.items():
        outer, is_list, path = column.partition("[].")
        if is_list:
            schema[outer] = ([(inner, None)], None)
            _put(inner, path.split("."), kind)
        else:
            schema[column] = kind
    return schema


def _put(schema: dict[str, Any], path: Sequence[str], kind: Any) -> None:
    """Adds what lies at a path, where anything on the way may be null."""
    for key in path[:-1]:
        schema = schema.setdefault(key, ({}, None))[0]
    schema[path[-1]] = kind


def texts_of(
    format: str, cells: Sequence[Any], columns: Mapping[str, str], template: str
) -> Answer | tuple[str, ...] | str:
    """Prompt and responses in the cells of a row, or why it is skipped. Of pairs the better one comes first.

    The template makes a text of a prompt of a column; conversations are written as dialogues.
    """
    lists = format == "pairs" and any(isinstance(cell, list) for cell in cells)
    names = [columns[role] for role in FORMATS[format]]
    needed = list(zip(names, cells, strict=True))[lists:]  # the prompt may be in the lists
    if missing := [name for name, cell in needed if cell is None]:
        return f"{missing[0]} is null"
    if format == "dialogues":
        return split_dialogue(cells[0])
    if format == "messages":
        return conversation(cells[0])
    if lists:
        return compared(cells[1], cells[2], cells[0])
    prompt, *responses = cells
    if blank(prompt):
        return "empty prompt"
    prompt = prompt.rstrip().lstrip(" ")  # line breaks at its beginning are part of its form
    return template.replace("{prompt}", prompt).rstrip(" "), *map(outer_stripped, responses)


def outer_stripped(text: str) -> str:
    """A text without white space around it. Where all of its lines are indented they are so by less, as code needs it.

    >>> outer_stripped("\\n  def f():\\n      pass\\n"), outer_stripped(" Hello\\nthere ")
    ('def f():\\n    pass', 'Hello\\nthere')
    """
    is_indented = text.lstrip("\r\n").startswith((" ", "\t"))
    return (dedent(text) if is_indented else text).strip()


def graded_of(
    row: Mapping[str, Any], response: str, grades: Mapping[str, str]
) -> list[tuple[str | None, dict[str, tuple[str, Any]]]]:
    """Every answer of a row with its grades: per objective, the column as people find it, and what stands there."""
    outer, is_list, path = response.partition("[].")
    if not is_list:
        return [(row[response], {name: (column, row[column]) for name, column in grades.items()})]
    inner = {name: column.partition("[].")[2] for name, column in grades.items()}
    return [
        (_at(item, path), {name: (f"{outer}[{i}].{column}", _at(item, column)) for name, column in inner.items()})
        for i, item in enumerate(row[outer])
    ]


def _at(value: Any, path: str) -> Any:
    for key in path.split("."):
        value = value and value[key]
    return value


def grade(
    column: str, value: Any, where: str, between: tuple[float, ...], regrade: Mapping[float | str, str]
) -> float | None:
    """A grade as a number, None where there is none; `regrade` says by `as_number` which stand for others. BadInput
    with line and column for anything else."""
    said = value.strip() if isinstance(value, str) else value
    if said is None or (isinstance(said, str) and said.lower() in NOT_GRADED):
        return None
    said = regrade.get(as_number(said), said)
    number = number_in(said)
    lowest, highest = between
    if lowest <= number <= highest:
        return number
    raise BadInput(
        f"{where}, column {column!r}: the grade is {value!r:.40}",
        f"grades here are numbers from {lowest:g} to {highest:g}; "
        'a null, an empty cell and "N/A" say that an answer was not graded',
        "mend the row, or set data.grade_range = [lowest, highest]; data.regrade says which grades stand for others",
    )


def as_number(said: object) -> float | str:
    """A number however it is written, so that 10.0, as Parquet has it where a column has nulls, is "10"; else text."""
    text = str(said)
    return text if math.isnan(number := number_in(text)) else number


def number_in(cell: Any) -> float:
    """The number that a cell is, NaN for what is none: a truth value, and 1_0, which only Python takes for 10."""
    try:
        return math.nan if isinstance(cell, bool) or "_" in str(cell) else float(cell)
    except (TypeError, ValueError, OverflowError):  # of a whole number beyond all others
        return math.nan


def winner(column: str, value: Any, where: str) -> int | None:
    """The index of the better response, None where it is not said. BadInput with line and column for a third value."""
    said = value.strip() if isinstance(value, str) else value
    if said is None or (isinstance(said, str) and said.lower() in NOT_GRADED):
        return None
    if not isinstance(said, bool) and str(said) in ("0", "1", "0.0", "1.0"):
        return int(float(said))
    raise BadInput(
        f"{where}, column {column!r}: the winner is {value!r:.40}",
        "it is the index of the better of two responses, 0 or 1; a null or an empty cell says that neither is",
        "mend the row, or leave the column out of data.winners",
    )
