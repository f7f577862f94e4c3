"""What docs/ has from the code: the JSON schema of every document that moa makes, and where methods differ."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from benchmarks.common import Document
from methods import Method, find_method, method_name, method_names
from methods.contract import CHOICE, declarers, own_fields, unmarked

ROOT = Path(__file__).parents[2]
DIFFERENCES = """# Where we differ from the papers and the public code

Every hyperparameter of the methods here says in its docstring what the paper or its public code has, and is marked
where ours is a choice: because that is silent, or means other units or other sizes, or was found wanting. This page is
made of these docstrings (`make pages`); `moa show METHOD` lists all of a method. What fields cannot say stands in
front of the tables. Settings that several methods have come last.
"""


def pages() -> dict[Path, str]:
    """All of these files, with what belongs in them."""
    folder = ROOT / "docs" / "schema"
    texts = {folder / f"{schema_name(cls)}.json": schema_text(cls) for cls in documents()}
    return {**texts, ROOT / "docs" / "differences.md": differences()}


def documents() -> list[type[Document]]:
    """All documents of the packages, by name; what else a package holds is not imported."""
    for package in ("benchmarks", "methods", "moa_cli"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "(Document)" in path.read_text(encoding="utf-8"):
                import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return sorted(_below(Document), key=schema_name)


def _below(cls: type[Document]) -> Iterator[type[Document]]:
    for sub in cls.__subclasses__():
        own = "SCHEMA" in vars(sub)  # else it is written as the one that it inherits from
        if own and sub.__module__.partition(".")[0] in ("benchmarks", "methods", "moa_cli"):
            yield sub
        yield from _below(sub)


def schema_name(cls: type[Document]) -> str:
    """The name of a document's schema, without its version: "run" of "moa.run/1"."""
    return cls.SCHEMA.removeprefix("moa.").partition("/")[0]


def schema_text(cls: type[Document]) -> str:
    """The content of a document's schema file."""
    return json.dumps(cls.json_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def differences() -> str:
    """The page that says where our methods differ from what was published, from the docstrings of their fields."""
    methods = [find_method(name) for name in method_names()]
    users: dict[type, list[str]] = {}
    for cls in (cls for cls in methods if cls.__module__.startswith("methods.")):
        for declarer in declarers(cls):
            users.setdefault(declarer, []).append(method_name(cls))
    own_first = sorted(users, key=lambda cls: not issubclass(cls, Method))
    return "\n".join([DIFFERENCES, *(_differences_of(cls, users[cls]) for cls in own_first)])


def _differences_of(cls: type, methods: list[str]) -> str:
    """The section of a class that declares fields of these methods."""
    found = own_fields(cls)
    title = methods[0] if issubclass(cls, Method) else f"{cls.__name__}, which {', '.join(methods)} have"
    lines = [f"## {title}", ""]
    for paragraph in (inspect.getdoc(cls) or "").split("\n\n"):
        if CHOICE in paragraph:
            lines += [_cell(unmarked(paragraph)), ""]
    if rows := [field for field in found if field.chosen]:
        lines += ["| field | ours | published | what it is, and why |", "|---|---|---|---|"]
        for field in rows:
            published = "; ".join(field.published) or "nothing"
            lines.append(f"| `{field.name}` | {_default(field.default)} | {_cell(published)} | {_cell(field.words)} |")
        lines.append("")
    if same := [f"`{field.name}` ({'; '.join(field.published)})" for field in found if not field.chosen]:
        lines += [f"As published: {_cell(', '.join(same))}.", ""]
    return "\n".join(lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


def _default(value: object) -> str:
    return f"`{json.dumps(value)}`" if value is not None else "`none`"
