"""Where things lie, and every Python file of the packages."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("benchmarks", "methods", "moa_cli")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
MY_METHOD = ROOT / "examples" / "my_method.py"
MY_BENCHMARK = ROOT / "examples" / "my_benchmark.toml"
