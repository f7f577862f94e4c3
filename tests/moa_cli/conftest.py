"""What the tests of the command line are given: a comparison, and a contest that has taken place."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.measure.front import Front
from moa_cli.comparisons.comparison import compare
from moa_cli.comparisons.document import Comparison
from moa_cli.report.elements import axes
from moa_cli.report.elements.markup import el
from tests.kit.cli import process
from tests.kit.fronts import make_front
from tests.kit.worlds import METHODS, benchmark_in, copied, once


@pytest.fixture(scope="module")
def fronts() -> list[Front]:
    return [make_front("sft", 0, steering="none"), make_front("soup", 1.0), make_front("context", 1.5)]


@pytest.fixture(scope="module")
def document(fronts) -> Comparison:
    return compare(fronts)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The drawings of a report are prepared, and not drawn, which takes most of its time: for tests of its words."""
    monkeypatch.setattr(axes, "inline", lambda drawn, finding: el("svg", role="img", aria_label=finding))


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder after a whole contest of two methods, with processes and workers as users have them. Nobody changes
    it."""

    def make(folder: Path) -> None:
        place = benchmark_in(folder)
        result = process("compare", *METHODS, "-b", "tiny.toml", "-o", "table.md", "-o", "saved.json", cwd=place)
        assert result.returncode == 0, result.stderr
        assert "tiny@1" in result.stdout
        assert "2 workers" in result.stderr or "1 worker" in result.stderr

    return once(tmp_path_factory, "contest", make)


@pytest.fixture(scope="module")
def contest(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished contest in a folder that the tests of a file share, and may go on with."""
    return copied(finished, tmp_path_factory.mktemp("cli") / "contest")


@pytest.fixture
def own(finished: Path, tmp_path: Path) -> Path:
    """The finished contest in a folder of the test's own."""
    return copied(finished, tmp_path / "own")
