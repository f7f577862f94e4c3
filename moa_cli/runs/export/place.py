"""Where policies come from and go to: a base that can be loaded, a folder that is free, the hub."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks import BadInput
from benchmarks.common import remove_unfinished
from moa_cli.runs.folders import run_around, taken_around

WITHIN = "moa"
"""After what is unfinished in a folder is called that was there, and empty."""


@contextmanager
def loading(base: str | Path) -> Iterator[None]:
    """BadInput where the model that something was trained from cannot be loaded inside the block."""
    try:
        yield
    except OSError as error:
        raise BadInput(
            f"cannot load {base}, which this was trained from",
            str(error).strip().splitlines()[0],
            "check the hub, the network and HF_HUB_OFFLINE, or put the model where it was",
        ) from error


def check_free(folder: Path, home: Path | None = None) -> None:
    """BadInput for a folder that has something in it, cannot be one, or would go with what it lies in: a run, or what
    was prepared or tuned under `home`.

    What a killed process left there is removed.
    """
    remove_unfinished(folder)
    remove_unfinished(folder / WITHIN)
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists() or path.is_symlink())
    if not there.exists():
        reason = f"{there} is a link that leads nowhere"
    elif not there.is_dir():
        reason = f"{there} is a file"
    elif there == folder and any(folder.iterdir()):
        reason = f"{folder} is not empty"
    elif kept := run_around(folder) or (home and taken_around(folder, home)):
        reason = f"{folder} lies in {kept}, which is moa's own"
    else:
        return
    raise BadInput(reason, "what is there stays as it is", "name a folder that is not there yet, or an empty one")


def check_repository(name: str) -> None:
    """BadInput for what no repository of the hub can be called."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError as error:
        raise BadInput(
            f"{name!r} is no name of a repository", str(error).strip().splitlines()[0], "--push OWNER/NAME"
        ) from error


def push_folder(folder: Path, repository: str) -> str:
    """Uploads the folder to the hub; returns the address. BadInput where the hub says no."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled

    api = HfApi()
    try:
        address = api.create_repo(repository, repo_type="model", exist_ok=True)
        api.upload_folder(folder_path=folder, repo_id=repository, repo_type="model")
    except (HfHubHTTPError, HFValidationError, LocalTokenNotFoundError, OfflineModeIsEnabled, OSError) as error:
        raise BadInput(
            f"cannot upload to {repository}: {str(error).strip().splitlines()[0]}",
            f"the folder itself is written: {folder}",
            f"hf auth login; then hf upload {repository} {folder}",
        ) from error
    return str(address)
