"""Commands for methods and benchmarks of one's own."""

from __future__ import annotations

from moa_cli.commands.own.check import check
from moa_cli.commands.own.init import init
