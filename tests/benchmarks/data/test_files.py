"""Files of rows: every format gives the same rows, shards are whole, and what is damaged is told with its line."""

from __future__ import annotations

import csv
import gzip
import json
import logging
import sys
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest

from benchmarks.common.errors import BadInput
from benchmarks.data.files import hash_file, named_files, split_files
from benchmarks.data.formats import SUFFIXES
from benchmarks.data.rows import Source, read_rows

ROWS = [{"chosen": "a\n, ü\t😀", "rejected": '"b"'}, {"chosen": "c", "rejected": "d"}]
SCHEMA = {"chosen": str, "rejected": str}


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A file in the format of its name."""
    kind = path.name.removesuffix(".gz").rpartition(".")[2]
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind in ("parquet", "arrow"):
        made = pyarrow.Table.from_pylist(rows)
        (pyarrow.parquet.write_table if kind == "parquet" else pyarrow.feather.write_feather)(made, path)
        return path
    with (gzip.open if path.suffix == ".gz" else open)(path, "wt", encoding="utf-8", newline="") as file:
        if kind in ("csv", "tsv"):
            writer = csv.DictWriter(file, rows[0], delimiter="\t" if kind == "tsv" else ",")
            writer.writeheader()
            writer.writerows(rows)
        else:
            lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
            file.write(json.dumps(rows) if kind == "json" else lines)
    return path


def saved(folder: Path, rows: list[dict[str, Any]], shards: int = 1) -> Path:
    """A saved Arrow folder."""
    from datasets import Dataset

    Dataset.from_list(rows).save_to_disk(folder, num_shards=shards)
    return folder


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_every_format_gives_the_same_rows(tmp_path: Path, suffix: str) -> None:
    assert list(read_rows(write(tmp_path / f"rows{suffix}", ROWS), SCHEMA)) == ROWS


def test_a_saved_folder_is_read_as_one_file(tmp_path: Path) -> None:
    rows = [{"chosen": f"a{i}", "rejected": "b"} for i in range(5)]
    folder = saved(tmp_path / "mine", rows, shards=2)
    assert list(read_rows(folder, SCHEMA)) == rows
    assert hash_file(folder) != hash_file(saved(tmp_path / "other", rows[:4], shards=2))
    with pytest.raises(BadInput, match=r"mine:1 is not a row of this data set: 'prompt' is missing"):
        list(read_rows(folder, {"prompt": str}))
    (folder / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(BadInput, match=r"there is no .*data-00001-of-00002\.arrow"):
        list(read_rows(folder, SCHEMA))


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet", "-1f3c5a7b9d.parquet"])
def test_shards_are_read_in_order_and_a_missing_one_is_named(tmp_path: Path, suffix: str) -> None:
    files = [tmp_path / f"train-{i:05}-of-00003{suffix}" for i in range(3)]
    for i, file in enumerate(files):
        write(file, [{"chosen": str(i)}])
    for place in (str(tmp_path / "train-*"), str(tmp_path), [str(file) for file in files]):
        assert [row["chosen"] for row in read_rows(place, {"chosen": str})] == ["0", "1", "2"]
    assert split_files(tmp_path, "train", layout="x") == files
    files[1].unlink()
    for place in (str(tmp_path / "train-*"), str(tmp_path)):
        with pytest.raises(BadInput, match=r"there is no .*/train-00001-of-00003\n.*3 shards"):
            named_files(place)
    with pytest.raises(BadInput, match="train-00001-of-00003"):
        split_files(tmp_path, "train", layout="x")
    with pytest.raises(BadInput, match="no data file .*train-00001-of-00003"):
        named_files([str(file) for file in files])
    assert named_files([str(files[0]), str(files[2])]) == [files[0], files[2]]  # these are what was asked for


def test_a_stream_of_arrow_is_read_as_a_file_of_it_is(tmp_path: Path) -> None:
    """Caches and saved folders hold streams, what is written by hand is most often a file."""
    made = pyarrow.Table.from_pylist(ROWS)
    with pyarrow.ipc.new_stream(tmp_path / "rows.arrow", made.schema) as file:
        file.write_table(made)
    assert list(read_rows(tmp_path / "rows.arrow", SCHEMA)) == ROWS


def damaged(path: Path) -> None:
    """Overwrites the middle of a file."""
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle - 20 : middle + 20] = b"\x00" * 40
    path.write_bytes(bytes(whole))


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".json.gz", ".csv.gz", ".parquet", ".arrow"])
@pytest.mark.parametrize("cut", [True, False])
def test_whatever_is_damaged_is_refused_with_its_name(tmp_path: Path, suffix: str, cut: bool) -> None:
    rows = [{"chosen": f"{i * 7919 % 1000}" * 9, "rejected": f"{i * i % 977}"} for i in range(300)]
    path = write(tmp_path / f"rows{suffix}", rows)
    if cut:
        path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    elif suffix in (".parquet", ".arrow"):
        path.write_bytes(b"ARROW1\0\0" + bytes(200))
    else:
        damaged(path)
    with pytest.raises(BadInput, match=r"rows\.[a-z.]+"):
        list(read_rows(path, SCHEMA))


@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_a_time_that_python_has_no_value_for(tmp_path: Path, suffix: str) -> None:
    """In a column that nobody asked for, too: rows are read whole."""
    later = pyarrow.array([2**62], pyarrow.timestamp("us"))
    made, path = pyarrow.table({"chosen": ["a"], "rejected": ["b"], "when": later}), tmp_path / f"rows{suffix}"
    (pyarrow.parquet.write_table if suffix == ".parquet" else pyarrow.feather.write_feather)(made, path)
    with pytest.raises(BadInput, match=r"rows\.[a-z]+ cannot be read: OverflowError"):
        list(read_rows(path, SCHEMA))


def test_a_key_that_is_there_twice_and_a_list_under_another_name(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "x"}\n{"a": "x", "b": {"c": 1, "c": 2}}\n')
    with pytest.raises(BadInput, match=r"rows\.jsonl:2 is not JSON: it has 'c' twice"):
        list(read_rows(path, {"a": str}))
    path.write_text('[\n{"a": "x"}\n]')
    with pytest.raises(BadInput, match=r"rows\.jsonl holds a list\n.*\ncall it \.json"):
        list(read_rows(path, {"a": str}))
    path.write_text("{" * 3 + '"a":' * 2 + "[" * 100_000)
    with pytest.raises(BadInput, match=r"rows\.jsonl"):
        list(read_rows(path, {"a": str}))
    (tmp_path / "rows.json").write_text("[" * 100_000)
    with pytest.raises(BadInput, match=r"rows\.json cannot be read"):
        list(read_rows(tmp_path / "rows.json", {"a": str}))


def test_a_glob_and_a_folder_that_hold_nothing_are_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    for place in (str(tmp_path / "*.txt"), str(tmp_path), str(tmp_path / "rows-*.jsonl")):
        with pytest.raises(BadInput, match="no data file"):
            named_files(place)
    if sys.version_info < (3, 13):  # where it is a * since
        for place in (str(tmp_path / "**.jsonl"), "**x.jsonl"):
            with pytest.raises(BadInput, match=r"\*\*x?\.jsonl is no glob: .*\n.*\n\*\*/\*\.jsonl means"):
                named_files(place)
    odd = write(tmp_path / "rows [1].jsonl", ROWS)
    assert named_files(str(odd)) == [odd]


def test_the_files_of_a_split_lie_in_a_folder_or_in_its_folders(tmp_path: Path) -> None:
    one, two = (write(tmp_path / "data" / part / "train.jsonl.gz", ROWS) for part in ("a", "b"))
    write(tmp_path / ".cache" / "train.jsonl", ROWS)
    assert split_files(tmp_path, "train", layout="x") == [one, two]
    assert split_files(tmp_path / "data" / "a", "train", layout="x") == [one]
    saved(tmp_path / "test", ROWS)
    assert split_files(tmp_path, "test", layout="x") == [tmp_path / "test"]
    with pytest.raises(BadInput, match="no data file train/dev"):
        split_files(tmp_path, "dev", layout="train/dev")


def test_published_folders_may_hold_shards(tmp_path: Path) -> None:
    for i in range(2):
        write(tmp_path / "base" / f"train-{i:05}-of-00002.parquet", [{"chosen": str(i)}])
    source = Source(tmp_path)
    assert [row["chosen"] for row in source.rows("base", "train", {"chosen": str})] == ["0", "1"]
    before = source.fingerprint([("base", "train")])
    write(tmp_path / "base" / "train-00001-of-00002.parquet", [{"chosen": "2"}])
    assert Source(tmp_path).fingerprint([("base", "train")]) != before
    assert source.fingerprint([("base", "train")]) == before  # what it was loaded as
    with pytest.raises(BadInput, match="has changed since"):
        list(source.rows("base", "train", {"chosen": str}))


def test_a_json_file_with_an_object_per_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text('{"a": 1}\n\n{"a": 2}\n')
    assert list(read_rows(path, {"a": int})) == [{"a": 1}, {"a": 2}]
    path.write_text('{"a": 1}\n{"a": 2\n')
    with pytest.raises(BadInput, match=r"rows\.json:2 is not JSON"):
        list(read_rows(path, {"a": int}))
    path.write_text('[{"a": 1},\n {"a": 2}')
    with pytest.raises(BadInput, match="cannot be read"):
        list(read_rows(path, {"a": int}))


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".csv.gz"])
def test_a_quote_that_is_never_closed_is_told_with_its_line(tmp_path: Path, suffix: str) -> None:
    """Otherwise all rows that follow are one cell."""
    sign = "\t" if "tsv" in suffix else ","
    lines = [f"p{sign}r", f'0{sign}"two\nlines"', f'1{sign}"open', f"2{sign}b", f"3{sign}b"]
    path = tmp_path / f"rows{suffix}"
    with (gzip.open if suffix.endswith("gz") else open)(path, "wt") as file:
        file.write("\n".join(lines))
    with pytest.raises(BadInput, match=r"rows.*:4 has a quote that is never closed"):
        list(read_rows(path, {}))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("p,r\n1,a\n2,b,c\n", "rows.csv:3 has more cells than the file has columns\n3 instead of 2"),
        ('p,r\n1,"a"b\n', "rows.csv:2: ',' expected"),
        ("p,r,p\n1,a,b\n", "rows.csv has two columns 'p'"),
    ],
)
def test_cells_are_not_guessed_at(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(BadInput, match=message):
        list(read_rows(tmp_path / "rows.csv", {}))


@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".tsv"])
@pytest.mark.parametrize("encoding", ["utf-16", "cp1252", "latin-1"])
def test_another_encoding_is_refused_and_what_is_read_is_said(tmp_path: Path, suffix: str, encoding: str) -> None:
    path = write(tmp_path / f"rows{suffix}", [{"chosen": "sch\u00f6n", "rejected": "b"}])
    text = path.read_text(encoding="utf-8").replace("\\u00f6", "\u00f6")
    path.write_bytes(text.encode(encoding))
    with pytest.raises(BadInput, match=rf"rows{suffix} cannot be read: .*\n.*UTF-8 text"):
        list(read_rows(path, SCHEMA))


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_control_characters_and_line_ends_come_through(tmp_path: Path, suffix: str) -> None:
    """NUL, U+2028, U+0085 and line breaks of any kind are part of a text, and end no row."""
    rows = [{"chosen": "a\x00b\u2028c\x85d\x0be", "rejected": "x\r\ny\nz"}, {"chosen": "\u200b ", "rejected": "\ttab"}]
    assert list(read_rows(write(tmp_path / f"rows{suffix}", rows), SCHEMA)) == rows


def test_half_a_character_is_replaced_and_told_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """JSON can write half of a surrogate pair; nothing else can hold it."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "Bad \\ud83d", "b": [{"c": "\\ude00"}]}\n{"a": "Good \\ud83d\\ude00", "b": []}\n')
    with caplog.at_level(logging.WARNING, logger="moa"):
        rows = list(read_rows(path, {"a": str}))
    assert rows == [{"a": "Bad ?", "b": [{"c": "?"}]}, {"a": "Good 😀", "b": []}]
    assert caplog.text.count("rows.jsonl: 1 rows hold half a character") == 1


@pytest.mark.parametrize("name", ["rows-1.jsonl.zst", "rows-1.JSONL", "rows-1.ndjson", "rows-1.parquet.gz"])
def test_rows_in_a_form_that_is_not_read_are_not_left_out_unsaid(tmp_path: Path, name: str) -> None:
    write(tmp_path / "rows-0.jsonl", ROWS)
    (tmp_path / "README.md").touch()
    (tmp_path / name).touch()
    for place in (str(tmp_path / "rows-*"), str(tmp_path)):
        with pytest.raises(BadInput, match=f"{name} would not be read"):
            named_files(place)
    assert split_files(write(tmp_path / "copy" / "train.jsonl", ROWS).parent, "train", layout="x")


@pytest.mark.parametrize("name", [".rows.jsonl", "._rows-0.jsonl", "dataset_infos.json", "dataset_dict.json"])
def test_what_is_hidden_or_about_a_data_set_is_no_row(tmp_path: Path, name: str) -> None:
    rows = write(tmp_path / "rows-0.jsonl", ROWS)
    (tmp_path / name).write_bytes(b"\0\5\x16\7")
    assert named_files(str(tmp_path)) == named_files(str(tmp_path / "*")) == [rows]


def test_a_folder_in_a_list_is_refused(tmp_path: Path) -> None:
    """Its splits would be mixed."""
    with pytest.raises(BadInput, match="is a folder"):
        named_files([str(write(tmp_path / "data" / "train.jsonl", ROWS).parent)])


def test_of_two_forms_of_a_split_it_is_told_which_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for name in ("train.csv", "train.jsonl", "train-00000-of-00001.jsonl"):
        write(tmp_path / name, ROWS)
    with caplog.at_level(logging.WARNING, logger="moa"):
        assert split_files(tmp_path, "train", layout="x") == [tmp_path / "train.jsonl"]
    assert "train.jsonl is read, and not train.csv, train-00000-of-00001.jsonl beside it" in caplog.text


@pytest.mark.parametrize("name", ["rows.parquet", "rows.arrow", "stream.arrow"])
def test_columns_that_are_called_alike_are_refused(tmp_path: Path, name: str) -> None:
    """The last would win."""
    made = pyarrow.table([["q"], ["first"], ["second"]], names=["prompt", "response", "response"])
    if name == "rows.parquet":
        pyarrow.parquet.write_table(made, tmp_path / name)
    else:
        new = pyarrow.ipc.new_stream if name.startswith("stream") else pyarrow.ipc.new_file
        with new(tmp_path / name, made.schema) as file:
            file.write_table(made)
    with pytest.raises(BadInput, match="has two columns 'response'"):
        list(read_rows(tmp_path / name, {"prompt": str}))


def test_what_spreadsheets_and_joined_files_add(tmp_path: Path) -> None:
    """An empty line before the names and columns without one are nothing; names that come again are no row."""
    path = tmp_path / "rows.csv"
    path.write_text("\r\nchosen,rejected,,\r\na,b,,\r\n")
    assert [(row["chosen"], row["rejected"]) for row in read_rows(path, SCHEMA)] == [("a", "b")]
    path.write_text("chosen,rejected\na,b\nchosen,rejected\nc,d\n")
    with pytest.raises(BadInput, match=r"rows\.csv:3 holds the names of the columns again"):
        list(read_rows(path, SCHEMA))


def test_a_json_file_of_one_line_or_of_none_is_one_of_lines(tmp_path: Path) -> None:
    """As the last shard of many may be."""
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(ROWS[0]) + "\n")
    assert list(read_rows(path, SCHEMA)) == ROWS[:1]
    path.write_text("\n")
    assert list(read_rows(path, SCHEMA)) == []
    path.write_text(json.dumps({"data": ROWS}))
    with pytest.raises(BadInput, match=r"rows\.json:1 .*'chosen' is missing[^\0]*found keys data"):
        list(read_rows(path, SCHEMA))
