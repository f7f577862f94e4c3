"""`python -m moa_cli.documents` writes the JSON schema of every document that moa makes into docs/schema/."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

from benchmarks.common import Document
from moa_cli.console import say

ROOT = Path(__file__).parents[1]


def documents() -> list[type[Document]]:
    """All documents of the packages, by name; what else a package holds is not imported."""
    for package in ("benchmarks", "methods", "moa_cli"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if "(Document)" in path.read_text(encoding="utf-8"):
                import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    return sorted(_below(Document), key=schema_name)


def _below(cls: type[Document]) -> Iterator[type[Document]]:
    for sub in cls.__subclasses__():
        if sub.__module__.partition(".")[0] in ("benchmarks", "methods", "moa_cli"):
            yield sub
        yield from _below(sub)


def schema_name(cls: type[Document]) -> str:
    """The name of a document's schema, without its version: "run" of "moa.run/1"."""
    return cls.SCHEMA.removeprefix("moa.").partition("/")[0]


def schema_text(cls: type[Document]) -> str:
    """The content of a document's schema file."""
    return json.dumps(cls.json_schema(), indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def main() -> None:
    """Writes the schemas, and removes those of documents that are no more."""
    folder = ROOT / "docs" / "schema"
    folder.mkdir(exist_ok=True)
    texts = {folder / f"{schema_name(cls)}.json": schema_text(cls) for cls in documents()}
    for path in set(folder.glob("*.json")) - set(texts):
        path.unlink()
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
        say(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
