"""Chat templates: the text that moa shows a policy, to the last digit, from `apply_chat_template` alone."""

from __future__ import annotations

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from benchmarks.models.reader import Reader
from benchmarks.models.tags import tagged
from benchmarks.spec.dialogues import dialogue, messages
from benchmarks.spec.grid import Weights
from methods.contract.template import Template
from methods.engines.goals import goals_for, goals_template
from methods.ric import desired, wrap, wrap_template
from moa_cli.runs.export.template import Steering, chat_template
from tests.kit.tokenizers import CHAT, tiny_tokenizer

NAMES = ("helpful", "har'm{less")
"""The second is not one that a template may take for its own."""
AROUND = Template(before="<{{ weights[0] }}> ", after=" <{{ weights[1] }}>")
DIALOGUE = "\n\nHuman: Hi.\n\nAssistant: Yes?\n\nHuman: Why not now?\n\nAssistant:"


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_tokenizer("bytes", "<s> $A")


def said(tokenizer: PreTrainedTokenizerFast, prompt: str, template: str, **more: object) -> str:
    """What `apply_chat_template` writes of a prompt."""
    return str(
        tokenizer.apply_chat_template(
            messages(prompt), chat_template=template, tokenize=False, add_generation_prompt=True, **more
        )
    )


def written(tokenizer: PreTrainedTokenizerFast, text: Template, names: tuple[str, ...], weights: Weights) -> str:
    """What stands in front of the question "Q" and behind it, at weights that are not the default."""
    steering = Steering(names, (1.0, *[0.0] * (len(names) - 1)), text)
    template = chat_template(Reader(tokenizer), steering, dialogues=False)
    return said(tokenizer, "Q", template, weights=list(weights)).removeprefix("<s>")


def some_weights(M: int) -> list[Weights]:
    """Corners, the middle, and twenty others."""
    drawn = np.random.default_rng(M).dirichlet([1.0] * M, 20)
    return [tuple(map(float, w)) for w in [*np.eye(M), np.ones(M) / M, *drawn]]


@pytest.mark.parametrize("mapping", ["l2", "linf", "linear"])
@pytest.mark.parametrize("M", [2, 3])
def test_rewards_in_jinja_are_those_in_python(tokenizer, mapping, M: int) -> None:
    """Among them negative ones, and those that round to zero."""
    low, high = np.array([-2.34567, -0.04, 1e-7])[:M], np.array([1.98765, 0.03, 12.5])[:M]
    text = Template(after=wrap_template(low.tolist(), high.tolist(), mapping))
    for w in some_weights(M):
        total = tuple(x / sum(w) for x in w)
        expected = wrap("Q", tuple(desired(total, low, high, mapping)))
        assert written(tokenizer, text, ("a", "b", "c")[:M], w) == expected


@pytest.mark.parametrize("mapping", ["l2", "linf", "linear", "middle"])
@pytest.mark.parametrize("M", [2, 3])
def test_goals_in_jinja_are_those_in_python(tokenizer, mapping, M: int) -> None:
    names, classes = ("helpful", "har'm{less", "c")[:M], (5, 7, 2)[:M]
    for w in some_weights(M):
        total = tuple(x / sum(w) for x in w)
        expected = tagged("Q", goals_for(total, classes, mapping), names)
        assert written(tokenizer, goals_template(names, classes, mapping), names, w) == expected


@pytest.mark.parametrize("kind", ["bytes", "pieces"])
@pytest.mark.parametrize("around", [None, "<s> $A", "<s> $A </s>"])
@pytest.mark.parametrize("form", ["plain", "chat", "Q: {prompt}\nA:", "{prompt} "])
@pytest.mark.parametrize("steered", [False, True])
def test_the_ids_are_those_of_the_reader(kind: str, around: str | None, form: str, steered: bool) -> None:
    """However a tokenizer and a benchmark show prompts: dialogues of several turns and a question alone."""
    tokenizer = tiny_tokenizer(kind, around, CHAT)
    reader = Reader(tokenizer, form)
    greeted = "\n\nAssistant: Hello." + DIALOGUE
    asked = (("Why not now?", False), (dialogue(messages("Hello")), True), (DIALOGUE, True), (greeted, True))
    for prompt, dialogues in asked:
        steering = Steering(NAMES, (0.25, 0.75), AROUND) if steered else None
        template = chat_template(reader, steering, dialogues=dialogues)
        told = reader.steer(prompt, lambda p: f"<0.5> {p} <0.5>") if steered else prompt
        how = {"weights": [0.5, 0.5]} if steered else {}
        ids = tokenizer.apply_chat_template(
            messages(prompt), chat_template=template, add_generation_prompt=True, return_dict=True, **how
        )["input_ids"]
        assert ids == reader.encode_prompts([told])[0]
        assert (said(tokenizer, prompt, template) == said(tokenizer, prompt, template, **how)) == (not steered)


def test_a_chat_template_of_its_own_is_left_alone() -> None:
    """Where nothing is told. Where something is, what it begins with is kept: a line of blanks before a block."""
    odd = "\n  {% for m in messages %}{{ m['content'] }}{% endfor %}"
    tokenizer = tiny_tokenizer("bytes", None, odd)
    assert chat_template(Reader(tokenizer, "chat"), None, dialogues=True) == odd
    steered = chat_template(Reader(tokenizer, "chat"), Steering(NAMES, (0.5, 0.5), AROUND), dialogues=True)
    assert said(tokenizer, "Q", steered) == said(tokenizer, "<0.5> Q <0.5>", odd)


def test_a_chat_template_that_asks_for_the_date_is_told_that_of_the_training() -> None:
    asks = "{% if strftime_now is defined %}{{ strftime_now(\"%d %b\") }} {{ strftime_now('%Y') }}{% endif %}\n"
    tokenizer = tiny_tokenizer("bytes", None, asks + "{% for m in messages %}{{ m['content'] }}{% endfor %}")
    reader = Reader(tokenizer, "chat")
    assert said(tokenizer, "Q", chat_template(reader, None, dialogues=True)) == reader.shown("Q") == "26 Jul 2024Q"
    steered = chat_template(reader, Steering(NAMES, (0.5, 0.5), AROUND), dialogues=True)
    assert said(tokenizer, "Q", steered) == reader.shown("<0.5> Q <0.5>")


def test_an_answer_stands_behind_the_prompt(tokenizer) -> None:
    """As the policy learned it: a space before, the end behind; the prompt is how the whole begins."""
    template = chat_template(Reader(tokenizer), Steering(NAMES, (0.25, 0.75), AROUND), dialogues=True)
    turns = [*messages(DIALOGUE), {"role": "assistant", "content": "So."}]
    whole = tokenizer.apply_chat_template(turns, chat_template=template, tokenize=False)
    assert whole == f"<s><0.25> {DIALOGUE} <0.75> So.</s>"
    assert whole.startswith(said(tokenizer, DIALOGUE, template))


def test_a_system_turn_and_a_tool(tokenizer) -> None:
    template = chat_template(Reader(tokenizer), None, dialogues=True)
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi."}]
    text = tokenizer.apply_chat_template(turns, chat_template=template, tokenize=False)
    assert text == "<s>Be brief.\n\nHuman: Hi.\n\nAssistant:"
    with pytest.raises(Exception, match="turns of user and assistant"):
        tokenizer.apply_chat_template([{"role": "tool", "content": "4"}], chat_template=template, tokenize=False)


@pytest.mark.parametrize("weights", [[0.5, 0.4], [1.5, -0.5], [1.0], [0.2, 0.3, 0.5]])
def test_numbers_that_are_no_weights(tokenizer, weights: list[float]) -> None:
    template = chat_template(Reader(tokenizer), Steering(("a", "b"), (0.5, 0.5), AROUND), dialogues=False)
    with pytest.raises(Exception, match=r"weights must be 2 numbers \(a, b\), none negative, that sum to 1"):
        said(tokenizer, "Q", template, weights=weights)


def test_a_table_knows_its_weights_and_no_others(tokenizer) -> None:
    """What is not said in general: the text is taken as it is, Jinja in it too."""
    table = {(1.0, 0.0): Template("{{a}} ", ""), (1 / 3, 2 / 3): Template("", " \"b'\n")}
    steering = Steering(("a", "b"), (1 / 3, 2 / 3), table)
    template = chat_template(Reader(tokenizer), steering, dialogues=False)
    assert said(tokenizer, "Q", template) == "<s>Q \"b'\n"
    assert said(tokenizer, "Q", template, weights=[0.3333, 0.6667]) == "<s>Q \"b'\n"
    assert said(tokenizer, "Q", template, weights=[1, 0]) == "<s>{{a}} Q"
    with pytest.raises(Exception, match="these weights alone: 1,0  0.3333,0.6667"):
        said(tokenizer, "Q", template, weights=[0.5, 0.5])
