"""Commands that use a policy."""

from __future__ import annotations

from moa_cli.commands.use.chat import chat
from moa_cli.commands.use.export import export
from moa_cli.commands.use.soup import soup
