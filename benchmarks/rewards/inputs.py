"""How prompt and response become the tokens that a classifier reads: as its model card's own call has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from string import Formatter
from typing import TYPE_CHECKING

from benchmarks.common import BadInput, error_words, nearest
from benchmarks.data import warn_once
from benchmarks.models import in_chat
from benchmarks.spec import messages

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

NAMED = ("pair", "pair-reversed", "response", "chat")
"""What `inputs` can be besides a template."""


FIELDS = ("prompt", "response", "bos", "eos")
"""What a template can have in it."""


Row = dict[str, list[int]]
"""What a tokenizer makes of one text, by the name under which a model takes it: "input_ids", "token_type_ids"."""


def inputs_mistake(inputs: str) -> str:
    """What is wrong with how a classifier is to be read; "" for what can be meant.

    >>> inputs_mistake("pair"), inputs_mistake("{prompt}")
    ('', "'{prompt}' never shows the answer: a template has {response} in it")
    """
    if inputs in NAMED:
        return ""
    try:
        parts = list(Formatter().parse(inputs))
    except ValueError as error:
        return f"{inputs!r} is no template: {error}"
    names = [name for _, name, _, _ in parts if name is not None]
    if unknown := [name for name in names if name not in FIELDS]:
        filled = ", ".join(f"{{{name}}}" for name in FIELDS)
        return f"{inputs!r}: nothing fills {{{unknown[0]}}}{nearest(unknown[0], FIELDS)}; there are: {filled}"
    if any(spec or conversion for _, _, spec, conversion in parts):
        return f"{inputs!r}: a template takes its texts as they are, without ':' or '!'"
    if not names:
        return f"{inputs!r} is neither a template nor one of {', '.join(NAMED)}{nearest(inputs, NAMED)}"
    if "response" not in names:
        return f"{inputs!r} never shows the answer: a template has {{response}} in it"
    return ""


def check_inputs(source: str, tokenizer: PreTrainedTokenizerBase, inputs: str) -> None:
    """BadInput for a way to read a classifier that cannot be meant, or that its tokenizer does not allow."""
    what = f"inputs of the reward model {source}"
    if mistake := inputs_mistake(inputs):
        raise BadInput(f"{what}: {mistake}", "it would be read wrongly", "see docs/benchmarks.md, Objectives")
    for field, token in (("bos", tokenizer.bos_token), ("eos", tokenizer.eos_token)):
        if f"{{{field}}}" in inputs and token is None:
            raise BadInput(
                f"{what}: its tokenizer has no {field} token to fill {{{field}}} with",
                f"its special tokens are {', '.join(map(str, tokenizer.all_special_tokens)) or 'none'}",
                f"leave {{{field}}} out of {inputs!r}, or write the token itself; name another model to be trained",
            )
    if inputs == "chat" and not tokenizer.chat_template:
        raise BadInput(
            f"{what}: its tokenizer has no chat template",
            'inputs = "chat" shows a dialogue as the chat template of its tokenizer writes it',
            'inputs = "pair", or a template such as "{prompt} {response}", as its model card has it',
        )


def own_inputs(tokenizer: PreTrainedTokenizerBase) -> str:
    """How a classifier that is trained here is read.

    One whose tokenizer knows how to join two texts, as an encoder's, reads a pair; any other one text to its end.
    """
    return "pair" if tokenizer.sep_token_id is not None else "{prompt} {response}{eos}"


@dataclass(frozen=True, eq=False)
class Reading:
    """A tokenizer, and how it is to present a prompt and its response to a classifier (`HubReward.inputs`).

    What is too long loses the beginning of its prompt; special tokens stay, and so does the answer.
    """

    tokenizer: PreTrainedTokenizerBase
    inputs: str
    limit: int
    """Tokens that the model can read."""
    prompt_tokens: int | None = None
    """A longer prompt loses its beginning."""
    answer_tokens: int | None = None
    """A longer answer loses its end."""

    def rows(self, prompts: Sequence[str], responses: Sequence[str]) -> list[Row]:
        """What the model is given for each of N prompts and responses. That answers do not fit is told once."""
        if not prompts:
            return []
        marks: list[str] | None = None
        if self.inputs == "pair":
            encoded = self.tokenizer(list(prompts), list(responses))
        elif self.inputs == "pair-reversed":
            encoded = self.tokenizer(list(responses), list(prompts))
        else:
            written = [self._written(p, r) for p, r in zip(prompts, responses, strict=True)]
            marks = [mark for _, mark in written]
            encoded = self.tokenizer([text for text, _ in written], add_special_tokens=self.inputs != "chat")
        names = [name for name in encoded if name != "attention_mask"]
        rows = [{name: list(encoded[name][i]) for name in names} for i in range(len(prompts))]
        short = min(self.limit, self.prompt_tokens or self.limit, self.answer_tokens or self.limit)
        longer = 0
        for i, row in enumerate(rows):
            if len(row["input_ids"]) > short:
                kinds = self._kinds(encoded.encodings[i], marks[i] if marks else None)
                kept = self._kept(kinds)
                longer += self._loses_answer(kinds)
                rows[i] = {name: [values[k] for k in kept] for name, values in row.items()}
        if longer:
            name = self.tokenizer.name_or_path
            warn_once(f"{name} reads {self.limit:,} tokens: {longer:,} answers of {len(rows):,} lose their end")
        return rows

    @cached_property
    def _adds(self) -> tuple[bool, bool]:
        """Whether the tokenizer itself begins a text with its BOS, and ends it with its EOS."""
        ids, known = self.tokenizer("a")["input_ids"], self.tokenizer
        return (
            known.bos_token_id is not None and ids[0] == known.bos_token_id,
            known.eos_token_id is not None and ids[-1] == known.eos_token_id,
        )

    @cached_property
    def _template(self) -> list[str]:
        """The template in parts, a field as "{prompt}"; without a BOS or an EOS that the tokenizer adds by itself."""
        template = "{response}" if self.inputs == "response" else self.inputs
        begins, ends = self._adds
        template = template.removeprefix("{bos}") if begins else template
        template = template.removesuffix("{eos}") if ends else template
        parts = []
        for text, name, _, _ in Formatter().parse(template):
            parts += [text] * bool(text) + [f"{{{name}}}"] * (name is not None)
        return parts

    def _written(self, prompt: str, response: str) -> tuple[str, str]:
        """The text of a prompt and its response, and as long a text that marks the prompt's "p" and the answer's "r".

        Space before an answer is part of it: no policy says one without the other.
        """
        if self.inputs == "chat":
            return self._in_chat(prompt, response)
        filled = {
            "{prompt}": (prompt, "p"),
            "{response}": (response, "r"),
            "{bos}": (self.tokenizer.bos_token or "", " "),
            "{eos}": (self.tokenizer.eos_token or "", " "),
        }
        spaces = [part for part, after in pairwise(self._template) if not part.strip() and after == "{response}"]
        pieces = [filled.get(part, (part, "r" if part in spaces else " ")) for part in self._template]
        return "".join(text for text, _ in pieces), "".join(mark * len(text) for text, mark in pieces)

    def _in_chat(self, prompt: str, response: str) -> tuple[str, str]:
        """The same for a dialogue in the chat template; all from the first thing said to the answer is the prompt's."""
        said = [*messages(prompt), {"role": "assistant", "content": response}]
        try:
            text = in_chat(self.tokenizer, said)
        except Exception as error:  # what a template is made to refuse
            raise BadInput(
                f"a chat template refuses the dialogue {prompt!r:.60}: {error_words(error)}",
                'the reward that has inputs = "chat" is read by it',
                'give that reward other inputs: "pair", or a template such as "{prompt} {response}"',
            ) from error
        first, answer = said[0]["content"].strip(), response.strip()
        end = text.rfind(answer)
        begin = max(text.find(first, 0, end), 0)
        last = text.rfind(said[-2]["content"].strip(), 0, end) + len(said[-2]["content"].strip())
        marks = " " * begin + "p" * (last - begin) + " " * (end - last) + "r" * len(answer)
        return text, marks.ljust(len(text))

    def _kinds(self, encoding, marks: str | None) -> str:  # type: ignore[no-untyped-def]
        """Of each token, whose it is: "p", "r", or " " where nobody's."""
        if marks is None:
            whose = "pr" if self.inputs == "pair" else "rp"
            return "".join(
                " " if special or which is None else whose[which]
                for special, which in zip(encoding.special_tokens_mask, encoding.sequence_ids, strict=True)
            )
        of = [set(marks[start:end]) for start, end in encoding.offsets]
        return "".join("r" if "r" in found else "p" if found == {"p"} else " " for found in of)

    def _loses_answer(self, kinds: str) -> bool:
        """Whether the model has no room for an answer that is no longer than it may be."""
        answer, around = kinds.count("r"), kinds.count(" ")
        return min(answer, self.answer_tokens or answer) > self.limit - around

    def _kept(self, kinds: str) -> list[int]:
        """Places of the tokens that stay."""
        places = {mark: [i for i, kind in enumerate(kinds) if kind == mark] for mark in "pr"}
        prompt, answer = places["p"], places["r"][: self.answer_tokens]
        most = self.limit - (len(kinds) - len(places["p"]) - len(places["r"]))
        answer = answer[: max(most, 0)]
        room = min(most - len(answer), len(prompt) if self.prompt_tokens is None else self.prompt_tokens)
        kept = {*answer, *(prompt[-room:] if room > 0 else [])}
        return [i for i, kind in enumerate(kinds) if kind == " " or i in kept]
