"""Preparations in one file: the same bytes, taken on another machine as they were, refused where they are not that."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.prepare.archive import pack
from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.card import stored_card
from benchmarks.prepare.make import missing_parts
from benchmarks.prepare.parts import part_folders
from benchmarks.prepare.taking import unpack
from benchmarks.spec.places import card_file, root
from tests.kit.documents import rewritten

Members = dict[str, bytes]


@pytest.fixture(scope="module")
def archive(tiny: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny preparation in a file."""
    path = tmp_path_factory.mktemp("carried") / "prepared.tar"
    pack([tiny], path)
    return path


@pytest.fixture
def elsewhere(tiny: Benchmark, tmp_path: Path) -> Benchmark:
    """The tiny benchmark on a machine where nothing is prepared."""
    return replace(tiny, home=tmp_path / "runs")


def content(benchmark: Benchmark) -> Members:
    """What is prepared, but for locks and scores that are known."""
    home = root(benchmark)
    files = [f for f in home.rglob("*") if f.is_file() and not f.name.endswith((".lock", ".sqlite"))]
    return {str(f.relative_to(home)): f.read_bytes() for f in files}


def members(path: Path) -> Members:
    """The files in an archive."""
    with tarfile.open(path) as found:
        return {info.name: found.extractfile(info).read() for info in found}  # type: ignore[union-attr]


def written(path: Path, files: Members, *more: tarfile.TarInfo) -> Path:
    """An archive of these files, and then of headers without content."""
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as archive:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(text)
            archive.addfile(info, io.BytesIO(text))
        for info in more:
            archive.addfile(info)
    return path


def test_a_preparation_is_carried_whole(tiny: Benchmark, elsewhere: Benchmark, archive: Path) -> None:
    """All that preparing left but caches and locks, byte for byte; nothing is left to make, nothing else is there."""
    assert unpack(archive, [elsewhere]) == [elsewhere]
    assert content(elsewhere) == content(tiny)
    assert stored_card(elsewhere) == stored_card(tiny)
    assert missing_parts(elsewhere) == []
    assert not list(root(elsewhere).glob(".taken.*"))
    assert unpack(archive, [elsewhere]) == []  # it is there


def test_the_same_preparation_gives_the_same_file(tiny: Benchmark, elsewhere: Benchmark, archive: Path) -> None:
    """From another machine too, at another time."""
    unpack(archive, [elsewhere])
    pack([elsewhere, elsewhere], elsewhere.home / "again.tar")
    assert (elsewhere.home / "again.tar").read_bytes() == archive.read_bytes()
    with tarfile.open(archive) as found:
        infos = found.getmembers()
    assert [info.name for info in infos[1:]] == sorted(info.name for info in infos[1:])
    assert {(info.mtime, info.uid, info.gid, info.uname, info.mode) for info in infos} == {(0, 0, 0, "", 0o644)}


def test_what_is_not_prepared_cannot_be_packed(elsewhere: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="is not prepared"):
        pack([elsewhere], tmp_path / "none.tar")
    assert not list(tmp_path.glob("*.tar"))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"name": "calls"}, "it has those of cries"),
        ({"preparation": 3}, "it has preparation 0, and not 3"),
        ({"eval_prompts": 9}, "measured on up to 10 prompts, here on 9"),
        ({"seed": 5}, "its data, rewards, policy or decoding are others"),
    ],
)
def test_another_benchmark_is_refused_with_the_reason(
    elsewhere: Benchmark, archive: Path, change: dict[str, object], why: str
) -> None:
    with pytest.raises(BadInput) as refused:
        unpack(archive, [replace(elsewhere, **change)])  # type: ignore[arg-type]
    assert why in refused.value.why
    assert not elsewhere.home.exists()


def test_a_preparation_made_here_stays(own_tiny: Benchmark, archive: Path) -> None:
    """Another card, or the same recipe with another content, is refused, and left as it was."""
    card = card_file(own_tiny)
    rewritten(card, lambda told: told["report"].update(collapse=0.5))
    assert unpack(archive, [own_tiny]) == []  # the units are the same
    rewritten(card, lambda told: told["card"]["score_mean"].__setitem__(0, told["card"]["score_mean"][0] + 1e-9))
    with pytest.raises(BadInput, match="has another preparation of cries"):
        unpack(archive, [own_tiny])
    card.unlink()
    assert unpack(archive, [own_tiny]) == [own_tiny]  # what was begun here is the same
    card.unlink()
    weights = part_folders(own_tiny)["policy"] / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\1")
    before = content(own_tiny)
    with pytest.raises(BadInput, match="has another preparation of cries"):
        unpack(archive, [own_tiny])
    assert content(own_tiny) == before


def _table(change: Callable[[dict[str, dict[str, dict[str, object]]]], object]) -> Callable[[Members], Members]:
    """Changes the parts in the table of an archive."""

    def changed(files: Members) -> Members:
        table = json.loads(files["prepared.json"])
        change(table["preparations"][0]["parts"])
        return {**files, "prepared.json": json.dumps(table).encode()}

    return changed


def _first(parts: dict[str, dict[str, dict[str, object]]]) -> dict[str, dict[str, object]]:
    return next(files for part, files in parts.items() if part.startswith("policy-"))


DAMAGES: dict[str, tuple[Callable[[Members], Members], str]] = {
    "a bit flipped": (
        lambda files: files | {n: c[:-1] + bytes([c[-1] ^ 1]) for n, c in files.items() if len(c) > 10**5},
        "is not what its checksum says",
    ),
    "a file gone": (lambda files: dict([*files.items()][:-1]), "is missing, or was cut off"),
    "no table": (lambda files: {n: c for n, c in files.items() if n != "prepared.json"}, "does not begin with"),
    "a table of something else": (lambda files: files | {"prepared.json": b"{}"}, "does not say moa.prepared/1"),
    "a way out": (_table(lambda parts: _first(parts).update({"../x.json": _first(parts)["config.json"]})), "../x.json"),
    "another way out": (_table(lambda parts: parts.update({"../policy": _first(parts)})), "belongs to no preparation"),
    "code": (_table(lambda parts: _first(parts).update({"modeling.py": _first(parts)["config.json"]})), "modeling.py"),
    "a part gone": (_table(lambda parts: parts.pop(next(p for p in parts if p.startswith("reward")))), "no reward-"),
    "another size": (_table(lambda parts: _first(parts)["config.json"].update({"size": 1})), "is not what its check"),
    "far too long": (_table(lambda parts: _first(parts)["config.json"].update({"size": 10**12})), "longer than it"),
    "a size below 0": (_table(lambda parts: _first(parts)["config.json"].update({"size": -1})), "greater than or equ"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_archive_is_refused_and_nothing_taken(
    elsewhere: Benchmark, archive: Path, tmp_path: Path, damage: str
) -> None:
    change, why = DAMAGES[damage]
    path = written(tmp_path / "other.tar", change(members(archive)))
    with pytest.raises(BadInput) as refused:
        unpack(path, [elsewhere])
    assert why in refused.value.what
    assert content(elsewhere) == {}
    assert sorted(p.name for p in tmp_path.iterdir()) in (["other.tar"], ["other.tar", "runs"])


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_only_plain_files_are_read(elsewhere: Benchmark, archive: Path, tmp_path: Path, kind: bytes) -> None:
    """A link in place of a content, which would be followed when the next is written."""
    files = members(archive)
    last = [*files][-1]
    odd = tarfile.TarInfo(last)
    odd.type, odd.linkname = kind, "/etc/passwd"
    path = written(tmp_path / "other.tar", {n: c for n, c in files.items() if n != last}, odd)
    with pytest.raises(BadInput, match="is no plain file"):
        unpack(path, [elsewhere])
    assert content(elsewhere) == {}


@pytest.mark.parametrize("length", [0, 100, 5_000, 20_000, 200_000])
def test_an_archive_that_was_cut_is_refused(elsewhere: Benchmark, archive: Path, tmp_path: Path, length: int) -> None:
    path = tmp_path / "cut.tar"
    path.write_bytes(archive.read_bytes()[:length])
    with pytest.raises(BadInput, match="is damaged, or no archive"):
        unpack(path, [elsewhere])
    assert content(elsewhere) == {}


def test_nothing_is_taken_to_where_a_link_leads(elsewhere: Benchmark, archive: Path, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    root(elsewhere).parent.mkdir(parents=True)
    root(elsewhere).symlink_to(tmp_path / "theirs")
    with pytest.raises(BadInput, match="leads out of"):
        unpack(archive, [elsewhere])
    assert not list((tmp_path / "theirs").iterdir())


def test_a_file_that_is_not_there_is_told(elsewhere: Benchmark, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="No such file"):
        unpack(tmp_path / "none.tar", [elsewhere])
