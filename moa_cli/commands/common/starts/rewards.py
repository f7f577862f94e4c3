"""Rewards as Python functions: N prompts and N responses in, N numbers out, higher is better."""

from collections.abc import Sequence

COURTESIES = ("please", "thank", "glad", "welcome", "wish")


def polite(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    """How many different courtesies are said, at most three of them counted."""
    return [float(min(sum(word in response.lower() for word in COURTESIES), 3)) for response in responses]


def polite_ending(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    """Another reading of politeness, for evaluation: a courtesy in the last sentence, and no courtesy said twice."""
    scores = []
    for response in responses:
        text = response.lower()
        last = text.rstrip(".! ").rpartition(".")[2]
        repeated = sum(max(text.count(word) - 1, 0) for word in COURTESIES)
        scores.append(float(any(word in last for word in COURTESIES)) - 0.5 * repeated)
    return scores


def brief(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    """Few words; an empty answer is as bad as a very long one."""
    return [-min(len(response.split()) or 40, 40) / 10 for response in responses]


def brief_in_characters(prompts: Sequence[str], responses: Sequence[str]) -> list[float]:
    """Few characters, for evaluation."""
    return [-min(len(response) or 200, 200) / 50 for response in responses]
