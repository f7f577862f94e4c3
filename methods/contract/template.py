"""How a chat template writes weights into a prompt: what `policy` does in Python, for those who load without moa."""

from __future__ import annotations

from typing import NamedTuple

NORM = (
    "{% set norm = namespace(squares=0) %}{% for w in weights %}"
    "{% set norm.squares = norm.squares + w * w %}{% endfor %}"
)
"""Jinja that makes `norm.squares` the squared length of the weights."""


class Template(NamedTuple):
    """What a chat template writes around what is asked: Jinja that is given `weights`, M numbers with sum 1.

    The text is to be that which the policy of these weights is shown, to the last digit.
    """

    before: str = ""
    after: str = ""
