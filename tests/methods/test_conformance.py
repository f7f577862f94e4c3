"""What every method must do, built in or installed: this file names none of them."""

from __future__ import annotations

import inspect
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.prepare.benchmark import Benchmark
from benchmarks.prepare.make import prepare
from methods.conformance.examined import Examined, in_small, train_examined
from methods.conformance.kept import FOLDER_CHECKS
from methods.conformance.tiny import a_tiny_size
from methods.conformance.trained import POLICY_CHECKS, of_one_objective
from methods.contract.find import find_method, method_names
from methods.contract.method import method_name
from moa_cli.jobs.estimate import known_of, spent_on, summed
from tests.kit.files import EXAMPLES

NAMES = method_names()
BUILT_IN = [name for name in NAMES if find_method(name).__module__.startswith("methods.")]


@pytest.fixture(scope="module")
def alone_too(tiny: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Benchmark:
    """A copy, with what is needed for one objective alone prepared beside it, once for all methods."""
    own = replace(tiny, home=tmp_path_factory.mktemp("alone") / "runs")
    shutil.copytree(tiny.home, own.home)
    with a_tiny_size():
        prepare(of_one_objective(own))
    return own


@pytest.fixture(scope="module", params=[*NAMES, *EXAMPLES], ids=lambda name: Path(name).stem)
def trained(request: pytest.FixtureRequest, alone_too: Benchmark, tmp_path_factory: pytest.TempPathFactory) -> Examined:
    place = tmp_path_factory.mktemp(Path(request.param).stem)
    return train_examined(in_small(find_method(request.param)), alone_too, place)


# What a method is


@pytest.mark.parametrize("name", NAMES)
def test_a_method_has_one_name(name: str) -> None:
    assert method_name(find_method(name)) == name
    assert find_method(name.replace("-", "_").upper()) is find_method(name)


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_method_file_opens_with_its_source(name: str) -> None:
    """One line says what the method is; a paper has its arXiv number."""
    line = inspect.getdoc(sys.modules[find_method(name).__module__])
    assert line
    assert line.count("\n\n") <= 2
    assert "arXiv" in line or find_method(name).steering == "none"


def test_knowing_methods_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom methods import find_method, method_names\n"
        "made = [find_method(name)() for name in method_names()]\n"
        "print(*sorted({'torch', 'transformers', 'trl', 'peft', 'datasets', 'pandas'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


# What it does


@pytest.mark.parametrize("check", [*FOLDER_CHECKS, *POLICY_CHECKS], ids=lambda check: check.__name__)
def test_it_conforms(
    trained: Examined, check: Callable[[Examined, Path], None], tmp_path: Path, tiny_size: None
) -> None:
    """What `moa check` examines, of every method."""
    check(trained, tmp_path)


def test_a_training_takes_what_was_foreseen(tiny: Benchmark, trained: Examined) -> None:
    """To a factor of two, upwards where answers end before they have all the tokens that they may have. An own method
    need not say; one that trains nothing says so."""
    known = known_of(tiny)
    efforts = trained.method.effort(tiny, known.policy.parameters)
    assert (efforts is None) == (not type(trained.method).__module__.startswith("methods."))
    if efforts is None:
        return
    cost, foreseen = trained.run.cost, summed(spent_on(effort, known) for effort in efforts)
    assert foreseen.flops / 2 <= cost.flops <= foreseen.flops * 2
    tokens = sum(effort.learned * known.tokens(own=effort.own) for effort in efforts)
    assert tokens / 2 <= cost.trained_tokens <= tokens * 2
    most = sum(effort.drawn for effort in efforts) * tiny.sampling.max_new_tokens
    assert most / 4 <= cost.generated_tokens <= most
