"""The arrows of the design: benchmarks <- methods <- moa_cli, one direction inside them too, through doors alone."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.kit import house
from tests.kit.files import ROOT
from tests.kit.house import ORDER, House

HEAVY = {"torch", "transformers", "pandas", "datasets", "peft", "trl"}
OURS = House(ROOT)
RULES = (
    house.arrows_back,
    house.circles,
    house.past_the_door,
    house.methods_that_know_each_other,
    house.contestants_in_the_ruler,
    house.crowded_folders,
    house.names_that_hide_a_file,
    house.unquoted_words,
)


def test_there_is_something_to_look_at() -> None:
    assert len(OURS.files) > 150
    assert {"benchmarks", "benchmarks.spec", "benchmarks.models.policy", "methods.ric", "moa_cli.app"} <= {*OURS.files}
    assert "benchmarks.models.policy" in OURS.arrows["methods.contract.method"]  # through two doors


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_house_keeps_its_rules(rule: Callable[[House], list[str]]) -> None:
    assert rule(OURS) == []


@pytest.mark.parametrize("package", ORDER)
def test_every_folder_has_a_floor(package: str) -> None:
    """None is missing from the order, none in it is missing from the package."""
    folders = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")}
    named = {name for floor in ORDER[package] for name in floor}
    assert folders <= named
    assert all((ROOT / package / name).is_dir() or (ROOT / package / f"{name}.py").is_file() for name in named)


BREAKS: list[tuple[Callable[[House], list[str]], str, str]] = [
    (house.arrows_back, "benchmarks/spec/grid.py", "from benchmarks.models import Policy"),
    (house.arrows_back, "benchmarks/stats/text.py", "from methods import Method"),
    (house.arrows_back, "methods/sft.py", "def f():\n    from moa_cli import compare"),
    (house.arrows_back, "methods/engines/rl.py", "import importlib\nimportlib.import_module('moa_cli.jobs')"),
    (house.arrows_back, "methods/engines/rl.py", "__import__('tests.kit')"),
    (house.arrows_back, "benchmarks/hh_rlhf.py", "from importlib.resources import files\nfiles('moa_cli.claims')"),
    (house.arrows_back, "moa_cli/runs/folders.py", "from moa_cli.commands import compare"),
    (house.arrows_back, "moa_cli/words.py", "from moa_cli.console import out"),
    (house.circles, "benchmarks/stats/bootstrap.py", "from benchmarks.stats.significance import holm"),
    (house.circles, "moa_cli/report/elements/svg.py", "from moa_cli.report.sections import fronts"),
    (house.past_the_door, "methods/ric.py", "from benchmarks.models.policy import Policy"),
    (house.past_the_door, "methods/ric.py", "import benchmarks.models.policy"),
    (house.past_the_door, "methods/ric.py", "from benchmarks.models import policy"),
    (house.past_the_door, "moa_cli/jobs/job.py", "from moa_cli.runs.folders import run_folder"),
    (house.past_the_door, "moa_cli/jobs/job.py", "from moa_cli.runs import _secret"),
    (house.methods_that_know_each_other, "methods/ric.py", "from methods.spo import SPO"),
    (house.contestants_in_the_ruler, "benchmarks/data/table.py", "# as in Rewarded Soups"),
    (house.contestants_in_the_ruler, "benchmarks/data/notes.txt", "made for morlhf"),
    (house.names_that_hide_a_file, "benchmarks/stats/__init__.py", "if x:\n    from benchmarks.stats.text import text"),
    (house.unquoted_words, "methods/ric.py", "def f(folder):\n    return f'mend it: rm -r {folder}; then again'"),
    (house.unquoted_words, "moa_cli/runs/tuned.py", "def f(run):\n    return f'moa eval {run} --pareto'"),
    (house.crowded_folders, "methods/engines/extra.py", ""),
]
"""A rule, and a line in a file that breaks it."""


@pytest.mark.parametrize(("rule", "file", "line"), BREAKS, ids=[f"{r.__name__}-{f}" for r, f, _ in BREAKS])
def test_a_rule_that_is_broken_is_told(
    rule: Callable[[House], list[str]], file: str, line: str, tmp_path: Path
) -> None:
    """Every rule sees the break, and where it is."""
    for package in ORDER:
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    path = tmp_path / file
    if rule is house.crowded_folders:
        for k in range(house.MOST_ENTRIES):
            path.with_name(f"extra_{k}.py").touch()
    else:
        path.write_text(f"{path.read_text() if path.exists() else ''}\n{line}\n")
    told = rule(House(tmp_path))
    assert told
    if rule is not house.circles:
        assert path.stem in told[0] or str(Path(file).parent).replace("/", ".") in told[0] or "engines" in told[0]


@pytest.mark.parametrize(
    "code",
    [
        "import moa_cli, methods, benchmarks",
        "import sys, runpy; sys.argv = ['moa', '--help']\n"
        "try: runpy.run_module('moa_cli', run_name='__main__')\nexcept SystemExit as e: assert not e.code",
        "import methods; methods.method_names()",
        "import benchmarks; benchmarks.benchmark_names()",
    ],
    ids=["import", "help", "methods", "benchmarks"],
)
def test_nothing_heavy_is_imported_early(code: str) -> None:
    code += f"\nimport sys; print('heavy:', *sorted({HEAVY!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1].split() == ["heavy:"]


@pytest.mark.parametrize("module", OURS.files)
def test_every_file_says_what_it_is(module: str) -> None:
    """A docstring at the top."""
    assert ast.get_docstring(ast.parse(OURS.files[module].read_text(encoding="utf-8")))


@pytest.mark.parametrize("door", [m for m in OURS.files if OURS.is_door(m)])
def test_what_a_door_offers_is_there(door: str) -> None:
    """Names are loaded when first used: every one of them can be."""
    module = __import__(door, fromlist=["x"])
    names = getattr(module, "__all__", None)
    if names is None:  # a door that is open: its names are there
        assert any(callable(thing) for thing in vars(module).values())
        return
    assert names
    for name in names:
        assert getattr(module, name) is not None
    with pytest.raises(AttributeError):
        _ = module.no_such_name
