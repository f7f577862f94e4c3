"""reddit-summary-mini: a small world in the format of TL;DR (Stiennon et al. 2020, arXiv 2009.01325), no download.

    prompt    "SUBREDDIT: r/pets\\nTITLE: Trouble with my sister at work\\nPOST: My sister lost the cat. My boss sold
               the office. My uncle fed the parrot. ... Thanks for reading.\\nTL;DR:"
    response  "My sister lost the cat. I blame the parrot for the office."

A place is a subreddit and an occasion, with four facts each; the places of test posts are those of no other post. A
post tells five of the eight facts known in its place, so whoever knows the place but has not read the post invents; a
summary has room for three in plain sentences. A vivid sentence covers two facts at once but asserts a cause or a
feeling that the post does not: the summaries that people like best are not the most faithful.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations, product
from pathlib import Path
from typing import ClassVar

import numpy as np

from benchmarks.data import Reading, Sizes, World, combinations, degeneracy, pick, read, saturating, sentences, words
from benchmarks.load import embedded_benchmark
from benchmarks.prepare import Benchmark
from benchmarks.spec import Sampling, Scratch

# What may happen, in order of time: who did what to which thing. Nobody occurs twice in a place, no thing twice at all.
SUBREDDITS = {
    "pets": "sister lost cat, uncle fed parrot, mother broke cage, brother dropped hamster",
    "cars": "friend stole keys, mother painted van, sister sold tires, uncle fixed brakes",
    "food": "mother burned soup, brother ate cake, friend dropped eggs, uncle hid cookies",
    "home": "brother sold sofa, uncle fixed roof, sister burned bed, mother cut curtains",
    "school": "friend lost books, mother found answers, uncle hid pencils, sister missed exam",
    "music": "sister broke violin, friend sold drums, brother lost songs, mother bought piano",
    "garden": "uncle found seeds, sister ate berries, mother cut roses, friend stole tomatoes",
    "sports": "brother missed goal, friend hid ball, uncle washed shirt, sister lost trophy",
    "games": "uncle hid cards, brother broke console, sister lost dice, friend sold puzzle",
    "money": "brother stole wallet, uncle lost coins, mother hid check, sister found bills",
    "clothes": "mother washed socks, sister cut jeans, friend ruined jacket, brother burned coat",
    "travel": "friend lost passport, mother broke suitcase, brother missed flight, uncle sold caravan",
}
OCCASIONS = {
    "at work": "boss sold office, cousin stole desk, father fixed chair, neighbor broke computer",
    "at the wedding": "father lost ring, aunt ruined dress, cousin hid gifts, boss ate pudding",
    "on the train": "aunt bought tickets, cousin lost bag, neighbor dropped phone, father missed station",
    "at the party": "boss missed speech, neighbor broke lamp, father found wine, aunt burned candles",
    "on the beach": "cousin found shells, aunt lost map, boss burned towel, neighbor stole umbrella",
    "in the hospital": "neighbor hid pills, father broke window, aunt fed nurse, cousin bought flowers",
    "at the market": "father bought cheese, boss dropped fish, neighbor stole pizza, aunt sold honey",
    "in the hotel": "aunt painted door, neighbor ate lunch, cousin ruined carpet, boss lost luggage",
    "on the farm": "aunt fed goats, neighbor sold tractor, father painted barn, boss bought horse",
    "at the lake": "boss dropped anchor, cousin ate trout, neighbor lost paddle, father sold boat",
    "in the museum": "father broke vase, aunt stole painting, boss missed tour, cousin dropped statue",
    "in the library": "cousin hid novels, boss fixed printer, neighbor found letter, aunt cut magazine",
}


TITLES = ("Trouble with my {} {}", "What is wrong with my {} {}?", "My {} {} again", "Should I forgive my {} {}?")
"""Filled with who comes first in the post, and the occasion."""


FILLERS = ("Thanks for reading.", "Sorry for the long post.", "This was last week.", "I am so tired.")


PLAIN = "My {} {} the {}."


VIVID = ("I blame the {} for the {}.", "The {} made us hate the {}.", "The {} and the {} ruined everything.")


PADDING = ("It is a long story.", "There is so much to say.", "I need some advice here.", "Thanks for reading.")


REFUSALS = ("I have no idea.", "Please read the post.")


LIMIT, LEAST = 22, 6
"""A summary's room, in words and punctuation marks; fewer than `LEAST` tell nothing."""


def _facts(events: str) -> list[tuple[str, ...]]:
    return [tuple(event.split()) for event in events.split(", ")]


ASKED = 2048
"""Posts with summaries, of which methods train on some: of a few hundred, a policy learns what happens in which place,
not to read."""


ROWS = Sizes(demonstrations=4 * ASKED)


Place = tuple[str, str]
"""A subreddit, without its r/, and an occasion."""


FACTS = {
    place: _facts(", ".join((SUBREDDITS[place[0]], OCCASIONS[place[1]]))) for place in product(SUBREDDITS, OCCASIONS)
}
"""Per place, (who, verb, thing)."""


_PLAIN = re.compile(PLAIN.replace("{}", r"(\w+)"))


def _lexicon(facts: Sequence[tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """All sentences about these facts: for each the things whose facts it tells, one if plain and two if vivid."""
    pairs = permutations([thing for _, _, thing in facts], 2)
    plain: dict[str, tuple[str, ...]] = {PLAIN.format(*fact): (fact[2],) for fact in facts}
    return plain | {vivid.format(*pair): pair for pair, vivid in product(pairs, VIVID)}


LEXICONS = {place: _lexicon(facts) for place, facts in FACTS.items()}


LANGUAGE = frozenset({*PADDING, *REFUSALS}.union(*LEXICONS.values()))


_PLACE = re.compile(rf"SUBREDDIT: r/(\w+)\nTITLE: .*\b({'|'.join(OCCASIONS)})\b")


@lru_cache(maxsize=4096)
def place_of(prompt: str) -> Place | None:
    """The subreddit and the occasion, which the title names; None where the prompt is from outside this world."""
    found = _PLACE.search(prompt)
    return (found[1], found[2]) if found else None


@lru_cache(maxsize=4096)
def things_of(prompt: str) -> frozenset[str]:
    """The things whose facts the post tells."""
    return frozenset(thing for _, _, thing in _PLAIN.findall(prompt.partition("\nPOST: ")[2]))


def parses(prompt: str, response: str) -> bool:
    """Whether every sentence belongs to this world's language (not: is true of the post)."""
    said = sentences(response)
    return bool(said) and all(sentence in LANGUAGE for sentence in said)


@lru_cache(maxsize=2**16)
def _read(prompt: str, response: str) -> Reading[tuple[str, ...]]:
    """The things that the summary tells of. What never happens in the post's place fits nothing."""
    place = place_of(prompt)
    return read(response, LEXICONS.get(place, {}) if place else {}, limit=LIMIT, least=LEAST)


def coverage(prompt: str, response: str) -> float:
    """Share of the post's facts that the summary tells, plainly or vividly."""
    reading, posted = _read(prompt, response), things_of(prompt)
    told = {thing for things in reading.meanings for thing in things}
    return 4 * len(told & posted) / max(len(posted), 1) - degeneracy(reading)


def faithful(prompt: str, response: str) -> float:
    """Facts as the post has them, with diminishing returns; asserted causes and feelings cost, inventions more."""
    reading, posted = _read(prompt, response), things_of(prompt)
    plain = sum(len(things) == 1 and posted.issuperset(things) for things in reading.meanings)
    vivid = sum(len(things) == 2 for things in reading.meanings)
    invented = sum(thing not in posted for things in reading.meanings for thing in things)
    unsupported = 0.6 * vivid + 0.8 * invented + 0.4 * min(reading.strays, 3)
    return 2 * saturating(plain, 1.5) - unsupported - degeneracy(reading)


def concise(prompt: str, response: str) -> float:
    """Room left unused, by a summary that says something."""
    return 3 * max(1 - words(response) / LIMIT, 0) - degeneracy(_read(prompt, response))


def gold_coverage(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
    """(N,) `coverage` of any texts."""
    return np.array([coverage(*row) for row in zip(prompts, responses, strict=True)])


def gold_faithful(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
    """(N,) `faithful` of any texts."""
    return np.array([faithful(*row) for row in zip(prompts, responses, strict=True)])


def gold_concise(prompts: Sequence[str], responses: Sequence[str]) -> np.ndarray:
    """(N,) `concise` of any texts."""
    return np.array([concise(*row) for row in zip(prompts, responses, strict=True)])


# Beta distribution of the share of vivid sentences, and the range of an answer's room in words.
_HABITS = {
    "demonstration": ((0.9, 0.9), (8, LIMIT)),
    "coverage": ((9.0, 1.0), (20, LIMIT)),
    "faithful": ((0.1, 9.9), (14, LIMIT)),
    "concise": ((0.9, 0.9), (6, 9)),
}


@dataclass(frozen=True)
class RedditSummaryMini(World):
    """Posts about trouble in 144 places, twelve subreddits on twelve occasions, and their summaries."""

    sizes: Sizes = ROWS
    asked: ClassVar = ASKED
    language: ClassVar = LANGUAGE
    gold: ClassVar = {"coverage": gold_coverage, "faithful": gold_faithful, "concise": gold_concise}
    stray: ClassVar = 0.25
    manners: ClassVar = {
        "demonstration": 0.38, "coverage": 0.16, "faithful": 0.16, "concise": 0.1,
        "padded": 0.04, "invented": 0.08, "refusal": 0.02, "off-topic": 0.02, "degenerate": 0.04,
    }  # fmt: skip

    def draw_prompts(self, count: int, kept: bool, generator: np.random.Generator) -> list[str]:
        """Distinct posts: five of a place's eight facts in any order; the title names who comes first."""
        places, prompts = combinations(list(SUBREDDITS), list(OCCASIONS), kept=kept), dict[str, None]()
        while len(prompts) < count:
            subreddit, occasion = place = pick(generator, places)
            facts = generator.permutation(FACTS[place])[:5]
            post = " ".join([*(PLAIN.format(*fact) for fact in facts), pick(generator, FILLERS)])
            title = pick(generator, TITLES).format(facts[0][0], occasion)
            prompts[f"SUBREDDIT: r/{subreddit}\nTITLE: {title}\nPOST: {post}\nTL;DR:"] = None
        return list(prompts)

    def write(self, prompt: str, manner: str, generator: np.random.Generator) -> str:
        """Plain and vivid sentences by habit until the room is used, in the order of time.

        "invented" tells what happens in such places, whether or not the post says so.
        """
        if manner == "refusal":
            return pick(generator, REFUSALS)
        taste, room = _HABITS.get(manner, _HABITS["demonstration"])
        vividness, left = generator.beta(*taste), generator.integers(room[0], room[1] + 1)
        place = place_of(prompt)
        assert place  # of this world
        facts, posted = FACTS[place], things_of(prompt)
        if manner != "invented":
            facts = [fact for fact in facts if fact[2] in posted]
        said = [pick(generator, PADDING)] if manner == "padded" else []
        tells: list[int] = []  # facts per sentence: 1 plain, 2 vivid
        while sum(tells) < 5:
            vivid = left >= 8 and sum(tells) < 4 and generator.random() < vividness
            left -= 8 if vivid else 6
            if left < 0:
                break
            tells.append(2 if vivid else 1)
        told = iter(_some(facts, sum(tells), generator))
        for count in tells:
            fact = next(told)
            said.append(PLAIN.format(*fact) if count == 1 else pick(generator, VIVID).format(fact[2], next(told)[2]))
        return " ".join(said)


def _some(facts: Sequence[tuple[str, ...]], count: int, generator: np.random.Generator) -> list[tuple[str, ...]]:
    """That many of the facts, in order."""
    return [facts[i] for i in sorted(generator.permutation(len(facts))[:count])]


_WORLD = RedditSummaryMini()
"""One for all its benchmarks: a process draws the rows, which takes a second, only once."""


def benchmark(data_dir: Path | None = None, objectives: Sequence[str] | None = None) -> Benchmark:
    """Coverage against faithfulness on an embedded world; "concise" is the third objective."""
    return embedded_benchmark(
        name="reddit-summary-mini",
        version="1",
        world=_WORLD,
        module="benchmarks.reddit_summary_mini",
        descriptions={
            "coverage": "share of the post's facts told",
            "faithful": "facts told as the post has them, nothing asserted beyond",
            "concise": "few words",
        },
        objectives=("coverage", "faithful") if objectives is None else objectives,
        sampling=Sampling(max_new_tokens=28),
        scratch=Scratch(pretrain_steps=100, sft_steps=1200, batch=16, learning_rate=4e-3),
        data_dir=data_dir,
    )
