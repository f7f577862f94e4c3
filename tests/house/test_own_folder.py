"""A project whose own folder holds a package `benchmarks` or `methods`: what Python finds first is told, by every
entrance."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.cli import environment
from tests.kit.files import ROOT

SCRIPT = "import sys\nfrom moa_cli.app import main\nsys.exit(main())\n"
"""What an installer writes as `moa`."""


def project(folder: Path, *names: str) -> Path:
    """A folder with packages, and modules, of these names."""
    for name in names:
        if name.endswith(".py"):
            (folder / name).write_text("MINE = True\n")
        else:
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text("MINE = True\n")
    return folder


def python(*arguments: str, cwd: Path, path: str = str(ROOT)) -> subprocess.CompletedProcess[str]:
    """Python started in a folder, which it looks into first where it is given `-m` or `-c`."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(PYTHONPATH=path),
        capture_output=True,
        text=True,
        timeout=120,
    )


def told(result: subprocess.CompletedProcess[str], *places: Path) -> None:
    """Exit code 2 and three lines, which name both packages."""
    assert result.returncode == 2, result.stderr
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert [line.split(" ")[0] for line in lines] == ["error:", "why:", "try:"]
    for place in places:
        assert str(place) in lines[0]
        assert str(ROOT / place.stem) in lines[0]
        assert place.stem in lines[1]
    assert "rename yours" in lines[2]


@pytest.mark.parametrize("names", [("benchmarks",), ("methods",), ("benchmarks", "methods"), ("methods.py",)], ids=str)
def test_python_m_says_so(names: tuple[str, ...], tmp_path: Path) -> None:
    folder = project(tmp_path, *names)
    told(python("-m", "moa_cli", "list", cwd=folder), *(folder / name for name in names))


def test_the_command_says_so_where_it_is_hit(tmp_path: Path) -> None:
    """It does not look into the current folder, unless PYTHONPATH leads there."""
    (tmp_path / "bin").mkdir()
    script = tmp_path / "bin" / "moa"
    script.write_text(SCRIPT)
    folder = tmp_path / "project"
    folder.mkdir()
    project(folder, "benchmarks", "methods")
    fine = python(str(script), "list", "methods", cwd=folder)
    assert fine.returncode == 0, fine.stderr
    assert "ric" in fine.stdout
    told(python(str(script), "list", cwd=folder, path=f"{folder}:{ROOT}"), folder / "benchmarks", folder / "methods")


@pytest.mark.parametrize("before", ["", "import benchmarks; "])
def test_an_import_raises(before: str, tmp_path: Path) -> None:
    """Whether the project has imported its own before or not."""
    folder = project(tmp_path, "benchmarks")
    code = f"{before}\ntry: import moa_cli\nexcept ImportError as error: print(error)"
    result = python("-c", code, cwd=folder)
    assert result.returncode == 0, result.stderr
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert str(folder / "benchmarks") in lines[0]
    assert str(ROOT / "benchmarks") in lines[0]


def test_folders_that_are_no_packages_are_in_nobodys_way(tmp_path: Path) -> None:
    """Python goes on to the next place; so it does for a link to moa itself."""
    for name in ("benchmarks", "methods"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "data.py").write_text("")
    fine = python("-m", "moa_cli", "list", "methods", cwd=tmp_path)
    assert fine.returncode == 0, fine.stderr
    (tmp_path / "link").symlink_to(ROOT)
    assert python("-c", "import moa_cli", cwd=tmp_path, path=str(tmp_path / "link")).returncode == 0


def test_a_folder_without_init_is_told_where_moas_own_is_missing(tmp_path: Path) -> None:
    """As after a broken installation: the only `methods` that Python finds is a folder of the project's."""
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "moa_cli").symlink_to(ROOT / "moa_cli")
    (tmp_path / "methods").mkdir()
    result = python("-S", "-c", "import moa_cli", cwd=tmp_path, path=str(tmp_path / "there"))
    assert f"ImportError: Python finds {tmp_path / 'methods'} where moa needs" in result.stderr
