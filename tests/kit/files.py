"""Where things lie, and every Python file of the packages."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("benchmarks", "methods", "moa_cli")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MY_METHOD = ROOT / "examples" / "my_method.py"
EXAMPLES = [str(ROOT / "examples" / f"{name}.py") for name in ("my_method", "dpo_on_rewards", "conditioned_rloo")]
"""Every method in examples/."""
MY_BENCHMARK = ROOT / "examples" / "my_benchmark.toml"
