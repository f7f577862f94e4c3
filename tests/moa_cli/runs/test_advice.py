"""What a refusal says to type is typed as it stands, whatever the folder is called."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.ceiling.samples import read_samples
from benchmarks.common.atomic import check_inside
from benchmarks.common.errors import BadInput
from benchmarks.measure.front_files import read_front_record
from benchmarks.measure.point import unusable
from moa_cli.runs.code import check_method_named
from moa_cli.runs.record import read_record
from moa_cli.runs.tuned import read_tuning


def _link(path: Path) -> None:
    path.symlink_to("/")
    check_inside(path, path.parent)


def _damaged(read: Callable[[Path], object], name: str, path: Path) -> None:
    path.mkdir()
    (path / name).write_text("{")
    read(path)


def _unnamed(path: Path) -> None:
    path.mkdir()
    (path / "mine.py").touch()
    check_method_named(f"{path}/mine.py")


def _point(path: Path) -> None:
    raise unusable(path / "front-0" / "w-000.parquet", "it is cut")


@pytest.mark.parametrize(
    ("refused", "command"),
    [
        (lambda path: _damaged(read_record, "run.json", path), "rm -r '{}'"),
        (lambda path: _damaged(read_samples, "samples.json", path), "rm -r '{}'"),
        (lambda path: _damaged(lambda run: read_tuning(run / "ric.json"), "ric.json", path), "rm '{}/ric.json'"),
        (_link, "rm '{}'"),
        (lambda path: read_front_record(path / "front-0"), "moa eval '{}' --pareto"),
        (_point, "moa eval '{}' --pareto"),
        (_unnamed, "-m '{}/mine.py'"),
    ],
)
def test_a_path_stays_one_word(refused: Callable[[Path], object], command: str, tmp_path: Path) -> None:
    """Pasted, `rm -r my runs; ls` would remove `my`, and `ls` would be a command."""
    path = tmp_path / "my runs; ls"
    with pytest.raises(BadInput) as caught:
        refused(path)
    assert command.format(path) in caught.value.fix
