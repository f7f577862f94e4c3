"""Damage of what was written is found when it is read, named, and made again."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.common import atomic
from benchmarks.common.atomic import flush, whole_folder, write_text
from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import telling
from benchmarks.common.sums import copied_whole, faulty, kept, missing_again, read_json, reading, set_aside, write_json


def made(folder: Path, **files: str) -> Path:
    with whole_folder(folder) as partial:
        for name, text in (files or {"a.bin": "0123456789", "b": "x"}).items():
            (partial / name.replace("_", "/")).parent.mkdir(exist_ok=True)
            (partial / name.replace("_", "/")).write_text(text)
    return folder


@pytest.mark.parametrize(
    "harm",
    [
        lambda p: p.write_bytes(b""),
        lambda p: p.write_bytes(p.read_bytes()[:-1]),
        lambda p: p.write_bytes(p.read_bytes() + b"\0"),
        lambda p: p.write_bytes(p.read_bytes()[:3] + bytes(7)),
        lambda p: p.write_bytes(bytes([p.read_bytes()[0] ^ 1]) + p.read_bytes()[1:]),
        lambda p: p.unlink(),
    ],
    ids=["empty", "cut", "longer", "zeros", "one bit", "gone"],
)
def test_a_damaged_folder_is_named_set_aside_and_missing(tmp_path: Path, harm) -> None:
    folder = made(tmp_path / "policy")
    with reading(folder):
        assert not faulty(folder)
    harm(folder / "a.bin")
    with pytest.raises(BadInput) as error, reading(folder):
        pytest.fail("it was read")
    assert error.value.what == f"{folder} is damaged: a.bin is not what was written"
    assert "makes it again" in error.value.fix
    assert missing_again(tmp_path) == [folder]
    assert [p.name for p in tmp_path.iterdir()] == [".policy.damaged"], "and nothing is lost"
    made(folder)
    assert missing_again(tmp_path) == []
    with reading(folder):
        pass


def test_damage_in_a_folder_within_and_of_the_sums_themselves(tmp_path: Path) -> None:
    folder = made(tmp_path / "policy", inner_a="1")
    (folder / "inner" / "a").write_text("2")
    assert faulty(folder) == "inner/a"
    (folder / "inner" / "a").write_text("1")
    (folder / "sums.json").write_text("{")
    assert faulty(folder) == "sums.json"


def test_what_was_made_before_there_were_sums_is_read_and_its_faults_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "my policy"
    folder.mkdir()
    with reading(folder):
        pass
    with pytest.raises(BadInput, match="policy cannot be read: EOFError: cut") as error, reading(folder):
        raise EOFError("cut")
    assert error.value.fix.startswith(f"mv '{folder}' '{tmp_path / '.my policy.damaged'}'; then")
    with pytest.raises(MemoryError), reading(folder):
        raise MemoryError
    with pytest.raises(EOFError), reading(made(folder)):
        raise EOFError  # what is as it was written is not damaged
    with pytest.raises(BadInput, match="there is no"), reading(tmp_path / "gone"):
        pass


def test_a_damaged_part_is_not_copied(tmp_path: Path) -> None:
    (made(tmp_path / "policy" / "one") / "b").write_text("y")
    (tmp_path / "to").mkdir()
    with pytest.raises(BadInput, match="one is damaged: b is not"):
        copied_whole(tmp_path / "policy", tmp_path / "to")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    content=JSON.filter(lambda c: not (isinstance(c, dict) and {"sum", "content"} & set(c))), at=st.integers(0, 10**6)
)
def test_json_comes_back_and_no_byte_of_it_changes_unseen(tmp_path: Path, content, at: int) -> None:
    path = tmp_path / "kept.json"
    write_json(path, content)
    assert read_json(path) == content
    whole = path.read_bytes()
    harmed = bytearray(whole)
    harmed[at % len(whole)] ^= 1
    path.write_bytes(harmed)
    try:
        again = read_json(path)
    except ValueError:
        return
    # a bit of white space, of a key's name, or of how a number is written
    assert again == content or b'"sum"' not in bytes(harmed)


def test_what_is_kept_is_made_once_and_again_where_it_is_damaged(tmp_path: Path) -> None:
    path, calls, lines = tmp_path / "answers.json", [], []

    def make() -> list[int]:
        calls.append(1)
        return [1, 2]

    with telling(lines.append):
        assert kept(path, make) == kept(path, make) == [1, 2]
        assert (len(calls), lines) == (1, [])
        path.write_bytes(path.read_bytes()[:-4])
        assert kept(path, make) == [1, 2]
    assert len(calls) == 2
    assert lines == [f"{path} is damaged: it is not JSON, or was cut short. It is made again"]
    path.write_text("[3, 4]")
    assert kept(path, make) == [3, 4], "written before there were checksums"
    path.write_text("[" * 100_000)
    assert kept(path, make) == [1, 2]


def test_a_second_damaged_one_takes_the_place_of_the_first(tmp_path: Path) -> None:
    for number in "12":
        (tmp_path / "f").write_text(number)
        set_aside(tmp_path / "f")
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(".f.damaged", "2")]


def test_content_reaches_the_disk_before_its_name_and_names_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    replace = os.replace
    monkeypatch.setattr(atomic, "flush", lambda path: done.append(f"flush {path.name}"))
    monkeypatch.setattr(os, "replace", lambda a, b: (done.append(f"name {Path(b).name}"), replace(a, b)))
    write_text(tmp_path / "f", "1")
    own = f".f.{os.getpid()}.partial"
    assert done == [f"flush {own}", "name f", f"flush {tmp_path.name}"]
    done.clear()
    made(tmp_path / "policy", b="1")
    assert done.index("flush b") < done.index("name policy") < len(done) - 1
    assert done[-1] == f"flush {tmp_path.name}"
    monkeypatch.undo()
    flush(tmp_path)


def test_to_flush_is_to_ask_the_system_for_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For that very file or folder. A file system that has no such thing is told of by nobody."""
    asked: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda number: asked.append(os.fstat(number).st_ino))
    for path in (tmp_path / "f", tmp_path):
        write_text(tmp_path / "f", "1", lasting=False)
        assert asked == []
        flush(path)
        assert asked.pop() == path.stat().st_ino

    wrong = [errno.EIO, errno.ENOTSUP, errno.EINVAL]

    def failing(number: int) -> None:
        raise OSError(wrong.pop(), "why")

    monkeypatch.setattr(os, "fsync", failing)
    flush(tmp_path)
    flush(tmp_path)
    with pytest.raises(OSError, match="why"):
        flush(tmp_path)


def test_no_part_is_left_where_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic, "flush", full)
    with pytest.raises(OSError, match="No space"):
        write_text(tmp_path / "cost.json", json.dumps({}))
    assert not list(tmp_path.iterdir())


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "f").touch()
    (tmp_path / "policy").symlink_to(tmp_path / "elsewhere")
    made(tmp_path / "policy")
    assert not (tmp_path / "policy").is_symlink()
    assert (tmp_path / "elsewhere" / "f").exists()


@pytest.mark.parametrize("when", ["before it is moved", "after"])
def test_two_processes_that_find_the_same_damage_set_it_aside_once(
    when: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one, coming at any moment, does not remove what the first has set aside: it would be missing for ever
    without a word that it is."""
    folder, move, begun = tmp_path / "policy", os.replace, []
    folder.mkdir()

    def moved(source: Path, target: Path) -> None:
        if source == folder and not begun:
            begun.append(source)
            if when == "before it is moved":
                set_aside(folder)
                move(source, target)
                return
            move(source, target)
            set_aside(folder)
            return
        move(source, target)

    monkeypatch.setattr(os, "replace", moved)
    assert set_aside(folder).name == ".policy.damaged"
    assert [path.name for path in tmp_path.iterdir()] == [".policy.damaged"]
    assert missing_again(tmp_path) == [folder]


def test_what_a_killed_process_was_setting_aside_is_missing(tmp_path: Path) -> None:
    (tmp_path / ".0.5,0.5.damaged.3655").mkdir()
    assert missing_again(tmp_path) == [tmp_path / "0.5,0.5"]
