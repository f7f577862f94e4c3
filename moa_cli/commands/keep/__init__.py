"""Commands that keep house: what there is, and what nobody needs."""

from __future__ import annotations

from moa_cli.commands.keep.clean import clean, rm
from moa_cli.commands.keep.doctor import doctor
