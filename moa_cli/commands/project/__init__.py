"""The project file: what the command line need not say again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.commands.project.file import find_project
    from moa_cli.commands.project.taken import ProjectCommand, bare_flags

__getattr__, __all__ = door(__name__)
