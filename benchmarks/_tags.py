"""Control tags: what lets a policy that was trained from scratch be told something before a prompt.

A large model has read markup, instructions and numbers, and goals such as "<helpful 5>" mean something to it. One of
a million parameters has read a benchmark's own text and nothing else: it would be thrown off by any tag, and all
would be the same to it. So tags stand before most of the prompts that it learns from, each true of its answer and none about
an objective. A tag is one token, since so small a model does not learn to bind a number to the name before it either. Those
of the objectives are never read, and get embeddings in order among the ones that are.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._benchmark import Answer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

LEVELS = 7
"""A tag's number is 1 to 7, the most grades that a data set of ours has; what is read are fifths, 1 to 5."""
EACH = 0.6
"""How likely each of the properties is told of, where some are [choice]."""
Edges = Mapping[str, list]
"""Per tag, where the second to the fifth fifth begin."""


def words_per_sentence(response: str) -> float:
    """Mean number of words in a sentence."""
    return len(re.findall(r"\w+", response)) / max(1, len(re.findall(r"[.!?]+", response)))


def first_word(response: str) -> str:
    """The first word, as in a dictionary."""
    found = re.search(r"\w+", response)
    return found[0].lower() if found else ""


PROPERTIES: Mapping[str, Callable] = {"words": words_per_sentence, "initial": first_word}
"""What tags tell of an answer, by name: anything that can be ordered and is not what the objectives are about."""


def tag(name: str, level: int) -> str:
    """What stands before a prompt, without the space that follows.

    >>> tag("words", 4)
    '<words 4>'
    """
    return f"<{name} {level}>"


def tagged(prompt: str, levels: Sequence[int], names: Sequence[str]) -> str:
    """The prompt with tags before it, none where the level is 0.

    >>> tagged("How?", (4, 0), ("words", "initial"))
    '<words 4> How?'
    """
    return "".join(f"{tag(name, level)} " for name, level in zip(names, levels, strict=True) if level) + prompt


def tags_of(names: Sequence[str]) -> list[str]:
    """Every tag that scratch models know as one token: of the properties and of the objectives named."""
    return [tag(name, level) for name in dict.fromkeys((*PROPERTIES, *names)) for level in range(1, LEVELS + 1)]


def fifths(answers: Sequence[Answer]) -> Edges:
    """Where the fifths of each property lie among these answers."""
    edges = {}
    for name, measure in PROPERTIES.items():
        ordered = sorted(measure(a.response) for a in answers)
        edges[name] = [ordered[len(ordered) * k // 5] for k in range(1, 5)]
    return edges


def described(answers: Sequence[Answer], edges: Edges, share: float, seed: int) -> list[Answer]:
    """The answers, that share of them with tags before their prompts that are true of them."""
    generator = np.random.default_rng([seed, len(answers)])
    told = []
    for answer in answers:
        names = [name for name in PROPERTIES if generator.random() < EACH] or [str(generator.choice(list(PROPERTIES)))]
        if generator.random() < share:
            levels = [1 + bisect_right(edges[name], PROPERTIES[name](answer.response)) for name in names]
            answer = Answer(tagged(answer.prompt, levels, names), answer.response)
        told.append(answer)
    return told


def put_tags_on_lines(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, names: Sequence[str], seed: int
) -> None:
    """Gives the tags of objectives embeddings at even steps from one tag that was read to another, drawn for each objective.

    What is learned of one level then holds for its neighbours. Farther out, a tag could become an answer's likeliest next
    token: outputs share the embeddings.
    """
    import torch

    weight = model.get_input_embeddings().weight
    read = _ids(tokenizer, list(PROPERTIES), 5)
    ends = cycle(np.random.default_rng(seed).permutation(read).tolist())
    steps = torch.linspace(0, 1, LEVELS, device=weight.device)[:, None]
    with torch.no_grad():
        for name in names:
            if name not in PROPERTIES:
                weight[_ids(tokenizer, [name], LEVELS)] = torch.lerp(weight[next(ends)], weight[next(ends)], steps)


def _ids(tokenizer: PreTrainedTokenizerBase, names: Sequence[str], levels: int) -> list[int]:
    return tokenizer.convert_tokens_to_ids([tag(name, n) for name in names for n in range(1, levels + 1)])
