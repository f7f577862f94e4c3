"""All methods on the embedded benchmarks, as a user runs them: minutes, so only `make e2e` does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from methods.contract.find import method_names
from moa_cli.comparisons.document import Comparison
from tests.kit.cli import environment
from tests.kit.files import ROOT

PUBLISHED = ROOT / "results/compare.json"


def said(place: Path, *arguments: str) -> str:
    """What a command says in JSON."""
    command = [sys.executable, "-m", "moa_cli", *arguments, "--json"]
    result = subprocess.run(
        command, cwd=place, env=environment(HF_HUB_OFFLINE="1"), capture_output=True, text=True, timeout=4 * 3600
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def told(place: Path, *arguments: str) -> Any:
    """What a command says, read."""
    return json.loads(said(place, *arguments))


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["hh-rlhf-mini", "reddit-summary-mini"])
def test_every_method_does_what_it_is_for(name: str, tmp_path: Path) -> None:
    """Every method is measured; those that train beat the starting policy under the held-out evaluators, the interval
    of the difference excluding 0, but for those of which the published results say that they do not; scores follow the
    intensities that MOSLIM is asked for; MOSLIM takes one RL run."""
    (benchmark,) = Comparison.from_json(said(tmp_path, "compare", "-m", "all", "-b", name)).benchmarks
    rows = {row.method: row for row in benchmark.rows}
    assert set(rows) == set(method_names())
    trained = [method for method, row in rows.items() if row.cost["trained_tokens"]]
    assert len(trained) == len(rows) - 3, "all but sft, sft-goals and best-of-n"
    gains = {method: benchmark.difference(method, "sft") for method in trained}
    (published,) = (b for b in Comparison.from_json(PUBLISHED.read_text(encoding="utf-8")).benchmarks if b.name == name)
    known = {method for method in trained if published.difference(method, "sft").low <= 0}
    assert len(known) < len(trained) / 2
    assert {method: gain for method, gain in gains.items() if gain.low <= 0 and method not in known} == {}

    told(tmp_path, "study", "controllability", "-b", name)
    (checked,) = told(tmp_path, "claims", "-b", name)["benchmarks"]
    (control,) = [claim for claim in checked["claims"] if claim["measure"] == "control"]
    assert control["value"] > 0.89, "of one training: at most two neighbours among the five intensities are swapped"
    (run,) = tmp_path.glob(f"runs/{name}/moslim/*-s0")
    assert sorted(path.name for path in (run / "policy").iterdir()) == ["policy", "reward-model"]
    assert len(list(tmp_path.glob(f"runs/{name}/morlhf/*-s0/policy/*"))) == 5
