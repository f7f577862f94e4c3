"""Methods are found by name: those that come with moa, and those of installed packages."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.kit.cli import environment
from tests.kit.files import ROOT

THEIRS = '''
"""A method that leaves everything as it is."""

from dataclasses import dataclass

from methods.contract import Method


@dataclass(frozen=True, kw_only=True)
class Theirs(Method):
    """Nothing is trained."""

    steering = "none"

    def train(self, benchmark, run):
        pass

    def policy(self, benchmark, run, weights):
        return benchmark.prepared.load_starting_policy()
'''


def test_a_method_of_an_installed_package_is_one_of_them(tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text(THEIRS)
    (about := tmp_path / "theirs-1.0.dist-info").mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: theirs\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[moa.methods]\ntheirs = theirs:Theirs\n")
    command = [sys.executable, "-m", "moa_cli", "list", "methods"]
    installed = environment(PYTHONPATH=f"{ROOT}:{tmp_path}")
    done = subprocess.run(command, cwd=tmp_path, env=installed, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {"theirs", "ric"} <= {line.split()[0] for line in done.stdout.splitlines() if line}
