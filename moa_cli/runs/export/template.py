"""Chat templates that write what a policy of moa is shown, its steering included: Jinja, for plain transformers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.models import Reader, dated
from benchmarks.spec import ASSISTANT, CHAT, PLAIN, ROUNDING, USER, Weights
from methods import Template
from moa_cli.words import typed_weights

WEIGHTS = """\
{%- if weights is not defined or weights is none %}{% set weights = «default» %}{% endif -%}
{%- if weights|length != «count» or weights|min < 0 or (weights|sum - 1)|abs > «rounding» -%}
{{- raise_exception(«mistake») -}}
{%- endif -%}
{%- set made = namespace(weights=[]) -%}
{%- for w in weights %}{% set made.weights = made.weights + [w / weights|sum] %}{% endfor -%}
{%- set weights = made.weights -%}
"""
"""The argument `weights`, checked, and with sum 1."""


WRITTEN = """\
{%- set before %}«before»{% endset -%}
{%- set after %}«after»{% endset -%}
"""


LISTED = """\
{%- set found = namespace(before=none, after=none) -%}
{%- for point, before, after in «points» -%}
{%- set off = namespace(most=0) -%}
{%- for w in weights %}{% set off.most = [off.most, (w - point[loop.index0])|abs]|max %}{% endfor -%}
{%- if off.most <= «rounding» %}{% set found.before = before %}{% set found.after = after %}{% endif -%}
{%- endfor -%}
{%- if found.before is none %}{{ raise_exception(«unknown») }}{% endif -%}
{%- set before = found.before -%}
{%- set after = found.after -%}
"""
"""The texts of a table, for weights that it knows."""


INTO_THE_LAST = """\
{%- set last = namespace(user=-1) -%}
{%- for turn in messages %}{% if turn['role'] == 'user' %}{% set last.user = loop.index0 %}{% endif %}{% endfor -%}
{%- set told = namespace(messages=[]) -%}
{%- for turn in messages -%}
{%- set said = before + turn['content'] + after if loop.index0 == last.user else '' -%}
{%- set told.messages = told.messages + [{'role': 'user', 'content': said} if said else turn] -%}
{%- endfor -%}
{%- set messages = told.messages %}
"""
"""Steering in what the user says last, see `Reader.steer`. What follows begins on a line of its own."""


PROMPT = """\
{%- set answered = messages[-1]['role'] == 'assistant' -%}
{%- set asked = messages[:-1] if answered else messages -%}
{%- set marks = {'user': «user», 'assistant': «assistant»} -%}
{%- set shown = namespace(text='') -%}
{%- if «alone» and asked|length == 1 -%}
{%- set shown.text = asked[0]['content'] -%}
{%- else -%}
{%- for turn in asked -%}
{%- if loop.first and turn['role'] == 'system' -%}
{%- set shown.text = turn['content']|trim -%}
{%- elif turn['role'] not in marks -%}
{{- raise_exception('this policy knows turns of user and assistant, and a first one of the system') -}}
{%- else -%}
{%- set mark = «first» if loop.first and turn['role'] == 'user' else marks[turn['role']] + ' ' -%}
{%- set shown.text = shown.text + mark + turn['content']|trim -%}
{%- endif -%}
{%- endfor -%}
{%- set shown.text = shown.text + «end» -%}
{%- endif -%}
"""
"""The turns as a prompt in HH-RLHF's form, see `dialogue`; or the one turn as it is."""


@dataclass(frozen=True)
class Steering:
    """How weights are written into prompts."""

    names: Sequence[str]
    """M objectives."""
    weights: Weights
    """(M,) those that hold where none are given."""
    text: Template | Mapping[Weights, Template]
    """What is written for all weights, as Jinja, or for some weights, as it is."""

    def __str__(self) -> str:
        wanted = f"{len(self.names)} numbers ({', '.join(self.names)}), none negative, that sum to 1"
        head = filled(
            WEIGHTS, default=list(self.weights), count=len(self.names), rounding=ROUNDING * len(self.names),
            mistake=f"weights must be {wanted}",
        )  # fmt: skip
        if isinstance(self.text, Template):
            return head + WRITTEN.replace("«before»", self.text.before).replace("«after»", self.text.after)
        points = [[list(point), *texts] for point, texts in self.text.items()]
        known = "  ".join(map(typed_weights, self.text))
        unknown = f"this policy knows how to be asked for these weights alone: {known}"
        return head + filled(LISTED, points=points, rounding=ROUNDING, unknown=unknown)


def chat_template(reader: Reader, steering: Steering | None, *, dialogues: bool) -> str:
    """The template under which `apply_chat_template` writes what the reader shows, without its cutting.

    `dialogues`: whether the benchmark's prompts are such; else a single turn is shown as it is. An answer that is
    there is written behind the prompt, with the token that ends it.
    """
    steered = str(steering) if steering else ""
    if reader.form == CHAT:
        own = reader.tokenizer.get_chat_template()
        return dated(f"{steered}{INTO_THE_LAST}{own}" if steering else own)
    head = _head(reader)
    answer = filled(
        "{%- if answered %}{{ «gap» + messages[-1]['content'] + «eos» }}{% endif -%}",
        gap=reader.gap, eos=reader.tokenizer.decode([reader.end]),
    )  # fmt: skip
    if reader.form == PLAIN:
        prompt = filled(PROMPT, user=USER, assistant=ASSISTANT, alone=not dialogues, first=f"{USER} ", end=ASSISTANT)
        whole = "«head» + before + shown.text + after" if steering else "«head» + shown.text"
        return steered + prompt + filled(f"{{{{- {whole} -}}}}\n", head=head) + answer
    into = INTO_THE_LAST if steering else ""
    prompt = filled(PROMPT, user=USER, assistant=ASSISTANT, alone=True, first="", end="")
    whole = filled("{{- «head» + «form»|replace('{prompt}', shown.text) -}}\n", head=head, form=reader.form)
    return steered + into + prompt + whole + answer


def _head(reader: Reader) -> str:
    """What stands before all that is shown: BOS, and the space after it that some tokenizers put before a text."""

    def ids(text: str) -> list[int]:
        found: list[int] = reader.tokenizer(text, add_special_tokens=False)["input_ids"]
        return found

    head, text = reader.tokenizer.decode(reader.head), "Zyx"
    return next((h for h in (head, f"{head} ") if ids(h + text) == [*reader.head, *ids(text)]), head)


def filled(text: str, **values: Any) -> str:
    """Jinja with these values at their places, as literals."""
    for name, value in values.items():
        text = text.replace(f"«{name}»", json.dumps(value, ensure_ascii=False))
    return text
