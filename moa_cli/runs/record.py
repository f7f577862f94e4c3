"""The record of a run, run.json: what was trained, on what, by which command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    Field,
    JsonValue,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    model_serializer,
)

from benchmarks import BadInput, Benchmark
from benchmarks.common import (
    Document,
    Part,
    code_content,
    is_locked,
    json_of,
    not_permitted,
    plain,
    stored_bytes,
    to_type,
)
from benchmarks.models import setup
from benchmarks.spec import REVISION, Signal, usual_home
from moa_cli.runs.config import Source
from moa_cli.runs.surroundings import (
    below_home,
    from_home,
    git_commit,
    processor,
    versions,
    whole_command,
    working_folder,
)
from moa_cli.words import from_here

GIVEN = "given"
"""The steering of answers that were made elsewhere: there is a front, but no policy."""


EARLIER = ("moa.run/1",)
"""Schemas of records of earlier versions."""


def _seen_from_here(told: str) -> str:
    """A name or path of a record. ValueError for one that no file can have, which whoever looks for it would raise."""
    if "\0" in told:
        raise ValueError("a name has a NUL in it")
    return below_home(told)


Recorded = Annotated[str, AfterValidator(_seen_from_here), PlainSerializer(from_home)]
"""A name or a path, which is in the file as seen from the user's home where it lies there."""


class RecordedBenchmark(Part):
    """What a run was trained on: what it is, and what names it again."""

    name: str
    version: str
    identity: str
    training_identity: str | None = None
    """None in runs of a time when it was not told apart."""
    revision: int | None = None
    """Of the code that prepares benchmarks; None in runs of a time when it was not told."""
    source: Recorded
    """Name or file."""
    data_dir: Recorded | None
    options: dict[str, JsonValue]

    @classmethod
    def of(cls, benchmark: Benchmark, source: Source) -> RecordedBenchmark:
        """A benchmark that was named like this."""
        name = str(Path(source.name).resolve()) if source.name.endswith((".toml", ".py")) else source.name
        return cls(
            **_identities(benchmark), source=name, options=plain(dict(source.options)),
            data_dir=str(source.data_dir.resolve()) if source.data_dir else None,
        )  # fmt: skip

    def renewed(self, benchmark: Benchmark) -> RecordedBenchmark:
        """The benchmark as it is now, named as it was."""
        return self.model_copy(update=_identities(benchmark))


def _identities(benchmark: Benchmark) -> dict[str, Any]:
    """What a benchmark is, whatever it was called by."""
    return {
        "name": benchmark.name, "version": benchmark.version, "identity": benchmark.identity,
        "training_identity": benchmark.training_identity, "revision": REVISION,
    }  # fmt: skip


class Origin(Part):
    """Where answers came from, where not from this run's own policy. What is None does not apply, and is not written.

    Of answers that were made elsewhere: the file, and how many answers in it could not be used as they are. Of answers
    that were scored again: the run that they are of.
    """

    file: str | None = None
    columns: dict[str, str] | None = None
    """The column that was read for each role."""
    rows: int | None = None
    unknown: int | None = None
    respaced: int | None = None
    repeated: int | None = None
    missing: int | None = None
    content: str | None = None
    """Hash of the answers."""
    cut: int | None = None
    """Answers that went on after a text that ends one."""
    long: int | None = None
    """Answers of more tokens than methods have."""
    scored_again: str | None = None
    """The run, as method/name of its folder."""
    card: str | None = None
    """The scale card under which that run was scored."""

    @model_serializer(mode="wrap")
    def _what_applies(self, handler: SerializerFunctionWrapHandler):  # type: ignore[no-untyped-def]
        # without a return type the JSON schema is that of the fields
        return {name: value for name, value in handler(self).items() if value is not None}


class Record(Document):
    """The content of a run.json."""

    SCHEMA: ClassVar[str] = "moa.run/2"

    status: Literal["training", "trained"]
    method: Recorded
    """Name or file, as `find_method` takes it; of answers that were made elsewhere, the name they came with."""
    steering: str
    code: str = ""
    """Of a method in a file, what that did (`code_of`); "" in runs of a time when it was not told."""
    benchmark: RecordedBenchmark
    config: dict[str, JsonValue]
    """All hyperparameters.
    Those that act only when the policy answers as they were when it was trained; every front says its own."""
    seed: int
    trained_at: tuple[tuple[float, ...], ...]
    """The weights the training was for; only methods that retrain per weight depend on them."""
    command: str
    """As it was typed, without what looks like a secret."""
    folder: str = ""
    """In which it was typed, ~ for the user's home; paths in the command are seen from there."""
    commit: str | None
    """Git commit of the folder in which the command was typed."""
    versions: dict[str, str]
    device: str
    processor: str = ""
    """Its model."""
    threads: int
    units: str | None = None
    """Hash of the units in which it was trained: of that part of the scale card on which training depends."""
    rewards: tuple[str, ...] = ()
    cost: dict[str, int | float | None] = Field(default_factory=dict)
    """What training spent; None for what was not counted."""
    lost: dict[str, float] = Field(default_factory=dict)
    """What training spent beside that on work that was done again after it was interrupted."""
    used: tuple[str, ...] = ()
    """What training took of the preparation, such as "reward helpful" or "tags"."""
    origin: Origin = Origin()
    trials: int = 0
    """How many configurations were tried to find this one."""
    tuned_on: Signal = "rewards"
    """What decided between them."""

    @classmethod
    def begin(cls, benchmark: Benchmark, source: Source, **facts: Any) -> Record:
        """The record of a run on a prepared benchmark that this command makes."""
        import torch

        return cls(
            benchmark=RecordedBenchmark.of(benchmark, source),
            command=whole_command(),
            folder=working_folder(),
            commit=git_commit(),
            versions=versions(),
            device=(device := setup()),
            processor=processor(device),
            threads=torch.get_num_threads(),
            units=benchmark.card.units_hash,
            rewards=benchmark.card.rewards,
            **facts,
        )

    def standing(self, folder: Path) -> str:
        """Where the run in a folder stands: "training", "trained", "stopped", "failed" or "scored".

        It is stopped where the process that trained is gone, and failed where it left a reason. Answers made elsewhere
        are scored.
        """
        if self.steering == GIVEN:
            return "scored"
        gone = self.status == "training" and not is_locked(folder / "lock")
        if gone:
            return "failed" if (folder / FAILED).exists() else "stopped"
        return self.status

    @property
    def code_now(self) -> str | None:
        """What the file of the method does by now, which is read and not run; None where there is no file."""
        path = Path(self.method)
        if self.steering == GIVEN or path.suffix != ".py" or not path.is_file():
            return None
        return code_content(path.read_text(encoding="utf-8", errors="replace"))

    def training(self, run: Path, *, settings: bool = True, home: str | None = None, by: str = "train") -> str:
        """The command that trains a run like the one in a folder, with its settings or the method's own; `by`
        "compare", it measures it, too.

        It takes what is recorded, whatever else was typed for it then, and puts the new run into the same store: seen
        from here. With another `home` it does so seen from anywhere.
        """
        words = ["moa", *(["--no-project"] if home else []), by, "-m", self.method, "-b", self.benchmark.source]
        words += ["-c", str((run.resolve() if home else run) / "run.json")] if settings else []
        words += ["--data-dir", self.benchmark.data_dir] if self.benchmark.data_dir else []
        words += ["--seed", str(self.seed), *(["--runs", home] if home else _store(run))]
        return to_type(*words) if home else from_here(to_type(*words))

    def evaluating(self, run: Path, how: str = "--pareto") -> str:
        """The command that measures the run in a folder.

        It names the files that this runs: no code of a store is run by itself. Answers that were made elsewhere are
        taken in again.
        """
        if self.steering == GIVEN and how == "--pareto":
            return self.command
        files = [("-m", self.method if self.steering != GIVEN else ""), ("-b", self.benchmark.source)]
        named = [word for option, file in files if file.endswith((".py", ".toml")) for word in (option, file)]
        return from_here(to_type("moa", "eval", run, how, *named))


def _store(run: Path) -> list[str]:
    """What names the store of a run, where a command would look into another one."""
    home = run.resolve().parents[2]
    return [] if home == usual_home().resolve() else ["--runs", str(home)]


FAILED = "failed.txt"
"""In a run's folder: why its training ended, where it failed."""


def read_record(folder: Path) -> Record:
    """The run.json of a run. BadInput for one that is missing, damaged or something else."""
    path = folder / "run.json"
    try:
        return Record.from_json(stored_bytes(path))
    except FileNotFoundError as error:
        raise BadInput(
            f"there is no run in {folder}", "a run is a folder with a run.json", "moa list runs shows what there is"
        ) from error
    except PermissionError as error:
        raise not_permitted(path) from error
    except (OSError, ValueError) as error:
        if is_earlier(folder):
            raise BadInput(
                f"{folder} is a run of an earlier version of moa",
                "its folder does not tell apart what acts in training and what acts when a policy answers",
                "train it again: the command in its run.json",
            ) from error
        removal = to_type("rm", "-r", folder)
        raise BadInput(
            f"cannot use {path}",
            "it is damaged, or something else than the record of a run",
            f"make the run again: moa train with --restart; or {removal}, then the command that made it",
        ) from error


def measured_again(run: Path) -> str:
    """The command that measures the run in a folder again, whatever is left of its record."""
    try:
        return read_record(run).evaluating(run)
    except BadInput:
        return to_type("moa", "eval", run, "--pareto")


def is_earlier(folder: Path) -> bool:
    """Whether the run in a folder was recorded by an earlier version, which named folders otherwise."""
    try:
        record = json_of(stored_bytes(folder / "run.json"))
    except (OSError, ValueError):
        return False
    return isinstance(record, dict) and record.get("schema") in EARLIER
