"""Keys of [data]: which of them fit together, and which nothing would read."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from itertools import permutations
from math import isfinite

from benchmarks.common import nearest
from benchmarks.data import FORMATS, Table
from benchmarks.rewards import TrainedReward
from benchmarks.spec import Objective


def unread(table: Table, given: Collection[str]) -> list[str]:
    """Mistakes: keys that were given and have no effect where the rows lie, or in what they hold.

    Those of `columns` are called as "columns.prompt".
    """
    columns = table.columns
    named = "data.hub" if table.hub else "the folder" if table.is_folder else ""  # has splits with names
    tested = table.is_folder or table.test_path or (table.hub and table.test_split)
    unlabelled, ungraded = table.format != "pairs", table.format != "grades"
    rules = (
        (("test_path", "dev_path"), named, f"{named} has splits, which data.test_split and data.dev_split name"),
        (("train_split", "dev_split", "test_split"), not (named or columns.split), "nothing here has names for splits"),
        (("columns.split",), tested, "what rows are for is said already"),
        (("test_share",), tested or columns.split, "which rows are for the test is said already"),
        (("objective",), columns.objective, "data.columns.objective says it row by row"),
        (("objective", "columns.objective"), unlabelled, 'only format = "pairs" is labelled by it'),
        (("grade_range", "regrade"), ungraded, 'only format = "grades" has grades'),
        (
            ("template",),
            table.format in ("dialogues", "messages"),
            f'format = "{table.format}" has prompts as they are',
        ),
        (("config", "revision"), not table.hub, "only data.hub has such"),
    )
    wrong = [f"data.{key}: {why}" for keys, holds, why in rules if holds for key in keys if key in given]
    roles = FORMATS[table.format]
    others = {key.partition(".")[2] for key in given if key.startswith("columns.")} - {*roles, "objective", "split"}
    wrong += [f'data.columns.{role}: format = "{table.format}" has {" and ".join(roles)}' for role in sorted(others)]
    called = [str(getattr(columns, role)) for role in roles]
    wrong += [f"data.columns: {name!r} is called twice" for name in dict.fromkeys(called) if called.count(name) > 1]
    return wrong


def check_labels(data: Table, known: Sequence[Objective], names: Collection[str], mistakes: list[str]) -> None:
    """Labels are of objectives, and in the format that has them; trained rewards need pairs, which labels make.

    `names` are those of all objectives, `known` those that are right.
    """
    said = [("objective", data.objective), *((key, o) for key in ("grades", "winners") for o, _ in getattr(data, key))]
    mistakes += [f"data.{k}: there is no objective {o!r}{nearest(o, names)}" for k, o in said if o and o not in names]
    for key in ("grades", "winners"):
        if bool(getattr(data, key)) != (data.format == key):
            mistakes.append(f'data.{key}: the columns of format = "{key}" by objective, there and nowhere else')
    mistakes += [f"data.regrade: {grade!r} is no number" for _, grade in data.regrade if not _is_number(grade)]
    low, high = data.grade_range if len(data.grade_range) == 2 else (0, 0)
    beyond = [grade for _, grade in data.regrade if _is_number(grade) and not low <= float(grade) <= high]
    if low >= high:
        mistakes.append(f"data.grade_range: expected the lowest and the highest grade, found {list(data.grade_range)}")
    elif beyond:
        mistakes.append(f"data.regrade: {beyond[0]} is not from {low:g} to {high:g}, as data.grade_range has it")
    mistakes += _list_mistakes(data) + _read_twice(data)
    lists = {column.partition("[].")[0] for column in (data.columns.response, *(c for _, c in data.grades))}
    if "[]." in data.columns.response + "".join(c for _, c in data.grades) and len(lists) > 1:
        mistakes.append(f"data.grades: answers and grades lie in one list, found {', '.join(sorted(lists))}")
    labelled = [o for o, _ in (*data.grades, *data.winners)]
    for name in (o.name for o in known if TrainedReward in (type(o.reward), type(o.evaluator))):
        if data.format in ("grades", "winners"):
            if name not in labelled:
                mistakes.append(f"objective {name!r} is trained from pairs: name its column in data.{data.format}")
        elif data.format != "pairs":
            mistakes.append(
                f'objective {name!r} is trained from pairs: data.format must be "pairs", "grades" or "winners"'
            )
        elif not data.columns.objective and data.objective != name:
            mistakes.append(
                f"objective {name!r} is trained from pairs: set data.objective = {name!r}, "
                "or data.columns.objective to the column that says what a pair is labelled under"
            )


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False


def _list_mistakes(data: Table) -> list[str]:
    """Columns in a list of the row that cannot be there."""
    said = [(f"columns.{role}", column) for role, column in asdict(data.columns).items()]
    said += [("winners", column) for _, column in data.winners]
    possible = "columns.response" if data.format == "grades" else ""
    return [
        f'data.{key}: {column!r} lies in a list of the row; columns.response and grades of format = "grades" alone may'
        for key, column in said
        if "[]." in column and key != possible
    ]


def _read_twice(data: Table) -> list[str]:
    """Columns that lie in what another column is, and labels that are another column."""
    columns = asdict(data.columns)
    read = [(f"columns.{role}", columns[role]) for role in (*FORMATS[data.format], "objective", "split")]
    labels = [(key, column) for key in ("grades", "winners") for _, column in getattr(data, key)]
    within = [
        f"data.{key}: {column!r} lies in {other!r}, which is data.{of}"
        for (key, column), (of, other) in permutations([*read, *labels], 2)
        if other and column.startswith((f"{other}[].", *[f"{other}."] * ("[]." in other)))
    ]
    return within + [
        f"data.{key}: {column!r} is data.{of}, too" for key, column in labels for of, other in read if column == other
    ]
