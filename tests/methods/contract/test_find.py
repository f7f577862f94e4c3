"""Methods are found by name: those that come with moa, and those of installed packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.kit.cli import environment
from tests.kit.files import ROOT


def test_a_method_of_an_installed_package_is_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text((ROOT / "examples" / "my_method.py").read_text())
    (about := tmp_path / "theirs-1.0.dist-info").mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[moa.methods]\nranked-fine-tuning = theirs:RankedFineTuning\n")
    command = [sys.executable, "-m", "moa_cli", "list", "methods"]
    installed = environment(PYTHONPATH=f"{ROOT}:{tmp_path}")
    done = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"ranked-fine-tuning", "ric"} <= {line.split()[0] for line in done.stdout.splitlines() if line}
