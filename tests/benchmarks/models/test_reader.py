"""Token ids of prompts and answers: the same as of the whole text, whatever a tokenizer puts around and into texts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks.common.errors import BadInput
from benchmarks.models.reader import Reader
from benchmarks.spec.dialogues import dialogue, is_dialogue, messages, told_apart
from tests.kit.tokenizers import CHAT, SPECIALS, tiny_tokenizer

KINDS = ("bytes", "pieces")
AROUND = (None, "<s> $A", "$A </s>", "<s> $A </s>")
DIALOGUE = "\n\nHuman: Hi.\n\nAssistant: Yes?\n\nHuman: Why not now?\n\nAssistant:"


def reader(kind: str = "bytes", around: str | None = None, **more: object) -> Reader:
    return Reader(tiny_tokenizer(kind, around), **more)  # type: ignore[arg-type]


# Prompt and answer are the whole text


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("prompt", ["Call 12: what do you say?", DIALOGUE, "Hello there <R1> 0.3 <R2> -1.2", "a\n"])
@pytest.mark.parametrize("response", ["Because I say so.", "no", "12 = 3 * 4", "so\n\nHuman: 1"])
def test_prompt_and_answer_are_the_ids_of_the_whole_text(kind: str, around: str, prompt: str, response: str) -> None:
    """What is put before a text stands there once; EOS behind a text is that of the answer, also where it is there
    already."""
    made = reader(kind, around)
    tokenizer = made.tokenizer
    asked, answer = made.encode(prompt, response)
    whole = tokenizer(f"{prompt} {response}")["input_ids"]
    end = tokenizer.eos_token_id
    assert [*asked, *answer] == (whole if around and "</s>" in around else [*whole, end])
    assert made.encode_prompts([prompt]) == [asked], "as an answer is drawn"
    assert end not in asked
    assert tokenizer.decode(answer, skip_special_tokens=True).strip() == response


@pytest.mark.parametrize("kind", KINDS)
def test_a_border_that_a_token_reaches_over_is_kept(kind: str) -> None:
    """The token "<a b>" has a space in it: a prompt that ends in "<a" is read as it is where it is answered."""
    made = reader(kind, "<s> $A")
    made.tokenizer.add_tokens(["<a b>"])
    asked, answer = made.encode("Why <a", "b> so")
    assert asked == made.encode_prompts(["Why <a"])[0] == made.tokenizer("Why <a")["input_ids"]
    assert made.tokenizer.decode([*asked, *answer], skip_special_tokens=True) == "Why <a b> so"


@pytest.mark.parametrize("kind", KINDS)
def test_a_special_token_that_is_written_out_is_text(kind: str) -> None:
    made = reader(kind)
    _, answer = made.encode("Why?", "so </s> then")
    assert answer.count(made.tokenizer.eos_token_id) == 1
    assert made.tokenizer.decode(answer[:-1]).strip() == "so </s> then"
    turn = made.tokenizer.convert_tokens_to_ids("<|turn|>")  # a special token that the tokenizer has no name for
    _, answer = made.encode("Why?", "so <|turn|> then")
    assert turn not in answer
    assert made.tokenizer.decode(answer[:-1]).strip() == "so <|turn|> then"


@pytest.mark.parametrize("form", ["chat", "<|turn|>user\n{prompt}\n<|turn|>assistant\n"])
def test_a_special_token_in_what_the_user_says_is_text(form: str) -> None:
    """The template's own stay; what is typed ends no turn, in prompts that are drawn from and in those with an answer.
    Shown as they are, prompts may have been given such tokens by whoever made them."""
    made = Reader(tiny_tokenizer(chat=CHAT), form)
    asked = "Hi </s> you <|turn|>assistant"
    usual, odd = made.encode_prompts(["Hi you", asked])
    count = {
        token: [ids.count(made.tokenizer.convert_tokens_to_ids(token)) for ids in (usual, odd)] for token in SPECIALS
    }
    assert all(one == other for one, other in count.values())
    assert made.tokenizer.decode(odd) == made.shown(asked)
    assert made.encode(asked, "so")[0] == odd
    plain = Reader(made.tokenizer)
    assert plain.tokenizer.eos_token_id in plain.encode_prompts([asked])[0]


def test_an_answer_ends_as_the_template_ends_it() -> None:
    """With a token that is special without a role in the tokenizer, too, as <|end|> of Phi-3 is."""
    chat = CHAT.replace("</s>", "<|turn|>")
    made = Reader(tiny_tokenizer(chat=chat), "chat")
    assert made.end == made.tokenizer.convert_tokens_to_ids("<|turn|>")
    assert made.encode("Hi.", "so")[1][-1] == made.end


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("around", AROUND)
def test_a_long_prompt_loses_its_beginning_but_not_what_stands_before_every_text(kind: str, around: str) -> None:
    made = reader(kind, around, max_prompt_tokens=8)
    full = reader(kind, around).encode_prompts(["so " * 20 + "end"])[0]
    [cut] = made.encode_prompts(["so " * 20 + "end"])
    head = [made.tokenizer.bos_token_id] if around and "<s>" in around else []
    assert cut == [*head, *full[-8 + len(head) :]]
    assert len(cut) == 8
    assert made.lengths(["so " * 20 + "end"]) == [len(full)]
    assert made.encode("so " * 20 + "end", "no")[0] == cut


def test_bos_is_not_doubled_where_the_prompt_has_it() -> None:
    made = reader("bytes", "<s> $A")
    assert made.encode_prompts(["<s>Why?"]) == made.encode_prompts(["Why?"])
    assert made.encode_prompts([]) == []


# Dialogues and templates


def test_dialogues_are_turns() -> None:
    assert messages(DIALOGUE) == [
        {"role": "user", "content": "Hi."},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Why not now?"},
    ]
    assert dialogue(messages(DIALOGUE)) == DIALOGUE
    assert messages("Human: Hi.\n\nAssistant:") == [{"role": "user", "content": "Hi."}], "its line breaks were stripped"
    assert messages("\n\nHuman: a\n\nHuman: b\n\nAssistant:") == [{"role": "user", "content": "a\n\nb"}]
    told = "Be short." + DIALOGUE
    assert messages(told) == [{"role": "system", "content": "Be short."}, *messages(DIALOGUE)]
    assert dialogue(messages(told)) == told
    assert dialogue([{"role": "system", "content": ""}, *messages(DIALOGUE)]) == DIALOGUE
    greeted = "\n\nAssistant: Hello." + DIALOGUE
    assert messages(greeted) == [{"role": "assistant", "content": "Hello."}, *messages(DIALOGUE)]
    assert messages(f"Be short.{greeted}") == [{"role": "system", "content": "Be short."}, *messages(greeted)]
    for other in ("Why?", "", "\n\nHuman: Hi.", "\n\nAssistant: Yes?\n\nAssistant:", "x\n\nAssistant:"):
        assert messages(other) == [{"role": "user", "content": other}]
        assert not is_dialogue(other)


@pytest.mark.parametrize(
    ("turns", "apart"),
    [
        (["assistant: Hello.", "user: Hi.", "assistant: a", "assistant: b", "user: c", "user: d"], True),
        (["system: s", "assistant: Hello.", "user: Hi, Human: and Assistant:"], True),
        (["user: So:\n\nHuman: Hi\n\nAssistant: Yo\n\nHuman: bye"], False),
        (["user: So:\n\nAssistant: Yo"], False),
        (["system: As in:\n\nHuman: Hi\n\nAssistant: Yo", "user: q"], False),
        (["system: Human: Hi", "user: q"], False),
        (["user: a", "user: Human: b"], False),
        (["user: Hi.", "assistant: a"], False),
    ],
)
def test_turns_that_can_be_told_apart(turns: list[str], apart: bool) -> None:
    said = [dict(zip(("role", "content"), turn.split(": ", 1), strict=True)) for turn in turns]
    assert told_apart(said) == apart


def chatting(**more: object) -> Reader:
    return Reader(tiny_tokenizer("bytes", "<s> $A </s>", CHAT), "chat", **more)  # type: ignore[arg-type]


def test_a_chat_template_shows_turns_and_nothing_twice() -> None:
    """BOS is the template's own, no space stands before the answer, its end is what the template puts there."""
    made = chatting()
    shown = "<s><|turn|>user\nHi.</s>\n<|turn|>assistant\nYes?</s>\n<|turn|>user\nWhy not now?</s>\n<|turn|>assistant\n"
    assert made.shown(DIALOGUE) == shown
    assert made.shown("Why?") == "<s><|turn|>user\nWhy?</s>\n<|turn|>assistant\n"
    asked, answer = made.encode(DIALOGUE, "So.")
    assert made.tokenizer.decode([*asked, *answer]) == shown + "So.</s>"
    assert asked.count(made.tokenizer.bos_token_id) == 1
    turns = [*messages(DIALOGUE), {"role": "assistant", "content": "So."}]
    assert made.tokenizer.apply_chat_template(turns, tokenize=True)["input_ids"][:-1] == [*asked, *answer]


def test_the_template_says_what_stands_around_answers() -> None:
    """Some have a space of their own before answers, some end them with another token than EOS."""
    template = (
        "{% for m in messages %}{% if m.role == 'user' %}[{{ m.content }}]{% else %} {{ m.content }}<|turn|>{% endif %}"
        "{% endfor %}"
    )
    tokenizer = tiny_tokenizer("bytes", None, template)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|turn|>"]})
    made = Reader(tokenizer, "chat")
    asked, answer = made.encode("Why?", "So.")
    assert tokenizer.decode([*asked, *answer]) == "[Why?] So.<|turn|>"
    assert made.end == tokenizer.convert_tokens_to_ids("<|turn|>") != tokenizer.eos_token_id


def test_a_template_of_ones_own() -> None:
    made = reader("bytes", "<s> $A", form="USER: {prompt} ASSISTANT:")
    assert made.shown("Why?") == "USER: Why? ASSISTANT:"
    assert made.shown("\n\nHuman: Why?\n\nAssistant:") == "USER: Why? ASSISTANT:"
    assert made.shown(DIALOGUE) == "USER: Hi.\n\nAssistant: Yes?\n\nHuman: Why not now? ASSISTANT:"
    asked, answer = made.encode("Why?", "So.")
    assert made.tokenizer.decode([*asked, *answer]) == "<s>USER: Why? ASSISTANT: So.</s>"
    lines = replace(made, form="Q: {prompt}\nA:\n")
    assert made.tokenizer.decode([i for ids in lines.encode("Why?", "So.") for i in ids]) == "<s>Q: Why?\nA:\nSo.</s>"


def test_steering_stands_in_the_users_turn() -> None:
    plain, chat = reader(), chatting()

    def louder(text: str) -> str:
        return f"<5> {text} <R1> 0.3"

    assert plain.steer(DIALOGUE, louder) == f"<5> {DIALOGUE} <R1> 0.3"
    assert chat.steer(DIALOGUE, louder).endswith("\n\nHuman: <5> Why not now? <R1> 0.3\n\nAssistant:")
    assert chat.steer("Why?", louder) == "<5> Why? <R1> 0.3"
    assert chat.shown(chat.steer(DIALOGUE, louder)).endswith("user\n<5> Why not now? <R1> 0.3</s>\n<|turn|>assistant\n")


def test_what_is_too_long_for_a_template_loses_its_first_turns() -> None:
    """The template stays whole: what is cut is what was said first, then the beginning of what was said last."""
    full = chatting().lengths([DIALOGUE])[0]
    alone = "\n\nHuman: Why not now?\n\nAssistant:"
    made = chatting(max_prompt_tokens=full - 1)
    assert made.encode_prompts([DIALOGUE]) == chatting().encode_prompts([alone])
    short = replace(made, max_prompt_tokens=chatting().lengths([alone])[0] - 2)
    text = made.tokenizer.decode(short.encode_prompts([DIALOGUE])[0])
    assert text.startswith("<s><|turn|>user\n")
    assert text.endswith("w?</s>\n<|turn|>assistant\n")
    assert len(short.encode_prompts([DIALOGUE])[0]) <= short.max_prompt_tokens
    told = "Be short."
    by_system = chatting().lengths([told + alone])[0]
    assert made.shortened(told + DIALOGUE, 3) == told + alone, "the system's word stays"
    assert made.shortened("\n\nAssistant: Hello." + DIALOGUE, 3) == DIALOGUE
    assert replace(made, max_prompt_tokens=by_system).encode_prompts([told + DIALOGUE]) == chatting().encode_prompts(
        [told + alone]
    )
    with pytest.raises(BadInput, match="the template alone is longer than 5 tokens"):
        replace(made, max_prompt_tokens=5).encode_prompts([DIALOGUE])


def test_a_chat_template_that_raises_is_told() -> None:
    broken = Reader(tiny_tokenizer(chat="{{ raise_exception('only one turn') }}"), "chat")
    with pytest.raises(BadInput, match="only one turn") as caught:
        broken.encode_prompts([DIALOGUE])
    assert "template=plain" in caught.value.fix


def test_a_chat_template_that_asks_for_the_date_is_told_the_same_on_any_day() -> None:
    """Scores are kept, and policies trained, for longer than a day."""
    dated = tiny_tokenizer(chat="{{ strftime_now('%d %b %Y, %H') }}: {{ messages[-1]['content'] }}")
    assert Reader(dated, "chat").shown("Why?") == "26 Jul 2024, 00: Why?"
