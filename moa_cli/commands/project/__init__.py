"""The project file: what the command line need not say again."""

from __future__ import annotations

from moa_cli.commands.project.file import find_project
from moa_cli.commands.project.taken import ProjectCommand
