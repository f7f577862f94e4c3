"""What papers claim, checked over measured runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.claims.check import check_claims
    from moa_cli.claims.claim import load_claims
    from moa_cli.claims.document import Claims
    from moa_cli.claims.tables import CLAIM_FORMATS, claims_markdown, claims_table

__getattr__, __all__ = door(__name__)
