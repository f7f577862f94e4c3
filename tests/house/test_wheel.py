"""What is installed is what is here: three packages, every file of them, and nothing else."""

from __future__ import annotations

import tomllib
import zipfile

import pytest
from packaging.requirements import Requirement

from tests.kit.files import PACKAGES, ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built by the build backend itself: no isolated environment, no network."""
    from hatchling.builders.wheel import WheelBuilder

    [path] = WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")), versions=["standard"])
    return zipfile.ZipFile(path)


def test_the_wheel_has_three_packages(wheel: zipfile.ZipFile) -> None:
    """setuptools' discovery would silently leave out a folder called `benchmarks`."""
    top = {name.partition("/")[0] for name in wheel.namelist()}
    assert {name for name in top if not name.endswith(".dist-info")} == {*PACKAGES}
    assert len(top) == 4


def test_every_file_of_the_packages_is_in_it(wheel: zipfile.ZipFile) -> None:
    here = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == here
    assert {f"{package}/__init__.py" for package in PACKAGES} <= here


def test_it_installs_the_command(wheel: zipfile.ZipFile) -> None:
    [name] = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert wheel.read(name).decode().split() == ["[console_scripts]", "moa", "=", "moa_cli.app:main"]


def test_constraints_are_versions_that_the_project_allows() -> None:
    """One of every library that is asked for, and the tests run with it."""
    text = (ROOT / "tests" / "constraints.txt").read_text(encoding="utf-8")
    pinned = {r.name: r for r in map(Requirement, (line for line in text.splitlines() if line[0] != "#"))}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = [Requirement(one) for one in (*project["dependencies"], *project["optional-dependencies"]["dev"])]
    assert {one.name for one in asked} <= pinned.keys()
    for one in asked:
        [pin] = pinned[one.name].specifier
        assert one.specifier.contains(pin.version.removesuffix(".*")), one


def test_what_is_cited_is_this_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    cited = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {project['version']}\n" in cited
    assert f"\nlicense: {project['license']}\n" in cited
