"""A user's code that calls sys.exit, or raises what is no Exception, is told as the fault it is: moa leaves with 2,
never with 0."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.core import TyperGroup

from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import silent
from benchmarks.common.python import load_file
from benchmarks.load.load import load_benchmark
from benchmarks.rewards.function import load_function
from methods.contract.find import find_method
from moa_cli.app import main
from moa_cli.console import Terminated
from moa_cli.jobs import worker
from moa_cli.jobs.job import Job
from moa_cli.jobs.plan import run_label
from moa_cli.jobs.worker import perform
from moa_cli.runs import contestant
from moa_cli.runs.config import Source
from moa_cli.runs.record import read_record
from tests.kit.cli import environment, moa, refused
from tests.kit.worlds import benchmark_in

LEAVING = {
    "sys.exit(0)": "sys.exit(0)",
    "sys.exit()": "sys.exit()",
    "exit('done')": "sys.exit('done')",
    "raise SystemExit(3)": "sys.exit(3)",
    "raise type('Stop', (BaseException,), {})('enough')": "Stop: enough",
}


@pytest.mark.parametrize(("code", "said"), LEAVING.items())
def test_a_file_that_leaves_when_it_is_loaded(code: str, said: str, tmp_path: Path) -> None:
    """argparse does, in a script that was written to be run."""
    path = tmp_path / "leaving.py"
    path.write_text(f"import sys\n{code}\n")
    with pytest.raises(BadInput) as refusal:
        load_file(path, "a reward")
    assert said in refusal.value.what
    assert str(path) in refusal.value.what
    with pytest.raises(BadInput, match="leaving.py cannot be loaded"):
        load_function(f"{path}:f")
    assert not [name for name in sys.modules if name.startswith("leaving")]


@pytest.mark.parametrize(("code", "said"), LEAVING.items())
def test_a_reward_that_leaves_is_named(code: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "rewards.py"
    path.write_text(f"import sys\ndef f(prompts, responses):\n    {code}\n")
    with pytest.raises(BadInput) as refusal:
        load_function(f"{path}:f")(["a"], ["b"])
    assert f"{path}:f" in refusal.value.what
    assert said in refusal.value.what


def test_interruptions_stay_what_they_are(tmp_path: Path) -> None:
    path = tmp_path / "slow.py"
    path.write_text("def f(prompts, responses):\n    raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_function(f"{path}:f")(["a"], ["b"])
    path.write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_file(path, "a reward")


@pytest.mark.parametrize(("code", "said"), [*LEAVING.items(), ("raise KeyboardInterrupt", "KeyboardInterrupt")])
def test_a_job_in_a_worker_never_raises(code: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker hears no Ctrl-C, so that one is the code's own too."""

    def do(*_: object) -> None:
        exec(f"import sys\n{code}")

    source, folder = Source("hh-rlhf-mini", tmp_path), tmp_path / "b" / "mine" / "x-s0"
    label = run_label("mine.py", source, 0, folder)
    job = Job(key="run", label=label, purpose="train", source=source, work=do, folder=folder)
    if code.endswith("KeyboardInterrupt"):
        with pytest.raises(KeyboardInterrupt):  # a launcher's process does the job itself, and Ctrl-C means it
            perform(job, silent, quiet=True)
        monkeypatch.setattr(worker.multiprocessing, "parent_process", lambda: object())
    outcome = perform(job, silent, quiet=True)
    assert outcome.error is not None
    assert said in outcome.error[0]
    assert "mine/hh-rlhf-mini/s0 failed" in outcome.error[0]
    assert "output.txt" in outcome.error[1]


METHOD = """
import sys
from dataclasses import dataclass
from moa_cli import Method

@dataclass(frozen=True, kw_only=True)
class Mine(Method):
    steering = "none"

    def points(self, benchmark):
        {points}
        return super().points(benchmark)

    def train(self, benchmark, run):
        {train}

    def policy(self, benchmark, run, weights):
        {policy}
        return benchmark.prepared.policy
"""


def method(folder: Path, **code: str) -> str:
    """The file of a method that does this in its functions."""
    (folder / "mine.py").write_text(METHOD.format(**{"points": "pass", "train": "pass", "policy": "pass"} | code))
    return "mine.py"


@pytest.mark.parametrize("code", ["sys.exit(0)", "raise EOFError", "raise BaseException('enough')"])
def test_a_method_that_leaves_in_the_command_itself(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its points are asked for before any worker starts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["moa", "train", "-m", method(tmp_path, points=code), "--dry-run"])
    made, benchmark = find_method("mine.py")(), load_benchmark("hh-rlhf-mini")
    monkeypatch.setattr(contestant, "is_trained", lambda *_: made.points(benchmark))
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split(" ")[0] for line in told.err.splitlines()[-3:]] == ["error:", "why:", "try:"]
    assert "mine.py, line 11" in told.err


@pytest.mark.parametrize("where", ["import", "reward", "train", "policy"])
def test_moa_leaves_with_2(where: str, own: Path) -> None:
    """Each kind of a user's code, where a whole command meets it: said on stderr, no result on stdout, no file. With a
    worker that is a process: test_trouble.py."""
    place = own
    names = "ric" if where == "reward" else method(place, **({where: "sys.exit(0)"} if where != "import" else {}))
    if where == "import":
        (place / names).write_text("import sys\nsys.exit(0)\n")
    if where == "reward":
        rewards = (place / "letters.py").read_text()
        (place / "letters.py").write_text(rewards.replace("    return", "    raise SystemExit(0)\n    return"))
    result = moa("compare", "-m", names, "-b", "tiny.toml", "-o", "out.json", cwd=place)
    assert result.returncode == 2
    assert result.stdout == ""
    assert "sys.exit(0)" in result.stderr
    assert ("letters.py" if where == "reward" else "mine") in result.stderr
    assert not (place / "out.json").exists()
    if where == "import":
        refused(result, "mine.py cannot be loaded")


@pytest.mark.parametrize(("came", "code"), [(KeyboardInterrupt, 130), (Terminated, 143)])
@pytest.mark.parametrize("where", ["invoke", "make_context", "tidying"])
def test_an_interruption_is_one_wherever_it_comes(
    where: str, came: type[KeyboardInterrupt], code: int, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """While the command works, before it does, and where a library that is interrupted fails to tidy up."""

    def interrupted(*_: object, **__: object) -> None:
        try:
            raise came
        finally:
            if where == "tidying":
                raise RuntimeError("trying to pop from empty mode stack")

    monkeypatch.setattr(sys, "argv", ["moa", "list"])
    monkeypatch.setattr(TyperGroup, "make_context" if where == "make_context" else "invoke", interrupted)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == code
    assert "this should not happen" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [MemoryError(), ImportError("Its advice.\n\nIt was libarrow.so: failed to map segment from shared object")]
)
def test_too_little_memory_is_told_as_that(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A library that finds no room to be loaded in calls that an import that fails."""

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["moa", "list"])
    monkeypatch.setattr(TyperGroup, "invoke", fail)
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 2
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "error: it stopped: there is too little memory"
    assert told[1].startswith("why: the system gave no more: ")
    assert told[1].endswith(("MemoryError", "failed to map segment from shared object"))
    assert len(told) == 3


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_in_a_finalizer_is_not_lost(
    number: signal.Signals, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Python lets no exception out of one, and would go on to the end of the work."""

    class Thing:
        def __del__(self) -> None:
            signal.raise_signal(number)
            sum(range(10))

    def working(*_: object, **__: object) -> None:
        Thing()
        time.sleep(20)

    monkeypatch.setattr(sys, "argv", ["moa", "list"])
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(TyperGroup, "invoke", working)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(SystemExit) as left:
            main()
    finally:
        signal.signal(signal.SIGINT, before)
    assert left.value.code == code
    assert "Exception ignored" not in capsys.readouterr().err


def test_streams_that_are_closed(contest: Path) -> None:
    """As a service may start it. The next file to be opened is not taken for one of them, nor by a worker."""
    shell = f"{sys.executable} -m moa_cli train -m sft -b tiny.toml --seed 12 <&- >&- 2>&-"
    assert subprocess.run(shell, shell=True, cwd=contest, env=environment(), timeout=300).returncode == 0
    assert [read_record(run).status for run in contest.glob("runs/tiny/sft/*-s12")] == ["trained"]


@pytest.mark.parametrize("arguments", ["--version", "compare --help", "list", "--show-completion bash"])
def test_a_reader_that_has_seen_enough_is_no_fault(arguments: str, tmp_path: Path) -> None:
    """As `head`: nothing is said, and the code is not that of a method that became worse."""
    reading, writing = os.pipe()
    os.close(reading)
    command = [sys.executable, "-m", "moa_cli", *arguments.split()]
    named = environment() | {"_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1"}  # whichever shell the tests run in
    done = subprocess.run(command, cwd=tmp_path, env=named, stdout=writing, stderr=subprocess.PIPE, text=True)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("option", ["--show-completion", "--install-completion"])
def test_a_shell_without_completion_leaves_with_2(option: str, tmp_path: Path) -> None:
    """As `make` starts. 1 is for a method that became worse."""
    shell = ["sh", "-c", f"{sys.executable} -m moa_cli {option}; exit $?"]
    home = environment(HOME=str(tmp_path))
    done = subprocess.run(shell, cwd=tmp_path, env=home, capture_output=True, text=True)
    assert "supported" in done.stdout + done.stderr
    assert done.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has such a device")
@pytest.mark.parametrize(("stream", "arguments"), [("stderr", "compare --nope"), ("stdout", "compare --help")])
def test_a_stream_that_takes_no_more_leaves_with_2(stream: str, arguments: str, tmp_path: Path) -> None:
    """And never with 1, as Python does, nor with 120."""
    command = [sys.executable, "-m", "moa_cli", *arguments.split()]
    other = {"stdout": "stderr", "stderr": "stdout"}[stream]
    with open("/dev/full", "w") as full:
        streams = {stream: full, other: subprocess.PIPE}
        done = subprocess.run(command, cwd=tmp_path, env=environment(), text=True, **streams)
    assert done.returncode == 2
    assert "Traceback" not in (done.stderr or "")


def test_work_goes_on_where_nobody_reads_how() -> None:
    """Neither `2>&1 | head` nor a full disk under a log costs a training: what is said is lost."""
    reading, writing = os.pipe()
    os.close(reading)
    code = "from moa_cli.console import have_streams, say; have_streams(); [say('step') for _ in range(3)]"
    done = subprocess.run([sys.executable, "-c", code], env=environment(), stderr=writing)
    os.close(writing)
    assert done.returncode == 0


def test_a_working_folder_that_is_gone_is_told(tmp_path: Path) -> None:
    (gone := tmp_path / "gone").mkdir()
    code = "import os, sys; os.rmdir(os.getcwd()); sys.argv = ['moa', 'list']; from moa_cli.app import main; main()"
    result = subprocess.run([sys.executable, "-c", code], cwd=gone, env=environment(), capture_output=True, text=True)
    refused(result, "the folder that this was typed in is gone", "cd to")


def test_ctrl_c_stays_130(tmp_path: Path) -> None:
    """While a user's file is being imported, too."""
    place = benchmark_in(tmp_path)
    (place / "slow.py").write_text("import pathlib, time\npathlib.Path('begun').touch()\ntime.sleep(60)\n")
    command = [sys.executable, "-m", "moa_cli", "train", "-m", "slow.py"]
    running = subprocess.Popen(
        command, cwd=place, env=environment(), stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # tests run in the background inherit "ignore"
    )  # fmt: skip
    for _ in range(600):
        if (place / "begun").exists():
            break
        time.sleep(0.1)
    os.kill(running.pid, signal.SIGINT)
    _, told = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "interrupted" in told
    assert "Traceback" not in told
