"""Preparations in one file, to be carried to other machines: a tar archive, each content in it named by its checksum.

An archive may come from anybody. It is data: no name of a path is in it, only plain files are read from it, and each is
what its name says or is refused.
"""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import IO, Annotated, ClassVar, NoReturn

from pydantic import Field

from benchmarks.common import BadInput, Document, Part, file_content, write_whole
from benchmarks.prepare.card import not_prepared, stored_card
from benchmarks.prepare.parts import carried_parts
from benchmarks.spec import REVISION, Description

TABLE = "prepared.json"
"""The first file of an archive: what is in it."""
LONGEST_TABLE = 2**24
"""Bytes; that of one preparation has some two thousand."""
FILE = re.compile(r"\w[\w.-]*\.(json|safetensors|txt|model|jinja)")
"""What a file of a part is called. None of these types is ever run."""
BLOCK, CHUNK = tarfile.BLOCKSIZE, 2**20


class CarriedFile(Part):
    """A file in an archive."""

    size: Annotated[int, Field(ge=0)]
    """Bytes."""
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    """Of its content; the name of that in the archive."""


class CarriedPreparation(Part):
    """A preparation in an archive, and of what it is one."""

    name: str
    version: str
    preparation: int
    revision: int
    """Of the code that made it."""
    identity: str
    measuring_identity: str
    """The identity with the number of test prompts."""
    eval_prompts: int
    card: str
    """Hash of the scale card."""
    parts: dict[str, dict[str, CarriedFile]]
    """Its files by their names, of each folder; of a part that is one file, with that name again."""


class Archive(Document):
    """The content of a prepared.json."""

    SCHEMA: ClassVar[str] = "moa.prepared/1"

    preparations: tuple[CarriedPreparation, ...]


def pack(benchmarks: Sequence[Description], path: Path) -> None:
    """Writes what was prepared of some benchmarks into one archive, whole or not at all, and where a link leads.

    The same preparations give the same bytes: files are sorted, and neither times nor owners are kept. BadInput where
    one is not prepared, or the file cannot be written.
    """
    ordered = sorted({b.measuring_identity: b for b in benchmarks}.values(), key=lambda b: b.measuring_identity)
    table = Archive(preparations=tuple(map(_packed, ordered))).to_json().encode()
    contents = {file_content(f): f for b in ordered for part in _files(b).values() for f in part.values()}

    def write(partial: Path) -> None:
        with tarfile.open(partial, "w", format=tarfile.GNU_FORMAT) as archive:
            archive.addfile(_plain_file(TABLE, len(table)), io.BytesIO(table))
            for sha256, file in sorted(contents.items()):
                with open(file, "rb") as content:
                    archive.addfile(_plain_file(sha256, file.stat().st_size), content)

    try:
        write_whole(path.resolve(), write)
    except OSError as error:
        raise BadInput(
            f"cannot write {path}: {error.strerror}", "what was prepared is there, but not in one file",
            "choose another place with -o FILE.tar",
        ) from error  # fmt: skip


def _packed(benchmark: Description) -> CarriedPreparation:
    stored = stored_card(benchmark)
    if stored is None:
        raise not_prepared(benchmark)
    return CarriedPreparation(
        name=benchmark.name, version=benchmark.version, preparation=benchmark.preparation, revision=REVISION,
        identity=benchmark.identity, measuring_identity=benchmark.measuring_identity,
        eval_prompts=benchmark.eval_prompts, card=stored.card.hash,
        parts={
            part: {name: CarriedFile(size=f.stat().st_size, sha256=file_content(f)) for name, f in files.items()}
            for part, files in _files(benchmark).items()
        },
    )  # fmt: skip


def _files(benchmark: Description) -> dict[str, dict[str, Path]]:
    """The files of a preparation by part and name, sorted."""
    found = {}
    for place in sorted(carried_parts(benchmark)):
        inside = sorted(place.iterdir()) if place.is_dir() else [place]
        found[place.name] = {file.name: file for file in inside if file.is_file() and FILE.fullmatch(file.name)}
    return {part: files for part, files in found.items() if files}


def _plain_file(name: str, size: int) -> tarfile.TarInfo:
    """The header of a file without time or owner."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o644
    return info


def damaged(path: Path, why: str) -> NoReturn:
    """Raises BadInput for an archive that is none, or not as it was written."""
    raise BadInput(
        f"{path} is damaged, or no archive of preparations: {why}",
        "what is measured with it would be wrong, so nothing was taken from it",
        "fetch it again, or make it anew: moa prepare -b BENCHMARK -o FILE.tar",
    )


def members(file: IO[bytes], path: Path) -> Iterator[tarfile.TarInfo]:
    """The headers in an archive, with the file at the content of each. BadInput for anything but plain files.

    Headers are read one by one here: some that `tarfile` knows go on in blocks of any length.
    """
    there = path.stat().st_size
    while block := file.read(BLOCK).strip(b"\0"):
        try:
            info = tarfile.TarInfo.frombuf(block.ljust(BLOCK, b"\0"), "utf-8", "strict")
        except (tarfile.HeaderError, ValueError):
            damaged(path, "it is no tar file, or was changed")
        begin = file.tell()
        if info.type != tarfile.REGTYPE or not 0 <= info.size <= there - begin:
            damaged(path, f"{info.name!r:.80} is no plain file, or was cut short")
        yield info
        file.seek(begin + -(-info.size // BLOCK) * BLOCK)


def read_table(file: IO[bytes], found: Iterator[tarfile.TarInfo], path: Path) -> dict[str, CarriedPreparation]:
    """What an archive says is in it, by measuring identity."""
    first = next(found, None)
    if first is None or first.name != TABLE or first.size > LONGEST_TABLE:
        damaged(path, f"it does not begin with a {TABLE}")
    try:
        table = Archive.from_json(file.read(first.size))
    except ValueError as error:
        damaged(path, str(error))
    return {one.measuring_identity: one for one in table.preparations}


def extract(
    file: IO[bytes], found: Iterator[tarfile.TarInfo], targets: Mapping[CarriedFile, Sequence[Path]], path: Path
) -> None:
    """Writes each of these contents to all of its places, which are new files; only reads one that has none.

    BadInput unless every content is there once, and is what its size and checksum say.
    """
    left = {told.sha256: (told, places) for told, places in targets.items()}
    for info in found:
        if info.name not in left:
            continue
        told, places = left.pop(info.name)
        for place in places:
            place.parent.mkdir(parents=True, exist_ok=True)
        if info.size != told.size or _copied(file, info.size, *places[:1]) != told.sha256:
            damaged(path, f"{_named(told, places)} is not what its checksum says")
        for other in places[1:]:
            shutil.copyfile(places[0], other)
    for told, places in left.values():
        damaged(path, f"{_named(told, places)} is missing, or was cut off")


def _named(told: CarriedFile, places: Sequence[Path]) -> str:
    """A content in words."""
    return places[0].name if places else f"the content {told.sha256[:12]}"


def _copied(file: IO[bytes], size: int, target: Path | None = None) -> str:
    """Copies so many bytes into a new file, where one is named; returns their SHA-256 in hex."""
    found = hashlib.sha256()
    with open(target, "xb") if target else nullcontext() as copy:
        while size and (chunk := file.read(min(size, CHUNK))):
            if copy:
                copy.write(chunk)
            found.update(chunk)
            size -= len(chunk)
    return found.hexdigest()
