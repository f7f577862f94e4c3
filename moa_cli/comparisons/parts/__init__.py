"""What a comparison is made of, as `moa.compare` holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.common.door import door

if TYPE_CHECKING:
    from moa_cli.comparisons.parts.answers import Answers, AnswersAt, Curve, Sample, SampleAnswer
    from moa_cli.comparisons.parts.ceiling import (
        BestOfN,
        Ceiling,
        CeilingFront,
        CeilingOf,
        CurvePoint,
        Share,
        Unreached,
    )
    from moa_cli.comparisons.parts.choice import Beyond, Candidate, Choice, Limit, Wish, times_words
    from moa_cli.comparisons.parts.gate import Gate, GateVerdict, GateWord
    from moa_cli.comparisons.parts.numbers import LEAST_PROMPTS, Difference, Dominance, OtherRef, Quality
    from moa_cli.comparisons.parts.row import (
        HEADLINES,
        Attained,
        Attainment,
        Headline,
        Pair,
        PromptScores,
        Row,
        RowPoint,
        least_trained,
        method_of,
    )

__getattr__, __all__ = door(__name__)
