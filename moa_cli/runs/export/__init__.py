"""Policies as folders of Hugging Face's kind, which answer without moa."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.runs.export.place import check_free, check_repository, push_folder
    from moa_cli.runs.export.run import asked_weights, export_run
    from moa_cli.runs.export.soup import export_soup, measured, soup_of
    from moa_cli.runs.export.talk import Talk

__getattr__, __all__ = door(__name__)
