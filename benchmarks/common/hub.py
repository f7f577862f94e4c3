"""What a name on the hub stands for now: entries there change under their names."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

from benchmarks.common.errors import BadInput, not_permitted
from benchmarks.common.identity import digest, folder_content
from benchmarks.common.parse import json_of
from benchmarks.common.stored import stored_bytes

SECONDS = 10.0
"""How long the hub may take to answer."""


def model_content(model: str, revision: str | None = None) -> str:
    """A model as it enters identities: a folder by its name and content, with those of its base where it holds an
    adapter; a hub id by its commit where that is known."""
    folder = Path(model)
    if os.path.isdir(model):  # of a Path, a name that is too long would be an error
        base = adapter_base(model)
        content = folder_content(folder)
        return f"{folder.name}+{digest([content, model_content(base)]) if base else content}"
    commit = hub_commit(model, revision, "model")
    return f"{model}@{commit}" if commit else model


def adapter_base(model: str, revision: str | None = None) -> str:
    """What the adapter in a folder or hub entry is an adapter of, "" for a whole model. BadInput for a damaged one, and
    for a whole model with an adapter beside it."""
    check_one_model(folder := Path(model))
    settings = folder / "adapter_config.json" if os.path.isdir(model) else _adapter_settings(model, revision)
    if settings is None or not settings.is_file() or (folder / "config.json").is_file():
        return ""
    base = str(model_settings(settings).get("base_model_name_or_path") or "")
    if os.path.isdir(base) and os.path.samefile(base, settings.parent):
        raise damaged_model(settings, "it says that it is an adapter of itself")
    return base


def check_one_model(folder: Path) -> None:
    """BadInput for a folder with a whole model and an adapter, as is left where one is merged into the folder of the
    other: transformers puts the adapter on top of the weights that it is in already, without a word."""
    if not os.path.isdir(folder) or not (folder / "adapter_config.json").is_file():
        return
    whole = re.compile(r"(model|pytorch_model)[\w.-]*\.(safetensors|bin)")
    if found := sorted(path.name for path in folder.iterdir() if whole.fullmatch(path.name) and path.is_file()):
        raise BadInput(
            f"{folder} holds a whole model ({found[0]}) and an adapter (adapter_config.json)",
            "which of them is meant is not known, and the adapter would be put on top of the weights, maybe once more",
            "remove adapter_config.json where it is merged, or name a folder with the adapter alone",
        )


def model_settings(file: Path) -> dict[str, Any]:
    """What a file of JSON in a model's folder says, nothing where there is none. BadInput for one that is damaged."""
    try:
        found = json_of(stored_bytes(file))
    except FileNotFoundError:
        return {}
    except PermissionError as error:
        raise not_permitted(file) from error
    except (OSError, ValueError) as error:
        raise damaged_model(file, f"it cannot be read: {error}") from error
    if not isinstance(found, dict):
        raise damaged_model(file, "it is no JSON object")
    return found


def damaged_model(file: Path, why: str) -> BadInput:
    """The refusal of a file in a model's folder."""
    return BadInput(f"cannot use {file}", why, "save or download the model again, or name another")


def _adapter_settings(entry: str, revision: str | None) -> Path | None:
    """Where the settings of the adapter in a hub entry lie, None for a whole model."""
    from transformers.utils import find_adapter_config_file

    try:
        found = find_adapter_config_file(entry, revision=revision)
    except (OSError, ValueError):  # no name of anything: whoever loads it says so
        return None
    return found and Path(found)


@cache
def hub_commit(entry: str, revision: str | None, kind: Literal["model", "dataset"]) -> str | None:
    """The commit that a revision of a hub entry stands for, "main" where none is named: as the hub says or, where that
    cannot be asked, as it was when it was last downloaded; None where neither is known. Asked once in a process."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.file_download import repo_folder_name
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(entry)
    except HFValidationError as error:
        raise BadInput(
            f"there is no {kind} {entry!r}",
            "it is no folder here, and no name that the hub could have",
            "check the path",
        ) from error
    if not constants.HF_HUB_OFFLINE:
        try:
            return HfApi().repo_info(entry, revision=revision, repo_type=kind, timeout=SECONDS).sha
        except Exception:  # no network, no such entry, not allowed: whoever loads it tells which
            pass
    try:
        kept = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=entry, repo_type=kind)
        known = kept / "refs" / (revision or "main")
        return known.read_text(encoding="utf-8").strip() if known.is_file() else None
    except (OSError, ValueError):  # no name that an entry could have
        return None
