"""`moa check` and `moa init`: what is wrong is found, and what is written runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from benchmarks.common.errors import BadInput
from benchmarks.common.python import load_file
from benchmarks.prepare.benchmark import Benchmark
from methods.conformance.examined import Examined
from methods.contract.method import Method
from methods.contract.run import Run
from methods.sft import SFT
from moa_cli.commands.common import examination
from moa_cli.commands.own.check import check
from moa_cli.commands.own.init import init

CARELESS = '''
"""A method with every fault."""
from dataclasses import dataclass
from pathlib import Path
from moa_cli import Method

@dataclass(frozen=True, kw_only=True)
class Careless(Method):
    steering = "retrain"
    keep: int = 1

    def train(self, benchmark, run):
        Path("notes.txt").write_text("trained")
        run.dir.mkdir(parents=True, exist_ok=True)
        with (run.dir / "seen.txt").open("a") as file:
            file.write("again")

    def policy(self, benchmark, run, weights):
        return None
'''


def checked(file: Path, capsys: pytest.CaptureFixture[str]) -> dict[str, str | None]:
    """What is wrong, by check; the exit code is 1 where anything is."""
    capsys.readouterr()
    code = 0
    try:
        check(file, json=True)
    except typer.Exit as exit_:
        code = exit_.exit_code
    found = {one["check"]: one["wrong"] for one in json.loads(capsys.readouterr().out)["checks"]}
    assert code == any(found.values())
    return found


def test_faults_are_found(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each by the check that is about it, and no other one finds it."""
    monkeypatch.chdir(tmp_path)  # where it writes what it should not
    (tmp_path / "careless.py").write_text(CARELESS)
    found = checked(tmp_path / "careless.py", capsys)
    wrong = {name: words for name, words in found.items() if words}
    assert wrong["every hyperparameter says what it is"] == "no docstring below keep"
    assert "notes.txt" in str(wrong["only its run is written"])
    assert wrong["what is left are whole stages"] == "train leaves no policy"
    assert "the rest" in found, "what needs a policy is not examined where there is none"
    assert "weights change the answers" not in found
    assert wrong["training again does nothing"] == "training again changes what is there"
    assert wrong["its training is counted"] == "no token that it trained on was counted"
    assert str(wrong["policy returns a policy for every weights"]).startswith("policy returned NoneType")
    for name in (
        "its class is a method",
        "it can be trained",
        "its hyperparameters are frozen fields",
        "its points are weights",
    ):
        assert found[name] is None


class OneCall(SFT):
    def train(self, benchmark: Benchmark, run: Run) -> None:
        run.stage("a")


@pytest.mark.parametrize(("method", "anything"), [(SFT(), False), (OneCall(), True)])
def test_a_single_call_is_a_training(method: Method, anything: bool, unprepared: Benchmark, tmp_path: Path) -> None:
    assert Examined(method, unprepared, Run(tmp_path, 0), tmp_path, {}, {}).anything == anything


def test_what_own_code_raises_is_placed(tmp_path: Path) -> None:
    """At the line of one's own file, not at that of the check that called it."""
    path = tmp_path / "mine.py"
    path.write_text("def broken():\n    return {}['reward']\n")
    mine = load_file(path, "a test")
    [one] = examination._tried("it works", mine.broken)
    assert one.wrong == "KeyError: 'reward'"
    assert one.mend == f"look at {path}, line 2: return {{}}['reward']"


def test_a_class_that_is_no_method_is_not_trained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bare.py").write_text("from moa_cli import Method\nclass Bare(Method): pass\n")
    [(name, words)] = checked(tmp_path / "bare.py", capsys).items()
    assert name == "its class is a method"
    assert "steering is missing" in str(words)


def test_a_method_that_refuses_its_defaults(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """However it does so: that is what is found, and not a fault of the command."""
    refusal = "\n    def __post_init__(self):\n        assert self.keep > 1, 'no good'\n"
    (tmp_path / "careless.py").write_text(CARELESS + refusal)
    assert checked(tmp_path / "careless.py", capsys)["it can be trained"] == "AssertionError: no good"


def test_a_benchmark_to_start_from(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What `moa init` writes passes; with a column misspelled and a reward that is random it does not."""
    init("benchmark", str(tmp_path / "helpdesk"))
    told = capsys.readouterr()
    table = tmp_path / "helpdesk.toml"
    assert told.out.split() == [str(table), *(str(tmp_path / f"helpdesk_{n}") for n in ("rewards.py", "data.jsonl"))]
    assert f"next: moa check {table}" in told.err
    assert not any(checked(table, capsys).values())
    rewards = tmp_path / "helpdesk_rewards.py"
    rewards.write_text(
        f"import random\n{rewards.read_text()}\ndef brief(p, r):\n    return [random.random() for _ in r]\n"
    )
    assert "gives the same answers other scores" in str(checked(table, capsys)["its functions tell answers apart"])
    table.write_text(table.read_text().replace('chosen = "chosen"', 'chosen = "choosen"'))
    assert ["choosen" in str(words) for words in checked(table, capsys).values() if words] == [True], (
        "one cause, one line"
    )


def test_nothing_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init("method", str(tmp_path / "pref-dpo"))
    written = tmp_path / "pref_dpo.py"
    assert "class PrefDpo(" in written.read_text()
    written.write_text("mine")
    for what, name, words in (
        ("method", "pref-dpo", "exists"), ("method", "ric", "comes with moa"), ("method", "2b", "cannot name"),
        ("benchmark", "a.csv", "TOML"), ("report", "x", "writes no report"), ("method", "no/where", "no folder"),
        ("method", "tuned", "folder tuned"), ("method", "Prepared.py", "folder prepared"), ("method", "none", "Python"),
        ("benchmark", "hh-rlhf.toml", "comes with moa"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=words):
            init(what, str(tmp_path / name))
    assert written.read_text() == "mine"
    with pytest.raises(BadInput, match="there is no file"):
        check(tmp_path / "none.py")


def test_what_is_begun_has_a_name() -> None:
    for what, words in (("method", "'' cannot name a method"), ("benchmark", "cannot be the file of a benchmark")):
        with pytest.raises(BadInput, match=words):
            init(what, "")
