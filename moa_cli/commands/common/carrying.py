"""Preparations that come from another machine, or go to one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from moa_cli.console import refuse, say
from moa_cli.words import prepared_name

if TYPE_CHECKING:
    from benchmarks import Benchmark


def check_archive(path: Path | None, home: Path) -> None:
    """BadInput for a file that what is prepared under `home` cannot be written to. Writes nothing."""
    from moa_cli.formats import check_place

    if path is None:
        return
    if path.suffix != ".tar":
        refuse(
            f"cannot write {path}: its suffix is not .tar", "what is prepared goes into one such file", "-o FILE.tar"
        )
    check_place(path, home)


def take_prepared(path: Path | None, benchmarks: Sequence[Benchmark], *, dry: bool = False) -> frozenset[str]:
    """Takes the preparations of these benchmarks from an archive, if one was named, as far as they are not there.

    Returns the measuring identities of those that were taken or, in a `dry` run, which writes nothing, would be.
    """
    if path is None:
        return frozenset()
    from benchmarks.prepare import unpack

    taken = unpack(path, benchmarks, dry=dry)
    for benchmark in taken:
        is_ = "would be" if dry else "is"
        say(f"{prepared_name(benchmark.name, benchmark.preparation)}: its preparation {is_} that of {path}")
    return frozenset(benchmark.measuring_identity for benchmark in taken)
