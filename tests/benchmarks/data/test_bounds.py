"""What is too long, too deep or no archive is refused before it fills the memory."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.common.parse import DEEPEST, json_of, toml_of
from benchmarks.data import formats
from benchmarks.data.rows import read_rows


@pytest.mark.parametrize(
    ("name", "around"), [("a.jsonl", '{{"a": "{}"}}\n'), ("a.csv", "a\n{}\n"), ("a.tsv", "a\n{}\n")]
)
@pytest.mark.parametrize("packed", [False, True])
def test_a_line_beyond_all_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, around: str, packed: bool
) -> None:
    """Packed, a line of zeros takes a thousandth of its length."""
    monkeypatch.setattr(formats, "LONGEST", 1000)
    path = tmp_path / (f"{name}.gz" if packed else name)
    for count, fine in ((900, True), (1001, False)):
        content = around.format("0" * count).encode()
        path.write_bytes(gzip.compress(content) if packed else content)
        if fine:
            assert len(list(read_rows(path, {}))) == 1
        else:
            with pytest.raises(BadInput, match="has more than 1,000 characters|field larger than field limit"):
                list(read_rows(path, {}))


def test_a_json_file_beyond_all_bounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LARGEST", 1000)
    (tmp_path / "a.json").write_text(json.dumps([{"a": "0" * 1000}]))
    with pytest.raises(BadInput, match=r"more than 1,000 characters: as \.jsonl"):
        list(read_rows(tmp_path / "a.json", {}))


def test_an_archive_whose_inside_is_damaged(tmp_path: Path) -> None:
    packed = bytearray(gzip.compress(b'{"a": "b"}\n' * 50))
    for at in range(10, len(packed)):
        harmed = bytes([*packed[:at], packed[at] ^ 255, *packed[at + 1 :]])
        (tmp_path / "a.jsonl.gz").write_bytes(harmed)
        with pytest.raises(BadInput):
            list(read_rows(tmp_path / "a.jsonl.gz", {"a": str}))


@pytest.mark.parametrize("state", ["{}", '{"_data_files": 1}', '{"_data_files": [{"filename": 1}]}', "[" * 9999])
def test_a_saved_folder_whose_state_is_another(tmp_path: Path, state: str) -> None:
    (tmp_path / "saved").mkdir()
    (tmp_path / "saved" / "state.json").write_text(state)
    with pytest.raises(BadInput):
        list(read_rows(tmp_path / "saved", {}))


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "parse", [json_of, lambda text: toml_of(f"a = {text}"), lambda text: json_of(f'{{"a": {text}}}')]
)  # fmt: skip
@pytest.mark.parametrize("depth", [200, 900, 100_000])
def test_what_is_nested_too_deeply_is_a_value_error(parse: Callable[[str], object], depth: int) -> None:
    assert parse(nested(DEEPEST - 2))
    with pytest.raises(ValueError, match="nested deeper than 64"):
        parse(nested(depth))
    with pytest.raises(ValueError):
        toml_of("a." * depth + "a = 1")


@pytest.mark.parametrize("depth", [70, 900, 5000])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_rows_that_are_nested_too_deeply(tmp_path: Path, depth: int, name: str) -> None:
    (tmp_path / name).write_text(f'[{{"a": {nested(depth)}}}]' if name == "a.json" else f'{{"a": {nested(depth)}}}')
    with pytest.raises(BadInput, match="nested|recursion"):
        list(read_rows(tmp_path / name, {}))
