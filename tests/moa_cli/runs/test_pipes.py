"""What is no file in a store: nobody waits for it, whatever is asked, and it is told as damaged."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.common import stored
from benchmarks.common.atomic import check_links, is_locked, locked, whole_folder, write_text
from benchmarks.common.errors import BadInput
from benchmarks.common.ledger import telling
from benchmarks.common.stored import stored_bytes, typed_bytes
from benchmarks.common.sums import faulty, kept
from moa_cli.jobs.worker import output_to
from moa_cli.runs.front import read_asked
from moa_cli.runs.log import last_rows
from moa_cli.runs.record import read_record
from moa_cli.runs.tuned import read_tuning
from moa_cli.tuning.journal import reading, stored_in
from tests.kit.cli import moa, refused
from tests.kit.fronts import make_card, save
from tests.kit.runs import RECORD, record_with
from tests.kit.worlds import benchmark_in

SECONDS = 20
"""In which a command must end: it has nothing to do."""


@pytest.fixture(autouse=True)
def in_time() -> Iterator[None]:
    """Who waits for a pipe is called off, and told, whatever becomes of the error."""
    waited = []

    def late(number: int, frame: object) -> None:
        waited.append(number)
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(SECONDS)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
    assert not waited


def piped(path: Path) -> Path:
    """A pipe, into which nobody writes, in place of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    return path


FRONT = "front-01234567"
TOLD = {
    "run.json": ("damaged", "cannot use", "toy"),
    "lock": ("stopped", "stopped", "toy"),
    "failed.txt": ("nobody knows why", "failed", "toy"),
    "log.jsonl": ("stopped", "log.jsonl cannot be read: it is a pipe or a device", "log.jsonl cannot be read"),
    f"{FRONT}/front.json": ("damaged", "cannot use", "left out: cannot use"),
    f"{FRONT}/w-001.parquet": ("stopped", "stopped", "left out: cannot use"),
}
"""What `list runs`, `show RUN` and `compare` say of a run in which one of these is none."""


@pytest.mark.parametrize("name", TOLD)
def test_no_look_waits_for_a_pipe(name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And beside the others of the store the run is left out, or what it lacks is."""
    for number in (0, 1):
        run = tmp_path / "runs" / "toy" / "toy" / f"1234567{number}-s{number}"
        record_with(method="toy", status="training", seed=number).write(run / "run.json")
        save(run / FRONT, make_card(prompts=4))
    piped(run / name)
    asked = ("list", "runs"), ("show", str(run)), ("compare",)
    for arguments, told in zip(asked, TOLD[name], strict=True):
        done = moa(*arguments, cwd=tmp_path, COLUMNS="400")
        assert done.returncode == (2 if told == "cannot use" else 0), done.stderr
        assert told in done.stdout + done.stderr + caplog.text
        assert "Traceback" not in done.stderr
        assert "should not happen" not in done.stderr


def test_nobody_waits_for_a_pipe_who_works_there(tmp_path: Path) -> None:
    path = piped(tmp_path / "asked.json")
    assert read_asked(tmp_path) is None
    lines: list[str] = []
    with telling(lines.append):
        assert kept(path, lambda: [1]) == [1]
    assert lines == [f"{path} is damaged: it is a pipe or a device, and no file. It is made again"]
    with pytest.raises(BadInput, match="a pipe or a device"):
        read_tuning(piped(tmp_path / "ric.json"))
    journal = piped(tmp_path / "ric.journal")
    with pytest.raises(BadInput, match="cannot use .*ric.journal"), reading(journal):
        stored_in(journal)
    lock = piped(tmp_path / "lock")
    assert not is_locked(lock)
    with pytest.raises(BadInput, match="cannot write to"), locked(lock):
        pass
    with output_to(piped(tmp_path / "output.txt")):
        os.write(1, b"what a library says")
    with pytest.raises(BadInput, match="is a pipe or a device, and no file"):
        check_links(tmp_path, tmp_path)
    with whole_folder(tmp_path / "model") as folder:
        write_text(folder / "config.json", "{}")
    piped(folder.with_name("model") / "config.json")
    assert faulty(tmp_path / "model") == "config.json"
    piped(tmp_path / "model" / "sums.json")
    assert faulty(tmp_path / "model") == "sums.json"


def test_a_device_and_a_folder_are_no_files_either(tmp_path: Path) -> None:
    (tmp_path / "run.json").symlink_to("/dev/zero")
    (tmp_path / "log.jsonl").mkdir()
    with pytest.raises(BadInput, match="cannot use .*run.json"):
        read_record(tmp_path)
    lines: list[str] = []
    with telling(lines.append):
        assert last_rows(tmp_path, 1) == []
    assert "log.jsonl cannot be read: it is a folder" in lines[0]


def test_what_is_too_long_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of which nothing but the end was written takes no room, and would take all memory."""
    with open(tmp_path / "run.json", "wb") as file:
        file.truncate(2**40)
    with pytest.raises(ValueError, match="it has 1,099,511,627,776 bytes"):
        stored_bytes(tmp_path / "run.json")
    with pytest.raises(BadInput, match="cannot use"):
        read_record(tmp_path)
    with pytest.raises(FileNotFoundError):
        stored_bytes(tmp_path / "none.json")
    assert stored.LONGEST < stored.LONGEST_KEPT


NAMED = {
    "show hh-rlhf-mini -c pipe.toml": "pipe.toml",
    "train -m sft -b pipe.toml": "pipe.toml",
    "compare pipe.json": "pipe.json",
    "compare --baseline pipe.json": "pipe.json",
    "show pipe.json": "pipe.json",
    "claims --claims pipe.toml": "pipe.toml",
    "eval --responses pipe.jsonl -b tiny.toml": "pipe.jsonl",
    "train -m sft -b tiny.toml --prepared pipe.tar": "pipe.tar",
    "show zero.toml": "/dev/zero",
    "show tiny.toml": "rows.jsonl",
    "train -m sft -b folder.toml --dry-run": "folder/rows.jsonl",
    "show tiny.toml -c policy=model": "model.safetensors",
    "soup model model --weights .5,.5 new": "model.safetensors",
}
"""What is typed, and the pipe or device in it that is told."""


@pytest.mark.parametrize("typed", NAMED)
def test_nobody_waits_for_a_pipe_that_is_named(typed: str, tmp_path: Path) -> None:
    benchmark_in(tmp_path)
    for name, data in (("zero", "/dev/zero"), ("folder", "folder/*.jsonl")):
        text = (tmp_path / "tiny.toml").read_text().replace("rows.jsonl", data)
        (tmp_path / f"{name}.toml").write_text(text)
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    (tmp_path / "model" / "adapter_config.json").write_text('{"base_model_name_or_path": "base"}')
    for name in (NAMED[typed], "model/model.safetensors"):
        if not name.startswith("/dev"):
            piped(tmp_path / name)
    refused(moa(*typed.split(), cwd=tmp_path, COLUMNS="400"), NAMED[typed], "a pipe or a device, and no file")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("clean --dry-run", "left alone"),
        ("show RUN --reproduce", "gone"),
        ("eval --pareto", "a pipe or a device, and no file"),
        ("eval --weights .5,.5", "a pipe or a device, and no file"),
    ],
)
def test_nobody_waits_for_a_pipe_that_a_record_names(typed: str, told: str, tmp_path: Path) -> None:
    run, pipe = tmp_path / "runs/toy/toy/12345678-s0", piped(tmp_path / "runs" / "toy" / "x.toml")
    of = RECORD.benchmark.model_copy(update={"name": "toy", "source": str(pipe)})
    record_with(method="sft", benchmark=of).write(run / "run.json")
    (tmp_path / "runs/toy/prepared").mkdir()
    done = moa(*typed.replace("RUN", str(run)).split(), cwd=tmp_path, COLUMNS="400")
    assert told in done.stdout + done.stderr


def test_a_pipe_that_a_shell_opened_is_read(tmp_path: Path) -> None:
    """As that of --baseline <(zcat main.json.gz); what is called so and is none is no file either."""
    number, into = os.pipe()
    os.write(into, b"{}")
    os.close(into)
    assert typed_bytes(Path(f"/dev/fd/{number}")) == b"{}"
    os.close(number)
    with open("/dev/zero") as zero, pytest.raises(ValueError, match="a pipe or a device"):
        typed_bytes(Path(f"/dev/fd/{zero.fileno()}"))
