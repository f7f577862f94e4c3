"""Rows made in the format that data sets are published in, and the folders of their repositories."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

PROMPTS = 24


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with (gzip.open if path.suffix == ".gz" else open)(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)


def pku_saferlhf(folder: Path) -> Path:
    """As PKU-Alignment/PKU-SafeRLHF: a folder per model that answered."""

    def row(i: int) -> dict[str, Any]:
        return {
            "prompt": f"How do I open lock {i}?", "response_0": "Break it at night.", "response_1": "Ask its owner.",
            "prompt_source": "made", "response_0_source": "m", "response_1_source": "m",
            "is_response_0_safe": False, "is_response_1_safe": True,
            "response_0_harm_category": {"Theft": True}, "response_1_harm_category": {"Theft": False},
            "response_0_severity_level": 2, "response_1_severity_level": 0,
            "better_response_id": i % 2, "safer_response_id": 1,
        }  # fmt: skip

    for part, model in enumerate(("Alpaca-7B", "Alpaca3-8B")):
        _write(folder / "data" / model / "train.jsonl", [row(100 * part + i) for i in range(PROMPTS // 2)])
        _write(folder / "data" / model / "test.jsonl", [row(1000 + 100 * part + i) for i in range(2)])
    return folder


def helpsteer2(folder: Path) -> Path:
    """As nvidia/HelpSteer2: two rows for a prompt, grades 0 to 4."""

    def rows(i: int) -> list[dict[str, Any]]:
        grades = {"helpfulness": 4, "correctness": 3, "coherence": 4, "complexity": 1, "verbosity": i % 3}
        worse = {"helpfulness": i % 3, "correctness": 0, "coherence": 4, "complexity": 2, "verbosity": 2}
        return [
            {"prompt": f"What is {i} + {i}?", "response": f"It is {2 * i}.", **grades},
            {"prompt": f"What is {i} + {i}?", "response": "It is not for me to say.", **worse},
        ]

    _write(folder / "train.jsonl.gz", [row for i in range(PROMPTS) for row in rows(i)])
    _write(folder / "validation.jsonl.gz", [row for i in range(4) for row in rows(1000 + i)])
    return folder


def ultrafeedback(folder: Path) -> Path:
    """As openbmb/UltraFeedback: a file per source of instructions, ratings as text, N/A among them, 10 for a 1."""
    aspects = ("instruction_following", "honesty", "truthfulness", "helpfulness")

    def completion(i: int, k: int) -> dict[str, Any]:
        ratings = {aspect: str(1 + (k + a + i) % 5) for a, aspect in enumerate(aspects)}
        ratings = {aspect: "10" if rating == "1" and i % 2 else rating for aspect, rating in ratings.items()}
        if k == 3 and not i % 4:
            ratings["honesty"] = "N/A"
        annotations = {aspect: {"Rating": rating, "Rationale": "So."} for aspect, rating in ratings.items()}
        return {
            "model": f"m{k}", "principle": "helpfulness", "custom_system_prompt": "Be kind.",
            "response": f"Red is colour {k} of {i}.", "annotations": annotations,
            "fine-grained_score": 3.5, "overall_score": 7.0, "critique": "Fine.",
        }  # fmt: skip

    for part, source in enumerate(("evol_instruct", "sharegpt")):
        rows = [
            {
                "source": source, "instruction": f"Name colour {i}!", "models": [f"m{k}" for k in range(4)],
                "completions": [completion(i, k) for k in range(4)], "correct_answers": ["None"],
                "incorrect_answers": ["None"],
            }
            for i in range(part * 30, part * 30 + 30)
        ]  # fmt: skip
        _write(folder / f"{source}.jsonl", rows)
    return folder
