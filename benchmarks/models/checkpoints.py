"""Checkpoints of trainings: they carry checksums, and a training goes on from the newest that is whole."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from benchmarks.common import SUMS_FILE, faulty, read_json, set_aside, tell, write_sums


class Sums(TrainerCallback):
    """Leaves checksums with every checkpoint."""

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        write_sums(Path(str(args.output_dir)) / f"checkpoint-{state.global_step}")


def last_checkpoint(folder: Path) -> Path | None:
    """The newest checkpoint that was written to its end, `trainer_state.json` coming last, and is as it was written.

    Damaged ones are set aside, which is told.
    """
    whole = [
        c
        for c in folder.glob("checkpoint-*")
        if all((c / name).exists() for name in ("trainer_state.json", "optimizer.pt", "rng_state.pth"))
    ]
    for checkpoint in sorted(whole, key=_step, reverse=True):
        if not (why := _damage(checkpoint)):
            return checkpoint
        set_aside(checkpoint)
        tell(f"{checkpoint} is damaged: {why}. The training goes on from the one before, or begins anew")
    return None


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.split("-")[1])


def _damage(checkpoint: Path) -> str:
    """What is wrong with a checkpoint, and what lies beside it; empty where nothing is.

    One without checksums, which a kill or an earlier version left, is looked at as far as its files tell by themselves.
    """
    try:
        for file in (*checkpoint.glob("*.json"), *checkpoint.parent.glob(f"*-{_step(checkpoint)}.json")):
            read_json(file)
        if not (checkpoint / SUMS_FILE).exists():
            for file in (*checkpoint.glob("*.pt"), *checkpoint.glob("*.pth")):
                with zipfile.ZipFile(file) as archive:
                    if archive.testzip():
                        raise ValueError(f"{file.name} is not what was written")
            for file in checkpoint.glob("*.safetensors"):
                with safe_open(file, "pt") as tensors:
                    tensors.keys()
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, SafetensorError) as error:
        return str(error).splitlines()[0] if str(error) else type(error).__name__
    name = faulty(checkpoint)
    return f"{name} is not what was written" if name else ""
