"""How a model reads text: a prompt and its answer as token ids, plain or under a template."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from transformers import PreTrainedTokenizerBase

from benchmarks.common import BadInput
from benchmarks.spec import ASSISTANT, CHAT, PLAIN, USER, Message, dialogue, is_dialogue, messages

Ids = list[int]


DAY = datetime(2024, 7, 26)
"""What chat templates are told that ask for the date [choice], Llama 3's own where it cannot ask: of what is shown, and
with it of every score, nothing depends on when."""


def dated(template: str) -> str:
    """A chat template to which it is always `DAY`."""
    forms = {form for _, form in re.findall(r"strftime_now\(\s*([\"'])(.+?)\1", template)}
    days = json.dumps({form: DAY.strftime(form) for form in sorted(forms)})
    head = f"{{%- macro strftime_now(form) %}}{{{{- {days}[form] -}}}}{{% endmacro %}}\n"
    return head + template if forms else template


def in_chat(tokenizer: PreTrainedTokenizerBase, turns: list[Message], *, add_generation_prompt: bool = False) -> str:
    """Turns in a tokenizer's chat template."""
    template = dated(tokenizer.get_chat_template())
    how = {"tokenize": False, "add_generation_prompt": add_generation_prompt}
    return str(tokenizer.apply_chat_template(turns, chat_template=template, **how))


@dataclass(frozen=True, eq=False)
class Reader:
    """Token ids of prompts and answers, the same wherever a model reads them: in training, scoring and answering.

    The ids of a prompt depend on the prompt alone, and with those of its answer they are those of the whole text. What
    the tokenizer puts before every text (BOS) stands there once; what it puts behind every text (EOS) ends answers, and
    no prompt.
    """

    tokenizer: PreTrainedTokenizerBase
    form: str = PLAIN
    """How prompts are shown: as they are ("plain"), in the tokenizer's chat template ("chat"), or in a text with
    {prompt}."""
    max_prompt_tokens: int = 512
    """Longer prompts lose their beginning."""

    def steer(self, prompt: str, write: Callable[[str], str]) -> str:
        """The prompt with something written into what the user says last; into all of it where it is shown plainly."""
        if self.form == PLAIN or not is_dialogue(prompt):
            return write(prompt)
        *before, last = messages(prompt)
        return dialogue([*before, {**last, "content": write(last["content"])}])

    def shown(self, prompt: str) -> str:
        """The text that the model reads of a prompt, uncut, without what the tokenizer adds. BadInput for a chat
        template that raises."""
        if self.form == PLAIN:
            return prompt
        if self.form == CHAT:
            return self._rendered(messages(prompt), add_generation_prompt=True)
        asked = dialogue(messages(prompt)) if is_dialogue(prompt) else prompt
        return self.form.replace("{prompt}", asked.removeprefix(f"{USER} ").removesuffix(ASSISTANT))

    def encode_prompts(self, prompts: Sequence[str]) -> list[Ids]:
        """Token ids of each prompt, cut to `max_prompt_tokens`: what is lost is its beginning, not BOS or template."""
        return [self._cut(p, i) for p, i in zip(prompts, self._encoded(prompts), strict=True)]

    def encode(self, prompt: str, response: str) -> tuple[Ids, Ids]:
        """Token ids of a prompt, cut like that, and of its answer with the token that ends it.

        Where a token of the whole text would reach over their border, and where an answer has a special token written
        out, which is text and means nothing, the answer's ids are those behind another text.
        """
        gap = self.gap
        asked, whole = self._encoded([prompt, prompt], ["", gap + response])
        if self._spells(response) or whole[: len(asked)] != asked:
            before = ":" if gap else "\n"
            texts = [before, before + gap + response]
            start, both = self.tokenizer(texts, add_special_tokens=False, split_special_tokens=True)["input_ids"]
            answer = both[len(start) :]
        else:
            answer = whole[len(asked) :]
        return self._cut(prompt, asked), [*answer, self.end]

    def lengths(self, prompts: Sequence[str]) -> list[int]:
        """How many tokens each prompt has, uncut."""
        return list(map(len, self._encoded(prompts)))

    def shortened(self, prompt: str, excess: int) -> str:
        """A prompt without its first turns or, where the user has one, without that one's first tokens; the same where
        nothing is left to take away. What a dialogue's system says stays."""
        if self.form == PLAIN or not is_dialogue(prompt):
            ids = self.tokenizer(prompt, add_special_tokens=False)["input_ids"]
            return self.tokenizer.decode(ids[excess:])
        turns = messages(prompt)
        system, (first, *others) = (turns[:1], turns[1:]) if turns[0]["role"] == "system" else ([], turns)
        if others:
            return dialogue([*system, *(others if others[0]["role"] == "user" else others[1:])])
        ids = self.tokenizer(first["content"], add_special_tokens=False)["input_ids"]
        shorter = self.tokenizer.decode(ids[excess:]) if excess < len(ids) else ""
        return dialogue([*system, {**first, "content": shorter}])

    @cached_property
    def end(self) -> int:
        """The token that ends an answer: what the chat template puts there, if that is a special token, else EOS."""
        behind = self._around[1]
        ids = self.tokenizer(behind, add_special_tokens=False)["input_ids"] if behind else []
        return ids[0] if ids and ids[0] in self._special.values() else self.tokenizer.eos_token_id

    @cached_property
    def gap(self) -> str:
        """What stands between prompt and answer: the chat template's own space, a space after other text."""
        if self.form == CHAT:
            return "" if self._around[0].strip() else self._around[0]
        return "" if self.form != PLAIN and self.form[-1:].isspace() else " "

    @cached_property
    def unasked(self) -> str:
        """What the chat template writes before every answer, but not where one is asked for, though nothing else is
        written there (it has no generation prompt); empty for most."""
        turns: list[Message] = [{"role": "user", "content": "a"}]
        before = self._around[0].strip()
        if not before or self._rendered(turns, add_generation_prompt=False) != self.shown("a"):
            return ""
        return before

    @cached_property
    def _around(self) -> tuple[str, str]:
        """What the chat template writes before an answer, other than where one is asked for, and behind it."""
        if self.form != CHAT:
            return "", ""
        turns, said = [{"role": "user", "content": "a"}], "Zyx"
        asked = self._rendered(turns, add_generation_prompt=True)
        whole = self._rendered([*turns, {"role": "assistant", "content": said}], add_generation_prompt=False)
        before, _, behind = whole.removeprefix(asked).partition(said)
        return (before if whole.startswith(asked) else ""), behind

    @cached_property
    def head(self) -> Ids:
        """What the tokenizer puts before every text."""
        bare = self.tokenizer("a", add_special_tokens=False)["input_ids"]
        ids = self.tokenizer("a")["input_ids"]
        starts = [i for i in range(len(ids)) if ids[i : i + len(bare)] == bare]
        return ids[: starts[0]] if starts else []

    @cached_property
    def _special(self) -> dict[str, int]:
        """The special tokens, those too that have no role in the tokenizer, such as what begins a turn."""
        known = self.tokenizer
        unnamed = {token.content: i for i, token in known.added_tokens_decoder.items() if token.special}
        return unnamed | dict(zip(known.all_special_tokens, known.all_special_ids, strict=True))

    def _spells(self, text: str) -> bool:
        """Whether a text has a special token written out."""
        return any(token in text for token in self._special)

    def _encoded(self, prompts: Sequence[str], behind: Sequence[str] = ()) -> list[Ids]:
        """Token ids of prompts as they are shown, with texts behind them, BOS before them once; a chat template writes
        its own. A special token that somebody wrote into what a template shows is text; where nothing but the prompt is
        shown, the prompt may have been given a form of its own."""
        if not prompts:
            return []
        texts = [f"{self.shown(p)}{b}" for p, b in zip(prompts, behind or [""] * len(prompts), strict=True)]
        head = [] if self.form == CHAT else self.head
        bare = self.tokenizer(texts, add_special_tokens=False)["input_ids"]
        for i, prompt in enumerate(prompts):
            if self.form != PLAIN and self._spells(prompt):
                bare[i] = self._as_text(texts[i], prompt)
        return [ids if ids[: len(head)] == head else [*head, *ids] for ids in bare]

    def _as_text(self, text: str, prompt: str) -> Ids:
        """Token ids of a text that shows a prompt, of which what people said is text."""
        ids: Ids = []
        for said in (turn["content"].strip() for turn in messages(prompt)):
            before, found, after = text.partition(said)
            if found:
                ids += self.tokenizer(before, add_special_tokens=False)["input_ids"]
                ids += self.tokenizer(said, add_special_tokens=False, split_special_tokens=True)["input_ids"]
                text = after
        return [*ids, *self.tokenizer(text, add_special_tokens=False)["input_ids"]]

    def _cut(self, prompt: str, ids: Ids) -> Ids:
        """The ids of a prompt, cut."""
        most = self.max_prompt_tokens
        if self.form == PLAIN:
            head = self.head[:most]
            return ids if len(ids) <= most else [*head, *ids[len(ids) - most + len(head) :]]
        while (excess := len(ids) - most) > 0:
            shorter = self.shortened(prompt, excess)
            if shorter == prompt:
                raise BadInput(
                    f"the template alone is longer than {most} tokens",
                    "prompts are cut to max_prompt_tokens, templates are not",
                    f"-c max_prompt_tokens={most + excess}",
                )
            prompt = shorter
            [ids] = self._encoded([prompt])
        return ids

    def _rendered(self, turns: list[Message], add_generation_prompt: bool) -> str:
        try:
            return in_chat(self.tokenizer, turns, add_generation_prompt=add_generation_prompt)
        except Exception as error:  # whatever its author lets it raise
            raise BadInput(
                f"the chat template of {self.tokenizer.name_or_path or 'the policy'} fails: {error}",
                f"it was given turns of {', '.join(t['role'] for t in turns)}: {turns[0]['content']!r:.60}",
                "-c template=plain shows prompts without it",
            ) from error
