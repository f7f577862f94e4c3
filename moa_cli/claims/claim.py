"""A claim: what a paper says, how it is measured, and when it is replicated."""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any

from benchmarks import BadInput
from benchmarks.common import nearest, toml_of, typed_bytes
from benchmarks.stats import Interval
from moa_cli.claims.document import Verdict
from moa_cli.claims.measures import MEASURES, PAIRED
from moa_cli.comparisons import Difference


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence, where it comes from, and the number that decides."""

    claim: str
    source: str
    published: str
    measure: str
    """A name in `MEASURES`."""
    of: tuple[str, ...]
    """One or two methods."""
    above: float | None = None
    below: float | None = None
    """Exactly one of them: the side on which the claim holds."""

    def verdict(self, found: Interval | Difference, trainings: int) -> Verdict:
        """What was measured says about it: its interval lies on the right side, on the wrong one, or on both.

        One training says nothing about another, but of what it costs. A difference that is not clear, for being one of
        many, says nothing either; of one that is, what exceeds chance decides.

        >>> claim = Claim(claim="", source="", published="", measure="cost", of=("a", "b"), below=0.5)
        >>> claim.verdict(Interval(0.4, 0.3, 0.6), trainings=3)
        'inconclusive'
        """
        if trainings == 1 and self.measure != "cost":
            return "inconclusive"
        if isinstance(found, Difference) and not found.clear:
            return "inconclusive"
        _, low, high = found.beyond_chance if isinstance(found, Difference) else found
        if self.above is not None:
            right, wrong = low > self.above, high <= self.above
        else:
            assert self.below is not None
            right, wrong = high < self.below, low >= self.below
        return "replicated" if right else "not replicated" if wrong else "inconclusive"


def load_claims(own: Path | None = None) -> list[Claim]:
    """The claims that come with moa, and those of a file. BadInput for one that says nothing that can be checked."""
    ours = files("moa_cli.claims").joinpath("claims.toml").read_text(encoding="utf-8")
    found = _claims(ours, "moa_cli/claims/claims.toml")
    if own is None:
        return found
    try:
        return [*found, *_claims(_text(own), str(own))]
    except OSError as error:
        raise BadInput(f"cannot read {own}: {error.strerror}", _FILE, _EXAMPLE) from error


def _text(own: Path) -> str:
    try:
        return typed_bytes(own).decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"cannot read {own}: it is not UTF-8 text", _FILE, _EXAMPLE) from error
    except ValueError as error:
        raise BadInput(f"cannot read {own}: {error}", _FILE, _EXAMPLE) from error


def _claims(text: str, name: str) -> list[Claim]:
    """The claims of a file. BadInput for a file without any: it would change nothing, and nobody would notice."""
    try:
        content = toml_of(text)
    except ValueError as error:
        raise BadInput(f"cannot read {name}: {error}", _FILE, _EXAMPLE) from error
    entries = content.pop("claims", [])
    if content:
        key = next(iter(content))
        raise BadInput(f"{name} has an unknown entry: {key}{nearest(key, ['claims'])}", _FILE, _EXAMPLE)
    if not isinstance(entries, list) or not entries:
        raise BadInput(f"there are no claims in {name}", _FILE, _EXAMPLE)
    return [_claim(entry, name) for entry in entries]


_FILE = "claims are a TOML file of [[claims]]"


_EXAMPLE = "see moa_cli/claims/claims.toml: claim, source, published, measure, of, and above or below"


def _claim(entry: Any, name: str) -> Claim:
    """One entry, checked."""
    faults = []
    if not isinstance(entry, dict):
        faults.append("it is no table")
        entry = {"claim": entry}
    elif unknown := set(entry) - {f.name for f in fields(Claim)}:
        faults.append(f"it has unknown entries: {', '.join(sorted(unknown))}")
    texts = ("claim", "source", "published", "measure")
    if missing := {*texts, "of"} - set(entry):
        faults.append(f"it lacks {', '.join(sorted(missing))}")
    elif wrong := [key for key in texts if not isinstance(entry[key], str)]:
        faults.append(f"{', '.join(wrong)} must be text")
    elif entry["measure"] not in MEASURES:
        faults.append(f"there is no measure {entry['measure']!r} (there are {', '.join(MEASURES)})")
    elif not _are_names(entry["of"], 1 + (entry["measure"] in PAIRED)):
        faults.append(f"{entry['measure']} is of {'two methods' if entry['measure'] in PAIRED else 'one method'}")
    elif len(set(entry["of"])) < len(entry["of"]):
        faults.append(f"it compares {entry['of'][0]} with itself")
    bounds = [entry[key] for key in ("above", "below") if key in entry]
    if len(bounds) != 1:
        faults.append("it holds above or below a number: name one")
    elif type(bounds[0]) not in (int, float):
        faults.append(f"it holds above or below a number, not {bounds[0]!r}")
    if faults:
        raise BadInput(
            f"a claim in {name} cannot be checked: {entry.get('claim', entry)!r}", "; ".join(faults), _EXAMPLE
        )
    return Claim(**{**entry, "of": tuple(entry["of"])})


def _are_names(value: Any, count: int) -> bool:
    """Whether a value of the file is a list of so many texts."""
    return isinstance(value, list) and len(value) == count and all(isinstance(name, str) for name in value)
