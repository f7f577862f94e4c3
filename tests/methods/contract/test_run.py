"""A run: what its stages may be called."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.common.errors import BadInput
from methods.contract.run import Run


@pytest.mark.parametrize("name", ["", ".", "..", "h/off", "../../up", "/abs", ".hidden", "a\\b", "a\0", "é" * 116])
def test_a_stage_is_one_folder_of_its_run(name: str, tmp_path: Path) -> None:
    """The folder of "h/off" would make "h" look done, "" is always there, and ".." leads out of the run."""
    with pytest.raises(BadInput, match="no stage can be called"):
        Run(tmp_path, 0).stage(name)


@pytest.mark.parametrize("name", ["0.25-0.75", "reward-model", "ah > oh", "第一", "é" * 115])
def test_a_plain_word_names_a_stage(name: str, tmp_path: Path) -> None:
    with Run(tmp_path, 0).stage(name).writing() as folder:
        (folder / "model").touch()
    assert Run(tmp_path, 0).stage(name).done
