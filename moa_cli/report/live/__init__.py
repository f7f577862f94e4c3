"""The page of a runs folder while it is looked at: its runs with their curves, its reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.report.live.server import live_server

__getattr__, __all__ = door(__name__)
