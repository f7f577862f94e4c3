"""What a policy is told beside a prompt: weights, goals, rewards to reach, written into what the user says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from benchmarks import BadInput

if TYPE_CHECKING:
    from benchmarks import Policy


def shown(policy: Policy, prompt: str, write: Callable[[str], str]) -> str:
    """A prompt with what `write` makes of the user's text, no longer than the policy reads.

    `write` takes that text and returns it with something in it. Policies cut long prompts from the left; here what does
    not fit is cut from the beginning of the prompt before, so that nothing written is lost. BadInput where what is
    written has more tokens than a prompt may have, or is no text.
    """
    reader = policy.reader
    while (
        excess := reader.lengths([text := reader.steer(prompt, partial(_written, write))])[0] - policy.max_prompt_tokens
    ) > 0:
        shorter = reader.shortened(prompt, excess)
        if shorter == prompt:
            raise BadInput(
                f"what is written into a prompt, {write('').strip()!r:.60}, is alone longer than "
                f"{policy.max_prompt_tokens} tokens",
                "prompts are cut to max_prompt_tokens from their beginning, and this is not to be lost",
                "raise max_prompt_tokens of the benchmark",
            )
        prompt = shorter
    return text


def _written(write: Callable[[str], str], said: str) -> str:
    """What `write` makes of a text. BadInput where that is none."""
    if isinstance(text := write(said), str):
        return text
    raise BadInput(
        f"what writes into prompts, {write!r:.80}, returned {text!r:.40}",
        "a policy reads the text that it returns, in place of what the user says",
        "return that text with something in it: lambda said: f'Be brief. {said}'",
    )


def steered(policy: Policy, write: Callable[[str], str]) -> Policy:
    """The policy that is shown every prompt as `shown` writes it, with the same model.

    So answers a policy that was trained on prompts posed with `shown`: the same text in training and in answering.
    """
    return replace(policy, template=partial(shown, policy, write=write))
