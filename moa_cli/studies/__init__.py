"""Studies: questions about one method."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.studies.findings import InRounds
    from moa_cli.studies.studies import STUDIES, find_study, study_contestants, study_document
    from moa_cli.studies.tables import STUDY_FORMATS, plain_study, study_table

__getattr__, __all__ = door(__name__)
