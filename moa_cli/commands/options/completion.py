"""What the shell completes."""

from __future__ import annotations


def complete_method(incomplete: str) -> list[str]:
    """Names of methods."""
    from methods import method_names

    return [name for name in method_names() if name.startswith(incomplete)]


def complete_methods(incomplete: str) -> list[str]:
    """Names of methods, and "all"."""
    return [*complete_method(incomplete), *(["all"] if "all".startswith(incomplete) else [])]


def complete_benchmarks(incomplete: str) -> list[str]:
    """Names of benchmarks."""
    from benchmarks import benchmark_names

    return [name for name in benchmark_names() if name.startswith(incomplete)]


def complete_subjects(incomplete: str) -> list[str]:
    """What `moa show` shows by name."""
    return [*complete_method(incomplete), *complete_benchmarks(incomplete)]


def complete_studies(incomplete: str) -> list[str]:
    """Names of studies."""
    from moa_cli.studies import STUDIES

    return [name for name in STUDIES if name.startswith(incomplete)]
