"""Documents are types: nothing passes tables of anything from file to file, and every document's JSON schema is
published."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from benchmarks.common.document import Document
from moa_cli.published.sources import differences, documents, schema_name, schema_text
from tests.kit.files import FILES, ROOT

LOOSE = ("dict[str, Any]", "Mapping[str, Any]")
ALLOWED: dict[str, str] = {
    "moa_cli/runs/config.py:as_config": "hyperparameters have the types that their method gives them",
}
"""What may be one, as file:place, and why."""


def annotations(node: ast.AST, place: str) -> Iterator[tuple[str, str]]:
    """Every public annotation in a node, with where it is: of fields, parameters and what is returned."""
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and not node.target.id.startswith("_"):
        yield f"{place}{node.target.id}", ast.unparse(node.annotation)
    elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):  # another name for a type
        if not node.targets[0].id.startswith("_"):
            yield f"{place}{node.targets[0].id}", ast.unparse(node.value)
    elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
        for argument in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
            if argument.annotation:
                yield f"{place}{node.name}", ast.unparse(argument.annotation)
        if node.returns:
            yield f"{place}{node.name}", ast.unparse(node.returns)
    elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
        for inner in node.body:
            yield from annotations(inner, f"{place}{node.name}.")


def loose(source: str) -> set[str]:
    """Where the public names of a file are tables of anything."""
    found = (pair for node in ast.parse(source).body for pair in annotations(node, ""))
    return {place for place, words in found if any(one in words for one in LOOSE)}


def test_loose_tables_are_found() -> None:
    assert loose("def f(a: int, b: list[dict[str, Any]]) -> None: ...") == {"f"}
    assert loose("class A:\n    b: dict[str, Any] | None\n    def c(self) -> Mapping[str, Any]: ...") == {"A.b", "A.c"}
    assert loose("Table = dict[str, Any]") == {"Table"}
    assert loose("def _f(a: dict[str, Any]) -> dict[str, float]: ...") == set()


def test_nothing_passes_tables_of_anything_from_file_to_file() -> None:
    """What JSON may be is `pydantic.JsonValue`, what nobody looks into is `object`; the rest has a type."""
    paths = [path for path in FILES if path.suffix == ".py" and path.is_relative_to(ROOT / "moa_cli")]
    found = {f"{path.relative_to(ROOT)}:{place}" for path in paths for place in loose(path.read_text(encoding="utf-8"))}
    assert sorted(found - set(ALLOWED)) == [], "give it a type"
    assert sorted(set(ALLOWED) - found) == [], "no longer needed in ALLOWED"


@pytest.mark.parametrize("cls", documents(), ids=schema_name)
def test_schemas_are_those_of_the_types(cls: type[Document]) -> None:
    path = ROOT / "docs" / "schema" / f"{schema_name(cls)}.json"
    published = path.read_text(encoding="utf-8") if path.exists() else ""
    assert published == schema_text(cls), f"docs/schema/{path.name} is not that of {cls.__name__}: make pages"


def test_no_schema_is_left_over() -> None:
    published = {path.stem for path in (ROOT / "docs" / "schema").glob("*.json")}
    assert published - {schema_name(cls) for cls in documents()} == set(), "make pages removes it"


def test_where_methods_differ_is_what_their_docstrings_say() -> None:
    published = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    assert published == differences(), "docs/differences.md is not what the docstrings say: make pages"
