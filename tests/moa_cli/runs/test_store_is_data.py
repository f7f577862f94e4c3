"""A runs folder may come from anybody: nothing named in it is executed unless the command line names that file."""

from __future__ import annotations

import ast
import io
import json
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main

from benchmarks.common.atomic import write_text
from benchmarks.common.errors import BadInput
from benchmarks.load.load import load_benchmark
from benchmarks.measure.front import Front
from benchmarks.measure.front_files import FrontRecord, point_file
from benchmarks.models.opening import open_model, open_reader
from benchmarks.models.policy import load_policy
from benchmarks.rewards.classifier import Classifier
from methods.contract.find import find_method
from moa_cli import console
from moa_cli.app import main
from moa_cli.commands.common.facts import run_rows
from moa_cli.comparisons.select import named_fronts
from moa_cli.jobs import pool
from moa_cli.jobs.ceiling import ceiling_jobs
from moa_cli.jobs.job import Job, Outcome
from moa_cli.report.live.server import Told, live_page
from moa_cli.runs.config import Source, as_config, resolve
from moa_cli.runs.contestant import stored_contestant
from moa_cli.runs.folders import find_runs, front_name, run_folder
from moa_cli.runs.record import RecordedBenchmark, read_record
from tests.kit.cli import GET_COMMAND
from tests.kit.files import PACKAGES, ROOT
from tests.kit.fronts import changed, make_front, other_card
from tests.kit.runs import record_with
from tests.kit.tokenizers import tiny_policy_in, tiny_tokenizer
from tests.kit.worlds import benchmark_in

METHOD = '''"""A method that leaves a mark when it is imported."""
from __future__ import annotations
from dataclasses import dataclass
from pathlib import Path
from moa_cli import Method
Path(__file__).with_name("EXECUTED").write_text("")

@dataclass(frozen=True, kw_only=True)
class Mine(Method):
    steering = "none"
    strength: int = 1

    def train(self, benchmark, run): ...
    def policy(self, benchmark, run, weights): return benchmark.prepared.policy
'''
BENCHMARK = '''"""A benchmark that leaves a mark when it is imported."""
from pathlib import Path
from benchmarks import load_benchmark
Path(__file__).with_name("EXECUTED").write_text("")

def benchmark(data_dir=None, objectives=None):
    return load_benchmark(str(Path(__file__).with_name("tiny.toml")))
'''
"""As a record may name it; its runs are those of the TOML file beside it."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a benchmark whose rewards are functions of a file that leaves a mark too."""
    benchmark_in(tmp_path)
    (tmp_path / "mine.py").write_text(METHOD)
    (tmp_path / "bench.py").write_text(BENCHMARK)
    mark = 'from pathlib import Path\nPath(__file__).with_name("EXECUTED").write_text("")\n'
    (tmp_path / "letters.py").write_text(mark + (tmp_path / "letters.py").read_text())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(console, "_verbose", False)
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Job]:
    """The jobs that would be done: none is, and no worker is started."""
    todo: list[Job] = []

    def keep(jobs: list[Job], *_: Any, **__: Any) -> dict[str, Outcome]:
        todo.extend(jobs)
        return {}

    monkeypatch.setattr(pool, "run_jobs", keep)
    return todo


@pytest.fixture
def moa(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """The command line in this process: exit code, stdout, stderr on one line."""

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["moa", *arguments])
        monkeypatch.setattr(typer.main, "get_command", GET_COMMAND)
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main()
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, " ".join(told.err.split())

    return run


def executed(folder: Path) -> bool:
    """Whether any code of the folder ran; forgets it."""
    mark = folder / "EXECUTED"
    ran = mark.exists()
    mark.unlink(missing_ok=True)
    return ran


def stored(folder: Path, *, method: str = "sft", source: str = "hh-rlhf-mini", status: str = "trained") -> Path:
    """A measured run whose record names a method and a benchmark, as somebody else may have written it."""
    toml = source if source.endswith(".toml") else "tiny.toml" if Path(source).suffix == ".py" else source
    cls = find_method(method)
    benchmark = load_benchmark(str(folder / toml) if toml.endswith(".toml") else toml, home=folder / "runs")
    path = run_folder(benchmark, cls(), 0)
    named = f"{folder}/{source}" if "." in source else source
    record_with(
        method=str(folder / method) if method.endswith(".py") else method, steering=cls.steering, seed=0,
        config=as_config(cls()), benchmark=RecordedBenchmark.of(benchmark, Source(named, folder)), status=status,
    ).write(path / "run.json")  # fmt: skip
    front = make_front(path.parent.name, 1.0, steering=cls.steering)
    keep(replace(front, card=other_card(front.card, benchmark=benchmark.name)), path / front_name(benchmark, cls()))
    executed(folder)
    return path


def keep(front: Front, folder: Path) -> None:
    """Writes a front made by hand."""
    N = front.card.prompts
    for k, point in enumerate(front.points):
        told = replace(point, prompts=tuple(f"p{i}" for i in range(N)), responses=("r",) * N)
        told.write(point_file(folder, k), front.card)
    FrontRecord(
        method=front.method, steering=front.steering, seed=front.seed, weights=front.weights, card=front.card,
        cost=front.cost, config=front.config,
    ).complete(folder)  # fmt: skip


def kind(job: Job) -> str:
    """What a job does, in a word."""
    return job.key.partition(" ")[0]


def method_of(job: Job) -> str:
    """The method that a job about a run restores."""
    method: str = given(job)["run"].method
    return method


def given(job: Job) -> dict[str, Any]:
    """What the work of a job is given beside the benchmark."""
    assert isinstance(job.work, partial)
    return job.work.keywords


EVIL = {
    "method": {"method": "mine.py"},
    "benchmark": {"source": "bench.py"},
    "benchmark/": {"source": "bench.py/"},
    "rewards": {"source": "tiny.toml"},
}
COMMANDS = {
    "list": ("list",),
    "list runs": ("list", "runs"),
    "show": ("show", "RUN"),
    "claims": ("claims",),
    "compare": ("compare",),
    "compare RUN": ("compare", "RUN"),
    "compare --ceiling": ("compare", "--ceiling"),
    "eval --pareto": ("eval", "--pareto"),
    "eval --pareto RUN": ("eval", "--pareto", "RUN"),
    "eval --weights": ("eval", "--weights", "0.5,0.5"),
    "eval --rescore": ("eval", "--rescore"),
    "eval --rescore RUN": ("eval", "--rescore", "RUN"),
    "study": ("study", "retention"),
    "train -c": ("train", "-m", "ric", "-c", "RUN/run.json", "--dry-run"),
    "train": ("train", "-m", "sft"),
    "tune": ("tune", "-m", "ric", "--trials", "1"),
    "clean": ("clean", "--dry-run"),
    "export": ("export", "RUN", "there"),
    "chat": ("chat", "RUN"),
}
NEEDS = {
    "compare --ceiling", "eval --pareto", "eval --pareto RUN", "eval --weights", "eval --rescore RUN", "export", "chat",
}  # fmt: skip
"""Commands that can do nothing without the code, which they say; `eval --rescore` does, and says what it left out."""


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("evil", EVIL)
def test_no_command_runs_what_only_a_store_names(
    evil: str, command: str, folder: Path, moa: Callable[..., tuple[int, str, str]], started: list[Job]
) -> None:
    """And workers are not given it either. Where it is needed, the message says how to name it."""
    run = stored(folder, **EVIL[evil])
    code, _, told = moa(*(word.replace("RUN", str(run)) for word in COMMANDS[command]))
    assert not executed(folder)
    assert [job for job in started if job.folder == run or ".py" in repr(job) or "." in job.source.name] == []
    if command in NEEDS:
        assert code == 2
    if command in NEEDS | {"eval --rescore"} or (command == "train -c" and evil == "method"):
        file = folder / next(iter(EVIL[evil].values()))
        assert f"add {'-m' if evil == 'method' else '-b'} {file}" in told


@pytest.mark.parametrize("evil", EVIL)
def test_the_page_of_a_store_runs_nothing_either(evil: str, folder: Path) -> None:
    """What `moa view` serves."""
    stored(folder, **EVIL[evil])
    assert [run.standing for run in Told.of(folder / "runs").runs] == ["trained"]
    live_page(folder / "runs")
    assert not executed(folder)


def test_a_record_may_name_a_method_in_any_words(folder: Path) -> None:
    """Only installed methods are asked for defaults: a path, no method's name, an odd spelling shows all settings."""
    run = stored(folder, method="mine.py")
    path = run / "run.json"
    for method in ("mine.py", "./mine.py", str(folder / "mine.py"), "mine", "MINE.py", ".py", "letters", "os"):
        record = json.loads(path.read_text()) | {"method": method, "config": {"strength": 1, "other": 2}}
        write_text(path, json.dumps(record))
        (row,) = run_rows(folder / "runs")
        assert row.settings == {"strength": 1, "other": 2}
        assert not executed(folder)
    record = json.loads(path.read_text()) | {"method": "ric", "config": as_config(find_method("ric")(rounds=1))}  # type: ignore[call-arg]
    write_text(path, json.dumps(record))
    assert run_rows(folder / "runs")[0].settings == {"rounds": 1}


def test_code_that_is_named_runs(folder: Path, moa: Callable[..., tuple[int, str, str]], started: list[Job]) -> None:
    """With the file on the command line, in whatever spelling of its path, the run is measured."""
    run = stored(folder, method="mine.py", source="tiny.toml")
    (folder / "there").symlink_to(folder)
    for method, benchmark in (("mine.py", "tiny.toml"), (str(folder / "mine.py"), "there/tiny.toml")):
        for folders in ([], [str(run)]):
            started.clear()
            _, _, told = moa("eval", "--pareto", "-m", method, "-b", benchmark, *folders)
            assert [method_of(job) for job in started if kind(job) == "run"] == [str(folder / "mine.py")], told
            assert executed(folder)
    for beside in (("-m", "mine.py"), ("-b", "tiny.toml")):
        started.clear()
        code, _, told = moa("eval", "--pareto", str(run), *beside)
        assert (code, started) == (2, [])
        assert "if you trust it, add" in told


def test_a_benchmark_in_python_that_is_named_runs(
    folder: Path, moa: Callable[..., tuple[int, str, str]], started: list[Job]
) -> None:
    stored(folder, source="bench.py")
    for spelling in ("bench.py", "./bench.py/"):
        started.clear()
        moa("eval", "--weights", "0.5,0.5", "-b", spelling)
        assert [kind(job) for job in started] == ["look", "card", "weights"]
        assert executed(folder)


def test_a_benchmark_file_without_code_needs_no_name(
    folder: Path, moa: Callable[..., tuple[int, str, str]], started: list[Job]
) -> None:
    """All that it can do is name data and models."""
    text = (folder / "tiny.toml").read_text()
    rewards = [line for line in text.splitlines() if not line.startswith("evaluator")]
    plain = "\n".join('reward = { model = "a/b" }' if line.startswith("reward") else line for line in rewards)
    (folder / "plain.toml").write_text(plain)
    stored(folder, source="plain.toml")
    moa("eval", "--pareto")
    assert [kind(job) for job in started] == ["look", "card", "run"]
    assert not executed(folder)


def test_a_module_is_code_too(
    folder: Path,
    moa: Callable[..., tuple[int, str, str]],
    started: list[Job],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`module:function` is imported from wherever Python looks: only benchmarks that come with moa may say so."""
    text = (folder / "tiny.toml").read_text().replace("letters.py:", "letters:")
    (folder / "modules.toml").write_text(text)
    monkeypatch.syspath_prepend(folder)
    stored(folder, source="modules.toml")
    code, _, told = moa("eval", "--pareto")
    assert (code, started) == (2, [])
    assert f"add -b {folder / 'modules.toml'}" in told
    stored(folder)
    moa("eval", "--pareto", "-b", "hh-rlhf-mini")
    assert "run" in [kind(job) for job in started]


def test_settings_of_a_stored_run_of_a_method_that_is_named(
    folder: Path, moa: Callable[..., tuple[int, str, str]]
) -> None:
    run = stored(folder, method="mine.py")
    record = json.loads((run / "run.json").read_text())
    write_text(run / "run.json", json.dumps(record | {"config": {"strength": 7}}))
    code, out, told = moa("train", "-m", "mine.py", "-c", str(run / "run.json"), "-b", "hh-rlhf-mini", "--dry-run")
    assert code == 0, told
    cls = find_method("mine.py")
    wanted = run_folder(load_benchmark("hh-rlhf-mini", home=Path("runs")), cls(strength=7), 0)  # type: ignore[call-arg]
    assert str(wanted) in out
    code, _, told = moa("train", "-m", "sft", "-c", str(run / "run.json"), "--dry-run")
    assert code == 2
    assert f"add -m {folder / 'mine.py'}" in told


def test_claims_count_runs_of_a_method_that_is_named(folder: Path, moa: Callable[..., tuple[int, str, str]]) -> None:
    stored(folder, method="mine.py")
    (folder / "own.toml").write_text(
        '[[claims]]\nclaim = "c"\nsource = "s"\npublished = "-"\nmeasure = "obeys"\nof = ["mine"]\nabove = 1\n'
    )
    code, out, told = moa("claims", "--claims", "own.toml", "--json")
    assert (code, json.loads(out)["benchmarks"]) == (0, [])
    assert f"left out: {find_runs(Path('runs'))[0]}; the method {folder / 'mine.py'} is a Python file" in told
    assert not executed(folder)
    code, out, _ = moa("claims", "--claims", "own.toml", "--json", "-m", "mine.py")
    (benchmark,) = json.loads(out)["benchmarks"]
    assert benchmark["claims"][-1]["reason"] == "the front of mine is a single point, which follows no weights"
    assert executed(folder)
    for typed, word in (("ric", "names no file"), ("nowhere.py", "there is no file")):
        code, _, told = moa("claims", "-m", typed)
        assert code == 2
        assert word in told


def test_only_runs_of_the_named_methods_are_measured(
    folder: Path, moa: Callable[..., tuple[int, str, str]], started: list[Job]
) -> None:
    for method in ("sft", "ric"):
        stored(folder, method=method)
    moa("eval", "--pareto", "-m", "ric")
    assert [method_of(job) for job in started if kind(job) == "run"] == ["ric"]
    code, _, told = moa("eval", "--pareto", "-m", "spo")
    assert code == 2
    assert "no trained run in runs of spo" in told
    code, _, told = moa("eval", "--prompts", "-m", "ric")
    assert code == 2
    assert "--method was given with --prompts" in told


def test_a_ceiling_draws_from_no_method_that_is_not_named(folder: Path) -> None:
    """A policy whose code was not named is refused; what is named may be drawn from."""
    own, theirs = stored(folder), stored(folder, method="mine.py")
    read_record(theirs).model_copy(update={"steering": "merge"}).write(theirs / "run.json")
    found = named_fronts([own, theirs])
    near = [
        replace(changed(front, kl=np.zeros((len(front.points), front.card.prompts))), steering=steering)
        for front, steering in zip(found, ("none", "merge"), strict=True)
    ]
    executed(folder)
    with pytest.raises(BadInput, match=r"the method .*mine.py is a Python file"):
        ceiling_jobs([own, theirs], near)
    assert not executed(folder)
    (job,) = ceiling_jobs([own, theirs], near, named=[(folder / "mine.py").resolve()])
    assert {member.method for member in given(job)["pool"]} == {str(folder / "mine.py")}


def test_by_default_nothing_is_named(folder: Path) -> None:
    run = stored(folder, source="tiny.toml")
    with pytest.raises(BadInput, match="has Python functions as rewards, which this command does not name"):
        stored_contestant(run)
    assert stored_contestant(run, named=[folder / "tiny.toml"]).folder == run


def test_nobody_is_told_to_name_a_file_that_is_gone(folder: Path) -> None:
    run = stored(folder, method="mine.py")
    (folder / "mine.py").rename(folder / "moved.py")
    with pytest.raises(BadInput, match=r"mine.py is a Python file, which is not there any more") as refusal:
        stored_contestant(run)
    assert refusal.value.fix.startswith("put it back; or moa compare with -m where it lies now")
    with pytest.raises(BadInput, match=rf"put {folder / 'mine.py'} back, and add it"):
        resolve([str(run / "run.json")], [], ["sft"], data_dir=None, home=folder / "runs")


@pytest.mark.parametrize("kind", ["mine", "llama"], ids=["a kind of its own", "a known kind"])
def test_code_beside_weights_is_never_run(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor is anybody asked, who might say yes: transformers would ask, and a pipe would answer."""
    folder = tiny_policy_in(tmp_path / "policy", tiny_tokenizer())
    config = json.loads((folder / "config.json").read_text())
    mapped = {
        name: f"code.{name}" for name in ("AutoConfig", "AutoModelForCausalLM", "AutoModelForSequenceClassification")
    }
    (folder / "config.json").write_text(json.dumps(config | {"model_type": kind, "auto_map": mapped}))
    (folder / "code.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'EXECUTED')!r}).touch()\n")
    monkeypatch.setattr("sys.stdin", answers := io.StringIO("y\n" * 20))
    for opened in (open_reader, open_model, partial(Classifier, inputs="response"), load_policy):
        with suppress(BadInput):
            opened(str(folder))
    assert answers.tell() == 0
    assert not (tmp_path / "EXECUTED").exists()


def test_whatever_opens_a_model_says_that_no_code_is_run() -> None:
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            opens = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            if opens and node.func.attr in ("from_pretrained", "from_config") and isinstance(node.func.value, ast.Name):
                auto = node.func.value.id.startswith("Auto") or node.func.attr == "from_config"
                said = {word.arg: ast.unparse(word.value) for word in node.keywords}
                assert not auto or said.get("trust_remote_code") == "False", f"{path}, line {node.lineno}"
