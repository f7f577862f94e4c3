"""What commands share that take one run and use its policy in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from moa_cli.commands.common.finish import named_files
from moa_cli.commands.common.typed import check_runs
from moa_cli.console import is_verbose

if TYPE_CHECKING:
    from moa_cli.runs import Contestant


def one_run(folder: Path, methods: list[str] | None, benchmarks: list[str] | None) -> Contestant:
    """The run in a folder, as it was trained. Code that it needs is to be among the files named for -m and -b."""
    from benchmarks.spec import usual_home
    from moa_cli.runs import stored_contestant

    check_runs([folder], usual_home(), "train one: moa train")
    return stored_contestant(folder, named=named_files(methods, benchmarks))


@contextmanager
def quietly() -> Iterator[None]:
    """Inside the block libraries show no bars and warnings, unless -v was typed."""
    from benchmarks.models import setup

    setup()
    if is_verbose():
        yield
        return
    import warnings

    from transformers.utils import logging

    logging.disable_progress_bar()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
