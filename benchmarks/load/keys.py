"""Keys of [data] that nothing reads where its rows lie, or in what they hold: who wrote them would not get them."""

from __future__ import annotations

from collections.abc import Collection

from benchmarks.data import FORMATS, Table


def unread(table: Table, given: Collection[str]) -> list[str]:
    """What is wrong with keys that were given; those of `columns` are called as "columns.prompt"."""
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
