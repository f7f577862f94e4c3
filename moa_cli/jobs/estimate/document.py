"""What a dry run says, as a document."""

from __future__ import annotations

from typing import ClassVar

from benchmarks.common import Document, Part
from benchmarks.models import Memory
from moa_cli.jobs.estimate.lengths import Lengths


class ModelRow(Part):
    """A model that is needed."""

    benchmark: str
    role: str
    """"policy", "reward OBJECTIVE" or "evaluator OBJECTIVE"."""
    name: str
    place: str
    """Where it is, or what it starts from: "made here", "in a local folder", "in the hub cache", "on the hub" (it would
    be downloaded), or "a function"."""
    how: str
    """How it comes to be."""
    parameters: int | None
    """None where nobody can know without downloading it."""
    about: bool
    """Whether that is what its name says."""
    download_bytes: int | None
    """0 for what is here; None where the size is unknown."""


class Disk(Part):
    """Bytes that models take on the disk. Answers and scores take little beside them."""

    kept: int = 0
    """Of what is trained, in float32."""
    meanwhile: int = 0
    """Of the largest checkpoint besides: its weights, and twice as much of AdamW's."""


class JobRow(Part):
    """A job that would be done."""

    do: str
    job: str
    path: str
    """The folder of its run, empty of a preparation."""
    times: int = 1
    """How often, with other settings, of which nobody knows the cost yet."""
    flops: float | None
    """Floating-point operations, at most; None where nobody can know."""
    seconds: float | None
    """About how long, alone on one worker."""
    memory: Memory | None
    """At its peak; None where the policy's size is unknown."""
    disk: Disk | None
    """What its trainings write; None where nobody can know."""

    @property
    def bytes(self) -> int:
        """All of its memory, as far as it is known."""
        return self.memory.total if self.memory else 0


class DryRun(Document):
    """What a command would do, and what that would take."""

    SCHEMA: ClassVar[str] = "moa.dry-run/1"

    models: tuple[ModelRow, ...]
    data: tuple[Lengths, ...]
    jobs: tuple[JobRow, ...]
    device: str
    """What a worker computes on."""
    rate: float
    """Floating-point operations a second of one device, measured just now; 0 where it could not be."""
    memory_bytes: int
    """Of the smallest GPU, or of the machine where it has none."""
    workers: int
    flops: float
    """Of all jobs whose operations are known."""
    seconds: float | None
    """About how long all jobs take side by side; None where those of some are unknown."""
    download_bytes: int
    """Of all models that are not here, as far as their size is known."""
    disk_bytes: int
    """Of all models that are made, as far as it is known, with the checkpoints of as many as are trained at a time."""
    disk_free_bytes: int
    """Where the runs lie."""
    too_large: tuple[str, ...]
    """Jobs that need more memory than there is, however their batches are split."""
    notes: tuple[str, ...]
    """What the numbers leave out."""
