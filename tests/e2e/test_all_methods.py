"""All methods on the embedded benchmarks, as a user runs them: minutes, so only `make e2e` does."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from methods.contract.find import method_names
from moa_cli.comparisons.document import Comparison
from tests.kit.cli import environment
from tests.kit.files import ROOT

RESULTS = ROOT / "results"


def said(place: Path, *arguments: str) -> str:
    """What a command says in JSON."""
    command = [sys.executable, "-m", "moa_cli", *arguments, "--json"]
    result = subprocess.run(
        command, cwd=place, env=environment(HF_HUB_OFFLINE="1"), capture_output=True, text=True, timeout=4 * 3600
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["hh-rlhf-mini", "reddit-summary-mini"])
def test_what_is_published_is_found_again(name: str, tmp_path: Path) -> None:
    """With the published settings, on a preparation and a training of its own, under the held-out evaluators: what is
    told from the starting policy in the published results does not lose to it, and what is surely better by 1 or more
    there beats it again, the interval of the difference excluding 0.

    On hh-rlhf-mini scores follow the intensities that MOSLIM is asked for; on the other, published tau are near 0.
    MOSLIM takes one RL run, MORLHF one per weight.
    """
    shutil.copytree(RESULTS / name / "tuned", tmp_path / "runs" / name / "tuned")
    (benchmark,) = Comparison.from_json(said(tmp_path, "compare", "-m", "all", "-b", name, "-c", "tuned")).benchmarks
    assert {row.method for row in benchmark.rows} == set(method_names())
    comparison = Comparison.from_json((RESULTS / "compare.json").read_text(encoding="utf-8"))
    (published,) = (one for one in comparison.benchmarks if one.name == name)
    told = {row.method: gain for row in published.rows if (gain := published.gain(row, "hypervolume")) and gain.clear}
    assert sum(gain.low >= 1 for gain in told.values()) >= 5, "as many were surely better by 1 on either"
    found = {method: benchmark.difference(method, "sft") for method in told}
    lost = {method: gain for method, gain in found.items() if (gain.low if told[method].low >= 1 else gain.high) <= 0}
    assert lost == {}
    (run,) = tmp_path.glob(f"runs/{name}/moslim/*-s0")
    assert sorted(path.name for path in (run / "policy").iterdir()) == ["policy", "reward-model"]
    assert len(list(tmp_path.glob(f"runs/{name}/morlhf/*-s0/policy/*"))) == 5
    if name == "hh-rlhf-mini":
        said(tmp_path, "study", "controllability", "-b", name, "-c", "tuned")
        (checked,) = json.loads(said(tmp_path, "claims", "-b", name))["benchmarks"]
        (control,) = [claim for claim in checked["claims"] if claim["measure"] == "control"]
        assert control["value"] > 0.89, "of one training: at most two neighbours among the five intensities are swapped"
