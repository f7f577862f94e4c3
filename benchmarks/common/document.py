"""Documents: JSON files that are types. Each writes itself, reads and checks itself, and publishes its JSON schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from benchmarks.common.atomic import write_text
from benchmarks.common.identity import digest
from benchmarks.common.parse import check_finite_json, json_of


def json_text(content: object, *, ascii_only: bool = False) -> str:
    """JSON to be read by people too: what is no printable character stands escaped, whatever its text does to a screen.

    ValueError for numbers that are not finite.
    """
    text = json.dumps(content, indent=2, allow_nan=False, ensure_ascii=ascii_only)
    odd = [c for c in set(text) if not c.isprintable() and c != "\n"]
    return text.translate({ord(c): json.dumps(c)[1:-1] for c in odd}) if odd else text


class Part(BaseModel):
    """A table in a document. It cannot be changed, and has no other entries and no number that is not finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Document(Part):
    """A JSON file that says under "schema" what it is."""

    SCHEMA: ClassVar[str]
    """Name and version, as in "moa.compare/3"."""
    SUMMED: ClassVar[bool] = False
    """Whether the file carries a checksum, as what numbers are read by and from does."""

    def to_json(self) -> str:
        """The content of the file."""
        content = {"schema": self.SCHEMA, **self.model_dump(mode="json")}
        if self.SUMMED:
            content["sum"] = digest(content)
        return json_text(content) + "\n"

    def write(self, path: Path) -> None:
        """Writes the file, whole or not at all."""
        write_text(path, self.to_json())

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The document of a file's content. ValueError that says in a line what is wrong with it."""
        try:
            content = json_of(text)
        except ValueError as error:
            known = str(error).startswith("it ")
            raise ValueError(str(error) if known else "it is not JSON, or was cut short") from error
        schema = content.get("schema") if isinstance(content, dict) else None
        if schema != cls.SCHEMA:
            raise ValueError(_another(schema, cls.SCHEMA))
        if cls.SUMMED and "sum" in content and content.pop("sum") != digest(content):  # earlier ones have none
            raise ValueError('it is damaged: its content is not what was written (if you edited it, remove its "sum")')
        del content["schema"]
        try:
            found = cls.model_validate_json(json.dumps(content), strict=True)  # strict, a list is a tuple in JSON alone
        except ValidationError as error:
            first = error.errors(include_url=False, include_context=False, include_input=False)[0]
            place = ".".join(map(str, first["loc"])).replace("\n", " ")
            raise ValueError(f"it is damaged, or of an earlier version: {place}: {first['msg']}") from error
        check_finite_json(content)  # a setting may be anything else
        return found

    @classmethod
    def json_schema(cls) -> dict[str, Any]:
        """What a file must be, in the language of JSON schema."""
        found = cls.model_json_schema(mode="serialization")
        found["properties"] = {"schema": {"const": cls.SCHEMA}} | found["properties"]
        if cls.SUMMED:
            found["properties"]["sum"] = {"type": "string", "description": "Checksum of all the rest."}
        found["required"] = ["schema", *found.get("required", [])]
        return found


def _another(said: object, expected: str) -> str:
    """What is wrong with a document that says it is another.

    >>> _another("moa.front/3", "moa.front/4")
    'an earlier version of moa wrote it (moa.front/3, now moa.front/4)'
    """
    (name, _, version), (kind, _, now) = str(said).partition("/"), expected.partition("/")
    if name == kind and version.isdecimal() and int(version) < int(now):
        return f"an earlier version of moa wrote it ({said}, now {expected})"
    return f"it says {said}, not {expected}" if said else f"it does not say {expected}"
